#include "dataplane/worker.h"

#include <algorithm>
#include <span>

#include "proto/base/tcp_flags.h"

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
          .sampling = options.sampling,
          .worker = options.number,
          .filter = options.filter};
}

}  // namespace

Worker::Worker(const WorkerOptions& options, const KeyHash& hash)
    : options_(options),
      mesh_(options.handover != nullptr ? options.handover : options.icmp_mesh),
      rejects_(options.save_rejects ? std::make_unique<RejectRing>() : nullptr),
      front_(parser_options(options), hash, options.handover, options.number, options.filter),
      monitor_(monitor_options(options), hash),
      wants_payload_(monitor_.wants_payload()),
      samples_frames_(monitor_.samples_frames()),
      samples_parsed_(monitor_.samples_parsed()),
      payloads_(wants_payload_ ? FlowShard::kBurst : 0) {}

/// A function for each kind, so that the loop without metrics and filter stays by itself.
template <bool kFacts, bool kFilter>
[[gnu::noinline]] std::size_t Worker::receive(PacketSource& source, std::uint64_t now_ns, const Burst& burst,
                                              std::size_t& received) {
  PacketView views[FlowShard::kBurst];
  received = source.receive(views, now_ns);
  std::size_t count = received;
  if (source.marks()) [[unlikely]]
    count = take_marked(views, count);
  if (samples_frames_) [[unlikely]]
    count = sample(views, count, now_ns);
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
      if constexpr (kFacts) {
        if (wants_payload_) [[unlikely]]
          keep_payload(view, *end, *facts);
        ++facts;
      }
      ++end;
    } else if (arrival == Arrival::rejected) {
      if (rejects_ != nullptr) save_rejected(view);
    } else if (arrival == Arrival::lost) {
      monitor_.live_counters().handover_full.add(view.frame_octets);
    }
  }
  front_.count_received({count, received_octets});
  auto offered = static_cast<std::size_t>(end - burst.packets);
  if constexpr (kFilter) offered = monitor_.drop_filtered({burst.packets, offered}, burst.facts, headers);
  if (samples_frames_ && monitor_.sampling_level() != 0) [[unlikely]] {
    for (ParsedPacket& packet : std::span(burst.packets, offered)) packet.set_level(monitor_.sampling_level());
  }
  if (samples_parsed_) [[unlikely]]
    return monitor_.sample({burst.packets, offered}, burst.facts);
  return offered;
}

[[gnu::noinline]] std::size_t Worker::sample(PacketView* views, std::size_t count, std::uint64_t now_ns) {
  const std::uint64_t taken = monitor_.take(static_cast<unsigned>(count));
  PacketCount left_out;
  std::size_t kept = 0;
  for (std::size_t i = 0; i < count; ++i) {
    if ((taken >> i & 1) != 0) {
      views[kept++] = views[i];
    } else {
      left_out.add(views[i].frame_octets);
      front_.pass_over(views[i], now_ns);
    }
  }
  front_.count_received(left_out);
  monitor_.count_sampled_out(left_out);
  return kept;
}

[[gnu::noinline]] std::size_t Worker::take_marked(PacketView* views, std::size_t count) {
  std::size_t kept = 0;
  for (std::size_t i = 0; i < count; ++i) {
    if (front_.take_marked(views[i])) views[kept++] = views[i];
  }
  return kept;
}

/// Of the packet that was just parsed: copied, since its frame is given back before the packet is counted.
[[gnu::noinline]] void Worker::keep_payload(const PacketView& view, const ParsedPacket& packet, PacketFacts& facts) {
  const bool only_ack = facts.has_tcp() && facts.payload_octets == 0 && (packet.tcp_flags & kTcpSyn) == 0;
  if (only_ack || !monitor_.may_want_payload(packet)) return;
  facts.payload = front_.payload(view, packet);
  monitor_.choose_payload(packet, facts);
  payloads_.keep(facts.payload);
}

[[gnu::noinline]] void Worker::save_rejected(const PacketView& view) {
  if (rejects_->push(view, front_.settled().reject)) return;
  front_.counters().rejects_unsaved.add(view.frame_octets);
}

void Worker::set_sampling_level(unsigned level) {
  monitor_.set_sampling_level(level);
  if (samples_frames_) front_.set_sampling_level(level);
}

std::size_t Worker::poll(PacketSource& source, std::uint64_t now_ns) {
  timeouts_.take([&](const FlowTimeouts& timeouts) { monitor_.set_timeouts(timeouts, now_ns); });
  sampling_level_.take([&](unsigned level) { set_sampling_level(level); });
  ParsedPacket packets[FlowShard::kBurst];
  PacketFacts facts[FlowShard::kBurst];  // not touched where no metric is on
  const bool wanted = monitor_.wants_facts();
  const Burst burst{packets, wanted ? facts : nullptr};
  const std::uint64_t created_before = monitor_.live_counters().flows_created;
  std::size_t received = 0;
  std::size_t own = 0;
  payloads_.reset();
  if (monitor_.filters()) {
    own = wanted ? receive<true, true>(source, now_ns, burst, received)
                 : receive<false, true>(source, now_ns, burst, received);
  } else {
    own = wanted ? receive<true, false>(source, now_ns, burst, received)
                 : receive<false, false>(source, now_ns, burst, received);
  }
  monitor_.prepare({packets, own});
  const bool errors = !front_.icmp_errors().empty();
  if (options_.handover != nullptr) own = errors ? hand_over<true>(burst, own) : hand_over<false>(burst, own);
  source.release();
  if (errors) [[unlikely]] {
    count_with_errors(burst, own);
  } else if (own != 0) {
    monitor_.process({packets, own}, burst.facts);
  }
  std::size_t found = received;
  if (mesh_ != nullptr) {
    found += take_over(now_ns);
    mesh_->publish(options_.number);
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

/// kErrors: what ICMP errors quote goes to its owners, in the order of the packets.
template <bool kErrors>
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
    } else {
      const PacketFacts* const facts = burst.facts == nullptr ? nullptr : burst.facts + i;
      if (pass_on(packet, facts, owner)) handed_over.add(packet.frame_octets);
    }
    if constexpr (kErrors) {
      if ((packet.facts & kIcmpError) != 0) send_or_keep(packet.icmp_error, own);
    }
  }
  monitor_.live_counters().handed_over += handed_over;
  return own;
}

