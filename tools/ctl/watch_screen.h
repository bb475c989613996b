// What `weirctl watch` shows: the screen of one moment as lines of text, a function of weir's replies and of the size
// of the terminal; and the one line that stands for it where there is no terminal.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "proto/schema/control.pb.h"

namespace weir::ctl {

/// How a line is set off.
enum class Emphasis : std::uint8_t { none, heading, good, bad };

struct ScreenLine {
  std::string text;
  Emphasis emphasis = Emphasis::none;
};

/// What is known of weir now and, for rates, of the look before.
struct Watched {
  v1::StatusReply status;
  v1::Ledger ledger;
  std::optional<v1::Ledger> before;
  double seconds = 0;  ///< from `before` to now
  v1::TopReply top;
  std::string trouble;                                        ///< why the last look failed; empty: it did not
  std::vector<std::deque<std::uint64_t>> packets_per_second;  ///< by worker, oldest first
};

/// Longest history of a worker that a line can show.
inline constexpr std::size_t kMostHistory = 200;

/// Adds the packets per second of each worker to its history.
void remember(Watched& watched);

/// At most `height` lines of at most `width` columns. `utf8`: whether the terminal shows more than ASCII.
std::vector<ScreenLine> watch_screen(const Watched& watched, std::size_t width, std::size_t height, bool utf8);

/// "57.6 kpkt/s  164 Mbit/s  21542 flows ..." without an end of line.
std::string watch_line(const Watched& watched);

}  // namespace weir::ctl
