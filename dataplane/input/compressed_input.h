// CompressedInput: a file compressed with gzip (RFC 1952) or zstd (RFC 8878), read as a stream of its contents.
//
// The stream is a FILE, which is what libpcap and the pcapng reader take. It cannot seek, and has no descriptor. Memory
// is bounded, whatever the file holds: a buffer of 64 KiB, and the window of the compression (at most 128 MiB with
// zstd). Several compressed streams after one another are one, as for gzip and zstd themselves.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>

namespace weir {

class CompressedInput {
 public:
  /// Whether a file with this first octet is read here. No capture format begins with such an octet.
  static bool begins_with(int octet);
  /// Reads from `file`, and closes it in the end unless it is standard input. nullptr: no memory.
  static std::unique_ptr<CompressedInput> open(std::FILE* file);
  CompressedInput(const CompressedInput&) = delete;
  CompressedInput& operator=(const CompressedInput&) = delete;
  virtual ~CompressedInput();

  /// The contents; the caller closes it before this object ends.
  [[nodiscard]] std::FILE* stream() const { return stream_; }
  /// After an error of the stream: what is wrong, one line without a name.
  [[nodiscard]] const std::string& problem() const { return problem_; }
  /// Octets of the compressed file that were read.
  [[nodiscard]] std::uint64_t octets_read() const { return octets_read_; }

 protected:
  explicit CompressedInput(std::FILE* file);
  /// Reads more of the file into buffer_, of which [0, filled_) is valid then; false at its end.
  bool fill();
  /// Decompresses at least one octet to `to` and says how many; 0 at the end, and on a fault, which it says by fail().
  virtual std::size_t decompress(char* to, std::size_t octets) = 0;
  std::size_t fail(std::string what);

  static constexpr std::size_t kBuffer = std::size_t{1} << 16;
  std::unique_ptr<std::uint8_t[]> buffer_;
  std::size_t filled_ = 0;

 private:
  static ssize_t read(void* self, char* to, std::size_t octets);

  std::FILE* file_;
  std::FILE* stream_;
  std::uint64_t octets_read_ = 0;
  std::string problem_;
};

}  // namespace weir
