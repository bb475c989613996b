// PacketFacts: what metrics may want to know of a packet beyond what every flow counts.
//
// The parser fills it in together with the ParsedPacket, and only if a metric that is on wants it. With no metric on,
// nothing of this is read or written. A worker that takes a packet over from another worker gets its facts with it, so
// that records do not depend on the number of workers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "proto/record/section/label_stack.h"

namespace weir {

/// Octets after the transport header that a metric wants to see.
struct PacketPayload {
  static constexpr std::uint32_t kMost = 2048;  ///< of a packet: more than a segment of any Ethernet

  const std::uint8_t* octets;  ///< nullptr: none
  std::uint32_t captured;      ///< of these
  std::uint32_t whole;         ///< of the payload, by the lengths in the headers
  std::uint32_t wanted_by;     ///< bits of the metrics that see it (MetricSet::choose_payload()); 0: none does

  friend bool operator==(const PacketPayload&, const PacketPayload&) = default;
};

struct PacketFacts {
  // Of the link layer.
  std::uint8_t destination_mac[6];  ///< both as an Ethernet header has them, so that they are copied as one
  std::uint8_t source_mac[6];   ///< of the outermost Ethernet or 802.11 header; of Linux cooked ones the sender alone
  std::uint16_t inner_vlan_id;  ///< of the second tag of the outermost Ethernet header, 0 without one
  // Of the IP header that counts.
  std::uint8_t ttl;  ///< IPv4 TTL or IPv6 hop limit
  bool fragment : 1;
  // Of TCP's options: whether they are there.
  bool sack_permitted : 1;
  bool timestamps : 1;
  std::uint32_t flow_label : 20;  ///< IPv6
  /// Words of 4 octets that the IP header has beyond 20 (IPv4) or 40 (IPv6), extension headers included; 4095: or more.
  std::uint32_t ip_extra_words : 12;
  std::uint32_t fragment_id;  ///< identification: of IPv4, or of the IPv6 fragment header
  // Of TCP, where the segment's header is there.
  std::uint32_t payload_octets;  ///< of transport, by the lengths in the headers; TCP, and later fragments of anything
  /// The window as on the wire, and 1; 0: there is no TCP header. So one comparison with the greatest one before tells
  /// a side's first segment too, and one with 1 a window of 0, whatever the protocol is.
  std::uint32_t window_plus_1;
  /// IP octets of the frame's outermost header, where that is not the header that counts; else 0.
  std::uint32_t outer_octets;
  std::uint32_t sequence;         ///< of the first octet, or of the SYN
  std::uint64_t tcp_options;      ///< bit n: an option of kind n, 0 to 63
  std::uint32_t acknowledgment;   ///< as on the wire, whatever the flags say
  std::uint32_t timestamp_value;  ///< of the timestamps option
  std::uint32_t timestamp_echo;
  std::uint16_t mss;  ///< of the option, 0 without one
  std::uint8_t window_scale;
  std::uint8_t label_count;                        ///< of the frame's first label stack, at most kMost
  std::uint32_t labels[LabelStackSection::kMost];  ///< 24 bits each; those from label_count on are not set
  PacketPayload payload;                           ///< without octets where no metric wants any (payload.h)

  /// Of those that are copied when a packet is handed over: payload has a place of its own in the message.
  static constexpr std::size_t kSentOctets = 104;

  /// The fixed header of TCP was there, and the facts of TCP are.
  [[nodiscard]] bool has_tcp() const { return window_plus_1 != 0; }
  /// As on the wire; 0 without a TCP header.
  [[nodiscard]] std::uint16_t window() const { return static_cast<std::uint16_t>(has_tcp() ? window_plus_1 - 1 : 0); }
};
static_assert(std::is_trivially_copyable_v<PacketFacts> && sizeof(PacketFacts) == 128 &&
                  offsetof(PacketFacts, payload) == PacketFacts::kSentOctets,
              "a message of four lines, by which a packet is handed over, has room for no more");
static_assert(std::is_trivially_default_constructible_v<PacketFacts>,
              "a worker has room for a burst of them, which is not touched where no metric is on");

}  // namespace weir
