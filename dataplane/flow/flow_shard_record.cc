// FlowShard: what is reported of a flow.
#include "dataplane/flow/flow_shard.h"

namespace weir {

/// Least raw time of the side's packets, which has some.
std::uint64_t FlowShard::first_ns(std::uint32_t number, unsigned side) const {
  const FlowEntry& entry = table_.entry(number);
  if ((entry.times & FlowEntry::of_side(FlowEntry::kFirstBehind, side)) != 0)
    return table_.times(number).first_ns[side];
  const unsigned opener = (entry.times & FlowEntry::kOpenerHigh) != 0 ? 1 : 0;
  return side == opener ? entry.start_ns : entry.start_ns + table_.cold(number).first_offset_ns();
}

/// Greatest raw time of the side's packets, which has some.
std::uint64_t FlowShard::last_ns(std::uint32_t number, unsigned side) const {
  const FlowEntry& entry = table_.entry(number);
  if ((entry.times & FlowEntry::of_side(FlowEntry::kLastBehind, side)) != 0) return table_.times(number).last_ns[side];
  return entry.start_ns + entry.last_offset_ns(side);
}

FlowTunnel FlowShard::tunnel_of(const ParsedPacket& packet) {
  FlowTunnel tunnel;
  tunnel.tunnel = packet.tunnel;
  tunnel.mpls_label = packet.mpls_label;
  tunnel.sections = ((packet.facts & kHasTunnel) != 0 ? kSectionBit<TunnelSection> : 0) |
                    ((packet.facts & kHasLabel) != 0 ? kSectionBit<LabelSection> : 0);
  return tunnel;
}

/// Tunnel and label of a record, which few have.
[[gnu::noinline]] void FlowShard::fill_tunnel(const FlowTunnel& tunnel, FlowRecord& record) {
  if ((record.sections & kSectionBit<TunnelSection>) != 0) section_of<TunnelSection>(record) = tunnel.tunnel;
  if ((record.sections & kSectionBit<LabelSection>) != 0) section_of<LabelSection>(record).label = tunnel.mpls_label;
}

/// Reports the flow. False: the ring is full and, since the entry need not be vacated, nothing was done.
bool FlowShard::emit(std::uint32_t number, EndReason reason, bool must_vacate) {
  const FlowKey key = table_.key_of(number);
  FlowRecord* const record = writer_.claim(sections_of(number, key));
  if (record == nullptr && !must_vacate) return false;
  const FlowEntry& entry = table_.entry(number);
  const RecordTotals reported{1, entry.total_packets(), entry.total_octets()};
  if (record == nullptr) {
    counters_.lost[static_cast<std::size_t>(Loss::ring_full)] += reported;
  } else {
    fill_record(number, key, reason, *record);
    writer_.commit(*record);
    counters_.emitted += reported;
  }
  counters_.in_table.records -= reported.records;
  counters_.in_table.packets -= reported.packets;
  counters_.in_table.octets -= reported.octets;
  return true;
}

/// The sections that the flow's record has.
std::uint32_t FlowShard::sections_of(std::uint32_t number, const FlowKey& key) const {
  std::uint32_t sections = key_sections(key);
  if ((table_.entry(number).times & FlowEntry::kHasTunnel) != 0) [[unlikely]]
    sections |= table_.tunnel(number).sections;
  if (metrics_.any()) [[unlikely]] {
    sections |= metrics_.sections(key.protocol, table_.metric_line(number), table_.metric_slot(number));
    if ((sections & kSectionBit<LabelStackSection>) != 0) sections &= ~kSectionBit<LabelSection>;  // it holds the label
  }
  return sections;
}

void FlowShard::fill_record(std::uint32_t number, const FlowKey& key, EndReason reason, FlowRecord& record) const {
  const FlowEntry& entry = table_.entry(number);
  const FlowCold& cold = table_.cold(number);
  const unsigned initiator = (entry.state & FlowEntry::kInitiatorHigh) != 0 ? 1 : 0;
  write_key(record, key, initiator);
  record.vlan_id = cold.vlan_id;
  record.ingress_interface = cold.ingress_interface;
  record.sampling_rate = full_table_ == FullTable::sample ? std::uint32_t{1} << levels_[number] : 1;
  record.end_reason = reason;
  for (const Direction direction : {kForward, kReverse}) {
    const unsigned side = initiator ^ direction;
    if (entry.packets[side] == 0) continue;
    record.packets[direction] = entry.packets[side];
    record.octets[direction] = entry.octets[side];
    record.first_ns[direction] = first_ns(number, side);
    record.last_ns[direction] = last_ns(number, side);
    record.tcp_flags[direction] = entry.tcp_flags[side];
    record.ip_tos[direction] = cold.ip_tos[side];
    if (record.is_icmp()) record.set_icmp(direction, cold.icmp_type[side], cold.icmp_code[side]);
  }
  if (const std::uint64_t due = rules_.due_ns(entry, reason); due != 0) record.set_deadline_ns(due);
  if ((entry.times & FlowEntry::kHasTunnel) != 0) [[unlikely]]
    fill_tunnel(table_.tunnel(number), record);
  if (metrics_.any()) [[unlikely]]
    metrics_.finish(table_.metric_line(number), table_.metric_slot(number), {record, initiator});
}

}  // namespace weir
