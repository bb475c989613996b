#include "dataplane/worker.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <span>

#include "proto/base/tcp_flags.h"

namespace weir {
namespace {

/// Of a packet only what has a meaning is written.
void copy_packet(ParsedPacket& to, const ParsedPacket& from) {
  constexpr std::size_t kCommon = offsetof(ParsedPacket, tunnel);
  std::memcpy(&to, &from, kCommon);
  if (from.facts == 0) [[likely]]
    return;
  std::memcpy(reinterpret_cast<std::uint8_t*>(&to) + kCommon, reinterpret_cast<const std::uint8_t*>(&from) + kCommon,
              sizeof to - kCommon);
}

}  // namespace

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
      count_lost(view.frame_octets);
    }
  }
  front_.count_received({count, received_octets});
  auto offered = static_cast<std::size_t>(end - burst.packets);
  Monitor& monitor = first_.monitor;
  if constexpr (kFilter) {
    if (monitor.has_pairs()) sight({burst.packets, offered}, headers, hash_);
  }
  if (!further_.empty()) [[unlikely]]
    offer(burst, offered, kFilter ? headers : nullptr);
  if constexpr (kFilter) {
    if (monitor.filters()) offered = monitor.drop_filtered({burst.packets, offered}, burst.facts, headers);
  }
  if (samples_frames_ && monitor.sampling_level() != 0) [[unlikely]] {
    for (ParsedPacket& packet : std::span(burst.packets, offered)) packet.set_level(monitor.sampling_level());
  }
  if (first_.samples_parsed) [[unlikely]]
    return monitor.sample({burst.packets, offered}, burst.facts);
  return offered;
}

[[gnu::noinline]] void Worker::sight(std::span<ParsedPacket> packets, const FlowHeader* headers, const KeyHash& hash) {
  for (std::size_t i = 0; i < packets.size(); ++i) {
    if (headers[i].data == nullptr) continue;  // a later fragment: the front has done it
    packets[i].add_nothing();
    packets[i].sighting = sighting_of(headers[i], hash);
  }
}

[[gnu::noinline]] std::size_t Worker::sample(PacketView* views, std::size_t count, std::uint64_t now_ns) {
  const std::uint64_t taken = first_.monitor.take(static_cast<unsigned>(count));
  // No branch on what is seldom: which frames are taken, and which have to be looked into.
  std::uint64_t odd = 0;
  std::uint64_t octets = 0;
  for (std::size_t i = 0; i < count; ++i) {
    odd |= static_cast<std::uint64_t>(!front_.passes_plainly(views[i])) << i;
    octets += views[i].frame_octets;
  }
  for (std::uint64_t left = odd & ~taken; left != 0; left &= left - 1) {
    front_.pass_over(views[std::countr_zero(left)], now_ns);
  }
  std::size_t kept = 0;
  for (std::uint64_t left = taken; left != 0; left &= left - 1) {
    const PacketView& view = views[std::countr_zero(left)];
    octets -= view.frame_octets;
    views[kept++] = view;
  }
  const PacketCount left_out{count - kept, octets};
  front_.count_received(left_out);
  first_.monitor.count_sampled_out(left_out);
  return kept;
}

[[gnu::noinline]] std::size_t Worker::take_marked(PacketView* views, std::size_t count) {
  std::size_t kept = 0;
  for (std::size_t i = 0; i < count; ++i) {
    if (front_.take_marked(views[i])) views[kept++] = views[i];
  }
  return kept;
}

/// Of the packet that was just parsed: copied, since its frame is given back before the packet is counted. With several
/// monitors it stays where it is, until offer() has each choose.
[[gnu::noinline]] void Worker::keep_payload(const PacketView& view, const ParsedPacket& packet, PacketFacts& facts) {
  const bool only_ack = facts.has_tcp() && facts.payload_octets == 0 && (packet.tcp_flags & kTcpSyn) == 0;
  if (only_ack) return;
  if (!further_.empty()) {
    facts.payload = front_.payload(view, packet);
    return;
  }
  if (!first_.monitor.may_want_payload(packet)) return;
  facts.payload = front_.payload(view, packet);
  first_.monitor.choose_payload(packet, facts);
  first_.payloads.keep(facts.payload);
}

