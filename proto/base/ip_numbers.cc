#include "proto/base/ip_numbers.h"

namespace weir {

std::string protocol_text(std::uint8_t protocol) {
  switch (protocol) {
    case kProtocolIcmp:
      return "ICMP";
    case kProtocolTcp:
      return "TCP";
    case kProtocolUdp:
      return "UDP";
    case kProtocolDccp:
      return "DCCP";
    case kProtocolIcmpv6:
      return "ICMP6";
    case kProtocolSctp:
      return "SCTP";
    case kProtocolUdpLite:
      return "UDPL";
    default:
      return std::to_string(protocol);
  }
}

}  // namespace weir
