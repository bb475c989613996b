// weirctl completion: a bash script that completes the words of weirctl, made of the description that the command line
// is parsed by.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace weir::ctl {

class CompletionCommand {
 public:
  /// Adds the command.
  explicit CompletionCommand(CLI::App& app);

  /// Whether the command line has it.
  [[nodiscard]] bool given() const { return command_->parsed(); }

 private:
  CLI::App* command_;
};

/// The script. It completes commands, options and the values of -o, and files after --socket.
[[nodiscard]] std::string bash_completion(const CLI::App& app);

}  // namespace weir::ctl
