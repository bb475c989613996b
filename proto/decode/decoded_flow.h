// What decoding gives: flows, options records, and the fields that have no place in a flow.
#pragma once

#include <cstdint>
#include <vector>

#include "proto/decode/flow_message.h"

namespace weir {

/// One data record. What the exporter did not send is 0. The reverse direction is filled by RFC 5103 elements, by
/// responder counters (232, 299) and, in NetFlow v9, by OUT_BYTES and OUT_PKTS beside IN_BYTES and IN_PKTS.
struct DecodedFlow {
  std::uint8_t source_address[16];  ///< IPv4 in the first 4 octets
  std::uint8_t destination_address[16];
  std::uint64_t first_ns;  ///< since 1970
  std::uint64_t last_ns;
  std::uint64_t packets;
  std::uint64_t octets;
  std::uint64_t reverse_packets;
  std::uint64_t reverse_octets;
  std::uint64_t reverse_first_ns;
  std::uint64_t reverse_last_ns;
  std::uint32_t ingress_interface;
  std::uint32_t egress_interface;
  std::uint32_t sampling_rate;  ///< of the record, else of the exporter's options; 0: it says nothing
  std::uint32_t first_value;    ///< Decoded::values[first_value, first_value + value_count)
  std::uint32_t value_count;
  std::uint16_t template_id;  ///< 0: the version has no templates
  std::uint16_t source_port;
  std::uint16_t destination_port;
  std::uint16_t vlan_id;
  std::uint16_t ether_type;
  std::uint16_t tcp_flags;
  std::uint16_t reverse_tcp_flags;
  std::uint8_t protocol;
  std::uint8_t ip_version;  ///< 4 or 6 by the addresses, else what element 60 says, else 0
  std::uint8_t ip_tos;
  std::uint8_t reverse_ip_tos;
  std::uint8_t icmp_type;
  std::uint8_t icmp_code;
  std::uint8_t reverse_icmp_type;
  std::uint8_t reverse_icmp_code;
  std::uint8_t end_reason;
  std::uint8_t sampling_algorithm;
};

/// One options data record: its values lie in Decoded::values, scopes first.
struct DecodedOptions {
  std::uint16_t template_id;
  std::uint32_t first_value;
  std::uint32_t value_count;
};

/// What one datagram gave. Kept by the caller and reused, so that a steady stream allocates nothing.
struct Decoded {
  MessageHeader header{};
  std::vector<DecodedFlow> flows;
  std::vector<DecodedOptions> options;
  std::vector<DecodedValue> values;
  /// Data sets that waited for their template, which came with this datagram: `values` refers into them.
  std::vector<std::vector<std::uint8_t>> waited;
};

}  // namespace weir
