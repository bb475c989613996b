// FlowRecord as the protobuf message weir.v1.FlowRecord (proto/schema/flow.proto), each preceded by its length as a
// varint, and back.
//
// Written by hand and not through the generated class: the record is a fixed list of fields, so encoding it is a
// straight run of constant tags and varints into the caller's memory; the generated class would be filled, measured and
// then copied, with two heap strings for the addresses. The octets are the ones that the generated class makes: fields
// in ascending order, zero values left out (proto3), the shortest varints. Tests hold the two against each other.
//
// Decoding takes whatever a peer may send: it copies nothing, allocates nothing, and says no to a message whose fields
// do not fit a FlowRecord.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "proto/record/flow_record.h"

namespace weir {

/// Most octets of one message with its length: 2 addresses of 18, 10 64-bit fields of 12, 15 32-bit fields of at most 7
/// make 261; a tunnel, a label and an SPI add 2 addresses of 19 and 5 fields of at most 8: 339, and 2 for the length;
/// the rest is reserve.
inline constexpr std::size_t kFlowProtobufMaxOctets = 384;

/// Writes length and message to `out`, which has room for kFlowProtobufMaxOctets. Returns the end.
std::uint8_t* write_flow_protobuf(std::uint8_t* out, const FlowRecord& record);

/// Decodes one message (without its length). false: malformed, or a field's value does not fit FlowRecord; then
/// `record` is unspecified. Unknown fields are skipped. Where the times of the directions are absent (a record that
/// another producer of the same schema made) those of the flow stand for them.
[[nodiscard]] bool decode_flow(std::span<const std::uint8_t> message, FlowRecord& record);

/// A longer message is no flow record but a stream out of step, and would have a reader buffer without bound.
inline constexpr std::size_t kFlowProtobufLongestAccepted = 4096;

enum class DelimitedStatus : std::uint8_t {
  complete,   ///< `message` is one whole message, `consumed` octets with its length
  need_more,  ///< the stream goes on behind its end: read more
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
