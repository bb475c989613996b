#include "control/config/tunnel_list.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <system_error>
#include <vector>

#include "proto/base/similar.h"
#include "proto/base/split.h"

namespace weir {
namespace {

std::string expected_names() {
  std::string names = "expected all, none, default or names of";
  for (std::size_t i = 1; i < kTunnelTypes.size(); ++i) names += fmt::format(" {}", kTunnelTypes[i].name);
  return names + ", separated by commas, with =PORT where it is not the registered one";
}

void add(TunnelType type, std::uint16_t port, ParserOptions& options) {
  options.walk(type);
  if (port == 0) return;
  const bool there = std::any_of(options.udp_ports.begin(), options.udp_ports.end(),
                                 [&](const TunnelPort& known) { return known.port == port && known.type == type; });
  if (!there) options.udp_ports.push_back({port, type});
}

}  // namespace

tl::expected<void, std::string> parse_tunnel_list(std::string_view text, ParserOptions& options) {
  options.tunnels = 0;
  options.udp_ports.clear();
  bool none = false;
  bool some = false;
  for (const std::string_view item : split(text, ',')) {
    const auto equals = item.find('=');
    const std::string_view name = item.substr(0, equals);
    if (item == "none") {
      none = true;
      continue;
    }
    some = true;
    if (item == "all" || item == "default") {
      for (std::size_t i = 1; i < kTunnelTypes.size(); ++i) {
        if (item == "all" || kTunnelTypes[i].by_default) {
          add(static_cast<TunnelType>(i), kTunnelTypes[i].port, options);
        }
      }
      continue;
    }
    const auto* found = std::find_if(kTunnelTypes.begin() + 1, kTunnelTypes.end(),
                                     [&](const TunnelTypeInfo& info) { return info.name == name; });
    if (found == kTunnelTypes.end()) {
      std::vector<std::string_view> names{"all", "default"};
      for (std::size_t i = 1; i < kTunnelTypes.size(); ++i) names.push_back(kTunnelTypes[i].name);
      return tl::unexpected(
          fmt::format("'{}' is not a tunnel{}; {}", name, did_you_mean(name, names), expected_names()));
    }
    std::uint16_t port = found->port;
    if (equals != std::string_view::npos) {
      if (port == 0) return tl::unexpected(fmt::format("{} has no UDP port; {}", name, expected_names()));
      const std::string_view digits = item.substr(equals + 1);
      const auto [end, fault] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
      if (fault != std::errc() || end != digits.data() + digits.size() || port == 0) {
        return tl::unexpected(fmt::format("'{}': expected a UDP port of 1 to 65535", item));
      }
    }
    add(static_cast<TunnelType>(found - kTunnelTypes.begin()), port, options);
  }
  if (none && some) return tl::unexpected("'none' cannot stand beside other names; " + expected_names());
  if (options.udp_ports.size() > ParserOptions::kMaxTunnelPorts) {
    return tl::unexpected(fmt::format("more than {} ports", ParserOptions::kMaxTunnelPorts));
  }
  return {};
}

}  // namespace weir
