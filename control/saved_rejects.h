// What became of the rejected frames that --save-rejects is to save, by name. Saved and unsaved are all there were.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "proto/base/counts.h"
#include "proto/base/reasons.h"

namespace weir {

// clang-format off
#define WEIR_UNSAVED_REJECTS(X)                                                                                     \
  X(rejects_file_full,    "the file of --save-rejects has as many octets as ?max= allows: rejected, not saved")         \
  X(rejects_ring_full,    "the worker's ring to the file of --save-rejects had no room: rejected, not saved")           \
  X(rejects_write_failed, "the file of --save-rejects could not be written: rejected, not saved")
// clang-format on

enum class UnsavedReject : std::uint8_t { WEIR_UNSAVED_REJECTS(WEIR_REASON_ENUMERATOR) };
inline constexpr auto kUnsavedRejectTexts = std::to_array<ReasonText>({WEIR_UNSAVED_REJECTS(WEIR_REASON_TEXT)});

/// Frames and frame octets.
struct SavedRejects {
  std::string file;  ///< empty: rejected frames are not saved
  PacketCount saved;
  std::array<PacketCount, kUnsavedRejectTexts.size()> unsaved;
};

}  // namespace weir
