#include "proto/decode/flow_message.h"

#include <algorithm>
#include <array>

#include "proto/base/byte_order.h"
#include "proto/base/ipfix.h"
#include "proto/base/netflow9.h"

namespace weir {
namespace {

using Octets = std::span<const std::uint8_t>;

constexpr std::size_t kSetHeaderOctets = sizeof(IpfixSetHeader);  // of both formats
constexpr std::size_t kNetflow9HeaderOctets = sizeof(Netflow9Header);
constexpr std::size_t kIpfixHeaderOctets = sizeof(IpfixHeader);
constexpr std::size_t kFieldOctets = 4;
constexpr std::uint16_t kEnterpriseBit = 0x8000;  // RFC 7011 section 3.2
constexpr std::size_t kMostPadding = 3;           // RFC 3954 section 5.3: up to the next multiple of 4

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

/// `padded`: zeros after the last set are padding, as some v9 exporters send them (a set of id 0 has 4 octets at
/// least).
DecodeError split_sets(Octets rest, bool padded, std::vector<FlowSet>& sets) {
  while (!rest.empty()) {
    const bool no_set = rest.size() < kSetHeaderOctets || load_be<std::uint32_t>(rest.data()) == 0;
    if (padded && no_set && all_zero(rest)) return DecodeError::none;
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

/// `count` field specifiers; RFC 3954 sections 5.2 and 6.1, RFC 7011 section 3.2. They are taken off the reader whole,
/// so that whatever is wrong with one template the next one can be read; truncated_template: they are not there.
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
    least += field.octets == kVariableLength ? 1U : field.octets;
    fields.push_back(field);
  }
  // Fields of length 0 are accepted (Juniper sends them); a record of length 0 would never end.
  if (count != 0 && least == 0) return DecodeError::zero_length_record;
  return least > kLongestMessageBody ? DecodeError::record_too_long : DecodeError::none;
}

DecodeError take_template(FlowVersion version, std::uint16_t set_id, bool options, Reader& reader,
                          TemplateRecord& out) {
  out.id = reader.u16();
  out.options = options;
  const DecodeError wrong_id = out.id < kFirstTemplateId ? DecodeError::bad_template_id : DecodeError::none;
  std::size_t count = 0;
  std::size_t scopes = 0;
  DecodeError error = wrong_id;
  if (version == FlowVersion::ipfix) {
    count = reader.u16();
    if (count == 0) {  // RFC 7011 section 8.1: a withdrawal of one template, or of all if the id is the set's own
      return out.id == set_id ? DecodeError::none : wrong_id;
    }
    if (options) {  // RFC 7011 section 3.4.2.2. It wants a scope at least; without one the options are the exporter's
      if (reader.rest.size() < 2) return DecodeError::truncated_template;
      scopes = reader.u16();
      if (error == DecodeError::none && scopes > count) error = DecodeError::bad_scope_count;
    }
  } else if (!options) {
    count = reader.u16();
  } else {
    // RFC 3954 section 6.1: lengths in octets, of the scope fields and of the option fields.
    const std::size_t scope_octets = reader.u16();
    const std::size_t option_octets = reader.u16();
    if (scope_octets % kFieldOctets != 0 || option_octets % kFieldOctets != 0) {
      if (scope_octets + option_octets > reader.rest.size()) return DecodeError::truncated_template;
      reader.rest = reader.rest.subspan(scope_octets + option_octets);
      return error != DecodeError::none ? error : DecodeError::bad_scope_length;
    }
    count = (scope_octets + option_octets) / kFieldOctets;
    scopes = scope_octets / kFieldOctets;
  }
  const DecodeError of_fields = take_fields(version, reader, count, scopes, out.fields);
  return of_fields == DecodeError::truncated_template || error == DecodeError::none ? of_fields : error;
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
    case FlowVersion::sflow:
      return "sFlow v5";
    case FlowVersion::netflow1:
      return "NetFlow v1";
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

bool sequence_counts_datagrams(FlowVersion version) {
  return version == FlowVersion::netflow9 || version == FlowVersion::sflow;
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
  return split_sets(reader.rest, true, out.flow_sets);
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
  // Octets after the message are ignored: some exporters pad all datagrams to one length.
  if (out.header.octets < kIpfixHeaderOctets || out.header.octets > datagram.size()) {
    return DecodeError::bad_message_length;
  }
  return split_sets(reader.rest.first(out.header.octets - kIpfixHeaderOctets), false, out.flow_sets);
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
  DecodeError first_error = DecodeError::none;
  while (reader.rest.size() >= least) {
    // RFC 7011 section 3.3.1 pads a set with zeros, if at all; so do v9 exporters, with up to 3 octets as a rule. A
    // template id of 0 does not exist, so zeros to the end of the set are padding however many they are.
    if (reader.rest[0] == 0 && reader.rest[1] == 0 && all_zero(reader.rest)) return first_error;
    TemplateRecord record;
    const DecodeError error = take_template(version, set.id, options, reader, record);
    if (error == DecodeError::none) {
      out.push_back(std::move(record));
    } else if (first_error == DecodeError::none) {
      first_error = error;
    }
    if (error == DecodeError::truncated_template) return first_error;  // where the next one begins nobody knows
  }
  if (first_error != DecodeError::none) return first_error;
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

Octets without_padding(FlowVersion version, std::size_t record_octets, Octets body, std::size_t expected) {
  if (version == FlowVersion::ipfix || record_octets == 0 || record_octets > kMostPadding) return body;
  std::size_t most = body.size() / record_octets;
  const std::size_t least =
      body.size() <= kMostPadding ? 0 : (body.size() - kMostPadding + record_octets - 1) / record_octets;
  if (expected >= least && expected <= most) return body.first(expected * record_octets);
  while (most > least && all_zero(body.subspan((most - 1) * record_octets, record_octets))) --most;
  return body.first(most * record_octets);
}

bool only_padding(FlowVersion version, Octets rest, std::size_t taken, std::size_t expected) {
  if (version == FlowVersion::ipfix || rest.size() > kMostPadding) return false;
  return expected == kUnknownCount ? all_zero(rest) : taken >= expected;
}

DecodeError decode_data_set(const TemplateRecord& known, FlowVersion version, Octets body, DataSet& out) {
  out.values.clear();
  out.record_ends.clear();
  const std::uint32_t least = least_record_octets(known.fields);
  if (least == 0) return DecodeError::zero_length_record;
  const bool variable = std::any_of(known.fields.begin(), known.fields.end(),
                                    [](const FieldSpec& field) { return field.octets == kVariableLength; });
  if (!variable) body = without_padding(version, least, body, kUnknownCount);
  while (body.size() >= least && !(variable && only_padding(version, body, out.record_ends.size(), kUnknownCount))) {
    if (!take_record(known.fields, body, out.values)) return DecodeError::bad_variable_length;
    out.record_ends.push_back(out.values.size());
  }
  // RFC 7011 section 3.3.1: padding is shorter than any record; RFC 3954 section 5.3: it fills up to 4 octets.
  return version == FlowVersion::ipfix || body.size() < 4 ? DecodeError::none : DecodeError::trailing_octets;
}

}  // namespace weir
