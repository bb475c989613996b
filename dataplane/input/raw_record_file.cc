#include "dataplane/input/raw_record_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace weir {

tl::expected<std::unique_ptr<RawRecordFile>, std::string> RawRecordFile::open(const std::string& path) {
  const bool standard_input = path == "-";
  UniqueFd fd(standard_input ? dup(STDIN_FILENO) : ::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  std::string name = standard_input ? "standard input" : path;
  if (!fd.valid()) return tl::make_unexpected(name + ": " + std::strerror(errno));
  return std::unique_ptr<RawRecordFile>(new RawRecordFile(std::move(name), std::move(fd)));
}

RawRecordFile::Result RawRecordFile::next() {
  while (end_ - at_ < kRawRecordOctets) {
    std::memmove(buffer_.data(), buffer_.data() + at_, end_ - at_);
    end_ -= at_;
    at_ = 0;
    const ssize_t count = read(fd_.get(), buffer_.data() + end_, buffer_.size() - end_);
    if (count < 0 && errno == EINTR) return Result::interrupted;
    if (count < 0) {
      error_ = name_ + ": offset " + std::to_string(given_ + end_) + ": " + std::strerror(errno);
      return Result::error;
    }
    if (count == 0 && end_ == 0) return Result::end;
    if (count == 0) {
      partial_ = 1;
      error_ = name_ + ": the raw record at offset " + std::to_string(given_) + " is cut: " + std::to_string(end_) +
               " of its " + std::to_string(kRawRecordOctets) + " octets are there";
      return Result::error;
    }
    end_ += static_cast<std::size_t>(count);
  }
  at_ += kRawRecordOctets;
  given_ += kRawRecordOctets;
  return Result::record;
}

}  // namespace weir
