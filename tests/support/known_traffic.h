// A capture whose every flow is known because the test wrote it down: addresses, ports, counts, times, TCP flags, TOS
// and VLAN of each direction. It has what the captures with truth files do not tell: flags of every kind, VLANs, TOS,
// and packet times between two milliseconds.
//
// Octets are worked out from the headers' lengths as their specifications give them, not taken from a parser.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "tests/support/truth.h"

namespace weir::test {

/// One direction of a flow, as a collector may show it.
struct SeenFlow {
  std::uint64_t packets = 0;
  std::uint64_t octets = 0;
  std::uint64_t first_ms = ~std::uint64_t{0};  ///< since 1970, rounded down
  std::uint64_t last_ms = 0;
  unsigned tcp_flags = 0;
  unsigned tos = 0;
  unsigned vlan = 0;
  unsigned sampling_rate = 0;
  unsigned icmp = 0;  ///< type * 256 + code

  bool operator==(const SeenFlow&) const = default;
};

using SeenFlows = std::map<Tuple, SeenFlow>;

/// What a collector leaves out is not compared.
struct Compared {
  bool ipv6 = true;
  bool vlan = true;
  bool icmp = true;
  bool tcp_flags = true;
  bool sampling_rate = true;
  bool rate_1_as_0 = false;  ///< NetFlow v5 says nothing where every packet counts
  bool tos = true;
  bool other_ports = true;  ///< of protocols other than TCP and UDP
  bool times = true;
};

/// Each flow as a line of text, in order: two texts differ where their lines do.
std::string text_of(const SeenFlows& flows, const Compared& compared = {});

struct KnownTrafficForm {
  bool padded = true;  ///< to the 60 octets that Ethernet asks for, as on a wire; else as a sending host captures it
};

/// Writes the capture and returns what is in it.
SeenFlows write_known_traffic(const std::string& path, const KnownTrafficForm& form = {});

}  // namespace weir::test
