// FlowChoice: which of several exporters a flow goes to. Both directions of a conversation go to the same one, whether
// they are one record or two.
//
// A keyed hash (SipHash-2-4) of the unordered pair of ends (address and port each) and the protocol is mixed with a
// number of each exporter's name, and the exporter with the greatest result is chosen ("rendezvous hashing"). So if one
// goes, only its flows go elsewhere, and they come back with it; the order of the names does not matter. With one key
// and the same names the choice is the same after a restart and at every probe. Without the key nobody who sends
// packets can aim at an exporter.
//
// ICMP has no ports here: its types differ by direction.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "proto/record/flow_record.h"

namespace weir {

class FlowChoice {
 public:
  using Key = std::array<std::uint8_t, 16>;

  FlowChoice(const Key& key, const std::vector<std::string>& names);
  /// A key that nobody knows.
  static Key random_key();

  /// The place of a name, among those that `allowed` holds true for, of which there is one at least.
  [[nodiscard]] std::size_t choose(const FlowRecord& record, const std::vector<bool>& allowed) const;

 private:
  std::uint64_t key_[2];
  std::vector<std::uint64_t> names_;  ///< hashes of them
};

/// SipHash-2-4 (Aumasson, Bernstein: "SipHash: a fast short-input PRF", 2012); the halves of the key as
/// little-endian numbers.
std::uint64_t siphash(const std::uint64_t (&key)[2], const std::uint8_t* octets, std::size_t count);

}  // namespace weir
