// One column of a record as text: for tables, for sums, and for whoever names columns on a command line.
//
// Columns are those that JSON shows (kJsonColumns), under the same names. Two sections may have a column of one name
// (mpls_label: the section `label` has it, and the section `label_stack`); a name stands for whichever the record has.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "proto/record/fields.h"

namespace weir {

enum class TextForm : std::uint8_t {
  plain,   ///< times in ns since 1970, as in JSON
  people,  ///< times as "2023-11-14T22:13:20.123Z"
};

/// Where a record has a column's value.
struct ColumnPlace {
  Column column{};
  const void* section = nullptr;  ///< nullptr: the record does not have it
};

/// Finds the column in the record: in its own section, else in another one that has a column of the same name. A column
/// of ICMP has no place in a record of another protocol, nor an address of a tunnel that no IP header carries.
[[nodiscard]] ColumnPlace find_column_place(const Column& column, RecordView record);

[[nodiscard]] inline bool has_column(const Column& column, RecordView record) {
  return find_column_place(column, record).section != nullptr;
}

/// Appends the column's value: numbers in decimal, addresses by RFC 5952, MAC addresses with colons, tunnels by name,
/// labels as "16000,24". Nothing, where the record does not have it.
void append_field_text(std::string& out, const Column& column, RecordView record, TextForm form = TextForm::plain);

/// Whether the text of the column is a number in both forms.
[[nodiscard]] constexpr bool column_is_number(const Column& column) {
  return kFieldRows[column.row].field.form == Form::number;
}

/// "src_addr,dst_port,tcp_mss". Error: one line that names the word, and the column that may be meant.
[[nodiscard]] tl::expected<std::vector<Column>, std::string> parse_columns(std::string_view list);

/// "; did you mean NAME?" of a word that is no column; "" where none is like it.
[[nodiscard]] std::string column_meant(std::string_view word);

}  // namespace weir
