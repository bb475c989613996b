#include "dataplane/input/interface_types.h"

#include <net/if.h>
#include <net/if_arp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "proto/base/ip_numbers.h"
#include "proto/base/unique_fd.h"

namespace weir {
namespace {

constexpr std::size_t kEthernetOctets = 14;

/// Where nobody knows the interface: an Ethernet header says which protocol follows, as the kernel does; where it does
/// not, and the packet begins as IP does, it is IP.
bool begins_with_ip(std::uint16_t protocol, std::span<const std::uint8_t> packet) {
  if (packet.empty()) return false;
  const unsigned version = packet[0] >> 4;
  if (!(protocol == kEtherTypeIpv4 && version == 4) && !(protocol == kEtherTypeIpv6 && version == 6)) return false;
  if (packet.size() < kEthernetOctets) return true;
  const unsigned ether_type = packet[12] << 8 | packet[13];
  constexpr unsigned kTags[] = {0x8100, 0x88a8, 0x9100};
  for (const unsigned tag : kTags) {
    if (ether_type == tag) return false;
  }
  return ether_type != protocol;
}

}  // namespace

std::optional<std::uint16_t> InterfaceTypes::hardware_type(std::uint32_t interface) {
  ifreq request{};
  if (if_indextoname(interface, request.ifr_name) == nullptr) return std::nullopt;
  const UniqueFd fd(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!fd.valid() || ioctl(fd.get(), SIOCGIFHWADDR, &request) != 0) return std::nullopt;
  return request.ifr_hwaddr.sa_family;
}

LinkType InterfaceTypes::link_type(std::uint32_t interface, std::uint16_t protocol,
                                   std::span<const std::uint8_t> packet, std::uint64_t now_ns) {
  std::optional<std::uint16_t> hardware;
  if (interface != 0) {
    if (known_.size() >= kMost) known_.clear();
    auto& known = known_.try_emplace(interface, Known{std::nullopt, 0}).first->second;
    if (now_ns >= known.until_ns) known = {look_up_(interface), now_ns + kGoodForNs};
    hardware = known.hardware;
  }
  if (!hardware) return begins_with_ip(protocol, packet) ? LinkType::raw_ip : LinkType::ethernet;
  switch (*hardware) {
    case ARPHRD_ETHER:
    case ARPHRD_LOOPBACK:
      return LinkType::ethernet;
    case ARPHRD_NONE:
    case ARPHRD_PPP:
    case ARPHRD_RAWHDLC:
    case ARPHRD_TUNNEL:
    case ARPHRD_TUNNEL6:
    case ARPHRD_SIT:
    case ARPHRD_IPGRE:
#ifdef ARPHRD_IP6GRE
    case ARPHRD_IP6GRE:
#endif
#ifdef ARPHRD_RAWIP
    case ARPHRD_RAWIP:
#endif
      return LinkType::raw_ip;
    default:
      return begins_with_ip(protocol, packet) ? LinkType::raw_ip : LinkType::ethernet;
  }
}

}  // namespace weir
