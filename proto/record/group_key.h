// Keys made of a record's fields, of whoever groups records: `--sum-by` of weir-collect, `weirctl top --by`.
//
// A field is any column of the field table that can be a key: numbers other than the sums themselves, addresses, MAC
// addresses, tunnels, texts. Of an address a prefix may be taken: src_addr/24 of IPv4, src_addr/24/64 of both,
// src_addr/64 of IPv6 alone. Each direction of a record has a key of its own, with source and destination, and forward
// and reverse, as that direction has them. A record that does not have a column has 0 there.
//
// A key is the fields one after the other, as octets that say where each ends.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "proto/record/fields.h"

namespace weir {

struct GroupField {
  Column column{};
  std::uint8_t ipv4_prefix = 32;  ///< of an address: so many bits of it
  std::uint8_t ipv6_prefix = 128;

  [[nodiscard]] std::string name() const;
  /// The name with its prefix lengths, as parse_group_field() takes it.
  [[nodiscard]] std::string text() const;
  /// True if the field's values are numbers.
  [[nodiscard]] bool is_number() const;
};

/// "src_addr/24". Error: one line that names the word, with `names`: what can stand in its place.
[[nodiscard]] tl::expected<GroupField, std::string> parse_group_field(std::string_view word, const std::string& names);
/// "src_addr, dst_addr, ...": all that can be a key.
[[nodiscard]] std::string group_field_names();

/// Appends what the record has of the field, as `direction` sees it.
void put_group_field(std::string& key, const GroupField& field, Direction direction, RecordView record);
/// The text of the field at the beginning of `key`, which is taken off.
[[nodiscard]] std::string take_group_text(std::string_view& key, const GroupField& field);

/// A hash of keys, seeded since others choose the keys.
struct GroupHash {
  std::uint64_t seed;
  std::size_t operator()(std::string_view key) const;
};

}  // namespace weir
