// The part of a status about --prefixes: what is loaded, from which files, since when, and what went wrong.
#pragma once

#include <string>

#include "proto/schema/control.pb.h"

namespace weir {

std::string prefixes_text(const v1::PrefixStatus& prefixes);

}  // namespace weir
