// The registry of information elements: what a field of NetFlow v9 or IPFIX is called, how long it is and what it
// counts.
//
// One table, known to the compiler, drives the bytes of templates, the encoders, the decoders and every text that names
// a field. Ids, names, types, semantics and units are IANA's (registry "IPFIX Information Elements"); NetFlow v9 uses
// the same numbers up to 127 (RFC 3954 section 8, RFC 7012 section 5) and vendors use IANA's above that, too.
// It holds all that weir sends and what v9 devices send: 1-64 and 70-96, less 65-69, which RFC 3954 leaves to vendors
// and IANA leaves without a name, and the later ones that a collector meets often. An element that is not here has no
// name and is shown by its number in hex (element_name()), never skipped in silence.
//
// Enterprise elements. RFC 5103 gives the reverse direction of a biflow the numbers of the forward one under the
// enterprise number 29305; they are not listed again. weir has no enterprise number of its own: what IANA has no
// element for (one: the name of a loss) stands under 32473, which RFC 5612 sets aside for examples, and only in options
// data.
//
// `octets` is the length of the type. Exporters may send less of an integer (RFC 7011 section 6.2) and v9 devices send
// other lengths than IANA's later types (tcpControlBits 1, flowLabelIPv6 3, forwardingStatus 1): a decoder goes by the
// length in the template.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace weir {

enum class ElementType : std::uint8_t {
  octet_array,
  unsigned_integer,
  signed_integer,
  float_number,
  boolean,
  mac_address,
  ipv4_address,
  ipv6_address,
  string,
  date_time_seconds,
  date_time_milliseconds,
  date_time_microseconds,  ///< NTP timestamp: seconds since 1900 and a 32-bit fraction (RFC 7011 section 6.1.9)
  date_time_nanoseconds,   ///< likewise
  basic_list,              ///< RFC 6313, as the two that follow
  sub_template_list,
  sub_template_multi_list,
};

/// RFC 7012 section 3.2; `none` is its "default".
enum class ElementSemantics : std::uint8_t { none, quantity, total_counter, delta_counter, identifier, flags };

enum class ElementUnits : std::uint8_t { none, bits, octets, packets, flows, messages, hops, seconds, milliseconds };

struct InformationElement {
  std::uint16_t id;
  std::uint32_t enterprise;  ///< private enterprise number, 0 for IANA's
  std::string_view name;
  std::uint16_t octets;  ///< of the type; 0: any length
  ElementType type;
  ElementSemantics semantics;
  ElementUnits units;
  std::string_view json_name;  ///< of weir's JSON and protobuf field (goflow2's FlowMessage); empty where there is none
};

