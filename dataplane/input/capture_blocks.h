// CaptureBlocks: reads the packets of an ordinary classic pcap file, a quarter of a megabyte at a time.
//
// libpcap reads each packet with two calls of fread and copies it once more. That takes 60 ns per packet, as long as
// all of weir's other work on it. Here a packet costs a look at its header in a buffer that one pread() filled.
//
// It knows version 2.4 in both byte orders and both resolutions, in regular files, and nothing else. Whatever is not a
// whole packet within the file's snapshot length (the end, a file that breaks off, an impossible length) is left to
// libpcap, from that offset on. So libpcap alone decides what is wrong with a file and words the error. The file is
// read and not mapped: if another program shortened a mapped file, SIGBUS would end the process.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace weir {

class CaptureBlocks {
 public:
  struct Packet {
    const std::uint8_t* octets;  ///< readable until the next call
    std::uint32_t captured_octets;
    std::uint32_t frame_octets;  ///< as the file says, which may be less than what was captured
    std::uint32_t seconds;
    std::uint64_t nanoseconds;  ///< of the second; a second and more where a file is damaged
  };

  /// Of the regular file `descriptor`, whose packets are cut at `snapshot_octets`. nullptr: no such file.
  static std::unique_ptr<CaptureBlocks> open(int descriptor, std::uint32_t snapshot_octets);

  /// False: what is at offset() is for libpcap.
  bool next(Packet& packet);
  /// Where in the file the next packet begins.
  [[nodiscard]] std::uint64_t offset() const { return block_offset_ + at_; }

 private:
  CaptureBlocks(int descriptor, std::uint32_t longest, bool swapped, bool nanoseconds);
  [[nodiscard]] bool available(std::size_t octets);
  [[nodiscard]] std::uint32_t word(std::size_t at) const;

  int descriptor_;
  std::uint32_t longest_;  ///< captured octets of a packet that is read here
  bool swapped_;
  bool nanoseconds_;
  std::vector<std::uint8_t> block_;
  std::uint64_t block_offset_;  ///< in the file
  std::size_t filled_ = 0;
  std::size_t at_ = 0;
};

}  // namespace weir
