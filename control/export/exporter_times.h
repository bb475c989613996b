// How long an exporter may block, and how late a record may leave it.
#pragma once

#include <chrono>

namespace weir {

/// Longest wait inside an exporter for a socket or pipe.
inline constexpr std::chrono::milliseconds kLongestBlock{50};
/// How late a record may leave for the sake of a fuller datagram or write.
inline constexpr std::chrono::milliseconds kFlushAfter{200};

}  // namespace weir
