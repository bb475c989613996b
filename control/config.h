// Configuration: from text (file and command line) to Settings.
//
// Both sources are the same message, weir.v1.Config. Defaults, then the file, then the command line: a field that the
// later source sets wins, and a list of the later source replaces the earlier one as a whole. A Place per value
// remembers where it came from, so that an error can name the option, or the file with line and column.
//
// Every error is one line: where, the value, what is wrong with it, what would be right. Its exit code is 2 for what
// the text alone shows to be wrong, 1 for what lies outside (a file that cannot be read).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <utility>
#include <vector>

#include "control/settings.h"
#include "proto/schema/config.pb.h"

namespace weir {

struct ConfigError {
  std::string message;  ///< one line without a line break
  int exit_code = 2;
};

/// Where the value of a field came from, by field name and index (0 for a field that is not a list):
/// "--idle-timeout" or "/etc/weir.conf:3:1: idle_timeout".
using Places = std::map<std::pair<std::string, int>, std::string>;

struct SourcedConfig {
  v1::Config config;
  Places places;
};

/// For whom the configuration is meant. `check` asks what `run` asks, except that ports may be missing (they may come
/// from the command line later). `read` checks the fields of `run` as text, too, but not against each other.
enum class Command : std::uint8_t { run, read, check };

/// Reads the protobuf text form. A file that cannot be read is exit code 1, text that is no configuration 2.
tl::expected<SourcedConfig, ConfigError> load_config_file(const std::string& path);

/// The same from memory; `name` stands for the file in errors.
tl::expected<SourcedConfig, ConfigError> parse_config(const std::string& text, const std::string& name);

/// `base` with everything that `over` sets.
SourcedConfig merge(SourcedConfig base, const SourcedConfig& over);

/// Checks every value and computes the settings. A place that is not known is named as the option.
tl::expected<Settings, ConfigError> validate(const v1::Config& config, Command command, const Places& places = {});

/// The configuration that `settings` are: every field that has a value, defaults included. `config` gives the texts
/// that the settings hold in another form.
v1::Config effective_config(const Settings& settings, const v1::Config& config);

/// The text form of an effective configuration, one line a field; fields without a value are comments.
std::string config_text(const v1::Config& effective);

/// The name of a policy as it stands in the configuration.
std::string_view when_full_name(FullTable when_full);

/// The option of a field: "--idle-timeout" of "idle_timeout".
std::string option_of(std::string_view field);

}  // namespace weir
