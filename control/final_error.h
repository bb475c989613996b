// The line on standard error with which a program ends that could not do what it was asked: "weir: what, where, what to
// do", for every exit code that is not 0. (What happens while it goes on is the log's.)
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <string>

namespace weir {

inline void final_error(std::string message) {
  // One line, whatever a file name or a value holds.
  std::replace_if(
      message.begin(), message.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; }, '?');
  fmt::print(stderr, "weir: {}\n", message);
}

}  // namespace weir
