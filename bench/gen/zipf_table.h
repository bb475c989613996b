// ZipfTable: flows of which few are seen often and many seldom.
#pragma once

#include <cstdint>
#include <vector>

namespace weir::bench {

/// Draws ranks 0..n-1 with probability proportional to 1 / (rank + 1)^s, by Vose's alias method: one random number
/// and one look-up a draw, 8 octets a rank.
class ZipfTable {
 public:
  ZipfTable(std::uint64_t ranks, double exponent);
  [[nodiscard]] std::uint32_t draw(std::uint64_t random) const;

 private:
  struct Cell {
    std::uint32_t threshold;  ///< of 2^32: below it the cell's own rank, else the alias
    std::uint32_t alias;
  };
  std::vector<Cell> cells_;
};

}  // namespace weir::bench
