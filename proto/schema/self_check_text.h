// What weirctl self-check prints.
#pragma once

#include <string>

#include "proto/schema/operation.pb.h"

namespace weir {

/// A line for each check: its name, ok, failed or skipped, and what was found.
std::string self_check_text(const v1::SelfCheckReply& reply);

}  // namespace weir
