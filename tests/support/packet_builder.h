// Frames for tests, written as sentences:
//
//   auto frame = packet().eth().vlan(42).ipv4("10.0.0.1", "10.0.0.2").ttl(64).tcp(1234,
//   80).flags(kSyn).payload(100).bytes(); auto other = packet().eth().ipv6("2001:db8::1",
//   "2001:db8::2").hop_by_hop().fragment(0, true, 7).udp(53, 53).bytes();
//
// Each noun puts a header after the ones before it; each adjective changes the last header that it fits. bytes()
// then fills in what follows from the whole: EtherTypes, protocol numbers, lengths and the IPv4 header checksum.
// An adjective that names such a field wins over that, which is how tests make broken frames. Transport checksums
// are left 0. The builder shares no code with the parser: offsets and constants are written out here once more.
//
// A misuse (no IPv4 header to give a TTL to, an address that is none) throws: it is an error in the test.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dataplane/packet/packet_view.h"

namespace weir::test {

/// TCP flags, RFC 9293 §3.1.
inline constexpr std::uint8_t kFin = 0x01, kSyn = 0x02, kRst = 0x04, kPsh = 0x08, kAck = 0x10, kUrg = 0x20, kEce = 0x40,
                              kCwr = 0x80;

using Bytes = std::vector<std::uint8_t>;

class PacketBuilder {
 public:
  // Link layer.
  PacketBuilder& eth();                                                   ///< 02:00:00:00:00:01 to 02:00:00:00:00:02
  PacketBuilder& eth(std::uint8_t source, std::uint8_t destination);      ///< the same with other last octets
  PacketBuilder& vlan(unsigned id, unsigned priority = 0);                ///< 802.1Q, 0x8100
  PacketBuilder& qinq(unsigned id, unsigned priority = 0);                ///< 802.1ad, 0x88a8
  PacketBuilder& tag(unsigned tpid, unsigned id, unsigned priority = 0);  ///< any tag protocol identifier
  PacketBuilder& ether_type(unsigned type);  ///< of the last link-layer header, instead of what follows
  PacketBuilder& llc_snap();                 ///< after eth() or a tag: their type is a length then
  /// One entry; the last of several is the bottom of the stack.
  PacketBuilder& mpls(unsigned label, unsigned traffic_class = 0);
  PacketBuilder& pppoe(unsigned session = 1);
  PacketBuilder& ppp(bool framing = false);  ///< framing: address and control first
  PacketBuilder& sll(unsigned device = 1);   ///< Linux cooked; the device type is Ethernet's
  PacketBuilder& sll2(unsigned device = 1);
  PacketBuilder& hdlc();                                         ///< Cisco HDLC
  PacketBuilder& bsd_null(unsigned family, bool little = true);  ///< address family, in this byte order
  PacketBuilder& header(Bytes octets);                           ///< anything, as it is

  // Network layer.
  PacketBuilder& ipv4(std::string_view source, std::string_view destination);
  PacketBuilder& ipv6(std::string_view source, std::string_view destination);
  PacketBuilder& hop_by_hop(std::size_t octets = 8);           ///< octets: of the whole header, a multiple of 8
  PacketBuilder& routing(std::size_t octets = 24);             ///< likewise
  PacketBuilder& destination_options(std::size_t octets = 8);  ///< likewise
  PacketBuilder& ah(std::size_t octets = 24);                  ///< authentication header; a multiple of 4
  PacketBuilder& fragment(unsigned offset_octets, bool more, unsigned id);  ///< IPv4: fields; IPv6: a header
  // Adjectives of the last IP header.
  PacketBuilder& ttl(unsigned value);          ///< or hop limit
  PacketBuilder& tos(unsigned value);          ///< or traffic class
  PacketBuilder& flow_label(unsigned value);   ///< IPv6
  PacketBuilder& options(std::size_t octets);  ///< IPv4 options (no-operation), a multiple of 4 up to 40
  PacketBuilder& protocol(unsigned number);    ///< of the last IP or extension header, instead of what follows
  PacketBuilder& ip_version(unsigned version);
  PacketBuilder& ip_header_words(unsigned words);     ///< IHL, without changing the header's real size
  PacketBuilder& ip_total_length(unsigned octets);    ///< IPv4
  PacketBuilder& ip_payload_length(unsigned octets);  ///< IPv6
  PacketBuilder& extension_length(unsigned value);    ///< length field of the last extension header, as on the wire

