#include "dataplane/input/link_types.h"

#include <pcap/pcap.h>

#include <array>

namespace weir {
namespace {

struct Known {
  int number;
  LinkType type;
};

// The first of several numbers is the one for libpcap.
constexpr auto kKnown = std::to_array<Known>({
    {1, LinkType::ethernet},     {12, LinkType::raw_ip},      {101, LinkType::raw_ip},
    {14, LinkType::raw_ip},  // OpenBSD's
    {228, LinkType::ipv4},       {229, LinkType::ipv6},       {113, LinkType::linux_sll},
    {276, LinkType::linux_sll2}, {0, LinkType::bsd_null},     {108, LinkType::bsd_null},
    {9, LinkType::ppp},          {50, LinkType::ppp_hdlc},    {166, LinkType::ppp_pppd},
    {51, LinkType::pppoe},       {104, LinkType::cisco_hdlc}, {107, LinkType::frame_relay},
    {219, LinkType::mpls},       {105, LinkType::ieee80211},  {127, LinkType::radiotap},
    {119, LinkType::prism},      {163, LinkType::avs},
});

}  // namespace

std::optional<LinkType> link_type_of(int number) {
  for (const Known& known : kKnown) {
    if (known.number == number) return known.type;
  }
  return std::nullopt;
}

int number_of(LinkType type) {
  for (const Known& known : kKnown) {
    if (known.type == type) return known.number;
  }
  return -1;
}

std::string unsupported_link_type(int number) {
  const char* name = pcap_datalink_val_to_name(number);
  return std::string("link type ") + (name != nullptr ? name : "unknown to libpcap") + " (" + std::to_string(number) +
         ") is not supported; weir reads Ethernet, raw IP, Linux cooked, BSD loopback, PPP, Cisco HDLC, Frame Relay, "
         "MPLS and 802.11";
}

}  // namespace weir
