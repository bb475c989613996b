// RawRecordFile: the raw records of a file or pipe, one after another.
//
// The end of the file between two records is the end. A file that ends inside a record is an error, which names the
// offset of that record; the records before it were given.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <tl/expected.hpp>

#include "dataplane/input/raw_record.h"
#include "proto/base/unique_fd.h"

namespace weir {

class RawRecordFile {
 public:
  /// `path`: "-" is standard input. Error: one line that names the file.
  static tl::expected<std::unique_ptr<RawRecordFile>, std::string> open(const std::string& path);

  enum class Result : std::uint8_t {
    record,
    end,
    error,        ///< see error()
    interrupted,  ///< a signal came while a pipe was waited for; next() goes on
  };
  /// After Result::record: octets() are the next record, until the next call.
  Result next();
  [[nodiscard]] RawRecordOctets octets() const {
    return RawRecordOctets(buffer_.data() + at_ - kRawRecordOctets, kRawRecordOctets);
  }
  /// One line: the file, the offset, what is wrong.
  [[nodiscard]] const std::string& error() const { return error_; }
  /// Records that ended inside: 0 or 1.
  [[nodiscard]] std::uint64_t partial_records() const { return partial_; }

 private:
  static constexpr std::size_t kBufferRecords = 4096;

  RawRecordFile(std::string name, UniqueFd fd) : name_(std::move(name)), fd_(std::move(fd)) {}

  std::string name_;
  UniqueFd fd_;
  std::array<std::uint8_t, kBufferRecords * kRawRecordOctets> buffer_;  ///< octets at_ to end_ are not given yet
  std::size_t at_ = 0;
  std::size_t end_ = 0;
  std::uint64_t given_ = 0;  ///< octets of the records that were given
  std::uint64_t partial_ = 0;
  std::string error_;
};

}  // namespace weir
