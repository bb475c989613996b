// HistogramsSection: the histograms of the metric `lengths`, of IP octets and of the time between a packet and the next
// one of its direction. They are apart from its other values (lengths.h) because a template of both, with an element
// per bin and direction, would not fit the smallest message.
#pragma once

#include "proto/record/field.h"

namespace weir {

struct HistogramsSection {
  static constexpr unsigned kBins = kHistogramBins;

  std::uint32_t length[2][kBins];
  std::uint32_t iat[2][kBins];
};
static_assert(sizeof(HistogramsSection) == 128, "two lines");

// clang-format off
inline constexpr auto kHistogramsFields = std::to_array<Field>({
    {.name = "length_histogram", .sides = Sides::sided, .form = Form::histogram,
     .place = WEIR_SIDED(HistogramsSection, length),
     .protobuf = {1138, 1139}, .wire = {WireRule::histogram, 60, kOwnElement}, .unit = Unit::packets,
     .meaning = "packets of up to 15, 31, 63, 127, 255, 511, 1023 and of more IP octets"},
    {.name = "iat_histogram", .sides = Sides::sided, .form = Form::histogram,
     .place = WEIR_SIDED(HistogramsSection, iat),
     .protobuf = {1148, 1149}, .wire = {WireRule::histogram, 68, kOwnElement}, .unit = Unit::packets,
     .meaning = "how many of these times are up to 15, 31, 63, 127, 255, 511, 1023 and more whole ms"},
});
// clang-format on

}  // namespace weir
