// MessageStream: flow records out of a stream of octets that arrives in pieces of any size.
//
// A stream is a sequence of length-delimited protobuf messages (proto/record/flow_protobuf.h). What is kept between two
// pieces is the beginning of one message, at most kFlowProtobufLongestAccepted octets and its length.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "proto/base/ip_address.h"
#include "proto/record/sections.h"

namespace weir {

class MessageStream {
 public:
  /// Gets a record, and the address of the probe and the monitor that it names, if any.
  using Take = std::function<void(RecordView, const IpAddress& sampler_address, std::string_view monitor)>;
  /// Gives every record that is complete with these octets to `take`. Error: one line with the record's number, counted
  /// from 1, and its place; the stream cannot be followed any further.
  tl::expected<void, std::string> feed(std::span<const std::uint8_t> octets, const Take& take);
  /// To be asked when the stream has ended. Error: it ended in the middle of a record.
  [[nodiscard]] tl::expected<void, std::string> finish() const;
  [[nodiscard]] std::uint64_t records() const { return records_; }

 private:
  std::vector<std::uint8_t> held_;  ///< the beginning of a message
  std::uint64_t records_ = 0;
  std::uint64_t consumed_ = 0;  ///< octets of the stream before held_
};

}  // namespace weir
