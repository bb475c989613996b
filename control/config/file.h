// The configuration file: protobuf text form, read with the place of every value, and errors that point to the line.
#pragma once

#include <google/protobuf/message.h>

#include <chrono>
#include <optional>
#include <string>
#include <tl/expected.hpp>

#include "control/config/sourced_config.h"

namespace weir {

/// Reads the protobuf text form. A file that cannot be read is exit code 1, text that is no configuration 2. A FIFO
/// into which nobody writes for `patience` cannot be read.
tl::expected<SourcedConfig, ConfigError> load_config_file(
    const std::string& path, std::chrono::milliseconds patience = std::chrono::milliseconds(2000));

/// The same from memory; `name` stands for the file in errors.
tl::expected<SourcedConfig, ConfigError> parse_config(const std::string& text, const std::string& name);

/// Reads `text` into any message with described fields, and notes the place of every value.
std::optional<ConfigError> parse_text_form(const std::string& text, const std::string& name,
                                           google::protobuf::Message& out, Places& places);

}  // namespace weir
