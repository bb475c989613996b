// IdsSection: names of a flow that other tools give it, too. The metric `ids` asks for the section; the Community ID in
// it is made after the record left the worker, because it is a SHA-1 (control/community_id.h).
#pragma once

#include "proto/base/community_id_text.h"
#include "proto/record/field.h"

namespace weir {

struct IdsSection {
  std::uint8_t community_id[kCommunityIdOctets];  ///< version 1
  std::uint32_t reserved;                         ///< zero
};
static_assert(sizeof(IdsSection) == 24);

inline constexpr auto kIdsFields = std::to_array<Field>({
    {.name = "community_id",
     .form = Form::community_id,
     .place = WEIR_PLACE(IdsSection, community_id),
     .protobuf = {1120},
     .wire = {WireRule::plain, 46, kOwnElement},
     .meaning = "Community ID version 1: 1: and base64; NetFlow v9 and IPFIX have its 20 octets (SHA-1)"},
});

}  // namespace weir
