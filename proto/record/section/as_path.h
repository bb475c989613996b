// AsPathSection: the AS paths by which a BGP table reaches the two ends of a flow (--prefixes with a table dump).
#pragma once

#include "proto/record/field.h"

namespace weir {

/// Form::as_path.
struct AsPath {
  static constexpr std::uint32_t kMost = 30;

  std::uint32_t count;
  std::uint32_t numbers[kMost];  ///< the neighbour first, the origin last

  [[nodiscard]] std::uint32_t size() const { return count < kMost ? count : kMost; }
};

struct AsPathSection {
  AsPath path[2];       ///< by Direction: to the responder, to the initiator
  std::uint8_t cut[2];  ///< 1: the path is longer
  std::uint8_t reserved[6];
};
static_assert(sizeof(AsPathSection) == 256 && std::has_unique_object_representations_v<AsPathSection>);

// clang-format off
inline constexpr auto kAsPathFields = std::to_array<Field>({
    {.name = "as_path", .sides = Sides::sided, .form = Form::as_path, .place = WEIR_SIDED(AsPathSection, path),
     .protobuf = {102, 1805}, .marks = kZeroIsNone,
     .meaning = "AS path to where the direction goes, the neighbour first; JSON and protobuf alone have it"},
    {.name = "as_path_cut", .sides = Sides::sided, .place = WEIR_SIDED(AsPathSection, cut),
     .protobuf = {1806, 1807}, .marks = kZeroIsNone, .meaning = "1: the path is longer than 30"},
});
// clang-format on

}  // namespace weir
