// What URIs of exporters over TLS may say: whom to believe, and which certificate is weir's own.
#pragma once

#include <concepts>
#include <string>
#include <string_view>

#include "control/export/exporter_kind.h"
#include "control/export/tls_client.h"

namespace weir {

OptionResult set_tls_file(std::string& file, std::string_view name, std::string_view value);
OptionResult set_tls_hostname(TlsOptions& options, std::string_view name, std::string_view value);
/// `cert` and `key` come together.
OptionResult check_tls(const TlsOptions& options);

template <std::derived_from<TlsOptions> Options>
inline constexpr OptionRow<Options> kCaOption{
    {"ca", "FILE", "PEM file of the authorities whose certificates are believed [the system's]", "/etc/weir/ca.pem"},
    [](Options& options, std::string_view name, std::string_view value) {
      return set_tls_file(options.ca, name, value);
    }};

template <std::derived_from<TlsOptions> Options>
inline constexpr OptionRow<Options> kCertOption{
    {"cert", "FILE", "PEM file of weir's own certificate, for a collector that asks for one [none]",
     "/etc/weir/weir.pem"},
    [](Options& options, std::string_view name, std::string_view value) {
      return set_tls_file(options.cert, name, value);
    }};

template <std::derived_from<TlsOptions> Options>
inline constexpr OptionRow<Options> kKeyOption{
    {"key", "FILE", "PEM file of the key of cert, without a passphrase [none]", "/etc/weir/weir.key"},
    [](Options& options, std::string_view name, std::string_view value) {
      return set_tls_file(options.key, name, value);
    }};

template <std::derived_from<TlsOptions> Options>
inline constexpr OptionRow<Options> kHostnameOption{
    {"hostname", "NAME", "Name or address that the collector's certificate is for [HOST]", "collector.example"},
    [](Options& options, std::string_view name, std::string_view value) {
      return set_tls_hostname(options, name, value);
    }};

template <std::derived_from<TlsOptions> Options>
inline constexpr OptionRow<Options> kVerifyOption{
    {"verify", "0|1", "Look at the collector's certificate (1), or believe anybody who answers (0) [1]", "0"},
    [](Options& options, std::string_view name, std::string_view value) {
      return set_option(options.verify, option_number(name, value, 0, 1));
    }};

}  // namespace weir
