#include "bench/gen/generator.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <new>
#include <utility>

#include "proto/base/byte_order.h"
#include "proto/base/ip_numbers.h"
#include "proto/base/tcp_flags.h"

namespace weir::bench {
namespace {

constexpr std::size_t kEthernet = 14;
constexpr std::size_t kIpv4 = 20;
constexpr std::size_t kIpv6 = 40;
constexpr std::size_t kTcp = 20;
constexpr std::size_t kUdp = 8;

// Initiators live in 10.0.0.0/8 and 2001:db8:0:1::/64, responders in 172.16.0.0/16 and 2001:db8:0:2::/64 (RFC 1918,
// RFC 3849): the reverse of a 5-tuple can never be another biflow's forward one.
constexpr std::uint32_t kInitiatorNet = 0x0a000000;
constexpr std::uint32_t kResponderNet = 0xac100000;
constexpr std::array<std::uint8_t, 8> kInitiatorPrefix{0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 1};
constexpr std::array<std::uint8_t, 8> kResponderPrefix{0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 2};
// Both ranges keep clear of ports that mean a tunnel to a probe (4789, 2152, 6081, 1701, 6635), and of those for which
// protocol analysers have a dissector, which would call the zeros malformed.
constexpr std::uint32_t kFirstInitiatorPort = 50000;
constexpr std::uint32_t kInitiatorPorts = 4000;
constexpr std::uint32_t kFirstResponderPort = 61000;
constexpr std::uint32_t kResponderPorts = 1000;

constexpr std::uint32_t kAddressBits = 24;
constexpr std::uint32_t kAddressMask = (1U << kAddressBits) - 1;

// SplitMix64 (Steele, Lea, Flood 2014): here to mix numbers.
constexpr std::uint64_t mix(std::uint64_t value) {
  value += 0x9e3779b97f4a7c15ULL;
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9ULL;
  value = (value ^ (value >> 27)) * 0x94d049bb133111ebULL;
  return value ^ (value >> 31);
}

// A permutation of the 24-bit numbers, another for each seed: odd multipliers and a shift that folds the upper half
// into the lower are each invertible.
constexpr std::uint32_t permute(std::uint64_t number, std::uint64_t seed) {
  auto value = static_cast<std::uint32_t>(number + mix(seed)) & kAddressMask;
  value = (value * 0x9e3779b1U) & kAddressMask;
  value ^= value >> (kAddressBits / 2);
  value = (value * 0x85ebca6bU) & kAddressMask;
  return value ^ (value >> (kAddressBits / 2));
}

// Multiplies a random number into [0, range) (Lemire's method without its correction: the bias is range / 2^64).
std::uint32_t scaled(std::uint64_t random, std::uint64_t range) {
  __extension__ using Wide = unsigned __int128;
  return static_cast<std::uint32_t>((Wide{random} * range) >> 64);
}

std::uint32_t words_of(const std::uint8_t* octets, std::size_t size) {
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i + 1 < size; i += 2) sum += load_be<std::uint16_t>(octets + i);
  return sum;
}

std::uint32_t words_of(std::uint32_t value) {
  return (value >> 16) + (value & 0xffff);
}

// RFC 1071: the one's complement of the one's complement sum.
std::uint16_t checksum(std::uint32_t sum) {
  sum = (sum & 0xffff) + (sum >> 16);
  sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<std::uint16_t>(~sum);
}

std::array<std::uint8_t, 16> address_of(bool ipv6, bool initiator, std::uint32_t low) {
  std::array<std::uint8_t, 16> address{};
  if (ipv6) {
    const auto& prefix = initiator ? kInitiatorPrefix : kResponderPrefix;
    std::copy(prefix.begin(), prefix.end(), address.begin());
    store_be<std::uint32_t>(address.data() + 12, low);
  } else {
    store_be<std::uint32_t>(address.data(), (initiator ? kInitiatorNet : kResponderNet) | low);
  }
  return address;
}

unsigned minimum_size(bool ipv6, bool tcp) {
  if (!ipv6) return kMinFrame;
  return tcp ? kMinIpv6Tcp : kMinIpv6Udp;
}

// True for `percent` in a hundred of the numbers 0, 1, 2 ..., spread evenly.
bool share(std::uint64_t number, unsigned percent) {
  return (number + 1) * percent / 100 > number * percent / 100;
}

// How many of the numbers below `number` share() picks.
std::uint64_t shared_before(std::uint64_t number, unsigned percent) {
  return number * percent / 100;
}

}  // namespace

