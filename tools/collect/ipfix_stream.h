// IpfixStream: IPFIX messages out of a stream of octets that arrives in pieces of any size: a TCP connection (RFC 7011
// section 10.4) or a file (RFC 5655: messages one after the other).
//
// A message says its own length, so what is kept between two pieces is the beginning of one: at most 65 535 octets. A
// stream whose next octets are no message header is out of step and cannot be followed any further.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <tl/expected.hpp>
#include <vector>

namespace weir {

class IpfixStream {
 public:
  /// Gives every message that is complete with these octets to `take`. Error: one line with the message's number,
  /// counted from 1, and its place.
  tl::expected<void, std::string> feed(std::span<const std::uint8_t> octets,
                                       const std::function<void(std::span<const std::uint8_t>)>& take);
  /// To be asked when the stream has ended. Error: it ended in the middle of a message.
  [[nodiscard]] tl::expected<void, std::string> finish() const;

 private:
  std::vector<std::uint8_t> held_;  ///< the beginning of a message
  std::uint64_t messages_ = 0;
  std::uint64_t consumed_ = 0;  ///< octets of the stream before held_
};

}  // namespace weir
