// CommandOptions: the fields of the configuration as command line options of one command.
//
// CLI11 gets name, form, group and help of each from its description, and knows no more: values stay text, so that an
// option and the file's field are held to the same rules and an error has the same words. Blocks are the file's alone.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <tl/expected.hpp>
#include <utility>
#include <vector>

#include "control/config/sourced_config.h"

namespace weir {

class CommandOptions {
 public:
  /// Adds --config and the options of `command` to `app`, in the order of config.proto.
  CommandOptions(CLI::App& app, Command command);

  /// The file of --config, if one is given, and over it what the command line says. A word that is not a number, or
  /// neither on nor off, is an error here; validate() judges what the values mean.
  [[nodiscard]] tl::expected<SourcedConfig, ConfigError> config() const;
  /// What the command line says, without the file.
  [[nodiscard]] tl::expected<SourcedConfig, ConfigError> given() const;
  /// --config; empty: not given.
  [[nodiscard]] const std::string& config_file() const { return config_file_; }

 private:
  void add(const google::protobuf::FieldDescriptor& field, Command command);

  CLI::App& app_;
  std::string config_file_;
  std::vector<std::pair<const google::protobuf::FieldDescriptor*, CLI::Option*>> options_;
};

}  // namespace weir
