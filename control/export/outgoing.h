// OutgoingOptions: what URIs of exporters over UDP and TCP may say of their sockets: which address packets come from,
// which interface they leave by, and with which DSCP (RFC 2474).
//
// Collectors know a NetFlow exporter by the address that its datagrams come from. A name that a collector has may stand
// for addresses of both families; those of the other family than the source address are passed over.
#pragma once

#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "control/export/endpoint.h"
#include "control/export/exporter_kind.h"
#include "proto/base/ip_address.h"

namespace weir {

struct OutgoingOptions {
  IpAddress source;                  ///< none: the system's choice
  std::string interface;             ///< empty: by the routing table
  std::optional<std::uint8_t> dscp;  ///< 0 to 63; none: 0, and nothing is set

  /// An address of a collector (`host`) is of the source address's family.
  [[nodiscard]] OptionResult check_source(const std::string& host) const;
  /// Prepares a socket that is to be connected to `peer`. Error: which option could not be had, and why.
  [[nodiscard]] tl::expected<void, std::string> apply(int socket, const Endpoint& peer) const;
};

OptionResult set_source(OutgoingOptions& options, std::string_view name, std::string_view value);
OptionResult set_interface(OutgoingOptions& options, std::string_view name, std::string_view value);
OptionResult set_dscp(OutgoingOptions& options, std::string_view name, std::string_view value);

template <std::derived_from<OutgoingOptions> Options>
inline constexpr OptionRow<Options> kSourceOption{
    {"source", "ADDRESS", "Send from this address of this machine, of the collector's family [the system's choice]",
     "192.0.2.9"},
    [](Options& options, std::string_view name, std::string_view value) { return set_source(options, name, value); }};

template <std::derived_from<OutgoingOptions> Options>
inline constexpr OptionRow<Options> kInterfaceOption{
    {"interface", "NAME", "Send by this network interface, whatever the routing table says [by the routing table]",
     "lo"},
    [](Options& options, std::string_view name, std::string_view value) {
      return set_interface(options, name, value);
    }};

template <std::derived_from<OutgoingOptions> Options>
inline constexpr OptionRow<Options> kDscpOption{
    {"dscp", "N", "DSCP of the packets: 0 to 63, or a name: ef, va, le, cs0 to cs7, af11 to af43 [0]", "af41"},
    [](Options& options, std::string_view name, std::string_view value) { return set_dscp(options, name, value); }};

}  // namespace weir
