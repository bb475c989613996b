#include "control/lossy_output.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>

namespace weir {

LossyOutput::LossyOutput(int descriptor, std::size_t most_waiting)
    : fd_(fcntl(descriptor, F_DUPFD_CLOEXEC, 3)), most_waiting_(most_waiting) {
  struct stat status {};
  if (!fd_.valid() || fstat(fd_.get(), &status) != 0) return;
  if (S_ISREG(status.st_mode)) kind_ = Kind::file;
  if (S_ISSOCK(status.st_mode)) kind_ = Kind::socket;
  if (!S_ISFIFO(status.st_mode) && !S_ISCHR(status.st_mode)) return;
  const std::string name = fmt::format("/proc/self/fd/{}", fd_.get());
  UniqueFd own(::open(name.c_str(), O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  if (!own.valid()) return;
  fd_ = std::move(own);
  kind_ = Kind::nonblocking;
}

bool LossyOutput::wait_writable(int timeout_ms) const {
  pollfd waits{fd_.get(), POLLOUT, 0};
  return poll(&waits, 1, timeout_ms) > 0;
}

long LossyOutput::write_some(std::string_view text) const {
  switch (kind_) {
    case Kind::socket:
      return send(fd_.get(), text.data(), text.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    case Kind::other:
      if (!wait_writable(0)) {
        errno = EAGAIN;
        return -1;
      }
      return write(fd_.get(), text.data(), std::min<std::size_t>(text.size(), PIPE_BUF));
    case Kind::file:
    case Kind::nonblocking:
      break;
  }
  return write(fd_.get(), text.data(), text.size());
}

bool LossyOutput::pump_locked() {
  std::size_t done = 0;
  while (done < waiting_.size()) {
    const long written = write_some(std::string_view(waiting_).substr(done));
    if (written > 0) {
      done += static_cast<std::size_t>(written);
    } else if (errno == EINTR) {
      continue;
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      break;
    } else {
      done = waiting_.size();  // it can never be written: nobody is there
    }
    if (done == waiting_.size() && dropped_ != 0) {
      waiting_ = fmt::format("weir: {} messages are missing here: nobody read standard error\n", dropped_);
      dropped_ = done = 0;
    }
  }
  waiting_.erase(0, done);
  return waiting_.empty();
}

void LossyOutput::put(std::string_view message) {
  const std::lock_guard lock(mutex_);
  if (!waiting_.empty()) pump_locked();
  // After a gap, first keep the line that reports it, so that lines stay in order.
  if (dropped_ != 0 || waiting_.size() + message.size() > most_waiting_) {
    ++dropped_;
    return;
  }
  waiting_.append(message);
  pump_locked();
}

bool LossyOutput::pump() {
  const std::lock_guard lock(mutex_);
  return pump_locked();
}

bool LossyOutput::waiting() const {
  const std::lock_guard lock(mutex_);
  return !waiting_.empty();
}

}  // namespace weir
