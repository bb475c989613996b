#include "control/probe/memif_socket.h"

namespace weir {
namespace {

constexpr std::string_view kDefaultSocket = "/run/memif.sock";  // of DPDK's driver

/// The value of `key` in "name,key=value,..."; the last one counts, as it does for the driver.
std::optional<std::string_view> value_of(std::string_view device, std::string_view key) {
  std::optional<std::string_view> found;
  for (std::size_t at = device.find(','); at != std::string_view::npos;) {
    const std::size_t next = device.find(',', at + 1);
    const std::string_view part = device.substr(at + 1, next == std::string_view::npos ? next : next - at - 1);
    if (part.size() > key.size() && part.starts_with(key) && part[key.size()] == '=') {
      found = part.substr(key.size() + 1);
    }
    at = next;
  }
  return found;
}

}  // namespace

bool memif_is_abstract(std::string_view device) {
  return device.starts_with("net_memif") && value_of(device, "socket-abstract").value_or("yes") != "no";
}

std::optional<std::string> memif_server_file(std::string_view device) {
  if (!device.starts_with("net_memif")) return std::nullopt;
  const std::string_view role = value_of(device, "role").value_or("client");
  if (role != "server" && role != "master") return std::nullopt;
  if (memif_is_abstract(device)) return std::nullopt;
  return std::string(value_of(device, "socket").value_or(kDefaultSocket));
}

}  // namespace weir
