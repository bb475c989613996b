#include "proto/decode/flow_message.h"

#include <array>

#include "proto/base/byte_order.h"

namespace weir {
namespace {

using Octets = std::span<const std::uint8_t>;

constexpr std::size_t kSetHeaderOctets = 4;
constexpr std::size_t kNetflow9HeaderOctets = 20;  // RFC 3954 section 5.1
constexpr std::size_t kIpfixHeaderOctets = 16;     // RFC 7011 section 3.1
constexpr std::size_t kFieldOctets = 4;
constexpr std::uint16_t kEnterpriseBit = 0x8000;  // RFC 7011 section 3.2

/// Reads big-endian integers one after the other; whoever calls has checked that they are there.
struct Reader {
  Octets rest;
  std::uint16_t u16() {
    const auto value = load_be<std::uint16_t>(rest.data());
    rest = rest.subspan(2);
    return value;
  }
  std::uint32_t u32() {
    const auto value = load_be<std::uint32_t>(rest.data());
    rest = rest.subspan(4);
    return value;
  }
};

DecodeError split_sets(Octets rest, std::vector<FlowSet>& sets) {
  while (!rest.empty()) {
    if (rest.size() < kSetHeaderOctets) return DecodeError::truncated_flow_set;
    const auto id = load_be<std::uint16_t>(rest.data());
    const auto octets = load_be<std::uint16_t>(rest.data() + 2);
    if (octets < kSetHeaderOctets) return DecodeError::flow_set_too_short;
    if (octets > rest.size()) return DecodeError::flow_set_too_long;
    sets.push_back({id, rest.subspan(kSetHeaderOctets, octets - kSetHeaderOctets)});
    rest = rest.subspan(octets);
  }
  return DecodeError::none;
}

/// `count` field specifiers; RFC 3954 sections 5.2 and 6.1, RFC 7011 section 3.2.
DecodeError take_fields(FlowVersion version, Reader& reader, std::size_t count, std::size_t scopes,
                        std::vector<FieldSpec>& fields) {
  if (count * kFieldOctets > reader.rest.size()) return DecodeError::truncated_template;
  fields.reserve(count);
  std::uint64_t least = 0;
  for (std::size_t i = 0; i < count; ++i) {
    if (reader.rest.size() < kFieldOctets) return DecodeError::truncated_template;  // enterprise numbers took the room
    FieldSpec field{};
    field.element = reader.u16();
    field.octets = reader.u16();
    field.scope = i < scopes;
    if (version == FlowVersion::ipfix && (field.element & kEnterpriseBit) != 0) {
      if (reader.rest.size() < 4) return DecodeError::truncated_template;
      field.element &= static_cast<std::uint16_t>(~kEnterpriseBit);
      field.enterprise = reader.u32();
    }
    if (field.octets == 0) return DecodeError::zero_length_field;
    least += version == FlowVersion::ipfix && field.octets == kVariableLength ? 1U : field.octets;
    fields.push_back(field);
  }
  return least > kLongestMessageBody ? DecodeError::record_too_long : DecodeError::none;
}

DecodeError take_template(FlowVersion version, std::uint16_t set_id, bool options, Reader& reader,
                          TemplateRecord& out) {
  out.id = reader.u16();
  out.options = options;
  if (version == FlowVersion::ipfix) {
    const std::size_t count = reader.u16();
    if (count == 0) {  // RFC 7011 section 8.1: a withdrawal of one template, or of all if the id is the set's own
      return out.id < kFirstTemplateId && out.id != set_id ? DecodeError::bad_template_id : DecodeError::none;
    }
    if (out.id < kFirstTemplateId) return DecodeError::bad_template_id;
    std::size_t scopes = 0;
    if (options) {  // RFC 7011 section 3.4.2.2
      if (reader.rest.size() < 2) return DecodeError::truncated_template;
      scopes = reader.u16();
      if (scopes == 0 || scopes > count) return DecodeError::bad_scope_count;
    }
    return take_fields(version, reader, count, scopes, out.fields);
  }
  if (out.id < kFirstTemplateId) return DecodeError::bad_template_id;
  if (!options) return take_fields(version, reader, reader.u16(), 0, out.fields);
  // RFC 3954 section 6.1: lengths in octets, of the scope fields and of the option fields.
  const std::size_t scope_octets = reader.u16();
  const std::size_t option_octets = reader.u16();
  if (scope_octets % kFieldOctets != 0 || option_octets % kFieldOctets != 0) return DecodeError::bad_scope_length;
  if (scope_octets == 0 && option_octets != 0) return DecodeError::bad_scope_length;
  return take_fields(version, reader, (scope_octets + option_octets) / kFieldOctets, scope_octets / kFieldOctets,
                     out.fields);
}

}  // namespace

std::string_view error_name(DecodeError error) {
  return reason_text(kDecodeErrorTexts, error).name;
}
std::string_view error_text(DecodeError error) {
  return reason_text(kDecodeErrorTexts, error).description;
}

std::string_view version_name(FlowVersion version) {
  switch (version) {
    case FlowVersion::netflow5:
      return "NetFlow v5";
    case FlowVersion::netflow7:
      return "NetFlow v7";
    case FlowVersion::netflow9:
      return "NetFlow v9";
    case FlowVersion::ipfix:
      return "IPFIX";
  }
  return "";
}

DecodeError parse_netflow9(Octets datagram, FlowMessage& out) {
  out.flow_sets.clear();
  if (datagram.size() < kNetflow9HeaderOctets) return DecodeError::short_header;
  Reader reader{datagram};
  if (reader.u16() != static_cast<std::uint16_t>(FlowVersion::netflow9)) return DecodeError::wrong_version;
  out.header = {};
  out.header.version = FlowVersion::netflow9;
  out.header.count = reader.u16();
  out.header.sys_uptime_ms = reader.u32();
  out.header.unix_secs = reader.u32();
  out.header.sequence = reader.u32();
  out.header.source_id = reader.u32();
  return split_sets(reader.rest, out.flow_sets);
}

DecodeError parse_ipfix(Octets datagram, FlowMessage& out) {
  out.flow_sets.clear();
  if (datagram.size() < kIpfixHeaderOctets) return DecodeError::short_header;
  Reader reader{datagram};
  if (reader.u16() != static_cast<std::uint16_t>(FlowVersion::ipfix)) return DecodeError::wrong_version;
  out.header = {};
  out.header.version = FlowVersion::ipfix;
  out.header.octets = reader.u16();
  out.header.unix_secs = reader.u32();
  out.header.sequence = reader.u32();
  out.header.source_id = reader.u32();
  if (out.header.octets != datagram.size()) return DecodeError::bad_message_length;
  return split_sets(reader.rest, out.flow_sets);
}

DecodeError parse_message(Octets datagram, FlowMessage& out) {
  out.flow_sets.clear();
  if (datagram.size() < 2) return DecodeError::short_header;
  const auto version = load_be<std::uint16_t>(datagram.data());
  return version == static_cast<std::uint16_t>(FlowVersion::ipfix) ? parse_ipfix(datagram, out)
                                                                   : parse_netflow9(datagram, out);
}

SetKind set_kind(FlowVersion version, std::uint16_t id) {
  if (id >= kFirstTemplateId) return SetKind::data;
  const std::uint16_t templates = version == FlowVersion::ipfix ? 2 : 0;
  if (id == templates) return SetKind::templates;
  if (id == templates + 1) return SetKind::options_templates;
  return SetKind::reserved;
}

DecodeError parse_templates(FlowVersion version, const FlowSet& set, std::vector<TemplateRecord>& out) {
  const bool options = set_kind(version, set.id) == SetKind::options_templates;
  // The fixed part of a record; an IPFIX withdrawal of an options template ends after its first four octets.
  const std::size_t least = options && version == FlowVersion::netflow9 ? 6 : 4;
  Reader reader{set.body};
  while (reader.rest.size() >= least) {
    // RFC 7011 section 3.3.1 pads a set with zeros, if at all; so do v9 exporters, with up to 3 octets as a rule. A
    // template id of 0 does not exist, so zeros to the end of the set are padding however many they are.
    if (reader.rest[0] == 0 && reader.rest[1] == 0) {
      bool zeros = true;
      for (const std::uint8_t octet : reader.rest) zeros = zeros && octet == 0;
      if (zeros) return DecodeError::none;
    }
    TemplateRecord record;
    if (const DecodeError error = take_template(version, set.id, options, reader, record); error != DecodeError::none) {
      return error;
    }
    out.push_back(std::move(record));
  }
  return reader.rest.size() < 4 ? DecodeError::none : DecodeError::trailing_octets;
}

std::uint32_t least_record_octets(std::span<const FieldSpec> fields) {
  std::uint32_t sum = 0;
  for (const FieldSpec& field : fields) sum += field.octets == kVariableLength ? 1U : field.octets;
  return sum;
}

bool read_variable_length(Octets rest, std::size_t& prefix, std::size_t& octets) {
  if (rest.empty()) return false;
  prefix = 1;
  octets = rest[0];
  if (octets == 255) {
    if (rest.size() < 3) return false;
    prefix = 3;
    octets = load_be<std::uint16_t>(rest.data() + 1);
  }
  return prefix + octets <= rest.size();
}

bool take_record(std::span<const FieldSpec> fields, Octets& rest, std::vector<DecodedValue>& values) {
  const std::size_t before = values.size();
  Octets left = rest;
  for (const FieldSpec& field : fields) {
    std::size_t prefix = 0;
    std::size_t octets = field.octets;
    const bool fits =
        field.octets == kVariableLength ? read_variable_length(left, prefix, octets) : octets <= left.size();
    if (!fits) {
      values.resize(before);
      return false;
    }
    values.push_back({field.element, field.scope, field.enterprise, left.subspan(prefix, octets)});
    left = left.subspan(prefix + octets);
  }
  rest = left;
  return true;
}

DecodeError decode_data_set(const TemplateRecord& known, FlowVersion version, Octets body, DataSet& out) {
  out.values.clear();
  out.record_ends.clear();
  const std::uint32_t least = least_record_octets(known.fields);
  if (least == 0) return DecodeError::truncated_template;
  while (body.size() >= least) {
    if (!take_record(known.fields, body, out.values)) return DecodeError::bad_variable_length;
    out.record_ends.push_back(out.values.size());
  }
  // RFC 7011 section 3.3.1: padding is shorter than any record; RFC 3954 section 5.3: it fills up to 4 octets.
  return version == FlowVersion::ipfix || body.size() < 4 ? DecodeError::none : DecodeError::trailing_octets;
}

}  // namespace weir
