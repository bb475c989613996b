// NetFlow v9 and IPFIX share one decoder (flow_decoder.h); these are the names it has for code that knows v9 only.
#pragma once

#include "proto/decode/flow_decoder.h"

namespace weir {

using Netflow9Decoder = FlowDecoder;
using Netflow9Decoded = Decoded;
using Netflow9Error = DecodeError;
using Netflow9Value = DecodedValue;
using Netflow9Datagram = FlowMessage;
using Netflow9FlowSet = FlowSet;
using Netflow9Counts = StreamCounts;
inline constexpr std::size_t kNetflow9ErrorCount = kDecodeErrorCount;

}  // namespace weir
