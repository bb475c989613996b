// One direction of a biflow as a record of its own.
#pragma once

#include "proto/record/sections.h"

namespace weir {

/// The direction `way` of `record`, source and destination as its sender sees them. Facts of the flow stay as they are,
/// so that both directions have them.
OwnedRecord one_way(RecordView record, Direction way);

}  // namespace weir
