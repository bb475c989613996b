#include "proto/decode/sflow_dump.h"

#include "proto/base/byte_order.h"
#include "proto/decode/sflow_message.h"
#include "proto/decode/sflow_structures.h"

namespace weir {
namespace {

using Octets = std::span<const std::uint8_t>;

void append_error(std::string& out, std::string_view indent, DecodeError error) {
  if (error == DecodeError::none) return;
  out += indent;
  out += "error: ";
  out += error_text(error);
  out += '\n';
}

std::string interface_text(const SflowInterface& interface) {
  switch (interface.form) {
    case SflowInterface::index:
      return interface.value == SflowInterface::kInternal ? "internal" : std::to_string(interface.value);
    case SflowInterface::discarded:
      return "discarded, reason " + std::to_string(interface.value);
    case SflowInterface::several:
      return interface.value == 0 ? "several" : std::to_string(interface.value) + " interfaces";
    default:
      return std::to_string(interface.form) + ":" + std::to_string(interface.value);
  }
}

void append_list(std::string& out, Octets numbers) {
  out += '[';
  for (Octets rest = numbers; !rest.empty(); rest = rest.subspan(4)) {
    if (rest.size() != numbers.size()) out += ", ";
    out += std::to_string(load_be<std::uint32_t>(rest.data()));
  }
  out += ']';
}

void dump_record(std::string& out, bool counters, const SflowRecord& record, DumpValues values) {
  const SflowStructure* const structure =
      counters ? find_counter_structure(record.format) : find_flow_structure(record.format);
  const auto value_of = [&](std::size_t place, Octets octets) {
    const auto element = static_cast<std::uint16_t>(counters ? place | kSflowCounters : place);
    return DecodedValue{element, false, record.format, octets};
  };
  out += "    ";
  out += field_name(FlowVersion::sflow, value_of(0, {}));
  out += ": ";
  if (structure == nullptr) {
    append_octets_hex(out, record.octets);
    out += '\n';
    return;
  }
  const char* separator = "";
  const bool whole =
      walk_structure(*structure, record.octets, [&](std::size_t place, const SflowField& field, Octets octets) {
        out += separator;
        separator = ", ";
        out += place == 0 ? "more" : field.name;
        out += '=';
        if (values == DumpValues::text && (field.kind == XdrKind::list || field.kind == XdrKind::as_path)) {
          append_list(out, octets);
        } else {
          append_dumped_value(out, FlowVersion::sflow, value_of(place, octets), values);
        }
      });
  out += '\n';
  if (!whole) append_error(out, "      ", DecodeError::short_sample_record);
}

void dump_sample(std::string& out, const SflowSample& sample, DumpValues values) {
  if (!is_known_sample(sample.format)) {
    out += "  sample of format " + std::to_string(sample.format >> 12) + ':' + std::to_string(sample.format & 0xfff) +
           ", " + std::to_string(sample.octets.size()) + " octets: ";
    append_octets_hex(out, sample.octets);
    out += '\n';
    return;
  }
  SflowSampleContent content;
  const DecodeError error = parse_sflow_sample(sample, content);
  const bool expanded = sample.format == kExpandedFlowSample || sample.format == kExpandedCountersSample;
  out += expanded ? "  expanded " : "  ";
  out += content.counters ? "counters sample" : "flow sample";
  if (error == DecodeError::short_sample) {
    out += '\n';
    append_error(out, "    ", error);
    return;
  }
  out += ", sequence " + std::to_string(content.sequence) + ", source " +
         std::to_string(be_integer(content.source_type)) + ':' + std::to_string(be_integer(content.source_index));
  if (!content.counters) {
    out += ", sampling 1:" + std::to_string(content.sampling_rate) + ", pool " + std::to_string(content.sample_pool) +
           ", drops " + std::to_string(content.drops) + ", input " + interface_text(content.input) + ", output " +
           interface_text(content.output);
  }
  out += '\n';
  for (const SflowRecord& record : content.records) dump_record(out, content.counters, record, values);
  append_error(out, "    ", error);
}

}  // namespace

std::string dump_sflow(Octets datagram, DumpValues values) {
  SflowMessage message;
  const DecodeError error = parse_sflow(datagram, message);
  std::string out;
  if (error != DecodeError::short_header && error != DecodeError::bad_agent_address) {
    out = header_text(message.header) + ", agent " +
          (message.agent.has_value() ? message.agent.text() : std::string("unknown")) + '\n';
  }
  for (const SflowSample& sample : message.samples) dump_sample(out, sample, values);
  append_error(out, "  ", error);
  return out;
}

}  // namespace weir
