#include "dataplane/worker.h"

#include <algorithm>
#include <span>

namespace weir {
namespace {

MonitorOptions monitor_options(const WorkerOptions& options) {
  return {.number = 0,
          .capacity = options.capacity,
          .ring_lines = ring_lines(options.ring_records),
          .ring_full = RingFull::lose,
          .timeouts = options.timeouts,
          .when_full = options.when_full,
          .key = options.key,
          .metrics = options.metrics,
          .filter = options.filter};
}

}  // namespace

Worker::Worker(const WorkerOptions& options, const KeyHash& hash)
    : options_(options),
      rejects_(options.save_rejects ? std::make_unique<RejectRing>() : nullptr),
      front_(for_key(options.parser, options.key), hash, options.handover, options.number, options.filter),
      monitor_(monitor_options(options), hash) {}

/// A function for each kind, so that the loop without metrics and filter stays by itself.
template <bool kFacts, bool kFilter>
[[gnu::noinline]] std::size_t Worker::receive(PacketSource& source, std::uint64_t now_ns, const Burst& burst,
                                              std::size_t& received) {
  PacketView views[FlowShard::kBurst];
  received = source.receive(views, now_ns);
  std::size_t count = received;
  if (source.marks()) [[unlikely]]
    count = take_marked(views, count);
  // Each loop does one job: its few values stay in registers, and one packet's wait overlaps with the next one's work.
  std::uint64_t received_octets = 0;
  ParsedPacket* end = burst.packets;
  PacketFacts* facts = kFacts ? burst.facts : nullptr;  // those of *end
  FlowHeader headers[kFilter ? FlowShard::kBurst : 1];  // of the packets before *end
  for (const PacketView& view : std::span(views, count)) {
    received_octets += view.frame_octets;
    if constexpr (kFilter) front_.expect_header();
    const Arrival arrival = front_.parse<kFacts>(view, *end, facts);
    if (arrival == Arrival::packet) [[likely]] {
      if constexpr (kFilter) headers[end - burst.packets] = front_.flow_header(view, *end);
      ++end;
      if constexpr (kFacts) ++facts;
    } else if (arrival == Arrival::rejected) {
      if (rejects_ != nullptr) save_rejected(view);
    } else if (arrival == Arrival::lost) {
      monitor_.live_counters().handover_full.add(view.frame_octets);
    }
  }
  front_.count_received({count, received_octets});
  const auto offered = static_cast<std::size_t>(end - burst.packets);
  if constexpr (kFilter) return monitor_.drop_filtered({burst.packets, offered}, burst.facts, headers);
  return offered;
}

[[gnu::noinline]] std::size_t Worker::take_marked(PacketView* views, std::size_t count) {
  std::size_t kept = 0;
  for (std::size_t i = 0; i < count; ++i) {
    if (front_.take_marked(views[i])) views[kept++] = views[i];
  }
  return kept;
}

[[gnu::noinline]] void Worker::save_rejected(const PacketView& view) {
  if (rejects_->push(view, front_.settled().reject)) return;
  front_.counters().rejects_unsaved.add(view.frame_octets);
}

std::size_t Worker::poll(PacketSource& source, std::uint64_t now_ns) {
  timeouts_.take([&](const FlowTimeouts& timeouts) { monitor_.set_timeouts(timeouts, now_ns); });
  ParsedPacket packets[FlowShard::kBurst];
  PacketFacts facts[FlowShard::kBurst];  // not touched where no metric is on
  const bool wanted = monitor_.wants_facts();
  const Burst burst{packets, wanted ? facts : nullptr};
  const std::uint64_t created_before = monitor_.live_counters().flows_created;
  std::size_t received = 0;
  std::size_t own = 0;
  if (monitor_.filters()) {
    own = wanted ? receive<true, true>(source, now_ns, burst, received)
                 : receive<false, true>(source, now_ns, burst, received);
  } else {
    own = wanted ? receive<true, false>(source, now_ns, burst, received)
                 : receive<false, false>(source, now_ns, burst, received);
  }
  monitor_.prepare({packets, own});
  if (options_.handover != nullptr) own = hand_over(burst, own);
  source.release();
  if (own != 0) monitor_.process({packets, own}, burst.facts);
  std::size_t found = received;
  if (options_.handover != nullptr) {
    found += take_over(now_ns);
    options_.handover->publish(options_.number);
  }
  // After a full burst more packets wait, so only as many flows end as keep the table from growing, plus a few.
  const std::uint64_t created = monitor_.live_counters().flows_created - created_before;
  monitor_.shard().advance(now_ns, received == FlowShard::kBurst ? kBusyTimerBudget + created : kTimerBudget);

  PacketCounters& counters = front_.counters();
  ++counters.polls;
  counters.busy_polls += found != 0 ? 1 : 0;
  counters.now_ns = monitor_.shard().now_ns();
  snapshots_.answer([this] { return this->counters(); });
  return found;
}

/// False: there was no room, and the loss is counted.
inline bool Worker::pass_on(const ParsedPacket& packet, const PacketFacts* facts, unsigned owner) {
  if (options_.handover->ring(options_.number, owner).push(packet, facts, monitor_.number())) [[likely]]
    return true;
  monitor_.live_counters().handover_full.add(packet.frame_octets);
  return false;
}

std::size_t Worker::hand_over(const Burst& burst, std::size_t count) {
  std::size_t own = 0;
  PacketCount handed_over;  // added up here: a counter in memory would have each packet wait for the one before
  for (std::size_t i = 0; i < count; ++i) {
    const ParsedPacket& packet = burst.packets[i];
    const unsigned owner = KeyHash::worker_of(packet.hash, options_.workers);
    if (owner == options_.number) {
      if (i != own) {
        burst.packets[own] = packet;
        if (burst.facts != nullptr) burst.facts[own] = burst.facts[i];
      }
      ++own;
      continue;
    }
    const PacketFacts* const facts = burst.facts == nullptr ? nullptr : burst.facts + i;
    if (pass_on(packet, facts, owner)) handed_over.add(packet.frame_octets);
  }
  monitor_.live_counters().handed_over += handed_over;
  return own;
}

std::size_t Worker::take_over(std::uint64_t now_ns) {
  std::size_t taken = 0;
  ParsedPacket packets[FlowShard::kBurst];
  PacketFacts facts_of[FlowShard::kBurst];
  PacketFacts* const facts = monitor_.wants_facts() ? facts_of : nullptr;
  // Stamped by the poll that counts it, as every live packet is; the cores' clocks differ by less than a poll.
  const std::uint64_t effective_ns = std::max(now_ns, monitor_.shard().now_ns());
  for (unsigned from = 0; from < options_.workers; ++from) {
    if (from == options_.number) continue;
    std::size_t own = 0;
    PacketCount taken_over;  // as in hand_over()
    const auto on_packet = [&](std::uint8_t monitor, const SentPacket& sent, const PacketFacts* facts_sent) {
      ParsedPacket& packet = packets[own];
      sent.copy_to(packet);
      packet.time_ns = packet.effective_ns = effective_ns;
      if (monitor == HandoverMessage::kEveryMonitor) [[unlikely]] {  // a later fragment of a datagram of this worker
        front_.take_over(packet);
        if (monitor_.filter_out(packet)) return;
        monitor_.set_key(packet);
        if (const unsigned owner = KeyHash::worker_of(packet.hash, options_.workers); owner != options_.number) {
          if (pass_on(packet, facts_sent, owner)) monitor_.live_counters().handed_over.add(packet.frame_octets);
          return;
        }
      } else {
        taken_over.add(packet.frame_octets);
      }
      monitor_.shard().prefetch(packet.hash);
      if (facts != nullptr && facts_sent != nullptr) facts[own] = *facts_sent;
      ++own;
    };
    taken += options_.handover->ring(from, options_.number)
                 .consume(
                     FlowShard::kBurst, on_packet, [&](const FragmentNote& note) { front_.learn(note, effective_ns); },
                     [](std::uint64_t /*effective_ns*/) {});  // only a capture's clock steps back
    monitor_.live_counters().taken_over += taken_over;
    if (own != 0) monitor_.process({packets, own}, facts);
  }
  return taken;
}

void Worker::stop_receiving() {
  // Release order: a reader that sees the count also sees everything pushed before it.
  if (options_.handover == nullptr) return;
  options_.handover->publish(options_.number);
  options_.handover->stopped.fetch_add(1, std::memory_order_release);
}

bool Worker::settle(std::uint64_t now_ns) {
  if (options_.handover == nullptr) return true;
  // Read before the rings are: what was pushed before a worker said so is then seen.
  const bool all_stopped = options_.handover->stopped.load(std::memory_order_acquire) == options_.workers;
  const bool all_passed_on = options_.handover->passed_on.load(std::memory_order_acquire) == options_.workers;
  const bool empty = take_over(now_ns) == 0;
  options_.handover->publish(options_.number);
  if (all_stopped && empty && !said_passed_on_) {
    said_passed_on_ = true;
    options_.handover->passed_on.fetch_add(1, std::memory_order_release);
  }
  return empty && all_passed_on;
}

void Worker::drain(std::uint64_t now_ns) {
  monitor_.shard().drain(now_ns);
  front_.counters().now_ns = monitor_.shard().now_ns();
}

}  // namespace weir
