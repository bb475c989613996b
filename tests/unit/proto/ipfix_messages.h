// IPFIX messages for tests of the decoder: a header with sets written in hex, and the example of RFC 7011.
#pragma once

#include <cstdint>
#include <string_view>

#include "tests/support/hex.h"

namespace weir::test {

inline constexpr std::uint64_t kSecond_ns = 1'000'000'000;

struct HeaderValues {
  std::uint32_t sequence = 0;
  std::uint32_t domain = 1;
  std::uint32_t export_secs = 1'700'000'000;
};

/// RFC 7011 section 3.1: version 10, length, export time, sequence number, observation domain id.
inline Bytes message(const HeaderValues& header, std::string_view sets) {
  const Bytes body = hex(sets);
  Bytes result;
  put(result, 10, 2);
  put(result, 16 + body.size(), 2);
  put(result, header.export_secs, 4);
  put(result, header.sequence, 4);
  put(result, header.domain, 4);
  result.insert(result.end(), body.begin(), body.end());
  return result;
}

// RFC 7011 appendix A.2.1: template 256, source, destination, next hop, packets, octets, of 4 octets each.
inline constexpr std::string_view kRfcTemplate =
    "0002 001c 0100 0005 0008 0004 000c 0004 000f 0004 0002 0004 0001 0004";
// Appendix A.3: three records.
inline constexpr std::string_view kRfcData =
    "0100 0040"
    "c000020c c00002fe c0000201 00001391 00518c81"   // 192.0.2.12 192.0.2.254 192.0.2.1 5009 5344385
    "c000021b c0000217 c0000202 000002ec 0005ef46"   // 192.0.2.27 192.0.2.23 192.0.2.2 748 388934
    "c0000238 c0000241 c0000203 00000005 00001986";  // 192.0.2.56 192.0.2.65 192.0.2.3 5 6534

}  // namespace weir::test
