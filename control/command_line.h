// The command line of weir: `weir run | read | check | metrics | fields | reasons | tunnels`. From argv to what is to
// be done, without doing it, so that every case can be tested without a process.
//
// CLI11 knows the options and writes the help; the values stay text until control/config.h checks them, so that an
// option and the file's field are held to the same rules and speak of an error in the same words.
#pragma once

#include <cstdint>
#include <string>
#include <tl/expected.hpp>

#include "control/config.h"
#include "control/settings.h"
#include "proto/schema/config.pb.h"

namespace weir {

struct CommandLine {
  enum class Action : std::uint8_t {
    run,
    read,
    print,  ///< `text` to standard output: help, version, reasons, the configuration of `check`
  };
  Action action = Action::print;
  Settings settings;     ///< of run and read
  v1::Config effective;  ///< of run, read and check
  std::string text;
};

/// Reads `argv` and the configuration file it names. Error: one line and the exit code.
tl::expected<CommandLine, ConfigError> parse_command_line(int argc, const char* const* argv);

}  // namespace weir
