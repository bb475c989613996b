// Where a record can be lost at an exporter: one list that makes the enum, the names and the documentation.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace weir {

// clang-format off
#define WEIR_EXPORT_LOSSES(X)                                                                                      \
  X(queue_full,    "the exporter's queue had no room: the collector or the disk is slower than the records come")  \
  X(unreachable,   "the collector's host answered that nobody listens (ICMP port unreachable)")                    \
  X(send_failed,   "the operating system refused to send or write")                                                \
  X(not_connected, "no connection to the collector could be had")                                                  \
  X(shutdown,      "still queued when the time for an orderly shutdown was over")
// clang-format on

enum class ExportLoss : std::uint8_t {
#define WEIR_X(name, text) name,
  WEIR_EXPORT_LOSSES(WEIR_X)
#undef WEIR_X
};

struct ExportLossText {
  std::string_view name;
  std::string_view description;
};

inline constexpr auto kExportLossTexts = std::to_array<ExportLossText>({
#define WEIR_X(name, text) {#name, text},
    WEIR_EXPORT_LOSSES(WEIR_X)
#undef WEIR_X
});

inline constexpr std::size_t kExportLossCount = kExportLossTexts.size();

}  // namespace weir
