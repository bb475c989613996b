// The field table: every row of every section (field.h says what a row is), and the columns that they make.
//
// A column is what a reader of JSON or of a database sees: a row has one, or two where it has a value per direction.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "proto/record/base_fields.h"
#include "proto/record/field.h"
#include "proto/record/sections.h"

namespace weir {

/// A row and the section that it is of.
struct FieldRow {
  Section section = Section::base;
  Field field;
};

namespace field_detail {

constexpr std::size_t row_count() {
  std::size_t count = kBaseFields.size();
#define WEIR_X(name, type, rows) count += (rows).size();
  WEIR_SECTIONS(WEIR_X)
#undef WEIR_X
  return count;
}

inline constexpr std::size_t kRowCount = row_count();

constexpr std::array<FieldRow, kRowCount> make_rows() {
  std::array<FieldRow, kRowCount> result{};
  std::size_t at = 0;
  for (const Field& field : kBaseFields) result[at++] = {Section::base, field};
#define WEIR_X(name, type, rows) \
  for (const Field& field : (rows)) result[at++] = {Section::name, field};
  WEIR_SECTIONS(WEIR_X)
#undef WEIR_X
  return result;
}

}  // namespace field_detail

inline constexpr std::array<FieldRow, field_detail::kRowCount> kFieldRows = field_detail::make_rows();

/// One column: the forward or the reverse value of a row.
struct Column {
  std::uint16_t row = 0;
  Direction side = kForward;
};

namespace field_detail {

constexpr std::size_t column_count() {
  std::size_t count = 0;
  for (const FieldRow& row : kFieldRows) count += row.field.sides == Sides::sided ? 2 : 1;
  return count;
}

constexpr std::array<Column, column_count()> make_columns() {
  std::array<Column, column_count()> columns{};
  std::size_t at = 0;
  for (std::size_t row = 0; row < kFieldRows.size(); ++row) {
    columns[at++] = {static_cast<std::uint16_t>(row), kForward};
    if (kFieldRows[row].field.sides == Sides::sided) columns[at++] = {static_cast<std::uint16_t>(row), kReverse};
  }
  return columns;
}

}  // namespace field_detail

/// All columns, by row.
inline constexpr auto kColumns = field_detail::make_columns();

/// The greatest length of a column's name.
inline constexpr std::size_t kLongestColumnName = 40;

/// A column's name, as the compiler can make it: without heap.
struct ColumnName {
  std::array<char, kLongestColumnName> text{};
  std::size_t size = 0;

