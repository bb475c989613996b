// weirctl top, flows and flow: questions about live flows.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>

#include "proto/schema/control.grpc.pb.h"

namespace weir::ctl {

class FlowCommands {
 public:
  /// Adds the commands and their options.
  explicit FlowCommands(CLI::App& app);
  FlowCommands(const FlowCommands&) = delete;
  FlowCommands& operator=(const FlowCommands&) = delete;

  /// Whether the command line has one of them.
  [[nodiscard]] bool given() const { return *top_ || *flows_ || *flow_; }
  /// Asks and prints. `output`: "table", "json" or "csv". Returns the exit code: 1 where a worker did not answer or no
  /// flow has the name, 2 where weir says that the request cannot be right.
  int ask(v1::Control::Stub& stub, const std::string& socket_path, const std::string& output) const;

 private:
  int top(v1::Control::Stub& stub, const std::string& socket_path, const std::string& output) const;
  int flows(v1::Control::Stub& stub, const std::string& socket_path, const std::string& output) const;

  CLI::App* top_;
  CLI::App* flows_;
  CLI::App* flow_;
  std::string by_;
  std::string sort_;
  std::string flows_sort_;
  std::uint32_t rows_ = 20;
  std::uint64_t offset_ = 0;
  std::string filter_;
  std::string monitor_;
  std::string name_;
  unsigned timeout_s_ = 5;
};

}  // namespace weir::ctl
