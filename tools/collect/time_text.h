// A moment as people read it.
#pragma once

#include <cstdint>
#include <string>

namespace weir {

/// "2024-05-01 12:34:56.789", UTC.
std::string time_text(std::uint64_t time_ns);

}  // namespace weir
