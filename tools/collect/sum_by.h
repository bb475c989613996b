// SumBy: packets and octets by fields of the caller's choice: `--sum-by src_addr,dst_port`.
//
// Each direction of a record counts for itself, with source and destination as that direction has them. A key is the
// chosen fields one after the other, at most 16 + 16 + 16 + 32 octets; keys are kept in a hash table, seeded per
// process since whoever sends records chooses them, of at most `max_keys` entries (about 200 octets each). What comes
// past that is summed as one remainder, so that the sums add up whatever is sent.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <unordered_map>
#include <vector>

#include "tools/collect/decoded_record.h"

namespace weir {

class SumBy {
 public:
  enum class Field : std::uint8_t {
    src_addr,
    dst_addr,
    src_port,
    dst_port,
    proto,
    ip_tos,
    tcp_flags,
    vlan_id,
    etype,
    in_if,
    out_if,
    end_reason,
    sampler_address,
  };
  struct Sums {
    std::uint64_t records = 0;
    std::uint64_t packets = 0;
    std::uint64_t octets = 0;
  };
  struct Row {
    std::vector<std::string> values;  ///< of the fields, as text
    Sums sums;
  };

  /// "src_addr,dst_port". Error: one line that names the field and lists those that exist.
  static tl::expected<std::vector<Field>, std::string> parse(std::string_view list);
  static std::string_view name(Field field);
  /// True if the field's values are numbers.
  static bool is_number(Field field);

  SumBy(std::vector<Field> fields, std::size_t max_keys);

  void add(const FlowRecord& record, const RecordDetails* details);

  [[nodiscard]] const std::vector<Field>& fields() const { return fields_; }
  [[nodiscard]] std::size_t size() const { return sums_.size(); }
  /// The `count` keys (0: all) with the most octets, the largest first; equal ones by key.
  [[nodiscard]] std::vector<Row> top(std::size_t count) const;
  /// What came when max_keys were taken.
  [[nodiscard]] const Sums& remainder() const { return remainder_; }

 private:
  struct Hash {
    using is_transparent = void;  // NOLINT(readability-identifier-naming): the standard library's name
    std::uint64_t seed;
    std::size_t operator()(std::string_view key) const;
  };
  struct Equal {
    using is_transparent = void;  // NOLINT(readability-identifier-naming): likewise
    bool operator()(std::string_view a, std::string_view b) const { return a == b; }
  };
  void add_direction(const FlowRecord& record, Direction direction, const RecordDetails* details);

  std::vector<Field> fields_;
  std::size_t max_keys_;
  std::unordered_map<std::string, Sums, Hash, Equal> sums_;
  Sums remainder_;
  std::string key_;  ///< kept for its memory
};

/// The address of "192.0.2.1:2055" or "[::1]:2055".
std::string_view address_of_exporter(std::string_view exporter);

}  // namespace weir
