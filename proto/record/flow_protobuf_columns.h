// The columns of the field table that a protobuf FlowRecord has, by number: what flow_protobuf.cc writes and
// flow_protobuf_decode.cc reads.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "proto/record/fields.h"

namespace weir::flow_protobuf {

enum WireType : std::uint32_t { kVarint = 0, kFixed64 = 1, kLengthDelimited = 2, kFixed32 = 5 };

constexpr std::uint16_t number_of(const Column& column) {
  return kFieldRows[column.row].field.protobuf[column.side];
}

constexpr std::size_t sent_count() {
  std::size_t count = 0;
  for (const Column& column : kColumns) count += number_of(column) != 0 ? 1 : 0;
  return count;
}

/// The columns that are sent, by ascending field number.
inline constexpr auto kSent = [] {
  std::array<Column, sent_count()> sent{};
  std::size_t count = 0;
  for (const Column& column : kColumns) {
    if (number_of(column) == 0) continue;
    std::size_t at = count++;
    for (; at > 0 && number_of(sent[at - 1]) > number_of(column); --at) sent[at] = sent[at - 1];
    sent[at] = column;
  }
  return sent;
}();
inline constexpr std::uint32_t kGreatestNumber = number_of(kSent.back());

}  // namespace weir::flow_protobuf
