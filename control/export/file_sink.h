// FileSink: octets to a file, a pipe or standard output, without ever blocking for long and without half a record.
//
// Regular files: write() does not wait for another program. If it stops in the middle (full disk, file size limit), the
// file is cut back to the end of the last whole record. Nothing is cut if the file has grown beyond what was written
// here, because then another program writes to it, too.
//
// Pipes and terminals: a blocking write would outlast a shutdown, and making standard output non-blocking would do so
// for every program that shares it. After poll() says writable, a pipe takes PIPE_BUF octets without blocking, so each
// write() has at most that many.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <tl/expected.hpp>

#include "proto/base/unique_fd.h"

namespace weir {

class FileSink {
 public:
  /// What makes two names one file.
  struct Identity {
    dev_t device;
    ino_t inode;
    friend bool operator==(const Identity&, const Identity&) = default;
  };
  struct Written {
    std::size_t octets = 0;
    std::size_t writes = 0;
    int error = 0;  ///< errno; 0: go on, now or when there is room
  };

  /// Creates `path`, or opens it without emptying it; "-": standard output. Error: says what is wrong with the file.
  static tl::expected<FileSink, std::string> open(const std::string& path);

  [[nodiscard]] bool regular() const { return regular_; }
  [[nodiscard]] const Identity& identity() const { return identity_; }
  /// The file of this name; nothing: it is not there, or it is no regular file.
  static std::optional<Identity> identity_of(const std::string& path);

  /// Keeps other programs that ask, as weir does, from writing to a regular file while it is open.
  tl::expected<void, std::string> lock();
  /// Empties a regular file that open() opened.
  tl::expected<void, std::string> truncate();
  /// Goes on behind what a regular file holds.
  void append();
  /// Writes what can be written now, or within kLongestBlock.
  Written write(std::span<const std::uint8_t> octets);
  /// Takes back the last `octets` that were written, where that can be done.
  void cut_back(std::size_t octets);
  /// Returns errno, 0 if all is well. Standard output stays open.
  int close();

 private:
  FileSink(UniqueFd fd, bool standard_output, bool regular, Identity identity)
      : fd_(std::move(fd)), standard_output_(standard_output), regular_(regular), identity_(identity) {}

  UniqueFd fd_;  ///< a duplicate for standard output
  bool standard_output_;
  bool regular_;
  Identity identity_;
};

}  // namespace weir
