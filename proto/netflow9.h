// NetFlow v9 on the wire (RFC 3954): the structs that lie over its octets, and the templates that weir sends.
//
// A datagram is a header and FlowSets. A FlowSet is an id, its length in octets (itself and padding included), and
// records: templates (id 0), options templates (id 1), or data of the template whose id (256 and up) it carries.
// Everything is big-endian and aligned to nothing; the structs have alignment 1.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "proto/byte_order.h"
#include "proto/information_elements.h"

namespace weir {

inline constexpr std::uint16_t kNetflow9Version = 9;
inline constexpr std::uint16_t kNetflow9TemplateFlowSet = 0;         ///< RFC 3954 section 5.2
inline constexpr std::uint16_t kNetflow9OptionsTemplateFlowSet = 1;  ///< RFC 3954 section 6.1
inline constexpr std::uint16_t kNetflow9FirstDataFlowSet = 256;      ///< RFC 3954 section 5.3; 2..255 are reserved

/// RFC 3954 section 5.1.
struct Netflow9Header {
  Be16 version;
  Be16 count;  ///< template, options template and data records of the datagram together
  Be32 sys_uptime_ms;
  Be32 unix_secs;
  Be32 sequence;  ///< export datagrams of this source id so far, this one not counted
  Be32 source_id;
};
static_assert(sizeof(Netflow9Header) == 20 && alignof(Netflow9Header) == 1);

struct Netflow9FlowSetHeader {
  Be16 id;
  Be16 octets;  ///< of the whole FlowSet: this header, the records, the padding
};
static_assert(sizeof(Netflow9FlowSetHeader) == 4 && alignof(Netflow9FlowSetHeader) == 1);

/// RFC 3954 section 5.2; `field_count` Netflow9Field follow.
struct Netflow9TemplateHeader {
  Be16 id;
  Be16 field_count;
};
static_assert(sizeof(Netflow9TemplateHeader) == 4 && alignof(Netflow9TemplateHeader) == 1);

/// RFC 3954 section 6.1; scope_octets / 4 scope fields follow, then option_octets / 4 option fields.
struct Netflow9OptionsTemplateHeader {
  Be16 id;
  Be16 scope_octets;
  Be16 option_octets;
};
static_assert(sizeof(Netflow9OptionsTemplateHeader) == 6 && alignof(Netflow9OptionsTemplateHeader) == 1);

struct Netflow9Field {
  Be16 type;  ///< an information element, or in a scope field a scope: 1 system, 2 interface, 3 line card, 4 cache, 5
              ///< template
  Be16 octets;
};
static_assert(sizeof(Netflow9Field) == 4 && alignof(Netflow9Field) == 1);

/// One field of a template that weir sends.
struct TemplateField {
  std::uint16_t element;
  std::uint16_t octets;
};

/// Octets of a data record of these fields.
template <std::size_t N>
constexpr std::uint32_t record_octets(const std::array<TemplateField, N>& fields) {
  std::uint32_t sum = 0;
  for (const TemplateField& field : fields) sum += field.octets;
  return sum;
}

namespace netflow9_detail {

inline constexpr TemplateField whole(std::uint16_t element) {
  // The registry's length is the type's; a template may send less of it (RFC 7011 section 6.2, RFC 3954 section 8).
  return {element, find_element(element)->octets};
}

template <bool kIpv6, bool kBiflow>
constexpr auto data_fields() {
  constexpr std::size_t kCount = kBiflow ? 21 : 19;
  std::array<TemplateField, kCount> fields{};
  std::size_t i = 0;
  fields[i++] = whole(kIpv6 ? ie::kSourceIpv6Address : ie::kSourceIpv4Address);
  fields[i++] = whole(kIpv6 ? ie::kDestinationIpv6Address : ie::kDestinationIpv4Address);
  fields[i++] = whole(ie::kOctetDeltaCount);
  fields[i++] = whole(ie::kPacketDeltaCount);
  if (kBiflow) {
    fields[i++] = whole(ie::kPostOctetDeltaCount);
    fields[i++] = whole(ie::kPostPacketDeltaCount);
  }
  fields[i++] = whole(ie::kFlowStartSysUpTime);
  fields[i++] = whole(ie::kFlowEndSysUpTime);
  fields[i++] = whole(ie::kIngressInterface);
  fields[i++] = whole(ie::kSamplingInterval);
  fields[i++] = whole(ie::kSourceTransportPort);
  fields[i++] = whole(ie::kDestinationTransportPort);
  fields[i++] = whole(ie::kVlanId);
  fields[i++] = whole(ie::kEthernetType);
  // Of both families: in RFC 3954 element 32 is ICMP_TYPE of any IP version, and nfdump 1.7.1 does not read 139.
  fields[i++] = whole(ie::kIcmpTypeCodeIpv4);
  fields[i++] = whole(ie::kProtocolIdentifier);
  fields[i++] = whole(ie::kIpClassOfService);
  fields[i++] = {ie::kTcpControlBits, 1};  // RFC 3954 section 8: one octet, where IANA has since made it two
  fields[i++] = whole(ie::kFlowEndReason);
  fields[i++] = whole(ie::kSamplingAlgorithm);
  fields[i++] = whole(ie::kIpVersion);
  return fields;
}

}  // namespace netflow9_detail

/// The fields of weir's data templates. Their record sizes are multiples of 4, so a FlowSet of them needs no padding.
template <bool kIpv6, bool kBiflow>
inline constexpr auto kNetflow9DataTemplate = netflow9_detail::data_fields<kIpv6, kBiflow>();

static_assert(record_octets(kNetflow9DataTemplate<false, false>) == 56);
static_assert(record_octets(kNetflow9DataTemplate<true, false>) == 80);
static_assert(record_octets(kNetflow9DataTemplate<false, true>) == 72);
static_assert(record_octets(kNetflow9DataTemplate<true, true>) == 96);

/// Template ids. Uniflow and biflow have their own, so that a collector which knew the other is not confused.
template <bool kIpv6, bool kBiflow>
inline constexpr std::uint16_t kNetflow9TemplateId = kNetflow9FirstDataFlowSet + (kBiflow ? 2 : 0) + (kIpv6 ? 1 : 0);

}  // namespace weir
