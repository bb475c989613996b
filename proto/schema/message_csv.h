// message_csv(): any answer of weir as CSV of two columns, for spreadsheets and grep: the place of a value in the JSON
// form of the message, and the value.
//
//     name,value
//     received.packets,12000
//     exporters.0.name,json:-
//
// Elements of a list are counted from 0; empty lists and maps have no line. What there is is what message_json() has.
#pragma once

#include <string>

namespace google::protobuf {
class Message;
}

namespace weir {

[[nodiscard]] std::string message_csv(const google::protobuf::Message& message);

}  // namespace weir
