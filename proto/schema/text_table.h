// TextTable: rows of cells, padded so that columns line up: what weir prints for people.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace weir {

class TextTable {
 public:
  /// Columns whose letter is 'r' are set right (numbers), all others left: TextTable("lrr").
  explicit TextTable(std::string alignment) : alignment_(std::move(alignment)) {}

  void row(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }
  [[nodiscard]] bool empty() const { return rows_.empty(); }

  /// The rows, each after `indent` blanks, two blanks between columns, no blanks at line ends.
  [[nodiscard]] std::string text(std::size_t indent = 2) const;

 private:
  std::string alignment_;
  std::vector<std::vector<std::string>> rows_;
};

/// "12 %", of a share of 1; "0 %" of what is no number.
[[nodiscard]] std::string percent(double share);

}  // namespace weir
