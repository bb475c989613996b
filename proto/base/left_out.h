// Why a packet with an IP header is counted in no flow although nothing is wrong and nothing was lost: somebody asked
// for it. One list makes a monitor's counters, their names and their documentation.
#pragma once

#include <array>

#include "proto/base/reasons.h"

namespace weir {

// clang-format off
/// By a monitor.
#define WEIR_LEFT_OUT(X)                                                                                             \
  X(filtered_out, "--filter, or the monitor's own filter, does not match it")                                        \
  X(sampled_out,  "--sample did not choose it, or a table that was nearly full did not take its flow (--when-full)") \
  X(duplicate,    "it was seen at the other port of its pair before (--pair), and counted then")
/// Before it is parsed.
#define WEIR_LEFT_OUT_UNPARSED(X) \
  X(frame_filtered_out, "--frame-filter does not match the frame")
// clang-format on

inline constexpr auto kLeftOutTexts =
    std::to_array<ReasonText>({WEIR_LEFT_OUT(WEIR_REASON_TEXT) WEIR_LEFT_OUT_UNPARSED(WEIR_REASON_TEXT)});

}  // namespace weir
