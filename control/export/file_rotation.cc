#include "control/export/file_rotation.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <ctime>

#include "control/export/endpoint.h"

namespace weir {
namespace {

constexpr unsigned kMostSameNames = 10'000;
constexpr const char* kPart = ".part";

}  // namespace

tl::expected<FileSink, std::string> FileRotation::open(std::uint64_t now_ns) {
  const std::uint64_t period = period_ns_ == 0 ? 0 : now_ns / period_ns_;
  const std::uint64_t named_ns = period_ns_ == 0 ? now_ns : period * period_ns_;
  const auto seconds = static_cast<std::time_t>(named_ns / 1'000'000'000);
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  std::array<char, 4096> name;
  if (std::strftime(name.data(), name.size(), pattern_.c_str(), &utc) == 0) {
    return tl::unexpected(fmt::format("'{}' makes no file name of less than {} octets", pattern_, name.size()));
  }
  auto sink = FileSink::open_own(std::string(name.data()) + kPart);
  if (!sink) return sink;
  period_ = period;
  name_ = name.data();
  part_ = name_ + kPart;
  return sink;
}

tl::expected<void, std::string> FileRotation::publish(bool empty) {
  if (part_.empty()) return {};
  if (empty) {
    unlink(part_.c_str());
    part_.clear();
    return {};
  }
  for (unsigned number = 0; number < kMostSameNames; ++number) {
    const std::string name = number == 0 ? name_ : fmt::format("{}.{}", name_, number);
    if (renameat2(AT_FDCWD, part_.c_str(), AT_FDCWD, name.c_str(), RENAME_NOREPLACE) == 0) {
      part_.clear();
      return {};
    }
    if (errno == EEXIST) continue;
    // For file systems without RENAME_NOREPLACE: link the second name, then unlink the first.
    if (errno == EINVAL && link(part_.c_str(), name.c_str()) == 0) {
      unlink(part_.c_str());
      part_.clear();
      return {};
    }
    if (errno == EEXIST) continue;
    return tl::unexpected(fmt::format("cannot name '{}' '{}': {}", part_, name, error_text(errno)));
  }
  return tl::unexpected(fmt::format("cannot name '{}': {} files of this name are there", part_, kMostSameNames));
}

}  // namespace weir
