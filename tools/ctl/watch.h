// `weirctl watch`: weir at work, in a full screen of the terminal, or a line a second where there is no terminal.
//
// Status and ledger are asked for once a second; the top flows, for which workers copy theirs, every five seconds and
// only for the screen. What is shown is watch_screen.h's.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>

#include "proto/schema/control.grpc.pb.h"

namespace weir::ctl {

class WatchCommand {
 public:
  /// Adds the command and its options.
  explicit WatchCommand(CLI::App& app);
  WatchCommand(const WatchCommand&) = delete;
  WatchCommand& operator=(const WatchCommand&) = delete;

  [[nodiscard]] bool given() const { return static_cast<bool>(*watch_); }
  /// Until q, a signal, or so many looks. Exit code 1: weir does not answer, at first or, without a screen, any more.
  int run(v1::Control::Stub& stub, const std::string& socket_path) const;

 private:
  int lines(v1::Control::Stub& stub, const std::string& socket_path) const;
  int screen(v1::Control::Stub& stub, const std::string& socket_path) const;
  [[nodiscard]] bool is_last(std::uint32_t look) const { return looks_ != 0 && look >= looks_; }

  CLI::App* watch_;
  std::uint32_t looks_ = 0;
};

}  // namespace weir::ctl
