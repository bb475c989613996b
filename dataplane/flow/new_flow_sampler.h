// NewFlowSampler: which new flows a table that is nearly full still takes (the policy `sample`).
//
// Above three quarters of the capacity one new flow in N is taken, by its keyed hash, so that both directions and all
// packets of a conversation agree; N doubles with every 64th of the capacity that fills on, up to 65536 at 98.4 %. It
// falls back one step after two steps' worth has emptied, so that a fill that trembles at a border does not change N
// with every packet. A table of C flows then holds out against about C x 65536 new flows a timeout before it evicts.
//
// Why the totals are unbiased. The hashes of the flows taken at N are a subset of those taken at N/2. So of the flows
// with packets at levels L1 ... Lt, exactly those are in the table at t that pass the least of them: a share of
// 2^-min(L). A record that stands for 2^min(L) flows is therefore right in the mean, whatever the sequence of levels:
//   - a flow keeps the level it was taken at while the level rises;
//   - when the level is below a flow's own, flows that were turned away would be taken now: the flow's next packet ends
//     its record and opens one with the lower rate;
//   - a flow that begins anew on the same key (timeout, TCP close) is judged anew, as if the table had forgotten it.
// The price is variance: totals of n flows that are sampled 1:N are off by about sqrt(N/n) where flows are alike.
#pragma once

#include <algorithm>
#include <cstdint>

namespace weir {

class NewFlowSampler {
 public:
  static constexpr unsigned kMaxLevel = 16;  ///< one new flow in 2^16

  explicit NewFlowSampler(std::uint32_t capacity)
      : high_water_(capacity - capacity / 4), step_(std::max<std::uint32_t>(1, capacity / 64)) {}

  /// To be told the number of flows in the table before each new one, and now and then.
  void adjust(std::uint32_t flows) {
    while (level_ < kMaxLevel && flows >= border(level_)) ++level_;
    while (level_ > 0 && flows + 2 * step_ <= border(level_ - 1)) --level_;
  }
  /// N is 2^level().
  [[nodiscard]] unsigned level() const { return level_; }
  /// Whether the new flow of this hash is taken. Bucket, worker and tag are cut from the hash, so its bits are mixed
  /// once more.
  [[nodiscard]] bool takes(std::uint64_t hash) const {
    return level_ == 0 || (hash * 0x9e3779b97f4a7c15) >> (64 - level_) == 0;
  }

 private:
  /// The number of flows at which `level` becomes the next.
  [[nodiscard]] std::uint64_t border(unsigned level) const { return high_water_ + std::uint64_t{level} * step_; }

  std::uint32_t high_water_;
  std::uint32_t step_;
  unsigned level_ = 0;
};

}  // namespace weir
