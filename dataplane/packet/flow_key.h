// FlowKey: the canonical biflow key, and ParsedPacket: what the parser makes of a frame.
//
// Both directions of a conversation have the same key: the endpoint (address, port) that is less, compared as
// octets in network order, is the low side. Which way a packet goes is one bit beside the key, so that one hash and
// one table entry serve both ways.
//
// `ip_version` says the form. IPv4 and IPv6 are the 5-tuple, with the VLAN where --key adds it, which costs nothing:
// there is room in the word of the ports. The wide forms of both hold tunnel and label in a sixth word, which means
// nothing in the other forms and is neither written nor read there. In the extended forms, wide or not, a KeyAddition
// belongs to the key: interfaces, AS numbers, TOS, inner VLAN, MAC addresses, and the group of a sample. It lies at the
// end of ParsedPacket, so that packets of the other forms do not pay for it.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "proto/record/section/tunnel.h"

namespace weir {

/// The type of the request that a reply of this type answers; of any other message its own type. RFC 792 (8/0, 13/14,
/// 15/16), RFC 950 (17/18), RFC 4443 section 4 (128/129), RFC 8335 (42/43, 160/161).
[[nodiscard]] constexpr std::uint8_t icmp_request_type(std::uint8_t ip_version, std::uint8_t type) {
  struct Pair {
    std::uint8_t request;
    std::uint8_t reply;
  };
  constexpr Pair kIcmp[] = {{8, 0}, {13, 14}, {15, 16}, {17, 18}, {42, 43}};
  constexpr Pair kIcmpv6[] = {{128, 129}, {160, 161}};
  const auto request_of = [type](const auto& pairs) {
    for (const Pair& pair : pairs) {
      if (pair.reply == type) return pair.request;
    }
    return type;
  };
  return ip_version == 4 ? request_of(kIcmp) : request_of(kIcmpv6);
}

struct FlowKey {
  /// IPv6: words 0-1 are the low side's address, 2-3 the high side's, as they lie in the packet.
  /// IPv4: word 0 holds the low side's address in octets 0-3 and the high side's in octets 4-7; the rest is 0.
  std::uint64_t address[4];
  std::uint16_t port_low;   ///< host order; 0 for protocols without ports; ESP: half of the SPI, see layer_walk.cc;
                            ///< ICMP, where --key adds it: icmp_port()
  std::uint16_t port_high;  ///< likewise
  std::uint8_t protocol;
  std::uint8_t ip_version;  ///< 4 or 6; in the wide form kWide more, in the extended one kExtended
  std::uint16_t vlan_id;    ///< 0 where it is no part of the key
  std::uint64_t added;      ///< wide form only: see added_of()

  static constexpr std::uint8_t kWide = 0x10;
  static constexpr std::uint8_t kExtended = 0x20;

  [[nodiscard]] unsigned version() const { return ip_version & 0x0fu; }
  [[nodiscard]] bool wide() const { return (ip_version & kWide) != 0; }
  [[nodiscard]] bool extended() const { return (ip_version & kExtended) != 0; }
  [[nodiscard]] bool addresses_alike() const {
    if (version() == 4) return static_cast<std::uint32_t>(address[0]) == address[0] >> 32;
    return address[0] == address[2] && address[1] == address[3];
  }
  /// Low side and high side have the same address and port.
  [[nodiscard]] bool ends_alike() const { return port_low == port_high && addresses_alike(); }

  friend bool operator==(const FlowKey& a, const FlowKey& b) {
    return std::memcmp(&a, &b, offsetof(FlowKey, added)) == 0 && (!a.wide() || a.added == b.added);
  }

  /// The sixth word of what is a part of the key; 0 where nothing is. Type 0: no tunnel; it says what kind of number
  /// the id is.
  [[nodiscard]] static constexpr std::uint64_t added_of(std::uint8_t tunnel_type, std::uint32_t tunnel_id,
                                                        bool has_label, std::uint32_t label) {
    return std::uint64_t{tunnel_id} | std::uint64_t{tunnel_type} << 32 |
           (has_label ? std::uint64_t{label} << 40 | std::uint64_t{1} << 63 : 0);
  }

  /// What tells kinds of ICMP messages apart, in place of either port: type and code, a reply as the request that it
  /// answers, so that both are one flow. 0, which no message of a type in use has: not known.
  [[nodiscard]] static constexpr std::uint16_t icmp_port(std::uint8_t version, std::uint8_t type, std::uint8_t code) {
    return static_cast<std::uint16_t>(icmp_request_type(version, type) << 8 | code);
  }

  /// Ports, protocol, version and VLAN as one word: with `address` (and `added`), the whole key.
  [[nodiscard]] std::uint64_t tail() const {
    std::uint64_t word;
    std::memcpy(&word, &port_low, sizeof word);
    return word;
  }
  /// Sets what tail() reads in one store: the hash reads it a few cycles later, and a load that spans several stores in
  /// flight must wait until they have left the store buffer (about 15 cycles per packet).
  void set_tail(std::uint16_t low, std::uint16_t high, std::uint8_t protocol_number, std::uint8_t version) {
    const std::uint64_t word = std::uint64_t{low} | std::uint64_t{high} << 16 | std::uint64_t{protocol_number} << 32 |
                               std::uint64_t{version} << 40;
    std::memcpy(&port_low, &word, sizeof word);
  }
};
static_assert(std::endian::native == std::endian::little, "set_tail() and the protocol's place in tail()");
static_assert(sizeof(FlowKey) == 48 && offsetof(FlowKey, added) == 40,
              "five words and one: the hash and the compare go word by word");
static_assert(std::has_unique_object_representations_v<FlowKey>, "no holes: compared as memory");

/// What --key may add to a key that has no room for it. Fields that are no part of the key are 0.
struct KeyAddition {
  // By Side. An interface that only one field of the key names is that of both ends (key_mask.h).
  std::uint32_t interface[2];
  std::uint32_t as_number[2];  ///< 0: unknown, too
  std::uint8_t mac[2][6];
  std::uint16_t inner_vlan_id;
  std::uint8_t ip_tos;
  std::uint8_t sample_group;  ///< place of psample's group (sample_facts.h); 0: the packet is no sample

