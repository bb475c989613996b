// InputTotals: what came in by --input, beside the packets and octets that its records count.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "dataplane/input/psample_source.h"
#include "proto/schema/control.pb.h"

namespace weir {

struct InputTotals {
  std::string name;                        ///< as --input has it
  std::uint64_t records = 0;               ///< raw records that were read
  std::uint64_t partial_records = 0;       ///< that were cut
  std::uint64_t times_clamped = 0;         ///< that lay in the future
  std::uint64_t connections = 0;           ///< since the start; `run` only
  std::uint64_t open_connections = 0;      ///< likewise
  std::optional<PsampleTotals> psample{};  ///< nothing: the input is none of packets
};

/// The same for a ledger and a status: what came in by --input.
void put_input(v1::InputLedger& out, const InputTotals& input);

}  // namespace weir
