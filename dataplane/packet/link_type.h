// LinkType: what the first octet of a frame is. One list that makes the enum, the LINKTYPE_ numbers of capture files
// (https://www.tcpdump.org/linktypes.html) and the step with which the walk begins.
//
// On Linux libpcap's DLT_ numbers, which classic files and the headers inside captures (PPI, PKTAP) hold, differ from
// LINKTYPE_ ones, for what weir reads, in raw IP (12 and 101) and ATM (11 and 100) alone. One list serves both: a row
// has the number that libpcap's filter compiler knows.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>

namespace weir {

// clang-format off
/// X(name, number, first step)
#define WEIR_LINK_TYPES(X) \
  X(ethernet,    1,   ethernet) \
  X(raw_ip,      12,  ip)           /* IPv4 or IPv6, told apart by the version field */ \
  X(ipv4,        228, ipv4) \
  X(ipv6,        229, ipv6) \
  X(linux_sll,   113, linux_sll)    /* Linux cooked capture */ \
  X(linux_sll2,  276, linux_sll2)   /* Linux cooked capture, version 2 */ \
  X(bsd_null,    0,   bsd_null)     /* BSD loopback: address family in either byte order */ \
  X(ppp,         9,   ppp)          /* PPP, with or without HDLC-like framing */ \
  X(ppp_hdlc,    50,  ppp_hdlc)     /* PPP in HDLC-like framing, or Cisco HDLC */ \
  X(ppp_pppd,    166, ppp_pppd)     /* PPP with a direction in place of the address octet */ \
  X(pppoe,       51,  pppoe)        /* PPPoE session header first */ \
  X(cisco_hdlc,  104, cisco_hdlc)   /* Cisco HDLC */ \
  X(frame_relay, 107, frame_relay)  /* Q.922 address, then RFC 2427 or Cisco's encapsulation */ \
  X(mpls,        219, mpls)         /* a label stack first */ \
  X(ieee80211,   105, ieee80211) \
  X(radiotap,    127, radiotap)     /* 802.11 behind a radiotap header */ \
  X(prism,       119, prism)        /* 802.11 behind a Prism or an AVS header */ \
  X(avs,         163, avs)          /* 802.11 behind an AVS header */ \
  X(nflog,       239, nflog)        /* netfilter's log: attributes, one of which is the packet */ \
  X(pflog,       117, pflog)        /* the log of OpenBSD's pf */ \
  X(ppi,         192, ppi)          /* per-packet information: names the link type of each packet */ \
  X(pktap,       258, pktap)        /* likewise, of macOS */ \
  X(atm,         11,  atm)          /* RFC 2684 */ \
  X(sunatm,      123, capture_header) \
  X(token_ring,  6,   token_ring) \
  X(fddi,        10,  fddi) \
  X(slip,        8,   capture_header) \
  X(enc,         109, capture_header)  /* IPsec of OpenBSD, decapsulated */ \
  X(ipnet,       226, capture_header)  /* Solaris */ \
  X(ip_over_fc,  122, capture_header)  /* RFC 2625 */ \
  X(ieee1394,    138, capture_header)  /* RFC 2734, as macOS captures it */ \
  X(ipoib,       242, capture_header)  /* RFC 4391 */ \
  X(netanalyzer, 240, capture_header)  /* Ethernet behind a header of the analyser */ \
  X(mpacket,     274, capture_header)  /* IEEE 802.3br: Ethernet behind its preamble */ \
  X(dsa_brcm,    281, capture_header)  /* Ethernet with the tag of a switch chip, as Linux captures it */ \
  X(dsa_brcm_prepend, 282, capture_header) \
  X(dsa,         283, capture_header) \
  X(edsa,        284, capture_header) \
  X(ppp_direction,         204, capture_header) \
  X(cisco_hdlc_direction,  205, capture_header) \
  X(frame_relay_direction, 206, capture_header) \
  /* the next row stands here */
// clang-format on

enum class LinkType : std::uint8_t {
#define WEIR_X(name, number, step) name,
  WEIR_LINK_TYPES(WEIR_X)
#undef WEIR_X
      unknown,  ///< any that is not in the list: its frames are rejects
};
inline constexpr unsigned kLinkTypes = static_cast<unsigned>(LinkType::unknown) + 1;

/// LinkType::unknown where weir does not read such frames.
[[nodiscard]] constexpr LinkType link_type_of(std::uint32_t number) {
  constexpr std::pair<std::uint32_t, LinkType> kOthers[] = {
      {101, LinkType::raw_ip},
      {14, LinkType::raw_ip},     // LINKTYPE_RAW; OpenBSD's DLT_RAW
      {100, LinkType::atm},       // LINKTYPE_ATM_RFC1483
      {108, LinkType::bsd_null},  // LINKTYPE_LOOP
  };
  for (const auto& [other, type] : kOthers) {
    if (other == number) return type;
  }
  switch (number) {
#define WEIR_X(name, known, step) \
  case known:                     \
    return LinkType::name;
    WEIR_LINK_TYPES(WEIR_X)
#undef WEIR_X
    default:
      return LinkType::unknown;
  }
}

/// The number that libpcap's filter compiler knows the link type by; -1 for LinkType::unknown.
[[nodiscard]] constexpr int number_of(LinkType type) {
  constexpr int kNumbers[] = {
#define WEIR_X(name, number, step) number,
      WEIR_LINK_TYPES(WEIR_X)
#undef WEIR_X
  };
  return type == LinkType::unknown ? -1 : kNumbers[static_cast<std::size_t>(type)];
}

}  // namespace weir
