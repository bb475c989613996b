#include "proto/record/group_key.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <system_error>

#include "proto/base/address_text.h"
#include "proto/base/json_string.h"
#include "proto/record/field_text.h"

namespace weir {
namespace {

void put_number(std::string& key, std::uint64_t value, unsigned octets) {
  while (octets-- > 0) key += static_cast<char>(value >> (8 * octets));
}

std::uint64_t take_number(std::string_view& key, unsigned octets) {
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
bool read_prefixes(std::string_view text, GroupField& field) {
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

void put_column(std::string& key, const GroupField& wanted, const Column& column, RecordView record) {
  const ColumnPlace place = find_column_place(column, record);
  const FieldRow& row = kFieldRows[place.column.row];
  const Field& field = row.field;
  // Where the value is; null: the record has none.
  const auto* const at = place.section == nullptr
                             ? nullptr
                             : static_cast<const std::uint8_t*>(place.section) + field.place.offset[place.column.side];
  const auto put_octets = [&](std::size_t octets) {  // zeros where there are none
    if (at == nullptr) {
      key.append(octets, '\0');
    } else {
      key.append(reinterpret_cast<const char*>(at), octets);
    }
  };
  switch (field.form) {
    case Form::address: {  // preceded by its IP version
      const std::uint8_t version = at == nullptr ? kNoAddress : address_version(row.section, place.section);
      key += static_cast<char>(version);
      if (version == kNoAddress) return;
      put_prefix(key, at, version == 4 ? 4 : 16, version == 4 ? wanted.ipv4_prefix : wanted.ipv6_prefix);
      return;
    }
    case Form::mac:
      put_octets(6);
      return;
    case Form::community_id:
      key += at == nullptr ? '\0' : '\1';
      if (at != nullptr) put_octets(kCommunityIdOctets);
      return;
    case Form::characters:
      put_octets(field.place.octets);
      return;
    case Form::text: {
      const std::string_view text = at == nullptr ? std::string_view() : text_at(at);
      put_number(key, text.size(), 1);
      key.append(text);
      return;
    }
    default: {
      const std::uint64_t value = place.section == nullptr ? 0 : field_number(field, place.column.side, place.section);
      // Use the width that take_text() expects, whichever section has the column.
      put_number(key, value, octets_of(kFieldRows[column.row].field));
    }
  }
}

}  // namespace

std::size_t GroupHash::operator()(std::string_view key) const {
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

std::string GroupField::name() const {
  return std::string(column_name(column).view());
}
std::string GroupField::text() const {
  std::string text = name();
  if (kFieldRows[column.row].field.form != Form::address) return text;
  // A length of up to 32 alone would be IPv4's.
  if (ipv4_prefix < 32 || ipv6_prefix <= 32) text += '/' + std::to_string(ipv4_prefix);
  if (ipv6_prefix < 128) text += '/' + std::to_string(ipv6_prefix);
  return text;
}
bool GroupField::is_number() const {
  return column_is_number(column);
}

std::string group_field_names() {
  std::string names;
  for (const Column& column : kJsonColumns) {
    const ColumnName name = column_name(column);
    // A name that two sections have is listed once: with the row that it is found by.
    if (!can_be_key(column) || kColumns[find_column(name.view())].row != column.row) continue;
    if (!names.empty()) names += ", ";
    names += name.view();
  }
  return names;
}

tl::expected<GroupField, std::string> parse_group_field(std::string_view word, const std::string& names) {
  const std::string_view name = word.substr(0, word.find('/'));
  GroupField field;
  const std::size_t found = find_column(name);
  if (found == kColumns.size() || !can_be_key(kColumns[found])) {
    const std::string meant = found == kColumns.size() ? column_meant(name) : "";
    return tl::make_unexpected("cannot sum by '" + std::string(word) + "'" + meant +
                               (meant.empty() ? ", only by " : " Possible: ") + names);
  }
  field.column = kColumns[found];
  const bool is_address = kFieldRows[field.column.row].field.form == Form::address;
  if (name.size() != word.size() && (!is_address || !read_prefixes(word.substr(name.size()), field))) {
    return tl::make_unexpected("'" + std::string(word) +
                               "' is no prefix of an address: src_addr/24 (IPv4), src_addr/64 (IPv6), src_addr/24/64");
  }
  return field;
}

void put_group_field(std::string& key, const GroupField& field, Direction direction, RecordView record) {
  put_column(key, field, seen_from(field.column, direction), record);
}

std::string take_group_text(std::string_view& key, const GroupField& field) {
  const Field& row = kFieldRows[field.column.row].field;
  switch (row.form) {
    case Form::address: {
      const auto version = static_cast<std::uint8_t>(take_number(key, 1));
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
      if (take_number(key, 1) == 0) return {};
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
      const auto octets = static_cast<std::size_t>(take_number(key, 1));
      char text[kMostTextOctets * kJsonOctetMost];
      const char* const end = write_json_string(text, key.substr(0, octets));
      key.remove_prefix(octets);
      return {text, static_cast<std::size_t>(end - text)};
    }
    case Form::domain: {
      const std::uint64_t domain = take_number(key, 1);
      return domain == 0 ? std::string() : std::string(domain_name(domain));
    }
    case Form::tunnel:
      return std::string(tunnel_name(static_cast<TunnelType>(take_number(key, octets_of(row)))));
    default:
      return std::to_string(take_number(key, octets_of(row)));
  }
}

}  // namespace weir
