// What decoding gives: records, options records, and the fields that have no place in a record.
#pragma once

#include <cstdint>
#include <vector>

#include "proto/base/ip_address.h"
#include "proto/decode/flow_message.h"
#include "proto/record/record_batch.h"

namespace weir {

/// What stands beside a record: how it came, and what a record has no place for.
struct FlowDetails {
  std::uint32_t first_value;  ///< Decoded::values[first_value, first_value + value_count)
  std::uint32_t value_count;
  std::uint16_t template_id;         ///< 0: the version has no templates
  std::uint16_t tcp_control_bits;    ///< element 6 whole: the bits above the eighth are no flags of the record
  std::uint8_t sampling_algorithm;   ///< element 35, or the mode of a v5 header
  std::uint8_t header_protocol = 0;  ///< sFlow: what the sampled header begins with; 0: there is none
};

/// One options data record: its values lie in Decoded::values, scopes first.
struct DecodedOptions {
  std::uint16_t template_id;
  std::uint32_t first_value;
  std::uint32_t value_count;
};

/// What one datagram gave. Kept by the caller and reused, so that a steady stream allocates nothing.
///
/// A record has what the exporter sent; what it did not send is 0. The reverse direction is filled by RFC 5103
/// elements, by responder counters (232, 299) and, in NetFlow v9, by OUT_BYTES and OUT_PKTS beside IN_BYTES and
/// IN_PKTS. A sampling rate of 0 says that nobody told it.
struct Decoded {
  MessageHeader header{};
  IpAddress agent;  ///< sFlow: whose samples they are; none: the datagram does not say, or is none of sFlow
  RecordBatch flows;
  std::vector<FlowDetails> details;  ///< of each of `flows`
  std::vector<DecodedOptions> options;
  std::vector<DecodedValue> values;
  /// Data sets that waited for their template, which came with this datagram: `values` refers into them.
  std::vector<std::vector<std::uint8_t>> waited;

  void clear() {
    agent = {};
    flows.clear();
    details.clear();
    options.clear();
    values.clear();
    waited.clear();
  }
};

}  // namespace weir
