// ClientHello and ServerHello of TLS (RFC 8446 section 4.1), from the octets that a worker kept to values and texts.
//
// What was kept is described in proto/record/section/tls.h. Whatever the octets are, each is looked at a bounded number
// of times, and nothing but what is there.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "proto/record/section/tls.h"

namespace weir {

/// A hello as it was kept. It refers to the octets.
struct TlsHello {
  struct Extension {
    std::uint16_t type = 0;
    std::span<const std::uint8_t> data;  ///< what is there of it
    bool cut = false;                    ///< there was more
  };

  std::uint16_t version = 0;             ///< the legacy one
  std::span<const std::uint8_t> suites;  ///< of a ServerHello one
  std::vector<Extension> extensions;

  /// nullptr: it has none of this type.
  [[nodiscard]] const Extension* find(std::uint16_t type) const;
};

/// A ClientHello, or what there is of one.
[[nodiscard]] TlsHello read_client_hello(std::span<const std::uint8_t> kept);
[[nodiscard]] TlsHello read_server_hello(std::span<const std::uint8_t> kept);

/// The greatest version that a ClientHello offers: of supported_versions, where it has that, or the legacy one.
[[nodiscard]] std::uint16_t offered_version(const TlsHello& hello);

/// Octets of a text, and whether there is more of it. It refers to the hello's.
struct TlsText {
  std::span<const std::uint8_t> octets;
  bool cut = false;
};
/// The host name (RFC 6066 section 3), without a trailing dot; empty: there is none.
[[nodiscard]] TlsText server_name(const TlsHello& hello);
/// The first protocol (RFC 7301 section 3.1); empty: there is none.
[[nodiscard]] TlsText first_protocol(const TlsHello& hello);

/// Version, JA3 and JA4 of a whole ClientHello into the section. `transport`: as of ja4().
void put_tls_client(TlsSection& section, const TlsHello& hello, char transport);

/// Whether it is a value that nobody implements (RFC 8701): of versions, suites, extensions, groups.
[[nodiscard]] bool is_grease(std::uint16_t value);

/// Decodes a section as the worker made it. One that was decoded is left as it is.
void decode_tls_hellos(TlsSection& section);

}  // namespace weir
