#include "control/probe/state_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "proto/base/unique_fd.h"

namespace weir::state_file {
namespace {

std::string system_error(const std::string& what) {
  return fmt::format("{}: {}", what, std::strerror(errno));
}

}  // namespace

tl::expected<std::string, std::string> read(const std::string& path) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW));
  if (!fd.valid()) return tl::unexpected(system_error(path));
  std::string text(kMostOctets, '\0');
  std::size_t size = 0;
  while (size < text.size()) {
    const ssize_t got = ::read(fd.get(), text.data() + size, text.size() - size);
    if (got < 0) return tl::unexpected(system_error(path));
    if (got == 0) break;
    size += static_cast<std::size_t>(got);
  }
  text.resize(size);
  return text;
}

tl::expected<void, std::string> write(const std::string& path, std::string_view text, Survives survives) {
  const std::string written = path + ".new";
  const UniqueFd fd(::open(written.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600));
  if (!fd.valid()) return tl::unexpected(system_error(written));
  while (!text.empty()) {
    const ssize_t put = ::write(fd.get(), text.data(), text.size());
    if (put < 0) return tl::unexpected(system_error(written));
    text.remove_prefix(static_cast<std::size_t>(put));
  }
  if (survives == Survives::power && ::fsync(fd.get()) != 0) return tl::unexpected(system_error(written));
  if (std::rename(written.c_str(), path.c_str()) != 0) return tl::unexpected(system_error(path));
  return {};
}

}  // namespace weir::state_file
