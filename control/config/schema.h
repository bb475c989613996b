// The schema: what the configuration's .proto says of its fields, and their values as texts.
//
// The walks below take any message whose fields carry a description (proto/schema/option.proto), blocks inside blocks
// included. A value is text in its canonical form: numbers in decimal digits, a bool as on or off.
#pragma once

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

#include <cstddef>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "control/config/sourced_config.h"
#include "proto/schema/option.pb.h"

namespace weir {

/// What the .proto says of the field.
const v1::OptionDescription& description_of(const google::protobuf::FieldDescriptor& field);

/// Whether the field is an option of this command. `check` has them all.
bool is_option_of(const google::protobuf::FieldDescriptor& field, Command command);

/// The line of help: what the option does, its limits, and in brackets its default or what no value means.
std::string help_of(const google::protobuf::FieldDescriptor& field, Command command);

/// When a change of an option takes effect, as a sentence of help: which do while weir runs, and which do not.
std::string effect_help(const google::protobuf::Descriptor& type);

/// The blocks that the file may have, which are no options: an example, what they are, their fields. Empty: none.
std::string blocks_help(const google::protobuf::Descriptor& type);

/// What a value is: "a duration such as 30s", "outer or inner".
std::string value_of(const v1::OptionDescription& description);

/// "expected 1 to 64".
std::string limits_of(const v1::OptionDescription& description);

/// A line of the file that is right: idle_timeout: "30s".
std::string example_line(const google::protobuf::FieldDescriptor& field);

/// The values that the field has in `message`; none for a block.
std::vector<std::string> values_in(const google::protobuf::Message& message,
                                   const google::protobuf::FieldDescriptor& field);

/// How many values or blocks the field has in `message`.
int count_in(const google::protobuf::Message& message, const google::protobuf::FieldDescriptor& field);

/// A block of the field.
const google::protobuf::Message& block_in(const google::protobuf::Message& message,
                                          const google::protobuf::FieldDescriptor& field, int index);

/// Sets the field, or adds to its list. Error: what is wrong, and what is expected.
tl::expected<void, std::string> put_value(google::protobuf::Message& message,
                                          const google::protobuf::FieldDescriptor& field, const std::string& value);

/// The field whose name is meant by a word that is none: "idle_timeout" of "idle-timeout" and "idel_timeout". nullptr:
/// none is like it.
const google::protobuf::FieldDescriptor* field_like(const google::protobuf::Descriptor& type, std::string_view word);

/// The names of all fields, separated by blanks.
std::string field_names(const google::protobuf::Descriptor& type);

/// The text form of a configuration, one line a field; fields without a value are comments.
std::string config_text(const google::protobuf::Message& config);

/// The same without comments: what is set, and nothing else.
std::string given_text(const google::protobuf::Message& config);

/// The text form of an effective configuration: a field that `said`, the configuration as it was given, does not set
/// has its default, and its line ends in "# default".
std::string config_text(const google::protobuf::Message& config, const google::protobuf::Message& said);

}  // namespace weir
