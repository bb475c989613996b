// Where a record came from, if it was NetFlow, IPFIX or sFlow, and what it has beside.
#pragma once

#include <string_view>

#include "proto/decode/decoded.h"
#include "proto/decode/structured_data.h"

namespace weir {

/// Valid while the record is handed on. `flow` is one of `datagram`.
struct RecordDetails {
  std::string_view exporter;
  const FlowDetails& flow;
  const Decoded& datagram;
  const SubTemplateFinder& find_template;  ///< the templates of its stream
};

}  // namespace weir
