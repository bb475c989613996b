#include "control/export/outgoing.h"

#include <fmt/format.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace weir {
namespace {

using Error = tl::unexpected<std::string>;

constexpr unsigned kGreatestDscp = 63;

struct DscpName {
  std::string_view name;
  std::uint8_t value;
};

/// The registry of IANA: RFC 2474 (cs), 2597 (af), 3246 (ef), 5865 (va), 8622 (le).
constexpr auto kDscpNames = std::to_array<DscpName>({
    {"cs0", 0},   {"cs1", 8},   {"cs2", 16},  {"cs3", 24},  {"cs4", 32},  {"cs5", 40},  {"cs6", 48},  {"cs7", 56},
    {"af11", 10}, {"af12", 12}, {"af13", 14}, {"af21", 18}, {"af22", 20}, {"af23", 22}, {"af31", 26}, {"af32", 28},
    {"af33", 30}, {"af41", 34}, {"af42", 36}, {"af43", 38}, {"ef", 46},   {"va", 44},   {"le", 1},
});

const char* family_text(int family) {
  return family == AF_INET ? "IPv4" : "IPv6";
}

int family_of(const IpAddress& address) {
  return address.ip_version == 4 ? AF_INET : AF_INET6;
}

/// Port 0: the system's choice. A link-local address of IPv6 needs the interface that it is of.
Endpoint endpoint_of(const IpAddress& address, const std::string& interface) {
  Endpoint endpoint;
  if (address.ip_version == 4) {
    sockaddr_in four{};
    four.sin_family = AF_INET;
    std::memcpy(&four.sin_addr, address.octets, sizeof four.sin_addr);
    std::memcpy(&endpoint.address, &four, sizeof four);
    endpoint.length = sizeof four;
    return endpoint;
  }
  sockaddr_in6 six{};
  six.sin6_family = AF_INET6;
  std::memcpy(&six.sin6_addr, address.octets, sizeof six.sin6_addr);
  if (IN6_IS_ADDR_LINKLOCAL(&six.sin6_addr)) six.sin6_scope_id = if_nametoindex(interface.c_str());
  std::memcpy(&endpoint.address, &six, sizeof six);
  endpoint.length = sizeof six;
  return endpoint;
}

}  // namespace

OptionResult OutgoingOptions::check_source(const std::string& host) const {
  const auto collector = parse_ip_address(host);
  if (!source.has_value() || !collector || collector->ip_version == source.ip_version) return {};
  return Error(fmt::format("source '{}' is an address of {}, and the collector {} one of {}; expected one family",
                           source.text(), family_text(family_of(source)), host, family_text(family_of(*collector))));
}

tl::expected<void, std::string> OutgoingOptions::apply(int socket, const Endpoint& peer) const {
  if (!interface.empty() && setsockopt(socket, SOL_SOCKET, SO_BINDTODEVICE, interface.data(),
                                       static_cast<socklen_t>(interface.size())) != 0) {
    const std::string why = errno == EPERM    ? std::string("not permitted; weir needs CAP_NET_RAW for it")
                            : errno == ENODEV ? std::string("there is no such interface ('ip link' lists them)")
                                              : error_text(errno);
    return Error(fmt::format("interface={}: {}", interface, why));
  }
  if (dscp) {
    const int octet = *dscp << 2;  // the two lower bits are ECN's (RFC 3168 section 5)
    const bool six = peer.family() == AF_INET6;
    if (setsockopt(socket, six ? IPPROTO_IPV6 : IPPROTO_IP, six ? IPV6_TCLASS : IP_TOS, &octet, sizeof octet) != 0) {
      return Error(fmt::format("dscp={}: {}", *dscp, error_text(errno)));
    }
  }
  if (!source.has_value()) return {};
  if (peer.family() != family_of(source)) {
    return Error(
        fmt::format("source={}: the collector has no address of {}", source.text(), family_text(family_of(source))));
  }
  const Endpoint local = endpoint_of(source, interface);
  if (bind(socket, local.get(), local.length) != 0) {
    const std::string why =
        errno == EADDRNOTAVAIL ? std::string("this machine does not have the address ('ip address' lists those it has)")
                               : error_text(errno);
    return Error(fmt::format("source={}: {}", source.text(), why));
  }
  return {};
}

OptionResult set_source(OutgoingOptions& options, std::string_view name, std::string_view value) {
  const auto address = parse_ip_address(std::string(value));
  if (!address) {
    return Error(fmt::format(
        "{} '{}' is not an address; expected one of this machine's, as in 192.0.2.9 or 2001:db8::9", name, value));
  }
  options.source = *address;
  return {};
}

OptionResult set_interface(OutgoingOptions& options, std::string_view name, std::string_view value) {
  if (value.empty() || value.size() >= IFNAMSIZ || if_nametoindex(std::string(value).c_str()) == 0) {
    return Error(fmt::format("{} '{}' is not an interface of this machine; 'ip link' lists them", name, value));
  }
  options.interface = value;
  return {};
}

OptionResult set_dscp(OutgoingOptions& options, std::string_view name, std::string_view value) {
  const auto* const known =
      std::find_if(kDscpNames.begin(), kDscpNames.end(), [&](const DscpName& one) { return one.name == value; });
  if (known != kDscpNames.end()) {
    options.dscp = known->value;
    return {};
  }
  const auto number = option_number(name, value, 0, kGreatestDscp);
  if (!number) {
    return Error(fmt::format("{}, nor one of ef, va, le, cs0 to cs7, af11 to af43", number.error()));
  }
  options.dscp = static_cast<std::uint8_t>(*number);
  return {};
}

}  // namespace weir
