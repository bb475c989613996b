#include "proto/schema/text_table.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

namespace weir {

std::string TextTable::text(std::size_t indent) const {
  std::vector<std::size_t> widths;
  for (const auto& cells : rows_) {
    widths.resize(std::max(widths.size(), cells.size()));
    for (std::size_t i = 0; i < cells.size(); ++i) widths[i] = std::max(widths[i], cells[i].size());
  }
  std::string out;
  for (const auto& cells : rows_) {
    std::string line(indent, ' ');
    for (std::size_t i = 0; i < cells.size(); ++i) {
      if (i != 0) line += "  ";
      const std::string padding(widths[i] - cells[i].size(), ' ');
      const bool right = i < alignment_.size() && alignment_[i] == 'r';
      line += right ? padding + cells[i] : cells[i] + padding;
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + '\n';
  }
  return out;
}

std::string percent(double share) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.0f %%", std::isfinite(share) ? share * 100 : 0.0);
  return text.data();
}

}  // namespace weir
