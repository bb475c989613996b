// Frames for tests, written as sentences:
//
//   auto frame = packet().eth().vlan(42).ipv4("10.0.0.1", "10.0.0.2").ttl(64).tcp(1234,
//   80).flags(kSyn).payload(100).bytes(); auto other = packet().eth().ipv6("2001:db8::1",
//   "2001:db8::2").hop_by_hop().fragment(0, true, 7).udp(53, 53).bytes();
//
// Each noun puts a header behind the ones before it; each adjective changes the last header that it fits. bytes()
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
  PacketBuilder& vlan(unsigned id, unsigned priority = 0);                ///< 802.1Q, 0x8100
  PacketBuilder& qinq(unsigned id, unsigned priority = 0);                ///< 802.1ad, 0x88a8
  PacketBuilder& tag(unsigned tpid, unsigned id, unsigned priority = 0);  ///< any tag protocol identifier
  PacketBuilder& ether_type(unsigned type);  ///< of the last link-layer header, instead of what follows

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
  PacketBuilder& options(std::size_t octets);  ///< IPv4 options (no-operation), a multiple of 4 up to 40
  PacketBuilder& protocol(unsigned number);    ///< of the last IP or extension header, instead of what follows
  PacketBuilder& ip_version(unsigned version);
  PacketBuilder& ip_header_words(unsigned words);     ///< IHL, without changing the header's real size
  PacketBuilder& ip_total_length(unsigned octets);    ///< IPv4
  PacketBuilder& ip_payload_length(unsigned octets);  ///< IPv6
  PacketBuilder& extension_length(unsigned value);    ///< length field of the last extension header, as on the wire

  // Transport layer.
  PacketBuilder& tcp(unsigned source_port, unsigned destination_port);
  PacketBuilder& flags(unsigned value);          ///< TCP
  PacketBuilder& sequence(std::uint32_t value);  ///< TCP
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
  enum class Kind : std::uint8_t { ethernet, tag, ipv4, ipv6, extension, transport, payload };
  struct Layer {
    Kind kind;
    unsigned
        number;  ///< EtherType of a link-layer or IP header; protocol number of an IP, extension or transport header
    Bytes octets;
    std::optional<unsigned> next;      ///< EtherType or protocol field, where the test wants its own
    std::optional<unsigned> length;    ///< total, payload or extension length field, likewise
    std::optional<unsigned> ip_words;  ///< IHL, likewise
  };

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
[[nodiscard]] PacketView view_of(const Bytes& bytes, std::uint64_t time_ns = 0, std::uint32_t frame_octets = 0);

/// The octets of an address in text form: 4 or 16.
[[nodiscard]] Bytes address_octets(std::string_view text);

}  // namespace weir::test
