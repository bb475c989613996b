// Where each field that weir exports comes from: the table from which templates are compiled, at run time into copy
// operations (export_template.cc), by the compiler into straight-line code (usual_record.h).
#pragma once

#include <cstddef>
#include <cstdint>

#include "proto/element/information_elements.h"
#include "proto/encode/export_template.h"
#include "proto/record/flow_record.h"

namespace weir {

/// Where a field's octets lie. Two offsets: a record of the reverse direction takes source from destination and so on.
struct FieldSource {
  std::uint16_t element;
  std::uint32_t enterprise;
  std::uint8_t base;  ///< 0: FlowRecord, 1: RecordValues
  std::uint16_t offset[2];
  std::uint16_t octets;
  bool number;  ///< host order here, big-endian on the wire; may be sent shorter or longer
};

#define WEIR_BOTH(member) \
  { offsetof(FlowRecord, member), offsetof(FlowRecord, member) }
#define WEIR_PAIR(forward, reverse) \
  { offsetof(FlowRecord, forward), offsetof(FlowRecord, reverse) }
#define WEIR_VALUE(member) \
  { offsetof(RecordValues, member), offsetof(RecordValues, member) }

// clang-format off
inline constexpr FieldSource kFieldSources[] = {
    {ie::kSourceIpv4Address,        0, 0, WEIR_PAIR(source_address, destination_address), 4, false},
    {ie::kDestinationIpv4Address,   0, 0, WEIR_PAIR(destination_address, source_address), 4, false},
    {ie::kSourceIpv6Address,        0, 0, WEIR_PAIR(source_address, destination_address), 16, false},
    {ie::kDestinationIpv6Address,   0, 0, WEIR_PAIR(destination_address, source_address), 16, false},
    {ie::kOctetDeltaCount,          0, 0, WEIR_PAIR(octets[0], octets[1]), 8, true},
    {ie::kPacketDeltaCount,         0, 0, WEIR_PAIR(packets[0], packets[1]), 8, true},
    {ie::kPostOctetDeltaCount,      0, 0, WEIR_PAIR(octets[1], octets[0]), 8, true},
    {ie::kPostPacketDeltaCount,     0, 0, WEIR_PAIR(packets[1], packets[0]), 8, true},
    {ie::kFlowStartSysUpTime,       0, 1, WEIR_VALUE(start_uptime_ms), 4, true},
    {ie::kFlowEndSysUpTime,         0, 1, WEIR_VALUE(end_uptime_ms), 4, true},
    {ie::kFlowStartMilliseconds,    0, 1, WEIR_VALUE(start_ms), 8, true},
    {ie::kFlowEndMilliseconds,      0, 1, WEIR_VALUE(end_ms), 8, true},
    {ie::kIngressInterface,         0, 0, WEIR_BOTH(ingress_interface), 4, true},
    {ie::kSamplingInterval,         0, 0, WEIR_BOTH(sampling_rate), 4, true},
    {ie::kSamplingAlgorithm,        0, 1, WEIR_VALUE(one), 1, true},
    {ie::kSourceTransportPort,      0, 0, WEIR_PAIR(source_port, destination_port), 2, true},
    {ie::kDestinationTransportPort, 0, 0, WEIR_PAIR(destination_port, source_port), 2, true},
    {ie::kVlanId,                   0, 0, WEIR_BOTH(vlan_id), 2, true},
    {ie::kDot1qVlanId,              0, 0, WEIR_BOTH(vlan_id), 2, true},
    {ie::kEthernetType,             0, 0, WEIR_BOTH(ether_type), 2, true},
    // Type * 256 + code is type and code in this order.
    {ie::kIcmpTypeCodeIpv4,         0, 1, WEIR_VALUE(icmp_type), 2, false},
    {ie::kIcmpTypeCodeIpv6,         0, 1, WEIR_VALUE(icmp_type), 2, false},
    {ie::kProtocolIdentifier,       0, 1, WEIR_VALUE(protocol), 1, true},
    {ie::kIpClassOfService,         0, 1, WEIR_VALUE(ip_tos), 1, true},
    {ie::kTcpControlBits,           0, 1, WEIR_VALUE(tcp_flags), 1, true},
    {ie::kFlowEndReason,            0, 1, WEIR_VALUE(end_reason), 1, true},
    {ie::kIpVersion,                0, 1, WEIR_VALUE(ip_version), 1, true},
    {ie::kBiflowDirection,          0, 1, WEIR_VALUE(one), 1, true},
    {ie::kOctetDeltaCount,          kReverseEnterprise, 0, WEIR_PAIR(octets[1], octets[0]), 8, true},
    {ie::kPacketDeltaCount,         kReverseEnterprise, 0, WEIR_PAIR(packets[1], packets[0]), 8, true},
    {ie::kFlowStartMilliseconds,    kReverseEnterprise, 1, WEIR_VALUE(reverse_start_ms), 8, true},
    {ie::kFlowEndMilliseconds,      kReverseEnterprise, 1, WEIR_VALUE(reverse_end_ms), 8, true},
    {ie::kTcpControlBits,           kReverseEnterprise, 1, WEIR_VALUE(reverse_tcp_flags), 1, true},
    {ie::kIpClassOfService,         kReverseEnterprise, 1, WEIR_VALUE(reverse_ip_tos), 1, true},
    {ie::kIcmpTypeCodeIpv4,         kReverseEnterprise, 1, WEIR_VALUE(reverse_icmp_type), 2, false},
    {ie::kIcmpTypeCodeIpv6,         kReverseEnterprise, 1, WEIR_VALUE(reverse_icmp_type), 2, false},
    // The third line, see compute_third_line().
    {ie::kMplsTopLabelStackSection, 0, 1, WEIR_VALUE(mpls_section), 3, false},
    {ie::kIpSecSpi, 0, 1, WEIR_VALUE(esp_spi), 4, true},
    {ie::kLayer2SegmentId, 0, 1, WEIR_VALUE(layer2_segment), 8, true},
    {ie::kWeirTunnelType, kExampleEnterprise, 1, WEIR_VALUE(tunnel_type), 1, true},
    {kWeirNetflow9Elements + ie::kWeirTunnelType, 0, 1, WEIR_VALUE(tunnel_type), 1, true},
    {ie::kWeirTunnelId, kExampleEnterprise, 1, WEIR_VALUE(tunnel_id), 4, true},
    {kWeirNetflow9Elements + ie::kWeirTunnelId, 0, 1, WEIR_VALUE(tunnel_id), 4, true},
    {ie::kWeirTunnelSourceAddress, kExampleEnterprise, 1, WEIR_VALUE(tunnel_source), 16, false},
    {kWeirNetflow9Elements + ie::kWeirTunnelSourceAddress, 0, 1, WEIR_VALUE(tunnel_source), 16, false},
    {ie::kWeirTunnelDestinationAddress, kExampleEnterprise, 1, WEIR_VALUE(tunnel_destination), 16, false},
    {kWeirNetflow9Elements + ie::kWeirTunnelDestinationAddress, 0, 1, WEIR_VALUE(tunnel_destination), 16, false},
    {ie::kWeirTunnelDepth, kExampleEnterprise, 1, WEIR_VALUE(tunnel_depth), 1, true},
    {kWeirNetflow9Elements + ie::kWeirTunnelDepth, 0, 1, WEIR_VALUE(tunnel_depth), 1, true},
};
// clang-format on

#undef WEIR_BOTH
#undef WEIR_PAIR
#undef WEIR_VALUE

inline constexpr std::size_t kFieldSourceCount = sizeof kFieldSources / sizeof kFieldSources[0];

/// The field's place in kFieldSources; kFieldSourceCount: weir has no such field. (A place and no pointer: what is a
/// constant must stay one under -fsanitize=undefined, where gcc takes no comparison of a pointer with null for one.)
constexpr std::size_t find_source(const TemplateField& field) {
  std::size_t at = 0;
  while (at < kFieldSourceCount &&
         (kFieldSources[at].element != field.element || kFieldSources[at].enterprise != field.enterprise)) {
    ++at;
  }
  return at;
}

}  // namespace weir
