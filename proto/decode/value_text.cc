#include "proto/decode/value_text.h"

#include <bit>
#include <charconv>
#include <cstring>

#include "proto/base/address_text.h"
#include "proto/base/byte_order.h"
#include "proto/base/time_text.h"
#include "proto/decode/field_values.h"
#include "proto/decode/sflow_structures.h"
#include "proto/element/information_elements.h"
#include "proto/element/vendor_elements.h"
#include "proto/record/message_json.h"

namespace weir {
namespace {

using Octets = std::span<const std::uint8_t>;

constexpr std::uint64_t kNsPerSecond = 1'000'000'000;

template <typename T>
void append_number(std::string& out, T value) {
  char text[32];
  out.append(text, std::to_chars(text, text + sizeof text, value).ptr);
}

void append_digits(std::string& out, std::uint64_t value, int digits) {
  char text[20];
  for (int i = digits - 1; i >= 0; --i, value /= 10) text[i] = static_cast<char>('0' + value % 10);
  out.append(text, static_cast<std::size_t>(digits));
}

/// Sign-extended from however many octets came.
std::int64_t signed_integer(Octets octets) {
  const unsigned unused = 64 - 8 * static_cast<unsigned>(octets.size());
  return static_cast<std::int64_t>(be_integer(octets) << unused) >> unused;
}

/// A float that JSON can hold; false for infinities and what is no number.
bool append_float(std::string& out, double value) {
  if (!(value - value == 0)) return false;
  append_number(out, value);
  return true;
}

enum class Style : bool { json, text };

void quote(std::string& out, Style style) {
  if (style == Style::json) out += '"';
}

/// The instant that a value of a time type says, ns since 1970, and its decimals. False: its length or value says none.
bool read_instant(ElementType type, Octets octets, std::uint64_t& ns, unsigned& decimals) {
  if (type == ElementType::date_time_seconds || type == ElementType::date_time_milliseconds) {
    if (octets.empty() || octets.size() > 8) return false;
    const bool seconds = type == ElementType::date_time_seconds;
    const std::uint64_t unit_ns = seconds ? kNsPerSecond : 1'000'000;
    const std::uint64_t value = be_integer(octets);
    if (value > UINT64_MAX / unit_ns) return false;
    ns = value * unit_ns;
    decimals = seconds ? 0 : 3;
    return true;
  }
  if (octets.size() != 8) return false;
  ns = field_values::ntp_to_ns(be_integer(octets));
  if (ns == 0) return false;
  decimals = type == ElementType::date_time_microseconds ? 6 : 9;
  return true;
}

bool append_typed(std::string& out, ElementType type, Octets octets, Style style) {
  const std::size_t size = octets.size();
  switch (type) {
    case ElementType::unsigned8:
    case ElementType::unsigned16:
    case ElementType::unsigned32:
    case ElementType::unsigned64:
    case ElementType::unsigned256:
      if (size == 0 || size > 8) return false;
      append_number(out, be_integer(octets));
      return true;
    case ElementType::signed8:
    case ElementType::signed16:
    case ElementType::signed32:
    case ElementType::signed64:
      if (size == 0 || size > 8) return false;
      append_number(out, signed_integer(octets));
      return true;
    case ElementType::float32:
    case ElementType::float64:  // RFC 7011 section 6.2: a float64 may be sent as a float32
      if (size == 4) return append_float(out, std::bit_cast<float>(load_be<std::uint32_t>(octets.data())));
      if (size == 8) return append_float(out, std::bit_cast<double>(load_be<std::uint64_t>(octets.data())));
      return false;
    case ElementType::boolean:  // RFC 7011 section 6.1.5: 1 is true, 2 is false
      if (size != 1 || octets[0] == 0 || octets[0] > 2) return false;
      out += octets[0] == 1 ? "true" : "false";
      return true;
    case ElementType::mac_address: {
      if (size != 6) return false;
      char text[kMacTextOctets];
      quote(out, style);
      out.append(text, write_mac_text(text, octets.data()));
      quote(out, style);
      return true;
    }
    case ElementType::string: {
      // Exporters pad fields of fixed length with zeros.
      while (!octets.empty() && octets.back() == 0) octets = octets.first(octets.size() - 1);
      const std::string quoted = json_string(std::string(octets.begin(), octets.end()));
      // For people the escapes stay, since whoever sends a name must not write to their terminal; the quotes go.
      out += style == Style::json ? quoted : quoted.substr(1, quoted.size() - 2);
      return true;
    }
    case ElementType::ipv4_address:
    case ElementType::ipv6_address: {
      const bool v4 = type == ElementType::ipv4_address;
      if (size != (v4 ? 4U : 16U)) return false;
      char text[kAddressTextMaxOctets];
      quote(out, style);
      out.append(text, write_address_text(text, octets.data(), v4 ? 4 : 6));
      quote(out, style);
      return true;
    }
    case ElementType::date_time_seconds:
    case ElementType::date_time_milliseconds:
    case ElementType::date_time_microseconds:
    case ElementType::date_time_nanoseconds: {
      std::uint64_t ns = 0;
      unsigned decimals = 0;
      if (!read_instant(type, octets, ns, decimals)) return false;
      quote(out, style);
      out += iso_time(ns, decimals);
      quote(out, style);
      return true;
    }
    case ElementType::octet_array:
    case ElementType::basic_list:
    case ElementType::sub_template_list:
    case ElementType::sub_template_multi_list:
      return false;
  }
  return false;
}

/// False: no element of this number is known.
bool find_type(FlowVersion version, const DecodedValue& value, ElementType& type) {
  if (version == FlowVersion::sflow && value.enterprise != 0) {
    type = sflow_name(value.element, value.enterprise, value.octets.size()).type;
    return true;
  }
  if (value.scope && version == FlowVersion::netflow9) {  // RFC 3954 section 6.1: numbers of things, of any length
    type = ElementType::unsigned64;
    return true;
  }
  const InformationElement* element = value.enterprise == kReverseEnterprise
                                          ? find_iana_element(value.element)
                                          : find_element(value.element, value.enterprise);
  if (element == nullptr && value.enterprise == 0 && version == FlowVersion::netflow9) {
    element = find_netflow9_vendor_element(value.element);
  }
  if (element == nullptr) element = find_vendor_element(value.element, value.enterprise);
  if (element == nullptr) return false;
  type = element->type;
  return true;
}

void append_value(std::string& out, FlowVersion version, const DecodedValue& value, Style style,
                  const SubTemplateFinder& find, unsigned depth);

/// How many of the values before values[i] are of the same element, among the last of them.
std::size_t same_before(std::span<const DecodedValue> values, std::size_t i) {
  constexpr std::size_t kLookBack = 64;  // bounds the time that a template of thousands of equal fields takes
  std::size_t before = 0;
  for (std::size_t j = i > kLookBack ? i - kLookBack : 0; j < i; ++j) {
    const DecodedValue& other = values[j];
    if (other.element == values[i].element && other.enterprise == values[i].enterprise &&
        other.scope == values[i].scope) {
      ++before;
    }
  }
  return before;
}

/// name:value for each, a separator before each.
void append_members(std::string& out, FlowVersion version, std::span<const DecodedValue> values, Style style,
                    const SubTemplateFinder& find, unsigned depth, std::string_view separator) {
  for (std::size_t i = 0; i < values.size(); ++i) {
    out += separator;
    separator = style == Style::json ? "," : ", ";
    quote(out, style);
    out += field_name(version, values[i]);
    if (const std::size_t before = same_before(values, i); before != 0) {
      out += '_';
      append_number(out, before + 1);
    }
    quote(out, style);
    out += style == Style::json ? ':' : '=';
    append_value(out, version, values[i], style, find, depth);
  }
}

/// One part of a list: its values, or its records as objects.
void append_part(std::string& out, FlowVersion version, const ListPart& part, Style style,
                 const SubTemplateFinder& find, unsigned depth, std::string_view& separator) {
  const std::string_view comma = style == Style::json ? "," : ", ";
  if (!part.known) {
    out += separator;
    separator = comma;
    quote(out, style);
    append_octets_hex(out, part.octets);
    quote(out, style);
    return;
  }
  std::size_t first = 0;
  for (const std::size_t end : part.record_ends) {
    out += separator;
    separator = comma;
    const auto values = std::span(part.values).subspan(first, end - first);
    if (part.template_id == 0) {
      append_value(out, version, values[0], style, find, depth);
    } else {
      out += '{';
      append_members(out, version, values, style, find, depth, "");
      out += '}';
    }
    first = end;
  }
}

/// False: the octets are no list of this type, or it lies too deep.
bool append_list(std::string& out, FlowVersion version, ElementType type, Octets octets, Style style,
                 const SubTemplateFinder& find, unsigned depth) {
  if (version != FlowVersion::ipfix || depth >= kMostListDepth) return false;
  StructuredData list;
  const bool basic = type == ElementType::basic_list;
  if (basic                                    ? !parse_basic_list(octets, list)
      : type == ElementType::sub_template_list ? !parse_sub_template_list(octets, find, list)
                                               : !parse_sub_template_multi_list(octets, find, list)) {
    return false;
  }
  // A list of unknown structure is shown as its octets.
  if (type == ElementType::sub_template_list && !list.parts[0].known) return false;
  if (style == Style::text) {
    out += list_semantic_name(list.semantic);
    out += ' ';
    if (basic) {
      out += field_name(version, list.element.element, list.element.enterprise, false);
      out += ' ';
    }
  }
  if (style == Style::json || basic) out += '[';
  std::string_view separator;
  for (const ListPart& part : list.parts) {
    if (style == Style::text && !basic) {  // each template with its records
      out += separator;
      append_number(out, part.template_id);
      out += " [";
      std::string_view within;
      append_part(out, version, part, style, find, depth + 1, within);
      out += ']';
      separator = ", ";
    } else {
      append_part(out, version, part, style, find, depth + 1, separator);
    }
  }
  if (style == Style::json || basic) out += ']';
  return true;
}

void append_value(std::string& out, FlowVersion version, const DecodedValue& value, Style style,
                  const SubTemplateFinder& find, unsigned depth) {
  ElementType type{};
  const std::size_t before = out.size();
  if (find_type(version, value, type)) {
    const bool list = type == ElementType::basic_list || type == ElementType::sub_template_list ||
                      type == ElementType::sub_template_multi_list;
    if (list ? append_list(out, version, type, value.octets, style, find, depth)
             : append_typed(out, type, value.octets, style)) {
      return;
    }
  }
  out.resize(before);
  quote(out, style);
  append_octets_hex(out, value.octets);
  quote(out, style);
}

}  // namespace

std::string field_name(FlowVersion version, std::uint16_t element, std::uint32_t enterprise, bool scope) {
  if (version == FlowVersion::sflow && enterprise != 0) return sflow_name(element, enterprise, 0).name;
  if (scope && version == FlowVersion::netflow9) {
    const std::string_view name = netflow9_scope_name(element);
    return name.empty() ? element_name(element) : std::string(name);
  }
  if (enterprise == 0 || enterprise == kReverseEnterprise) {
    if (const InformationElement* const found = find_iana_element(element)) {
      if (enterprise == 0) return std::string(found->name);
      // RFC 5103 section 6.1: "reverse", and the name with a capital.
      std::string name = "reverse" + std::string(found->name);
      if (name[7] >= 'a' && name[7] <= 'z') name[7] = static_cast<char>(name[7] - 'a' + 'A');
      return name;
    }
  }
  if (enterprise == 0 && version == FlowVersion::netflow9) {
    if (const InformationElement* const found = find_netflow9_vendor_element(element)) return std::string(found->name);
  }
  return element_name(element, enterprise);
}

void append_octets_hex(std::string& out, Octets octets) {
  out += "0x";
  for (const std::uint8_t octet : octets) {
    out += "0123456789abcdef"[octet >> 4];
    out += "0123456789abcdef"[octet & 0xf];
  }
}

void append_dumped_value(std::string& out, FlowVersion version, const DecodedValue& value, DumpValues values,
                         const SubTemplateFinder& find) {
  if (values == DumpValues::raw) {
    append_octets_hex(out, value.octets);
  } else {
    append_value(out, version, value, Style::text, find, 0);
  }
}
void append_value_json(std::string& out, FlowVersion version, const DecodedValue& value,
                       const SubTemplateFinder& find) {
  append_value(out, version, value, Style::json, find, 0);
}
void append_value_text(std::string& out, FlowVersion version, const DecodedValue& value,
                       const SubTemplateFinder& find) {
  append_value(out, version, value, Style::text, find, 0);
}
void append_values_json(std::string& out, FlowVersion version, std::span<const DecodedValue> values,
                        const SubTemplateFinder& find) {
  append_members(out, version, values, Style::json, find, 0, ",");
}

std::string header_text(const MessageHeader& header) {
  std::string text(version_name(header.version));
  switch (header.version) {
    case FlowVersion::sflow:
      text += ", sub-agent ";
      append_number(text, header.source_id);
      break;
    case FlowVersion::netflow1:
      break;
    case FlowVersion::netflow5:
    case FlowVersion::netflow7:
      text += ", engine ";
      append_number(text, header.source_id >> 8);
      text += '/';
      append_number(text, header.source_id & 0xff);
      break;
    case FlowVersion::netflow9:
      text += ", source id ";
      append_number(text, header.source_id);
      break;
    case FlowVersion::ipfix:
      text += ", observation domain ";
      append_number(text, header.source_id);
      break;
  }
  const bool sflow = header.version == FlowVersion::sflow;
  if (header.version != FlowVersion::netflow1) {
    text += ", sequence ";
    append_number(text, header.sequence);
  }
  text += ", ";
  append_number(text, header.version == FlowVersion::ipfix ? header.octets : header.count);
  text += header.version == FlowVersion::ipfix ? " octets" : sflow ? " samples" : " records";
  if (!sflow) {
    text += ", exported ";
    text +=
        iso_time(header.unix_secs * kNsPerSecond + header.unix_nsecs % kNsPerSecond, header.unix_nsecs == 0 ? 0 : 9);
  }
  if (header.version != FlowVersion::ipfix) {
    text += ", uptime ";
    append_number(text, header.sys_uptime_ms / 1000);
    text += '.';
    append_digits(text, header.sys_uptime_ms % 1000, 3);
    text += " s";
  }
  if (header.sampling != 0) {
    text += ", sampling 1:";
    append_number(text, header.sampling & 0x3fff);
  }
  return text;
}

}  // namespace weir
