// Where weir is asked over TCP, and by whose certificates: tls://ADDR:PORT?cert=FILE&key=FILE&ca=FILE, the same for
// `weir run --control` and `weirctl --control`.
//
// Both sides show a certificate, and each believes only those that an authority in its `ca` has signed (mutual TLS).
// All files are PEM (RFC 7468). weirctl also checks that weir's certificate is of ADDR, or of the NAME of `&name=`.
#pragma once

#include <string>
#include <string_view>
#include <tl/expected.hpp>

namespace weir {

inline constexpr std::string_view kControlScheme = "tls://";

struct ControlAddress {
  std::string host_port;  ///< "192.0.2.1:7443", "[2001:db8::1]:7443", "probe.example:7443"
  std::string cert;       ///< own certificate, with those between it and the authority after it
  std::string key;        ///< of it
  std::string ca;         ///< certificates of the authorities that are believed
  std::string name;       ///< weirctl: the name in weir's certificate; empty: that of host_port

  /// "tls://192.0.2.1:7443", for messages.
  [[nodiscard]] std::string title() const { return std::string(kControlScheme) + host_port; }
};

/// Error: what is wrong and what is right, in one line that does not repeat the text.
tl::expected<ControlAddress, std::string> parse_control_address(std::string_view text);

/// What the files of an address hold.
struct ControlKeys {
  std::string cert;
  std::string key;
  std::string ca;
};
/// Error: one line that names the file.
tl::expected<ControlKeys, std::string> read_control_keys(const ControlAddress& address);

}  // namespace weir
