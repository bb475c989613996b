// The fields of every template, made from the field table (proto/record/fields.h).
//
// A template is a list of base fields and, for records with sections, a list of theirs. The base fields stand in the
// order of their rows; those of sections stand after them, longest first, whichever section they are of. What depends
// on profile, dialect and IP version is decided here, by the WireRule of the row, and nowhere else: a new row with a
// rule that is there is in every template that it belongs to.
//
// The compiler knows these lists: it makes straight-line code of the usual ones (usual_record.h). The others are chosen
// from at run time (export_profile.h).
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "proto/element/information_elements.h"
#include "proto/encode/list_values.h"
#include "proto/record/fields.h"

namespace weir {

enum class Dialect : std::uint8_t { netflow9, ipfix };
enum class Family : std::uint8_t { ipv4 = 0, ipv6 = 1 };

#define WEIR_EXPORT_PROFILES(X) X(rfc) X(nfdump) X(goflow2) X(akvorado) X(pmacct)

enum class ExportProfile : std::uint8_t {
#define WEIR_X(name) name,
  WEIR_EXPORT_PROFILES(WEIR_X)
#undef WEIR_X
};
inline constexpr auto kExportProfileNames = std::to_array<std::string_view>({
#define WEIR_X(name) #name,
    WEIR_EXPORT_PROFILES(WEIR_X)
#undef WEIR_X
});

/// What a data record shows of a FlowRecord.
enum class RecordKind : std::uint8_t {
  uniflow,  ///< one direction
  merged,   ///< NetFlow v9: both directions, one pair of times, the flags of both; of sections the forward values
  biflow,   ///< RFC 5103: both directions, the reverse one in elements of its own
};

/// What a list of fields depends on.
struct TemplateForm {
  ExportProfile profile;
  Dialect dialect;
  Family family;
  RecordKind kind;
};

/// One field of a template as it is sent.
struct TemplateField {
  std::uint16_t element = 0;
  std::uint16_t octets = 0;
  std::uint32_t enterprise = 0;

  friend bool operator==(const TemplateField&, const TemplateField&) = default;
};

/// Which of the elements that a rule makes of one row.
enum class Part : std::uint8_t {
  value,
  one,        ///< the number 1: biflowDirection (initiator)
  algorithm,  ///< of a sampling rate: samplingAlgorithm
  segment,    ///< of a tunnel id: layer2SegmentId
  list,       ///< basicList, of weir's own elements
};

/// A field of a template, and the column whose value it has.
struct ListedField {
  TemplateField wire;
  std::uint16_t column = 0;  ///< in kColumns
  Part part = Part::value;
  std::uint8_t index = 0;  ///< of a label in its stack, of a bin in its histogram, of a fact of packets

  [[nodiscard]] constexpr const FieldRow& row() const { return kFieldRows[kColumns[column].row]; }
  [[nodiscard]] constexpr Direction side() const { return kColumns[column].side; }
  /// It is an element of weir's own, or a list of some. Of a tunnel's id the segment is not.
  [[nodiscard]] constexpr bool own_element() const {
    return row().field.wire.enterprise == kOwnElement && part != Part::segment;
  }
  /// A list of as many values as the record has packets. Such fields stand at the end of a record.
  [[nodiscard]] constexpr bool packet_list() const { return row().field.wire.rule == WireRule::packet_lists; }
  /// A text of IPFIX: each record says how long it is. These stand before lists of packets.
  [[nodiscard]] constexpr bool variable_text() const {
    return row().field.wire.rule == WireRule::text && wire.octets == kIpfixVariableLength;
  }
  [[nodiscard]] constexpr bool whole_text() const { return weir::whole_text(row().field.wire); }
  /// Octets in a record; of a list of packets and of a text those of an empty one.
  [[nodiscard]] constexpr std::uint32_t record_octets() const {
    if (packet_list()) return kEmptyPacketListsOctets / kListedFacts.size();
    if (variable_text()) return 1;
    return part == Part::list ? kHistogramListOctets : wire.octets;
  }
};

namespace wire_detail {

/// By row: where its columns begin in kColumns.
inline constexpr auto kFirstColumn = [] {
  std::array<std::uint16_t, kFieldRows.size()> first{};
  for (std::size_t i = kColumns.size(); i-- > 0;) first[kColumns[i].row] = static_cast<std::uint16_t>(i);
  return first;
}();

/// How many elements a column makes at most.
constexpr std::size_t most_elements(WireRule rule) {
  switch (rule) {
    case WireRule::none:
      return 0;
    case WireRule::vlan:
    case WireRule::sampling:
    case WireRule::tunnel_id:
      return 2;
    case WireRule::label_stack:
      return LabelStackSection::kMost;
    default:
      return ie_detail::own_elements_of(rule);
  }
}

constexpr std::size_t most_fields() {
  std::size_t count = 1;  // biflowDirection
  for (const Column& column : kColumns) count += most_elements(kFieldRows[column.row].field.wire.rule);
  return count;
}

/// What `fields=` calls each column.
inline constexpr auto kNames = [] {
  std::array<ColumnName, kColumns.size()> names{};
  for (std::size_t i = 0; i < kColumns.size(); ++i) {
    const std::string_view name = kFieldRows[kColumns[i].row].field.wire.name;
    if (kColumns[i].side == kForward && !name.empty()) {
      names[i].append(name);
    } else {
      names[i] = column_name(kColumns[i]);
    }
  }
  return names;
}();

}  // namespace wire_detail

/// The name of `fields=`; several elements may share one.
constexpr std::string_view export_name(const ListedField& field) {
  return wire_detail::kNames[field.column].view();
}

/// No more than the table makes fields.
struct FieldList {
  std::array<ListedField, wire_detail::most_fields()> fields{};
  std::size_t count = 0;

