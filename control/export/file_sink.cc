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
namespace {

// O_NONBLOCK: a FIFO that nobody reads is an error (ENXIO) and not a wait without end.
constexpr int kFlags = O_WRONLY | O_APPEND | O_NOCTTY | O_CLOEXEC | O_NONBLOCK;
constexpr int kMakeFlags = kFlags | O_CREAT | O_EXCL;
constexpr mode_t kMode = 0644;

tl::unexpected<std::string> cannot_write(const std::string& path, const std::string& why) {
  return tl::unexpected(fmt::format("cannot write file '{}': {}", path, why));
}

}  // namespace

FileSink::Made::~Made() {
  if (!path_.empty()) unlink(path_.c_str());
}

tl::expected<FileSink, std::string> FileSink::of(UniqueFd fd, const std::string& path, bool made) {
  struct stat status {};
  if (fstat(fd.get(), &status) != 0) return cannot_write(path, error_text(errno));
  FileSink sink;
  sink.fd_ = std::move(fd);
  sink.standard_output_ = path == "-";
  sink.regular_ = S_ISREG(status.st_mode);
  sink.fifo_ = S_ISFIFO(status.st_mode);
  sink.identity_ = {status.st_dev, status.st_ino};
  if (made) sink.made_.set(path);
  return sink;
}

tl::expected<FileSink, std::string> FileSink::open(const std::string& path) {
  if (path == "-") {
    UniqueFd fd(fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3));
    if (!fd.valid()) return tl::unexpected(fmt::format("standard output is closed: {}", error_text(errno)));
    return of(std::move(fd), path, false);
  }
  UniqueFd fd(::open(path.c_str(), kMakeFlags, kMode));
  const bool made = fd.valid();
  // To O_EXCL a symbolic link exists even if its target does not.
  if (!made && errno == EEXIST) fd = UniqueFd(::open(path.c_str(), kFlags | O_CREAT, kMode));
  if (!fd.valid()) {
    const char* const hint = errno == ENXIO ? " (a FIFO that nobody reads)" : "";
    return cannot_write(path, error_text(errno) + hint);
  }
  return of(std::move(fd), path, made);
}

tl::expected<FileSink, std::string> FileSink::open_own(const std::string& path) {
  UniqueFd fd(::open(path.c_str(), kMakeFlags | O_NOFOLLOW, kMode));
  const bool made = fd.valid();
  if (!made && errno == EEXIST) fd = UniqueFd(::open(path.c_str(), kFlags | O_NOFOLLOW));
  if (!fd.valid()) return cannot_write(path, error_text(errno));
  auto sink = of(std::move(fd), path, made);
  if (!sink || made) return sink;
  struct stat status {};
  if (fstat(sink->fd_.get(), &status) != 0) return cannot_write(path, error_text(errno));
  if (!sink->regular_ || status.st_uid != geteuid() || status.st_nlink != 1) {
    return cannot_write(path, "it is there, and not as weir makes it (a regular file of this user, with one name)");
  }
  if (auto locked = sink->lock(); !locked) return tl::unexpected(locked.error());
  return sink;
}

std::optional<FileSink::Identity> FileSink::identity_of(const std::string& path) {
  struct stat status {};
  if (stat(path.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) return std::nullopt;
  return Identity{status.st_dev, status.st_ino};
}

tl::expected<void, std::string> FileSink::lock() {
  if (!regular_ || standard_output_) return {};
  // File systems without locks are accepted.
  if (flock(fd_.get(), LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK) return {};
  return tl::unexpected(std::string("another program writes to the file and holds its lock; name another file"));
}

tl::expected<void, std::string> FileSink::begin(bool append) {
  made_.keep();
  if (append || !regular_ || standard_output_) return {};
  if (ftruncate(fd_.get(), 0) != 0) return tl::unexpected(fmt::format("cannot empty the file: {}", error_text(errno)));
  return {};
}

FileSink::Place FileSink::place(const std::string& path) const {
  if (standard_output_ || identity_of(path) == identity_) return Place::named;
  struct stat status {};
  return fstat(fd_.get(), &status) == 0 && status.st_nlink == 0 ? Place::deleted : Place::moved;
}

FileSink::Written FileSink::write(std::span<const std::uint8_t> octets) {
  Written result;
  while (result.octets < octets.size()) {
    std::size_t count = octets.size() - result.octets;
    if (!regular_) {
      pollfd waits{fd_.get(), POLLOUT, 0};
      // Wait only if nothing was written yet, so that the time of the whole call is bounded.
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
  if (!regular_ || octets == 0 || !fd_.valid()) return;
  const off_t at = lseek(fd_.get(), 0, SEEK_CUR);
  struct stat status {};
  if (at < static_cast<off_t>(octets) || fstat(fd_.get(), &status) != 0 || status.st_size != at) return;
  const off_t whole = at - static_cast<off_t>(octets);
  if (ftruncate(fd_.get(), whole) == 0) lseek(fd_.get(), whole, SEEK_SET);
}

int FileSink::close() {
  if (!fd_.valid()) return 0;
  // Disk quotas and network file systems may report an error as late as close().
  return ::close(fd_.release()) == 0 || errno == EINTR ? 0 : errno;
}

}  // namespace weir
