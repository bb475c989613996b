// What the files of LayerWalk share: reading at the walk's position, and saying what was there.
#pragma once

#include <cstdio>

#include "dataplane/packet/layer_walk.h"
#include "proto/base/byte_order.h"

namespace weir {

inline std::uint16_t LayerWalk::be16(std::size_t offset) const {
  return load_be<std::uint16_t>(at_ + offset);
}

inline std::uint32_t LayerWalk::be32(std::size_t offset) const {
  return load_be<std::uint32_t>(at_ + offset);
}

template <typename... Values>
inline void LayerWalk::pass(const char* name, std::size_t octets, const char* format, Values... values) {
  if (trace_ != nullptr) [[unlikely]] {
    char detail[96];
    std::snprintf(detail, sizeof detail, format, values...);
    trace(name, octets, detail);
  }
  at_ += octets;
}

}  // namespace weir