tl::expected<void, std::string> check_options(const GeneratorOptions& options) {
  const auto refuse = [](const std::string& text) { return tl::unexpected(text); };
  if (options.flows == 0 || options.flows > kMaxFlows) {
    return refuse("--flows: " + std::to_string(options.flows) + " is not in 1.." + std::to_string(kMaxFlows));
  }
  if (options.ipv6_percent > 100) return refuse("--ipv6: a share is 0 to 100 percent");
  if (options.tcp_percent > 100) return refuse("--tcp: a share is 0 to 100 percent");
  if (!(options.zipf >= 0) || options.zipf > 10) return refuse("--zipf: the exponent is 0 (all alike) to 10");
  if (options.size != 0) {
    if (options.size > kMaxFrame) {
      return refuse("--size: " + std::to_string(options.size) + " is more than " + std::to_string(kMaxFrame) +
                    " octets (FCS included)");
    }
    if (options.size < kMinFrame) {
      return refuse("--size: " + std::to_string(options.size) +
                    " octets are too few for an Ethernet frame: at least 64, FCS included");
    }
    const unsigned least = options.ipv6_percent == 0 ? kMinFrame : minimum_size(true, options.tcp_percent > 0);
    if (options.size < least) {
      return refuse("--size: " + std::to_string(options.size) + " octets do not hold the headers of IPv6 and " +
                    (options.tcp_percent > 0 ? "TCP" : "UDP") + ": at least " + std::to_string(least) +
                    ", FCS included");
    }
  }
  return {};
}

ZipfTable::ZipfTable(std::uint64_t ranks, double exponent) : cells_(ranks) {
  std::vector<double> weight(ranks);
  double sum = 0;
  for (std::uint64_t i = 0; i < ranks; ++i) {
    weight[i] = std::pow(static_cast<double>(i + 1), -exponent);
    sum += weight[i];
  }
  // Scaled to an average of 1; cells with less are filled up from cells with more.
  std::vector<std::uint32_t> small;
  std::vector<std::uint32_t> large;
  for (std::uint64_t i = 0; i < ranks; ++i) {
    weight[i] *= static_cast<double>(ranks) / sum;
    (weight[i] < 1 ? small : large).push_back(static_cast<std::uint32_t>(i));
  }
  constexpr double kScale = 4294967296.0;
  while (!small.empty() && !large.empty()) {
    const std::uint32_t less = small.back();
    const std::uint32_t more = large.back();
    small.pop_back();
    cells_[less] = {static_cast<std::uint32_t>(std::min(weight[less] * kScale, kScale - 1)), more};
    weight[more] -= 1 - weight[less];
    if (weight[more] < 1) {
      large.pop_back();
      small.push_back(more);
    }
  }
  // What is left is full, but for rounding.
  for (const auto& rest : {small, large}) {
    for (const std::uint32_t i : rest) cells_[i] = {UINT32_MAX, i};
  }
}

std::uint32_t ZipfTable::draw(std::uint64_t random) const {
  // The upper half chooses the cell, the lower half the side of its threshold.
  const auto cell = static_cast<std::uint32_t>(((random >> 32) * cells_.size()) >> 32);
  return static_cast<std::uint32_t>(random) < cells_[cell].threshold ? cell : cells_[cell].alias;
}

