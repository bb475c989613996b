// DatagramOptions: what URIs of all exporters over UDP may say, the MTU of the path and the pace.
#pragma once

#include <concepts>
#include <cstdint>

#include "control/export/exporter_kind.h"
#include "control/export/outgoing.h"

namespace weir {

inline constexpr std::uint32_t kLeastMtu = 576;      ///< every IPv4 host takes that much (RFC 791)
inline constexpr std::uint32_t kGreatestMtu = 9000;  ///< jumbo frames
inline constexpr std::uint32_t kGreatestRate = 1'000'000'000;

struct DatagramOptions : OutgoingOptions {
  std::uint32_t mtu = 1400;  ///< of the path: IP header, UDP header and payload
  std::uint32_t rate = 0;    ///< data records per second at most; 0: as fast as they come
  bool gso = true;           ///< the kernel may cut datagrams from one packet (UDP_SEGMENT)
};

template <std::derived_from<DatagramOptions> Options>
inline constexpr OptionRow<Options> kMtuOption{
    {"mtu", "OCTETS", "MTU of the path, IP and UDP headers included: 576 to 9000 [1400]", "1472"},
    [](Options& options, std::string_view name, std::string_view value) {
      return set_option(options.mtu, option_number(name, value, kLeastMtu, kGreatestMtu));
    }};

template <std::derived_from<DatagramOptions> Options>
inline constexpr OptionRow<Options> kRateOption{
    {"rate", "N", "Send at most N data records per second [no limit]", "20000"},
    [](Options& options, std::string_view name, std::string_view value) {
      return set_option(options.rate, option_number(name, value, 1, kGreatestRate));
    }};

template <std::derived_from<DatagramOptions> Options>
inline constexpr OptionRow<Options> kGsoOption{
    {"gso", "0|1", "Let the kernel cut datagrams apart (UDP GSO); 0 where a capture on this host is to show each [1]",
     "0"},
    [](Options& options, std::string_view name, std::string_view value) {
      return set_option(options.gso, option_number(name, value, 0, 1));
    }};

}  // namespace weir
