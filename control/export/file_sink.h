// FileSink: octets to a file, a pipe or standard output, without ever blocking for long and without half a record.
//
// Regular files: write() does not wait for another program. If it stops in the middle (full disk, file size limit), the
// file is cut back to the end of the last whole record. Nothing is cut if the file has grown beyond what was written
// here, because then another program writes to it, too.
//
// A file is written at its end wherever that is (O_APPEND): another program that cuts it, as logrotate's copytruncate
// does, leaves no hole. A file that this program made is removed again if begin() never came: a program that cannot
// start leaves nothing behind.
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
#include <utility>

#include "proto/base/unique_fd.h"

namespace weir {

class FileSink {
 public:
  /// Where the open file is, seen from its name.
  enum class Place : std::uint8_t {
    named,    ///< the name is its own
    moved,    ///< the name is another file's, or nobody's
    deleted,  ///< it has no name at all
  };
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

  /// No file.
  FileSink() = default;
  /// Creates `path`, or opens it without emptying it; "-": standard output. Error: says what is wrong with the file.
  static tl::expected<FileSink, std::string> open(const std::string& path);
  /// Creates the regular file `path`, whose last part is no symbolic link. Where it is there already: opens it, without
  /// emptying it, if it is this user's, has no other name, and no other program writes to it.
  static tl::expected<FileSink, std::string> open_own(const std::string& path);

  [[nodiscard]] bool is_open() const { return fd_.valid(); }
  [[nodiscard]] bool regular() const { return regular_; }
  [[nodiscard]] bool fifo() const { return fifo_; }
  [[nodiscard]] const Identity& identity() const { return identity_; }
  /// The file of this name; nothing: it is not there, or it is no regular file.
  static std::optional<Identity> identity_of(const std::string& path);

  /// Keeps other programs that ask, as weir does, from writing to a regular file while it is open.
  tl::expected<void, std::string> lock();
  /// What is written from now on is to stay. Empties a regular file unless `append`.
  tl::expected<void, std::string> begin(bool append);
  /// Of a regular file: whether `path` still names it. Standard output is always `named`.
  [[nodiscard]] Place place(const std::string& path) const;
  /// Writes what can be written now, or within kLongestBlock.
  Written write(std::span<const std::uint8_t> octets);
  /// Takes back the last `octets` that were written, where that can be done.
  void cut_back(std::size_t octets);
  /// Returns errno, 0 if all is well. Standard output stays open.
  int close();

 private:
  /// The path of a file that this program made, and which begin() has not kept yet.
  class Made {
   public:
    Made() = default;
    Made(Made&& other) noexcept : path_(std::exchange(other.path_, {})) {}
    Made& operator=(Made&& other) noexcept {
      std::swap(path_, other.path_);
      return *this;
    }
    Made(const Made&) = delete;
    Made& operator=(const Made&) = delete;
    ~Made();
    void set(std::string path) { path_ = std::move(path); }
    void keep() { path_.clear(); }

   private:
    std::string path_;
  };
  static tl::expected<FileSink, std::string> of(UniqueFd fd, const std::string& path, bool made);

  UniqueFd fd_;  ///< a duplicate for standard output
  bool standard_output_ = false;
  bool regular_ = false;
  bool fifo_ = false;
  Identity identity_{};
  Made made_;
};

}  // namespace weir
