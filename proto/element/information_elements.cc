#include "proto/element/information_elements.h"

#include <algorithm>
#include <array>

#include "proto/element/vendor_elements.h"

namespace weir {
namespace {

using T = ElementType;

// clang-format off
// Cisco ASA (NetFlow Secure Event Logging). Users and addresses before and after translation.
constexpr auto kNetflow9Vendor = std::to_array<InformationElement>({
    {33000, "NF_F_INGRESS_ACL_ID", T::octet_array}, {33001, "NF_F_EGRESS_ACL_ID", T::octet_array},
    {33002, "NF_F_FW_EXT_EVENT", T::unsigned16}, {40000, "NF_F_USERNAME", T::string},
    {40001, "NF_F_XLATE_SRC_ADDR_IPV4", T::ipv4_address}, {40002, "NF_F_XLATE_DST_ADDR_IPV4", T::ipv4_address},
    {40003, "NF_F_XLATE_SRC_PORT", T::unsigned16}, {40004, "NF_F_XLATE_DST_PORT", T::unsigned16},
    {40005, "NF_F_FW_EVENT", T::unsigned8},
});

// Index is the number. Empty: "vendor proprietary" or reserved.
constexpr std::string_view kNetflow9Names[] = {
    "", "IN_BYTES", "IN_PKTS", "FLOWS", "PROTOCOL", "SRC_TOS", "TCP_FLAGS", "L4_SRC_PORT", "IPV4_SRC_ADDR", "SRC_MASK",
    "INPUT_SNMP", "L4_DST_PORT", "IPV4_DST_ADDR", "DST_MASK", "OUTPUT_SNMP", "IPV4_NEXT_HOP", "SRC_AS", "DST_AS",
    "BGP_IPV4_NEXT_HOP", "MUL_DST_PKTS", "MUL_DST_BYTES", "LAST_SWITCHED", "FIRST_SWITCHED", "OUT_BYTES", "OUT_PKTS",
    "MIN_PKT_LNGTH", "MAX_PKT_LNGTH", "IPV6_SRC_ADDR", "IPV6_DST_ADDR", "IPV6_SRC_MASK", "IPV6_DST_MASK",
    "IPV6_FLOW_LABEL", "ICMP_TYPE", "MUL_IGMP_TYPE", "SAMPLING_INTERVAL", "SAMPLING_ALGORITHM", "FLOW_ACTIVE_TIMEOUT",
    "FLOW_INACTIVE_TIMEOUT", "ENGINE_TYPE", "ENGINE_ID", "TOTAL_BYTES_EXP", "TOTAL_PKTS_EXP", "TOTAL_FLOWS_EXP", "",
    "IPV4_SRC_PREFIX", "IPV4_DST_PREFIX", "MPLS_TOP_LABEL_TYPE", "MPLS_TOP_LABEL_IP_ADDR", "FLOW_SAMPLER_ID",
    "FLOW_SAMPLER_MODE", "FLOW_SAMPLER_RANDOM_INTERVAL", "", "MIN_TTL", "MAX_TTL", "IPV4_IDENT", "DST_TOS",
    "IN_SRC_MAC", "OUT_DST_MAC", "SRC_VLAN", "DST_VLAN", "IP_PROTOCOL_VERSION", "DIRECTION", "IPV6_NEXT_HOP",
    "BGP_IPV6_NEXT_HOP", "IPV6_OPTION_HEADERS", "", "", "", "", "", "MPLS_LABEL_1", "MPLS_LABEL_2", "MPLS_LABEL_3",
    "MPLS_LABEL_4", "MPLS_LABEL_5", "MPLS_LABEL_6", "MPLS_LABEL_7", "MPLS_LABEL_8", "MPLS_LABEL_9", "MPLS_LABEL_10",
    "IN_DST_MAC", "OUT_SRC_MAC", "IF_NAME", "IF_DESC", "SAMPLER_NAME", "IN_PERMANENT_BYTES", "IN_PERMANENT_PKTS", "",
    "FRAGMENT_OFFSET", "FORWARDING_STATUS", "MPLS_PAL_RD", "MPLS_PREFIX_LEN", "SRC_TRAFFIC_INDEX", "DST_TRAFFIC_INDEX",
    "APPLICATION_DESCRIPTION", "APPLICATION_TAG", "APPLICATION_NAME", "", "POST_IP_DIFF_SERV_CODE_POINT",
    "REPLICATION_FACTOR",
};
// clang-format on
static_assert(std::size(kNetflow9Names) == 100);

}  // namespace

const InformationElement* find_netflow9_vendor_element(std::uint16_t id) {
  const auto* const found = std::find_if(kNetflow9Vendor.begin(), kNetflow9Vendor.end(),
                                         [id](const InformationElement& element) { return element.id == id; });
  return found != kNetflow9Vendor.end() ? found : find_ntop_netflow9_element(id);
}
std::string_view netflow9_name(std::uint16_t id) {
  return id < std::size(kNetflow9Names) ? kNetflow9Names[id] : std::string_view();
}
std::string_view netflow9_scope_name(std::uint16_t scope) {
  constexpr std::string_view kNames[] = {"", "System", "Interface", "Line Card", "NetFlow Cache", "Template"};
  return scope < std::size(kNames) ? kNames[scope] : std::string_view();
}

std::string element_name(std::uint16_t id, std::uint32_t enterprise) {
  const InformationElement* element = find_element(id, enterprise);
  if (element == nullptr) element = find_vendor_element(id, enterprise);
  if (element != nullptr) return std::string(element->name);
  const auto hex = [](std::uint32_t value, int digits) {
    std::string text = "0x";
    for (int shift = 4 * (digits - 1); shift >= 0; shift -= 4) text += "0123456789abcdef"[(value >> shift) & 0xf];
    return text;
  };
  return enterprise == 0 ? hex(id, 4) : hex(enterprise, 8) + ":" + hex(id, 4);
}

}  // namespace weir
