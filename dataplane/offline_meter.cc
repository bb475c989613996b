#include "dataplane/offline_meter.h"

#include <algorithm>

namespace weir {
namespace {

std::uint32_t capacity_of(const OfflineOptions& options) {
  const std::uint64_t share = (options.max_flows + options.workers - 1) / options.workers;
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(share, FlowShard::kMaxCapacity));
}

MonitorOptions plain_monitor(const OfflineOptions& options, std::size_t ring_lines) {
  return {.number = 0,
          .alone = options.further.empty(),
          .icmp_in_key = parser_options(options, options.further).icmp_in_key,
          .capacity = capacity_of(options),
          .ring_lines = ring_lines,
          .ring_full = RingFull::wait,
          .timeouts = options.timeouts,
          .when_full = options.when_full,
          .key = options.key,
          .pairs = options.pairs,
          .metrics = options.metrics,
          .sampling = options.sampling,
          .filter = options.filter};
}

}  // namespace

OfflineMeter::Part::Part(const MonitorOptions& options, const KeyHash& hash)
    : burst(FlowShard::kBurst), monitor(options, hash) {
  if (monitor.wants_facts()) facts.resize(FlowShard::kBurst);
  if (monitor.wants_payload()) payloads = PayloadBuffer(FlowShard::kBurst);
}

OfflineMeter::Lane::Lane(unsigned workers) : packets(workers > 1 ? HandoverMesh::kRingLines : 1) {}

OfflineMeter::OfflineMeter(const OfflineOptions& options, const KeyHash& hash)
    : front_(parser_options(options, options.further), hash, nullptr, 0, options.filter),
      epochs_(options.max_reordering_ns) {
  for (unsigned i = 0; i < options.workers; ++i) {
    Lane& lane = *lanes_.emplace_back(std::make_unique<Lane>(options.workers));
    const MonitorOptions plain = plain_monitor(options, ring_lines(kRingRecords));
    lane.parts.push_back(std::make_unique<Part>(plain, hash));
    for (const FurtherMonitor& further : options.further) {
      const auto number = static_cast<std::uint8_t>(lane.parts.size());
      lane.parts.push_back(std::make_unique<Part>(further_monitor(plain, further, number), hash));
    }
  }
  readings_.emplace_back(options.sampling);
  for (const FurtherMonitor& further : options.further) {
    front_.add_filter(static_cast<unsigned>(readings_.size()), further.filter);
    readings_.emplace_back(further.flow.sampling);
  }
  for (const auto& one : lanes_[0]->parts) {
    filters_ |= one->monitor.filters();
    wants_facts_ |= one->monitor.wants_facts();
    wants_payload_ |= one->monitor.wants_payload();
  }
  samples_frames_ = part(0, 0).monitor.samples_frames();
  samples_parsed_ = part(0, 0).monitor.samples_parsed();
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
  return front_.ok() && std::all_of(lanes_.begin(), lanes_.end(), [](const auto& lane) {
           return std::all_of(lane->parts.begin(), lane->parts.end(),
                              [](const auto& part) { return part->monitor.ok(); });
         });
}

void OfflineMeter::set_as_lookup(unsigned monitor, const AsLookup& lookup) {
  readings_[monitor].as_lookup = lookup;
  part(0, monitor).monitor.set_as_lookup(&readings_[monitor].as_lookup);
}