Generator::Generator(const GeneratorOptions& options, std::function<void(const BiflowCount&)> ended)
    : options_(options), ended_(std::move(ended)), flows_(options.flows), serial_(options.first_serial) {
  if (flows_.size() == 0) throw std::bad_alloc();
  for (std::size_t i = 0; i < random_state_.size(); ++i) {
    random_state_[i] = mix(options.seed ^ mix(options.first_serial) ^ (i << 56));
  }
  if (options.zipf > 0) zipf_.emplace_back(options.flows, options.zipf);
  build_templates();
  for (std::uint64_t i = 0; i < options.flows; ++i) {
    Flow& flow = flows_[i];
    flow.ipv6 = share(i, options.ipv6_percent);
    // TCP's share is taken within each IP version, so that the two do not depend on each other.
    const std::uint64_t ipv6_before = shared_before(i, options.ipv6_percent);
    flow.tcp = share(flow.ipv6 ? ipv6_before : i - ipv6_before, options.tcp_percent);
    start_flow(flow);
  }
}

void Generator::start_flow(Flow& flow) {
  // The serial number decides the 5-tuple: 24 bits of it the initiator's address, and each time these are used up
  // every initiator goes on to its next port.
  const std::uint64_t serial = serial_;
  serial_ += options_.serial_step;
  flow.initiator = permute(serial, options_.seed);
  const std::uint64_t mixed = mix(flow.initiator ^ (options_.seed << 24));
  flow.initiator_port =
      static_cast<std::uint16_t>(kFirstInitiatorPort + (mixed + (serial >> kAddressBits)) % kInitiatorPorts);
  flow.responder = static_cast<std::uint32_t>(mixed >> 48);
  flow.responder_port = static_cast<std::uint16_t>(kFirstResponderPort + (mixed >> 32) % kResponderPorts);
  flow.state = State::unopened;
  const std::uint64_t isn = mix(mixed ^ serial);
  flow.sequence = {static_cast<std::uint32_t>(isn), static_cast<std::uint32_t>(isn >> 32)};
  flow.packets = {};
  flow.octets = {};
}

std::uint64_t Generator::random() {
  // xoshiro256** (Blackman, Vigna 2018).
  auto& s = random_state_;
  const std::uint64_t result = std::rotl(s[1] * 5, 7) * 9;
  const std::uint64_t t = s[1] << 17;
  s[2] ^= s[0];
  s[3] ^= s[1];
  s[1] ^= s[2];
  s[0] ^= s[3];
  s[2] ^= t;
  s[3] = std::rotl(s[3], 45);
  return result;
}

std::uint32_t Generator::draw() {
  const std::uint32_t now = drawn_[drawn_next_];
  std::uint32_t later = zipf_.empty() ? scaled(random(), opened_) : zipf_.front().draw(random());
  // Zipf ranks are over all flows; when packets did not suffice to open all, the rest is folded onto those that are.
  if (later >= opened_) later %= opened_;
  drawn_[drawn_next_] = later;
  drawn_next_ = (drawn_next_ + 1) % kLookahead;
  __builtin_prefetch(&flows_[later], 1);
  return now;
}

unsigned Generator::closing_packets(const Flow& flow) {
  if (!flow.tcp) return 0;
  switch (flow.state) {
    case State::unopened:
    case State::closed:
      return 0;
    case State::syn_sent:
      return 5;
    case State::syn_acked:
      return 4;
    case State::established:
      return 3;
    case State::fin_sent:
      return 2;
    case State::fin_acked:
      return 1;
  }
  return 0;
}

std::uint64_t Generator::left() const {
  return options_.packets == 0 ? UINT64_MAX : options_.packets - made_;
}

