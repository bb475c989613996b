#include "dataplane/input/link_types.h"

#include <pcap/pcap.h>

namespace weir {

std::string unsupported_link_type(int number) {
  const char* name = pcap_datalink_val_to_name(number);
  return std::string("link type ") + (name != nullptr ? name : "unknown to libpcap") + " (" + std::to_string(number) +
         ") is not supported; weir reads Ethernet, raw IP, Linux cooked, BSD loopback, PPP, Cisco HDLC, Frame Relay, "
         "MPLS, 802.11, ATM, token ring, FDDI, NFLOG, PFLOG, PPI and PKTAP";
}

}  // namespace weir
