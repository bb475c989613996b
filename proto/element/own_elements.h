// weir's own information elements: what IANA has no element for. They are made from the field table: a row whose Wire
// says kOwnElement is element `element`, and if it has a value per direction, the reverse one is that number + 4096.
// The bins of a histogram are elements one after the other, numbered from 1 in their names; in IPFIX a histogram is one
// list of values of the first of them. The facts of a packet in a list of packets are elements one after the other,
// too.
//
// weir has no enterprise number of its own, so they stand under 32473, which RFC 5612 sets aside for documentation. The
// name is "weir" and the field's, written as IANA writes names: tunnel_src_addr is weirTunnelSourceAddress, its reverse
// would be reverseWeirTunnelSourceAddress. One element does not stand for a field: the name of a loss, in options data.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "proto/element/element.h"
#include "proto/record/fields.h"

namespace weir {
namespace ie_detail {

inline constexpr std::uint16_t kLossName = 1;

/// A word of a field's name as IANA spells it.
constexpr std::string_view iana_word(std::string_view word) {
  if (word == "src") return "source";
  if (word == "dst") return "destination";
  if (word == "addr") return "address";
  if (word == "bytes") return "octets";
  return word;
}

struct ElementName {
  std::array<char, 64> text{};
  std::size_t size = 0;

  [[nodiscard]] constexpr std::string_view view() const { return {text.data(), size}; }
  constexpr void append(std::string_view part) {
    for (const char c : part) text[size++] = c;
  }
  constexpr void append_capital(std::string_view word) {
    append(word);
    char& first = text[size - word.size()];
    if (first >= 'a' && first <= 'z') first = static_cast<char>(first - 'a' + 'A');
  }
  /// The words of a field's name.
  constexpr void append_words(std::string_view field) {
    while (!field.empty()) {
      const std::size_t end = std::min(field.find('_'), field.size());
      append_capital(iana_word(field.substr(0, end)));
      field.remove_prefix(std::min(end + 1, field.size()));
    }
  }
};

constexpr ElementName own_name(std::string_view field, bool reverse) {
  ElementName name;
  name.append(reverse ? "reverseWeir" : "weir");
  name.append_words(field);
  return name;
}

/// Of an integer of so many octets, or a few less.
constexpr ElementType integer_type(unsigned octets) {
  if (octets == 1) return ElementType::unsigned8;
  if (octets == 2) return ElementType::unsigned16;
  return octets <= 4 ? ElementType::unsigned32 : ElementType::unsigned64;
}

constexpr ElementType own_type(const Field& field) {
  if (field.form == Form::address) return ElementType::ipv6_address;  // WireRule::mapped
  if (field.form == Form::mac) return ElementType::mac_address;
  if (field.form == Form::characters) return ElementType::string;
  if (field.form == Form::histogram) return ElementType::unsigned32;
  if (field.form == Form::text) return ElementType::octet_array;  // what was sent need be no UTF-8
  const unsigned octets = field.wire.octets != 0    ? field.wire.octets
                          : field.place.octets != 0 ? field.place.octets
                                                    : field.computed.octets;
  switch (octets) {
    case 1:
      return ElementType::unsigned8;
    case 2:
      return ElementType::unsigned16;
    case 4:
      return ElementType::unsigned32;
    case 8:
      return ElementType::unsigned64;
    default:
      return ElementType::octet_array;
  }
}

constexpr bool is_own(const Column& column) {
  return kFieldRows[column.row].field.wire.enterprise == kOwnElement;
}

/// How many elements weir's own column of such a rule is: one, as many as its histogram has bins, or as a packet has
/// facts.
constexpr std::size_t own_elements_of(WireRule rule) {
  switch (rule) {
    case WireRule::histogram:
      return kHistogramBins;
    case WireRule::packet_lists:
      return kListedFacts.size();
    default:
      return 1;
  }
}

constexpr std::size_t elements_of(const Column& column) {
  return is_own(column) ? own_elements_of(kFieldRows[column.row].field.wire.rule) : 0;
}

constexpr std::size_t own_count() {
  std::size_t count = 1;
  for (const Column& column : kColumns) count += elements_of(column);
  return count;
}

struct OwnElement {
  std::uint16_t id = 0;
  ElementType type = ElementType::string;
  ElementName name;
};

constexpr std::array<OwnElement, own_count()> make_own() {
  std::array<OwnElement, own_count()> own{};
  own[0] = {kLossName, ElementType::string, own_name("loss_name", false)};
  std::size_t at = 1;
  for (const Column& column : kColumns) {
    if (!is_own(column)) continue;
    const Field& field = kFieldRows[column.row].field;
    const bool reverse = column.side == kReverse;
    for (std::size_t i = 0; i < elements_of(column); ++i) {
      own[at] = {static_cast<std::uint16_t>(field.wire.element + i + (reverse ? kWeirReverseElements : 0)),
                 own_type(field), own_name(field.name, reverse)};
      if (field.wire.rule == WireRule::histogram) own[at].name.append({&"12345678"[i], 1});
      if (field.wire.rule == WireRule::packet_lists) {
        own[at].type = integer_type(kListedFacts[i].octets);
        own[at].name.append_words(kListedFacts[i].name);
      }
      ++at;
    }
  }
  std::sort(own.begin(), own.end(), [](const OwnElement& a, const OwnElement& b) { return a.id < b.id; });
  return own;
}
inline constexpr auto kOwn = make_own();

constexpr std::array<InformationElement, kOwn.size()> make_own_table() {
  std::array<InformationElement, kOwn.size()> table{};
  for (std::size_t i = 0; i < kOwn.size(); ++i) {
    table[i] = {kOwn[i].id, kOwn[i].name.view(), kOwn[i].type, 0, kExampleEnterprise};
  }
  return table;
}
inline constexpr auto kOwnTable = make_own_table();

}  // namespace ie_detail

/// All of them, by rising number.
inline constexpr const auto& kOwnElements = ie_detail::kOwnTable;

}  // namespace weir
