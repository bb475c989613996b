// Elements as text: the name of a field, its value, and a message's header, for JSON lines, tables and `--dump`.
//
// A value is written by the type that IANA gives its element: integers and floats as numbers, addresses as addresses,
// times as ISO 8601 in UTC, strings as strings. What has no known element, a length that its type does not allow, or a
// list (RFC 6313), is written in hex, "0x0102": shown, never skipped.
#pragma once

#include <string>

#include "proto/decode/decoded.h"
#include "proto/decode/flow_message.h"

namespace weir {

/// IANA's name ("ipNextHopIPv4Address"), "reverse..." for RFC 5103's, "System", "Interface" ... for a scope of NetFlow
/// v9, a vendor's, or the number in hex: "0x0041", with an enterprise number "0x00000009:0x0041".
std::string field_name(FlowVersion version, std::uint16_t element, std::uint32_t enterprise, bool scope);
inline std::string field_name(FlowVersion version, const DecodedValue& value) {
  return field_name(version, value.element, value.enterprise, value.scope);
}

/// Appends the value as a JSON value: a number, or a string in quotes.
void append_value_json(std::string& out, FlowVersion version, const DecodedValue& value);
/// Appends the value for people: the same without quotes.
void append_value_text(std::string& out, FlowVersion version, const DecodedValue& value);

/// One line: "NetFlow v9, source id 1, sequence 7, 12 records, exported 2023-11-14T22:13:20Z, uptime 86400.000 s".
std::string header_text(const MessageHeader& header);

}  // namespace weir