Next Generator::next(std::uint8_t* header, Frame& frame) {
  if (left() == 0) return Next::done;

  if (replacing_) {
    const Flow& flow = flows_[replace_next_];
    if (flow.state != State::closed) {
      step(replace_next_, true, header, frame);
      return Next::frame;
    }
    // Its last frames may still be refused or sent: they count for the old 5-tuple.
    if (uncommitted_ != 0) return Next::commit;
    report(flow);
    start_flow(flows_[replace_next_]);
    replacing_ = false;
    const std::uint32_t index = replace_next_;
    replace_next_ = index + 1 == opened_ ? 0 : index + 1;
    if (!closing_) {
      step(index, false, header, frame);
      return Next::frame;
    }
  }

  if (opening_ && !closing_) {
    const Flow& flow = flows_[opened_];
    // This packet, then what would close everything, this flow included.
    const std::uint64_t needed = 1 + to_close_ + (flow.tcp ? 5 : 0);
    // Packets that suffice for no conversation at all begin one anyway.
    if (left() >= needed || opened_ == 0) {
      const std::uint32_t index = opened_++;
      if (opened_ == flows_.size()) opening_ = false;
      step(index, false, header, frame);
      if (!opening_) {
        for (std::size_t i = 0; i < kLookahead; ++i) draw();
      }
      return Next::frame;
    }
    opening_ = false;
    for (std::size_t i = 0; i < kLookahead; ++i) draw();
  }

  if (closing_ || left() <= to_close_) {
    while (close_next_ < opened_ && closing_packets(flows_[close_next_]) == 0) ++close_next_;
    if (close_next_ == opened_) return Next::done;
    step(close_next_, true, header, frame);
    return Next::frame;
  }

  if (replacements_ > 0) {
    Flow& flow = flows_[replace_next_];
    // A conversation that is replaced takes its own closing and 6 packets of the next one.
    const bool affordable = left() >= to_close_ + (flow.tcp ? 6 : 1);
    if (affordable) {
      if (uncommitted_ != 0) return Next::commit;
      --replacements_;
      if (flow.tcp && flow.state != State::unopened) {
        replacing_ = true;
        step(replace_next_, true, header, frame);
        return Next::frame;
      }
      report(flow);
      start_flow(flow);
      const std::uint32_t index = replace_next_;
      replace_next_ = index + 1 == opened_ ? 0 : index + 1;
      step(index, false, header, frame);
      return Next::frame;
    }
  }

  step(draw(), false, header, frame);
  return Next::frame;
}

void Generator::step(std::uint32_t index, bool end, std::uint8_t* header, Frame& frame) {
  Flow& flow = flows_[index];
  frame.flow = index;
  ++made_;
  ++uncommitted_;
  if (!flow.tcp) {
    // The initiator is who speaks first.
    const unsigned direction = flow.state == State::unopened ? 0 : static_cast<unsigned>(random() >> 63);
    flow.state = State::established;
    write(flow, direction, 0, header, frame);
    return;
  }
  const unsigned before = closing_packets(flow);
  switch (flow.state) {
    case State::unopened:
    case State::closed:
      flow.state = State::syn_sent;
      write(flow, 0, kTcpSyn, header, frame);
      break;
    case State::syn_sent:
      flow.state = State::syn_acked;
      write(flow, 1, kTcpSyn | kTcpAck, header, frame);
      break;
    case State::syn_acked:
      flow.state = State::established;
      write(flow, 0, kTcpAck, header, frame);
      break;
    case State::established:
      if (end) {
        flow.state = State::fin_sent;
        write(flow, 0, kTcpFin | kTcpAck, header, frame);
      } else {
        write(flow, static_cast<unsigned>(random() >> 63), kTcpPsh | kTcpAck, header, frame);
      }
      break;
    case State::fin_sent:
      flow.state = State::fin_acked;
      write(flow, 1, kTcpFin | kTcpAck, header, frame);
      break;
    case State::fin_acked:
      flow.state = State::closed;
      write(flow, 0, kTcpAck, header, frame);
      break;
  }
  to_close_ += closing_packets(flow);
  to_close_ -= before;
}