namespace ie_detail {

using Type = ElementType;
using Semantics = ElementSemantics;
using Units = ElementUnits;

// clang-format off
inline constexpr auto kTable = std::to_array<InformationElement>({
    {1, 0, "octetDeltaCount", 8, Type::unsigned_integer, Semantics::delta_counter, Units::octets, "bytes"},
    {2, 0, "packetDeltaCount", 8, Type::unsigned_integer, Semantics::delta_counter, Units::packets, "packets"},
    {3, 0, "deltaFlowCount", 8, Type::unsigned_integer, Semantics::delta_counter, Units::flows, ""},
    {4, 0, "protocolIdentifier", 1, Type::unsigned_integer, Semantics::identifier, Units::none, "proto"},
    {5, 0, "ipClassOfService", 1, Type::unsigned_integer, Semantics::identifier, Units::none, "ip_tos"},
    {6, 0, "tcpControlBits", 2, Type::unsigned_integer, Semantics::flags, Units::none, "tcp_flags"},
    {7, 0, "sourceTransportPort", 2, Type::unsigned_integer, Semantics::identifier, Units::none, "src_port"},
    {8, 0, "sourceIPv4Address", 4, Type::ipv4_address, Semantics::none, Units::none, "src_addr"},
    {9, 0, "sourceIPv4PrefixLength", 1, Type::unsigned_integer, Semantics::none, Units::bits, ""},
    {10, 0, "ingressInterface", 4, Type::unsigned_integer, Semantics::identifier, Units::none, "in_if"},
    {11, 0, "destinationTransportPort", 2, Type::unsigned_integer, Semantics::identifier, Units::none, "dst_port"},
    {12, 0, "destinationIPv4Address", 4, Type::ipv4_address, Semantics::none, Units::none, "dst_addr"},
    {13, 0, "destinationIPv4PrefixLength", 1, Type::unsigned_integer, Semantics::none, Units::bits, ""},
    {14, 0, "egressInterface", 4, Type::unsigned_integer, Semantics::identifier, Units::none, ""},
    {15, 0, "ipNextHopIPv4Address", 4, Type::ipv4_address, Semantics::none, Units::none, ""},
    {16, 0, "bgpSourceAsNumber", 4, Type::unsigned_integer, Semantics::identifier, Units::none, ""},
    {17, 0, "bgpDestinationAsNumber", 4, Type::unsigned_integer, Semantics::identifier, Units::none, ""},
    {18, 0, "bgpNextHopIPv4Address", 4, Type::ipv4_address, Semantics::none, Units::none, ""},
    {19, 0, "postMCastPacketDeltaCount", 8, Type::unsigned_integer, Semantics::delta_counter, Units::packets, ""},
    {20, 0, "postMCastOctetDeltaCount", 8, Type::unsigned_integer, Semantics::delta_counter, Units::octets, ""},
    {21, 0, "flowEndSysUpTime", 4, Type::unsigned_integer, Semantics::none, Units::milliseconds, "time_flow_end_ns"},
    {22, 0, "flowStartSysUpTime", 4, Type::unsigned_integer, Semantics::none, Units::milliseconds, "time_flow_start_ns"},
    {23, 0, "postOctetDeltaCount", 8, Type::unsigned_integer, Semantics::delta_counter, Units::octets, "rev_bytes"},
    {24, 0, "postPacketDeltaCount", 8, Type::unsigned_integer, Semantics::delta_counter, Units::packets, "rev_packets"},
    {25, 0, "minimumIpTotalLength", 8, Type::unsigned_integer, Semantics::none, Units::octets, ""},
    {26, 0, "maximumIpTotalLength", 8, Type::unsigned_integer, Semantics::none, Units::octets, ""},
    {27, 0, "sourceIPv6Address", 16, Type::ipv6_address, Semantics::none, Units::none, "src_addr"},
    {28, 0, "destinationIPv6Address", 16, Type::ipv6_address, Semantics::none, Units::none, "dst_addr"},
    {29, 0, "sourceIPv6PrefixLength", 1, Type::unsigned_integer, Semantics::none, Units::bits, ""},
    {30, 0, "destinationIPv6PrefixLength", 1, Type::unsigned_integer, Semantics::none, Units::bits, ""},
    {31, 0, "flowLabelIPv6", 4, Type::unsigned_integer, Semantics::identifier, Units::none, ""},
    {32, 0, "icmpTypeCodeIPv4", 2, Type::unsigned_integer, Semantics::identifier, Units::none, ""},
    {33, 0, "igmpType", 1, Type::unsigned_integer, Semantics::identifier, Units::none, ""},
    {34, 0, "samplingInterval", 4, Type::unsigned_integer, Semantics::quantity, Units::packets, "sampling_rate"},
    {35, 0, "samplingAlgorithm", 1, Type::unsigned_integer, Semantics::identifier, Units::none, ""},
    {36, 0, "flowActiveTimeout", 2, Type::unsigned_integer, Semantics::none, Units::seconds, ""},
    {37, 0, "flowIdleTimeout", 2, Type::unsigned_integer, Semantics::none, Units::seconds, ""},
    {38, 0, "engineType", 1, Type::unsigned_integer, Semantics::identifier, Units::none, ""},
    {39, 0, "engineId", 1, Type::unsigned_integer, Semantics::identifier, Units::none, ""},
    {40, 0, "exportedOctetTotalCount", 8, Type::unsigned_integer, Semantics::total_counter, Units::octets, ""},
    {41, 0, "exportedMessageTotalCount", 8, Type::unsigned_integer, Semantics::total_counter, Units::messages, ""},
    {42, 0, "exportedFlowRecordTotalCount", 8, Type::unsigned_integer, Semantics::total_counter, Units::flows, ""},
    {43, 0, "ipv4RouterSc", 4, Type::ipv4_address, Semantics::none, Units::none, ""},
    {44, 0, "sourceIPv4Prefix", 4, Type::ipv4_address, Semantics::none, Units::none, ""},
    {45, 0, "destinationIPv4Prefix", 4, Type::ipv4_address, Semantics::none, Units::none, ""},
    {46, 0, "mplsTopLabelType", 1, Type::unsigned_integer, Semantics::identifier, Units::none, ""},
    {47, 0, "mplsTopLabelIPv4Address", 4, Type::ipv4_address, Semantics::none, Units::none, ""},
    {48, 0, "samplerId", 1, Type::unsigned_integer, Semantics::identifier, Units::none, ""},
    {49, 0, "samplerMode", 1, Type::unsigned_integer, Semantics::identifier, Units::none, ""},
    {50, 0, "samplerRandomInterval", 4, Type::unsigned_integer, Semantics::quantity, Units::none, ""},
    {51, 0, "classId", 1, Type::unsigned_integer, Semantics::identifier, Units::none, ""},
    {52, 0, "minimumTTL", 1, Type::unsigned_integer, Semantics::none, Units::hops, ""},
    {53, 0, "maximumTTL", 1, Type::unsigned_integer, Semantics::none, Units::hops, ""},
    {54, 0, "fragmentIdentification", 4, Type::unsigned_integer, Semantics::identifier, Units::none, ""},
    {55, 0, "postIpClassOfService", 1, Type::unsigned_integer, Semantics::identifier, Units::none, ""},
    {56, 0, "sourceMacAddress", 6, Type::mac_address, Semantics::none, Units::none, ""},
    {57, 0, "postDestinationMacAddress", 6, Type::mac_address, Semantics::none, Units::none, ""},
    {58, 0, "vlanId", 2, Type::unsigned_integer, Semantics::identifier, Units::none, "vlan_id"},
    {59, 0, "postVlanId", 2, Type::unsigned_integer, Semantics::identifier, Units::none, ""},
    {60, 0, "ipVersion", 1, Type::unsigned_integer, Semantics::identifier, Units::none, ""},
    {61, 0, "flowDirection", 1, Type::unsigned_integer, Semantics::identifier, Units::none, ""},
    {62, 0, "ipNextHopIPv6Address", 16, Type::ipv6_address, Semantics::none, Units::none, ""},
    {63, 0, "bgpNextHopIPv6Address", 16, Type::ipv6_address, Semantics::none, Units::none, ""},
    {64, 0, "ipv6ExtensionHeaders", 4, Type::unsigned_integer, Semantics::flags, Units::none, ""},
    {70, 0, "mplsTopLabelStackSection", 3, Type::octet_array, Semantics::none, Units::none, ""},
    {71, 0, "mplsLabelStackSection2", 3, Type::octet_array, Semantics::none, Units::none, ""},
    {72, 0, "mplsLabelStackSection3", 3, Type::octet_array, Semantics::none, Units::none, ""},
    {73, 0, "mplsLabelStackSection4", 3, Type::octet_array, Semantics::none, Units::none, ""},
    {74, 0, "mplsLabelStackSection5", 3, Type::octet_array, Semantics::none, Units::none, ""},
    {75, 0, "mplsLabelStackSection6", 3, Type::octet_array, Semantics::none, Units::none, ""},
    {76, 0, "mplsLabelStackSection7", 3, Type::octet_array, Semantics::none, Units::none, ""},
    {77, 0, "mplsLabelStackSection8", 3, Type::octet_array, Semantics::none, Units::none, ""},
    {78, 0, "mplsLabelStackSection9", 3, Type::octet_array, Semantics::none, Units::none, ""},
    {79, 0, "mplsLabelStackSection10", 3, Type::octet_array, Semantics::none, Units::none, ""},
    {80, 0, "destinationMacAddress", 6, Type::mac_address, Semantics::none, Units::none, ""},
    {81, 0, "postSourceMacAddress", 6, Type::mac_address, Semantics::none, Units::none, ""},
    {82, 0, "interfaceName", 0, Type::string, Semantics::none, Units::none, ""},
    {83, 0, "interfaceDescription", 0, Type::string, Semantics::none, Units::none, ""},
    {84, 0, "samplerName", 0, Type::string, Semantics::none, Units::none, ""},
    {85, 0, "octetTotalCount", 8, Type::unsigned_integer, Semantics::total_counter, Units::octets, ""},
    {86, 0, "packetTotalCount", 8, Type::unsigned_integer, Semantics::total_counter, Units::packets, ""},
    {87, 0, "flagsAndSamplerId", 4, Type::unsigned_integer, Semantics::identifier, Units::none, ""},
    {88, 0, "fragmentOffset", 2, Type::unsigned_integer, Semantics::quantity, Units::none, ""},
    {89, 0, "forwardingStatus", 4, Type::unsigned_integer, Semantics::identifier, Units::none, ""},
    {90, 0, "mplsVpnRouteDistinguisher", 8, Type::octet_array, Semantics::none, Units::none, ""},
    {91, 0, "mplsTopLabelPrefixLength", 1, Type::unsigned_integer, Semantics::identifier, Units::bits, ""},
    {92, 0, "srcTrafficIndex", 4, Type::unsigned_integer, Semantics::identifier, Units::none, ""},
    {93, 0, "dstTrafficIndex", 4, Type::unsigned_integer, Semantics::identifier, Units::none, ""},
    {94, 0, "applicationDescription", 0, Type::string, Semantics::none, Units::none, ""},
    {95, 0, "applicationId", 0, Type::octet_array, Semantics::none, Units::none, ""},
    {96, 0, "applicationName", 0, Type::string, Semantics::none, Units::none, ""},
    {136, 0, "flowEndReason", 1, Type::unsigned_integer, Semantics::identifier, Units::none, "end_reason"},
    {139, 0, "icmpTypeCodeIPv6", 2, Type::unsigned_integer, Semantics::identifier, Units::none, ""},
    {144, 0, "exportingProcessId", 4, Type::unsigned_integer, Semantics::identifier, Units::none, ""},
    {149, 0, "observationDomainId", 4, Type::unsigned_integer, Semantics::identifier, Units::none, ""},
    {150, 0, "flowStartSeconds", 4, Type::date_time_seconds, Semantics::none, Units::seconds, ""},
    {151, 0, "flowEndSeconds", 4, Type::date_time_seconds, Semantics::none, Units::seconds, ""},
    {152, 0, "flowStartMilliseconds", 8, Type::date_time_milliseconds, Semantics::none, Units::milliseconds, ""},
    {153, 0, "flowEndMilliseconds", 8, Type::date_time_milliseconds, Semantics::none, Units::milliseconds, ""},
    {160, 0, "systemInitTimeMilliseconds", 8, Type::date_time_milliseconds, Semantics::none, Units::milliseconds, ""},
    {163, 0, "observedFlowTotalCount", 8, Type::unsigned_integer, Semantics::total_counter, Units::flows, ""},
    {164, 0, "ignoredPacketTotalCount", 8, Type::unsigned_integer, Semantics::total_counter, Units::packets, ""},
    {165, 0, "ignoredOctetTotalCount", 8, Type::unsigned_integer, Semantics::total_counter, Units::octets, ""},
    {166, 0, "notSentFlowTotalCount", 8, Type::unsigned_integer, Semantics::total_counter, Units::flows, ""},
    {167, 0, "notSentPacketTotalCount", 8, Type::unsigned_integer, Semantics::total_counter, Units::packets, ""},
    {168, 0, "notSentOctetTotalCount", 8, Type::unsigned_integer, Semantics::total_counter, Units::octets, ""},
    {176, 0, "icmpTypeIPv4", 1, Type::unsigned_integer, Semantics::identifier, Units::none, ""},
    {177, 0, "icmpCodeIPv4", 1, Type::unsigned_integer, Semantics::identifier, Units::none, ""},
    {178, 0, "icmpTypeIPv6", 1, Type::unsigned_integer, Semantics::identifier, Units::none, ""},
    {179, 0, "icmpCodeIPv6", 1, Type::unsigned_integer, Semantics::identifier, Units::none, ""},
    {239, 0, "biflowDirection", 1, Type::unsigned_integer, Semantics::identifier, Units::none, ""},
    {243, 0, "dot1qVlanId", 2, Type::unsigned_integer, Semantics::identifier, Units::none, ""},
    {254, 0, "postDot1qVlanId", 2, Type::unsigned_integer, Semantics::identifier, Units::none, ""},
    {256, 0, "ethernetType", 2, Type::unsigned_integer, Semantics::identifier, Units::none, "etype"},
    {295, 0, "IPSecSPI", 4, Type::unsigned_integer, Semantics::identifier, Units::none, "esp_spi"},
    {302, 0, "selectorId", 8, Type::unsigned_integer, Semantics::identifier, Units::none, ""},
    {304, 0, "selectorAlgorithm", 2, Type::unsigned_integer, Semantics::identifier, Units::none, ""},
    {305, 0, "samplingPacketInterval", 4, Type::unsigned_integer, Semantics::quantity, Units::packets, ""},
    {306, 0, "samplingPacketSpace", 4, Type::unsigned_integer, Semantics::quantity, Units::packets, ""},
    {351, 0, "layer2SegmentId", 8, Type::unsigned_integer, Semantics::identifier, Units::none, ""},
    // Those of weir for NetFlow v9, which has no enterprise numbers: kWeirNetflow9Elements and the number below.
    {49154, 0, "weirTunnelType", 1, Type::unsigned_integer, Semantics::identifier, Units::none, "tunnel_type"},
    {49155, 0, "weirTunnelId", 4, Type::unsigned_integer, Semantics::identifier, Units::none, "tunnel_id"},
    {49156, 0, "weirTunnelSourceAddress", 16, Type::ipv6_address, Semantics::none, Units::none, "tunnel_src_addr"},
    {49157, 0, "weirTunnelDestinationAddress", 16, Type::ipv6_address, Semantics::none, Units::none, "tunnel_dst_addr"},
    {49158, 0, "weirTunnelDepth", 1, Type::unsigned_integer, Semantics::quantity, Units::none, "tunnel_depth"},
    // Under kExampleEnterprise.
    {1, 32473, "weirLossName", 0, Type::string, Semantics::none, Units::none, ""},
    {2, 32473, "weirTunnelType", 1, Type::unsigned_integer, Semantics::identifier, Units::none, "tunnel_type"},
    {3, 32473, "weirTunnelId", 4, Type::unsigned_integer, Semantics::identifier, Units::none, "tunnel_id"},
    {4, 32473, "weirTunnelSourceAddress", 16, Type::ipv6_address, Semantics::none, Units::none, "tunnel_src_addr"},
    {5, 32473, "weirTunnelDestinationAddress", 16, Type::ipv6_address, Semantics::none, Units::none, "tunnel_dst_addr"},
    {6, 32473, "weirTunnelDepth", 1, Type::unsigned_integer, Semantics::quantity, Units::none, "tunnel_depth"},
});
// clang-format on

}  // namespace ie_detail

