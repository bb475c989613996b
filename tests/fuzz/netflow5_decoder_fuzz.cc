// One datagram of NetFlow v1, v5 or v7: the first octet chooses the version, and whether the count is put right.
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "proto/base/byte_order.h"
#include "proto/decode/flow_decoder.h"
#include "proto/decode/message_dump.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  std::vector<std::uint8_t> datagram(data + 1, data + size);
  datagram.shrink_to_fit();
  const bool one = (data[0] & 4) != 0;
  const bool seven = !one && (data[0] & 1) != 0;
  if (datagram.size() >= 2) weir::store_be<std::uint16_t>(datagram.data(), one ? 1 : seven ? 7 : 5);
  const std::size_t header = one ? 16 : 24;
  const std::size_t record = seven || (one && (data[0] & 1) != 0) ? 52 : 48;
  if ((data[0] & 2) != 0 && datagram.size() >= header) {
    const std::size_t count = (datagram.size() - header) / record;
    weir::store_be<std::uint16_t>(datagram.data() + 2, static_cast<std::uint16_t>(count));
    datagram.resize(header + count * record);
  }
  weir::FlowDecoder decoder;
  weir::Decoded out;
  const weir::DecodeError error = decoder.decode("a", datagram, out);
  if (out.flows.size() * 48 > datagram.size()) abort();
  if (error == weir::DecodeError::none && out.flows.size() != out.header.count) abort();
  for (const weir::DecodedValue& value : out.values) {
    if (value.octets.data() < datagram.data() ||
        value.octets.data() + value.octets.size() > datagram.data() + datagram.size()) {
      abort();
    }
  }
  if (decoder.totals().datagrams != 1) abort();
  (void)weir::dump_message(datagram, [](const weir::MessageHeader&, std::uint16_t) { return nullptr; });
  return 0;
}
