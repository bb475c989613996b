#include "dataplane/input/capture_blocks.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

namespace weir {
namespace {

// https://datatracker.ietf.org/doc/draft-ietf-opsawg-pcap/, sections 4 and 5.
constexpr std::uint32_t kMicrosecondMagic = 0xa1b2c3d4;
constexpr std::uint32_t kNanosecondMagic = 0xa1b23c4d;
constexpr std::size_t kFileHeader = 24;
constexpr std::size_t kPacketHeader = 16;
// Half of the second-level cache of a server's core; a packet that fills more than half of it is left to libpcap.
constexpr std::size_t kBlock = std::size_t{1} << 18;

std::uint32_t word_at(const std::uint8_t* octets) {
  std::uint32_t value;
  std::memcpy(&value, octets, sizeof value);
  return value;
}

}  // namespace

std::unique_ptr<CaptureBlocks> CaptureBlocks::open(int descriptor, std::uint32_t snapshot_octets) {
  struct stat status {};
  if (fstat(descriptor, &status) != 0 || !S_ISREG(status.st_mode)) return nullptr;
  std::uint8_t header[kFileHeader];
  if (pread(descriptor, header, sizeof header, 0) != static_cast<ssize_t>(sizeof header)) return nullptr;
  std::uint32_t magic = word_at(header);
  std::uint16_t version[2];
  std::memcpy(version, header + 4, sizeof version);
  const bool swapped = magic == __builtin_bswap32(kMicrosecondMagic) || magic == __builtin_bswap32(kNanosecondMagic);
  if (swapped) {
    magic = __builtin_bswap32(magic);
    for (std::uint16_t& part : version) part = __builtin_bswap16(part);
  }
  // Before 2.4 the two lengths of a packet were written in either order.
  if ((magic != kMicrosecondMagic && magic != kNanosecondMagic) || version[0] != 2 || version[1] != 4) return nullptr;
  (void)posix_fadvise(descriptor, 0, 0, POSIX_FADV_SEQUENTIAL);
  return std::unique_ptr<CaptureBlocks>(new CaptureBlocks(
      descriptor, std::min<std::uint32_t>(snapshot_octets, kBlock / 2), swapped, magic == kNanosecondMagic));
}

CaptureBlocks::CaptureBlocks(int descriptor, std::uint32_t longest, bool swapped, bool nanoseconds)
    : descriptor_(descriptor),
      longest_(longest),
      swapped_(swapped),
      nanoseconds_(nanoseconds),
      block_(kBlock),
      block_offset_(kFileHeader) {}

std::uint32_t CaptureBlocks::word(std::size_t at) const {
  const std::uint32_t value = word_at(block_.data() + at);
  return swapped_ ? __builtin_bswap32(value) : value;
}

/// Whether `octets` octets from at_ on are in the block; reads more of the file if they are not.
bool CaptureBlocks::available(std::size_t octets) {
  if (filled_ - at_ >= octets) [[likely]]
    return true;
  std::memmove(block_.data(), block_.data() + at_, filled_ - at_);
  block_offset_ += at_;
  filled_ -= at_;
  at_ = 0;
  while (filled_ < octets) {
    const ssize_t got = pread(descriptor_, block_.data() + filled_, block_.size() - filled_,
                              static_cast<off_t>(block_offset_ + filled_));
    // libpcap meets the same error again and names it.
    if (got <= 0) return false;
    filled_ += static_cast<std::size_t>(got);
  }
  return true;
}

bool CaptureBlocks::next(Packet& packet) {
  if (!available(kPacketHeader)) return false;
  const std::uint32_t captured = word(at_ + 8);
  if (captured > longest_ || !available(kPacketHeader + captured)) return false;
  packet.seconds = word(at_);
  packet.nanoseconds = std::uint64_t{word(at_ + 4)} * (nanoseconds_ ? 1 : 1000);
  packet.captured_octets = captured;
  packet.frame_octets = word(at_ + 12);
  packet.octets = block_.data() + at_ + kPacketHeader;
  at_ += kPacketHeader + captured;
  return true;
}

}  // namespace weir
