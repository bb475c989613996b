// weirctl tail: records as they leave for the exporters.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>

#include "proto/schema/control.grpc.pb.h"

namespace weir::ctl {

class TailCommand {
 public:
  /// Adds the command and its options.
  explicit TailCommand(CLI::App& app);
  TailCommand(const TailCommand&) = delete;
  TailCommand& operator=(const TailCommand&) = delete;

  /// Whether the command line has it.
  [[nodiscard]] bool given() const { return command_->parsed(); }
  /// Prints records until there are no more, or until whoever reads standard output has had enough. `output`: "table",
  /// "json" or "csv". Returns the exit code: 2 where weir says that the request cannot be right.
  int ask(v1::Control::Stub& stub, const std::string& socket_path, const std::string& output) const;

 private:
  CLI::App* command_;
  bool follow_ = false;
  std::uint32_t last_ = 10;
  std::string filter_;
  std::string monitor_;
};

}  // namespace weir::ctl
