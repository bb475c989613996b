// Where a counted packet can be lost before the exporters: one list that makes the enum, the names and the
// documentation. (What an exporter loses is named in control/export/loss.h.)
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "proto/base/reasons.h"

namespace weir {

// clang-format off
#define WEIR_LOSSES(X)                                                                                              \
  X(ring_full,     "the record ring had no room for what had to leave at once: a vacated entry, or a raw record")       \
  X(table_full,    "the table had no room for a new flow, and the record ring none for its packet (overflow)")        \
  X(overflow_full, "the overflow accounter had no room for one more flow that found the table full")
// clang-format on

enum class Loss : std::uint8_t { WEIR_LOSSES(WEIR_REASON_ENUMERATOR) };

inline constexpr auto kLossTexts = std::to_array<ReasonText>({WEIR_LOSSES(WEIR_REASON_TEXT)});

inline constexpr std::size_t kLossCount = kLossTexts.size();

}  // namespace weir
