#include "control/export/file_sink.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <utility>

#include "control/export/endpoint.h"
#include "control/export/exporter_times.h"

namespace weir {

tl::expected<FileSink, std::string> FileSink::open(const std::string& path) {
  const bool standard_output = path == "-";
  // O_NONBLOCK: a FIFO that nobody reads is an error (ENXIO) and not a wait without end.
  UniqueFd fd(standard_output ? fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3)
                              : ::open(path.c_str(), O_WRONLY | O_CREAT | O_NOCTTY | O_CLOEXEC | O_NONBLOCK, 0644));
  if (!fd.valid()) {
    if (standard_output) return tl::unexpected(fmt::format("standard output is closed: {}", error_text(errno)));
    const char* const hint = errno == ENXIO ? " (a FIFO that nobody reads)" : "";
    return tl::unexpected(fmt::format("cannot write file '{}': {}{}", path, error_text(errno), hint));
  }
  struct stat status {};
  if (fstat(fd.get(), &status) != 0) {
    return tl::unexpected(fmt::format("cannot write file '{}': {}", path, error_text(errno)));
  }
  return FileSink(std::move(fd), standard_output, S_ISREG(status.st_mode), {status.st_dev, status.st_ino});
}

std::optional<FileSink::Identity> FileSink::identity_of(const std::string& path) {
  struct stat status {};
  if (stat(path.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) return std::nullopt;
  return Identity{status.st_dev, status.st_ino};
}

tl::expected<void, std::string> FileSink::lock() {
  if (!regular_ || standard_output_) return {};
  // A file system that has no locks is no reason to refuse.
  if (flock(fd_.get(), LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK) return {};
  return tl::unexpected(std::string("another program writes to the file and holds its lock; name another file"));
}

tl::expected<void, std::string> FileSink::truncate() {
  if (!regular_ || standard_output_) return {};
  if (ftruncate(fd_.get(), 0) != 0) return tl::unexpected(fmt::format("cannot empty the file: {}", error_text(errno)));
  return {};
}

void FileSink::append() {
  if (regular_) lseek(fd_.get(), 0, SEEK_END);
}

FileSink::Written FileSink::write(std::span<const std::uint8_t> octets) {
  Written result;
  while (result.octets < octets.size()) {
    std::size_t count = octets.size() - result.octets;
    if (!regular_) {
      pollfd waits{fd_.get(), POLLOUT, 0};
      // Waits only when nothing went out yet, so that the whole call is bounded.
      const int timeout_ms = result.octets == 0 ? static_cast<int>(kLongestBlock.count()) : 0;
      if (poll(&waits, 1, timeout_ms) <= 0) return result;
      count = std::min<std::size_t>(count, PIPE_BUF);
    }
    const ssize_t written = ::write(fd_.get(), octets.data() + result.octets, count);
    if (written < 0) {
      if (errno == EINTR) continue;
      if (errno == EAGAIN || errno == EWOULDBLOCK) return result;
      result.error = errno;
      return result;
    }
    result.octets += static_cast<std::size_t>(written);
    ++result.writes;
  }
  return result;
}

void FileSink::cut_back(std::size_t octets) {
  if (!regular_ || octets == 0) return;
  const off_t at = lseek(fd_.get(), 0, SEEK_CUR);
  struct stat status {};
  if (at < static_cast<off_t>(octets) || fstat(fd_.get(), &status) != 0 || status.st_size != at) return;
  const off_t whole = at - static_cast<off_t>(octets);
  if (ftruncate(fd_.get(), whole) == 0) lseek(fd_.get(), whole, SEEK_SET);
}

int FileSink::close() {
  if (!fd_.valid()) return 0;
  // Disk quotas and network file systems may refuse as late as here.
  return ::close(fd_.release()) == 0 || errno == EINTR ? 0 : errno;
}

}  // namespace weir