  constexpr ListedField* begin() { return fields.data(); }
  constexpr ListedField* end() { return fields.data() + count; }
  [[nodiscard]] constexpr const ListedField* begin() const { return fields.data(); }
  [[nodiscard]] constexpr const ListedField* end() const { return fields.data() + count; }
};

namespace wire_detail {

class ListMaker {
 public:
  constexpr explicit ListMaker(const TemplateForm& form) : form_(form) {}

  constexpr void add_base() {
    for (std::size_t row = 0; row < kBaseFields.size(); ++row) {
      const std::uint16_t element = kBaseFields[row].wire.element;
      // With the constants of one octet, before the last of them.
      if (element == ie::kIpVersion) add_sampling_algorithm();
      add(row, kForward);
      if (element == ie::kPacketDeltaCount && form_.kind == RecordKind::merged) add_post_counters();
    }
    if (form_.kind == RecordKind::biflow) add_base_reverse();
  }
  constexpr void add_sections(std::uint32_t sections) {
    for (std::size_t row = kBaseFields.size(); row < kFieldRows.size(); ++row) {
      if ((sections & section_bit(kFieldRows[row].section)) == 0) continue;
      add(row, kForward);
      if (form_.kind == RecordKind::biflow && sided(row)) add(row, kReverse);
    }
    sort_longest_first();
  }
  [[nodiscard]] constexpr const FieldList& list() const { return list_; }

 private:
  static constexpr bool sided(std::size_t row) { return kFieldRows[row].field.sides == Sides::sided; }

