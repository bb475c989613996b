// The headers of the wire, as structs that lie over the octets of a frame.
//
// Every member has alignment 1 and multi-octet fields are Be<T>, so a pointer to any octet may be seen as a header,
// and a forgotten byte swap does not compile. The asserts hold sizes and the offsets that the parser relies on to
// the figures of the RFCs. Fields that are parts of an octet are named functions.
#pragma once

#include <cstddef>
#include <cstdint>

#include "proto/base/byte_order.h"
#include "proto/base/ip_numbers.h"

namespace weir {

/// IEEE 802.3 §3.1.1, without preamble and FCS.
struct EthernetHeader {
  std::uint8_t destination[6];
  std::uint8_t source[6];
  Be16 ether_type;
};
static_assert(sizeof(EthernetHeader) == 14 && alignof(EthernetHeader) == 1);
static_assert(offsetof(EthernetHeader, ether_type) == 12);

/// IEEE 802.1Q §9.3: what follows the tag protocol identifier, and the EtherType after the tag.
struct VlanTag {
  Be16 control;  ///< priority (3 bits), drop eligible (1), VLAN identifier (12)
  Be16 ether_type;

  [[nodiscard]] std::uint16_t vlan_id() const { return control.host() & 0x0fff; }
};
static_assert(sizeof(VlanTag) == 4 && alignof(VlanTag) == 1);

/// RFC 791 §3.1, without options.
struct Ipv4Header {
  std::uint8_t version_and_length;
  std::uint8_t type_of_service;
  Be16 total_length;
  Be16 identification;
  Be16 flags_and_offset;
  std::uint8_t time_to_live;
  std::uint8_t protocol;
  Be16 checksum;
  std::uint8_t source[4];
  std::uint8_t destination[4];

  [[nodiscard]] unsigned version() const { return version_and_length >> 4; }
  [[nodiscard]] unsigned header_octets() const { return (version_and_length & 0x0fu) * 4; }
  /// In units of 8 octets; 0 for the first fragment and for what is no fragment.
  [[nodiscard]] unsigned fragment_offset() const { return flags_and_offset.host() & 0x1fffu; }
  [[nodiscard]] bool more_fragments() const { return (flags_and_offset.host() & 0x2000u) != 0; }
  /// First or later: more fragments to come, or an offset.
  [[nodiscard]] bool is_fragment() const { return (flags_and_offset.host() & 0x3fffu) != 0; }
};
static_assert(sizeof(Ipv4Header) == 20 && alignof(Ipv4Header) == 1);
static_assert(offsetof(Ipv4Header, protocol) == 9);
static_assert(offsetof(Ipv4Header, source) == 12 && offsetof(Ipv4Header, destination) == 16);

/// RFC 8200 §3.
struct Ipv6Header {
  Be32 version_class_flow;
  Be16 payload_length;
  std::uint8_t next_header;
  std::uint8_t hop_limit;
  std::uint8_t source[16];
  std::uint8_t destination[16];

  [[nodiscard]] unsigned version() const { return version_class_flow.host() >> 28; }
  [[nodiscard]] std::uint8_t traffic_class() const {
    return static_cast<std::uint8_t>(version_class_flow.host() >> 20 & 0xffu);
  }
};
static_assert(sizeof(Ipv6Header) == 40 && alignof(Ipv6Header) == 1);
static_assert(offsetof(Ipv6Header, source) == 8 && offsetof(Ipv6Header, destination) == 24);

/// What hop-by-hop options, routing, destination options (RFC 8200 §4.3, §4.4, §4.6) and the authentication header
/// (RFC 4302 §2.2) have in common. The unit of `length` differs: see the parser.
struct Ipv6ExtensionHeader {
  std::uint8_t next_header;
  std::uint8_t length;
};
static_assert(sizeof(Ipv6ExtensionHeader) == 2 && alignof(Ipv6ExtensionHeader) == 1);

/// RFC 8200 §4.5.
struct Ipv6FragmentHeader {
  std::uint8_t next_header;
  std::uint8_t reserved;
  Be16 offset_and_flags;
  Be32 identification;

  /// In units of 8 octets; 0 for the first fragment and for an atomic one.
  [[nodiscard]] unsigned fragment_offset() const { return offset_and_flags.host() >> 3; }
  [[nodiscard]] bool more_fragments() const { return (offset_and_flags.host() & 1u) != 0; }
};
static_assert(sizeof(Ipv6FragmentHeader) == 8 && alignof(Ipv6FragmentHeader) == 1);

/// The first four octets of TCP, UDP, UDP-Lite, SCTP and DCCP alike.
struct TransportPorts {
  Be16 source;
  Be16 destination;
};
static_assert(sizeof(TransportPorts) == 4 && alignof(TransportPorts) == 1);

/// RFC 9293 §3.1, without options.
struct TcpHeader {
  TransportPorts ports;
  Be32 sequence;
  Be32 acknowledgment;
  std::uint8_t data_offset;
  std::uint8_t flags;
  Be16 window;
  Be16 checksum;
  Be16 urgent;
};
static_assert(sizeof(TcpHeader) == 20 && alignof(TcpHeader) == 1);
static_assert(offsetof(TcpHeader, flags) == 13);

/// RFC 768.
struct UdpHeader {
  TransportPorts ports;
  Be16 length;
  Be16 checksum;
};
static_assert(sizeof(UdpHeader) == 8 && alignof(UdpHeader) == 1);

/// RFC 792 and RFC 4443 §2.1: the part that all messages share.
struct IcmpHeader {
  std::uint8_t type;
  std::uint8_t code;
  Be16 checksum;
};
static_assert(sizeof(IcmpHeader) == 4 && alignof(IcmpHeader) == 1);

/// The header at `octets`. The caller has checked that sizeof(Header) octets are readable there.
template <typename Header>
[[nodiscard]] inline const Header& header_at(const std::uint8_t* octets) {
  static_assert(alignof(Header) == 1, "a header may lie at any octet");
  return *reinterpret_cast<const Header*>(octets);
}

}  // namespace weir
