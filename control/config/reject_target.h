// What --save-rejects asks for: FILE[?max=SIZE].
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

namespace weir {

struct RejectTarget {
  static constexpr std::uint64_t kLeastOctets = 4096;
  static constexpr std::uint64_t kDefaultOctets = std::uint64_t{64} << 20;

  std::string path;  ///< empty: rejected frames are not saved
  std::uint64_t max_octets = kDefaultOctets;
};

/// Error: what is wrong, and what is expected.
tl::expected<RejectTarget, std::string> parse_reject_target(std::string_view text);

}  // namespace weir