  static constexpr std::size_t kWords = 4;
  [[nodiscard]] std::uint64_t word(std::size_t index) const {
    std::uint64_t value;
    std::memcpy(&value, reinterpret_cast<const std::uint8_t*>(this) + index * sizeof value, sizeof value);
    return value;
  }
  [[nodiscard]] bool ends_alike() const {
    return interface[0] == interface[1] && as_number[0] == as_number[1] &&
           std::memcmp(mac[0], mac[1], sizeof mac[0]) == 0;
  }
  friend bool operator==(const KeyAddition& a, const KeyAddition& b) { return std::memcmp(&a, &b, sizeof a) == 0; }
};
static_assert(sizeof(KeyAddition) == 8 * KeyAddition::kWords && std::has_unique_object_representations_v<KeyAddition>,
              "hashed by the word, compared as memory");

/// Which side of the key sent the packet.
enum class Side : std::uint8_t { low = 0, high = 1 };

/// Bits of ParsedPacket::facts. 0 for the common stack, whose parser writes nothing after that member.
enum PacketFact : std::uint8_t {
  kHasTunnel = 1,         ///< tunnel is set
  kHasLabel = 2,          ///< mpls_label is set
  kFirstFragment = 4,     ///< the parser has notes on first fragments: see fragment_cache.h
  kLaterFragment = 8,     ///< ports 0 until a FragmentCache fills them in; fragment_* are set
  kLengthFromFrame = 16,  ///< the IP header's length is 0: ip_octets reach to the end of what encloses it
  kIcmpError = 32,        ///< an ICMP error, where a metric wants what it quotes: see icmp_error.h
  kSampled = 64,          ///< sampling_level is set: the packet stands for 2^sampling_level (--sample rate)
  kHasAddition = 128,     ///< addition and sighting are set: by the monitor, never by the parser
};

struct ParsedPacket {
  FlowKey key;
  std::uint64_t hash;          ///< of key, by the process's seed; set by whoever owns the seed, not by the parser
  std::uint64_t time_ns;       ///< when the packet was seen: as the input gave it, or as TimeEpochs moved it
  std::uint64_t effective_ns;  ///< by which flows end, never runs back in an epoch; set by whoever spreads the packets
  std::uint32_t frame_octets;  ///< on the wire, without FCS
  std::uint32_t ip_octets;     ///< IPv4 total length, IPv6 payload length + 40; where that is 0, see kLengthFromFrame
  std::uint32_t ingress_interface;
  std::uint16_t vlan_id;  ///< of the outermost tag, 0 without one
  Side from;
  std::uint8_t tcp_flags;  ///< 0 for other protocols, and where the header is cut before them
  std::uint8_t ip_tos;
  std::uint8_t icmp_type;  ///< ICMP and ICMPv6, else 0
  std::uint8_t icmp_code;
  std::uint8_t facts;  ///< bits of PacketFact

  // What only a bit of `facts` gives a meaning to.
  TunnelSection tunnel;
  std::uint32_t mpls_label;        ///< top label of the frame's first stack
  std::uint32_t fragment_id;       ///< IPv4 and IPv6 identification
  std::uint8_t fragment_protocol;  ///< IPv4 protocol, or next header of the IPv6 fragment header
  std::uint8_t filtered_by;        ///< of a later fragment, bit n: the filter of monitor n says no; set by the front
  std::uint8_t icmp_error;         ///< of an ICMP error: its place in PacketFront::icmp_errors(); set by the front
  std::uint8_t sampling_level;     ///< with kSampled; set by who samples
  KeyAddition addition;            ///< with kHasAddition, of the extended key
  std::uint64_t sighting;          ///< with kHasAddition: what tells the packet from others on a pair of ports; 0: none

  /// Low side and high side are the same: there is one direction only.
  [[nodiscard]] bool ends_alike() const { return key.ends_alike() && (!key.extended() || addition.ends_alike()); }
  /// Makes kHasAddition true, with nothing in it.
  void add_nothing() {
    facts |= kHasAddition;
    addition = KeyAddition{};
    sighting = 0;
  }
  /// By --sample rate the packet stands for 2 to the power of this.
  [[nodiscard]] unsigned level() const { return (facts & kSampled) != 0 ? sampling_level : 0; }
  void set_level(unsigned level) {
    if (level == 0) return;
    facts |= kSampled;
    sampling_level = static_cast<std::uint8_t>(level);
  }
};
static_assert(sizeof(ParsedPacket) == 184 && std::is_trivially_copyable_v<ParsedPacket>,
              "the common stack touches 88 of the first 96 octets; only a hand-over between workers copies it whole");

}  // namespace weir