Reject OfflineMeter::add(const PacketView& view, unsigned interface) {
  // This worker counts the packets that belong to no flow.
  Part& first = part(0, 0);
  // Filtered frames do not advance time: the records are the same as from a capture without these frames.
  if (view.marks != 0 && !front_.take_marked(view)) return Reject::none;
  if (monitors() > 1) [[unlikely]]
    return add_to_all(view, interface);
  front_.count_received({1, view.frame_octets});
  if (filters_) {
    epochs_before_ = epochs_;
    front_.expect_header();
  }
  front_.forget_icmp_errors();
  const std::uint64_t before_ns = epochs_.effective_ns();
  const TimeEpochs::Step step = epochs_.step(view.time_ns, interface);
  // Fragments wait for the rest of their datagram across the end of an epoch.
  const std::uint64_t steady_ns = epochs_.steady_ns();
  const auto mind_clock = [&] {
    if (step.event == TimeEpochs::Event::none) [[likely]]
      return;
    if (step.event == TimeEpochs::Event::epoch) end_epoch(before_ns);
    clock_event(step, view, interface);
  };
  if (samples_frames_) [[unlikely]] {
    adapt(0, step.effective_ns);
    if (first.monitor.take(1) == 0) {
      front_.pass_over(view, steady_ns);
      first.monitor.count_sampled_out({1, view.frame_octets});
      first.offered.add(view.frame_octets);
      mind_clock();
      return Reject::none;
    }
  }
  // Parsed where a single worker counts it from.
  ParsedPacket* packet = &first.burst[first.held];
  PacketFacts* facts = first.facts.empty() ? nullptr : &first.facts[first.held];
  const Arrival arrival = facts == nullptr ? front_.parse_at<false>(view, steady_ns, *packet, nullptr)
                                           : front_.parse_at<true>(view, steady_ns, *packet, facts);
  if (filters_ && arrival == Arrival::packet && filter_out(view, *packet)) return Reject::none;
  if (samples_parsed_ && arrival == Arrival::packet) [[unlikely]] {
    adapt(0, step.effective_ns);
    if (first.monitor.sample_out(*packet, facts)) {
      first.offered.add(view.frame_octets);
      mind_clock();
      return Reject::none;
    }
  }
  if (wants_payload_ && facts != nullptr && arrival == Arrival::packet) keep_payload(view, *packet, *facts);
  mind_clock();
  if (arrival != Arrival::packet) return front_.settled().reject;
  packet->set_level(readings_[0].rate.level());
  packet->time_ns = step.time_ns;
  packet->effective_ns = step.effective_ns;
  if (workers() == 1) {
    first.offered.add(view.frame_octets);
    if (packet != &first.burst[first.held]) [[unlikely]] {  // those before it were counted when their epoch ended
      first.burst[first.held] = *packet;
      if (facts != nullptr) {
        first.facts[first.held] = *facts;
        first.payloads.keep(first.facts[first.held].payload);
      }
    }
    const bool error = (packet->facts & kIcmpError) != 0;
    if (++first.held == FlowShard::kBurst || error) count(first);
    if (error) [[unlikely]]
      tell(0, step);
    return Reject::none;
  }
  first.monitor.set_key(*packet, facts);
  Lane& lane = *lanes_[KeyHash::worker_of(packet->hash, workers())];
  lane.parts[0]->offered.add(view.frame_octets);
  push(lane, *packet, facts, 0);
  first.payloads.reset();
  if ((packet->facts & kIcmpError) != 0) [[unlikely]]
    tell(0, step);
  return Reject::none;
}

/// Gives a packet to the worker that owns its flow, and waits for room.
void OfflineMeter::push(Lane& lane, const ParsedPacket& packet, const PacketFacts* facts, std::uint8_t monitor) {
  while (!lane.packets.push(packet, facts, monitor)) {
    lane.packets.publish();
    std::this_thread::yield();
  }
  if (++lane.pushed % FlowShard::kBurst == 0) lane.packets.publish();
}

/// What the ICMP error that was just counted quotes goes to the worker of the quoted packet's flow, at the error's
/// place among the packets.
void OfflineMeter::tell(unsigned monitor, const TimeEpochs::Step& step) {
  Part& first = part(0, monitor);
  IcmpError error = front_.icmp_errors().back();
  if (!error.readable) {
    ++readings_[monitor].unreadable_quotes;
    return;
  }
  error.quoted.time_ns = step.time_ns;
  error.quoted.effective_ns = step.effective_ns;
  first.monitor.set_quoted_key(error.quoted);
  if (workers() == 1) {
    (void)first.monitor.tell(error);
    return;
  }
  Lane& lane = *lanes_[KeyHash::worker_of(error.quoted.hash, workers())];
  while (!lane.packets.push(error, first.monitor.number())) {
    lane.packets.publish();
    std::this_thread::yield();
  }
}

/// Of the packet that was just parsed: copied, since the next frame may lie where this one does.
void OfflineMeter::keep_payload(const PacketView& view, const ParsedPacket& packet, PacketFacts& facts) {
  Part& first = part(0, 0);
  if (!first.monitor.may_want_payload(packet)) return;
  facts.payload = front_.payload(view, packet);
  first.monitor.choose_payload(packet, facts);
  first.payloads.keep(facts.payload);
}

/// By rate: one more packet to choose from.
void OfflineMeter::adapt(unsigned monitor, std::uint64_t effective_ns) {
  Reading& reading = readings_[monitor];
  if (!reading.adapts) return;
  const unsigned before = reading.rate.level();
  const unsigned level = reading.rate.level_at(++reading.sampled_from, effective_ns);
  if (level != before) part(0, monitor).monitor.set_sampling_level(level);
}

/// Whether the monitors' filter keeps out the packet that was just parsed. Then it is as if it had not come.
bool OfflineMeter::filter_out(const PacketView& view, ParsedPacket& packet) {
  Part& first = part(0, 0);
  const FlowHeader header = front_.flow_header(view, packet);
  if (first.monitor.drop_filtered({&packet, 1}, nullptr, &header) != 0) return false;
  first.offered.add(view.frame_octets);
  epochs_ = epochs_before_;
  return true;
}

