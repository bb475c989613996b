// EspSection: the security parameters index of an ESP flow (RFC 4303 section 2.1), by which ESP flows are told apart.
#pragma once

#include "proto/record/field.h"

namespace weir {

struct EspSection {
  std::uint32_t spi;
  std::uint32_t reserved;  ///< zero
};
static_assert(sizeof(EspSection) == 8);

inline constexpr auto kEspFields = std::to_array<Field>({
    {.name = "esp_spi",
     .place = WEIR_PLACE(EspSection, spi),
     .protobuf = {1025},
     .wire = {WireRule::plain, 295},
     .marks = kOptionalInProto,
     .meaning = "security parameters index of an ESP flow"},
});

}  // namespace weir
