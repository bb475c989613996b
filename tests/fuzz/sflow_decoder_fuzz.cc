// One datagram of sFlow v5; the input stands behind the version.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "proto/decode/flow_decoder.h"
#include "proto/decode/message_dump.h"
#include "proto/decode/value_text.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::vector<std::uint8_t> datagram{0, 0, 0, 5};
  datagram.insert(datagram.end(), data, data + size);
  datagram.shrink_to_fit();
  weir::FlowDecoder decoder;
  weir::Decoded out;
  const weir::DecodeError error = decoder.decode({"192.0.2.1:50000", 1'700'000'000'000'000'000}, datagram, out);
  // A sample has 8 octets at least, a field 4; a length of 0 is a field, too.
  if ((out.flows.size() + out.options.size()) * 8 > datagram.size()) abort();
  if (out.flows.size() != out.details.size()) abort();
  std::size_t values = 0;
  for (const weir::FlowDetails& one : out.details) values += one.value_count;
  for (const weir::DecodedOptions& one : out.options) values += one.value_count;
  if (values != out.values.size()) abort();
  for (const weir::DecodedValue& value : out.values) {
    if (!value.octets.empty() && (value.octets.data() < datagram.data() ||
                                  value.octets.data() + value.octets.size() > datagram.data() + datagram.size())) {
      abort();
    }
  }
  std::string text;
  weir::append_values_json(text, weir::FlowVersion::sflow, out.values);
  const weir::StreamCounts counts = decoder.totals();
  if (counts.datagrams != 1 || counts.malformed != (error == weir::DecodeError::none ? 0U : 1U)) abort();
  (void)weir::dump_message(datagram, [](const weir::MessageHeader&, std::uint16_t) { return nullptr; });
  return 0;
}
