#include "tools/collect/tcp_streams.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "proto/base/byte_order.h"
#include "proto/base/ipfix.h"
#include "proto/decode/flow_message.h"

namespace weir {
namespace {

using Octets = std::span<const std::uint8_t>;

constexpr std::size_t kMessageHeader = sizeof(IpfixHeader), kSetHeader = sizeof(IpfixSetHeader);
constexpr std::size_t kPorts = 4;
constexpr std::uint8_t kFin = 0x01, kSyn = 0x02, kRst = 0x04, kAck = 0x10;  // RFC 9293 section 3.1
/// No window is larger (RFC 7323 section 2.3), so what lies further off is another connection.
constexpr std::uint64_t kFarthest = std::uint64_t{1} << 30;

std::uint16_t u16(Octets octets, std::size_t at) {
  return load_be<std::uint16_t>(octets.data() + at);
}
std::uint32_t u32(Octets octets, std::size_t at) {
  return load_be<std::uint32_t>(octets.data() + at);
}

/// Addresses and ports, the sender's first.
std::string key_of(const IpPacket& packet, bool back) {
  const std::size_t size = packet.addresses.size() / 2;
  const Octets source = packet.addresses.first(size), destination = packet.addresses.subspan(size);
  const Octets ports = packet.payload.first(kPorts);
  std::string key;
  const auto put = [&](Octets octets) { key.append(reinterpret_cast<const char*>(octets.data()), octets.size()); };
  put(back ? destination : source);
  put(back ? source : destination);
  put(ports.subspan(back ? 2 : 0, 2));
  put(ports.subspan(back ? 0 : 2, 2));
  return key;
}

bool is_set_header(Octets rest) {
  return set_kind(FlowVersion::ipfix, u16(rest, 0)) != SetKind::reserved && u16(rest, 2) >= kSetHeader &&
         u16(rest, 2) <= rest.size();
}

/// Whether a message with a set may begin here, by its first 20 octets. Most octets that are none are told by these.
bool may_begin(Octets rest) {
  constexpr std::uint32_t kYear2000 = 946'684'800, kYear2100 = 4'102'444'800;
  if (u16(rest, 0) != kIpfixVersion || u16(rest, 2) < kMessageHeader + kSetHeader) return false;
  const std::uint32_t exported = u32(rest, 4);
  const std::uint16_t set = u16(rest, kMessageHeader);
  const std::uint16_t set_octets = u16(rest, kMessageHeader + 2);
  return exported >= kYear2000 && exported < kYear2100 && set_kind(FlowVersion::ipfix, set) != SetKind::reserved &&
         set_octets >= kSetHeader && set_octets <= u16(rest, 2) - kMessageHeader;
}

/// Whether its sets follow one another to its end; as many as leave no doubt.
bool is_message(Octets message) {
  constexpr unsigned kEnough = 64;
  Octets rest = message.subspan(kMessageHeader);
  for (unsigned sets = 0; !rest.empty() && sets < kEnough; ++sets) {
    if (rest.size() < kSetHeader || !is_set_header(rest)) return false;
    rest = rest.subspan(u16(rest, 2));
  }
  return true;
}

}  // namespace

TcpStreams::Stream* TcpStreams::find(const std::string& key) {
  const auto found = by_key_.find(key);
  if (found == by_key_.end()) return nullptr;
  Streams& list = found->second->session != 0 ? exports_ : others_;
  list.splice(list.end(), list, found->second);
  return &*found->second;
}

TcpStreams::Stream& TcpStreams::begin_stream(const std::string& key, const IpPacket& packet, std::uint32_t next) {
  Stream& stream = others_.emplace_back();
  stream.key = key;
  stream.exporter = endpoint_name(packet.addresses.data(), packet.ip_version, u16(packet.payload, 0));
  stream.next = (std::uint64_t{1} << 32) + next;
  by_key_[key] = std::prev(others_.end());
  return stream;
}

/// The stream that a segment is of; nullptr: of none, and it begins none.
TcpStreams::Stream* TcpStreams::stream_of(const IpPacket& packet, const std::string& key, bool is_first,
                                          std::uint32_t sequence) {
  Stream* stream = find(key);
  if (is_first && stream != nullptr && stream->begun && stream->initial_sequence == sequence) return stream;
  if (!is_first && stream != nullptr) {
    const std::uint64_t at = stream->unwrapped(sequence);
    const std::uint64_t distance = at > stream->next ? at - stream->next : stream->next - at;
    if (stream->state == State::other || distance <= kFarthest) return stream;
  }
  if (stream != nullptr) {  // another connection has its addresses and ports
    end(*stream);
    others_.erase(by_key_.find(key)->second);
    by_key_.erase(key);
  }
  stream = &begin_stream(key, packet, is_first ? sequence + 1 : sequence);
  stream->begun = is_first;
  stream->initial_sequence = sequence;
  stream->state = is_first ? State::begins : State::searching;
  return stream;
}

void TcpStreams::note_acknowledgement(const std::string& key, std::uint32_t number) {
  Stream* const stream = find(key);
  if (stream == nullptr || stream->state == State::other) return;
  stream->acknowledged = std::max(stream->acknowledged, stream->unwrapped(number));
  give_up_holes(*stream);
}

void TcpStreams::add(const IpPacket& packet, std::uint64_t time_ns) {
  constexpr std::size_t kLeastHeader = 20;
  const Octets segment = packet.payload;
  if (segment.size() < kLeastHeader) return;
  const std::size_t header = std::size_t{segment[12]} / 16 * 4;
  if (header < kLeastHeader || header > segment.size()) return;
  const std::uint8_t flags = segment[13];
  const Octets data = segment.subspan(header);
  now_ns_ = time_ns;
  if ((flags & kAck) != 0) note_acknowledgement(key_of(packet, true), u32(segment, 8));
  const std::string key = key_of(packet, false);
  const bool is_first = (flags & kSyn) != 0;
  if (!is_first && data.empty() && !by_key_.contains(key)) return;  // nothing to follow
  Stream& stream = *stream_of(packet, key, is_first, u32(segment, 4));
  const std::uint64_t at = stream.unwrapped(u32(segment, 4) + (is_first ? 1 : 0));
  if ((flags & kFin) != 0) stream.end = at + (packet.payload_octets - header);
  if (stream.state != State::other) {
    take_segment(stream, at, data);
    give_up_holes(stream);
  }
  if ((flags & kRst) != 0 || stream.next >= stream.end) end(stream);
  keep_bounds();
}

void TcpStreams::take_segment(Stream& stream, std::uint64_t sequence, Octets data) {
  if (sequence + data.size() <= stream.next) return;  // sent again
  if (sequence > stream.next) return keep_later(stream, sequence, data);
  data = data.subspan(stream.next - sequence);
  stream.held.insert(stream.held.end(), data.begin(), data.end());
  stream.next += data.size();
  waiting_octets_ += data.size();
  take_later(stream);
  take_messages(stream, false);
}

void TcpStreams::keep_later(Stream& stream, std::uint64_t sequence, Octets data) {
  if (stream.later.empty()) stream.hole_since_ns = now_ns_;
  const auto [place, added] = stream.later.try_emplace(sequence);
  if (!added && place->second.size() >= data.size()) return;
  const std::size_t octets = data.size() - place->second.size() + (added ? kLaterOverhead : 0);
  place->second.assign(data.begin(), data.end());
  stream.later_octets += octets;
  waiting_octets_ += octets;
}

/// What waited and follows now.
void TcpStreams::take_later(Stream& stream) {
  while (!stream.later.empty() && stream.later.begin()->first <= stream.next) {
    const auto first = stream.later.begin();
    const std::uint64_t end = first->first + first->second.size();
    if (end > stream.next) {
      const Octets data = Octets(first->second).subspan(stream.next - first->first);
      stream.held.insert(stream.held.end(), data.begin(), data.end());
      waiting_octets_ += data.size();
      stream.next = end;
    }
    const std::size_t octets = first->second.size() + kLaterOverhead;
    stream.later_octets -= octets;
    waiting_octets_ -= octets;
    stream.later.erase(first);
    stream.hole_since_ns = now_ns_;  // of the next hole
  }
}

void TcpStreams::give_up_hole(Stream& stream) {
  const std::uint64_t next = stream.later.begin()->first;
  if (stream.session != 0) {
    ++counts_.holes;
    counts_.missing_octets += next - stream.next;
    counts_.skipped_octets += stream.held.size();
  }
  waiting_octets_ -= stream.held.size();
  stream.held.clear();
  stream.next = next;
  stream.state = State::searching;
  take_later(stream);
  take_messages(stream, false);
}

void TcpStreams::give_up_holes(Stream& stream) {
  while (!stream.later.empty()) {
    const std::uint64_t waited = now_ns_ > stream.hole_since_ns ? now_ns_ - stream.hole_since_ns : 0;
    const bool acknowledged = stream.acknowledged > stream.next && waited >= kAcknowledgedWaitNs;
    if (!acknowledged && waited < kLongestWaitNs && stream.later_octets <= kMostAfterAHole) return;
    give_up_hole(stream);
  }
}

void TcpStreams::take_messages(Stream& stream, bool ended) {
  std::size_t at = 0;
  while (stream.state != State::other) {
    const Octets rest = Octets(stream.held).subspan(at);
    std::size_t taken = 0;
    if (stream.state == State::begins) taken = take_first(stream, rest);
    if (stream.state == State::following && taken == 0) taken = take_next(stream, rest);
    if (stream.state == State::searching && taken == 0) taken = search(stream, rest, ended);
    if (taken == 0) break;
    at += taken;
  }
  if (at == 0 || stream.state == State::other) return;  // then nothing is held
  stream.held.erase(stream.held.begin(), stream.held.begin() + static_cast<std::ptrdiff_t>(at));
  waiting_octets_ -= at;
}

/// A connection of which the beginning was seen is export if a message stands there.
std::size_t TcpStreams::take_first(Stream& stream, Octets octets) {
  if (octets.size() < 4) return 0;
  const std::size_t length = u16(octets, 2);
  if (u16(octets, 0) != kIpfixVersion || length < kMessageHeader) {
    set_other(stream);
    return 0;
  }
  if (octets.size() < length) return 0;
  if (!is_message(octets.first(length))) {
    set_other(stream);
    return 0;
  }
  stream.state = State::following;
  return 0;
}

std::size_t TcpStreams::take_next(Stream& stream, Octets octets) {
  if (octets.size() < 4) return 0;
  const std::size_t length = u16(octets, 2);
  if (u16(octets, 0) != kIpfixVersion || length < kMessageHeader) {
    ++counts_.out_of_step;
    stream.state = State::searching;
    return 0;
  }
  if (octets.size() < length) return 0;
  emit(stream, octets.first(length));
  return length;
}

/// Looks for a whole message, and takes it. Returns the octets that are done with.
std::size_t TcpStreams::search(Stream& stream, Octets octets, bool ended) {
  constexpr std::size_t kLeast = kMessageHeader + kSetHeader;
  std::size_t at = 0;
  std::size_t length = 0;
  for (; octets.size() - at >= kLeast; ++at) {
    const Octets rest = octets.subspan(at);
    if (!may_begin(rest)) continue;
    const std::size_t said = u16(rest, 2);
    if (rest.size() < said && !ended) break;  // it may be one when the rest is there
    if (rest.size() < said || !is_message(rest.first(said))) continue;
    length = said;
    break;
  }
  if (stream.session != 0) {
    counts_.skipped_octets += at;
  } else {
    stream.searched_octets += at;
    if (length == 0 && stream.searched_octets > kMostSearched) {
      set_other(stream);
      return 0;
    }
  }
  if (length == 0) return at;
  stream.state = State::following;
  emit(stream, octets.subspan(at, length));
  return at + length;
}

void TcpStreams::emit(Stream& stream, Octets message) {
  if (stream.session == 0) {
    stream.session = ++sessions_;
    ++counts_.streams;
    counts_.skipped_octets += stream.searched_octets;
    exports_.splice(exports_.end(), others_, by_key_.find(stream.key)->second);
  }
  messages_.push_back({stream.exporter, stream.session, now_ns_, {message.begin(), message.end()}});
}

void TcpStreams::set_other(Stream& stream) {
  waiting_octets_ -= stream.held.size() + stream.later_octets;
  stream.held = {};
  stream.later.clear();
  stream.later_octets = 0;
  stream.state = State::other;
  if (stream.session != 0) others_.splice(others_.end(), exports_, by_key_.find(stream.key)->second);
  stream.session = 0;
}

/// Takes what there is, without what is missing. It stays known as one that is over: what is sent again begins nothing.
void TcpStreams::end(Stream& stream) {
  while (!stream.later.empty()) give_up_hole(stream);
  take_messages(stream, true);
  if (stream.session != 0) {
    counts_.skipped_octets += stream.held.size();  // the beginning of a message
    messages_.push_back({stream.exporter, stream.session, now_ns_, {}});
  }
  set_other(stream);
}

void TcpStreams::keep_bounds() {
  const auto forget_first = [&](Streams& list) {
    const auto stream = list.begin();
    end(*stream);  // it is one of the others then
    by_key_.erase(stream->key);
    others_.erase(stream);
  };
  while (others_.size() > kMostOthers) forget_first(others_);
  while (exports_.size() > kMostExports) forget_first(exports_);
  while (waiting_octets_ > kMostWaitingOctets) forget_first(others_.empty() ? exports_ : others_);
}

void TcpStreams::finish() {
  while (!exports_.empty()) end(exports_.front());
  for (auto one = others_.begin(); one != others_.end();) {
    const auto stream = one++;
    if (stream->state != State::other) end(*stream);
  }
}

bool TcpStreams::next(Message& out) {
  if (messages_.empty()) return false;
  out = std::move(messages_.front());
  messages_.pop_front();
  return true;
}

}  // namespace weir
