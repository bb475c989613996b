#include "proto/decode/sflow_message.h"

#include <algorithm>

#include "proto/base/byte_order.h"
#include "proto/decode/sflow_structures.h"

namespace weir {
namespace {

using Octets = std::span<const std::uint8_t>;

constexpr std::uint32_t kVersion = 5;

/// The short form has the meaning in its 2 upper bits.
SflowInterface short_interface(std::uint32_t number) {
  return {number >> 30, number & SflowInterface::kInternal};
}

SflowInterface long_interface(XdrReader& reader) {
  SflowInterface interface;
  interface.form = reader.u32();
  interface.value = reader.u32();
  return interface;
}

}  // namespace

bool is_sflow(Octets datagram) {
  return datagram.size() >= 4 && load_be<std::uint32_t>(datagram.data()) == kVersion;
}

DecodeError parse_sflow(Octets datagram, SflowMessage& out) {
  out.samples.clear();
  out.header = {};
  XdrReader reader(datagram);
  const std::uint32_t version = reader.u32();
  if (reader.failed()) return DecodeError::short_header;
  if (version != kVersion) return DecodeError::wrong_version;
  const std::uint32_t address_type = reader.rest().size() >= 4 ? load_be<std::uint32_t>(reader.rest().data()) : 0;
  if (address_type > 2) return DecodeError::bad_agent_address;
  out.agent = reader.address();
  out.header.version = FlowVersion::sflow;
  out.header.source_id = reader.u32();
  out.header.sequence = reader.u32();
  out.header.sys_uptime_ms = reader.u32();
  const std::uint32_t count = reader.u32();
  if (reader.failed()) return DecodeError::short_header;
  out.header.count = static_cast<std::uint16_t>(std::min<std::uint32_t>(count, UINT16_MAX));
  for (std::uint32_t i = 0; i < count; ++i) {
    const std::uint32_t format = reader.u32();
    const Octets octets = reader.opaque();
    if (reader.failed()) return DecodeError::truncated_sample;
    out.samples.push_back({format, octets});
  }
  return reader.rest().empty() ? DecodeError::none : DecodeError::octets_after_samples;
}

bool is_known_sample(std::uint32_t format) {
  return format >= kFlowSample && format <= kExpandedCountersSample;
}

DecodeError parse_sflow_sample(const SflowSample& sample, SflowSampleContent& out) {
  const bool expanded = sample.format == kExpandedFlowSample || sample.format == kExpandedCountersSample;
  out.records.clear();
  out.counters = sample.format == kCountersSample || sample.format == kExpandedCountersSample;
  XdrReader reader(sample.octets);
  out.sequence = reader.u32();
  if (expanded) {
    out.source_type = reader.take(4);
    out.source_index = reader.take(4);
  } else {
    const Octets source = reader.take(4);
    if (reader.failed()) return DecodeError::short_sample;
    out.source_type = source.first(1);
    out.source_index = source.subspan(1);
  }
  if (!out.counters) {
    out.sampling_rate = reader.u32();
    out.sample_pool = reader.u32();
    out.drops = reader.u32();
    out.input = expanded ? long_interface(reader) : short_interface(reader.u32());
    out.output = expanded ? long_interface(reader) : short_interface(reader.u32());
  }
  const std::uint32_t count = reader.u32();
  if (reader.failed()) return DecodeError::short_sample;
  for (std::uint32_t i = 0; i < count; ++i) {
    const std::uint32_t format = reader.u32();
    const Octets octets = reader.opaque();
    if (reader.failed()) return DecodeError::truncated_sample_record;
    out.records.push_back({format, octets});
  }
  return DecodeError::none;
}

}  // namespace weir
