// weirctl config, exporters and log: what runs, and how it is changed.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>

#include "proto/schema/control.grpc.pb.h"

namespace weir::ctl {

class ConfigCommands {
 public:
  /// Adds the commands and their options.
  explicit ConfigCommands(CLI::App& app);
  ConfigCommands(const ConfigCommands&) = delete;
  ConfigCommands& operator=(const ConfigCommands&) = delete;

  /// Whether the command line has one of them.
  [[nodiscard]] bool given() const { return *config_ || *exporters_ || *log_; }
  /// Asks and prints. Returns the exit code: 1 where weir refuses a change, 2 where the request cannot be right.
  int ask(v1::Control::Stub& stub, const std::string& socket_path, bool json) const;

 private:
  int show(v1::Control::Stub& stub, const std::string& socket_path, bool json) const;
  int history(v1::Control::Stub& stub, const std::string& socket_path, bool json) const;
  int list(v1::Control::Stub& stub, const std::string& socket_path, bool json) const;
  int change(v1::Control::Stub& stub, const std::string& socket_path, bool json) const;
  int change_exporter(v1::Control::Stub& stub, const std::string& socket_path, bool json) const;
  int set_log(v1::Control::Stub& stub, const std::string& socket_path, bool json) const;

  CLI::App* config_;
  CLI::App* show_;
  CLI::App* diff_;
  CLI::App* apply_;
  CLI::App* history_;
  CLI::App* rollback_;
  CLI::App* exporters_;
  CLI::App* list_;
  CLI::App* add_;
  CLI::App* remove_;
  CLI::App* pause_;
  CLI::App* resume_;
  CLI::App* log_;
  std::string file_;
  bool dry_run_ = false;
  std::uint64_t entry_ = 0;
  std::string exporter_;
  std::string level_;
};

}  // namespace weir::ctl
