#include "bench/gen/zipf_table.h"

#include <algorithm>
#include <cmath>

namespace weir::bench {

ZipfTable::ZipfTable(std::uint64_t ranks, double exponent) : cells_(ranks) {
  std::vector<double> weight(ranks);
  double sum = 0;
  for (std::uint64_t i = 0; i < ranks; ++i) {
    weight[i] = std::pow(static_cast<double>(i + 1), -exponent);
    sum += weight[i];
  }
  // Scaled to an average of 1; cells with less are filled up from cells with more.
  std::vector<std::uint32_t> small;
  std::vector<std::uint32_t> large;
  for (std::uint64_t i = 0; i < ranks; ++i) {
    weight[i] *= static_cast<double>(ranks) / sum;
    (weight[i] < 1 ? small : large).push_back(static_cast<std::uint32_t>(i));
  }
  constexpr double kScale = 4294967296.0;
  while (!small.empty() && !large.empty()) {
    const std::uint32_t less = small.back();
    const std::uint32_t more = large.back();
    small.pop_back();
    cells_[less] = {static_cast<std::uint32_t>(std::min(weight[less] * kScale, kScale - 1)), more};
    weight[more] -= 1 - weight[less];
    if (weight[more] < 1) {
      large.pop_back();
      small.push_back(more);
    }
  }
  // What is left is full, but for rounding.
  for (const auto& rest : {small, large}) {
    for (const std::uint32_t i : rest) cells_[i] = {UINT32_MAX, i};
  }
}

std::uint32_t ZipfTable::draw(std::uint64_t random) const {
  // The upper half chooses the cell, the lower half the side of its threshold.
  const auto cell = static_cast<std::uint32_t>(((random >> 32) * cells_.size()) >> 32);
  return static_cast<std::uint32_t>(random) < cells_[cell].threshold ? cell : cells_[cell].alias;
}

}  // namespace weir::bench
