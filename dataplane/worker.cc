#include "dataplane/worker.h"

#include <algorithm>
#include <span>

#include "dataplane/packet/read_facts.h"

namespace weir {

HandoverMesh::HandoverMesh(unsigned workers) : workers_(workers) {
  rings_.reserve(std::size_t{workers} * workers);
  for (unsigned i = 0; i < workers * workers; ++i) {
    // A worker hands nothing over to itself: the smallest ring there is.
    rings_.push_back(std::make_unique<HandoverRing>(i / workers == i % workers ? 1 : kRingLines));
  }
}

Worker::Worker(const WorkerOptions& options, const KeyHash& hash)
    : options_(options),
      parser_(options.parser),
      mask_(options.key),
      fragments_(hash),
      records_(std::max(ring_lines(options.ring_records), kLeastRingLines)),
      shard_(options.capacity, hash, for_key(options.timeouts, options.key), counters_, records_, RingFull::lose,
             options.full_table, options.metrics) {}

template <bool kFacts>
[[gnu::always_inline]] inline std::size_t Worker::receive(PacketSource& source, std::uint64_t now_ns,
                                                          const Burst& burst, std::size_t& received) {
  PacketView views[FlowShard::kBurst];
  received = source.receive(views, now_ns);
  // Loops of one job each: their few values stay in registers, and one packet's wait overlaps with the next one's work.
  std::uint64_t received_octets = 0;
  ParsedPacket* end = burst.packets;
  PacketFacts* facts = kFacts ? burst.facts : nullptr;  // those of *end
  const auto keep = [&] {
    ++end;
    if constexpr (kFacts) ++facts;
  };
  for (const PacketView& view : std::span(views, received)) {
    received_octets += view.frame_octets;
    if (parser_.parse_plain(view, *end)) [[likely]] {
      if constexpr (kFacts) read_plain_facts(view, *end, *facts);
      keep();
      continue;
    }
    const Reject reject = parser_.parse(view, *end, facts);
    if (reject == Reject::none) {
      end->effective_ns = end->time_ns;
      if ((end->facts & kLengthFromFrame) != 0) counters_.length_from_frame.add(view.frame_octets);
      const bool fragment = (end->facts & (kFirstFragment | kLaterFragment)) != 0;
      if (!fragment || settle_fragment(*end, facts)) keep();
    } else {
      counters_.rejects[static_cast<std::size_t>(reject)].add(view.frame_octets);
    }
  }
  counters_.received += {received, received_octets};
  return static_cast<std::size_t>(end - burst.packets);
}

/// Apart, so that the loop without metrics stays by itself.
[[gnu::noinline]] std::size_t Worker::receive_with_facts(PacketSource& source, std::uint64_t now_ns, const Burst& burst,
                                                         std::size_t& received) {
  return receive<true>(source, now_ns, burst, received);
}

std::size_t Worker::poll(PacketSource& source, std::uint64_t now_ns) {
  ParsedPacket packets[FlowShard::kBurst];
  PacketFacts facts[FlowShard::kBurst];  // not touched where no metric is on
  const bool wanted = options_.metrics.any();
  const Burst burst{packets, wanted ? facts : nullptr};
  const std::uint64_t created_before = counters_.flows_created;
  std::size_t received = 0;
  std::size_t own =
      wanted ? receive_with_facts(source, now_ns, burst, received) : receive<false>(source, now_ns, burst, received);
  if (mask_.changes()) [[unlikely]] {
    for (ParsedPacket& packet : std::span(packets, own)) mask_.apply(packet);
  }
  shard_.prepare({packets, own});
  if (options_.handover != nullptr) own = hand_over(burst, own);
  source.release();
  if (own != 0) shard_.process({packets, own}, burst.facts);
  std::size_t found = received;
  if (const PacketSource::Filtered filtered = source.take_filtered(); filtered.packets != 0) [[unlikely]] {
    counters_.received += {filtered.packets, filtered.octets};
    counters_.filtered_out += {filtered.packets, filtered.octets};
    found += filtered.packets;
  }
  if (options_.handover != nullptr) {
    found += take_over(now_ns);
    options_.handover->publish(options_.number);
  }
  // A full burst says that more packets wait: then only as many flows end as keep the table from growing, and a few.
  const std::uint64_t created = counters_.flows_created - created_before;
  shard_.advance(now_ns, received == FlowShard::kBurst ? kBusyTimerBudget + created : kTimerBudget);

  ++counters_.polls;
  counters_.busy_polls += found != 0 ? 1 : 0;
  counters_.now_ns = shard_.now_ns();
  counters_.far_inserts = shard_.table().index().far_inserts();
  counters_.longest_probe = shard_.table().index().longest_probe();
  snapshots_.answer(counters_);
  return found;
}

std::size_t Worker::hand_over(const Burst& burst, std::size_t count) {
  std::size_t own = 0;
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
    pass_on(packet, burst.facts == nullptr ? nullptr : burst.facts + i, owner);
  }
  return own;
}

