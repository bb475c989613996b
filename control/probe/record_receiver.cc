#include "control/probe/record_receiver.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "control/stale_socket.h"

namespace weir {
namespace {

constexpr int kBacklog = 64;
/// How long the thread waits without octets: then it looks whether somebody asks for counters, or wants it to end.
constexpr int kPatienceMs = 20;
/// What a stop still reads, in rounds of all connections: an agent that never pauses does not hold it up.
constexpr unsigned kLastRounds = 256;
constexpr std::size_t kMostNews = 20;

std::string error_text(const std::string& path, const char* what) {
  return "--input records+unix:" + path + ": " + what + ": " + std::strerror(errno);
}

}  // namespace

tl::expected<std::unique_ptr<RecordReceiver>, std::string> RecordReceiver::listen(const std::string& path,
                                                                                  bool keep_others) {
  if (auto free = remove_stale_socket(path); !free) {
    return tl::make_unexpected("--input records+unix:" + path + ": " + free.error() + "; name another socket");
  }
  UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd.valid()) return tl::make_unexpected(error_text(path, "socket"));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) {
    errno = ENAMETOOLONG;
    return tl::make_unexpected(error_text(path, "bind"));
  }
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  if (bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return tl::make_unexpected(error_text(path, "bind"));
  }
  std::unique_ptr<RecordReceiver> receiver(new RecordReceiver(path, std::move(fd), keep_others));
  // To connect one must be able to write, so the group gets it, as that of the control socket.
  if (chmod(path.c_str(), 0660) != 0 || ::listen(receiver->listening_.get(), kBacklog) != 0) {
    return tl::make_unexpected(error_text(path, "listen"));
  }
  return receiver;
}

RecordReceiver::~RecordReceiver() {
  stop();
  unlink(path_.c_str());
}

void RecordReceiver::start() {
  thread_ = std::thread([this] { run(); });
}

void RecordReceiver::stop() {
  stopping_.store(true, std::memory_order_relaxed);
  if (thread_.joinable()) thread_.join();
  at_rest_.store(true, std::memory_order_release);
}

std::vector<WorkerBooks> RecordReceiver::books() {
  return {{&snapshots_, [this] { return intake_.counters(); }, &at_rest_}};
}

InputTotals RecordReceiver::totals() const {
  const std::lock_guard lock(mutex_);
  return totals_;
}

std::vector<std::string> RecordReceiver::take_news() {
  const std::lock_guard lock(mutex_);
  return std::exchange(news_, {});
}

void RecordReceiver::run() {
  while (!stopping_.load(std::memory_order_relaxed)) {
    round(kPatienceMs);
    tell();
  }
  for (unsigned i = 0; i < kLastRounds && round(0); ++i) {
  }
  for (const auto& connection : connections_) {
    if (connection->held != 0) end(*connection, "weir stopped");
  }
  connections_.clear();
  tell();
  at_rest_.store(true, std::memory_order_release);
}

/// What others may ask for.
void RecordReceiver::tell() {
  intake_.publish();
  {
    const std::lock_guard lock(mutex_);
    totals_.records = intake_.raw_records();
    totals_.open_connections = connections_.size();
  }
  snapshots_.answer([this] { return intake_.counters(); });
}

bool RecordReceiver::round(int patience_ms) {
  std::vector<pollfd> waiting;
  for (const auto& connection : connections_) waiting.push_back({connection->fd.get(), POLLIN, 0});
  const bool room = connections_.size() < kMostConnections;
  if (room) waiting.push_back({listening_.get(), POLLIN, 0});
  if (poll(waiting.data(), waiting.size(), patience_ms) <= 0) return false;
  const std::size_t before = connections_.size();
  for (std::size_t i = 0; i < before; ++i) {
    if (waiting[i].revents != 0 && !read_from(*connections_[i])) connections_[i].reset();
  }
  std::erase(connections_, nullptr);
  if (room && waiting.back().revents != 0) accept_one();
  return true;
}

void RecordReceiver::accept_one() {
  UniqueFd fd(accept4(listening_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (!fd.valid()) {
    // Where descriptors have run out, it waits on and is asked again, not at once.
    if (errno != EAGAIN && errno != ECONNABORTED) (void)poll(nullptr, 0, kPatienceMs);
    return;
  }
  std::uint64_t number = 0;
  {
    const std::lock_guard lock(mutex_);
    number = ++totals_.connections;
  }
  connections_.push_back(std::make_unique<Connection>(std::move(fd), number));
}

bool RecordReceiver::read_from(Connection& connection) {
  const ssize_t count =
      read(connection.fd.get(), connection.buffer + connection.held, sizeof connection.buffer - connection.held);
  if (count < 0) {
    if (errno == EAGAIN || errno == EINTR) return true;
    end(connection, std::strerror(errno));
    return false;
  }
  if (count == 0) {
    if (connection.held != 0) end(connection, "it ended there");
    return false;
  }
  const std::size_t octets = connection.held + static_cast<std::size_t>(count);
  std::size_t at = 0;
  for (; octets - at >= kRawRecordOctets; at += kRawRecordOctets) {
    intake_.add_or_lose(RawRecordOctets(connection.buffer + at, kRawRecordOctets));
  }
  connection.held = octets - at;
  connection.offset += at;
  std::memmove(connection.buffer, connection.buffer + at, connection.held);
  intake_.publish();
  return true;
}

/// A connection that did not end between two records.
void RecordReceiver::end(const Connection& connection, const std::string& why) {
  const std::lock_guard lock(mutex_);
  if (connection.held != 0) ++totals_.partial_records;
  if (news_.size() >= kMostNews) return;
  std::string text = "--input records+unix:" + path_ + ": connection " + std::to_string(connection.number) + ": ";
  if (connection.held != 0) {
    text += "the raw record at offset " + std::to_string(connection.offset) +
            " is cut: " + std::to_string(connection.held) + " of its " + std::to_string(kRawRecordOctets) +
            " octets came: ";
  }
  news_.push_back(text + why);
}

}  // namespace weir
