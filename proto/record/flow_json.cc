#include "proto/record/flow_json.h"

#include <charconv>
#include <cstring>
#include <string_view>
#include <utility>

#include "proto/base/address_text.h"
#include "proto/base/json_string.h"

namespace weir {
namespace {

/// What stands before a column's value: ,"name": and the quote of a string.
template <std::size_t kIndex>
struct Prefix {
  static constexpr Column kColumn = kJsonColumns[kIndex];
  static constexpr Form kForm = kFieldRows[kColumn.row].field.form;
  static constexpr bool kQuoted = kForm == Form::address || kForm == Form::mac || kForm == Form::tunnel ||
                                  kForm == Form::community_id || kForm == Form::text || kForm == Form::domain ||
                                  kForm == Form::characters;

  static constexpr ColumnName make() {
    ColumnName text;
    text.append(kIndex == 0 ? "{\"" : ",\"");
    text.append(column_name(kColumn).view());
    text.append("\":");
    if (kQuoted) text.append("\"");
    return text;
  }
  static constexpr ColumnName kText = make();
};

char* put_text(char* out, std::string_view text) {
  std::memcpy(out, text.data(), text.size());
  return out + text.size();
}

// 20 digits are the most a 64-bit number has, and the caller's buffer has room: to_chars cannot fail.
char* put_number(char* out, std::uint64_t value) {
  return std::to_chars(out, out + 20, value).ptr;
}

char* put_labels(char* out, const LabelStackSection& stack) {
  *out++ = '[';
  for (unsigned i = 0; i < stack.count && i < LabelStackSection::kMost; ++i) {
    if (i != 0) *out++ = ',';
    out = put_number(out, stack.labels[i] >> 4);
  }
  *out++ = ']';
  return out;
}

char* put_histogram(char* out, const std::uint8_t* at) {
  *out++ = '[';
  for (unsigned i = 0; i < kHistogramBins; ++i) {
    if (i != 0) *out++ = ',';
    out = put_number(out, histogram_bin(at, i));
  }
  *out++ = ']';
  return out;
}

char* put_as_path(char* out, const AsPath& path) {
  *out++ = '[';
  for (std::uint32_t i = 0; i < path.size(); ++i) {
    if (i != 0) *out++ = ',';
    out = put_number(out, path.numbers[i]);
  }
  *out++ = ']';
  return out;
}

/// [{"length":60,"time_offset_ns":0,"direction":0,"flags":2}]
char* put_packets(char* out, const PacketsSection& section) {
  *out++ = '[';
  for (std::uint32_t i = 0; i < section.size(); ++i) {
    if (i != 0) *out++ = ',';
    char before = '{';
    for (const ListedFact& fact : kListedFacts) {
      *out++ = before;
      *out++ = '"';
      out = put_text(out, fact.name);
      out = put_text(out, "\":");
      out = put_number(out, fact.get(section.packets[i]));
      before = ',';
    }
    *out++ = '}';
  }
  *out++ = ']';
  return out;
}

/// Writes the column of `section`, which is where the record has it.
template <std::size_t kIndex>
inline char* put_column(char* out, const void* section) {
  constexpr Column kColumn = kJsonColumns[kIndex];
  constexpr const FieldRow& kRow = kFieldRows[kColumn.row];
  using Text = Prefix<kIndex>;
  if constexpr ((kRow.field.marks & kIcmpOnly) != 0) {
    if (!static_cast<const FlowRecord*>(section)->is_icmp()) return out;
  }
  if constexpr ((kRow.field.marks & kCarrierOnly) != 0) {
    if (address_version(kRow.section, section) == 0) return out;
  }
  if constexpr (kRow.field.presence.bits != 0) {
    if (!kRow.field.presence.holds(section)) return out;
  }
  if constexpr ((kRow.field.marks & kZeroIsNone) != 0) {
    if (!is_there(kRow.field, kColumn.side, static_cast<const std::uint8_t*>(section))) return out;
  }
  std::memcpy(out, Text::kText.text.data(), Text::kText.size);
  out += Text::kText.size;
  const auto* const at = static_cast<const std::uint8_t*>(section) + kRow.field.place.offset[kColumn.side];
  if constexpr (kRow.field.form == Form::address) {
    out = write_address_text(out, at, address_version(kRow.section, section));
  } else if constexpr (kRow.field.form == Form::mac) {
    out = write_mac_text(out, at);
  } else if constexpr (kRow.field.form == Form::community_id) {
    out = write_community_id(out, at);
  } else if constexpr (kRow.field.form == Form::tunnel) {
    out = put_text(out, tunnel_name(static_cast<TunnelType>(*at)));
  } else if constexpr (kRow.field.form == Form::domain) {
    out = put_text(out, domain_name(*at));
  } else if constexpr (kRow.field.form == Form::characters) {
    out = write_json_string(out, characters_at(at, kRow.field.place.octets));
  } else if constexpr (kRow.field.form == Form::as_path) {
    out = put_as_path(out, as_path_at(at));
  } else if constexpr (kRow.field.form == Form::histogram) {
    out = put_histogram(out, at);
  } else if constexpr (kRow.field.form == Form::text) {
    out = write_json_string(out, text_at(at));
  } else if constexpr (kRow.field.form == Form::packets) {
    out = put_packets(out, *static_cast<const PacketsSection*>(section));
  } else if constexpr (kRow.field.form == Form::labels) {
    out = put_labels(out, *static_cast<const LabelStackSection*>(section));
  } else {
    out = put_number(out, field_number<kColumn.row, kColumn.side>(section));
  }
  if constexpr (Text::kQuoted) *out++ = '"';
  return out;
}

constexpr std::size_t section_begin(Section section) {
  std::size_t at = kBaseJsonColumns;
  while (at < kJsonColumns.size() && kFieldRows[kJsonColumns[at].row].section != section) ++at;
  return at;
}
constexpr std::size_t section_columns(Section section) {
  std::size_t count = 0;
  for (std::size_t at = kBaseJsonColumns; at < kJsonColumns.size(); ++at) {
    count += kFieldRows[kJsonColumns[at].row].section == section ? 1 : 0;
  }
  return count;
}

template <std::size_t kFirst, std::size_t... kIndex>
inline char* put_columns(char* out, const void* section, std::index_sequence<kIndex...> /*indices*/) {
  ((out = put_column<kFirst + kIndex>(out, section)), ...);
  return out;
}

template <Section kSection>
char* put_section(char* out, RecordView record) {
  const void* const section = record.find(kSection);
  if (section == nullptr) return out;
  return put_columns<section_begin(kSection)>(out, section, std::make_index_sequence<section_columns(kSection)>{});
}

char* put_sections(char* out, RecordView record) {
#define WEIR_X(name, type, rows) out = put_section<Section::name>(out, record);
  WEIR_SECTIONS(WEIR_X)
#undef WEIR_X
  return out;
}

}  // namespace

char* write_flow_json(char* out, RecordView record, const IpAddress& sampler_address, std::string_view monitor) {
  out = put_columns<0>(out, &*record, std::make_index_sequence<kBaseJsonColumns>{});
  if ((record->sections & kAllSections) != 0) out = put_sections(out, record);
  if (!monitor.empty()) {
    out = put_text(out, R"(,"monitor":")");
    out = put_text(out, monitor);
    *out++ = '"';
  }
  if (sampler_address.has_value()) {
    out = put_text(out, R"(,"sampler_address":")");
    out = write_address_text(out, sampler_address.octets, sampler_address.ip_version);
    *out++ = '"';
  }
  return put_text(out, "}\n");
}

}  // namespace weir
