// BegunFile: a descriptor of which the beginning was read already, as a FILE for libpcap, which wants one.
#pragma once

#include <sys/types.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <memory>
#include <utility>
#include <vector>

#include "proto/base/unique_fd.h"

namespace weir {

class BegunFile {
 public:
  /// nullptr: errno says why. The FILE owns the descriptor.
  static std::FILE* open(UniqueFd descriptor, std::vector<std::uint8_t> beginning) {
    auto self = std::make_unique<BegunFile>();
    self->descriptor_ = std::move(descriptor);
    self->beginning_ = std::move(beginning);
    cookie_io_functions_t functions{};
    functions.read = read;
    functions.close = close;
    std::FILE* const stream = ::fopencookie(self.get(), "r", functions);
    if (stream != nullptr) static_cast<void>(self.release());  // closed with the stream
    return stream;
  }

 private:
  static ssize_t read(void* cookie, char* out, std::size_t room) {
    auto& self = *static_cast<BegunFile*>(cookie);
    const std::size_t left = self.beginning_.size() - self.at_;
    if (left == 0) return ::read(self.descriptor_.get(), out, room);
    const std::size_t octets = std::min(left, room);
    std::memcpy(out, self.beginning_.data() + self.at_, octets);
    self.at_ += octets;
    return static_cast<ssize_t>(octets);
  }
  static int close(void* cookie) {
    delete static_cast<BegunFile*>(cookie);
    return 0;
  }

  UniqueFd descriptor_;
  std::vector<std::uint8_t> beginning_;
  std::size_t at_ = 0;
};

}  // namespace weir
