#include "tools/collect/sum_by.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <random>

#include "proto/base/address_text.h"
#include "proto/base/json_string.h"
#include "proto/decode/flow_decoder.h"
#include "proto/record/field_text.h"

namespace weir {
namespace {

constexpr std::size_t kMostExporterOctets = 45;

void put(std::string& key, std::uint64_t value, unsigned octets) {
  while (octets-- > 0) key += static_cast<char>(value >> (8 * octets));
}

std::uint64_t take(std::string_view& key, unsigned octets) {
  std::uint64_t value = 0;
  for (unsigned i = 0; i < octets; ++i) value = value << 8 | static_cast<std::uint8_t>(key[i]);
  key.remove_prefix(octets);
  return value;
}

/// Octets of a number in the key.
unsigned octets_of(const Field& field) {
  return field.place.octets + field.computed.octets;  // one of them is 0
}

/// Packets and octets of a flow are what is summed; times and lists differ for nearly every record.
bool can_be_key(const Column& column) {
  const FieldRow& row = kFieldRows[column.row];
  if (!column_is_shown(column)) return false;
  if (row.section == Section::base && (row.field.name == "packets" || row.field.name == "bytes")) return false;
  switch (row.field.form) {
    case Form::time_ns:
    case Form::labels:
    case Form::as_path:
    case Form::histogram:
    case Form::packets:
      return false;
    default:
      return true;
  }
}

/// "/24", "/64" (more than 32: IPv6) or "/24/64". False: it is something else.
bool read_prefixes(std::string_view text, SumBy::Field& field) {
  unsigned bits[2] = {0, 0};
  unsigned count = 0;
  while (!text.empty()) {
    if (count == 2 || text[0] != '/') return false;
    const auto [end, error] = std::from_chars(text.data() + 1, text.data() + text.size(), bits[count]);
    if (error != std::errc() || bits[count] > 128) return false;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    ++count;
  }
  const bool ipv6_alone = count == 1 && bits[0] > 32;
  if (ipv6_alone) bits[1] = bits[0];
  if (!ipv6_alone && bits[0] > 32) return false;
  if (!ipv6_alone) field.ipv4_prefix = static_cast<std::uint8_t>(bits[0]);
  if (ipv6_alone || count == 2) field.ipv6_prefix = static_cast<std::uint8_t>(bits[1]);
  return count != 0;
}

/// Where the IP version of an address stands in a key.
constexpr std::uint8_t kNoAddress = 0xff;
constexpr std::string_view kSamplerAddress = "sampler_address";

/// Which side of the row the column is, as `direction` sees it.
Column seen_from(const Column& column, Direction direction) {
  if (kFieldRows[column.row].field.sides == Sides::flow) return column;
  return {column.row, column.side == direction ? kForward : kReverse};
}

/// Appends the first `bits` bits of an address, the rest 0.
void put_prefix(std::string& key, const std::uint8_t* address, unsigned octets, unsigned bits) {
  for (unsigned i = 0; i < octets; ++i) {
    const unsigned left = bits > 8 * i ? std::min(bits - 8 * i, 8U) : 0;
    key += static_cast<char>(address[i] & (0xff00U >> left));
  }
}

void put_column(std::string& key, const SumBy::Field& wanted, const Column& column, RecordView record) {
  const ColumnPlace place = find_column_place(column, record);
  const FieldRow& row = kFieldRows[place.column.row];
  const Field& field = row.field;
  switch (field.form) {
    case Form::address: {  // preceded by its IP version
      const std::uint8_t version = place.section == nullptr ? kNoAddress : address_version(row.section, place.section);
      key += static_cast<char>(version);
      if (version == kNoAddress) return;
      const auto* const at = static_cast<const std::uint8_t*>(place.section) + field.place.offset[place.column.side];
      put_prefix(key, at, version == 4 ? 4 : 16, version == 4 ? wanted.ipv4_prefix : wanted.ipv6_prefix);
      return;
    }
    case Form::mac:
      if (place.section == nullptr) {
        key.append(6, '\0');
      } else {
        key.append(static_cast<const char*>(place.section) + field.place.offset[place.column.side], 6);
      }
      return;
    case Form::community_id:
      if (place.section == nullptr) {
        key.append(1, '\0');
      } else {
        key.append(1, '\1');
        key.append(static_cast<const char*>(place.section) + field.place.offset[place.column.side], kCommunityIdOctets);
      }
      return;
    case Form::characters:  // zeros where there are none
      if (place.section == nullptr) {
        key.append(field.place.octets, '\0');
      } else {
        key.append(static_cast<const char*>(place.section) + field.place.offset[place.column.side], field.place.octets);
      }
      return;
    case Form::text: {
      const auto* const at = static_cast<const std::uint8_t*>(place.section) + field.place.offset[place.column.side];
      const std::string_view text = place.section == nullptr ? std::string_view() : text_at(at);
      put(key, text.size(), 1);
      key.append(text);
      return;
    }
    default: {
      const std::uint64_t value = place.section == nullptr ? 0 : field_number(field, place.column.side, place.section);
      // Use the width that take_text() expects, whichever section has the column.
      put(key, value, octets_of(kFieldRows[column.row].field));
    }
  }
}

/// The text of the field at the beginning of `key`, which is taken off.
std::string take_text(std::string_view& key, const SumBy::Field& field) {
  if (field.sampler_address) {
    const auto octets = static_cast<std::size_t>(take(key, 1));
    std::string text(key.substr(0, octets));
    key.remove_prefix(octets);
    return text;
  }
  const Field& row = kFieldRows[field.column.row].field;
  switch (row.form) {
    case Form::address: {
      const auto version = static_cast<std::uint8_t>(take(key, 1));
      if (version == kNoAddress) return {};
      char text[kAddressTextMaxOctets];
      const char* const end = write_address_text(text, reinterpret_cast<const std::uint8_t*>(key.data()), version);
      key.remove_prefix(version == 4 ? 4 : 16);
      std::string address(text, static_cast<std::size_t>(end - text));
      const unsigned bits = version == 4 ? field.ipv4_prefix : field.ipv6_prefix;
      if (bits < (version == 4 ? 32 : 128)) address += '/' + std::to_string(bits);
      return address;
    }
    case Form::mac: {
      char text[kMacTextOctets];
      const char* const end = write_mac_text(text, reinterpret_cast<const std::uint8_t*>(key.data()));
      key.remove_prefix(6);
      return {text, static_cast<std::size_t>(end - text)};
    }
    case Form::community_id: {
      if (take(key, 1) == 0) return {};
      char text[kCommunityIdTextOctets];
      const char* const end = write_community_id(text, reinterpret_cast<const std::uint8_t*>(key.data()));
      key.remove_prefix(kCommunityIdOctets);
      return {text, static_cast<std::size_t>(end - text)};
    }
    case Form::characters: {
      const std::string_view characters =
          characters_at(reinterpret_cast<const std::uint8_t*>(key.data()), row.place.octets);
      char text[AsNamesSection::kNameOctets * kJsonOctetMost];
      const char* const end = write_json_string(text, characters);
      key.remove_prefix(row.place.octets);
      return {text, static_cast<std::size_t>(end - text)};
    }
    case Form::text: {  // without octets that a terminal would take for orders
      const auto octets = static_cast<std::size_t>(take(key, 1));
      char text[kMostTextOctets * kJsonOctetMost];
      const char* const end = write_json_string(text, key.substr(0, octets));
      key.remove_prefix(octets);
      return {text, static_cast<std::size_t>(end - text)};
    }
    case Form::domain: {
      const std::uint64_t domain = take(key, 1);
      return domain == 0 ? std::string() : std::string(domain_name(domain));
    }
    case Form::tunnel:
      return std::string(tunnel_name(static_cast<TunnelType>(take(key, octets_of(row)))));
    default:
      return std::to_string(take(key, octets_of(row)));
  }
}

}  // namespace

std::string SumBy::Field::name() const {
  return std::string(sampler_address ? kSamplerAddress : column_name(column).view());
}
bool SumBy::Field::is_number() const {
  return !sampler_address && column_is_number(column);
}

std::string SumBy::names() {
  std::string names;
  for (const Column& column : kJsonColumns) {
    const ColumnName name = column_name(column);
    // A name that two sections have is listed once: with the row that it is found by.
    if (!can_be_key(column) || kColumns[find_column(name.view())].row != column.row) continue;
    names += name.view();
    names += ", ";
  }
  return names += kSamplerAddress;
}

tl::expected<std::vector<SumBy::Field>, std::string> SumBy::parse(std::string_view list) {
  std::vector<SumBy::Field> fields;
  for (std::size_t at = 0; at <= list.size();) {
    const std::size_t comma = std::min(list.find(',', at), list.size());
    const std::string_view word = list.substr(at, comma - at);
    const std::string_view name = word.substr(0, word.find('/'));
    SumBy::Field field;
    field.sampler_address = word == kSamplerAddress;
    if (!field.sampler_address) {
      const std::size_t found = find_column(name);
      if (found == kColumns.size() || !can_be_key(kColumns[found])) {
        const std::string meant = found == kColumns.size() ? column_meant(name) : "";
        return tl::make_unexpected("cannot sum by '" + std::string(word) + "'" + meant +
                                   (meant.empty() ? ", only by " : " Possible: ") + names());
      }
      field.column = kColumns[found];
      const bool is_address = kFieldRows[field.column.row].field.form == Form::address;
      if (name.size() != word.size() && (!is_address || !read_prefixes(word.substr(name.size()), field))) {
        return tl::make_unexpected(
            "'" + std::string(word) +
            "' is no prefix of an address: src_addr/24 (IPv4), src_addr/64 (IPv6), src_addr/24/64");
      }
    }
    const bool twice = std::any_of(fields.begin(), fields.end(),
                                   [&](const SumBy::Field& other) { return other.name() == field.name(); });
    if (twice) return tl::make_unexpected("'" + std::string(word) + "' is there twice");
    fields.push_back(field);
    at = comma + 1;
  }
  return fields;
}

SumBy::SumBy(std::vector<SumBy::Field> fields, std::size_t max_keys)
    : fields_(std::move(fields)), max_keys_(max_keys), sums_(0, Hash{std::random_device{}()}) {}

std::size_t SumBy::Hash::operator()(std::string_view key) const {
  // A 64 x 64 -> 128 multiply for each 8 octets, the halves folded: no set of keys collides under every seed.
  __extension__ using Wide = unsigned __int128;
  std::uint64_t hash = seed ^ key.size();
  while (!key.empty()) {
    std::uint64_t word = 0;
    const std::size_t octets = std::min<std::size_t>(8, key.size());
    std::memcpy(&word, key.data(), octets);
    key.remove_prefix(octets);
    const Wide product = static_cast<Wide>(hash ^ word ^ 0x9e3779b97f4a7c15) * (seed << 1 | 1);
    hash = (static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64)) + word;
  }
  return hash;
}

