// OverflowLimits: how much the overflow accounter (--when-full overflow) may hold, and for how long.
#pragma once

#include <cstdint>

namespace weir {

struct OverflowLimits {
  std::uint64_t max_entries = 0;
  std::uint64_t timeout_ns = 0;  ///< from an entry's first packet to its leaving
};

}  // namespace weir
