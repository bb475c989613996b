#include "dataplane/dpdk/af_packet.h"

#include <linux/capability.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <charconv>
#include <cstring>
#include <fstream>
#include <optional>

#include "proto/base/unique_fd.h"

namespace weir::dpdk {
namespace {

/// The value of `key` ("iface=") in "net_af_packet0,iface=eth0,qpairs=2".
std::string_view parameter(std::string_view argument, std::string_view key) {
  while (!argument.empty()) {
    const std::size_t comma = argument.find(',');
    const std::string_view one = argument.substr(0, comma);
    if (one.starts_with(key)) return one.substr(key.size());
    argument = comma == std::string_view::npos ? std::string_view() : argument.substr(comma + 1);
  }
  return {};
}

/// What the interface answers to an ethtool question that has a number as its answer.
std::optional<std::uint32_t> ask(int socket, std::string_view interface, std::uint32_t question) {
  ifreq request{};
  if (interface.empty() || interface.size() >= sizeof request.ifr_name) return std::nullopt;
  std::memcpy(request.ifr_name, interface.data(), interface.size());
  ethtool_value value{};
  value.cmd = question;
  request.ifr_data = reinterpret_cast<char*>(&value);
  if (ioctl(socket, SIOCETHTOOL, &request) != 0) return std::nullopt;
  return value.data;
}

}  // namespace

bool is_af_packet(std::string_view argument) {
  return argument.starts_with("net_af_packet") || argument.starts_with("eth_af_packet");
}

std::uint32_t af_packet_cut_octets(std::string_view argument) {
  constexpr std::uint32_t kDefaultFrame = 2048;
  // Each frame in the ring needs a header, an address, alignment and room for a restored VLAN tag: 66 to 82 octets.
  constexpr std::uint32_t kBefore = 128;
  constexpr std::uint32_t kLeast = 256;
  const std::string_view text = parameter(argument, "framesz=");
  std::uint32_t frame = kDefaultFrame;
  if (!text.empty()) std::from_chars(text.data(), text.data() + text.size(), frame);
  return frame < kLeast ? kLeast / 2 : frame - kBefore;
}

std::string af_packet_offload_notice(std::string_view argument) {
  struct Feature {
    const char* name;
    std::uint32_t question;
    std::uint32_t mask;
  };
  constexpr Feature kFeatures[] = {{"gro", ETHTOOL_GGRO, ~0U},
                                   {"tso", ETHTOOL_GTSO, ~0U},
                                   {"gso", ETHTOOL_GGSO, ~0U},
                                   {"lro", ETHTOOL_GFLAGS, ETH_FLAG_LRO}};
  const std::string_view interface = parameter(argument, "iface=");
  const UniqueFd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!socket.valid()) return {};
  std::string on;
  std::string off;
  for (const Feature& feature : kFeatures) {
    const auto value = ask(socket.get(), interface, feature.question);
    if (!value || (*value & feature.mask) == 0) continue;
    on.append(on.empty() ? "" : ", ").append(feature.name);
    off.append(" ").append(feature.name).append(" off");
  }
  if (on.empty()) return {};
  const std::string device(interface);
  return device + ": segments of TCP are seen joined (" + on +
         "): one packet counts for several on the wire, and the headers of the others go uncounted; for the counts of "
         "the wire: ethtool -K " +
         device + off;
}

KernelInterface kernel_interface(std::string_view argument) {
  KernelInterface interface;
  if (!is_af_packet(argument) && !argument.starts_with("net_af_xdp") && !argument.starts_with("net_tap")) {
    return interface;
  }
  interface.name = parameter(argument, "iface=");
  interface.index = if_nametoindex(interface.name.c_str());
  return interface;
}

std::string af_packet_trouble(const KernelInterface& interface) {
  if (interface.index == 0) return {};
  // By its number: packet sockets are bound to that, and another interface may have the name by now.
  ifreq request{};
  request.ifr_ifindex = static_cast<int>(interface.index);
  const UniqueFd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!socket.valid()) return {};
  if (ioctl(socket.get(), SIOCGIFNAME, &request) != 0) {
    return "interface " + interface.name + " is gone; weir receives from one of that name after it is started again";
  }
  if (ioctl(socket.get(), SIOCGIFFLAGS, &request) != 0) return {};
  if ((request.ifr_flags & IFF_UP) == 0) {
    return "interface " + interface.name + " is down; ip link set " + interface.name + " up";
  }
  return (request.ifr_flags & IFF_RUNNING) != 0 ? std::string() : "interface " + interface.name + " has no carrier";
}

std::string af_packet_capabilities_missing(std::uint64_t effective) {
  const bool raw = (effective >> CAP_NET_RAW & 1) != 0;
  const bool admin = (effective >> CAP_NET_ADMIN & 1) != 0;
  if (raw && admin) return {};
  const char* const missing = raw ? "CAP_NET_ADMIN" : admin ? "CAP_NET_RAW" : "both";
  return std::string(
             "net_af_packet needs CAP_NET_RAW (to receive) and CAP_NET_ADMIN (to set up the interface), and this "
             "process lacks ") +
         missing + ": run it as root, or setcap cap_net_raw,cap_net_admin+ep on the program";
}

std::uint64_t effective_capabilities() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    constexpr std::string_view kName = "CapEff:\t";
    if (!line.starts_with(kName)) continue;
    std::uint64_t mask = 0;
    std::from_chars(line.data() + kName.size(), line.data() + line.size(), mask, 16);
    return mask;
  }
  return ~std::uint64_t{0};  // unknown: the kernel will say
}

}  // namespace weir::dpdk
