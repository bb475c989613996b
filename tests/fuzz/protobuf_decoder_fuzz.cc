// A stream of length-delimited weir.v1.FlowRecord messages: what decodes is encoded again, and that decodes.
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "proto/record/flow_protobuf.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::vector<std::uint8_t> exact(data, data + size);
  std::span<const std::uint8_t> rest(exact);
  for (;;) {
    const weir::DelimitedMessage next = weir::next_delimited(rest);
    if (next.status != weir::DelimitedStatus::complete) break;
    if (next.consumed == 0 || next.consumed > rest.size()) abort();
    weir::OwnedRecord record;
    if (weir::decode_flow(next.message, record)) {
      std::uint8_t encoded[weir::kFlowProtobufMaxOctets];
      const std::uint8_t* const end = weir::write_flow_protobuf(encoded, record);
      if (end > encoded + sizeof encoded) abort();
      weir::OwnedRecord again;
      const auto message = weir::next_delimited({encoded, static_cast<std::size_t>(end - encoded)});
      if (message.status != weir::DelimitedStatus::complete || !weir::decode_flow(message.message, again)) abort();
    }
    rest = rest.subspan(next.consumed);
  }
  return 0;
}
