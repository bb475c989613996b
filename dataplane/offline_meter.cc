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
          .when_full = options.when_full,
          .key = options.key,
          .pairs = options.pairs,
          .metrics = options.metrics,
          .sampling = options.sampling,
          .filter = options.filter};
}

}  // namespace

OfflineMeter::Lane::Lane(std::uint32_t capacity, const KeyHash& hash, const OfflineOptions& options)
    : packets(options.workers > 1 ? HandoverMesh::kRingLines : 1),
      monitor(monitor_options(options, capacity, ring_lines(kRingRecords)), hash) {
  burst.resize(FlowShard::kBurst);
  if (monitor.wants_facts()) facts.resize(FlowShard::kBurst);
  if (monitor.wants_payload()) payloads = PayloadBuffer(FlowShard::kBurst);
}

OfflineMeter::OfflineMeter(const OfflineOptions& options, const KeyHash& hash)
    : front_(parser_options(options), hash, nullptr, 0, options.filter),
      adapts_(options.sampling.by == Sampling::By::rate),
      rate_(options.sampling.most_pps),
      epochs_(options.max_reordering_ns) {
  const std::uint64_t share = (options.max_flows + options.workers - 1) / options.workers;
  const auto capacity = static_cast<std::uint32_t>(std::min<std::uint64_t>(share, FlowShard::kMaxCapacity));
  for (unsigned i = 0; i < options.workers; ++i) {
    lanes_.push_back(std::make_unique<Lane>(capacity, hash, options));
  }
  wants_payload_ = lanes_[0]->monitor.wants_payload();
  samples_frames_ = lanes_[0]->monitor.samples_frames();
  samples_parsed_ = lanes_[0]->monitor.samples_parsed();
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

Reject OfflineMeter::add(const PacketView& view, unsigned interface) {
  // This worker counts the packets that belong to no flow.
  Lane& first = *lanes_[0];
  const bool filters = first.monitor.filters();
  // Filtered frames do not advance time: the records are the same as from a capture without these frames.
  if (view.marks != 0 && !front_.take_marked(view)) return Reject::none;
  front_.count_received({1, view.frame_octets});
  if (filters) {
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
    adapt(step.effective_ns);
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
  if (filters && arrival == Arrival::packet && filter_out(view, *packet)) return Reject::none;
  if (samples_parsed_ && arrival == Arrival::packet) [[unlikely]] {
    adapt(step.effective_ns);
    if (first.monitor.sample_out(*packet, facts)) {
      first.offered.add(view.frame_octets);
      mind_clock();
      return Reject::none;
    }
  }
  if (wants_payload_ && facts != nullptr && arrival == Arrival::packet) keep_payload(view, *packet, *facts);
  mind_clock();
  if (arrival != Arrival::packet) return front_.settled().reject;
  packet->set_level(rate_.level());
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
      tell(step);
    return Reject::none;
  }
  first.monitor.set_key(*packet, facts);
  Lane& lane = *lanes_[KeyHash::worker_of(packet->hash, workers())];
  lane.offered.add(view.frame_octets);
  while (!lane.packets.push(*packet, facts, lane.monitor.number())) {
    lane.packets.publish();
    std::this_thread::yield();
  }
  first.payloads.reset();
  if (++lane.pushed % FlowShard::kBurst == 0) lane.packets.publish();
  if ((packet->facts & kIcmpError) != 0) [[unlikely]]
    tell(step);
  return Reject::none;
}

/// What the ICMP error that was just counted quotes goes to the worker of the quoted packet's flow, at the error's
/// place among the packets.
void OfflineMeter::tell(const TimeEpochs::Step& step) {
  Lane& first = *lanes_[0];
  IcmpError error = front_.icmp_errors().back();
  if (!error.readable) {
    ++unreadable_quotes_;
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
  while (!lane.packets.push(error, lane.monitor.number())) {
    lane.packets.publish();
    std::this_thread::yield();
  }
}

/// Of the packet that was just parsed: copied, since the next frame may lie where this one does.
void OfflineMeter::keep_payload(const PacketView& view, const ParsedPacket& packet, PacketFacts& facts) {
  Lane& first = *lanes_[0];
  if (!first.monitor.may_want_payload(packet)) return;
  facts.payload = front_.payload(view, packet);
  first.monitor.choose_payload(packet, facts);
  first.payloads.keep(facts.payload);
}

/// By rate: one more packet to choose from.
void OfflineMeter::adapt(std::uint64_t effective_ns) {
  if (!adapts_) return;
  const unsigned before = rate_.level();
  const unsigned level = rate_.level_at(++sampled_from_, effective_ns);
  if (level != before) lanes_[0]->monitor.set_sampling_level(level);
}

/// Whether the monitors' filter keeps out the packet that was just parsed. Then it is as if it had not come.
bool OfflineMeter::filter_out(const PacketView& view, ParsedPacket& packet) {
  Lane& first = *lanes_[0];
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
    count(*lanes_[0]);
    lanes_[0]->monitor.shard().end_epoch(effective_ns);
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

void OfflineMeter::count(Lane& lane) {
  if (lane.held == 0) return;
  // Hash the whole burst at once: each prefetch waits for its address translation, and only waits close together
  // overlap.
  lane.monitor.prepare({lane.burst.data(), lane.held}, lane.facts.empty() ? nullptr : lane.facts.data());
  lane.monitor.process({lane.burst.data(), lane.held}, lane.facts.empty() ? nullptr : lane.facts.data());
  // One call's work is not bounded: lateness does no harm offline, while a full table would.
  lane.monitor.shard().advance(lane.burst[lane.held - 1].effective_ns, kNoBudget);
  lane.held = 0;
  lane.payloads.reset();
}

void OfflineMeter::work(Lane& lane) {
  std::vector<ParsedPacket> burst(FlowShard::kBurst);
  std::vector<PacketFacts> facts(lane.facts.size());
  PayloadBuffer payloads(wants_payload_ ? FlowShard::kBurst : 0);
  std::size_t held = 0;
  const auto count_held = [&] {
    if (held == 0) return;
    lane.monitor.process({burst.data(), held}, facts.empty() ? nullptr : facts.data());
    lane.monitor.shard().advance(burst[held - 1].effective_ns, kNoBudget);
    held = 0;
    payloads.reset();
  };
  const auto on_packet = [&](std::uint8_t /*monitor*/, const SentPacket& sent, const SentFacts* facts_sent) {
    ParsedPacket& packet = burst[held];
    sent.copy_to(packet);
    if (facts_sent != nullptr) {
      facts_sent->copy_to(facts[held]);
      payloads.keep(facts[held].payload);
    }
    lane.monitor.shard().prefetch(packet.hash);
    ++held;
  };
  const auto on_icmp_error = [&](const IcmpError& error) {
    count_held();
    (void)lane.monitor.tell(error);
  };
  const auto on_epoch_end = [&](std::uint64_t effective_ns) {
    count_held();
    lane.monitor.shard().end_epoch(effective_ns);
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
    count_held();
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
    lane->monitor.shard().drain(epochs_.effective_ns());
  }
}

WorkerCounters OfflineMeter::counters(unsigned worker) const {
  const Lane& lane = *lanes_[worker];
  WorkerCounters account{worker == 0 ? front_.counters() : PacketCounters{}, lane.monitor.counters()};
  // As if every worker had received its packets, and the first one those that belong to no flow.
  if (worker == 0) account.received -= account.offered - lane.offered;
  if (worker != 0) account.received = lane.offered;
  account.offered = lane.offered;
  if (worker == 0) account.icmp_quotes[static_cast<std::size_t>(IcmpQuote::unreadable)] += unreadable_quotes_;
  return account;
}

}  // namespace weir
