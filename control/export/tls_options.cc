#include "control/export/tls_options.h"

#include <fmt/format.h>

namespace weir {

OptionResult set_tls_file(std::string& file, std::string_view name, std::string_view value) {
  // It is read again for each connection, wherever weir then is.
  if (!value.starts_with('/')) {
    return tl::unexpected(fmt::format("'{}={}' is no absolute path; expected that of a PEM file", name, value));
  }
  file = value;
  return {};
}

OptionResult set_tls_hostname(TlsOptions& options, std::string_view name, std::string_view value) {
  constexpr std::string_view kOfNames = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.:_";
  if (value.empty() || value.starts_with('-') || value.find_first_not_of(kOfNames) != std::string_view::npos) {
    return tl::unexpected(fmt::format("'{}={}' is neither a host's name nor an address", name, value));
  }
  options.hostname = value;
  return {};
}

OptionResult check_tls(const TlsOptions& options) {
  if (options.cert.empty() == options.key.empty()) return {};
  return tl::unexpected(fmt::format("'{}' is given without '{}'; expected both or none",
                                    options.cert.empty() ? "key" : "cert", options.cert.empty() ? "cert" : "key"));
}

}  // namespace weir
