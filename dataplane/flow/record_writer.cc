#include "dataplane/flow/record_writer.h"

#include <cstring>
#include <thread>

#include "proto/base/ip_numbers.h"

namespace weir {
namespace {

/// The sections that follow from the key alone: an ESP flow's SPI.
std::uint32_t key_sections(const FlowKey& key) {
  // ESP has no ports: the SPI stands in their place in the key, so that every security association is a flow. 0, which
  // no packet may carry (RFC 4303 §2.1), is one that was not captured or is no part of the key.
  return key.protocol == kProtocolEsp && (key.port_low | key.port_high) != 0 ? kSectionBit<EspSection> : 0;
}

/// Writes addresses, ports and protocol, with side `initiator` of the key as the source, and the SPI where the record
/// has one.
void fill_key(FlowRecord& record, const FlowKey& key, unsigned initiator) {
  if (key.version() == 4) {
    const auto* addresses = reinterpret_cast<const std::uint8_t*>(key.address);
    std::memcpy(record.source_address, addresses + 4 * initiator, 4);
    std::memcpy(record.destination_address, addresses + 4 * (1 - initiator), 4);
    record.ether_type = kEtherTypeIpv4;
  } else {
    std::memcpy(record.source_address, &key.address[2 * initiator], 16);
    std::memcpy(record.destination_address, &key.address[2 * (1 - initiator)], 16);
    record.ether_type = kEtherTypeIpv6;
  }
  record.protocol = key.protocol;
  record.ip_version = static_cast<std::uint8_t>(key.version());
  const std::uint16_t source = initiator == 0 ? key.port_low : key.port_high;
  const std::uint16_t destination = initiator == 0 ? key.port_high : key.port_low;
  if ((record.sections & kSectionBit<EspSection>) != 0) [[unlikely]] {
    section_of<EspSection>(record).spi = std::uint32_t{source} << 16 | destination;
  } else if (!is_icmp(key.protocol)) [[likely]] {  // types and codes are written as they came, by direction
    record.ports[kForward] = source;
    record.ports[kReverse] = destination;
  }
}

}  // namespace

/// Room for a record with these sections, all of it 0 but for `sections`; nullptr: there is none, and none is waited
/// for.
FlowRecord* RecordWriter::claim(std::uint32_t sections) {
  const unsigned lines = record_lines(sections);
  RingLine* line = ring_.claim(lines);
  while (line == nullptr && ring_full_ == RingFull::wait) {
    ring_.publish();
    std::this_thread::yield();
    line = ring_.claim(lines);
  }
  if (line == nullptr) return nullptr;
  std::memset(static_cast<void*>(line), 0, lines * sizeof *line);
  auto* const record = reinterpret_cast<FlowRecord*>(line);
  record->sections = sections;
  return record;
}

bool RecordWriter::write(std::uint32_t number, const RecordEnd& end) {
  const FlowKey key = table_.key_of(number);
  FlowRecord* const record = claim(sections_of(number, key, true));
  if (record == nullptr) return false;
  sections_written_ = record->sections;
  fill(*record, number, key, end);
  commit(*record);
  return true;
}

unsigned RecordWriter::copy(std::uint32_t number, const RecordEnd& end, bool with_metrics,
                            std::span<RingLine> room) const {
  const FlowKey key = table_.key_of(number);
  const std::uint32_t sections = sections_of(number, key, with_metrics);
  const unsigned lines = record_lines(sections);
  if (lines > room.size()) return 0;
  std::memset(static_cast<void*>(room.data()), 0, lines * sizeof(RingLine));
  auto* const record = reinterpret_cast<FlowRecord*>(room.data());
  record->sections = sections;
  fill(*record, number, key, end);
  return lines;
}

/// The sections that the flow's record has.
std::uint32_t RecordWriter::sections_of(std::uint32_t number, const FlowKey& key, bool with_metrics) const {
  std::uint32_t sections = key_sections(key);
  if ((table_.entry(number).state & FlowEntry::kHasTunnel) != 0) [[unlikely]]
    sections |= table_.tunnel(number).sections;
  if (pairs_.any()) [[unlikely]]
    sections |= egress_section(table_.ingress_interface(number));
  if (as_in_key_) [[unlikely]]
    sections |= kSectionBit<RoutingSection>;
  if (samples_ != nullptr) [[unlikely]]
    sections |= samples_->sections(number);
  if (with_metrics && metrics_.any()) [[unlikely]] {
    sections |= metrics_.sections(key.protocol, table_.metric_line(number), table_.metric_slot(number));
    if ((sections & kSectionBit<LabelStackSection>) != 0) sections &= ~kSectionBit<LabelSection>;  // it holds the label
  }
  return sections;
}

void RecordWriter::fill(FlowRecord& record, std::uint32_t number, const FlowKey& key, const RecordEnd& end) const {
  const FlowEntry& entry = table_.entry(number);
  const FlowCold& cold = table_.cold(number);
  const unsigned initiator = (entry.state & FlowEntry::kInitiatorHigh) != 0 ? 1 : 0;
  fill_key(record, key, initiator);
  record.vlan_id = cold.vlan_id;
  record.ingress_interface = table_.ingress_interface(number);
  if (pairs_.any()) [[unlikely]] {
    const bool opener_high = (entry.times & FlowEntry::kOpenerHigh) != 0;
    fill_interfaces(record, record.ingress_interface, opener_high != (initiator == 1));
  }
  if (as_in_key_) [[unlikely]]
    fill_as_numbers(record, table_.addition_of(number), initiator);
  if (samples_ != nullptr) [[unlikely]]
    samples_->fill(number, initiator, record);
  record.sampling_rate = end.sampling_rate;
  record.sampling_algorithm = end.sampling_algorithm & 0xf;
  record.monitor = monitor_ & 0xf;
  record.end_reason = end.reason;
  for (const Direction direction : {kForward, kReverse}) {
    const unsigned side = initiator ^ direction;
    if (entry.packets[side] == 0) continue;
    record.packets[direction] = entry.packets[side];
    record.octets[direction] = entry.octets[side];
    record.first_ns[direction] = table_.first_ns(number, side);
    record.last_ns[direction] = table_.last_ns(number, side);
    record.tcp_flags[direction] = entry.tcp_flags[side];
    record.ip_tos[direction] = cold.ip_tos[side];
    if (record.is_icmp()) record.set_icmp(direction, cold.icmp_type[side], cold.icmp_code[side]);
  }
  if (end.deadline_ns != 0) record.set_deadline_ns(end.deadline_ns);
  if ((entry.state & FlowEntry::kHasTunnel) != 0) [[unlikely]]
    fill_tunnel(record, table_.tunnel(number));
  if (metrics_.any()) [[unlikely]]
    metrics_.finish(table_.metric_line(number), table_.metric_slot(number), {record, initiator, pool_});
}

bool RecordWriter::write_packet(const ParsedPacket& packet, std::uint32_t rate, std::uint8_t algorithm) {
  const FlowTunnel tunnel = tunnel_of(packet);
  FlowRecord* const record = claim(key_sections(packet.key) | tunnel.sections |
                                   (samples_ != nullptr ? samples_->sections(packet)  //
                                                        : egress_section(packet.ingress_interface)));
  if (record == nullptr) return false;
  fill_key(*record, packet.key, static_cast<unsigned>(packet.from));
  record->vlan_id = packet.vlan_id;
  if (samples_ != nullptr) {
    samples_->fill(packet, *record);
  } else {
    record->ingress_interface = packet.ingress_interface;
    fill_interfaces(*record, packet.ingress_interface, false);
  }
  record->sampling_rate = rate;
  record->sampling_algorithm = algorithm & 0xf;
  record->monitor = monitor_ & 0xf;
  record->end_reason = EndReason::lack_of_resources;
  record->packets[kForward] = 1;
  record->octets[kForward] = packet.ip_octets;
  record->first_ns[kForward] = packet.time_ns;
  record->last_ns[kForward] = packet.time_ns;
  record->tcp_flags[kForward] = packet.tcp_flags;
  record->ip_tos[kForward] = packet.ip_tos;
  if (record->is_icmp()) record->set_icmp(kForward, packet.icmp_type, packet.icmp_code);
  if (tunnel.sections != 0) fill_tunnel(*record, tunnel);
  record->sections |= FlowRecord::kOverflowMark;
  commit(*record);
  return true;
}

std::uint32_t RecordWriter::egress_section(std::uint32_t ingress) const {
  return pairs_.egress_of(ingress) != 0 ? kSectionBit<EgressSection> : 0;
}

/// `turned`: the packet that came in there was one of the responder's.
void RecordWriter::fill_interfaces(FlowRecord& record, std::uint32_t ingress, bool turned) const {
  const std::uint32_t egress = pairs_.egress_of(ingress);
  if (egress == 0) return;
  record.ingress_interface = turned ? egress : ingress;
  auto& section = section_of<EgressSection>(record);
  section.interface = turned ? ingress : egress;
  section.reverse_interface = record.ingress_interface;
}

FlowTunnel RecordWriter::tunnel_of(const ParsedPacket& packet) {
  FlowTunnel tunnel;
  tunnel.tunnel = packet.tunnel;
  tunnel.mpls_label = packet.mpls_label;
  tunnel.sections = ((packet.facts & kHasTunnel) != 0 ? kSectionBit<TunnelSection> : 0) |
                    ((packet.facts & kHasLabel) != 0 ? kSectionBit<LabelSection> : 0);
  return tunnel;
}

/// Of a key with AS numbers, side `initiator` being the source.
void RecordWriter::fill_as_numbers(FlowRecord& record, const KeyAddition& addition, unsigned initiator) {
  auto& routing = section_of<RoutingSection>(record);
  routing.source_as = addition.as_number[initiator];
  routing.destination_as = addition.as_number[1 - initiator];
  routing.ip_version = record.ip_version;
}

/// Tunnel and label of a record, which few have.
[[gnu::noinline]] void RecordWriter::fill_tunnel(FlowRecord& record, const FlowTunnel& tunnel) {
  if ((record.sections & kSectionBit<TunnelSection>) != 0) section_of<TunnelSection>(record) = tunnel.tunnel;
  if ((record.sections & kSectionBit<LabelSection>) != 0) section_of<LabelSection>(record).label = tunnel.mpls_label;
}

}  // namespace weir
