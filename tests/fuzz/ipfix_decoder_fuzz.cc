// Several IPFIX messages from one input into one decoder, so that templates, withdrawals and waiting data of one meet
// those of the next. The input is a sequence of: exporter and seconds (1 octet), length (2 octets, big-endian), and so
// many octets of message (or what is left), whose version and length are put right, so that the fuzzer need not find
// them.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "proto/base/byte_order.h"
#include "proto/decode/flow_decoder.h"
#include "proto/decode/message_dump.h"
#include "proto/decode/value_text.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::uint64_t kSecond_ns = 1'000'000'000;
  weir::FlowDecoder decoder({.streams = 4,
                             .templates_per_stream = 8,
                             .fields_per_stream = 64,
                             .waiting_octets_per_stream = 1024,
                             .template_lifetime_ns = 100 * kSecond_ns});
  weir::Decoded out;
  std::span<const std::uint8_t> rest(data, size);
  std::uint64_t datagrams = 0;
  std::uint64_t now_ns = 1'700'000'000 * kSecond_ns;
  while (rest.size() >= 3) {
    const std::string_view exporter = rest[0] % 2 == 0 ? "a" : "b";
    now_ns += std::uint64_t{rest[0]} / 2 * kSecond_ns;
    std::size_t length = static_cast<std::size_t>(rest[1]) << 8 | rest[2];
    rest = rest.subspan(3);
    if (length > rest.size()) length = rest.size();
    std::vector<std::uint8_t> message(rest.begin(), rest.begin() + static_cast<std::ptrdiff_t>(length));
    message.shrink_to_fit();  // exactly as long as it is, so that a sanitizer sees the first octet past its end
    rest = rest.subspan(length);
    if (message.size() >= 4) {
      weir::store_be<std::uint16_t>(message.data(), 10);
      weir::store_be<std::uint16_t>(message.data() + 2, static_cast<std::uint16_t>(message.size()));
    }
    const weir::DatagramOrigin origin{exporter, now_ns, rest.size() % 2 == 0};  // over UDP, or in a session
    (void)decoder.decode(origin, message, out);
    ++datagrams;
    std::uint64_t sum = 0;
    for (const weir::DecodedValue& value : out.values) {
      for (const std::uint8_t octet : value.octets) sum += octet;
    }
    if (sum == UINT64_MAX) abort();  // never so: it keeps the reads above from being optimised away
    if (out.details.size() != out.flows.size()) abort();
    for (const weir::FlowDetails& flow : out.details) {
      if (std::size_t{flow.first_value} + flow.value_count > out.values.size()) abort();
    }
    for (const weir::DecodedOptions& options : out.options) {
      if (std::size_t{options.first_value} + options.value_count > out.values.size()) abort();
    }
    // A record takes an octet at least, of this message or of what waited.
    if (out.flows.size() + out.options.size() > length + 1024) abort();
    const std::string text = weir::dump_message(message, [&](const weir::MessageHeader& header, std::uint16_t id) {
      return decoder.find_template(origin, header, id);
    });
    if (message.size() >= 16 && text.empty()) abort();
    std::string json;
    weir::append_values_json(json, out.header.version, out.values,
                             [&](std::uint16_t id) { return decoder.find_template(origin, out.header, id); });
    if (json.empty() != out.values.empty()) abort();
  }
  if (decoder.totals().datagrams != datagrams || decoder.streams() > 4) abort();
  return 0;
}
