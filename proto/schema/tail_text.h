// What weirctl tail prints: a line per record, as they come.
#pragma once

#include <string>

#include "proto/schema/flow.pb.h"
#include "proto/schema/flows_text.h"

namespace weir {

/// The line of names that comes first; of JSON there is none.
[[nodiscard]] std::string tail_heading(FlowsForm form);
/// A record. As JSON: the line that `json:FILE` has of it.
[[nodiscard]] std::string tail_line(const v1::FlowRecord& record, FlowsForm form);

}  // namespace weir
