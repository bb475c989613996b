// The command line of weir: `weir run | read | check | doctor | metrics | fields | reasons | tunnels`. From argv to
// what is to be done, without doing it, so that every case can be tested without a process.
//
// The options of `run`, `read`, `check` and `doctor` are the fields of config.proto (config/command_options.h); what
// else the commands take, and the examples in their help, stand here.
#pragma once

#include <cstdint>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "control/config/config.h"
#include "control/config/settings.h"
#include "proto/schema/config.pb.h"

namespace weir {

struct CommandLine {
  enum class Action : std::uint8_t {
    run,
    read,
    doctor,
    print,  ///< `text` to standard output: help, version, reasons, the configuration of `check`
  };
  Action action = Action::print;
  Settings settings;     ///< of run, read and doctor
  v1::Config effective;  ///< of run, read and check
  GivenConfig given;     ///< that it is made of
  std::string text;
  bool json = false;               ///< of doctor
  std::vector<std::string> hints;  ///< of check: what is right and not what was meant, a line each
};

/// Reads `argv` and the configuration file it names. Error: one line and the exit code.
tl::expected<CommandLine, ConfigError> parse_command_line(int argc, const char* const* argv);

}  // namespace weir
