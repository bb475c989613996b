// The data records of the usual templates, those of profile rfc, as straight-line code.
//
// The list of fields is known to the compiler, with every field's place in the source and in the record, so that a
// record becomes a run of loads, byte swaps and stores: half the time of the copy operations that a list of fields
// chosen at run time is compiled into. Both come from the same two tables (profile_fields.h, field_sources.h), and a
// test holds them against each other.
#pragma once

#include <cstdint>
#include <cstring>
#include <type_traits>
#include <utility>

#include "proto/base/byte_order.h"
#include "proto/encode/export_template.h"
#include "proto/encode/field_sources.h"
#include "proto/encode/profile_fields.h"
#include "proto/record/flow_record.h"

namespace weir {
namespace usual_detail {

template <Dialect kDialect, Family kFamily, RecordKind kKind>
inline constexpr FieldList kFields = profile_fields(ExportProfile::rfc, kDialect, kFamily, kKind);

constexpr std::size_t offset_of_field(const FieldList& list, std::size_t index) {
  std::size_t offset = 0;
  for (std::size_t i = 0; i < index; ++i) offset += list.fields[i].octets;
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
inline void put(std::uint8_t* out, const FlowRecord& record, const RecordValues& values) {
  constexpr const FieldList& kList = kFields<kDialect, kFamily, kKind>;
  constexpr TemplateField kField = kList.fields[kIndex];
  out += std::integral_constant<std::size_t, offset_of_field(kList, kIndex)>::value;
  constexpr std::size_t kAt = find_source(kField);
  static_assert(kAt != kFieldSourceCount, "a template names an element that weir has no source for");
  constexpr FieldSource kSource = kFieldSources[kAt];
  const std::uint8_t* const from = (kSource.base == 0 ? reinterpret_cast<const std::uint8_t*>(&record)
                                                      : reinterpret_cast<const std::uint8_t*>(&values)) +
                                   kSource.offset[kWay];
  if constexpr (!kSource.number) {
    static_assert(kField.octets == kSource.octets);
    std::memcpy(out, from, kField.octets);
  } else if constexpr (kSource.octets == 1) {
    std::memset(out, 0, kField.octets - 1U);
    out[kField.octets - 1] = *from;
  } else {
    static_assert(kField.octets == kSource.octets, "the usual templates send whole numbers");
    if constexpr (kField.octets == 2) put_number<std::uint16_t>(out, from);
    if constexpr (kField.octets == 4) put_number<std::uint32_t>(out, from);
    if constexpr (kField.octets == 8) put_number<std::uint64_t>(out, from);
  }
}

}  // namespace usual_detail

/// Octets of one record of the usual template.
template <Dialect kDialect, Family kFamily, RecordKind kKind>
inline constexpr std::uint32_t kUsualRecordOctets = static_cast<std::uint32_t>(usual_detail::offset_of_field(
    usual_detail::kFields<kDialect, kFamily, kKind>, usual_detail::kFields<kDialect, kFamily, kKind>.count));

/// Writes one data record of the usual template; returns its end.
template <Dialect kDialect, Family kFamily, RecordKind kKind, Direction kWay>
inline std::uint8_t* write_usual(std::uint8_t* out, const FlowRecord& record, std::uint64_t boot_ms) {
  RecordValues values;
  compute_values<kKind, kWay>(values, record, boot_ms);
  [&]<std::size_t... kIndex>(std::index_sequence<kIndex...>) {
    (usual_detail::put<kDialect, kFamily, kKind, kIndex, kWay>(out, record, values), ...);
  }
  (std::make_index_sequence<usual_detail::kFields<kDialect, kFamily, kKind>.count>{});
  return out + kUsualRecordOctets<kDialect, kFamily, kKind>;
}

}  // namespace weir
