// The registry of information elements: all of IANA's (iana_table.h), weir's own (own_elements.h), and names of
// vendors' (vendor_elements.h).
//
// Templates, decoders and texts take the name, type and length of an element from here. Which element a field is sent
// as, its row in the field table says (proto/record/fields.h). An element that is not in the registry is shown by its
// number in hex (element_name()) and never skipped.
//
// RFC 5103 gives the reverse direction of a biflow the numbers of the forward one under the enterprise number 29305;
// they are not listed again. Cisco's firewall elements (33000 and on) and ntop's (57472 and on) exist in v9 only: in
// IPFIX those numbers have the enterprise bit.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "proto/element/element.h"
#include "proto/element/iana_table.h"
#include "proto/element/own_elements.h"

namespace weir {
namespace ie_detail {

template <typename Table>
constexpr bool rises(const Table& table) {
  for (std::size_t i = 1; i < table.size(); ++i) {
    if (table[i - 1].id >= table[i].id) return false;
  }
  return true;
}
static_assert(rises(kIanaTable), "place_of() searches by halves");
static_assert(rises(kOwnTable), "likewise; and no two rows of the field table have the same element of weir's");

/// Where the element of this number is in the table; the table's size: nowhere. (A place and no pointer: what is a
/// constant must stay one under -fsanitize=undefined, where gcc takes no comparison of a pointer with null for one.)
template <typename Table>
constexpr std::size_t place_of(const Table& table, std::uint16_t id) {
  const auto* const found =
      std::lower_bound(table.data(), table.data() + table.size(), id,
                       [](const InformationElement& element, std::uint16_t wanted) { return element.id < wanted; });
  const auto place = static_cast<std::size_t>(found - table.data());
  return place < table.size() && table[place].id == id ? place : table.size();
}

}  // namespace ie_detail

/// nullptr: IANA has no element of this number.
constexpr const InformationElement* find_iana_element(std::uint16_t id) {
  const std::size_t place = ie_detail::place_of(kIanaElements, id);
  return place < kIanaElements.size() ? &kIanaElements[place] : nullptr;
}

/// weir's own element of this number (of IPFIX, 1 and up); nullptr: there is none.
constexpr const InformationElement* find_own_element(std::uint16_t id) {
  const std::size_t place = ie_detail::place_of(kOwnElements, id);
  return place < kOwnElements.size() ? &kOwnElements[place] : nullptr;
}

/// The element as a template names it: IANA's, and weir's own under its enterprise number or, in NetFlow v9, from
/// kWeirNetflow9Elements on. nullptr: the registry does not know it.
constexpr const InformationElement* find_element(std::uint16_t id, std::uint32_t enterprise = 0) {
  if (enterprise == kExampleEnterprise) return find_own_element(id);
  if (enterprise != 0) return nullptr;
  return id > kWeirNetflow9Elements ? find_own_element(static_cast<std::uint16_t>(id - kWeirNetflow9Elements))
                                    : find_iana_element(id);
}

/// The length of IANA's element; 0: any, or there is no such element.
constexpr std::uint16_t iana_octets(std::uint16_t id) {
  const std::size_t place = ie_detail::place_of(kIanaElements, id);
  return place < kIanaElements.size() ? kIanaElements[place].octets() : std::uint16_t{0};
}

/// The element's name, be it IANA's, weir's or a vendor's (vendor_elements.h), or its number in hex: "0x0041", with an
/// enterprise number "0x00000009:0x0041".
std::string element_name(std::uint16_t id, std::uint32_t enterprise = 0);

/// A vendor's element of NetFlow v9 above IANA's numbers; nullptr where none is known.
const InformationElement* find_netflow9_vendor_element(std::uint16_t id);

/// What RFC 3954 section 8 (and Cisco, up to 100) calls the element: "IN_BYTES"; empty where it has no name.
std::string_view netflow9_name(std::uint16_t id);

/// "System", "Interface", ...: a scope of RFC 3954 section 6.1; empty above 5.
std::string_view netflow9_scope_name(std::uint16_t scope);

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
inline constexpr std::uint16_t kFlowEndSysUpTime = 21;
inline constexpr std::uint16_t kFlowStartSysUpTime = 22;
inline constexpr std::uint16_t kPostOctetDeltaCount = 23;
inline constexpr std::uint16_t kPostPacketDeltaCount = 24;
inline constexpr std::uint16_t kSourceIpv6Address = 27;
inline constexpr std::uint16_t kIcmpTypeCodeIpv4 = 32;
inline constexpr std::uint16_t kSamplingInterval = 34;
inline constexpr std::uint16_t kSamplingAlgorithm = 35;
inline constexpr std::uint16_t kExportedOctetTotalCount = 40;
inline constexpr std::uint16_t kExportedMessageTotalCount = 41;
inline constexpr std::uint16_t kExportedFlowRecordTotalCount = 42;
inline constexpr std::uint16_t kVlanId = 58;
inline constexpr std::uint16_t kIpVersion = 60;
inline constexpr std::uint16_t kInterfaceName = 82;
inline constexpr std::uint16_t kInterfaceDescription = 83;
inline constexpr std::uint16_t kFlowEndReason = 136;
inline constexpr std::uint16_t kIcmpTypeCodeIpv6 = 139;
inline constexpr std::uint16_t kObservationDomainId = 149;
inline constexpr std::uint16_t kFlowStartMilliseconds = 152;
inline constexpr std::uint16_t kFlowEndMilliseconds = 153;
inline constexpr std::uint16_t kObservedFlowTotalCount = 163;
inline constexpr std::uint16_t kIgnoredPacketTotalCount = 164;
inline constexpr std::uint16_t kIgnoredOctetTotalCount = 165;
inline constexpr std::uint16_t kNotSentFlowTotalCount = 166;
inline constexpr std::uint16_t kNotSentPacketTotalCount = 167;
inline constexpr std::uint16_t kNotSentOctetTotalCount = 168;
inline constexpr std::uint16_t kBiflowDirection = 239;
inline constexpr std::uint16_t kDot1qVlanId = 243;
inline constexpr std::uint16_t kEthernetType = 256;
inline constexpr std::uint16_t kBasicList = 291;
inline constexpr std::uint16_t kSelectorId = 302;
inline constexpr std::uint16_t kSelectorAlgorithm = 304;
inline constexpr std::uint16_t kSamplingPacketInterval = 305;
inline constexpr std::uint16_t kSamplingPacketSpace = 306;
inline constexpr std::uint16_t kLayer2SegmentId = 351;

inline constexpr std::uint16_t kWeirLossName = ie_detail::kLossName;  ///< under kExampleEnterprise

}  // namespace ie

}  // namespace weir
