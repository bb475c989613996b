// CaptureFile: the packets of a pcap or pcapng file, in file order: pcapng by pcapng_reader.h, classic files through
// libpcap; those of an ordinary classic file past it, in blocks (capture_blocks.h). A file compressed with gzip or
// zstd, which its first octets tell, is decompressed as it is read.
//
// Both resolutions come out as nanoseconds since 1970. Timestamps are data from a file, so they may be anything:
// a time before 1970 becomes 0, one after 2262-04-11 (2^63 - 1 ns) becomes that, so that adding a timeout to a
// packet's time never wraps. The seconds of a classic pcap file are 32 bits without a sign and reach to 2106.
//
// A file that cannot be opened or breaks off says so in one line that names it; what was read up to there is good.
// A pcap file whose link type weir does not read is refused by name when it is opened. The packets of such an interface
// of a pcapng file come out with LinkType::unknown, since those of its other interfaces count: the parser rejects them.
#pragma once

#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <tl/expected.hpp>

#include "dataplane/input/capture_blocks.h"
#include "dataplane/input/compressed_input.h"
#include "dataplane/input/pcapng_reader.h"
#include "dataplane/packet/packet_view.h"

struct pcap;

namespace weir {

class CaptureFile {
 public:
  enum class Result : std::uint8_t { packet, end, error };

  /// Opens `path`; "-" is standard input. Error: one line "PATH: what is wrong".
  static tl::expected<std::unique_ptr<CaptureFile>, std::string> open(const std::string& path);
  CaptureFile(const CaptureFile&) = delete;
  CaptureFile& operator=(const CaptureFile&) = delete;
  ~CaptureFile();

  /// The next packet. Its octets stay readable until the next call. After `end` and `error` every call says the same.
  Result next(PacketView& view);
  /// Which capture interface saw the packet (pcapng; else 0). Each has a clock of its own.
  [[nodiscard]] unsigned interface() const { return pcapng_ == nullptr ? 0 : pcapng_->interface(); }
  /// After `error`: one line "PATH: packet N: what is wrong", N counted from 1.
  [[nodiscard]] const std::string& error() const { return error_; }

  /// As given to open(), "standard input" for "-".
  [[nodiscard]] const std::string& name() const { return name_; }
  /// Packets that next() has returned.
  [[nodiscard]] std::uint64_t packets() const { return packets_; }
  /// For a progress line: how far the reader has come in the file, in octets, a buffer ahead of the packets; and the
  /// file's size when it was opened. Both 0 where the input is a pipe.
  [[nodiscard]] std::uint64_t octets_read() const;
  [[nodiscard]] std::uint64_t file_octets() const { return size_.octets; }

 private:
  /// A regular file that is read, compressed or not, and what it held when it was opened; -1: a pipe.
  struct Size {
    int descriptor = -1;
    std::uint64_t octets = 0;
  };
  CaptureFile(std::string name, std::FILE* file, pcap* handle, const Size& size,
              std::unique_ptr<CompressedInput> compressed);
  Result fail(const std::string& what);
  Result finish();
  /// What is wrong where another program has shortened the file meanwhile; empty: nobody has.
  [[nodiscard]] std::string shortened() const;
  [[nodiscard]] bool next_from_blocks(PacketView& view);
  Result next_of_pcap(PacketView& view);

  std::string name_;
  std::unique_ptr<CompressedInput> compressed_;  ///< what file_ reads from, where the file is compressed
  std::FILE* file_;                              ///< handle_'s own, where there is one
  pcap* handle_;                                 ///< nullptr: a pcapng file
  std::unique_ptr<CaptureBlocks> blocks_;        ///< as long as it knows what the file holds
  std::unique_ptr<PcapngReader> pcapng_;
  Size size_;
  LinkType link_type_ = LinkType::ethernet;  ///< of a pcap file
  std::uint64_t packets_ = 0;
  Result state_ = Result::packet;
  std::string error_;
};

/// Seconds and nanoseconds of a capture file as ns since 1970, for any values of both: see the top of the file.
[[nodiscard]] std::uint64_t capture_time_ns(std::int64_t seconds, std::int64_t nanoseconds);

}  // namespace weir
