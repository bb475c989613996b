// A flow record as one JSON line.
//
// A straight run, made by the compiler from the field table (fields.h): constant text and std::to_chars into memory of
// the caller, no heap, no locale. Every field of the base is always present, but for the ICMP fields, which only
// protocols 1 and 58 have; then come the fields of those sections that the record has. Numbers are JSON numbers.
// Nanoseconds since 1970 need 61 bits: a reader that keeps numbers as doubles (53 bits) rounds them to 256 ns.
#pragma once

#include <cstddef>
#include <string_view>

#include "proto/base/ip_address.h"
#include "proto/record/fields.h"
#include "proto/record/monitor_names.h"

namespace weir {

namespace json_detail {

/// Most octets of a packet of a list, the comma after it included.
constexpr std::size_t packet_object() {
  constexpr std::size_t kDigits[] = {0, 3, 5, 8, 10, 13, 15, 17, 20};  // by octets
  std::size_t octets = sizeof "{}";
  for (const ListedFact& fact : kListedFacts) octets += sizeof R"(,"":)" + fact.name.size() + kDigits[fact.octets];
  return octets;
}

/// Most octets of a column's value, quotes included.
constexpr std::size_t longest_value(const Field& field) {
  constexpr std::size_t kDigits[] = {0, 3, 5, 10, 10, 20, 20, 20, 20};  // by octets
  switch (field.form) {
    case Form::number:
    case Form::time_ns:
      return kDigits[field.place.octets + field.computed.octets];  // one of them is 0
    case Form::address:
      return 45 + 2;
    case Form::mac:
      return 17 + 2;
    case Form::community_id:
      return kCommunityIdTextOctets + 2;
    case Form::tunnel: {
      std::size_t longest = sizeof "unknown";
      for (const TunnelTypeInfo& tunnel : kTunnelTypes) {
        if (tunnel.name.size() > longest) longest = tunnel.name.size();
      }
      return longest + 2;
    }
    case Form::domain:
      return sizeof "external" + 2;
    case Form::characters:
      return field.place.octets * sizeof "\\u0000" + 2;
    case Form::as_path:
      return AsPath::kMost * sizeof "4294967295" + 2;
    case Form::histogram:
      return kHistogramBins * sizeof "4294967295" + 1;
    case Form::text:
      return kMostTextOctets * sizeof "\\u0000" + 2;
    case Form::packets:
      return PacketsSection::kMost * packet_object() + 2;
    case Form::labels:
      return LabelStackSection::kMost * sizeof "1048575," + 2;
  }
  return 0;
}

constexpr std::size_t longest_line() {
  std::size_t octets =
      sizeof R"(,"monitor":"")" + kMostMonitorNameOctets + sizeof R"(,"sampler_address":"")" + 45 + sizeof "}\n";
  for (const Column& column : kJsonColumns) {
    octets += sizeof R"(,"":)" + column_name(column).size + longest_value(kFieldRows[column.row].field);
  }
  return octets;
}

}  // namespace json_detail

/// Most octets of one line.
inline constexpr std::size_t kFlowJsonMaxOctets = json_detail::longest_line();

/// Writes `record` as one line, newline included, to `out`, which has room for kFlowJsonMaxOctets. Returns the end.
/// `sampler_address` is the address by which a consumer knows the probe; none: the line has no such field. `monitor` is
/// the name of the record's monitor, at most kMostMonitorNameOctets; empty: likewise.
char* write_flow_json(char* out, RecordView record, const IpAddress& sampler_address = {},
                      std::string_view monitor = {});

}  // namespace weir
