// Any octets as a frame of any link type, under any options: nothing is read outside them, what the parser says holds
// together, and the common stack says what the general walk says.
#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "dataplane/flow/key_mask.h"
#include "dataplane/packet/layer_walk.h"
#include "dataplane/packet/parser.h"

namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

/// Members that both ways of parsing set: what only a bit of facts gives a meaning to is compared where that bit is.
void require_same(const weir::ParsedPacket& a, const weir::ParsedPacket& b) {
  // FlowKey::added means nothing in a key of the parser.
  require(a.key == b.key);
  constexpr std::size_t kFrom = offsetof(weir::ParsedPacket, hash);
  constexpr std::size_t kTo = offsetof(weir::ParsedPacket, tunnel_source);
  require(std::memcmp(reinterpret_cast<const char*>(&a) + kFrom, reinterpret_cast<const char*>(&b) + kFrom,
                      kTo - kFrom) == 0);
  if ((a.facts & weir::kHasTunnel) != 0) {
    require(std::memcmp(a.tunnel_source, b.tunnel_source, 32) == 0);
    require(a.tunnel_id == b.tunnel_id && a.tunnel_type == b.tunnel_type && a.tunnel_depth == b.tunnel_depth);
    require(a.tunnel_ip_version == b.tunnel_ip_version);
  }
  if ((a.facts & weir::kHasLabel) != 0) require(a.mpls_label == b.mpls_label);
  if ((a.facts & weir::kLaterFragment) != 0) {
    require(a.fragment_id == b.fragment_id && a.fragment_protocol == b.fragment_protocol);
  }
}

weir::ParserOptions options_of(std::uint8_t choice) {
  weir::ParserOptions options = weir::ParserOptions::defaults();
  if ((choice & 1) != 0) options.layer = weir::Layer::outer;
  if ((choice & 2) != 0) options.icmp_errors = weir::IcmpErrors::quoted;
  if ((choice & 4) != 0) {
    for (std::size_t i = 1; i < weir::kTunnelTypes.size(); ++i) {
      options.walk(static_cast<weir::TunnelType>(i));
      if (weir::kTunnelTypes[i].told != weir::TunnelSide::none) {
        options.udp_ports.push_back({weir::kTunnelTypes[i].port, static_cast<weir::TunnelType>(i)});
      }
    }
  }
  if ((choice & 8) != 0) options.tunnel_depth = choice >> 4;
  return options;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // The last two octets choose link type and options, so that a frame of a capture is an input as it stands.
  const std::uint8_t link = size < 2 ? 0 : data[size - 1];
  const std::uint8_t choice = size < 2 ? 0 : data[size - 2];
  // A heap copy of exactly the input's size: a sanitizer sees the first octet past its end. Two results over
  // different memory: a member that the parser forgets to set would differ.
  const auto exact = std::make_unique<std::uint8_t[]>(size);
  std::copy(data, data + size, exact.get());
  const weir::PacketView view{
      .data = exact.get(),
      .captured_octets = static_cast<std::uint32_t>(size),
      .frame_octets = static_cast<std::uint32_t>(size),
      .time_ns = 1,
      .ingress_interface = 2,
      .link_type = link >= 0xc0 ? static_cast<weir::LinkType>(link % weir::kLinkTypes) : weir::LinkType::ethernet};
  weir::Parser parser(options_of(choice));
  weir::ParsedPacket first;
  weir::ParsedPacket second;
  std::memset(static_cast<void*>(&first), 0x00, sizeof first);
  std::memset(static_cast<void*>(&second), 0xff, sizeof second);
  first.hash = second.hash = 3;
  first.effective_ns = second.effective_ns = 4;
  if (parser.parse_plain(view, second)) {
    require(second.effective_ns == 1);
    second.effective_ns = 4;
    require(parser.parse(view, first) == weir::Reject::none);
    require_same(first, second);
  }
  std::memset(static_cast<void*>(&second), 0xff, sizeof second);
  second.hash = 3;
  second.effective_ns = 4;
  const weir::Reject reject = parser.parse(view, first);
  weir::PacketTrace trace;
  require(reject == parser.walk(view, second, &trace));
  require(trace.layers.size() <= weir::LayerWalk::kMaxSteps);
  require(static_cast<std::size_t>(reject) < weir::kRejectCount);
  require(first.frame_octets == size && first.time_ns == 1 && first.ingress_interface == 2);
  require(first.hash == 3 && first.effective_ns == 4);
  if (reject != weir::Reject::none) return 0;

  require_same(first, second);
  const weir::FlowKey& key = first.key;
  require(key.ip_version == 4 || key.ip_version == 6);
  require(key.vlan_id == 0);
  require(first.vlan_id < 4096);
  require(first.ip_octets >= (key.ip_version == 4 ? 20 : 40));
  require(first.ip_octets <= std::max<std::size_t>(size + 40, key.ip_version == 4 ? 65535 : 65575));
  // Canonical: the low endpoint is not the greater one.
  const std::size_t octets = key.ip_version == 4 ? 4 : 16;
  const auto* low = reinterpret_cast<const std::uint8_t*>(key.address);
  const int order = std::memcmp(low, low + octets, octets);
  require(order < 0 || (order == 0 && key.port_low <= key.port_high));
  if (key.ip_version == 4) require(key.address[1] == 0 && key.address[2] == 0 && key.address[3] == 0);
  const bool has_ports = key.protocol == 6 || key.protocol == 17 || key.protocol == 33 || key.protocol == 50 ||
                         key.protocol == 132 || key.protocol == 136;
  require(has_ports || (key.port_low == 0 && key.port_high == 0));
  require(key.protocol == 6 || first.tcp_flags == 0);
  require(key.protocol == 1 || key.protocol == 58 || (first.icmp_type == 0 && first.icmp_code == 0));
  if ((first.facts & weir::kLaterFragment) != 0) require(key.port_low == 0 && key.port_high == 0);
  if ((first.facts & weir::kHasTunnel) != 0) {
    require(first.tunnel_type != 0 && first.tunnel_type < weir::kTunnelTypes.size());
    require(first.tunnel_depth >= 1 && first.tunnel_depth <= parser.options().tunnel_depth);
  }
  require(((first.facts & weir::kFirstFragment) != 0) == (parser.notes().count != 0));

  // --key that adds everything changes nothing of the 5-tuple, and says the same of both results.
  weir::KeyFields fields;
  fields.vlan_id = fields.mpls_label = fields.tunnel_id = true;
  const weir::KeyMask mask(fields);
  const weir::FlowKey before = key;
  const weir::Side from = first.from;
  mask.apply(first);
  mask.apply(second);
  require(key == second.key && std::memcmp(before.address, key.address, sizeof key.address) == 0);
  require(before.port_low == key.port_low && before.port_high == key.port_high && before.protocol == key.protocol);
  const bool same_ends = first.from == from || (order == 0 && key.port_low == key.port_high);
  require(before.ip_version == key.version() && key.vlan_id == first.vlan_id && same_ends);
  return 0;
}