/// Of a reverse element (RFC 5103 section 6.1).
inline constexpr std::uint32_t kReverseEnterprise = 29305;
/// Of weir's own elements: the number for documentation (RFC 5612).
inline constexpr std::uint32_t kExampleEnterprise = 32473;
/// NetFlow v9 has no enterprise numbers, so weir's element n is number 49152 + n there: above IANA's (below 32768),
/// Cisco's firewalls (33000, 40000) and below nProbe's (57472 and up).
inline constexpr std::uint16_t kWeirNetflow9Elements = 0xc000;

/// All elements, by rising (enterprise, id).
inline constexpr const auto& kInformationElements = ie_detail::kTable;

namespace ie_detail {

constexpr bool before(const InformationElement& element, std::uint32_t enterprise, std::uint16_t id) {
  return element.enterprise != enterprise ? element.enterprise < enterprise : element.id < id;
}

constexpr bool sorted() {
  for (std::size_t i = 1; i < kTable.size(); ++i) {
    if (!before(kTable[i - 1], kTable[i].enterprise, kTable[i].id)) return false;
  }
  return true;
}
static_assert(sorted(), "find_element() searches by halves");

}  // namespace ie_detail

namespace ie_detail {

/// Where the element of this number is in the table, or would be.
constexpr std::size_t place_of(std::uint16_t id, std::uint32_t enterprise) {
  const auto* const found = std::lower_bound(kTable.data(), kTable.data() + kTable.size(), id,
                                             [enterprise](const InformationElement& element, std::uint16_t wanted) {
                                               return before(element, enterprise, wanted);
                                             });
  return static_cast<std::size_t>(found - kTable.data());
}

constexpr bool is_at(std::size_t place, std::uint16_t id, std::uint32_t enterprise) {
  return place < kTable.size() && kTable[place].id == id && kTable[place].enterprise == enterprise;
}

}  // namespace ie_detail

