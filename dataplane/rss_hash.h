// RssHash: what a device hashes of a packet to choose the receive queue, and with it the worker.
#pragma once

#include <cstdint>

namespace weir {

enum class RssHash : std::uint8_t {
  none,       ///< nothing: one queue only, or a hash that weir does not know
  addresses,  ///< so that the fragments of a packet stay with its conversation
  ports,      ///< addresses and ports
};

}  // namespace weir
