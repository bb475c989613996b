#include "bench/gen/generator.h"

#include <algorithm>
#include <bit>
#include <new>
#include <utility>

#include "bench/gen/biflow_numbers.h"
#include "proto/base/ip_numbers.h"
#include "proto/base/tcp_flags.h"

namespace weir::bench {
namespace {

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
