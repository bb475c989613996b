// The tunnels that weir knows: one list that makes the enum, the names, the default of --tunnels, the UDP ports and
// what `weir tunnels` prints. The parser has one function for each row, of the row's name.
//
// A row is:
//   name    of TunnelType, and of the parser's step
//   text    of --tunnels and of the JSON field tunnel_type
//   on      whether --tunnels has it on by default
//   told    which UDP port of a packet announces it: a value of TunnelSide
//   port    the UDP port that is registered for it; 0 where no UDP port announces it
//   what    what it is and what its tunnel_id is, for people
//
// The order is the value in records and messages: append, never reorder. flow.proto has the same names and numbers.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace weir {

/// Which UDP port of a packet announces a tunnel. L2TP (RFC 2661 §8.1), Teredo (RFC 4380 §5.2), CAPWAP
/// (RFC 5415 §3.1) and AYIYA answer from the registered port to any other one, so for those the source port counts,
/// too.
enum class TunnelSide : std::uint8_t { none, destination, either };

// clang-format off
#define WEIR_TUNNELS(X) \
  X(ipip,      "ipip",      true,  none,        0,    "IP in IP, all four combinations (RFC 2003, 2473, 4213); no id") \
  X(gre,       "gre",       true,  none,        0,    "GRE with IP, Ethernet (NVGRE), PPP (PPTP) or MPLS inside; key or call id") \
  X(erspan,    "erspan",    true,  none,        0,    "ERSPAN type I, II and III in GRE; session id") \
  X(vxlan,     "vxlan",     true,  destination, 4789, "VXLAN (RFC 7348); VNI") \
  X(geneve,    "geneve",    true,  destination, 6081, "GENEVE (RFC 8926); VNI") \
  X(gtp_u,     "gtp-u",     true,  destination, 2152, "GTP-U G-PDUs (3GPP TS 29.281); TEID") \
  X(l2tp,      "l2tp",      true,  either,      1701, "L2TPv2 data messages (RFC 2661); tunnel id << 16 | session id") \
  X(mpls_udp,  "mpls-udp",  true,  destination, 6635, "MPLS in UDP (RFC 7510); top label") \
  X(mpls_ip,   "mpls-ip",   true,  none,        0,    "MPLS in IP, protocol 137 (RFC 4023); top label") \
  X(ah,        "ah",        true,  none,        0,    "authentication header in tunnel mode (RFC 4302); SPI") \
  X(vxlan_gpe, "vxlan-gpe", false, destination, 4790, "VXLAN-GPE (draft-ietf-nvo3-vxlan-gpe); VNI") \
  X(nsh,       "nsh",       false, none,        0,    "network service header (RFC 8300); service path id << 8 | index") \
  X(teredo,    "teredo",    false, either,      3544, "Teredo (RFC 4380); no id") \
  X(etherip,   "etherip",   false, none,        0,    "EtherIP, protocol 97 (RFC 3378); no id") \
  X(l2tpv3,    "l2tpv3",    false, either,      1701, "L2TPv3 over IP and UDP (RFC 3931); session id") \
  X(mpls_pw,   "mpls-pw",   false, none,        0,    "Ethernet pseudo-wire, with or without a control word (RFC 4448); bottom label") \
  X(gre_udp,   "gre-udp",   true,  destination, 4754, "GRE in UDP (RFC 8086), inside as for gre; key") \
  X(capwap,    "capwap",    true,  either,      5247, "CAPWAP data (RFC 5415) with 802.3 or 802.11 frames; radio id") \
  X(tzsp,      "tzsp",      false, destination, 37008, "TZSP with Ethernet or 802.11 frames, as MikroTik mirrors; no id") \
  X(wccp,      "wccp",      false, none,        0,    "WCCP redirection in GRE; service id") \
  X(aruba,     "aruba",     false, none,        0,    "802.11 frames in GRE from Aruba access points; GRE protocol type") \
  X(ayiya,     "ayiya",     true,  either,      5072, "AYIYA (draft-massar-v6ops-ayiya); no id") \
  /* the next row stands here */
// clang-format on

enum class TunnelType : std::uint8_t {
  none = 0,
#define WEIR_X(name, text, on, told, port, what) name,
  WEIR_TUNNELS(WEIR_X)
#undef WEIR_X
};

struct TunnelTypeInfo {
  std::string_view name;
  bool by_default;
  TunnelSide told;
  std::uint16_t port;
  std::string_view what;
};

/// By value of TunnelType.
inline constexpr auto kTunnelTypes = std::to_array<TunnelTypeInfo>({{"none", false, TunnelSide::none, 0, "no tunnel"},
#define WEIR_X(name, text, on, told, port, what) {text, on, TunnelSide::told, port, what},
                                                                    WEIR_TUNNELS(WEIR_X)
#undef WEIR_X
});

/// "vxlan"; "unknown" for a number that names none, which only a message of somebody else holds.
[[nodiscard]] constexpr std::string_view tunnel_name(TunnelType type) {
  const auto number = static_cast<std::size_t>(type);
  return number < kTunnelTypes.size() ? kTunnelTypes[number].name : "unknown";
}

}  // namespace weir
