// SourcedConfig: a configuration and where each of its values came from, so that an error can name the option, or the
// file with line and column.
//
// Every error is one line: where, the value, what is wrong with it, what would be right. Its exit code is 2 for what
// the text alone shows to be wrong, 1 for what lies outside (a file that cannot be read).
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <utility>
#include <vector>

#include "proto/schema/config.pb.h"

namespace weir {

struct ConfigError {
  std::string message;  ///< one line without a line break
  int exit_code = 2;
  std::vector<std::string> more{};  ///< further errors, one line each (`check`)
};

/// Where the value of a field came from, by path of the field and index (0 for a field that is not a list):
/// "--idle-timeout" or "/etc/weir.conf:3:1: idle_timeout". The path of a field inside a block names the block and its
/// index, too: "monitor[1].key".
using Places = std::map<std::pair<std::string, int>, std::string>;

struct SourcedConfig {
  v1::Config config;
  Places places;
};

/// For whom the configuration is meant. `check` asks what `run` asks, except that ports may be missing (they may come
/// from the command line later). `read` checks the fields of `run` as text, too, but not against each other.
enum class Command : std::uint8_t { run, read, check };

/// `base` with everything that `over` sets. A list of `over` replaces the whole list of `base`.
SourcedConfig merge(SourcedConfig base, const SourcedConfig& over);

/// The option of a field: "--idle-timeout" of "idle_timeout".
std::string option_of(std::string_view field);

/// The place of a value. One that is not known is named as the option.
std::string place_of(const Places& places, const std::string& path, int index);

/// "PLACE VALUE: WHAT", as an error of the configuration. The value stands in quotes where it would run into the text,
/// or always.
tl::unexpected<ConfigError> value_error(const std::string& place, const std::string& value, const std::string& what,
                                        bool in_quotes = false);

}  // namespace weir