void SumBy::add(RecordView record, std::string_view sampler_address, std::uint64_t rate) {
  if (record->packets[kForward] != 0 || record->packets[kReverse] == 0) {
    add_direction(record, kForward, sampler_address, rate);
  }
  if (record->packets[kReverse] != 0) add_direction(record, kReverse, sampler_address, rate);
}

void SumBy::add_direction(RecordView record, Direction direction, std::string_view sampler_address,
                          std::uint64_t rate) {
  key_.clear();
  for (const SumBy::Field& field : fields_) {
    if (field.sampler_address) {
      const std::string_view address = sampler_address.substr(0, kMostExporterOctets);
      put(key_, address.size(), 1);
      key_ += address;
    } else {
      put_column(key_, field, seen_from(field.column, direction), record);
    }
  }
  const auto found = sums_.find(std::string_view(key_));
  Sums* sums = &remainder_;
  if (found != sums_.end()) {
    sums = &found->second;
  } else if (sums_.size() < max_keys_) {
    sums = &sums_.emplace(key_, Sums{}).first->second;
  }
  ++sums->records;
  sums->packets += rate * record->packets[direction];
  sums->octets += rate * record->octets[direction];
}

std::vector<SumBy::Row> SumBy::top(std::size_t count) const {
  std::vector<const std::pair<const std::string, Sums>*> entries;
  entries.reserve(sums_.size());
  for (const auto& entry : sums_) entries.push_back(&entry);
  if (count == 0 || count > entries.size()) count = entries.size();
  std::partial_sort(entries.begin(), entries.begin() + static_cast<std::ptrdiff_t>(count), entries.end(),
                    [](const auto* a, const auto* b) {
                      if (a->second.octets != b->second.octets) return a->second.octets > b->second.octets;
                      return a->first < b->first;
                    });
  std::vector<Row> rows;
  rows.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    Row row{{}, entries[i]->second};
    std::string_view key = entries[i]->first;
    for (const SumBy::Field& field : fields_) row.values.push_back(take_text(key, field));
    rows.push_back(std::move(row));
  }
  return rows;
}

}  // namespace weir
