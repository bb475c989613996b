// Capture files that a test writes: pcap with nanoseconds.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tests/support/hex.h"

namespace weir::test {

struct CapturedFrame {
  std::uint64_t time_ns;
  Bytes octets;
};

inline constexpr std::uint32_t kLinkEthernet = 1;
inline constexpr std::uint32_t kLinkRaw = 101;  ///< IP packets without a link layer

void write_capture(const std::string& path, const std::vector<CapturedFrame>& frames,
                   std::uint32_t link_type = kLinkEthernet);

/// The datagrams as UDP over IPv4 from 192.0.2.1 port 40000 to 192.0.2.2 port `port`, one a second.
void write_datagram_capture(const std::string& path, const std::vector<Bytes>& datagrams, std::uint16_t port);

}  // namespace weir::test
