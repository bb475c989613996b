#include "dataplane/input/psample_source.h"

#include <linux/netlink.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "proto/record/section/psample.h"

namespace weir {
namespace {

/// How long a worker waits without packets: then it looks at its timers and mailboxes.
constexpr int kPatienceMs = 10;

}  // namespace

PsampleSource::PsampleSource(std::unique_ptr<PsampleDatagrams> datagrams, std::uint16_t family,
                             std::vector<std::uint32_t> groups, const std::string& frame_filter, InterfaceTypes types)
    : datagrams_(std::move(datagrams)),
      family_(family),
      wanted_(std::move(groups)),
      types_(std::move(types)),
      octets_(kBurst * kDatagramOctets) {
  std::sort(wanted_.begin(), wanted_.end());
  groups_.reserve(SampleFacts::kMostGroups);
  if (frame_filter.empty()) return;
  frame_filter_.emplace(frame_filter);
  marks_ = true;
}

std::size_t PsampleSource::receive(std::span<PacketView> views, std::uint64_t now_ns) {
  while (at_ != held_ && left_[at_].empty()) ++at_;
  if (at_ == held_) fetch();
  std::size_t count = 0;
  const std::size_t room = std::min(views.size(), kBurst);
  while (at_ != held_ && count != room) {
    if (left_[at_].empty()) {
      ++at_;
    } else if (take(left_[at_], count, views[count], now_ns)) {
      ++count;
    }
  }
  snapshots_.answer([this] { return totals(); });
  return count;
}

bool PsampleSource::wait() {
  if (at_ == held_) datagrams_->wait(kPatienceMs);
  return true;
}

/// Reads up to a burst of datagrams.
void PsampleSource::fetch() {
  std::array<mmsghdr, kBurst> headers{};
  std::array<iovec, kBurst> places{};
  std::array<sockaddr_nl, kBurst> senders{};
  for (std::size_t i = 0; i < kBurst; ++i) {
    places[i] = {octets_.data() + i * kDatagramOctets, kDatagramOctets};
    headers[i].msg_hdr.msg_iov = &places[i];
    headers[i].msg_hdr.msg_iovlen = 1;
    headers[i].msg_hdr.msg_name = &senders[i];
    headers[i].msg_hdr.msg_namelen = sizeof senders[i];
  }
  at_ = held_ = 0;
  int count = datagrams_->receive(headers);
  if (count < 0 && errno == ENOBUFS) {  // said once; what is in the buffer comes next
    ++totals_.overruns;
    count = datagrams_->receive(headers);
  }
  if (count < 0) {
    if (errno == ENOBUFS) {
      ++totals_.overruns;
    } else if (errno != EAGAIN && errno != EINTR) {
      totals_.error = errno;
    }
    return;
  }
  for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) {
    // Who may send to this socket may not speak for the kernel, which is port 0.
    if (senders[i].nl_family == AF_NETLINK && senders[i].nl_pid != 0) continue;
    if ((headers[i].msg_hdr.msg_flags & MSG_TRUNC) != 0) {
      ++totals_.malformed;
      continue;
    }
    left_[held_++] = {octets_.data() + i * kDatagramOctets, headers[i].msg_len};
  }
}

/// Takes the next message of the datagram. True: it is a packet, in `view` and facts_[place].
bool PsampleSource::take(std::span<const std::uint8_t>& datagram, std::size_t place, PacketView& view,
                         std::uint64_t now_ns) {
  const auto message = take_netlink_message(datagram);
  if (!message) {
    ++totals_.malformed;
    datagram = {};
    return false;
  }
  PsampleSample sample;
  const PsampleVerdict verdict = read_psample(*message, family_, sample);
  if (verdict == PsampleVerdict::malformed) ++totals_.malformed;
  if (verdict != PsampleVerdict::sample) return false;
  if (!wanted(sample.group)) {
    ++totals_.other_groups;
    return false;
  }
  const std::optional<unsigned> group_place = group_at(sample.group);
  if (!group_place) {
    ++totals_.groups_left_out;
    return false;
  }
  Group& group = groups_[*group_place - 1];
  group.sequence.add(sample.group_sequence);
  group.known.rate = sample.rate;
  ++group.known.samples;
  group.known.octets += sample.original_octets;
  set_facts(sample, *group_place, facts_[place]);
  // A time that lies in the future would end flows before their time.
  const std::uint64_t time_ns = sample.has_time ? std::min(sample.time_ns, now_ns) : now_ns;
  const std::uint32_t seen_at = sample.in_if != 0 ? sample.in_if : sample.out_if;
  view = {.data = sample.data.data(),
          .captured_octets = static_cast<std::uint32_t>(sample.data.size()),
          .frame_octets = sample.original_octets,
          .time_ns = time_ns,
          .ingress_interface = static_cast<std::uint32_t>(place),
          .link_type = types_.link_type(seen_at, sample.protocol, sample.data, now_ns),
          .marks = 0};
  if (frame_filter_) {
    // What the expression means nothing for is kept: --frame-filter was compiled for Ethernet at start.
    const auto matches = frame_filter_->matches(view);
    if (matches && !*matches) view.marks |= kFrameFilteredOut;
  }
  return true;
}

bool PsampleSource::wanted(std::uint32_t group) const {
  return wanted_.empty() || std::binary_search(wanted_.begin(), wanted_.end(), group);
}

/// The place of a group, from 1; nothing: there is none left.
std::optional<unsigned> PsampleSource::group_at(std::uint32_t group) {
  if (last_place_ < groups_.size() && groups_[last_place_].known.group == group) return last_place_ + 1;
  const auto found =
      std::find_if(groups_.begin(), groups_.end(), [&](const Group& one) { return one.known.group == group; });
  if (found == groups_.end()) {
    if (groups_.size() == SampleFacts::kMostGroups) return std::nullopt;
    groups_.emplace_back().known.group = group;
    last_place_ = static_cast<unsigned>(groups_.size()) - 1;
  } else {
    last_place_ = static_cast<unsigned>(found - groups_.begin());
  }
  return last_place_ + 1;
}

void PsampleSource::set_facts(const PsampleSample& sample, unsigned group_place, SampleFacts& facts) const {
  facts = {};
  facts.in_if = sample.in_if;
  facts.out_if = sample.out_if;
  facts.group = sample.group;
  facts.rate = std::max(sample.rate, 1U);
  facts.latency_ns = sample.latency_ns;
  facts.queue_octets = sample.queue_octets;
  facts.tunnel_id = sample.tunnel_id.value_or(0);
  facts.queue = sample.queue;
  facts.group_place = static_cast<std::uint8_t>(group_place);
  facts.cookie_octets = static_cast<std::uint8_t>(std::min(sample.user_cookie.size(), sizeof facts.cookie));
  if (facts.cookie_octets != 0) std::memcpy(facts.cookie, sample.user_cookie.data(), facts.cookie_octets);
  facts.known = static_cast<std::uint8_t>((sample.has_latency ? PsampleSection::kLatency : 0) |
                                          (sample.has_queue ? PsampleSection::kQueue : 0) |
                                          (sample.has_queue_octets ? PsampleSection::kQueueOctets : 0));
}

PsampleTotals PsampleSource::totals() const {
  PsampleTotals totals = totals_;
  for (const Group& group : groups_) {
    totals.groups.push_back(group.known);
    totals.groups.back().missing = group.sequence.missing();
  }
  return totals;
}

}  // namespace weir