/// The element of this number, nullptr if the registry does not know it.
constexpr const InformationElement* find_element(std::uint16_t id, std::uint32_t enterprise = 0) {
  const std::size_t place = ie_detail::place_of(id, enterprise);
  return ie_detail::is_at(place, id, enterprise) ? &ie_detail::kTable[place] : nullptr;
}

/// The length of the element's type, 0 if the registry does not know it. Not by way of find_element(): gcc 12 takes the
/// address of a table's element for no constant under -fsanitize=undefined.
constexpr std::uint16_t element_octets(std::uint16_t id, std::uint32_t enterprise = 0) {
  const std::size_t place = ie_detail::place_of(id, enterprise);
  return ie_detail::is_at(place, id, enterprise) ? ie_detail::kTable[place].octets : std::uint16_t{0};
}

/// The element's name, or its number in hex: "0x0041", with an enterprise number "0x00000009:0x0041".
inline std::string element_name(std::uint16_t id, std::uint32_t enterprise = 0) {
  if (const InformationElement* element = find_element(id, enterprise)) return std::string(element->name);
  const auto hex = [](std::uint32_t value, int digits) {
    std::string text = "0x";
    for (int shift = 4 * (digits - 1); shift >= 0; shift -= 4) text += "0123456789abcdef"[(value >> shift) & 0xf];
    return text;
  };
  return enterprise == 0 ? hex(id, 4) : hex(enterprise, 8) + ":" + hex(id, 4);
}

