#include "dataplane/offline_meter.h"

#include <algorithm>

namespace weir {
namespace {

MonitorOptions monitor_options(const OfflineOptions& options, std::uint32_t capacity, std::size_t ring_lines) {
  return {.number = 0,
          .capacity = capacity,
          .ring_lines = ring_lines,
          .ring_full = RingFull::wait,
          .timeouts = options.timeouts,
          .full_table = options.full_table,
          .key = options.key,
          .metrics = options.metrics};
}

}  // namespace

OfflineMeter::Lane::Lane(std::uint32_t capacity, const KeyHash& hash, const OfflineOptions& options)
    : packets(options.workers > 1 ? HandoverMesh::kRingLines : 1),
      monitor(monitor_options(options, capacity, ring_lines(kRingRecords)), hash) {
  burst.resize(FlowShard::kBurst);
  if (monitor.wants_facts()) facts.resize(FlowShard::kBurst);
}

OfflineMeter::OfflineMeter(const OfflineOptions& options, const KeyHash& hash)
    : front_(for_key(options.parser, options.key), hash) {
  const std::uint64_t share = (options.max_flows + options.workers - 1) / options.workers;
  const auto capacity = static_cast<std::uint32_t>(std::min<std::uint64_t>(share, FlowShard::kMaxCapacity));
  for (unsigned i = 0; i < options.workers; ++i) {
    lanes_.push_back(std::make_unique<Lane>(capacity, hash, options));
  }
  if (!ok() || options.workers == 1) return;
  for (auto& lane : lanes_) {
    lane->thread = std::thread([this, worker = lane.get()] { work(*worker); });
  }
}

OfflineMeter::~OfflineMeter() {
  finished_.store(true, std::memory_order_release);
  for (auto& lane : lanes_) {
    if (lane->thread.joinable()) lane->thread.join();
  }
}

bool OfflineMeter::ok() const {
  return front_.ok() && std::all_of(lanes_.begin(), lanes_.end(), [](const auto& lane) { return lane->monitor.ok(); });
}

void OfflineMeter::add(const PacketView& view) {
  Lane* lane = lanes_[0].get();  // whose account has what belongs to no flow
  front_.count_received({1, view.frame_octets});
  if (lane->monitor.filter_out(view)) [[unlikely]] {
    // Its time does not count: the records are those of a capture without such frames.
    lane->offered.add(view.frame_octets);
    return;
  }
  effective_ns_ = std::max(effective_ns_, view.time_ns);
  // Parsed where a single worker counts it from.
  ParsedPacket& packet = lane->burst[lane->held];
  PacketFacts* const facts = lane->facts.empty() ? nullptr : &lane->facts[lane->held];
  const Arrival arrival = facts == nullptr ? front_.parse_at<false>(view, effective_ns_, packet, nullptr)
                                           : front_.parse_at<true>(view, effective_ns_, packet, facts);
  if (arrival != Arrival::packet) return;
  if (workers() == 1) {
    lane->offered.add(view.frame_octets);
    if (++lane->held == FlowShard::kBurst) count(*lane);
    return;
  }
  lane->monitor.set_key(packet);
  lane = lanes_[KeyHash::worker_of(packet.hash, workers())].get();
  lane->offered.add(view.frame_octets);
  while (!lane->packets.push(packet, facts, lane->monitor.number())) {
    lane->packets.publish();
    std::this_thread::yield();
  }
  if (++lane->pushed % FlowShard::kBurst == 0) lane->packets.publish();
}

void OfflineMeter::count(Lane& lane) {
  if (lane.held == 0) return;
  // Hashed here and not one by one: a prefetch waits until its address is translated, and only waits that stand close
  // together overlap.
  lane.monitor.prepare({lane.burst.data(), lane.held});
  lane.monitor.process({lane.burst.data(), lane.held}, lane.facts.empty() ? nullptr : lane.facts.data());
  // No bound on the work of one call: being late costs nothing here, a full table would.
  lane.monitor.shard().advance(lane.burst[lane.held - 1].effective_ns, kNoBudget);
  lane.held = 0;
}

void OfflineMeter::work(Lane& lane) {
  std::vector<ParsedPacket> burst(FlowShard::kBurst);
  std::vector<PacketFacts> facts(lane.facts.size());
  for (;;) {
    // Read before the ring is: what was pushed before the flag was set is then seen.
    const bool last = finished_.load(std::memory_order_acquire);
    std::size_t found = 0;
    lane.packets.consume(
        FlowShard::kBurst,
        [&](std::uint8_t /*monitor*/, const ParsedPacket& packet, const PacketFacts* facts_sent) {
          burst[found] = packet;
          if (facts_sent != nullptr) facts[found] = *facts_sent;
          lane.monitor.shard().prefetch(packet.hash);
          ++found;
        },
        [](const FragmentNote& /*note*/) {});  // the reader's front keeps them
    if (found == 0) {
      if (last) return;
      std::this_thread::yield();
      continue;
    }
    lane.monitor.process({burst.data(), found}, facts.empty() ? nullptr : facts.data());
    lane.monitor.shard().advance(burst[found - 1].effective_ns, kNoBudget);
  }
}

void OfflineMeter::finish() {
  for (auto& lane : lanes_) lane->packets.publish();
  finished_.store(true, std::memory_order_release);
  for (auto& lane : lanes_) {
    if (lane->thread.joinable()) lane->thread.join();
  }
  for (auto& lane : lanes_) {
    count(*lane);
    lane->monitor.shard().drain(effective_ns_);
  }
}

WorkerCounters OfflineMeter::counters(unsigned worker) const {
  const Lane& lane = *lanes_[worker];
  WorkerCounters account{worker == 0 ? front_.counters() : PacketCounters{}, lane.monitor.counters()};
  // As if every worker had received its packets, and the first one those that belong to no flow.
  if (worker == 0) account.received -= account.offered - lane.offered;
  if (worker != 0) account.received = lane.offered;
  account.offered = lane.offered;
  return account;
}

}  // namespace weir