  /// The rules. Profiles: see the table in export_profile.h.
  constexpr void add(std::size_t row, Direction side) {
    const Wire& wire = kFieldRows[row].field.wire;
    const bool ipfix = form_.dialect == Dialect::ipfix;
    const bool ipv6 = form_.family == Family::ipv6;
    const ExportProfile profile = form_.profile;
    const bool absolute_times = ipfix || profile == ExportProfile::nfdump || profile == ExportProfile::akvorado ||
                                profile == ExportProfile::pmacct;
    switch (wire.rule) {
      case WireRule::none:
        break;
      case WireRule::plain:
      case WireRule::label:
        put(row, side, wire.element, own_octets(row));
        break;
      case WireRule::by_family: {
        const std::uint16_t element = ipv6 ? wire.element6 : wire.element;
        put(row, side, element, iana_octets(element));
        break;
      }
      case WireRule::flow_start: {
        const std::uint16_t element = absolute_times ? ie::kFlowStartMilliseconds : ie::kFlowStartSysUpTime;
        put(row, side, element, iana_octets(element));
        break;
      }
      case WireRule::flow_end: {
        const std::uint16_t element = absolute_times ? ie::kFlowEndMilliseconds : ie::kFlowEndSysUpTime;
        put(row, side, element, iana_octets(element));
        break;
      }
      case WireRule::vlan:
        put(row, side, wire.element, own_octets(row));
        if (profile == ExportProfile::akvorado || (ipfix && profile == ExportProfile::rfc)) {
          put(row, side, ie::kDot1qVlanId, own_octets(row));
        }
        break;
      case WireRule::icmp: {
        // In RFC 3954 element 32 is ICMP_TYPE of any IP version, and nfdump 1.7.1 does not read 139.
        const bool apart = ipfix && profile != ExportProfile::nfdump;
        put(row, side, ipv6 && apart ? wire.element6 : wire.element, own_octets(row));
        break;
      }
      case WireRule::sampling:  // and add_sampling_algorithm()
        put(row, side, wire.element, own_octets(row));
        break;
      case WireRule::mapped:
        put(row, side, wire.element, iana_octets(ie::kSourceIpv6Address));
        break;
      case WireRule::tunnel_id:
        put_iana(row, side, ie::kLayer2SegmentId, iana_octets(ie::kLayer2SegmentId), Part::segment);
        put(row, side, wire.element, own_octets(row));
        break;
      case WireRule::label_stack:
        for (std::uint8_t i = 0; i < LabelStackSection::kMost; ++i) {
          put(row, side, static_cast<std::uint16_t>(wire.element + i), wire.octets);
          list_.fields[list_.count - 1].index = i;
        }
        break;
      case WireRule::histogram:
        if (ipfix) {
          put_list(row, side);
          break;
        }
        for (std::uint8_t i = 0; i < kHistogramBins; ++i) {
          put(row, side, static_cast<std::uint16_t>(wire.element + i), sizeof(std::uint32_t));
          list_.fields[list_.count - 1].index = i;
        }
        break;
      case WireRule::text:
        put(row, side, wire.element,
            ipfix              ? kIpfixVariableLength
            : whole_text(wire) ? wire.octets
                               : kNetflow9TextOctets);
        break;
      case WireRule::packet_lists:
        for (std::uint8_t i = 0; ipfix && i < kListedFacts.size(); ++i) {
          put_list(row, side);
          list_.fields[list_.count - 1].index = i;
        }
        break;
    }
  }

  constexpr void add_sampling_algorithm() {
    for (std::size_t row = 0; row < kBaseFields.size(); ++row) {
      if (kBaseFields[row].wire.rule != WireRule::sampling) continue;
      put_iana(row, kForward, ie::kSamplingAlgorithm, iana_octets(ie::kSamplingAlgorithm), Part::algorithm);
    }
  }
  /// RFC 3954 has no reverse elements; the reverse counters are OUT_BYTES and OUT_PKTS.
  constexpr void add_post_counters() {
    for (std::size_t row = 0; row < kBaseFields.size(); ++row) {
      const std::uint16_t element = kBaseFields[row].wire.element;
      if (element == ie::kOctetDeltaCount) put_iana(row, kReverse, ie::kPostOctetDeltaCount, own_octets(row));
      if (element == ie::kPacketDeltaCount) put_iana(row, kReverse, ie::kPostPacketDeltaCount, own_octets(row));
    }
  }
  constexpr void add_base_reverse() {
    const std::size_t from = list_.count;
    for (std::size_t row = 0; row < kBaseFields.size(); ++row) {
      if (sided(row)) add(row, kReverse);
    }
    // Flags before TOS, the other way round than forward: the order that collectors have templates of.
    std::swap(list_.fields[place_of(from, ie::kIpClassOfService)], list_.fields[place_of(from, ie::kTcpControlBits)]);
    // RFC 5103 section 6.3: the source is the initiator.
    const std::uint16_t packets = list_.fields[place_of(from, ie::kPacketDeltaCount)].column;
    put_column(packets, {ie::kBiflowDirection, iana_octets(ie::kBiflowDirection), 0}, Part::one);
  }
  [[nodiscard]] constexpr std::size_t place_of(std::size_t from, std::uint16_t element) const {
    while (list_.fields[from].wire.element != element) ++from;
    return from;
  }

  /// The length that the row says, else that of its value.
  static constexpr std::uint16_t own_octets(std::size_t row) {
    const Field& field = kFieldRows[row].field;
    if (field.wire.octets != 0) return field.wire.octets;
    return field.place.octets != 0 ? field.place.octets : field.computed.octets;
  }