/// A later fragment for which another worker's ring had no room: no monitor gets it.
[[gnu::noinline]] void Worker::count_lost(std::uint32_t frame_octets) {
  first_.monitor.live_counters().handover_full.add(frame_octets);
  for (const auto& part : further_) part->monitor.live_counters().handover_full.add(frame_octets);
}

/// Of a burst with facts, whose keys are still those of the frames.
void Worker::choose_payload(Part& part, const Burst& burst, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    PacketFacts& facts = burst.facts[i];
    if (facts.payload.octets == nullptr) continue;
    if (part.wants_payload && part.monitor.may_want_payload(burst.packets[i])) {
      part.monitor.choose_payload(burst.packets[i], facts);
      part.payloads.keep(facts.payload);
    } else {
      facts.payload = {};
    }
  }
}

[[gnu::noinline]] void Worker::offer(const Burst& burst, std::size_t count, const FlowHeader* headers) {
  for (const auto& part : further_) offer(*part, burst, count, headers);
  if (burst.facts != nullptr && wants_payload_) choose_payload(first_, burst, count);
}

void Worker::offer(Part& part, const Burst& burst, std::size_t count, const FlowHeader* headers) {
  if (part.shares) return;
  Monitor& monitor = part.monitor;
  const Burst own = part.burst();
  for (std::size_t i = 0; i < count; ++i) copy_packet(own.packets[i], burst.packets[i]);
  if (own.facts != nullptr) {
    std::copy_n(burst.facts, count, own.facts);
    part.payloads.reset();
    if (wants_payload_) choose_payload(part, own, count);
  }
  if (monitor.filters()) {
    // A later fragment that has its ports may have no fact left that has the rest of it copied.
    for (std::size_t i = 0; i < count; ++i) {
      if (headers[i].data == nullptr) own.packets[i].filtered_by = burst.packets[i].filtered_by;
    }
    count = monitor.drop_filtered({own.packets, count}, own.facts, headers);
  }
  if (part.samples_parsed) count = monitor.sample({own.packets, count}, own.facts);
  if (monitor.has_pairs() && options_.handover == nullptr)
    count = monitor.drop_duplicates({own.packets, count}, own.facts);
  monitor.prepare({own.packets, count}, own.facts);
  if (options_.handover != nullptr) {
    const bool errors = !front_.icmp_errors().empty() && monitor.wants_icmp_errors();
    count = errors ? hand_over<true>(part, own, count) : hand_over<false>(part, own, count);
  }
  part.own = count;
}

[[gnu::noinline]] void Worker::save_rejected(const PacketView& view) {
  PacketView saved = view;
  if (options_.samples != nullptr) saved.ingress_interface = options_.samples[view.ingress_interface].in_if;
  if (rejects_->push(saved, front_.settled().reject)) return;
  front_.counters().rejects_unsaved.add(view.frame_octets);
}

void Worker::take_mail(Part& part, std::uint64_t now_ns) {
  part.timeouts.take([&](const FlowTimeouts& timeouts) { part.monitor.set_timeouts(timeouts, now_ns); });
  part.sampling_level.take([&](unsigned level) {
    part.monitor.set_sampling_level(level);
    if (samples_frames_) front_.set_sampling_level(level);
  });
  part.as_lookup.take([&](const AsLookup& lookup) { part.monitor.set_as_lookup(&lookup); });
  if (part.replacement.asked()) [[unlikely]]
    take_step(part);
  if (part.choice.offered()) [[unlikely]]
    take_choice(part, now_ns);
  part.created_before = part.monitor.live_counters().flows_created;
}

/// A flow's record has one rate, so no packet may share its time with the change, and no change follows another before
/// the flows from before that one are reported.
[[gnu::noinline]] void Worker::take_choice(Part& part, std::uint64_t now_ns) {
  const FlowShard& shard = part.monitor.shard();
  if (now_ns <= shard.now_ns() || shard.changing_rate() || part.monitor.replacing()) return;
  part.choice.take([&](const PacketChoice& choice) {
    part.monitor.set_choice(choice, now_ns);
    follow_choices();
  });
}

