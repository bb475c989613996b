// Numbers that IANA assigns and that headers and records carry: EtherTypes, IP protocols, ICMP types.
#pragma once

#include <cstdint>
#include <string>

namespace weir {

/// EtherTypes (IEEE 802 numbers of IANA), host order.
enum EtherType : std::uint16_t {
  kEtherTypeFirst = 0x0600,  ///< below it the field is an IEEE 802.3 length
  kEtherTypeIpv4 = 0x0800,
  kEtherTypeArp = 0x0806,
  kEtherTypeRarp = 0x8035,
  kEtherTypeVlan = 0x8100,                 ///< IEEE 802.1Q customer tag
  kEtherTypeTransparentBridging = 0x6558,  ///< an Ethernet frame inside GRE or GENEVE
  kEtherTypeErspan3 = 0x22eb,              ///< in GRE: ERSPAN type III
  kEtherTypeTrill = 0x22f3,                ///< RFC 6325
  kEtherTypeIpv6 = 0x86dd,
  kEtherTypePpp = 0x880b,  ///< in GRE
  kEtherTypeMpls = 0x8847,
  kEtherTypeMplsMulticast = 0x8848,  ///< or with an upstream-assigned label (RFC 5332)
  kEtherTypePppoeDiscovery = 0x8863,
  kEtherTypePppoeSession = 0x8864,
  kEtherTypeQinQ = 0x88a8,           ///< IEEE 802.1ad service tag
  kEtherTypeWccp = 0x883e,           ///< in GRE
  kEtherTypeErspan = 0x88be,         ///< in GRE: ERSPAN type I and II
  kEtherTypeBackbone = 0x88e7,       ///< IEEE 802.1ah: I-TAG
  kEtherTypeMacsec = 0x88e5,         ///< IEEE 802.1AE
  kEtherTypeFabricPath = 0x8903,     ///< Cisco
  kEtherTypeCiscoMetadata = 0x8909,  ///< Cisco: security group tag
  kEtherTypeVnTag = 0x8926,          ///< Cisco: virtual interfaces
  kEtherTypeHsr = 0x892f,            ///< IEC 62439-3: redundancy tag
  kEtherTypeETag = 0x893f,           ///< IEEE 802.1BR
  kEtherTypeNsh = 0x894f,            ///< RFC 8300
  kEtherTypeQinQOld = 0x9100,        ///< the service tag before 802.1ad
  kEtherTypeQinQOld2 = 0x9200,       ///< likewise
  kEtherTypeQinQOld3 = 0x9300,       ///< likewise
  kEtherTypeArista = 0xd28b,         ///< Arista: timestamps
};

/// The EtherType of an IP version, 4 or 6.
[[nodiscard]] constexpr std::uint16_t ip_ether_type(std::uint8_t ip_version) {
  return ip_version == 4 ? kEtherTypeIpv4 : kEtherTypeIpv6;
}

/// A tag of IEEE 802.1Q or 802.1ad follows.
[[nodiscard]] constexpr bool is_vlan_tag(std::uint16_t ether_type) {
  return ether_type == kEtherTypeVlan || ether_type == kEtherTypeQinQ || ether_type == kEtherTypeQinQOld;
}

/// Protocol numbers of IANA: the IPv4 protocol field and the IPv6 next header field.
enum IpProtocol : std::uint8_t {
  kProtocolHopByHop = 0,
  kProtocolIcmp = 1,
  kProtocolIpv4 = 4,
  kProtocolTcp = 6,
  kProtocolUdp = 17,
  kProtocolDccp = 33,
  kProtocolIpv6 = 41,
  kProtocolRouting = 43,
  kProtocolFragment = 44,
  kProtocolGre = 47,
  kProtocolEsp = 50,
  kProtocolAh = 51,
  kProtocolIcmpv6 = 58,
  kProtocolNoNextHeader = 59,
  kProtocolDestinationOptions = 60,
  kProtocolEtherIp = 97,
  kProtocolL2tpV3 = 115,
  kProtocolSctp = 132,
  kProtocolUdpLite = 136,
  kProtocolMplsInIp = 137,
};

/// The header begins with source and destination port: RFC 9293 section 3.1, RFC 768, RFC 9260 section 3.1, RFC 3828
/// section 3.1, RFC 4340 section 5.1.
[[nodiscard]] constexpr bool has_ports(std::uint8_t protocol) {
  return protocol == kProtocolTcp || protocol == kProtocolUdp || protocol == kProtocolSctp ||
         protocol == kProtocolUdpLite || protocol == kProtocolDccp;
}

/// The header begins with an ICMP type and code: RFC 792, RFC 4443 section 2.1.
[[nodiscard]] constexpr bool is_icmp(std::uint8_t protocol) {
  return protocol == kProtocolIcmp || protocol == kProtocolIcmpv6;
}

/// For people: "TCP", "ICMP6"; the number where weir does not look into the header.
std::string protocol_text(std::uint8_t protocol);

/// ICMP types of IPv4 (RFC 792) that quote the packet which caused them.
enum IcmpType : std::uint8_t {
  kIcmpDestinationUnreachable = 3,
  kIcmpSourceQuench = 4,
  kIcmpRedirect = 5,
  kIcmpTimeExceeded = 11,
  kIcmpParameterProblem = 12,
};

/// ICMPv6 types from here on inform, those below are errors (RFC 4443 section 2.1). 0 is reserved.
inline constexpr std::uint8_t kIcmpv6FirstInformational = 128;

/// An error message, which quotes the packet that caused it: RFC 1122 section 3.2.2, RFC 4443 section 2.1.
[[nodiscard]] constexpr bool is_icmp_error(std::uint8_t ip_version, std::uint8_t type) {
  if (ip_version != 4) return type >= 1 && type < kIcmpv6FirstInformational;
  return type == kIcmpDestinationUnreachable || type == kIcmpSourceQuench || type == kIcmpRedirect ||
         type == kIcmpTimeExceeded || type == kIcmpParameterProblem;
}

}  // namespace weir
