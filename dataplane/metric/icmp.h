// The metric `icmp`: ICMP errors that quote packets of the flow: how many, the last one's type and code, and the
// next-hop MTU (RFC 792, RFC 1191, RFC 4443).
//
// An error is seldom a packet of the flow that it quotes, so nothing is measured of the flow's own packets: quoted() is
// told of the errors. With --icmp-close a flow of UDP ends at the error that says nobody listens at its port (RFC 1122
// §4.1.3.3): UDP closes nothing itself, and the record need not wait until the flow is idle. A connection of TCP
// survives such an error, which may be forged (RFC 5927 §4), and so does one of SCTP: there it is only counted.
#pragma once

#include "dataplane/metric/metric.h"

namespace weir {

struct Icmp {
  static constexpr std::string_view kName = "icmp";
  static constexpr std::string_view kMeaning = "ICMP errors that quote packets of the flow, next-hop MTU";
  static constexpr std::uint32_t kSections = kSectionBit<IcmpSection>;

  struct State {};
  struct Slot {
    std::uint32_t errors[2];  ///< by the side that sent the quoted packets, like all
    std::uint32_t mtu[2];
    std::uint8_t type[2];
    std::uint8_t code[2];
  };

  static bool applies(std::uint8_t /*protocol*/) { return true; }

  static Verdict update(State& /*state*/, Slot& /*slot*/, const MetricInput& /*input*/) { return Verdict::goes_on; }

  static Verdict quoted(State& /*state*/, Slot& slot, const QuoteInput& input) {
    const unsigned side = input.side;
    const IcmpError& error = input.error;
    if (slot.errors[side] != UINT32_MAX) ++slot.errors[side];
    slot.type[side] = error.type;
    slot.code[side] = error.code;
    if (error.mtu != 0) slot.mtu[side] = error.mtu;
    const std::uint8_t protocol = error.quoted.key.protocol;
    const bool is_udp = protocol == kProtocolUdp || protocol == kProtocolUdpLite;
    const bool over = input.settings.icmp_close && is_udp && error.port_unreachable();
    return over ? Verdict::ends : Verdict::goes_on;
  }

  static std::uint32_t sections(const State& /*state*/, const Slot& slot) {
    return (slot.errors[0] | slot.errors[1]) != 0 ? kSections : 0;
  }

  static void finish(const State& /*state*/, const Slot& slot, const MetricOutput& output) {
    auto& section = output.section<IcmpSection>();
    for (const Direction direction : {kForward, kReverse}) {
      const unsigned side = output.side(direction);
      section.errors[direction] = slot.errors[side];
      section.mtu[direction] = slot.mtu[side];
      section.type[direction] = slot.type[side];
      section.code[direction] = slot.code[side];
    }
  }
};

}  // namespace weir
