// Why a frame is not counted in a flow: one list that makes the enum, the names and the documentation.
//
// A frame with a valid IP header is always counted, so every reason here is a frame without one: the sum of the
// rejects of a capture is the truth's non_ip_packets. The name is the key in the ledger's `rejects`, the label of
// the metric, and what `weir reasons` prints.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "proto/base/reasons.h"

namespace weir {

// clang-format off
#define WEIR_REJECTS(X)                                                                                            \
  X(link_truncated,      "the frame ends inside its link-layer header")                                            \
  X(vlan_truncated,      "the frame ends inside an 802.1Q or QinQ tag")                                            \
  X(vlan_too_deep,       "more VLAN tags than the parser follows (8)")                                             \
  X(ether_type_length,   "IEEE 802.2 LLC frame without an IP packet: spanning tree and the like")                  \
  X(ether_type_arp,      "ARP or RARP")                                                                            \
  X(ether_type_other,    "an EtherType after which weir finds no IP packet")                                       \
  X(ip_version,          "the IP version field is not the one that the EtherType announced")                       \
  X(ipv4_truncated,      "the frame ends inside the IPv4 header (options included)")                               \
  X(ipv4_header_length,  "IPv4 header length below 5 words")                                                       \
  X(ipv4_total_length,   "IPv4 total length below the header length, but not 0")                                   \
  X(ipv6_truncated,      "the frame ends inside the fixed IPv6 header")                                            \
  X(link_protocol,       "the link-layer header (BSD null, Frame Relay, raw IP ...) announces no IP packet")         \
  X(mpls_truncated,      "the frame ends inside an MPLS label stack")                                              \
  X(mpls_payload,        "no IP packet after the MPLS labels: pseudo-wires and the like")                          \
  X(ppp_truncated,       "the frame ends inside a PPPoE or PPP header")                                            \
  X(ppp_control,         "PPP or PPPoE frame without an IP packet: discovery, LCP, IPCP, compressed headers")      \
  X(wifi_no_data,        "802.11 management, control or empty frame, or a later 802.11 fragment")                  \
  X(wifi_protected,      "802.11 data frame whose contents are encrypted")                                         \
  X(too_many_headers,    "more headers before the first IP packet than the parser follows (192)")         \
  X(link_type_unknown,   "a link type that weir does not read, in a capture that has others")                     \
  X(raw_record_invalid,  "a raw record (--input records) without packets, with over 1 MiB per packet, or whose addresses are not of its EtherType")
// clang-format on

/// What the parser says of a frame: one byte per packet.
enum class Reject : std::uint8_t { none = 0, WEIR_REJECTS(WEIR_REASON_ENUMERATOR) };

/// Name and description by value of Reject; element 0 is `none`.
inline constexpr auto kRejectTexts = std::to_array<ReasonText>({{"none", "counted"}, WEIR_REJECTS(WEIR_REASON_TEXT)});

inline constexpr std::size_t kRejectCount = kRejectTexts.size();

}  // namespace weir
