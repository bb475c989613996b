// Any octets as a frame of any link type, under any options: nothing is read outside them, what the parser says holds
// together, and the common stack says what the general walk says, of the packet and of the facts that metrics want.
#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "dataplane/flow/key_mask.h"
#include "dataplane/packet/layer_walk.h"
#include "dataplane/packet/parser.h"
#include "dataplane/packet/read_facts.h"

namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

/// Members that both ways of parsing set: what only a bit of facts gives a meaning to is compared where that bit is.
void require_same(const weir::ParsedPacket& a, const weir::ParsedPacket& b) {
  // FlowKey::added means nothing in a key of the parser.
  require(a.key == b.key);
  constexpr std::size_t kFrom = offsetof(weir::ParsedPacket, hash);
  constexpr std::size_t kTo = offsetof(weir::ParsedPacket, tunnel);
  require(std::memcmp(reinterpret_cast<const char*>(&a) + kFrom, reinterpret_cast<const char*>(&b) + kFrom,
                      kTo - kFrom) == 0);
  if ((a.facts & weir::kHasTunnel) != 0) {
    require(std::memcmp(&a.tunnel, &b.tunnel, sizeof a.tunnel) == 0);
  }
  if ((a.facts & weir::kHasLabel) != 0) require(a.mpls_label == b.mpls_label);
  if ((a.facts & weir::kLaterFragment) != 0) {
    require(a.fragment_id == b.fragment_id && a.fragment_protocol == b.fragment_protocol);
  }
}

/// Labels beyond their count are not set.
void require_same(const weir::PacketFacts& a, const weir::PacketFacts& b) {
  constexpr std::size_t kLabels = offsetof(weir::PacketFacts, labels);
  require(std::memcmp(&a, &b, kLabels) == 0);
  require(a.label_count <= weir::LabelStackSection::kMost);
  require(std::memcmp(a.labels, b.labels, a.label_count * sizeof a.labels[0]) == 0);
}

/// What holds of the facts of any packet.
void require_sound(const weir::PacketFacts& facts, const weir::ParsedPacket& packet) {
  require(facts.flow_label <= 0xfffff && facts.inner_vlan_id < 4096);
  require(facts.outer_octets != packet.ip_octets && (facts.outer_octets == 0 || facts.outer_octets >= 20));
  require(facts.payload_octets <= packet.ip_octets);
  const bool later = (packet.facts & weir::kLaterFragment) != 0;
  require(!later || facts.fragment);
  require(facts.has_tcp() ? packet.key.protocol == 6 && !later
                          : (facts.payload_octets == 0 || later) && facts.tcp_options == 0 && facts.window() == 0);
  require(packet.key.version() == 6 || facts.flow_label == 0);
  for (unsigned i = 0; i < facts.label_count; ++i) {
    require(facts.labels[i] < 1U << 24);
    require((facts.labels[i] & 1) == 0 || i + 1 == facts.label_count);  // the bottom of the stack is its last
  }
  if (facts.label_count != 0) {
    require((packet.facts & weir::kHasLabel) != 0 && packet.mpls_label == facts.labels[0] >> 4);
  } else {
    require((packet.facts & weir::kHasLabel) == 0);
  }
}

/// What holds of the ICMP error that the parser just took.
void require_sound(const weir::Parser& parser, const weir::ParsedPacket& packet) {
  const weir::IcmpError& error = parser.icmp_error();
  const bool counts_for_itself = weir::is_icmp(packet.key.protocol) && packet.icmp_type != 0;
  const auto version = static_cast<std::uint8_t>(packet.key.version());
  require(weir::is_icmp_error(version, error.type));
  require(!counts_for_itself || (error.type == packet.icmp_type && error.code == packet.icmp_code));
  require(error.mtu == 0 ||
          (version == 4 ? error.type == 3 && error.code == 4 && error.mtu <= 0xffff : error.type == 2));
  if (!error.readable) return;
  require(error.quoted.key.version() == version);
  if (parser.options().icmp_errors == weir::IcmpErrors::quoted) {
    require(error.quoted.key == packet.key && error.quoted.from != packet.from);
  } else {
    require(counts_for_itself);
  }
}

weir::ParserOptions options_of(std::uint8_t choice) {
  weir::ParserOptions options = weir::ParserOptions::defaults();
  options.note_icmp_errors = true;
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
      .link_type = link >= 0xc0 ? static_cast<weir::LinkType>(link % weir::kLinkTypes) : weir::LinkType::ethernet,
      .marks = 0};
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
    weir::PacketFacts facts;
    weir::PacketFacts plain;
    std::memset(static_cast<void*>(&facts), 0x00, sizeof facts);
    std::memset(static_cast<void*>(&plain), 0xff, sizeof plain);
    require(parser.parse(view, first, &facts) == weir::Reject::none);
    require_same(first, second);
    weir::read_plain_facts(view, second, plain);
    require_same(facts, plain);
  }
  std::memset(static_cast<void*>(&second), 0xff, sizeof second);
  second.hash = 3;
  second.effective_ns = 4;
  weir::PacketFacts facts;
  weir::PacketFacts walked;
  std::memset(static_cast<void*>(&facts), 0x00, sizeof facts);
  std::memset(static_cast<void*>(&walked), 0xff, sizeof walked);
  const weir::Reject reject = parser.parse(view, first, &facts);
  weir::PacketTrace trace;
  require(reject == parser.walk(view, second, &trace, &walked));
  require(trace.layers.size() <= weir::LayerWalk::kMaxSteps);
  require(static_cast<std::size_t>(reject) < weir::kRejectCount);
  require(first.frame_octets == size && first.time_ns == 1 && first.ingress_interface == 2);
  require(first.hash == 3 && first.effective_ns == 4);
  if (reject != weir::Reject::none) return 0;

  require_same(first, second);
  require_same(facts, walked);
  require_sound(facts, first);
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
    const weir::TunnelSection& tunnel = first.tunnel;
    require(tunnel.type != weir::TunnelType::none && static_cast<std::size_t>(tunnel.type) < weir::kTunnelTypes.size());
    require(tunnel.depth >= 1 && tunnel.depth <= parser.options().tunnel_depth);
  }
  if ((first.facts & weir::kIcmpError) != 0) require_sound(parser, first);
  require(((first.facts & weir::kFirstFragment) != 0) == (parser.notes().count != 0));

  // --key that adds everything changes nothing of the 5-tuple, and says the same of both results.
  weir::KeyFields fields;
  fields.vlan_id = fields.mpls_label = fields.tunnel_id = true;
  const weir::KeyMask mask(fields);
  const weir::FlowKey before = key;
  const weir::Side from = first.from;
  mask.apply(first, nullptr);
  mask.apply(second, nullptr);
  require(key == second.key && std::memcmp(before.address, key.address, sizeof key.address) == 0);
  require(before.port_low == key.port_low && before.port_high == key.port_high && before.protocol == key.protocol);
  const bool same_ends = first.from == from || (order == 0 && key.port_low == key.port_high);
  require(before.ip_version == key.version() && key.vlan_id == first.vlan_id && same_ends);
  return 0;
}
