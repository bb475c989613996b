// The fields of every template of every profile, as the compiler knows them: export_profile.cc chooses from them at run
// time, export_template.cc makes straight-line code of the usual ones.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

#include "proto/element/information_elements.h"
#include "proto/encode/export_profile.h"

namespace weir {

struct FieldList {
  static constexpr std::size_t kMost = 40;

  constexpr void add(std::string_view name, std::uint16_t element, std::uint32_t enterprise = 0,
                     std::uint16_t octets = 0) {
    names[count] = name;
    // The registry's length is the type's; a template may send less of it (RFC 7011 section 6.2, RFC 3954 section 8).
    const std::uint32_t registry = enterprise == kReverseEnterprise ? 0 : enterprise;
    // 0 octets, where the registry does not know the element, make no template.
    fields[count] = {element, octets != 0 ? octets : element_octets(element, registry), enterprise};
    ++count;
  }

  std::array<std::string_view, kMost> names{};  ///< of `fields=`
  std::array<TemplateField, kMost> fields{};
  std::size_t count = 0;
};

/// `third_line`: with what only records of tunnels, labels and SPIs have.
constexpr FieldList profile_fields(ExportProfile profile, Dialect dialect, Family family, RecordKind kind,
                                   bool third_line = false) {
  const bool ipfix = dialect == Dialect::ipfix;
  const bool ipv6 = family == Family::ipv6;
  const bool absolute_times = ipfix || profile == ExportProfile::nfdump || profile == ExportProfile::pmacct;
  // In RFC 3954 element 32 is ICMP_TYPE of any IP version, and nfdump 1.7.1 does not read 139.
  const bool icmpv6_apart = ipfix && profile != ExportProfile::nfdump;
  const std::uint16_t icmp = ipv6 && icmpv6_apart ? ie::kIcmpTypeCodeIpv6 : ie::kIcmpTypeCodeIpv4;
  const bool dot1q = profile == ExportProfile::akvorado || (ipfix && profile == ExportProfile::rfc);
  // RFC 3954 section 8: one octet. RFC 7125 section 3 made it two and lets who knows the lower eight flags only send
  // one; that is what a FlowRecord has, and nfacctd (pmacct 1.7.7) reads two octets as no flags.
  constexpr std::uint16_t kFlagOctets = 1;

  FieldList list;
  list.add("src_addr", ipv6 ? ie::kSourceIpv6Address : ie::kSourceIpv4Address);
  list.add("dst_addr", ipv6 ? ie::kDestinationIpv6Address : ie::kDestinationIpv4Address);
  list.add("bytes", ie::kOctetDeltaCount);
  list.add("packets", ie::kPacketDeltaCount);
  if (kind == RecordKind::merged) {
    list.add("rev_bytes", ie::kPostOctetDeltaCount);
    list.add("rev_packets", ie::kPostPacketDeltaCount);
  }
  list.add("time_flow_start_ns", absolute_times ? ie::kFlowStartMilliseconds : ie::kFlowStartSysUpTime);
  list.add("time_flow_end_ns", absolute_times ? ie::kFlowEndMilliseconds : ie::kFlowEndSysUpTime);
  list.add("in_if", ie::kIngressInterface);
  list.add("sampling_rate", ie::kSamplingInterval);
  list.add("src_port", ie::kSourceTransportPort);
  list.add("dst_port", ie::kDestinationTransportPort);
  list.add("vlan_id", ie::kVlanId);
  if (dot1q) list.add("vlan_id", ie::kDot1qVlanId);
  list.add("etype", ie::kEthernetType);
  list.add("icmp_type", icmp);
  list.add("proto", ie::kProtocolIdentifier);
  list.add("ip_tos", ie::kIpClassOfService);
  list.add("tcp_flags", ie::kTcpControlBits, 0, kFlagOctets);
  list.add("end_reason", ie::kFlowEndReason);
  list.add("sampling_rate", ie::kSamplingAlgorithm);
  list.add("ip_version", ie::kIpVersion);
  if (kind == RecordKind::biflow) {
    list.add("rev_bytes", ie::kOctetDeltaCount, kReverseEnterprise);
    list.add("rev_packets", ie::kPacketDeltaCount, kReverseEnterprise);
    list.add("rev_time_start_ns", ie::kFlowStartMilliseconds, kReverseEnterprise);
    list.add("rev_time_end_ns", ie::kFlowEndMilliseconds, kReverseEnterprise);
    list.add("rev_icmp_type", icmp, kReverseEnterprise);
    list.add("rev_tcp_flags", ie::kTcpControlBits, kReverseEnterprise, kFlagOctets);
    list.add("rev_ip_tos", ie::kIpClassOfService, kReverseEnterprise);
    // RFC 5103 section 6.3: the source is the initiator.
    list.add("rev_packets", ie::kBiflowDirection);
  }
  if (third_line) {
    const auto add_own = [&](std::string_view name, std::uint16_t number) {
      if (ipfix) {
        list.add(name, number, kExampleEnterprise);
      } else {
        list.add(name, static_cast<std::uint16_t>(kWeirNetflow9Elements + number));
      }
    };
    add_own("tunnel_src_addr", ie::kWeirTunnelSourceAddress);
    add_own("tunnel_dst_addr", ie::kWeirTunnelDestinationAddress);
    list.add("tunnel_id", ie::kLayer2SegmentId);
    add_own("tunnel_id", ie::kWeirTunnelId);
    list.add("esp_spi", ie::kIpSecSpi);
    list.add("mpls_label", ie::kMplsTopLabelStackSection);
    add_own("tunnel_type", ie::kWeirTunnelType);
    add_own("tunnel_depth", ie::kWeirTunnelDepth);
  }
  return list;
}

}  // namespace weir
