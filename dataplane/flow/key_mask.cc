#include "dataplane/flow/key_mask.h"

#include <bit>
#include <cstring>
#include <tuple>

#include "dataplane/packet/headers.h"

namespace weir {
namespace {

/// The first `length` of `width` bits set, as they lie in the packet.
std::uint32_t mask32(unsigned length) {
  return length == 0 ? 0 : __builtin_bswap32(~std::uint32_t{0} << (32 - length));
}
std::uint64_t mask64(unsigned length) {
  return length == 0 ? 0 : __builtin_bswap64(~std::uint64_t{0} << (64 - length));
}

/// What is left to do where the parser has done `icmp`.
KeyFields without_icmp(KeyFields fields) {
  fields.icmp = false;
  return fields;
}

}  // namespace

KeyMask::KeyMask(const KeyFields& fields, const PortPairs& pairs, const SampleFacts* samples)
    : fields_(fields),
      pairs_(pairs),
      samples_(samples),
      changes_(!(without_icmp(fields) == KeyFields{}) || samples != nullptr),
      mask4_{mask32(fields.source_prefix4), mask32(fields.destination_prefix4)} {
  const unsigned prefixes[2] = {fields.source_prefix6, fields.destination_prefix6};
  for (unsigned end = 0; end < 2; ++end) {
    const unsigned length = prefixes[end];
    mask6_[end][0] = mask64(length < 64 ? length : 64);
    mask6_[end][1] = mask64(length < 64 ? 0 : length - 64);
  }
}

void KeyMask::apply(ParsedPacket& packet, const PacketFacts* facts, const AsPair& as_pair) const {
  apply_ends(packet);
  if (fields_.extended() || samples_ != nullptr) extend(packet, facts, as_pair);
}

void KeyMask::apply_ends(ParsedPacket& packet) const {
  FlowKey& key = packet.key;
  const bool from_high = packet.from == Side::high;
  std::uint16_t source_port = from_high ? key.port_high : key.port_low;
  std::uint16_t destination_port = from_high ? key.port_low : key.port_high;
  const bool icmp = fields_.icmp && is_icmp(key.protocol);
  if (key.protocol == kProtocolEsp) {
    // The SPI is kept whole or not at all; without the protocol in the key there is no SPI.
    if (!fields_.source_port || !fields_.destination_port || !fields_.protocol) source_port = destination_port = 0;
  }
  if (!fields_.source_port && !icmp) source_port = 0;
  if (!fields_.destination_port && !icmp) destination_port = 0;
  const std::uint8_t protocol = fields_.protocol || icmp ? key.protocol : 0;
  if (key.ip_version == 4) {
    apply4(packet, source_port, destination_port, protocol);
  } else {
    apply6(packet, source_port, destination_port, protocol);
  }
  key.vlan_id = fields_.vlan_id ? packet.vlan_id : 0;
  const bool tunnel = fields_.tunnel_id && (packet.facts & kHasTunnel) != 0;
  const bool label = fields_.mpls_label && (packet.facts & kHasLabel) != 0;
  if (tunnel || label) {
    key.ip_version |= FlowKey::kWide;
    key.added = FlowKey::added_of(tunnel ? static_cast<std::uint8_t>(packet.tunnel.type) : 0,
                                  tunnel ? packet.tunnel.id : 0, label, label ? packet.mpls_label : 0);
  }
}

void KeyMask::apply4(ParsedPacket& packet, std::uint16_t source_port, std::uint16_t destination_port,
                     std::uint8_t protocol) const {
  FlowKey& key = packet.key;
  const std::uint64_t sent = std::rotl(key.address[0], packet.from == Side::high ? 32 : 0);  // source first
  const std::uint32_t source = static_cast<std::uint32_t>(sent) & mask4_[0];
  const std::uint32_t destination = static_cast<std::uint32_t>(sent >> 32) & mask4_[1];
  const bool from_high =
      std::tuple(__builtin_bswap32(source), source_port) > std::tuple(__builtin_bswap32(destination), destination_port);
  key.address[0] = from_high ? std::uint64_t{destination} | std::uint64_t{source} << 32
                             : std::uint64_t{source} | std::uint64_t{destination} << 32;
  key.set_tail(from_high ? destination_port : source_port, from_high ? source_port : destination_port, protocol, 4);
  packet.from = from_high ? Side::high : Side::low;
}

void KeyMask::apply6(ParsedPacket& packet, std::uint16_t source_port, std::uint16_t destination_port,
                     std::uint8_t protocol) const {
  FlowKey& key = packet.key;
  const unsigned at = packet.from == Side::high ? 2 : 0;  // of the source
  std::uint64_t source[2];
  std::uint64_t destination[2];
  for (unsigned word = 0; word < 2; ++word) {
    source[word] = key.address[at + word] & mask6_[0][word];
    destination[word] = key.address[2 - at + word] & mask6_[1][word];
  }
  const bool from_high =
      std::tuple(__builtin_bswap64(source[0]), __builtin_bswap64(source[1]), source_port) >
      std::tuple(__builtin_bswap64(destination[0]), __builtin_bswap64(destination[1]), destination_port);
  for (unsigned word = 0; word < 2; ++word) {
    key.address[word] = from_high ? destination[word] : source[word];
    key.address[2 + word] = from_high ? source[word] : destination[word];
  }
  key.set_tail(from_high ? destination_port : source_port, from_high ? source_port : destination_port, protocol, 6);
  packet.from = from_high ? Side::high : Side::low;
}

/// The rest of an extended key. Where address and port of both ends are the same, what else an end has puts them in
/// order.
void KeyMask::extend(ParsedPacket& packet, const PacketFacts* facts, const AsPair& as_pair) const {
  struct End {
    std::uint8_t mac[6];
    std::uint32_t as_number;
    std::uint32_t interface;
  };
  End source{};
  End destination{};
  if (facts != nullptr && fields_.source_mac) std::memcpy(source.mac, facts->source_mac, sizeof source.mac);
  if (facts != nullptr && fields_.destination_mac) {
    std::memcpy(destination.mac, facts->destination_mac, sizeof destination.mac);
  }
  if (fields_.source_as) source.as_number = as_pair.source;
  if (fields_.destination_as) destination.as_number = as_pair.destination;
  const SampleFacts* const sample = samples_ == nullptr ? nullptr : &facts_of(samples_, packet);
  const std::uint32_t ingress = sample != nullptr ? sample->in_if : packet.ingress_interface;
  std::uint32_t egress = 0;
  if (fields_.out_if) egress = sample != nullptr ? sample->out_if : pairs_.egress_of(ingress);
  if (fields_.in_if) source.interface = ingress;
  destination.interface = fields_.in_if && egress == 0 ? source.interface : egress;
  if (!fields_.in_if) source.interface = egress;

  FlowKey& key = packet.key;
  if (key.ends_alike()) {
    const int order = std::memcmp(source.mac, destination.mac, sizeof source.mac);
    const bool from_high = order > 0 || (order == 0 && std::tie(source.as_number, source.interface) >
                                                           std::tie(destination.as_number, destination.interface));
    packet.from = from_high ? Side::high : Side::low;
  }
  if ((packet.facts & kHasAddition) == 0) packet.add_nothing();
  KeyAddition& addition = packet.addition;
  const End& low = packet.from == Side::low ? source : destination;
  const End& high = packet.from == Side::low ? destination : source;
  addition.interface[0] = low.interface;
  addition.interface[1] = high.interface;
  addition.as_number[0] = low.as_number;
  addition.as_number[1] = high.as_number;
  std::memcpy(addition.mac[0], low.mac, sizeof low.mac);
  std::memcpy(addition.mac[1], high.mac, sizeof high.mac);
  if (facts != nullptr && fields_.inner_vlan_id) addition.inner_vlan_id = facts->inner_vlan_id;
  if (fields_.ip_tos) addition.ip_tos = packet.ip_tos;
  if (sample != nullptr) addition.sample_group = sample->group_place;
  key.ip_version |= FlowKey::kExtended;
}

}  // namespace weir
