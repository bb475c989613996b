#include "proto/record/field_text.h"

#include <algorithm>
#include <charconv>
#include <cstring>

#include "proto/base/address_text.h"
#include "proto/base/json_string.h"
#include "proto/base/similar.h"
#include "proto/base/split.h"
#include "proto/base/time_text.h"

namespace weir {
namespace {

void append_number(std::string& out, std::uint64_t value) {
  char text[20];
  out.append(text, std::to_chars(text, text + sizeof text, value).ptr);
}

void append_labels(std::string& out, const LabelStackSection& stack) {
  for (unsigned i = 0; i < stack.count && i < LabelStackSection::kMost; ++i) {
    if (i != 0) out += ',';
    append_number(out, stack.labels[i] >> 4);
  }
}

void append_histogram(std::string& out, const std::uint8_t* at) {
  for (unsigned i = 0; i < kHistogramBins; ++i) {
    if (i != 0) out += ',';
    append_number(out, histogram_bin(at, i));
  }
}

/// "60/0/0/2,60/15000/1/18": the facts of each packet.
void append_packets(std::string& out, const PacketsSection& section) {
  for (std::uint32_t i = 0; i < section.size(); ++i) {
    const char* before = i == 0 ? "" : ",";
    for (const ListedFact& fact : kListedFacts) {
      out += before;
      append_number(out, fact.get(section.packets[i]));
      before = "/";
    }
  }
}

void append_as_path(std::string& out, const AsPath& path) {
  for (std::uint32_t i = 0; i < path.size(); ++i) {
    if (i != 0) out += ',';
    append_number(out, path.numbers[i]);
  }
}

/// For people without octets that a terminal would take for orders, and without those that are no UTF-8.
void append_text(std::string& out, std::string_view text, TextForm form) {
  if (form != TextForm::people) {
    out += text;
    return;
  }
  char escaped[kMostTextOctets * kJsonOctetMost];
  out.append(escaped, write_json_string(escaped, text));
}

std::string quoted(std::string_view word) {
  std::string text(1, '\'');
  text += word;
  text += '\'';
  return text;
}

/// For each row the next one whose columns have the same names, in a ring: itself for nearly all.
constexpr auto kNextOfName = [] {
  std::array<std::uint16_t, kFieldRows.size()> next{};
  for (std::size_t row = 0; row < kFieldRows.size(); ++row) {
    std::size_t other = row;
    do {
      other = (other + 1) % kFieldRows.size();
    } while (kFieldRows[other].field.name != kFieldRows[row].field.name);
    next[row] = static_cast<std::uint16_t>(other);
  }
  return next;
}();

const void* find_in_own_section(const Column& column, RecordView record) {
  const FieldRow& row = kFieldRows[column.row];
  const void* const section = record.find(row.section);
  if (section == nullptr) return nullptr;
  if ((row.field.marks & kIcmpOnly) != 0 && !record->is_icmp()) return nullptr;
  if ((row.field.marks & kCarrierOnly) != 0 && address_version(row.section, section) == 0) return nullptr;
  if (row.field.presence.bits != 0 && !row.field.presence.holds(section)) return nullptr;
  if ((row.field.marks & kZeroIsNone) != 0 &&
      !is_there(row.field, column.side, static_cast<const std::uint8_t*>(section))) {
    return nullptr;
  }
  return section;
}

}  // namespace

ColumnPlace find_column_place(const Column& column, RecordView record) {
  Column other = column;
  do {
    if (const void* const section = find_in_own_section(other, record)) return {other, section};
    other.row = kNextOfName[other.row];
  } while (other.row != column.row);
  return {column, nullptr};
}

void append_field_text(std::string& out, const Column& column, RecordView record, TextForm form) {
  const ColumnPlace place = find_column_place(column, record);
  if (place.section == nullptr) return;
  const FieldRow& row = kFieldRows[place.column.row];
  const auto* const at = static_cast<const std::uint8_t*>(place.section) + row.field.place.offset[place.column.side];
  switch (row.field.form) {
    case Form::address: {
      char text[kAddressTextMaxOctets];
      out.append(text, write_address_text(text, at, address_version(row.section, place.section)));
      return;
    }
    case Form::mac: {
      char text[kMacTextOctets];
      out.append(text, write_mac_text(text, at));
      return;
    }
    case Form::community_id: {
      char text[kCommunityIdTextOctets];
      out.append(text, write_community_id(text, at));
      return;
    }
    case Form::tunnel:
      out += tunnel_name(static_cast<TunnelType>(*at));
      return;
    case Form::domain:
      out += domain_name(*at);
      return;
    case Form::characters:
      return append_text(out, characters_at(at, row.field.place.octets), form);
    case Form::as_path:
      return append_as_path(out, as_path_at(at));
    case Form::histogram:
      return append_histogram(out, at);
    case Form::text:
      return append_text(out, text_at(at), form);
    case Form::packets:
      return append_packets(out, *static_cast<const PacketsSection*>(place.section));
    case Form::labels:
      return append_labels(out, *static_cast<const LabelStackSection*>(place.section));
    case Form::time_ns:
    case Form::number:
      break;
  }
  const std::uint64_t value = field_number(row.field, place.column.side, place.section);
  if (row.field.form == Form::time_ns && form == TextForm::people) {
    out += iso_time(value, 3);
  } else {
    append_number(out, value);
  }
}

std::string column_meant(std::string_view word) {
  std::vector<ColumnName> names;  // the texts lie in them
  names.reserve(kJsonColumns.size());
  for (const Column& column : kJsonColumns) names.push_back(column_name(column));
  std::vector<std::string_view> views;
  views.reserve(names.size());
  for (const ColumnName& name : names) views.push_back(name.view());
  return did_you_mean(word, views);
}

tl::expected<std::vector<Column>, std::string> parse_columns(std::string_view list) {
  std::vector<Column> columns;
  for (const std::string_view word : split(list, ',')) {
    const std::size_t found = find_column(word);
    if (found == kColumns.size() || !column_is_shown(kColumns[found])) {
      return tl::make_unexpected(quoted(word) + " is not a field" + column_meant(word) + "; `weir fields` lists them");
    }
    const Column column = kColumns[found];
    const bool twice = std::any_of(columns.begin(), columns.end(), [&](const Column& other) {
      return other.row == column.row && other.side == column.side;
    });
    if (twice) return tl::make_unexpected(quoted(word) + " is there twice");
    columns.push_back(column);
  }
  return columns;
}

}  // namespace weir
