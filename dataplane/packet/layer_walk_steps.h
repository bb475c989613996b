// The steps of LayerWalk, one list: it makes the enum LayerWalk::Next, the declarations of the functions, and the
// switch that calls them. Each step is a function of the same name, which says at its definition what it reads.
//
// The rows of WEIR_TUNNELS are steps, each by its name: the step begins at the tunnel's own header. The steps of one
// layer stand together, since the switch is a jump table in this order.
#pragma once

#include "proto/record/tunnels.h"

// clang-format off
/// layer_walk_ethernet.cc
#define WEIR_ETHERNET_STEPS(X) X(ethernet) X(ether_type) X(llc) X(snap)

/// layer_walk_tag.cc
#define WEIR_TAG_STEPS(X)                                                                                            \
  X(vlan_tag) X(vn_tag) X(e_tag) X(i_tag) X(fabric_path) X(cisco_metadata) X(trill) X(hsr_tag) X(arista_timestamp)    \
  X(macsec)

/// layer_walk_mpls.cc
#define WEIR_MPLS_STEPS(X) X(mpls) X(mpls_payload)

/// layer_walk_link.cc
#define WEIR_LINK_STEPS(X)                                                                                           \
  X(pppoe) X(ppp) X(ppp_multilink) X(ppp_hdlc) X(ppp_pppd) X(cisco_hdlc) X(frame_relay) X(linux_sll) X(linux_sll2)    \
  X(bsd_null)

/// layer_walk_capture.cc
#define WEIR_CAPTURE_STEPS(X) X(nflog) X(pflog) X(ppi) X(pktap) X(atm) X(token_ring) X(fddi) X(capture_header)

/// layer_walk_wifi.cc
#define WEIR_WIFI_STEPS(X) X(ieee80211) X(radiotap) X(prism) X(avs)

/// layer_walk.cc
#define WEIR_IP_STEPS(X) X(ip) X(ipv4) X(ipv6)

/// layer_walk_tunnel.cc: what leads to tunnels.
#define WEIR_PAYLOAD_STEPS(X) X(payload) X(udp)

/// layer_walk_gre.cc: of a tunnel with several headers, those that do not have the tunnel's name.
#define WEIR_GRE_STEPS(X) X(erspan3)

/// X(name, ...): what stands after the name of a tunnel is the rest of its row.
#define WEIR_STEPS(X)                                                                                                \
  WEIR_ETHERNET_STEPS(X) WEIR_TAG_STEPS(X) WEIR_MPLS_STEPS(X) WEIR_LINK_STEPS(X) WEIR_CAPTURE_STEPS(X) WEIR_WIFI_STEPS(X) WEIR_IP_STEPS(X) WEIR_PAYLOAD_STEPS(X)                 \
  WEIR_GRE_STEPS(X) WEIR_TUNNELS(X)
// clang-format on
