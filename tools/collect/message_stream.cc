#include "tools/collect/message_stream.h"

#include <fmt/format.h>

#include "proto/record/flow_protobuf.h"

namespace weir {

tl::expected<void, std::string> MessageStream::feed(std::span<const std::uint8_t> octets, const Take& take) {
  if (!held_.empty()) {
    held_.insert(held_.end(), octets.begin(), octets.end());
    octets = held_;
  }
  std::size_t at = 0;
  OwnedRecord record;
  IpAddress sampler_address;
  std::string_view monitor;
  for (;;) {
    const DelimitedMessage next = next_delimited(octets.subspan(at));
    if (next.status == DelimitedStatus::need_more) break;
    if (next.status == DelimitedStatus::malformed || !decode_flow(next.message, record, &sampler_address, &monitor)) {
      return tl::make_unexpected(
          fmt::format("record {} at octet {} is no weir.v1.FlowRecord", records_ + 1, consumed_ + at));
    }
    ++records_;
    take(record, sampler_address, monitor);
    at += next.consumed;
  }
  consumed_ += at;
  // The remainder may lie in held_ itself, so a copy is made first.
  std::vector<std::uint8_t> rest(octets.begin() + static_cast<std::ptrdiff_t>(at), octets.end());
  held_ = std::move(rest);
  return {};
}

tl::expected<void, std::string> MessageStream::finish() const {
  if (held_.empty()) return {};
  return tl::make_unexpected(
      fmt::format("record {} at octet {} is cut off after {} octets", records_ + 1, consumed_, held_.size()));
}

}  // namespace weir
