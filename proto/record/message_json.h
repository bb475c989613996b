// message_json: any protobuf message as one line of JSON, for people's tools (jq, scripts), which want numbers as
// numbers. Protobuf's own JSON mapping writes 64-bit integers as strings and camelCase names; weir's ledger and status
// are documented with the names of the schema and with plain numbers, so they are written here, by reflection.
//
// Every field is present, zeros and empty lists included, so that a reader need not know defaults. An unset sub-message
// is written with the zeros of its type (null where a type contains itself); of a oneof only the member that is set.
// Maps are objects sorted by key; bytes are base64 (RFC 4648); enums are names; a number that is not finite is null.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace google::protobuf {
class Message;
}

namespace weir {

/// The message as one JSON object without a line break at its end.
std::string message_json(const google::protobuf::Message& message);

/// The way back: fills `message` from what message_json() made of one of its type. Fields that it does not know, as of
/// another version, are left out, and what was not set is set to its zeros. False: `text` is no such object, and
/// `message` holds a part of it.
bool read_message_json(const std::string& text, google::protobuf::Message& message);

/// `text` as a JSON string with its quotes. Octets that are not UTF-8 become U+FFFD.
std::string json_string(const std::string& text);

}  // namespace weir
