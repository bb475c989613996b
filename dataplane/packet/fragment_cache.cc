#include "dataplane/packet/fragment_cache.h"

#include <utility>

namespace weir {
FlowKey FragmentCache::identity(const FragmentNote& note) {
  FlowKey key = note.key;
  key.port_low = static_cast<std::uint16_t>(note.fragment_id >> 16);
  key.port_high = static_cast<std::uint16_t>(note.fragment_id);
  key.protocol = note.fragment_protocol;
  // Between equal addresses the side follows from the ports, which a later fragment does not have.
  // The parser leaves this place of the key at 0.
  key.vlan_id = note.from == Side::high && !note.key.addresses_alike() ? 1 : 0;
  return key;
}

void FragmentCache::learn(const FragmentNote& note, std::uint64_t now_ns) {
  const FlowKey datagram = identity(note);
  Line* const set = lines_.data() + hash_(datagram) % kSets * kWays;
  // A free line is older than any other, also where a capture begins at time 0.
  const auto older = [](const Line& one, const Line& other) {
    const bool one_free = one.datagram == FlowKey{};
    const bool other_free = other.datagram == FlowKey{};
    return one_free != other_free ? one_free : one.time_ns < other.time_ns;
  };
  Line* line = set;
  for (Line* way = set; way != set + kWays; ++way) {
    if (way->datagram == datagram) {
      line = way;
      break;
    }
    if (older(*way, *line)) line = way;
  }
  const bool from_high = note.from == Side::high;
  *line = {.datagram = datagram,
           .time_ns = now_ns,
           .source_port = from_high ? note.key.port_high : note.key.port_low,
           .destination_port = from_high ? note.key.port_low : note.key.port_high,
           .protocol = note.key.protocol,
           .filtered_by = note.filtered_by};
}

bool FragmentCache::resolve(ParsedPacket& packet, std::uint64_t now_ns) const {
  const FlowKey datagram = identity(note_of(packet));
  const Line* const set = &lines_[hash_(datagram) % kSets * kWays];
  packet.facts = static_cast<std::uint8_t>(packet.facts & ~kLaterFragment);
  for (const Line* way = set; way != set + kWays; ++way) {
    if (way->datagram != datagram || way->time_ns + kTimeoutNs < now_ns) continue;
    std::uint16_t low = way->source_port;
    std::uint16_t high = way->destination_port;
    bool from_high = packet.from == Side::high;
    if (packet.key.addresses_alike()) from_high = low > high;
    if (from_high) std::swap(low, high);
    packet.from = from_high ? Side::high : Side::low;
    packet.key.port_low = low;
    packet.key.port_high = high;
    packet.key.protocol = way->protocol;
    packet.filtered_by = way->filtered_by;
    return true;
  }
  return false;
}

}  // namespace weir