/// Numbers of the elements that weir's code names.
namespace ie {

inline constexpr std::uint16_t kOctetDeltaCount = 1;
inline constexpr std::uint16_t kPacketDeltaCount = 2;
inline constexpr std::uint16_t kProtocolIdentifier = 4;
inline constexpr std::uint16_t kIpClassOfService = 5;
inline constexpr std::uint16_t kTcpControlBits = 6;
inline constexpr std::uint16_t kSourceTransportPort = 7;
inline constexpr std::uint16_t kSourceIpv4Address = 8;
inline constexpr std::uint16_t kIngressInterface = 10;
inline constexpr std::uint16_t kDestinationTransportPort = 11;
inline constexpr std::uint16_t kDestinationIpv4Address = 12;
inline constexpr std::uint16_t kEgressInterface = 14;
inline constexpr std::uint16_t kFlowEndSysUpTime = 21;
inline constexpr std::uint16_t kFlowStartSysUpTime = 22;
inline constexpr std::uint16_t kPostOctetDeltaCount = 23;
inline constexpr std::uint16_t kPostPacketDeltaCount = 24;
inline constexpr std::uint16_t kSourceIpv6Address = 27;
inline constexpr std::uint16_t kDestinationIpv6Address = 28;
inline constexpr std::uint16_t kIcmpTypeCodeIpv4 = 32;
inline constexpr std::uint16_t kSamplingInterval = 34;
inline constexpr std::uint16_t kSamplingAlgorithm = 35;
inline constexpr std::uint16_t kSamplerRandomInterval = 50;
inline constexpr std::uint16_t kExportedOctetTotalCount = 40;
inline constexpr std::uint16_t kExportedMessageTotalCount = 41;
inline constexpr std::uint16_t kExportedFlowRecordTotalCount = 42;
inline constexpr std::uint16_t kVlanId = 58;
inline constexpr std::uint16_t kIpVersion = 60;
inline constexpr std::uint16_t kInterfaceName = 82;
inline constexpr std::uint16_t kInterfaceDescription = 83;
inline constexpr std::uint16_t kOctetTotalCount = 85;
inline constexpr std::uint16_t kPacketTotalCount = 86;
inline constexpr std::uint16_t kFlowEndReason = 136;
inline constexpr std::uint16_t kIcmpTypeCodeIpv6 = 139;
inline constexpr std::uint16_t kExportingProcessId = 144;
inline constexpr std::uint16_t kObservationDomainId = 149;
inline constexpr std::uint16_t kFlowStartSeconds = 150;
inline constexpr std::uint16_t kFlowEndSeconds = 151;
inline constexpr std::uint16_t kFlowStartMilliseconds = 152;
inline constexpr std::uint16_t kFlowEndMilliseconds = 153;
inline constexpr std::uint16_t kObservedFlowTotalCount = 163;
inline constexpr std::uint16_t kIgnoredPacketTotalCount = 164;
inline constexpr std::uint16_t kIgnoredOctetTotalCount = 165;
inline constexpr std::uint16_t kNotSentFlowTotalCount = 166;
inline constexpr std::uint16_t kNotSentPacketTotalCount = 167;
inline constexpr std::uint16_t kNotSentOctetTotalCount = 168;
inline constexpr std::uint16_t kIcmpTypeIpv4 = 176;
inline constexpr std::uint16_t kIcmpCodeIpv4 = 177;
inline constexpr std::uint16_t kIcmpTypeIpv6 = 178;
inline constexpr std::uint16_t kIcmpCodeIpv6 = 179;
inline constexpr std::uint16_t kBiflowDirection = 239;
inline constexpr std::uint16_t kDot1qVlanId = 243;
inline constexpr std::uint16_t kEthernetType = 256;
inline constexpr std::uint16_t kSelectorId = 302;
inline constexpr std::uint16_t kSelectorAlgorithm = 304;
inline constexpr std::uint16_t kSamplingPacketInterval = 305;
inline constexpr std::uint16_t kSamplingPacketSpace = 306;
inline constexpr std::uint16_t kMplsTopLabelStackSection = 70;
inline constexpr std::uint16_t kIpSecSpi = 295;
inline constexpr std::uint16_t kLayer2SegmentId = 351;

// Under kExampleEnterprise.
inline constexpr std::uint16_t kWeirLossName = 1;
inline constexpr std::uint16_t kWeirTunnelType = 2;
inline constexpr std::uint16_t kWeirTunnelId = 3;
inline constexpr std::uint16_t kWeirTunnelSourceAddress = 4;
inline constexpr std::uint16_t kWeirTunnelDestinationAddress = 5;
inline constexpr std::uint16_t kWeirTunnelDepth = 6;

}  // namespace ie

}  // namespace weir
