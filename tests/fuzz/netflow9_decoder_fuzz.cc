// Several datagrams from one input into one decoder, so that templates of one meet the data of the next. The input is
// a sequence of: exporter (1 octet), length (2 octets, big-endian), and so many octets of datagram (or what is left).
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <span>
#include <string_view>

#include "proto/decode/flow_decoder.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  weir::FlowDecoder decoder(
      {.streams = 4, .templates_per_stream = 8, .fields_per_stream = 64, .waiting_octets_per_stream = 1024});
  weir::Decoded out;
  std::span<const std::uint8_t> rest(data, size);
  std::uint64_t datagrams = 0;
  while (rest.size() >= 3) {
    const std::string_view exporter = rest[0] % 2 == 0 ? "a" : "b";
    std::size_t length = static_cast<std::size_t>(rest[1]) << 8 | rest[2];
    rest = rest.subspan(3);
    if (length > rest.size()) length = rest.size();
    // A heap copy of exactly the datagram, so that a sanitizer sees the first octet past its end.
    const std::unique_ptr<std::uint8_t[]> exact(new std::uint8_t[length]);
    for (std::size_t i = 0; i < length; ++i) exact[i] = rest[i];
    rest = rest.subspan(length);
    (void)decoder.decode(exporter, {exact.get(), length}, out);
    ++datagrams;
    // Every value lies inside the datagram or what waited for its template, every range inside the values, and no
    // datagram gives more than it and what waited have.
    const auto inside = [](std::span<const std::uint8_t> part, std::span<const std::uint8_t> whole) {
      return part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size();
    };
    std::size_t most = length;
    for (const auto& waited : out.waited) most += waited.size();
    std::uint64_t sum = 0;
    for (const weir::DecodedValue& value : out.values) {
      for (const std::uint8_t octet : value.octets) sum += octet;
      bool found = inside(value.octets, {exact.get(), length});
      for (const auto& waited : out.waited) found = found || inside(value.octets, waited);
      if (!found) abort();
    }
    if (out.details.size() != out.flows.size()) abort();
    for (const weir::FlowDetails& flow : out.details) {
      if (std::size_t{flow.first_value} + flow.value_count > out.values.size()) abort();
      // Of the formats that this decoder takes two have templates, whose ids are at least 256 (RFC 3954 section 5.2,
      // RFC 7011 section 3.4.1).
      const bool templates =
          out.header.version == weir::FlowVersion::netflow9 || out.header.version == weir::FlowVersion::ipfix;
      if (templates ? flow.template_id < 256 : flow.template_id != 0) abort();
    }
    for (const weir::DecodedOptions& options : out.options) {
      if (std::size_t{options.first_value} + options.value_count > out.values.size()) abort();
    }
    if (out.flows.size() + out.options.size() > most) abort();
    if (sum == UINT64_MAX) abort();  // never so: it keeps the reads above from being optimised away
  }
  if (decoder.totals().datagrams != datagrams || decoder.streams() > 4) abort();
  return 0;
}
