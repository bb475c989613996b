// SumBy: packets and octets by fields of the caller's choice: `--sum-by src_addr,dst_port`.
//
// A field is one that group_key.h knows, or sampler_address. Each direction of a record counts for itself.
//
// A key is the chosen fields one after the other, at most 17 octets for an address and 46 for sampler_address; keys are
// kept in a hash table, seeded per process since whoever sends records chooses them, of at most `max_keys` entries
// (about 200 octets each for four fields). What comes past that is summed as one remainder, so that the sums add up
// whatever is sent.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <unordered_map>
#include <vector>

#include "proto/record/group_key.h"

namespace weir {

class SumBy {
 public:
  struct Field : GroupField {
    bool sampler_address = false;  ///< and no column

    [[nodiscard]] std::string name() const;
    /// True if the field's values are numbers.
    [[nodiscard]] bool is_number() const;
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
  /// "src_addr, dst_addr, ...": all that parse() takes.
  static std::string names();

  SumBy(std::vector<Field> fields, std::size_t max_keys);

  /// `sampler_address`: who sent the record, as text; empty: nobody knows. `rate`: its packets and octets count so
  /// often.
  void add(RecordView record, std::string_view sampler_address, std::uint64_t rate = 1);

  [[nodiscard]] const std::vector<Field>& fields() const { return fields_; }
  [[nodiscard]] std::size_t size() const { return sums_.size(); }
  /// The `count` keys (0: all) with the most octets, the largest first; equal ones by key.
  [[nodiscard]] std::vector<Row> top(std::size_t count) const;
  /// What came when max_keys were taken.
  [[nodiscard]] const Sums& remainder() const { return remainder_; }

 private:
  struct Hash : GroupHash {
    using is_transparent = void;  // NOLINT(readability-identifier-naming): the standard library's name
  };
  struct Equal {
    using is_transparent = void;  // NOLINT(readability-identifier-naming): likewise
    bool operator()(std::string_view a, std::string_view b) const { return a == b; }
  };
  void add_direction(RecordView record, Direction direction, std::string_view sampler_address, std::uint64_t rate);

  std::vector<Field> fields_;
  std::size_t max_keys_;
  std::unordered_map<std::string, Sums, Hash, Equal> sums_;
  Sums remainder_;
  std::string key_;  ///< kept for its memory
};

}  // namespace weir
