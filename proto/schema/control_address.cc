#include "proto/schema/control_address.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <iterator>
#include <system_error>
#include <utility>

namespace weir {
namespace {

constexpr const char* kExpected = "expected tls://ADDR:PORT?cert=FILE&key=FILE&ca=FILE";

tl::unexpected<std::string> wrong(const std::string& what) {
  return tl::unexpected<std::string>(what + "; " + kExpected);
}

/// ADDR:PORT, with an IPv6 address in brackets.
bool is_host_port(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos || colon == 0) return false;
  const std::string_view host = text.substr(0, colon);
  const bool brackets = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (!brackets && host.find_first_of(":[]/ ") != std::string_view::npos) return false;
  std::uint16_t port = 0;
  const char* const end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data() + colon + 1, end, port);
  return parsed.ec == std::errc() && parsed.ptr == end && port != 0;
}

/// The file, which must hold `mark`.
tl::expected<std::string, std::string> read_pem(const char* option, const std::string& path, const char* mark) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return tl::unexpected(std::string(option) + "=" + path + ": " + std::strerror(errno));
  std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  if (text.find(mark) == std::string::npos) {
    return tl::unexpected(std::string(option) + "=" + path + ": no PEM file with '" + mark + "'");
  }
  return text;
}

}  // namespace

tl::expected<ControlAddress, std::string> parse_control_address(std::string_view text) {
  if (!text.starts_with(kControlScheme)) return wrong("not tls://, which is what there is over TCP");
  text.remove_prefix(kControlScheme.size());
  ControlAddress address;
  const std::size_t mark = text.find('?');
  address.host_port = text.substr(0, mark);
  if (!is_host_port(address.host_port)) return wrong("'" + address.host_port + "' is no ADDR:PORT");
  std::string_view rest = mark == std::string_view::npos ? std::string_view() : text.substr(mark + 1);
  while (!rest.empty()) {
    const std::string_view one = rest.substr(0, rest.find('&'));
    rest.remove_prefix(std::min(rest.size(), one.size() + 1));
    const std::size_t equals = one.find('=');
    const std::string_view option = one.substr(0, equals);
    std::string* const place = option == "cert"   ? &address.cert
                               : option == "key"  ? &address.key
                               : option == "ca"   ? &address.ca
                               : option == "name" ? &address.name
                                                  : nullptr;
    if (place == nullptr) return wrong("there is no option '" + std::string(option) + "'");
    if (equals == std::string_view::npos || equals + 1 == one.size()) {
      return wrong("'" + std::string(option) + "' has no value");
    }
    if (!place->empty()) return wrong("'" + std::string(option) + "' is there twice");
    *place = one.substr(equals + 1);
  }
  for (const auto& [option, value] : {std::pair("cert", &address.cert), {"key", &address.key}, {"ca", &address.ca}}) {
    if (value->empty()) return wrong(std::string("'") + option + "' is missing");
  }
  return address;
}

tl::expected<ControlKeys, std::string> read_control_keys(const ControlAddress& address) {
  auto cert = read_pem("cert", address.cert, "-----BEGIN CERTIFICATE-----");
  if (!cert) return tl::unexpected(cert.error());
  auto key = read_pem("key", address.key, "PRIVATE KEY-----");
  if (!key) return tl::unexpected(key.error());
  auto ca = read_pem("ca", address.ca, "-----BEGIN CERTIFICATE-----");
  if (!ca) return tl::unexpected(ca.error());
  return ControlKeys{std::move(*cert), std::move(*key), std::move(*ca)};
}

}  // namespace weir
