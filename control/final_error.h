// Prints the one-line error of a failing program on standard error, for every exit code but 0: "weir: what, where, what
// to do". (What happens while a program goes on belongs into its log.)
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