[[gnu::noinline]] void Worker::count_with_errors(const Burst& burst, std::size_t count) {
  if (options_.handover == nullptr) {
    for (std::size_t i = 0; i < count; ++i) {
      if ((burst.packets[i].facts & kIcmpError) != 0) send_or_keep(burst.packets[i].icmp_error, i + 1);
    }
  }
  std::size_t done = 0;
  const auto process_until = [&](std::size_t end) {
    if (end != done) monitor_.process({burst.packets + done, end - done}, burst.facts + done);
    done = end;
  };
  for (const ErrorPlace& place : std::span(errors_kept_).first(errors_kept_count_)) {
    process_until(place.packets_before);
    tell(front_.icmp_errors()[place.error]);
  }
  process_until(count);
  errors_kept_count_ = 0;
  front_.forget_icmp_errors();
}

/// What this ICMP error of the burst quotes: whose flow is it of?
void Worker::send_or_keep(std::size_t error, std::size_t packets_before) {
  IcmpError& sent = front_.icmp_errors()[error];
  if (!sent.readable) return monitor_.count(IcmpQuote::unreadable);
  monitor_.set_key(sent.quoted);
  const unsigned owner =
      options_.handover == nullptr ? options_.number : KeyHash::worker_of(sent.quoted.hash, options_.workers);
  if (owner == options_.number) {
    errors_kept_[errors_kept_count_++] = {static_cast<std::uint8_t>(packets_before), static_cast<std::uint8_t>(error)};
  } else if (!mesh_->ring(options_.number, owner).push(sent, monitor_.number())) {
    monitor_.count(IcmpQuote::handover_full);
  }
}

/// Tells this worker's flow, or asks the next worker.
void Worker::tell(const IcmpError& error) {
  const bool last = options_.icmp_mesh == nullptr || error.workers_asked + 1U >= options_.workers || settling_;
  if (monitor_.tell(error, last) || last) return;
  IcmpError sent = error;
  ++sent.workers_asked;
  const unsigned next = (options_.number + 1) % options_.workers;
  if (!mesh_->ring(options_.number, next).push(sent, monitor_.number())) monitor_.count(IcmpQuote::handover_full);
}

std::size_t Worker::take_over(std::uint64_t now_ns) {
  return monitor_.wants_facts() ? take_over_as<true>(now_ns) : take_over_as<false>(now_ns);
}

/// A function for each kind here, too.
template <bool kFacts>
std::size_t Worker::take_over_as(std::uint64_t now_ns) {
  std::size_t taken = 0;
  ParsedPacket packets[FlowShard::kBurst];
  PacketFacts facts_of[kFacts ? FlowShard::kBurst : 1];
  PacketFacts* const facts = kFacts ? facts_of : nullptr;
  // Stamped by the poll that counts it, as every live packet is; the cores' clocks differ by less than a poll.
  const std::uint64_t effective_ns = std::max(now_ns, monitor_.shard().now_ns());
  for (unsigned from = 0; from < options_.workers; ++from) {
    if (from == options_.number) continue;
    std::size_t own = 0;
    PacketCount taken_over;  // as in hand_over()
    payloads_.reset();
    const auto on_packet = [&](std::uint8_t monitor, const SentPacket& sent, const SentFacts* facts_sent) {
      ParsedPacket& packet = packets[own];
      sent.copy_to(packet);
      const bool with_facts = kFacts && facts_sent != nullptr;
      if (with_facts) facts_sent->copy_to(facts[own]);
      packet.time_ns = packet.effective_ns = effective_ns;
      if (monitor == HandoverMessage::kEveryMonitor) [[unlikely]] {  // a later fragment of a datagram of this worker
        front_.take_over(packet);
        if (monitor_.filter_out(packet) || monitor_.sample_out(packet)) return;
        monitor_.set_key(packet);
        if (const unsigned owner = KeyHash::worker_of(packet.hash, options_.workers); owner != options_.number) {
          const bool passed = pass_on(packet, with_facts ? facts + own : nullptr, owner);
          if (passed) monitor_.live_counters().handed_over.add(packet.frame_octets);
          return;
        }
      } else {
        taken_over.add(packet.frame_octets);
      }
      monitor_.shard().prefetch(packet.hash);
      if (with_facts) payloads_.keep(facts[own].payload);
      ++own;
    };
    const auto count_taken = [&] {
      if (own != 0) monitor_.process({packets, own}, facts);
      own = 0;
    };
    const auto on_icmp_error = [&](const IcmpError& sent) {
      count_taken();  // the packets before it
      IcmpError error = sent;
      error.quoted.time_ns = error.quoted.effective_ns = effective_ns;
      tell(error);
    };
    taken += mesh_->ring(from, options_.number)
                 .consume(
                     FlowShard::kBurst, on_packet, [&](const FragmentNote& note) { front_.learn(note, effective_ns); },
                     on_icmp_error, [](std::uint64_t /*effective_ns*/) {});  // only a capture's clock steps back
    monitor_.live_counters().taken_over += taken_over;
    count_taken();
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
  monitor_.shard().drain(now_ns);
  front_.counters().now_ns = monitor_.shard().now_ns();
}

}  // namespace weir
