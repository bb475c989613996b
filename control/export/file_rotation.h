// FileRotation: the names of a file output that begins a new file by time or size.
//
// The path is an strftime() pattern, in UTC: local time would name two hours alike every autumn. A file is written
// under its name with ".part" after it and gets its name when it is complete, by a rename that replaces nothing: a
// reader that looks for the names never sees half a file. A name that is taken gets ".1", ".2" and so on. Files by time
// begin at whole multiples of the period since 1970, and are named by that time.
#pragma once

#include <cstdint>
#include <string>
#include <tl/expected.hpp>

#include "control/export/file_sink.h"

namespace weir {

class FileRotation {
 public:
  FileRotation(std::string pattern, std::uint64_t period_ns, std::uint64_t most_octets)
      : pattern_(std::move(pattern)), period_ns_(period_ns), most_octets_(most_octets) {}

  /// Opens the file of wall time now_ns. One that a killed probe left under this name was never complete:
  /// FileSink::begin() empties it. Error: one line; the file before is still is_open().
  tl::expected<FileSink, std::string> open(std::uint64_t now_ns);
  /// The open file is complete: gives it its name, or removes it if nothing was written. Error: one line; it may be
  /// tried again.
  tl::expected<void, std::string> publish(bool empty);
  /// The open file is no more, or no more under its name.
  void forget() { part_.clear(); }

  /// Whether a new file is due for what comes at now_ns after `octets`.
  [[nodiscard]] bool due(std::uint64_t now_ns, std::uint64_t octets) const {
    return (period_ns_ != 0 && now_ns / period_ns_ != period_) || (most_octets_ != 0 && octets >= most_octets_);
  }
  /// When the present period ends; UINT64_MAX: never.
  [[nodiscard]] std::uint64_t period_end_ns() const {
    return period_ns_ == 0 ? UINT64_MAX : (period_ + 1) * period_ns_;
  }
  [[nodiscard]] bool is_open() const { return !part_.empty(); }
  [[nodiscard]] const std::string& part() const { return part_; }

 private:
  std::string pattern_;
  std::uint64_t period_ns_;
  std::uint64_t most_octets_;
  std::uint64_t period_ = 0;
  std::string name_;
  std::string part_;
};

}  // namespace weir