/// After a full burst more packets wait, so only as many flows end as keep the table from growing, plus a few.
void Worker::end_flows(Part& part, std::uint64_t now_ns, bool full_burst) {
  const std::uint64_t created = part.monitor.live_counters().flows_created - part.created_before;
  const std::size_t budget = full_burst ? kBusyTimerBudget + created : kTimerBudget;
  part.monitor.shard().advance(now_ns, budget);
  if (part.monitor.replacing()) [[unlikely]]
    go_on_replacing(part, now_ns, budget);
}

void Worker::answer_queries(std::uint64_t now_ns, bool full_burst) {
  std::uint64_t most = kQueryBudget;
  if (full_burst) most = std::min<std::uint64_t>((now_ns - std::min(now_ns, queried_ns_)) / kQueryShareNs, most);
  if (most == 0) return;
  queried_ns_ = most < kQueryBudget ? queried_ns_ + most * kQueryShareNs : now_ns;
  first_.queries.answer(first_.monitor.shard(), static_cast<std::uint32_t>(most));
  for (const auto& part : further_) part->queries.answer(part->monitor.shard(), static_cast<std::uint32_t>(most));
}

std::size_t Worker::poll(PacketSource& source, std::uint64_t now_ns) {
  take_mail(first_, now_ns);
  for (const auto& part : further_) take_mail(*part, now_ns);
  ParsedPacket packets[FlowShard::kBurst];
  PacketFacts facts[FlowShard::kBurst];  // not touched where no metric is on
  const Burst burst{packets, wants_facts_ ? facts : nullptr};
  std::size_t received = 0;
  std::size_t own = 0;
  first_.payloads.reset();
  if (wants_headers_) {
    own = wants_facts_ ? receive<true, true>(source, now_ns, burst, received)
                       : receive<false, true>(source, now_ns, burst, received);
  } else {
    own = wants_facts_ ? receive<true, false>(source, now_ns, burst, received)
                       : receive<false, false>(source, now_ns, burst, received);
  }
  Monitor& monitor = first_.monitor;
  const Burst counted{packets, monitor.wants_facts() ? facts : nullptr};
  if (monitor.has_pairs() && options_.handover == nullptr) [[unlikely]]
    own = monitor.drop_duplicates({packets, own}, counted.facts);
  if (own != 0) monitor.prepare({packets, own}, counted.facts);
  const bool errors = !front_.icmp_errors().empty();
  if (options_.handover != nullptr) {
    own = errors && monitor.wants_icmp_errors() ? hand_over<true>(first_, counted, own)
                                                : hand_over<false>(first_, counted, own);
  }
  source.release();
  if (counts_together_) {
    count_all({packets, own});
  } else if (errors) [[unlikely]] {
    count_with_errors(first_, counted, own);
  } else if (own != 0) {
    monitor.process({packets, own}, counted.facts);
  }
  for (const auto& part : further_) {
    if (counts_together_) break;
    if (errors) {
      count_with_errors(*part, part->burst(), part->own);
    } else if (part->own != 0) {
      part->monitor.process({part->packets.data(), part->own}, part->burst().facts);
    }
  }
  if (errors) front_.forget_icmp_errors();
  std::size_t found = received;
  if (mesh_ != nullptr) {
    found += take_over(now_ns);
    mesh_->publish(options_.number);
  }
  const bool full_burst = received == FlowShard::kBurst;
  end_flows(first_, now_ns, full_burst);
  for (const auto& part : further_) end_flows(*part, now_ns, full_burst);

  answer_queries(now_ns, full_burst);

  PacketCounters& counters = front_.counters();
  ++counters.polls;
  counters.busy_polls += found != 0 ? 1 : 0;
  counters.now_ns = monitor.shard().now_ns();
  snapshots_.answer([this] { return this->counters(); });
  return found;
}

/// Without metrics: each step of all monitors, before the next step of any. `first`: of the first monitor.
[[gnu::noinline]] void Worker::count_all(std::span<const ParsedPacket> first) {
  const auto packets_of = [&](const Part& part) {
    return part.shares ? first : std::span<const ParsedPacket>(part.packets.data(), part.own);
  };
  for (const auto& part : further_) {
    if (part->shares) part->monitor.prefetch(first);
  }
  first_.monitor.shard().look_up(first, first_.looked_up);
  for (const auto& part : further_) part->monitor.shard().look_up(packets_of(*part), part->looked_up);
  if (!first.empty()) first_.monitor.shard().process(first, first_.looked_up);
  for (const auto& part : further_) {
    const std::span<const ParsedPacket> packets = packets_of(*part);
    if (!packets.empty()) part->monitor.shard().process(packets, part->looked_up);
  }
}

