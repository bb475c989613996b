// What became of the quotes in ICMP errors, where the metric `icmp` is on: one list that makes the enum, the names and
// the documentation. These counts are beside the ledger: the error that holds a quote is a packet and counted as one.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "proto/base/reasons.h"

namespace weir {

// clang-format off
#define WEIR_ICMP_QUOTES(X)                                                                                         \
  X(told,          "told to the flow of the packet that the error quotes")                                              \
  X(no_flow,       "no flow with packets to report has the quoted packet: it ended, or weir did not see it")            \
  X(unreadable,    "the error quotes a later fragment, or less of a packet than a flow is known by")                    \
  X(handover_full, "the ring to the worker that has the quoted packet's flow had no room")
// clang-format on

enum class IcmpQuote : std::uint8_t { WEIR_ICMP_QUOTES(WEIR_REASON_ENUMERATOR) };

inline constexpr auto kIcmpQuoteTexts = std::to_array<ReasonText>({WEIR_ICMP_QUOTES(WEIR_REASON_TEXT)});

inline constexpr std::size_t kIcmpQuoteCount = kIcmpQuoteTexts.size();

}  // namespace weir
