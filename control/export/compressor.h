// Compressor: a block of octets as one complete frame of zstd or lz4.
//
// Frames one after the other are a valid file of both formats, so a file that is cut after any frame is whole: what
// was written before a crash, a rotation or a full disk can be read.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

namespace weir {

enum class Compression : std::uint8_t { none, lz4, zstd };
inline constexpr auto kCompressionNames = std::to_array<std::string_view>({"none", "lz4", "zstd"});

class Compressor {
 public:
  virtual ~Compressor() = default;
  /// Replaces `frame` by the compressed `octets`. Error: out of memory, in the library's words.
  virtual tl::expected<void, std::string> compress(std::span<const std::uint8_t> octets,
                                                   std::vector<std::uint8_t>& frame) = 0;
};

/// nullptr for Compression::none.
std::unique_ptr<Compressor> make_compressor(Compression compression);

}  // namespace weir