  constexpr void put(std::size_t row, Direction side, std::uint16_t element, std::uint16_t octets) {
    if (kFieldRows[row].field.wire.enterprise != kOwnElement) return put_iana(row, side, element, octets);
    TemplateField wire{element, octets, kExampleEnterprise};
    if (side == kReverse) wire.element = static_cast<std::uint16_t>(wire.element + kWeirReverseElements);
    if (form_.dialect == Dialect::netflow9) {
      wire = {static_cast<std::uint16_t>(kWeirNetflow9Elements + element), octets, 0};
    }
    put_column(column_of(row, side), wire);
  }
  constexpr void put_iana(std::size_t row, Direction side, std::uint16_t element, std::uint16_t octets,
                          Part part = Part::value) {
    const bool reverse = side == kReverse && form_.kind == RecordKind::biflow;
    put_column(column_of(row, side), {element, octets, reverse ? kReverseEnterprise : 0}, part);
  }
  /// Whichever direction it is of: the element inside says that.
  constexpr void put_list(std::size_t row, Direction side) {
    put_column(column_of(row, side), {ie::kBasicList, kIpfixVariableLength, 0}, Part::list);
  }
  static constexpr std::uint16_t column_of(std::size_t row, Direction side) {
    return static_cast<std::uint16_t>(kFirstColumn[row] + side);
  }
  constexpr void put_column(std::uint16_t column, const TemplateField& wire, Part part = Part::value) {
    list_.fields[list_.count++] = {wire, column, part};
  }

  /// Texts of variable length come last, and after them lists of packets.
  constexpr void sort_longest_first() {
    const auto rank_of = [](const ListedField& field) -> std::uint32_t {
      return field.packet_list() ? 0 : field.variable_text() ? 1 : field.record_octets() + 1;
    };
    // Each field is ranked once: the compiler evaluates this, too, and counts the steps.
    std::array<std::uint32_t, most_fields()> ranks{};
    for (std::size_t i = 0; i < list_.count; ++i) {
      const ListedField field = list_.fields[i];
      const std::uint32_t rank = rank_of(field);
      std::size_t to = i;
      for (; to > 0 && ranks[to - 1] < rank; --to) {
        list_.fields[to] = list_.fields[to - 1];
        ranks[to] = ranks[to - 1];
      }
      list_.fields[to] = field;
      ranks[to] = rank;
    }
  }

  TemplateForm form_;
  FieldList list_;
};

}  // namespace wire_detail

/// The fields of every record.
constexpr FieldList base_fields(const TemplateForm& form) {
  wire_detail::ListMaker maker(form);
  maker.add_base();
  return maker.list();
}
/// Those of sections, which stand after them.
constexpr FieldList section_fields(const TemplateForm& form, std::uint32_t sections) {
  wire_detail::ListMaker maker(form);
  maker.add_sections(sections);
  return maker.list();
}

/// The texts of fixed length that may be cut have so many octets.
template <typename List>
constexpr void set_text_octets(List& list, std::uint16_t octets) {
  for (ListedField& field : list) {
    const bool text = field.row().field.wire.rule == WireRule::text && !field.variable_text();
    if (text && !field.whole_text()) field.wire.octets = octets;
  }
}
/// Those that may not be cut are left out. Of variable length they stay: each record may have them empty.
template <typename List>
constexpr void leave_out_whole_texts(List& list) {
  const auto is_left_out = [](const ListedField& field) { return field.whole_text() && !field.variable_text(); };
  if constexpr (requires { list.count; }) {
    list.count = static_cast<std::size_t>(std::remove_if(list.begin(), list.end(), is_left_out) - list.begin());
  } else {
    std::erase_if(list, is_left_out);
  }
}

/// The length of a data record with these fields, lists of packets being empty.
template <typename List>
constexpr std::uint32_t octets_of(const List& list) {
  std::uint32_t octets = 0;
  for (const ListedField& field : list) octets += field.record_octets();
  return octets;
}
/// What they add to the record of a template: an enterprise number makes a field longer.
template <typename List>
constexpr std::uint32_t template_octets_of(const List& list) {
  std::uint32_t octets = 0;
  for (const ListedField& field : list) octets += field.wire.enterprise == 0 ? 4 : 8;
  return octets;
}

}  // namespace weir
