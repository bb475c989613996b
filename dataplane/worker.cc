#include "dataplane/worker.h"

#include <algorithm>
#include <span>

#include "dataplane/packet/parser.h"
#include "dataplane/packet/plain_parser.h"

namespace weir {

HandoverMesh::HandoverMesh(unsigned workers) : workers_(workers) {
  rings_.reserve(std::size_t{workers} * workers);
  for (unsigned i = 0; i < workers * workers; ++i) {
    // A worker hands nothing over to itself: the smallest ring there is.
    rings_.push_back(std::make_unique<HandoverRing>(i / workers == i % workers ? 1 : kRingPackets));
  }
}

Worker::Worker(const WorkerOptions& options, const KeyHash& hash)
    : options_(options),
      records_(options.ring_records),
      shard_(options.capacity, hash, options.timeouts, counters_, records_, RingFull::lose, options.full_table) {}

std::size_t Worker::poll(PacketSource& source, std::uint64_t now_ns) {
  PacketView views[FlowShard::kBurst];
  ParsedPacket packets[FlowShard::kBurst];
  const std::uint64_t created_before = counters_.flows_created;
  const std::size_t received = source.receive(views, now_ns);
  // Loops of one job each: their few values stay in registers, and one packet's wait overlaps with the next one's work.
  std::uint64_t received_octets = 0;
  ParsedPacket* end = packets;
  for (const PacketView& view : std::span(views, received)) {
    received_octets += view.frame_octets;
    if (parse_plain(view, *end)) [[likely]] {
      ++end;
      continue;
    }
    const Reject reject = parse_packet(view, *end);
    if (reject == Reject::none) {
      end->effective_ns = end->time_ns;
      ++end;
    } else {
      counters_.rejects[static_cast<std::size_t>(reject)].add(view.frame_octets);
    }
  }
  counters_.received += {received, received_octets};
  auto own = static_cast<std::size_t>(end - packets);
  shard_.prepare({packets, own});
  if (options_.handover != nullptr) own = hand_over({packets, own});
  source.release();
  if (own != 0) shard_.process({packets, own});
  std::size_t found = received;
  if (options_.handover != nullptr) found += take_over(now_ns);
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

std::size_t Worker::hand_over(std::span<ParsedPacket> packets) {
  std::size_t own = 0;
  for (const ParsedPacket& packet : packets) {
    const unsigned owner = KeyHash::worker_of(packet.hash, options_.workers);
    if (owner == options_.number) {
      if (&packet != &packets[own]) packets[own] = packet;
      ++own;
      continue;
    }
    const bool taken = options_.handover->ring(options_.number, owner).push(packet);
    (taken ? counters_.handed_over : counters_.handover_full).add(packet.frame_octets);
  }
  return own;
}

std::size_t Worker::take_over(std::uint64_t now_ns) {
  std::size_t taken = 0;
  ParsedPacket packets[FlowShard::kBurst];
  for (unsigned from = 0; from < options_.workers; ++from) {
    if (from == options_.number) continue;
    const std::size_t count = options_.handover->ring(from, options_.number).pop(packets);
    for (std::size_t i = 0; i < count; ++i) {
      shard_.prefetch(packets[i].hash);
      counters_.taken_over.add(packets[i].frame_octets);
      // Stamped by the poll that counts it, as every live packet is; the cores' clocks differ by less than a poll.
      packets[i].time_ns = packets[i].effective_ns = std::max(now_ns, shard_.now_ns());
    }
    if (count != 0) shard_.process({packets, count});
    taken += count;
  }
  return taken;
}

void Worker::stop_receiving() {
  // Release: who sees the count sees what was pushed before.
  if (options_.handover != nullptr) options_.handover->stopped.fetch_add(1, std::memory_order_release);
}

bool Worker::settle(std::uint64_t now_ns) {
  if (options_.handover == nullptr) return true;
  const bool all_stopped = options_.handover->stopped.load(std::memory_order_acquire) == options_.workers;
  return take_over(now_ns) == 0 && all_stopped;
}

void Worker::drain(std::uint64_t now_ns) {
  shard_.drain(now_ns);
  counters_.now_ns = shard_.now_ns();
}

}  // namespace weir
