// Instants as text.
#pragma once

#include <cstdint>
#include <string>

namespace weir {

/// "2023-11-14T22:13:20.123Z" (ISO 8601, UTC) with 0, 3, 6 or 9 decimals, by their number. `time_ns` is since 1970.
std::string iso_time(std::uint64_t time_ns, unsigned decimals);

/// The same for the eye, in milliseconds: "2023-11-14 22:13:20.123" (UTC).
std::string time_text(std::uint64_t time_ns);

}  // namespace weir
