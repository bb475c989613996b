#include "control/config/port_pair.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>

#include "control/config/value.h"

namespace weir {
namespace {

/// The number of the interface; 0: no --port has the device, or its number is too great.
std::uint32_t interface_of(std::string_view text, std::span<const std::string> ports) {
  const std::string device = device_name(text);
  const auto found =
      std::find_if(ports.begin(), ports.end(), [&](const std::string& port) { return device_name(port) == device; });
  if (device.empty() || found == ports.end()) return 0;
  const auto number = static_cast<std::uint64_t>(found - ports.begin()) + 1;
  return number < PortPairs::kMostInterfaces ? static_cast<std::uint32_t>(number) : 0;
}

}  // namespace

tl::expected<void, std::string> check_port_pair(std::string_view text) {
  const auto comma = text.find(',');
  const bool two = comma != std::string_view::npos && !device_name(text.substr(0, comma)).empty() &&
                   !device_name(text.substr(comma + 1)).empty() && text.find(',', comma + 1) == std::string_view::npos;
  if (two) return {};
  return tl::make_unexpected(
      std::string("expected two devices of --port with a comma between them, without the arguments of a vdev, such as "
                  "0000:3b:00.0,0000:3b:00.1 or net_af_packet0,net_af_packet1"));
}

tl::expected<void, std::string> join_port_pair(std::string_view text, std::span<const std::string> ports,
                                               PortPairs& pairs) {
  if (auto good = check_port_pair(text); !good) return good;
  const auto comma = text.find(',');
  std::uint32_t interfaces[2];
  for (const int i : {0, 1}) {
    const std::string_view device = i == 0 ? text.substr(0, comma) : text.substr(comma + 1);
    interfaces[i] = interface_of(device, ports);
    if (interfaces[i] == 0) {
      return tl::make_unexpected(fmt::format("'{}' is not among the ports; expected a device of --port", device));
    }
    if (pairs.egress_of(interfaces[i]) != 0) {
      return tl::make_unexpected(fmt::format("'{}' is in a pair already; expected every device once", device));
    }
  }
  if (interfaces[0] == interfaces[1]) return tl::make_unexpected(std::string("expected two different devices"));
  pairs.join(interfaces[0], interfaces[1]);
  return {};
}

}  // namespace weir
