// Worker: what it takes over from other workers, for each of its monitors, and how hand-over ends.
#include <algorithm>

#include "dataplane/worker.h"

namespace weir {

/// A later fragment of a datagram of this worker: every monitor's. `place` turns to a monitor and gives the room for a
/// packet and for its facts, `keep` says that they are there.
template <bool kFacts, typename Place, typename Keep>
void Worker::take_fragment(const SentPacket& sent, const SentFacts* facts_sent, std::uint64_t effective_ns,
                           const Place& place, const Keep& keep) {
  ParsedPacket fragment{};
  sent.copy_to(fragment);
  fragment.time_ns = fragment.effective_ns = effective_ns;
  front_.take_over(fragment);
  for (unsigned number = 0; number < monitors(); ++number) {
    Monitor& monitor = part(number).monitor;
    const Burst room = place(part(number));
    ParsedPacket& packet = *room.packets = fragment;
    const bool with_facts = kFacts && facts_sent != nullptr && monitor.wants_facts();
    if (with_facts) facts_sent->copy_to(*room.facts);
    const PacketFacts* const facts = with_facts ? room.facts : nullptr;
    if (monitor.filter_out(packet) || monitor.sample_out(packet, facts)) continue;
    monitor.set_key(packet, facts);
    if (const unsigned owner = KeyHash::worker_of(packet.hash, options_.workers); owner != options_.number) {
      const bool passed = pass_on(monitor, packet, facts, owner);
      if (passed) monitor.live_counters().handed_over.add(packet.frame_octets);
      continue;
    }
    keep(with_facts);
  }
}

/// A function for each kind here, too. A sender hands over a burst for one monitor after the other, so the packets at
/// hand are of one monitor, and of one generation of its flows, until a message names another.
template <bool kFacts>
std::size_t Worker::take_over_from(unsigned from, std::uint64_t effective_ns) {
  ParsedPacket packets[FlowShard::kBurst];
  PacketFacts facts_of[kFacts ? FlowShard::kBurst : 1];
  PacketFacts* const facts = kFacts ? facts_of : nullptr;
  Part* at = &first_;  // whose packets are at hand
  FlowGeneration* flows = &first_.monitor.flows();
  std::uint8_t at_number = first_.monitor.sent_number();  // of both, in messages
  std::size_t own = 0;
  PacketCount taken_over;  // as in hand_over()
  first_.payloads.reset();
  for (const auto& part : further_) part->payloads.reset();
  const auto count_taken = [&] {
    if (own != 0) flows->shard.process({packets, own}, flows->shard.metrics().any() ? facts : nullptr);
    own = 0;
  };
  const auto turn_to = [&](std::uint8_t number) {
    if (number == at_number) return;
    count_taken();
    at->monitor.live_counters().taken_over += taken_over;
    taken_over = {};
    at = &part(Monitor::number_in(number));
    at_number = number;
    flows = at->monitor.flows_of(number);
  };
  const bool pairs = first_.monitor.has_pairs();  // as every other's
  const auto keep = [&](bool with_facts) {
    if (pairs && at->monitor.is_duplicate(packets[own])) [[unlikely]]
      return;
    flows->shard.prefetch(packets[own].hash);
    if (with_facts) at->payloads.keep(facts[own].payload);
    ++own;
  };
  const auto place = [&](Part& next) {
    turn_to(next.monitor.sent_number());
    return Burst{packets + own, kFacts ? facts + own : nullptr};
  };
  const auto on_packet = [&](std::uint8_t monitor, const SentPacket& sent, const SentFacts* facts_sent) {
    if (monitor != at_number) [[unlikely]] {
      if (monitor == HandoverMessage::kEveryMonitor) {
        return take_fragment<kFacts>(sent, facts_sent, effective_ns, place, keep);
      }
      turn_to(monitor);
    }
    ParsedPacket& packet = packets[own];
    sent.copy_to(packet);
    const bool with_facts = kFacts && facts_sent != nullptr;
    if (with_facts) facts_sent->copy_to(facts[own]);
    packet.time_ns = packet.effective_ns = effective_ns;
    taken_over.add(packet.frame_octets);
    keep(with_facts);
  };
  const auto on_icmp_error = [&](std::uint8_t monitor, const IcmpError& sent) {
    count_taken();  // the packets before it
    IcmpError error = sent;
    error.quoted.time_ns = error.quoted.effective_ns = effective_ns;
    tell(part(Monitor::number_in(monitor)).monitor, monitor, error);
  };
  const std::size_t taken =
      mesh_->ring(from, options_.number)
          .consume(
              FlowShard::kBurst, on_packet, [&](const FragmentNote& note) { front_.learn(note, effective_ns); },
              on_icmp_error, [](std::uint64_t /*effective_ns*/) {});  // only a capture's clock steps back
  at->monitor.live_counters().taken_over += taken_over;
  count_taken();
  return taken;
}

std::size_t Worker::take_over(std::uint64_t now_ns) {
  std::size_t taken = 0;
  // Stamped by the poll that counts it, as every live packet is; the cores' clocks differ by less than a poll.
  const std::uint64_t effective_ns = std::max(now_ns, first_.monitor.shard().now_ns());
  for (unsigned from = 0; from < options_.workers; ++from) {
    if (from == options_.number) continue;
    // As many bursts as a poll of the other worker may have handed over: one for each monitor.
    for (unsigned burst = 0; burst < monitors(); ++burst) {
      const std::size_t some =
          wants_facts_ ? take_over_from<true>(from, effective_ns) : take_over_from<false>(from, effective_ns);
      taken += some;
      if (some == FlowShard::kBurst) continue;
      if (reads_rings_) [[unlikely]]
        rings_read_[from] = true;
      break;
    }
  }
  return taken;
}

void Worker::stop_receiving() {
  // Release order: a reader that sees the count also sees everything pushed before it.
  if (mesh_ == nullptr) return;
  mesh_->publish(options_.number);
  mesh_->stopped.fetch_add(1, std::memory_order_release);
}

bool Worker::settle(std::uint64_t now_ns) {
  if (mesh_ == nullptr) return true;
  // Read before the rings are: what was pushed before a worker said so is then seen.
  const bool all_stopped = mesh_->stopped.load(std::memory_order_acquire) == options_.workers;
  const bool all_passed_on = mesh_->passed_on.load(std::memory_order_acquire) == options_.workers;
  settling_ = all_stopped;  // then what an ICMP error quotes goes round no more
  const bool empty = take_over(now_ns) == 0;
  mesh_->publish(options_.number);
  if (all_stopped && empty && !said_passed_on_) {
    said_passed_on_ = true;
    mesh_->passed_on.fetch_add(1, std::memory_order_release);
  }
  return empty && all_passed_on;
}

void Worker::drain(std::uint64_t now_ns) {
  first_.monitor.drain(now_ns);
  for (const auto& part : further_) part->monitor.drain(now_ns);
  front_.counters().now_ns = first_.monitor.shard().now_ns();
}

}  // namespace weir