void Generator::write(Flow& flow, unsigned direction, std::uint8_t tcp_flags, std::uint8_t* header, Frame& frame) {
  unsigned size = options_.size;
  if (size == 0) {
    constexpr unsigned kAll = kImixWeights[0] + kImixWeights[1] + kImixWeights[2];
    const std::uint32_t pick = scaled(random(), kAll);
    size = pick < kImixWeights[0]                     ? kImixSizes[0]
           : pick < kImixWeights[0] + kImixWeights[1] ? kImixSizes[1]
                                                      : kImixSizes[2];
    size = std::max(size, minimum_size(flow.ipv6, flow.tcp));
  }
  const Template& from = templates_[(flow.ipv6 ? 4U : 0U) + (flow.tcp ? 2U : 0U) + direction];
  std::memcpy(header, from.octets.data(), kHeaderRoom);

  const std::size_t ip_header = flow.ipv6 ? kIpv6 : kIpv4;
  const std::size_t transport_header = flow.tcp ? kTcp : kUdp;
  // Segments that only open, close or acknowledge carry no data: the frame has its size by padding after the
  // IP packet, as short packets always have on Ethernet.
  const bool data = !flow.tcp || (tcp_flags & kTcpPsh) != 0;
  const std::size_t frame_octets = size - kFcsOctets;
  const std::size_t ip_octets = data ? frame_octets - kEthernet : ip_header + transport_header;
  const auto transport_octets = static_cast<std::uint32_t>(ip_octets - ip_header);

  const std::uint32_t source_low = direction == 0 ? flow.initiator : flow.responder;
  const std::uint32_t destination_low = direction == 0 ? flow.responder : flow.initiator;
  const std::uint16_t source_port = direction == 0 ? flow.initiator_port : flow.responder_port;
  const std::uint16_t destination_port = direction == 0 ? flow.responder_port : flow.initiator_port;
  std::uint8_t* ip = header + kEthernet;
  std::uint8_t* transport = ip + ip_header;
  std::uint32_t sum = from.transport_sum + source_port + destination_port + transport_octets;
  if (flow.ipv6) {
    store_be<std::uint16_t>(ip + 4, static_cast<std::uint16_t>(transport_octets));
    store_be<std::uint32_t>(ip + 8 + 12, source_low);
    store_be<std::uint32_t>(ip + 24 + 12, destination_low);
    sum += words_of(source_low) + words_of(destination_low);
  } else {
    const std::uint32_t source = (direction == 0 ? kInitiatorNet : kResponderNet) | source_low;
    const std::uint32_t destination = (direction == 0 ? kResponderNet : kInitiatorNet) | destination_low;
    const std::uint32_t addresses = words_of(source) + words_of(destination);
    store_be<std::uint16_t>(ip + 2, static_cast<std::uint16_t>(ip_octets));
    store_be<std::uint32_t>(ip + 12, source);
    store_be<std::uint32_t>(ip + 16, destination);
    store_be<std::uint16_t>(ip + 10, checksum(from.ip_sum + addresses + static_cast<std::uint32_t>(ip_octets)));
    sum += addresses;
  }
  store_be<std::uint16_t>(transport, source_port);
  store_be<std::uint16_t>(transport + 2, destination_port);
  if (flow.tcp) {
    std::uint32_t& sequence = flow.sequence[direction];
    // The first segment acknowledges nothing, and its field is 0 then.
    const std::uint32_t acknowledged = (tcp_flags & kTcpAck) != 0 ? flow.sequence[1 - direction] : 0;
    store_be<std::uint32_t>(transport + 4, sequence);
    store_be<std::uint32_t>(transport + 8, acknowledged);
    transport[13] = tcp_flags;
    sum += words_of(sequence) + words_of(acknowledged) + tcp_flags;
    store_be<std::uint16_t>(transport + 16, checksum(sum));
    // SYN and FIN take a number each (RFC 9293, 3.4).
    sequence += (tcp_flags & (kTcpSyn | kTcpFin)) != 0 ? 1 : transport_octets - static_cast<std::uint32_t>(kTcp);
  } else {
    store_be<std::uint16_t>(transport + 4, static_cast<std::uint16_t>(transport_octets));
    const std::uint16_t value = checksum(sum + transport_octets);
    // 0 would mean "none" (RFC 768).
    store_be<std::uint16_t>(transport + 6, value == 0 ? std::uint16_t{0xffff} : value);
  }
  frame.octets = static_cast<std::uint16_t>(frame_octets);
  frame.ip_octets = static_cast<std::uint16_t>(ip_octets);
  frame.direction = static_cast<std::uint8_t>(direction);
}

