#include "control/export/netflow9_exporter.h"

#include <fmt/format.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <utility>

#include "control/export/endpoint.h"

namespace weir {
namespace {

constexpr std::uint32_t kIpv4Headers = 20 + 8;
constexpr std::uint32_t kIpv6Headers = 40 + 8;
/// Some 2000 datagrams: what a burst of flows that end together makes while the link is busy.
constexpr int kSendBufferOctets = 4 * 1024 * 1024;

std::uint64_t wall_clock_ns() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(now).count());
}

std::uint64_t to_ns(ExportTime time) {
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::nanoseconds>(time.time_since_epoch()).count());
}

}  // namespace

tl::expected<std::unique_ptr<Netflow9Exporter>, std::string> Netflow9Exporter::open(const ExportUri& uri,
                                                                                    const ExportContext& context,
                                                                                    ExportQueue& books) {
  const auto endpoints = resolve(uri.host, uri.port, SOCK_DGRAM);
  if (!endpoints) return tl::unexpected(endpoints.error());
  int error = 0;
  for (const Endpoint& endpoint : *endpoints) {
    UniqueFd fd(socket(endpoint.family(), SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    // A family that this machine has no route for fails here, and the next address is tried.
    if (!fd.valid() || connect(fd.get(), endpoint.get(), endpoint.length) != 0) {
      error = errno;
      continue;
    }
    const int octets = kSendBufferOctets;
    if (setsockopt(fd.get(), SOL_SOCKET, SO_SNDBUFFORCE, &octets, sizeof octets) != 0) {
      // Without CAP_NET_ADMIN: as much as net.core.wmem_max allows.
      setsockopt(fd.get(), SOL_SOCKET, SO_SNDBUF, &octets, sizeof octets);
    }
    Netflow9Options options;
    options.source_id = uri.source_id;
    options.payload_octets = uri.mtu - (endpoint.family() == AF_INET6 ? kIpv6Headers : kIpv4Headers);
    options.biflow = !uri.uniflow;
    options.template_refresh_ns = uri.template_refresh_ns;
    options.capture_time = context.capture_time;
    options.start_ns = context.capture_time ? context.capture_start_ns : wall_clock_ns();
    return std::unique_ptr<Netflow9Exporter>(new Netflow9Exporter(uri, options, std::move(fd), books));
  }
  return tl::unexpected(fmt::format("cannot reach {}:{}: {}", uri.host, uri.port, error_text(error)));
}

Netflow9Exporter::Netflow9Exporter(const ExportUri& uri, const Netflow9Options& options, UniqueFd socket,
                                   ExportQueue& books)
    : books_(books),
      socket_(std::move(socket)),
      encoder_(options),
      biflow_(options.biflow),
      bucket_(uri.rate, to_ns(ExportClock::now())) {
  open_records_.reserve(512);
}

std::uint32_t Netflow9Exporter::data_records(const FlowRecord& record) const {
  return biflow_ || record.packets[kForward] == 0 || record.packets[kReverse] == 0 ? 1 : 2;
}

std::size_t Netflow9Exporter::take(std::span<const FlowRecord> records, ExportTime now) {
  const std::uint64_t wall_ns = wall_clock_ns();
  wanted_tokens_ = 0;
  std::size_t count = 0;
  for (const FlowRecord& record : records) {
    const std::uint32_t tokens = data_records(record);
    if (!bucket_.take(tokens, to_ns(now))) {
      wanted_tokens_ = tokens;
      break;
    }
    if (!encoder_.add(record, wall_ns)) {
      send_datagram();
      // An empty datagram takes every record.
      static_cast<void>(encoder_.add(record, wall_ns));
    }
    if (open_records_.empty()) first_added_ = now;
    open_records_.push_back(record);
    open_.add(record);
    ++count;
  }
  return count;
}

ExportTime Netflow9Exporter::ready() const {
  if (wanted_tokens_ == 0) return ExportTime::min();
  return ExportTime(std::chrono::duration_cast<ExportTime::duration>(
      std::chrono::nanoseconds(static_cast<std::int64_t>(bucket_.ready_ns(wanted_tokens_)))));
}

ExportTime Netflow9Exporter::due() const {
  return open_records_.empty() ? ExportTime::max() : first_added_ + kFlushAfter;
}

void Netflow9Exporter::tick(ExportTime /*now*/) {
  send_datagram();
}

bool Netflow9Exporter::drain(ExportTime /*now*/) {
  send_datagram();
  check_last();
  socket_.reset();
  return true;
}

void Netflow9Exporter::abandon(ExportLoss loss) {
  books_.lost(open_, loss);
  open_ = {};
  open_records_.clear();
  if (socket_.valid()) check_last();
  socket_.reset();
}

void Netflow9Exporter::last_was_refused() {
  books_.exported_was_lost(last_, ExportLoss::unreachable);
  last_ = {};
  encoder_.refresh_templates();
}

void Netflow9Exporter::check_last() {
  int error = 0;
  socklen_t length = sizeof error;
  if (getsockopt(socket_.get(), SOL_SOCKET, SO_ERROR, &error, &length) == 0 && error == ECONNREFUSED)
    last_was_refused();
}

Netflow9Exporter::Sent Netflow9Exporter::send_open() {
  const std::span<const std::uint8_t> datagram = encoder_.finish(wall_clock_ns());
  Sent result = Sent::failed;
  // ENOBUFS and a full send buffer pass: one more try after a wait for room, and then the datagram is lost by name.
  for (int attempt = 0; attempt < 2;) {
    if (send(socket_.get(), datagram.data(), datagram.size(), MSG_NOSIGNAL) >= 0) {
      books_.exported(open_, 1, datagram.size());
      last_ = open_;
      result = Sent::yes;
      break;
    }
    if (errno == EINTR) continue;
    if (errno == ECONNREFUSED) return Sent::refused;
    if (errno != EAGAIN && errno != EWOULDBLOCK && errno != ENOBUFS) break;
    pollfd waits{socket_.get(), POLLOUT, 0};
    poll(&waits, 1, static_cast<int>(kLongestBlock.count()));
    ++attempt;
  }
  if (result == Sent::failed) books_.lost(open_, ExportLoss::send_failed);
  open_ = {};
  return result;
}

void Netflow9Exporter::send_datagram() {
  if (open_records_.empty()) return;
  if (send_open() == Sent::refused) {
    last_was_refused();
    send_again();
  }
  open_records_.clear();
}

void Netflow9Exporter::send_again() {
  // The templates take room, so the records may make two datagrams now. Each is tried once. What is refused again was
  // not sent, and nobody listens: lost as the one before it.
  open_ = {};
  const auto send_part = [this] {
    const RecordTotals part = open_;
    if (send_open() != Sent::refused) return;
    last_was_refused();
    books_.lost(part, ExportLoss::unreachable);
    open_ = {};
  };
  const std::uint64_t wall_ns = wall_clock_ns();
  for (const FlowRecord& record : open_records_) {
    if (!encoder_.add(record, wall_ns)) {
      send_part();
      static_cast<void>(encoder_.add(record, wall_ns));
    }
    open_.add(record);
  }
  send_part();
}

}  // namespace weir
