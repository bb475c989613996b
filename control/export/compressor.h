// Compressor: a block of octets as one complete frame of zstd or lz4.
//
// Frames one behind the other are a valid file of both formats, so a file that is cut after any frame is whole: what
// was written before a crash, a rotation or a full disk can be read.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "control/export/export_uri.h"

namespace weir {

class Compressor {
 public:
  virtual ~Compressor() = default;
  /// Replaces `frame` by the compressed `octets`. Error: out of memory, in the library's words.
  virtual tl::expected<void, std::string> compress(std::span<const std::uint8_t> octets,
                                                   std::vector<std::uint8_t>& frame) = 0;
};

/// nullptr for Compression::none. Of the others lz4 and zstd are for files.
std::unique_ptr<Compressor> make_compressor(Compression compression);

}  // namespace weir
