#include "tools/collect/ipfix_stream.h"

#include <fmt/format.h>

#include "proto/base/byte_order.h"
#include "proto/base/ipfix.h"

namespace weir {

tl::expected<void, std::string> IpfixStream::feed(std::span<const std::uint8_t> octets,
                                                  const std::function<void(std::span<const std::uint8_t>)>& take) {
  if (!held_.empty()) {
    held_.insert(held_.end(), octets.begin(), octets.end());
    octets = held_;
  }
  std::size_t at = 0;
  while (octets.size() - at >= 4) {
    const auto version = load_be<std::uint16_t>(octets.data() + at);
    const std::size_t length = load_be<std::uint16_t>(octets.data() + at + 2);
    if (version != kIpfixVersion || length < sizeof(IpfixHeader)) {
      return tl::make_unexpected(fmt::format("message {} at octet {} is no IPFIX", messages_ + 1, consumed_ + at));
    }
    if (octets.size() - at < length) break;
    ++messages_;
    take(octets.subspan(at, length));
    at += length;
  }
  consumed_ += at;
  // The remainder may lie in held_ itself, so a copy is made first.
  std::vector<std::uint8_t> rest(octets.begin() + static_cast<std::ptrdiff_t>(at), octets.end());
  held_ = std::move(rest);
  return {};
}

tl::expected<void, std::string> IpfixStream::finish() const {
  if (held_.empty()) return {};
  return tl::make_unexpected(
      fmt::format("message {} at octet {} is cut off after {} octets", messages_ + 1, consumed_, held_.size()));
}

}  // namespace weir
