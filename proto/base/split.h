// split(): the parts of a list that a user wrote, such as "src_addr,dst_addr".
//
// Not std::views::split: clang 14 with the library of GCC 12 does not compile it for a std::string_view.
#pragma once

#include <algorithm>
#include <string_view>
#include <vector>

namespace weir {

/// The parts of `text` between separators, empty ones too: "a,,b" has three, an empty text has one. They point into
/// `text`.
inline std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t end = std::min(text.find(separator, at), text.size());
    parts.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return parts;
}

}  // namespace weir
