// weir's own lists (proto/encode/list_values.h) on their way back into a record: basicLists whose element says which
// histogram, or which fact of the first packets, the values are.
#pragma once

#include <cstdint>
#include <span>

#include "proto/decode/flow_message.h"
#include "proto/decode/scratch_record.h"

namespace weir {

/// Whether a field may hold one, so that its octets are to be looked at.
bool may_be_own_list(FlowVersion version, const FieldSpec& field);

/// The sections that such fields may fill.
[[nodiscard]] std::uint32_t own_list_sections();

/// Puts the values of a list where they belong. False: it is none of weir's, or its values do not fit, and nothing was
/// stored. `scratch` may be nullptr: then it is only looked at.
bool take_own_list(std::span<const std::uint8_t> octets, ScratchRecord* scratch);

}  // namespace weir
