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

}  // namespace

tl::expected<FileSink, std::string> FileRotation::open(std::uint64_t now_ns) {
  period_ = period_ns_ == 0 ? 0 : now_ns / period_ns_;
  const std::uint64_t named_ns = period_ns_ == 0 ? now_ns : period_ * period_ns_;
  const auto seconds = static_cast<std::time_t>(named_ns / 1'000'000'000);
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  std::array<char, 4096> name;
  if (std::strftime(name.data(), name.size(), pattern_.c_str(), &utc) == 0) {
    return tl::unexpected(fmt::format("'{}' makes no file name of less than {} octets", pattern_, name.size()));
  }
  name_ = name.data();
  part_ = name_ + ".part";
  auto sink = FileSink::open(part_);
  if (!sink) {
    part_.clear();
    return sink;
  }
  // What a killed probe left under this name was never complete.
  if (const auto emptied = sink->truncate(); !emptied) return tl::unexpected(emptied.error());
  return sink;
}

tl::expected<void, std::string> FileRotation::publish(bool empty) {
  if (part_.empty()) return {};
  const std::string part = std::exchange(part_, {});
  if (empty) {
    unlink(part.c_str());
    return {};
  }
  for (unsigned number = 0; number < kMostSameNames; ++number) {
    const std::string name = number == 0 ? name_ : fmt::format("{}.{}", name_, number);
    if (renameat2(AT_FDCWD, part.c_str(), AT_FDCWD, name.c_str(), RENAME_NOREPLACE) == 0) return {};
    if (errno == EEXIST) continue;
    // File systems without RENAME_NOREPLACE: a second name, and away with the first.
    if (errno == EINVAL && link(part.c_str(), name.c_str()) == 0) {
      unlink(part.c_str());
      return {};
    }
    if (errno == EEXIST) continue;
    return tl::unexpected(fmt::format("cannot name '{}' '{}': {}", part, name, error_text(errno)));
  }
  return tl::unexpected(fmt::format("cannot name '{}': {} files of this name are there", part, kMostSameNames));
}

}  // namespace weir