void OfflineMeter::clock_event(const TimeEpochs::Step& step, const PacketView& view, unsigned interface) {
  PacketCounters& counters = front_.counters();
  if (step.event == TimeEpochs::Event::epoch) counters.clock_epochs.add(view.frame_octets);
  if (step.event == TimeEpochs::Event::ignored) {
    counters.clock_as_reordered.add(view.frame_octets);
    if (counters.clock_as_reordered.packets != 1) return;
  }
  if (notices_.size() < kMostNotices) {
    notices_.push_back({counters.received.packets, interface, step.event, step.behind_ns});
  }
}

/// Every worker ends its flows after the packets that came before this.
void OfflineMeter::end_epoch(std::uint64_t effective_ns) {
  if (workers() == 1) {
    for (auto& one : lanes_[0]->parts) {
      count(*one);
      one->monitor.shard().end_epoch(effective_ns);
    }
    return;
  }
  for (auto& lane : lanes_) {
    while (!lane->packets.push_epoch_end(effective_ns)) {
      lane->packets.publish();
      std::this_thread::yield();
    }
    lane->packets.publish();
  }
}

void OfflineMeter::count(Part& part) {
  if (part.held == 0) return;
  // Hash the whole burst at once: each prefetch waits for its address translation, and only waits close together
  // overlap.
  const PacketFacts* const facts = part.facts.empty() ? nullptr : part.facts.data();
  part.monitor.prepare({part.burst.data(), part.held}, facts);
  part.monitor.process({part.burst.data(), part.held}, facts);
  // One call's work is not bounded: lateness does no harm offline, while a full table would.
  part.monitor.shard().advance(part.burst[part.held - 1].effective_ns, kNoBudget);
  part.held = 0;
  part.payloads.reset();
}

void OfflineMeter::work(Lane& lane) {
  /// Packets of a monitor that came and were not yet counted: no more than one call of consume() shows.
  struct Held {
    explicit Held(Monitor& owner)
        : monitor(owner),
          burst(FlowShard::kBurst),
          facts(owner.wants_facts() ? FlowShard::kBurst : 0),
          payloads(owner.wants_payload() ? FlowShard::kBurst : 0) {}
    void count() {
      if (held == 0) return;
      monitor.process({burst.data(), held}, facts.empty() ? nullptr : facts.data());
      monitor.shard().advance(burst[held - 1].effective_ns, kNoBudget);
      held = 0;
      payloads.reset();
    }
    Monitor& monitor;
    std::vector<ParsedPacket> burst;
    std::vector<PacketFacts> facts;
    PayloadBuffer payloads;
    std::size_t held = 0;
  };
  std::vector<Held> all;
  all.reserve(lane.parts.size());
  for (const auto& one : lane.parts) all.emplace_back(one->monitor);
  const auto on_packet = [&](std::uint8_t monitor, const SentPacket& sent, const SentFacts* facts_sent) {
    Held& to = all[monitor];
    ParsedPacket& packet = to.burst[to.held];
    sent.copy_to(packet);
    if (facts_sent != nullptr) {
      facts_sent->copy_to(to.facts[to.held]);
      to.payloads.keep(to.facts[to.held].payload);
    }
    to.monitor.shard().prefetch(packet.hash);
    ++to.held;
  };
  const auto on_icmp_error = [&](std::uint8_t monitor, const IcmpError& error) {
    all[monitor].count();
    (void)all[monitor].monitor.tell(error);
  };
  const auto on_epoch_end = [&](std::uint64_t effective_ns) {
    for (Held& one : all) {
      one.count();
      one.monitor.shard().end_epoch(effective_ns);
    }
  };
  for (;;) {
    // Read before the ring is: what was pushed before the flag was set is then seen.
    const bool last = finished_.load(std::memory_order_acquire);
    const std::size_t found = lane.packets.consume(
        FlowShard::kBurst, on_packet, [](const FragmentNote& /*note*/) {},  // the reader's front keeps them
        on_icmp_error, on_epoch_end);
    if (found == 0) {
      if (last) return;
      std::this_thread::yield();
      continue;
    }
    for (Held& one : all) one.count();
  }
}

void OfflineMeter::finish() {
  for (auto& lane : lanes_) lane->packets.publish();
  finished_.store(true, std::memory_order_release);
  for (auto& lane : lanes_) {
    if (lane->thread.joinable()) lane->thread.join();
  }
  for (auto& lane : lanes_) {
    for (auto& one : lane->parts) {
      count(*one);
      one->monitor.shard().drain(epochs_.effective_ns());
    }
  }
}

}  // namespace weir
