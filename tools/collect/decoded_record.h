// A decoded record of NetFlow or IPFIX as a FlowRecord, so that everything behind the decoder (sums, table, JSON,
// re-export) knows one form of record whatever it came as; and beside it what a FlowRecord has no place for.
#pragma once

#include <string_view>

#include "proto/decode/decoded_flow.h"
#include "proto/record/flow_record.h"

namespace weir {

/// What the template did not have is 0. `flow` is one of `datagram`.
FlowRecord to_flow_record(const DecodedFlow& flow, const Decoded& datagram);

/// Whether to_flow_record() takes all that a value says, though DecodedFlow has no field for it: weir's own elements.
bool has_place_in_flow_record(FlowVersion version, const DecodedValue& value);

/// Where a FlowRecord came from, if it was NetFlow or IPFIX. Valid while the record is handed on.
struct RecordDetails {
  std::string_view exporter;
  const DecodedFlow& flow;
  const Decoded& datagram;
};

}  // namespace weir
