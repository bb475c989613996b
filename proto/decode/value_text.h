// Elements as text: the name of a field, its value, and a message's header, for JSON lines, tables and `--dump`.
//
// A value is written by the type that IANA gives its element: integers and floats as numbers, addresses as addresses,
// times as ISO 8601 in UTC, strings as strings. Lists (RFC 6313) are lists: of values, or of records by their
// sub-templates. What has no known element, or a length that its type does not allow, is written in hex, "0x0102":
// shown, never skipped.
#pragma once

#include <string>

#include "proto/decode/decoded.h"
#include "proto/decode/flow_message.h"
#include "proto/decode/structured_data.h"

namespace weir {

/// IANA's name ("ipNextHopIPv4Address"), "reverse..." for RFC 5103's, "System", "Interface" ... for a scope of NetFlow
/// v9, a vendor's, sFlow's own (sflow_structures.h), or the number in hex: "0x0041", with an enterprise number
/// "0x00000009:0x0041".
std::string field_name(FlowVersion version, std::uint16_t element, std::uint32_t enterprise, bool scope);
inline std::string field_name(FlowVersion version, const DecodedValue& value) {
  return field_name(version, value.element, value.enterprise, value.scope);
}

/// Lists within lists are looked into so deep; what lies deeper is written in hex.
inline constexpr unsigned kMostListDepth = 8;

/// Appends the value as a JSON value: a number, a string in quotes, or a list. `find`: the templates of its stream; a
/// list of records whose template is not known is a string in hex.
void append_value_json(std::string& out, FlowVersion version, const DecodedValue& value,
                       const SubTemplateFinder& find = {});
/// Appends the value for people: the same without quotes; a list with what RFC 6313 says of it: "allOf ipTotalLength
/// [60, 52]", "ordered 257 [{protocolIdentifier=6}]".
void append_value_text(std::string& out, FlowVersion version, const DecodedValue& value,
                       const SubTemplateFinder& find = {});
/// Appends octets in hex: "0x0102".
void append_octets_hex(std::string& out, std::span<const std::uint8_t> octets);
/// How `--dump` shows values: as append_value_text(), or the octets of each.
enum class DumpValues : bool { text, raw };
/// Appends a value so.
void append_dumped_value(std::string& out, FlowVersion version, const DecodedValue& value, DumpValues values,
                         const SubTemplateFinder& find = {});
/// Appends the members of a JSON object, "name":value with a comma before each. An element that comes again gets a
/// number: "mplsTopLabelStackSection_2".
void append_values_json(std::string& out, FlowVersion version, std::span<const DecodedValue> values,
                        const SubTemplateFinder& find = {});

/// One line: "NetFlow v9, source id 1, sequence 7, 12 records, exported 2023-11-14T22:13:20Z, uptime 86400.000 s".
std::string header_text(const MessageHeader& header);

}  // namespace weir