  // Tunnels. UDP ones stand after udp(), whose port is the test's to choose.
  PacketBuilder& gre(std::optional<std::uint32_t> key = {}, bool sequence = false, bool checksum = false);
  PacketBuilder& erspan2(unsigned session);  ///< after a gre() with a sequence number
  PacketBuilder& erspan3(unsigned session, unsigned frame_type = 0, bool subheader = false);
  PacketBuilder& vxlan(unsigned vni);
  PacketBuilder& geneve(unsigned vni, std::size_t option_octets = 0);
  PacketBuilder& gtp_u(std::uint32_t teid, std::size_t extension_octets = 0);
  PacketBuilder& l2tp(unsigned tunnel, unsigned session, bool length = true, bool sequence = false, unsigned pad = 0);

  // Transport layer.
  PacketBuilder& tcp(unsigned source_port, unsigned destination_port);
  PacketBuilder& flags(unsigned value);                                ///< TCP
  PacketBuilder& sequence(std::uint32_t value);                        ///< TCP
  PacketBuilder& acknowledgment(std::uint32_t value);                  ///< TCP; the flag is the test's to set
  PacketBuilder& timestamps(std::uint32_t value, std::uint32_t echo);  ///< TCP; the only option
  PacketBuilder& window(unsigned value);                               ///< TCP; 65535 without it
  PacketBuilder& tcp_options(Bytes octets);         ///< at most 40; filled with zeros up to a multiple of 4
  PacketBuilder& tcp_header_words(unsigned words);  ///< data offset, without changing the header's real size
  PacketBuilder& udp(unsigned source_port, unsigned destination_port);
  PacketBuilder& udp_lite(unsigned source_port, unsigned destination_port);
  PacketBuilder& sctp(unsigned source_port, unsigned destination_port);
  PacketBuilder& dccp(unsigned source_port, unsigned destination_port);
  PacketBuilder& icmp(unsigned type, unsigned code);
  PacketBuilder& icmpv6(unsigned type, unsigned code);

  // The rest.
  PacketBuilder& payload(std::size_t octets);  ///< so many octets 0xa5
  PacketBuilder& payload(Bytes octets);
  PacketBuilder& pad_to(std::size_t octets = 60, std::uint8_t fill = 0);  ///< Ethernet padding: outside the IP length
  PacketBuilder& cut(std::size_t octets);  ///< only the first so many octets are captured; lengths stay as they were

  /// The octets of the frame.
  [[nodiscard]] Bytes bytes() const;

 private:
  enum class Kind : std::uint8_t { ethernet, tag, ipv4, ipv6, extension, transport, shim, payload };
  /// What a field of a shim says about what lies after it.
  enum class Field : std::uint8_t { none, ether_type, ppp_protocol, length };
  struct Layer {
    Kind kind;
    unsigned
        number;  ///< EtherType of a link-layer or IP header; protocol number of an IP, extension or transport header
    Bytes octets;
    std::optional<unsigned> next;      ///< EtherType or protocol field, where the test wants its own
    std::optional<unsigned> length;    ///< total, payload or extension length field, likewise
    std::optional<unsigned> ip_words;  ///< IHL, likewise
    // Shims only.
    unsigned protocol = 253;  ///< what an IP header before it calls it
    Field field = Field::none;
    std::size_t field_at = 0;
    std::size_t length_counts_from = 0;  ///< Field::length: octets of this header that do not count
  };

  Layer& add_shim(unsigned ether_type, unsigned protocol, Bytes octets, Field field, std::size_t field_at);
  [[nodiscard]] static unsigned ether_type_of(const Layer* layer);

  PacketBuilder& add(Kind kind, unsigned number, Bytes octets);
  PacketBuilder& add_ports(unsigned number, std::size_t octets, unsigned source_port, unsigned destination_port);
  PacketBuilder& add_extension(unsigned number, std::size_t octets);
  Layer& last_ip();
  Layer& last_ip(Kind kind);
  Layer& last_network();
  Layer& last_tcp();

  std::vector<Layer> layers_;
  std::size_t pad_to_ = 0;
  std::uint8_t pad_fill_ = 0;
  std::optional<std::size_t> cut_;
};

/// Starts a sentence.
[[nodiscard]] inline PacketBuilder packet() {
  return {};
}

/// A view of `bytes`, which must outlive it. frame_octets 0: as many as there are.
[[nodiscard]] PacketView view_of(const Bytes& bytes, std::uint64_t time_ns = 0, std::uint32_t frame_octets = 0,
                                 LinkType link_type = LinkType::ethernet);

/// The octets of an address in text form: 4 or 16.
[[nodiscard]] Bytes address_octets(std::string_view text);

/// "02:00:00:00:00:0a"
[[nodiscard]] std::string mac_text(const std::uint8_t (&mac)[6]);

[[nodiscard]] inline Bytes joined(Bytes octets, const Bytes& more) {
  octets.insert(octets.end(), more.begin(), more.end());
  return octets;
}

}  // namespace weir::test
