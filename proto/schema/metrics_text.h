// What `weirctl metrics` prints: which metrics are on, how many records carry what they measured, and what they keep.
#pragma once

#include <string>

#include "proto/schema/control.pb.h"

namespace weir {

std::string running_metrics_text(const v1::MetricsReply& reply);

}  // namespace weir