void Generator::build_templates() {
  for (unsigned index = 0; index < templates_.size(); ++index) {
    const bool ipv6 = (index & 4) != 0;
    const bool tcp = (index & 2) != 0;
    const bool reverse = (index & 1) != 0;
    Template& result = templates_[index];
    std::uint8_t* header = result.octets.data();
    // Locally administered addresses; the last octet tells the side.
    header[0] = header[6] = 0x02;
    header[5] = reverse ? 1 : 2;
    header[11] = reverse ? 2 : 1;
    store_be<std::uint16_t>(header + 12, ip_ether_type(ipv6 ? 6 : 4));
    std::uint8_t* ip = header + kEthernet;
    const std::uint8_t protocol = tcp ? kProtocolTcp : kProtocolUdp;
    std::uint32_t transport_sum = protocol;
    if (ipv6) {
      ip[0] = 0x60;
      ip[6] = protocol;
      ip[7] = 64;
      const auto source = address_of(true, !reverse, 0);
      const auto destination = address_of(true, reverse, 0);
      std::copy(source.begin(), source.end(), ip + 8);
      std::copy(destination.begin(), destination.end(), ip + 24);
      transport_sum += words_of(ip + 8, 32);
    } else {
      ip[0] = 0x45;
      ip[6] = 0x40;  // don't fragment
      ip[8] = 64;
      ip[9] = protocol;
      result.ip_sum = words_of(ip, 10);
    }
    std::uint8_t* transport = ip + (ipv6 ? kIpv6 : kIpv4);
    if (tcp) {
      transport[12] = 0x50;  // 5 words
      store_be<std::uint16_t>(transport + 14, 0xffff);
      transport_sum += words_of(transport, kTcp);
    }
    result.transport_sum = transport_sum;
  }
}

void Generator::commit(const Frame& frame, bool sent) {
  if (!sent) return;
  Flow& flow = flows_[frame.flow];
  std::uint64_t& packets = flow.packets[frame.direction];
  if (packets == 0) {
    ++totals_.flows;
    if (flow.packets[1 - frame.direction] == 0) ++totals_.biflows;
  }
  ++packets;
  flow.octets[frame.direction] += frame.ip_octets;
  ++totals_.packets;
  totals_.octets += frame.ip_octets;
  totals_.frame_octets += frame.octets;
}

void Generator::commit_batch() {
  uncommitted_ = 0;
}

void Generator::report(const Flow& flow) {
  if (!ended_ || flow.packets[0] + flow.packets[1] == 0) return;
  BiflowCount count;
  count.source_address = address_of(flow.ipv6, true, flow.initiator);
  count.destination_address = address_of(flow.ipv6, false, flow.responder);
  count.source_port = flow.initiator_port;
  count.destination_port = flow.responder_port;
  count.protocol = flow.tcp ? kProtocolTcp : kProtocolUdp;
  count.ip_version = flow.ipv6 ? 6 : 4;
  count.packets = flow.packets;
  count.octets = flow.octets;
  ended_(count);
}

void Generator::finish() {
  for (std::uint32_t i = 0; i < opened_; ++i) report(flows_[i]);
  opened_ = 0;
  flows_ = MappedArray<Flow>();
}

}  // namespace weir::bench
