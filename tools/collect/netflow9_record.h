// A decoded NetFlow v9 record as a FlowRecord, so that everything behind the decoder (sums, table, JSON) knows one form
// of record whatever it came as.
#pragma once

#include "proto/flow_record.h"
#include "proto/netflow9_decoder.h"

namespace weir {

/// What the template did not have is 0. OUT_PKTS and OUT_BYTES, if any, become the reverse direction.
FlowRecord to_flow_record(const DecodedFlow& flow);

}  // namespace weir
