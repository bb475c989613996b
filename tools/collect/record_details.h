// Where a record came from, if it was NetFlow or IPFIX, and what it has beside.
#pragma once

#include <string_view>

#include "proto/decode/decoded.h"

namespace weir {

/// Valid while the record is handed on. `flow` is one of `datagram`.
struct RecordDetails {
  std::string_view exporter;
  const FlowDetails& flow;
  const Decoded& datagram;
};

}  // namespace weir
