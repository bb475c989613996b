// Any octets as an Ethernet frame: nothing is read outside them, and what the parser says holds together.
#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "dataplane/packet/parser.h"

namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // A heap copy of exactly the input's size: a sanitizer sees the first octet past its end. Two results over
  // different memory: a member that the parser forgets to set would differ.
  const auto exact = std::make_unique<std::uint8_t[]>(size);
  std::copy(data, data + size, exact.get());
  const weir::PacketView view{.data = exact.get(),
                              .captured_octets = static_cast<std::uint32_t>(size),
                              .frame_octets = static_cast<std::uint32_t>(size),
                              .time_ns = 1,
                              .ingress_interface = 2,
                              .link_type = weir::LinkType::ethernet};
  weir::ParsedPacket first;
  weir::ParsedPacket second;
  std::memset(static_cast<void*>(&first), 0x00, sizeof first);
  std::memset(static_cast<void*>(&second), 0xff, sizeof second);
  first.hash = second.hash = 3;
  first.effective_ns = second.effective_ns = 4;
  const weir::Reject reject = weir::parse_packet(view, first);
  require(reject == weir::parse_packet(view, second));
  require(static_cast<std::size_t>(reject) < weir::kRejectCount);
  require(first.frame_octets == size && first.time_ns == 1 && first.ingress_interface == 2);
  require(first.hash == 3 && first.effective_ns == 4);
  if (reject != weir::Reject::none) return 0;

  // All members; behind the last one lies padding of the struct.
  require(std::memcmp(&first, &second, offsetof(weir::ParsedPacket, reserved) + sizeof first.reserved) == 0);
  const weir::FlowKey& key = first.key;
  require(key.ip_version == 4 || key.ip_version == 6);
  require(key.reserved == 0 && first.reserved == 0);
  require(first.vlan_id < 4096);
  require(first.ip_octets >= (key.ip_version == 4 ? 20 : 40));
  require(first.ip_octets <= (key.ip_version == 4 ? 65535 : 65575));
  // Canonical: the low endpoint is not the greater one, and equal endpoints send from the low side.
  const std::size_t octets = key.ip_version == 4 ? 4 : 16;
  const auto* low = reinterpret_cast<const std::uint8_t*>(key.address);
  const int order = std::memcmp(low, low + octets, octets);
  require(order < 0 || (order == 0 && key.port_low <= key.port_high));
  require(order != 0 || key.port_low != key.port_high || first.from == weir::Side::low);
  if (key.ip_version == 4) require(key.address[1] == 0 && key.address[2] == 0 && key.address[3] == 0);
  const bool has_ports =
      key.protocol == 6 || key.protocol == 17 || key.protocol == 33 || key.protocol == 132 || key.protocol == 136;
  require(has_ports || (key.port_low == 0 && key.port_high == 0));
  require(key.protocol == 6 || first.tcp_flags == 0);
  require(key.protocol == 1 || key.protocol == 58 || (first.icmp_type == 0 && first.icmp_code == 0));
  return 0;
}
