// The base of the usual templates, those of profile rfc, as straight-line code.
//
// The list of fields is known to the compiler, with every field's place in the source and in the record, so that a
// record becomes a run of loads, byte swaps and stores: half the time of the copy operations that a list of fields
// chosen at run time is compiled into. Both come from the same lists and sources (template_fields.h, record_values.h),
// and a test holds them against each other.
#pragma once

#include <cstdint>
#include <cstring>
#include <type_traits>
#include <utility>

#include "proto/base/byte_order.h"
#include "proto/encode/record_values.h"
#include "proto/encode/template_fields.h"
#include "proto/record/flow_record.h"

namespace weir {
namespace usual_detail {

template <Dialect kDialect, Family kFamily, RecordKind kKind>
inline constexpr FieldList kFields = base_fields({ExportProfile::rfc, kDialect, kFamily, kKind});

constexpr std::size_t offset_of_field(const FieldList& list, std::size_t index) {
  std::size_t offset = 0;
  for (std::size_t i = 0; i < index; ++i) offset += list.fields[i].wire.octets;
  return offset;
}

template <typename T>
inline void put_number(std::uint8_t* out, const std::uint8_t* from) {
  T value;
  std::memcpy(&value, from, sizeof value);
  if constexpr (sizeof(T) == 1) {
    *out = value;
  } else {
    store_be<T>(out, value);
  }
}

template <Dialect kDialect, Family kFamily, RecordKind kKind, std::size_t kIndex, Direction kWay>
[[gnu::always_inline]] inline void put(std::uint8_t* out, const FlowRecord& record, const RecordValues& values) {
  constexpr const FieldList& kList = kFields<kDialect, kFamily, kKind>;
  constexpr ListedField kField = kList.fields[kIndex];
  constexpr FieldSource kSource = base_source(kField);
  static_assert(kSource.octets == kField.wire.octets, "the usual templates send whole values, which have a source");
  out += std::integral_constant<std::size_t, offset_of_field(kList, kIndex)>::value;
  const std::uint8_t* const from = (kSource.base == 0 ? reinterpret_cast<const std::uint8_t*>(&record)
                                                      : reinterpret_cast<const std::uint8_t*>(&values)) +
                                   kSource.offset[kWay];
  if constexpr (!kSource.number) {
    std::memcpy(out, from, kSource.octets);
  } else {
    if constexpr (kSource.octets == 1) put_number<std::uint8_t>(out, from);
    if constexpr (kSource.octets == 2) put_number<std::uint16_t>(out, from);
    if constexpr (kSource.octets == 4) put_number<std::uint32_t>(out, from);
    if constexpr (kSource.octets == 8) put_number<std::uint64_t>(out, from);
  }
}

template <Dialect kDialect, Family kFamily, RecordKind kKind, Direction kWay, std::size_t... kIndex>
[[gnu::always_inline]] inline void put_all(std::uint8_t* out, const FlowRecord& record, const RecordValues& values,
                                           std::index_sequence<kIndex...> /*indices*/) {
  (put<kDialect, kFamily, kKind, kIndex, kWay>(out, record, values), ...);
}

}  // namespace usual_detail

/// Octets of the base of the usual template: of one record without sections.
template <Dialect kDialect, Family kFamily, RecordKind kKind>
inline constexpr std::uint32_t kUsualRecordOctets = octets_of(usual_detail::kFields<kDialect, kFamily, kKind>);

/// Writes the base of one data record of the usual template; returns its end. Inlined as a whole: the values stay in
/// registers then.
template <Dialect kDialect, Family kFamily, RecordKind kKind, Direction kWay>
[[gnu::always_inline]] inline std::uint8_t* write_usual(std::uint8_t* out, const FlowRecord& record,
                                                        std::uint64_t boot_ms) {
  RecordValues values;
  compute_values<kKind, kWay>(values, record, boot_ms);
  usual_detail::put_all<kDialect, kFamily, kKind, kWay>(
      out, record, values, std::make_index_sequence<usual_detail::kFields<kDialect, kFamily, kKind>.count>{});
  return out + kUsualRecordOctets<kDialect, kFamily, kKind>;
}

}  // namespace weir
