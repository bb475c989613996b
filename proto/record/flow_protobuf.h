// FlowRecord as the protobuf message weir.v1.FlowRecord (proto/schema/flow.proto), each preceded by its length as a
// varint, and back.
//
// Made from the field table and not by the generated class: encoding is a straight run of constant tags and varints
// into the caller's memory; the generated class would be filled, measured and then copied, with heap strings for the
// addresses. The octets are the ones that the generated class makes: fields in ascending order, zero values left out
// (proto3), the shortest varints. Tests hold the two against each other.
//
// Decoding takes whatever a peer may send: it copies nothing, allocates nothing, and says no to a message whose fields
// do not fit a record.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "proto/base/ip_address.h"
#include "proto/record/fields.h"
#include "proto/record/monitor_names.h"

namespace weir {

namespace protobuf_detail {

/// Most octets of a packet of a list, without its tag and length.
constexpr std::size_t packet_octets() {
  std::size_t octets = 0;
  for (const ListedFact& fact : kListedFacts) octets += 1 + (fact.octets * 8U + 6) / 7;
  return octets;
}

constexpr std::size_t longest_message() {
  std::size_t octets = 0;
  for (const Column& column : kColumns) {
    const Field& field = kFieldRows[column.row].field;
    if (field.protobuf[column.side] == 0) continue;
    constexpr std::size_t kTag = 2;
    constexpr std::size_t kVarint[] = {0, 2, 3, 5, 5, 10, 10, 10, 10};  // by octets
    switch (field.form) {
      case Form::number:
      case Form::time_ns:
      case Form::tunnel:
      case Form::domain:
        octets += kTag + kVarint[field.place.octets + field.computed.octets];  // one of them is 0
        break;
      case Form::address:
        octets += kTag + 1 + 16;
        break;
      case Form::mac:
        octets += kTag + 7;
        break;
      case Form::community_id:
        octets += kTag + 1 + kCommunityIdTextOctets;
        break;
      case Form::characters:
        octets += kTag + 1 + field.place.octets;
        break;
      case Form::as_path:
        octets += kTag + 2 + AsPath::kMost * 5;
        break;
      case Form::histogram:
        octets += kTag + 1 + kHistogramBins * 5;
        break;
      case Form::text:
        octets += kTag + 2 + kMostTextOctets;
        break;
      case Form::packets:
        octets += PacketsSection::kMost * (kTag + 1 + packet_octets());
        break;
      case Form::labels:
        octets += kTag + 1 + LabelStackSection::kMost * 3;
        break;
    }
  }
  return octets;
}

}  // namespace protobuf_detail

/// Octets after a varint that writing it may touch.
inline constexpr std::size_t kVarintSlack = 7;

/// Field 11, sampler_address: the address by which a consumer knows the probe. It is no column of the field table,
/// since it says nothing of the flow: all records of a probe have the same.
inline constexpr std::uint32_t kSamplerAddressNumber = 11;
inline constexpr std::size_t kSamplerAddressOctets = 1 + 1 + 16;  ///< tag, length, address

/// Field 1990, monitor: the name of the monitor that made the record. It is no column either: a record has its number.
inline constexpr std::uint32_t kMonitorNumber = 1990;
inline constexpr std::size_t kMonitorOctets = 2 + 1 + kMostMonitorNameOctets;  ///< tag, length, name

/// Most octets of one message with its length, and what writing it may touch after its end.
inline constexpr std::size_t kFlowProtobufMaxOctets =
    2 + protobuf_detail::longest_message() + kSamplerAddressOctets + kMonitorOctets + kVarintSlack;

/// Writes length and message to `out`, which has room for kFlowProtobufMaxOctets. Returns the end.
std::uint8_t* write_flow_protobuf(std::uint8_t* out, RecordView record, const IpAddress& sampler_address = {},
                                  std::string_view monitor = {});

/// Decodes one message (without its length). false: malformed, or a field's value does not fit its place; then
/// `record` is unspecified. Unknown fields are skipped. Where the times of the directions are absent (a record that
/// another producer of the same schema made) those of the flow stand for them. `sampler_address` gets that of the
/// message, or none; one that has neither 4 nor 16 octets is none. `monitor` gets the name of the monitor that made the
/// record, which lies in the message; empty: it names none, or one that no configuration could (monitor_names.h).
[[nodiscard]] bool decode_flow(std::span<const std::uint8_t> message, OwnedRecord& record,
                               IpAddress* sampler_address = nullptr, std::string_view* monitor = nullptr);

/// A longer message means that the stream is out of step. A reader would buffer it without bound.
inline constexpr std::size_t kFlowProtobufLongestAccepted = 8192;
static_assert(kFlowProtobufMaxOctets <= kFlowProtobufLongestAccepted, "what weir writes is read");

enum class DelimitedStatus : std::uint8_t {
  complete,   ///< `message` is one whole message, `consumed` octets with its length
  need_more,  ///< the stream goes on after its end: read more
  malformed,  ///< no length, or one above kFlowProtobufLongestAccepted: the stream cannot be followed any further
};

struct DelimitedMessage {
  DelimitedStatus status = DelimitedStatus::need_more;
  std::span<const std::uint8_t> message;
  std::size_t consumed = 0;
};

/// The first length-delimited message of `stream`.
[[nodiscard]] DelimitedMessage next_delimited(std::span<const std::uint8_t> stream);

}  // namespace weir
