// OverflowLimits: how much an accounter may hold, and for how long: the one of --when-full overflow, and the one of
// --input records.
#pragma once

#include <cstdint>

namespace weir {

struct OverflowLimits {
  std::uint64_t max_entries = 0;
  std::uint64_t timeout_ns = 0;  ///< from an entry's first packet to its leaving; of raw records, between two leavings
};

}  // namespace weir
