// weirctl drain and stop: the two ways to end a run without losing a record.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "proto/schema/control.grpc.pb.h"

namespace weir::ctl {

class EndCommands {
 public:
  /// Adds the commands and their options.
  explicit EndCommands(CLI::App& app);
  EndCommands(const EndCommands&) = delete;
  EndCommands& operator=(const EndCommands&) = delete;

  /// Whether the command line has one of them.
  [[nodiscard]] bool given() const { return *drain_ || *stop_; }
  /// Asks, and waits until it is done. `output`: "table", "json" or "csv", of the ledger that a drain ends with.
  /// Returns the exit code: 1 where it was not done in time, or where that ledger does not balance.
  int ask(v1::Control::Stub& stub, const std::string& socket_path, const std::string& output) const;

 private:
  int drain(v1::Control::Stub& stub, const std::string& socket_path, const std::string& output) const;
  int stop(v1::Control::Stub& stub, const std::string& socket_path) const;

  CLI::App* drain_;
  CLI::App* stop_;
  unsigned timeout_s_ = 60;
};

}  // namespace weir::ctl
