// KeyFields: which fields make the flow key (--key), and KeyMask, which applies them to what the parser found.
//
// What is not in the key is 0 in it, before it is hashed: the table, the workers and the records see a shorter key and
// nothing else. What --key adds to the 5-tuple is in the key whole (flow_key.h), never as a hash that stands for it.
//
// The mask is put on the packet as it travels, source and destination; then the two ends are put in order. So two
// packets are the two directions of one flow where the masked source of one is the masked destination of the other, and
// the sums per masked, directional tuple are exact, whatever the mask. Where source and destination are masked alike a
// conversation has both directions, as ever. Where they are not (src_addr alone, say) a packet back has another key:
// every direction is a flow of its own. Where both ends are the same after masking there is one direction.
//
// An identifier that each direction has its own of (a label, a TEID, an SPI) parts the directions, too.
//
// A MAC address belongs to its end as the IP address does. So do interfaces, if the key has both and the egress is
// known: the two directions of a tap are one flow. Where it has one of them, or the port is in no pair, the interface
// is a fact of the packet like its VLAN.
//
// Samples of the kernel (sample_facts.h) have their group in the key, whatever --key says, and come with both
// interfaces where the kernel knows them.
//
// The AS of an end (src_as, dst_as) belongs to it as its address does, of which it is looked up whole, before the mask.
// Whoever applies the mask looks it up (as_lookup.h).
//
// `icmp` adds type and code of ICMP messages, and with them, for these messages, the protocol. A reply counts as the
// request that it answers. The parser puts them where ports would stand (for_key() tells it to), so that later
// fragments and quoted headers have them as they have ports; the mask leaves them there.
//
// Only a key that holds the whole 5-tuple tells TCP connections apart: with any other, FIN and RST end no flow. Only
// where it holds both whole addresses do all packets of a flow come to one queue by RSS of the addresses; with any
// other, workers hand packets over.
#pragma once

#include <cstdint>

#include "dataplane/flow/as_lookup.h"
#include "dataplane/flow/port_pairs.h"
#include "dataplane/flow/sample_facts.h"
#include "dataplane/packet/flow_key.h"
#include "dataplane/packet/packet_facts.h"
#include "dataplane/packet/parser_options.h"

namespace weir {

struct KeyFields {
  // Prefix lengths; 0: the address is no part of the key.
  unsigned source_prefix4 = 32;
  unsigned destination_prefix4 = 32;
  unsigned source_prefix6 = 128;
  unsigned destination_prefix6 = 128;
  bool source_port = true;
  bool destination_port = true;
  bool protocol = true;
  bool icmp = false;  ///< type and code of ICMP messages
  bool vlan_id = false;
  bool mpls_label = false;
  bool tunnel_id = false;  ///< and what kind of tunnel it is the id of
  // What makes the key an extended one.
  bool in_if = false;
  bool out_if = false;
  bool ip_tos = false;
  bool source_mac = false;
  bool destination_mac = false;
  bool inner_vlan_id = false;
  bool source_as = false;
  bool destination_as = false;

  friend bool operator==(const KeyFields&, const KeyFields&) = default;

  [[nodiscard]] bool whole_addresses() const {
    return source_prefix4 == 32 && destination_prefix4 == 32 && source_prefix6 == 128 && destination_prefix6 == 128;
  }
  [[nodiscard]] bool holds_five_tuple() const {
    return whole_addresses() && source_port && destination_port && protocol;
  }
  /// What it holds of an end does not depend on whether that is the source: both directions of a conversation are one
  /// flow.
  [[nodiscard]] bool same_of_both_ends() const {
    return source_prefix4 == destination_prefix4 && source_prefix6 == destination_prefix6 &&
           source_port == destination_port && source_mac == destination_mac && source_as == destination_as;
  }
  /// It has something that only PacketFacts tell; so has the metric layer2, by which it comes into the record.
  [[nodiscard]] bool holds_link_facts() const { return source_mac || destination_mac || inner_vlan_id; }
  /// The ends whose AS it has.
  [[nodiscard]] AsEnds as_ends() const { return {source_as, destination_as}; }
  [[nodiscard]] bool extended() const { return in_if || out_if || ip_tos || holds_link_facts() || as_ends().any(); }
};

/// `options` for a parser whose packets are given this key.
[[nodiscard]] inline ParserOptions for_key(ParserOptions options, const KeyFields& key) {
  options.icmp_in_key = key.icmp;
  return options;
}

class KeyMask {
 public:
  /// `samples`: the source's; nullptr: packets are not samples.
  explicit KeyMask(const KeyFields& fields, const PortPairs& pairs = {}, const SampleFacts* samples = nullptr);

  [[nodiscard]] const KeyFields& fields() const { return fields_; }
  /// False: the key is what the parser makes of it, and apply() need not be called.
  [[nodiscard]] bool changes() const { return changes_; }
  /// Makes key and side of `packet` those that count. To be called once a packet, when its ports are known. `facts`:
  /// the packet's; nullptr: nothing is known of its link layer. `as_pair`: of its addresses, where the key has their
  /// AS.
  void apply(ParsedPacket& packet, const PacketFacts* facts, const AsPair& as_pair = {}) const;

 private:
  void apply_ends(ParsedPacket& packet) const;
  void extend(ParsedPacket& packet, const PacketFacts* facts, const AsPair& as_pair) const;
  void apply4(ParsedPacket& packet, std::uint16_t source_port, std::uint16_t destination_port,
              std::uint8_t protocol) const;
  void apply6(ParsedPacket& packet, std::uint16_t source_port, std::uint16_t destination_port,
              std::uint8_t protocol) const;

  KeyFields fields_;
  PortPairs pairs_;
  const SampleFacts* samples_;
  bool changes_;
  // By end, source first; IPv4 as the octets lie in the packet.
  std::uint32_t mask4_[2];
  std::uint64_t mask6_[2][2];
};

}  // namespace weir