  [[nodiscard]] constexpr std::string_view view() const { return {text.data(), size}; }
  constexpr void append(std::string_view part) {
    for (const char c : part) text[size++] = c;
  }
};

[[nodiscard]] constexpr ColumnName column_name(const Column& column) {
  const Field& field = kFieldRows[column.row].field;
  ColumnName name;
  if (column.side == kReverse && !field.reverse_name.empty()) {
    name.append(field.reverse_name);
    return name;
  }
  if (column.side == kReverse) name.append("rev_");
  name.append(field.name);
  return name;
}

/// Whether JSON and text show the column.
[[nodiscard]] constexpr bool column_is_shown(const Column& column) {
  const unsigned marks = kFieldRows[column.row].field.marks;
  return (marks & kNotInJson) == 0 && !(column.side == kReverse && (marks & kForwardInJson) != 0);
}

/// The place in kColumns of the column with this name; kColumns.size(): there is none.
[[nodiscard]] constexpr std::size_t find_column(std::string_view name) {
  for (std::size_t i = 0; i < kColumns.size(); ++i) {
    if (column_name(kColumns[i]).view() == name) return i;
  }
  return kColumns.size();
}

namespace field_detail {

constexpr std::size_t shown_count() {
  std::size_t count = 0;
  for (const Column& column : kColumns) count += column_is_shown(column) ? 1 : 0;
  return count;
}

constexpr std::array<Column, shown_count()> make_shown() {
  std::array<Column, shown_count()> shown{};
  std::size_t at = 0;
  for (const std::string_view name : kBaseJsonOrder) shown[at++] = kColumns[find_column(name)];
  for (const Column& column : kColumns) {
    if (kFieldRows[column.row].section != Section::base && column_is_shown(column)) shown[at++] = column;
  }
  return shown;
}

}  // namespace field_detail

/// The columns of JSON, in their order: those of the base, then section by section.
inline constexpr auto kJsonColumns = field_detail::make_shown();
/// How many of them, from the first, are of the base.
inline constexpr std::size_t kBaseJsonColumns = kBaseJsonOrder.size();

namespace field_detail {

constexpr bool base_order_is_whole() {
  std::size_t base = 0;
  for (const Column& column : kColumns) {
    base += kFieldRows[column.row].section == Section::base && column_is_shown(column) ? 1 : 0;
  }
  for (const std::string_view name : kBaseJsonOrder) {
    if (find_column(name) == kColumns.size()) return false;
  }
  return base == kBaseJsonOrder.size();
}
static_assert(base_order_is_whole(), "kBaseJsonOrder names every shown column of the base once");

}  // namespace field_detail

/// The value of a number, time or tunnel of `section`, which is where the record has it.
template <std::size_t kRow, Direction kSide>
[[nodiscard]] inline std::uint64_t field_number(const void* section) {
  constexpr Field kField = kFieldRows[kRow].field;
  if constexpr (kField.place.octets == 0) {  // and not by the pointer: gcc 12 takes it for no constant under UBSan
    return kField.computed.get(section, kSide);
  } else {
    const auto* const at = static_cast<const std::uint8_t*>(section) + kField.place.offset[kSide];
    if constexpr (kField.place.octets == 1) {
      return *at;
    } else if constexpr (kField.place.octets == 2) {
      std::uint16_t value;
      std::memcpy(&value, at, sizeof value);
      return value;
    } else if constexpr (kField.place.octets == 4) {
      std::uint32_t value;
      std::memcpy(&value, at, sizeof value);
      return value;
    } else {
      static_assert(kField.place.octets == 8);
      std::uint64_t value;
      std::memcpy(&value, at, sizeof value);
      return value;
    }
  }
}

/// The same for a row that is chosen at run time.
[[nodiscard]] inline std::uint64_t field_number(const Field& field, Direction side, const void* section) {
  if (field.place.octets == 0) return field.computed.get(section, side);
  std::uint64_t value = 0;  // the lower octets: x86-64 is little-endian
  std::memcpy(&value, static_cast<const std::uint8_t*>(section) + field.place.offset[side], field.place.octets);
  return value;
}

/// The octets of the text that lies at `at`.
[[nodiscard]] inline std::string_view text_at(const std::uint8_t* at) {
  return {reinterpret_cast<const char*>(at) + 2, at[1] < kMostTextOctets ? at[1] : kMostTextOctets};
}
/// Puts a text there, cut where it is too long.
inline void put_text_at(std::uint8_t* at, std::string_view text) {
  const std::size_t octets = text.size() < kMostTextOctets ? text.size() : kMostTextOctets;
  if (octets != text.size()) at[0] = 1;
  at[1] = static_cast<std::uint8_t>(octets);
  std::memcpy(at + 2, text.data(), octets);
  std::memset(at + 2 + octets, 0, kMostTextOctets - octets);
}

/// A bin of the histogram that lies at `at`.
[[nodiscard]] inline std::uint32_t histogram_bin(const std::uint8_t* at, unsigned bin) {
  std::uint32_t count;
  std::memcpy(&count, at + bin * sizeof count, sizeof count);
  return count;
}

/// Of a row that is marked kZeroIsNone: whether the section has a value.
[[nodiscard]] constexpr bool is_there(const Field& field, Direction side, const std::uint8_t* section) {
  // The first octets of characters and of an AS path say it.
  const std::size_t octets = field.form == Form::characters ? 1 : field.form == Form::as_path ? 4 : field.place.octets;
  for (std::size_t i = 0; i < octets; ++i) {
    if (section[field.place.offset[side] + i] != 0) return true;
  }
  return false;
}

/// The characters that lie at `at`, a place of `octets`.
[[nodiscard]] inline std::string_view characters_at(const std::uint8_t* at, std::size_t octets) {
  const void* const end = std::memchr(at, 0, octets);
  return {reinterpret_cast<const char*>(at),
          end == nullptr ? octets : static_cast<std::size_t>(static_cast<const std::uint8_t*>(end) - at)};
}

/// The AS path that lies at `at`.
[[nodiscard]] inline const AsPath& as_path_at(const std::uint8_t* at) {
  return *reinterpret_cast<const AsPath*>(at);
}

/// The IP version of the addresses of a section.
[[nodiscard]] inline std::uint8_t address_version(Section of, const void* section) {
  if (of == Section::routing) return static_cast<const RoutingSection*>(section)->ip_version;
  return of == Section::tunnel ? static_cast<const TunnelSection*>(section)->ip_version
                               : static_cast<const FlowRecord*>(section)->ip_version;
}

}  // namespace weir
