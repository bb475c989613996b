#include "dataplane/offline_meter.h"

#include <algorithm>

#include "dataplane/packet/read_facts.h"

namespace weir {

OfflineMeter::Lane::Lane(std::uint32_t capacity, const KeyHash& hash, const OfflineOptions& options)
    : packets(options.workers > 1 ? HandoverMesh::kRingLines : 1),
      records(ring_lines(kRingRecords)),
      shard(capacity, hash, for_key(options.timeouts, options.key), counters, records, RingFull::wait,
            options.full_table, options.metrics) {
  burst.resize(FlowShard::kBurst);
  if (options.metrics.any()) facts.resize(FlowShard::kBurst);
}

OfflineMeter::OfflineMeter(const OfflineOptions& options, const KeyHash& hash)
    : hash_(hash), parser_(options.parser), mask_(options.key), fragments_(hash) {
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
  return fragments_.ok() &&
         std::all_of(lanes_.begin(), lanes_.end(), [](const auto& lane) { return lane->shard.ok(); });
}

void OfflineMeter::add(const PacketView& view) {
  effective_ns_ = std::max(effective_ns_, view.time_ns);
  // Parsed where a single worker counts it from.
  ParsedPacket& packet = lanes_[0]->burst[lanes_[0]->held];
  PacketFacts* const facts = lanes_[0]->facts.empty() ? nullptr : &lanes_[0]->facts[lanes_[0]->held];
  Reject reject = Reject::none;
  if (!parser_.parse_plain(view, packet)) {
    reject = parser_.parse(view, packet, facts);
  } else if (facts != nullptr) {
    read_plain_facts(view, packet, *facts);
  }
  if (reject != Reject::none) {
    // No flow, no owner: the first worker's account.
    lanes_[0]->received.add(view.frame_octets);
    lanes_[0]->rejects[static_cast<std::size_t>(reject)].add(view.frame_octets);
    return;
  }
  packet.effective_ns = effective_ns_;
  const bool length_from_frame = (packet.facts & kLengthFromFrame) != 0;
  bool without_first = false;
  if ((packet.facts & (kFirstFragment | kLaterFragment)) != 0) [[unlikely]] {
    if ((packet.facts & kFirstFragment) != 0) {
      const FragmentNotes& notes = parser_.notes();
      for (unsigned i = 0; i < notes.count; ++i) fragments_.learn(notes.notes[i], effective_ns_);
    }
    if ((packet.facts & kLaterFragment) != 0) without_first = !fragments_.resolve(packet, effective_ns_);
  }
  if (mask_.changes()) [[unlikely]]
    mask_.apply(packet);
  Lane* lane = lanes_[0].get();
  if (workers() != 1) {
    packet.hash = hash_(packet.key);
    lane = lanes_[KeyHash::worker_of(packet.hash, workers())].get();
    while (!lane->packets.push(packet, facts)) {
      lane->packets.publish();
      std::this_thread::yield();
    }
    if (++lane->pushed % FlowShard::kBurst == 0) lane->packets.publish();
  }
  if (length_from_frame) lane->length_from_frame.add(view.frame_octets);
  if (without_first) lane->fragments_without_first.add(view.frame_octets);
  lane->received.add(view.frame_octets);
  if (workers() == 1 && ++lane->held == FlowShard::kBurst) count(*lane);
}

void OfflineMeter::add_filtered(const PacketView& view) {
  // Its time does not count: the records are those of a capture without such frames.
  lanes_[0]->received.add(view.frame_octets);
  lanes_[0]->filtered_out.add(view.frame_octets);
}

void OfflineMeter::count(Lane& lane) {
  if (lane.held == 0) return;
  // Hashed here and not one by one: a prefetch waits until its address is translated, and only waits that stand close
  // together overlap.
  lane.shard.prepare({lane.burst.data(), lane.held});
  lane.shard.process({lane.burst.data(), lane.held}, lane.facts.empty() ? nullptr : lane.facts.data());
  // No bound on the work of one call: being late costs nothing here, a full table would.
  lane.shard.advance(lane.burst[lane.held - 1].effective_ns, kNoBudget);
  lane.held = 0;
}

void OfflineMeter::work(Lane& lane) {
  ParsedPacket burst[FlowShard::kBurst];
  PacketFacts facts_of[FlowShard::kBurst];
  PacketFacts* const facts = lane.shard.metrics().any() ? facts_of : nullptr;
  for (;;) {
    // Read before the ring is: what was pushed before the flag was set is then seen.
    const bool last = finished_.load(std::memory_order_acquire);
    const std::size_t found = lane.packets.pop(burst, facts, FlowShard::kBurst);
    if (found == 0) {
      if (last) return;
      std::this_thread::yield();
      continue;
    }
    for (std::size_t i = 0; i < found; ++i) lane.shard.prefetch(burst[i].hash);
    lane.shard.process({burst, found}, facts);
    lane.shard.advance(burst[found - 1].effective_ns, kNoBudget);
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
    lane->shard.drain(effective_ns_);
  }
}

WorkerCounters OfflineMeter::counters(unsigned worker) const {
  const Lane& lane = *lanes_[worker];
  WorkerCounters total = lane.counters;
  total.received = lane.received;
  total.filtered_out = lane.filtered_out;
  total.fragments_without_first = lane.fragments_without_first;
  total.length_from_frame = lane.length_from_frame;
  std::copy(std::begin(lane.rejects), std::end(lane.rejects), std::begin(total.rejects));
  return total;
}

}  // namespace weir
