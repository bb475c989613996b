#include "control/config/value.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <charconv>

#include "control/config/schema.h"
#include "dataplane/kernel_port.h"
#include "proto/base/pci_name.h"

namespace weir {
ValueResult parse_duration_value(const v1::OptionDescription& description, const std::string& text,
                                 std::uint64_t& duration_ns) {
  // The limits are texts in config.proto; a test parses all of them.
  const auto parsed = parse_duration(text, parse_duration(description.least()).value_or(0),
                                     parse_duration(description.greatest()).value_or(UINT64_MAX));
  if (!parsed) return tl::make_unexpected(parsed.error());
  duration_ns = *parsed;
  return {};
}

tl::expected<std::uint64_t, std::string> parse_number(const v1::OptionDescription& description,
                                                      const std::string& text) {
  const auto number_of = [](const std::string& digits, std::uint64_t otherwise) {
    std::uint64_t number = 0;
    const auto [end, fault] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    return fault == std::errc() && end == digits.data() + digits.size() ? number : otherwise;
  };
  const std::uint64_t number = number_of(text, UINT64_MAX);
  if (number < number_of(description.least(), 0) || number > number_of(description.greatest(), UINT64_MAX)) {
    return tl::make_unexpected("out of range; " + limits_of(description));
  }
  return number;
}

std::string device_name(std::string_view port) {
  if (is_kernel_port(port)) {
    const auto kernel = parse_kernel_port(port);
    return kernel ? kernel->name() : std::string();
  }
  const auto name = port.substr(0, port.find(','));
  if (auto pci = pci_name(name); !pci.empty()) return pci;
  const bool driver = (name.starts_with("net_") || name.starts_with("eth_")) && name.size() > 4;
  return driver && name.find_first_of(" \t") == std::string_view::npos ? std::string(name) : std::string();
}

ValueResult check_listen_address(const std::string& address) {
  constexpr const char* kExpected = "expected ADDRESS:PORT such as 127.0.0.1:9101 or [::1]:9101";
  const std::size_t colon = address.rfind(':');
  if (colon == std::string::npos) return tl::make_unexpected(std::string("no port; ") + kExpected);
  const std::string port = address.substr(colon + 1);
  const bool number = !port.empty() && port.size() <= 5 && port.find_first_not_of("0123456789") == std::string::npos;
  if (!number || std::stoul(port) == 0 || std::stoul(port) > 65535) {
    return tl::make_unexpected(fmt::format("'{}' is not a port; {}", port, kExpected));
  }
  std::string host = address.substr(0, colon);
  in6_addr parsed{};
  const bool ipv6 = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (ipv6) host = host.substr(1, host.size() - 2);
  if (inet_pton(ipv6 ? AF_INET6 : AF_INET, host.c_str(), &parsed) != 1) {
    return tl::make_unexpected(fmt::format("'{}' is not an address; {}", host, kExpected));
  }
  return {};
}

}  // namespace weir