/// kErrors: what ICMP errors quote goes to its owners, in the order of the packets.
template <bool kErrors>
std::size_t Worker::hand_over(Part& part, const Burst& burst, std::size_t count) {
  std::size_t own = 0;
  PacketCount handed_over;  // added up here: a counter in memory would have each packet wait for the one before
  const bool pairs = part.monitor.has_pairs();
  for (std::size_t i = 0; i < count; ++i) {
    const ParsedPacket& packet = burst.packets[i];
    const unsigned owner = KeyHash::worker_of(packet.hash, options_.workers);
    if (owner == options_.number) {
      if (pairs && part.monitor.is_duplicate(packet)) [[unlikely]]
        continue;
      if (i != own) {
        burst.packets[own] = packet;
        if (burst.facts != nullptr) burst.facts[own] = burst.facts[i];
      }
      ++own;
    } else {
      const PacketFacts* const facts = burst.facts == nullptr ? nullptr : burst.facts + i;
      if (pass_on(part.monitor, packet, facts, owner)) handed_over.add(packet.frame_octets);
    }
    if constexpr (kErrors) {
      if ((packet.facts & kIcmpError) != 0) send_or_keep(part, packet.icmp_error, own);
    }
  }
  part.monitor.live_counters().handed_over += handed_over;
  return own;
}

[[gnu::noinline]] void Worker::count_with_errors(Part& part, const Burst& burst, std::size_t count) {
  if (options_.handover == nullptr && part.monitor.wants_icmp_errors()) {
    for (std::size_t i = 0; i < count; ++i) {
      if ((burst.packets[i].facts & kIcmpError) != 0) send_or_keep(part, burst.packets[i].icmp_error, i + 1);
    }
  }
  std::size_t done = 0;
  const auto process_until = [&](std::size_t end) {
    const PacketFacts* const facts = burst.facts == nullptr ? nullptr : burst.facts + done;
    if (end != done) part.monitor.process({burst.packets + done, end - done}, facts);
    done = end;
  };
  for (const ErrorPlace& place : std::span(part.errors_kept).first(part.errors_kept_count)) {
    process_until(place.packets_before);
    IcmpError error = front_.icmp_errors()[place.error];
    part.monitor.set_quoted_key(error.quoted);
    tell(part.monitor, part.monitor.sent_number(), error);
  }
  process_until(count);
  part.errors_kept_count = 0;
}

/// What this ICMP error of the burst quotes: whose flow is it of?
void Worker::send_or_keep(Part& part, std::size_t error, std::size_t packets_before) {
  Monitor& monitor = part.monitor;
  IcmpError sent = front_.icmp_errors()[error];
  if (!sent.readable) return monitor.count(IcmpQuote::unreadable);
  monitor.set_quoted_key(sent.quoted);
  const unsigned owner =
      options_.handover == nullptr ? options_.number : KeyHash::worker_of(sent.quoted.hash, options_.workers);
  if (owner == options_.number) {
    part.errors_kept[part.errors_kept_count++] = {static_cast<std::uint8_t>(packets_before),
                                                  static_cast<std::uint8_t>(error)};
  } else if (!mesh_->ring(options_.number, owner).push(sent, monitor.sent_number())) {
    monitor.count(IcmpQuote::handover_full);
  }
}

/// Tells this worker's flow, or asks the next worker.
void Worker::tell(Monitor& monitor, std::uint8_t sent_number, const IcmpError& error) {
  const bool last = options_.icmp_mesh == nullptr || error.workers_asked + 1U >= options_.workers || settling_;
  if (monitor.tell(monitor.flows_of(sent_number), error, last) || last) return;
  IcmpError sent = error;
  ++sent.workers_asked;
  const unsigned next = (options_.number + 1) % options_.workers;
  if (!mesh_->ring(options_.number, next).push(sent, sent_number)) monitor.count(IcmpQuote::handover_full);
}

}  // namespace weir
