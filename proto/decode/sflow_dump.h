// One sFlow datagram as text for people: each sample, its records and their fields.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "proto/decode/value_text.h"

namespace weir {

/// Several lines, of a datagram that is_sflow(): the header; of each sample what it says of itself; of each record its
/// name and fields. What is not known is shown in hex. What is wrong with the datagram is its last line. `values`: each
/// value as what it means, or as its octets in hex.
std::string dump_sflow(std::span<const std::uint8_t> datagram, DumpValues values);

}  // namespace weir