void Worker::pass_on(const ParsedPacket& packet, const PacketFacts* facts, unsigned owner) {
  const bool taken = options_.handover->ring(options_.number, owner).push(packet, facts);
  (taken ? counters_.handed_over : counters_.handover_full).add(packet.frame_octets);
}

void Worker::resolve(ParsedPacket& packet) {
  if (!fragments_.resolve(packet, packet.effective_ns)) counters_.fragments_without_first.add(packet.frame_octets);
}

bool Worker::settle_fragment(ParsedPacket& packet, const PacketFacts* facts) {
  if ((packet.facts & kFirstFragment) != 0) {
    const FragmentNotes& notes = parser_.notes();
    for (unsigned i = 0; i < notes.count; ++i) {
      const FragmentNote& note = notes.notes[i];
      const unsigned owner = options_.handover == nullptr
                                 ? options_.number
                                 : KeyHash::worker_of(fragments_.hash_of(note), options_.workers);
      if (owner == options_.number) {
        fragments_.learn(note, packet.effective_ns);
        continue;
      }
      ParsedPacket message{};
      message.key = note.key;
      message.from = note.from;
      message.fragment_protocol = note.fragment_protocol;
      message.fragment_id = note.fragment_id;
      message.facts = kFragmentNote;
      (void)options_.handover->ring(options_.number, owner).push(message, nullptr);
    }
  }
  if ((packet.facts & kLaterFragment) == 0) return true;
  if (options_.handover != nullptr) {
    const unsigned owner = KeyHash::worker_of(fragments_.hash_of(packet), options_.workers);
    if (owner != options_.number) {
      pass_on(packet, facts, owner);
      return false;
    }
  }
  resolve(packet);
  return true;
}

std::size_t Worker::take_over(std::uint64_t now_ns) {
  std::size_t taken = 0;
  ParsedPacket packets[FlowShard::kBurst];
  PacketFacts facts_of[FlowShard::kBurst];
  PacketFacts* const facts = options_.metrics.any() ? facts_of : nullptr;
  for (unsigned from = 0; from < options_.workers; ++from) {
    if (from == options_.number) continue;
    const std::size_t count = options_.handover->ring(from, options_.number).pop(packets, facts, FlowShard::kBurst);
    std::size_t own = 0;
    for (std::size_t i = 0; i < count; ++i) {
      ParsedPacket& packet = packets[i];
      // Stamped by the poll that counts it, as every live packet is; the cores' clocks differ by less than a poll.
      packet.time_ns = packet.effective_ns = std::max(now_ns, shard_.now_ns());
      if ((packet.facts & (kFragmentNote | kLaterFragment)) != 0) [[unlikely]] {
        if ((packet.facts & kFragmentNote) != 0) {
          fragments_.learn(FragmentCache::note_of(packet), packet.effective_ns);
          continue;
        }
        resolve(packet);
        if (mask_.changes()) mask_.apply(packet);
        packet.hash = shard_.hash_of(packet.key);
        if (const unsigned owner = KeyHash::worker_of(packet.hash, options_.workers); owner != options_.number) {
          counters_.taken_over.add(packet.frame_octets);
          pass_on(packet, facts == nullptr ? nullptr : facts + i, owner);
          continue;
        }
      }
      shard_.prefetch(packet.hash);
      counters_.taken_over.add(packet.frame_octets);
      if (own != i) {
        packets[own] = packet;
        if (facts != nullptr) facts[own] = facts[i];
      }
      ++own;
    }
    if (own != 0) shard_.process({packets, own}, facts);
    taken += count;
  }
  return taken;
}

void Worker::stop_receiving() {
  // Release: who sees the count sees what was pushed before.
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
  shard_.drain(now_ns);
  counters_.now_ns = shard_.now_ns();
}

}  // namespace weir
