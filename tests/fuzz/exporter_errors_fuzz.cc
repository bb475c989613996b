// Exporters to files, to streams (TCP, unix sockets; protobuf and IPFIX) and to UDP, whose every system call fails as
// the input wants it: short counts, EAGAIN, ENOSPC, EPIPE, ECONNRESET and others, in any order, at any step.
//
// After every step the books balance: records given = exported + queued + each loss by name. What is exported was
// written to the file, or acknowledged on a connection, as a whole; a file holds nothing else.
//
// The linker puts the __wrap_ functions in the place of the system calls (tests/CMakeLists.txt has the list). They fake
// one file or one socket while an exporter is at work, and are the real ones at any other time. Time is a number.
#include <fcntl.h>
#include <linux/sockios.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdarg>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "control/export/datagram_exporter.h"
#include "control/export/file_exporter.h"
#include "control/export/ipfix_buffer.h"
#include "control/export/socket_exporter.h"
#include "proto/decode/flow_decoder.h"
#include "proto/encode/netflow9_encoder.h"
#include "tests/support/fuzz_choices.h"
#include "tests/support/numbered_record.h"
#include "tests/support/stream_collector.h"

namespace {

using namespace weir;
using test::Choices;
using test::demand;

constexpr int kWriteErrors[] = {ENOSPC, EIO, EDQUOT, EFBIG, EPIPE, EAGAIN, EINTR};
constexpr int kSendErrors[] = {EPIPE, ECONNRESET, ETIMEDOUT, ENOBUFS, EAGAIN, EAGAIN, EINTR, EHOSTUNREACH};
constexpr int kConnectErrors[] = {ECONNREFUSED, EINPROGRESS, EINPROGRESS, ENETUNREACH, EINTR, EACCES};
constexpr int kOpenErrors[] = {ENOSPC, EACCES, EMFILE, EROFS};
constexpr int kDatagramErrors[] = {EAGAIN, ENOBUFS, ECONNREFUSED, EMSGSIZE, EPERM, EINVAL, EINTR, EIO};

/// What the faked system calls do, and what they saw.
struct Kernel {
  Choices& choices;
  bool is_unix = false;

  struct Connection {
    std::string stream;            ///< all that was sent on it
    std::size_t acknowledged = 0;  ///< so many octets of it are with the peer
  };
  std::vector<Connection> connections;
  std::vector<std::vector<std::uint8_t>> datagrams;  ///< those that went out
  bool cannot_cut = false;                           ///< a file was not cut back when it should have been

  /// A choice of the input's, and what it says; 0: all goes well.
  int error_of(std::span<const int> errors) {
    const std::uint8_t choice = choices.octet();
    return choice < 0x80 ? 0 : errors[choice % errors.size()];
  }
  /// So many of `most` octets.
  std::size_t part_of(std::size_t most) {
    const std::uint8_t choice = choices.octet();
    if (choice < 0xa0 || most < 2) return most;
    return 1 + (choice * std::size_t{7919} + choices.octet()) % (most - 1);
  }
  Connection& connection() {
    if (connections.empty()) connections.emplace_back();
    return connections.back();
  }
  /// The peer acknowledges some more.
  void acknowledge() {
    Connection& now = connection();
    const std::size_t outstanding = now.stream.size() - now.acknowledged;
    const std::uint8_t choice = choices.octet();
    if (choice < 0x60) now.acknowledged = now.stream.size();
    if (choice >= 0xc0) now.acknowledged += outstanding * (choice - 0xc0U) / 0x40;
  }
};

Kernel* faked = nullptr;  ///< while an exporter is at work

/// Makes `kernel` answer as long as it lives.
class Faking {
 public:
  explicit Faking(Kernel& kernel) { faked = &kernel; }
  Faking(const Faking&) = delete;
  Faking& operator=(const Faking&) = delete;
  ~Faking() { faked = nullptr; }
};

int failed(int error) {
  errno = error;
  return -1;
}

}  // namespace

// The linker's names for the real functions and for those that stand in their place.
// NOLINTBEGIN(bugprone-reserved-identifier)
extern "C" {
ssize_t __real_write(int fd, const void* octets, size_t count);
ssize_t __real_send(int fd, const void* octets, size_t count, int flags);
ssize_t __real_recv(int fd, void* octets, size_t count, int flags);
ssize_t __real_recvmsg(int fd, msghdr* message, int flags);
int __real_sendmmsg(int fd, mmsghdr* messages, unsigned count, int flags);
int __real_socket(int family, int type, int protocol);
int __real_connect(int fd, const sockaddr* address, socklen_t length);
int __real_getsockopt(int fd, int level, int name, void* value, socklen_t* length);
int __real_poll(pollfd* waits, nfds_t count, int timeout_ms);
int __real_ioctl(int fd, unsigned long request, void* value);
int __real_open(const char* path, int flags, mode_t mode);
int __real_close(int fd);
int __real_ftruncate(int fd, off_t octets);

ssize_t __wrap_write(int fd, const void* octets, size_t count) {
  if (faked == nullptr) return __real_write(fd, octets, count);
  if (const int error = faked->error_of(kWriteErrors); error != 0) return failed(error);
  return __real_write(fd, octets, faked->part_of(count));
}

ssize_t __wrap_send(int fd, const void* octets, size_t count, int flags) {
  if (faked == nullptr) return __real_send(fd, octets, count, flags);
  if (const int error = faked->error_of(kSendErrors); error != 0) return failed(error);
  const std::size_t part = faked->part_of(count);
  faked->connection().stream.append(static_cast<const char*>(octets), part);
  return static_cast<ssize_t>(part);
}

ssize_t __wrap_recv(int fd, void* octets, size_t count, int flags) {
  if (faked == nullptr) return __real_recv(fd, octets, count, flags);
  const std::uint8_t choice = faked->choices.octet();
  if (choice < 0xe0) return failed(EAGAIN);
  if (choice < 0xe8) return failed(EINTR);
  if (choice < 0xf0) return failed(ECONNRESET);
  return choice < 0xf8 ? 0 : 1;  // the peer closed it; or said something, which it never should
}

/// ICMP that came back, with the first octets of a datagram.
ssize_t __wrap_recvmsg(int fd, msghdr* message, int flags) {
  if (faked == nullptr) return __real_recvmsg(fd, message, flags);
  const std::uint8_t choice = faked->choices.octet();
  if (choice < 0xc0 || faked->datagrams.empty()) return failed(EAGAIN);
  const auto& back =
      faked->datagrams[faked->datagrams.size() - 1 - choice % std::min<std::size_t>(8, faked->datagrams.size())];
  const std::size_t octets =
      std::min({back.size(), message->msg_iov->iov_len, std::size_t{choice % 2 == 0 ? 24U : 8U}});
  std::memcpy(message->msg_iov->iov_base, back.data(), octets);
  cmsghdr* const header = CMSG_FIRSTHDR(message);
  header->cmsg_level = SOL_IP;
  header->cmsg_type = 11;  // IP_RECVERR
  header->cmsg_len = CMSG_LEN(16);
  // struct sock_extended_err: errno, origin (2: ICMP), type, code, padding, info, data.
  const std::uint32_t what[4] = {ECONNREFUSED, 2U | 3U << 8 | 3U << 16, 0, 0};
  std::memcpy(CMSG_DATA(header), what, sizeof what);
  message->msg_controllen = CMSG_SPACE(16);
  return static_cast<ssize_t>(octets);
}

int __wrap_sendmmsg(int fd, mmsghdr* messages, unsigned count, int flags) {
  if (faked == nullptr) return __real_sendmmsg(fd, messages, count, flags);
  if (const int error = faked->error_of(kDatagramErrors); error != 0) return failed(error);
  const auto taken = static_cast<unsigned>(faked->part_of(count));
  for (unsigned i = 0; i < taken; ++i) {
    const msghdr& message = messages[i].msg_hdr;
    for (std::size_t part = 0; part < message.msg_iovlen; ++part) {
      const auto* const octets = static_cast<const std::uint8_t*>(message.msg_iov[part].iov_base);
      faked->datagrams.emplace_back(octets, octets + message.msg_iov[part].iov_len);
    }
  }
  return static_cast<int>(taken);
}

int __wrap_socket(int family, int type, int protocol) {
  if (faked == nullptr) return __real_socket(family, type, protocol);
  if (faked->choices.octet() >= 0xf0) return failed(EMFILE);
  return __real_open("/dev/null", O_RDWR | O_CLOEXEC, 0);
}

int __wrap_connect(int fd, const sockaddr* address, socklen_t length) {
  if (faked == nullptr) return __real_connect(fd, address, length);
  const int error = faked->error_of(kConnectErrors);
  if (error == 0 || error == EINPROGRESS || error == EINTR) faked->connections.emplace_back();
  return error == 0 ? 0 : failed(error);
}

int __wrap_getsockopt(int fd, int level, int name, void* value, socklen_t* length) {
  if (faked == nullptr || name != SO_ERROR) return __real_getsockopt(fd, level, name, value, length);
  const std::uint8_t choice = faked->choices.octet();
  const int error = choice < 0xd0 ? 0 : choice < 0xe8 ? ECONNREFUSED : ETIMEDOUT;
  std::memcpy(value, &error, sizeof error);
  return 0;
}

int __wrap_poll(pollfd* waits, nfds_t count, int timeout_ms) {
  if (faked == nullptr) return __real_poll(waits, count, timeout_ms);
  if (faked->choices.octet() >= 0xc0) return 0;
  for (nfds_t i = 0; i < count; ++i) waits[i].revents = waits[i].events;
  return static_cast<int>(count);
}

int __wrap_ioctl(int fd, unsigned long request, ...) {
  va_list more;
  va_start(more, request);
  void* const value = va_arg(more, void*);
  va_end(more);
  if (faked == nullptr || request != SIOCOUTQ) return __real_ioctl(fd, request, value);
  if (faked->choices.octet() >= 0xf0) return failed(ENOTCONN);
  faked->acknowledge();
  const Kernel::Connection& now = faked->connection();
  const auto outstanding = static_cast<int>(now.stream.size() - now.acknowledged);
  std::memcpy(value, &outstanding, sizeof outstanding);
  return 0;
}

int __wrap_open(const char* path, int flags, ...) {
  mode_t mode = 0;
  if ((flags & O_CREAT) != 0) {
    va_list more;
    va_start(more, flags);
    mode = va_arg(more, mode_t);
    va_end(more);
  }
  if (faked == nullptr) return __real_open(path, flags, mode);
  const int error = faked->error_of(kOpenErrors);
  return error != 0 ? failed(error) : __real_open(path, flags, mode);
}

int __wrap_close(int fd) {
  const int result = __real_close(fd);
  if (faked == nullptr) return result;
  return faked->choices.octet() >= 0xf0 ? failed(EDQUOT) : result;
}

int __wrap_ftruncate(int fd, off_t octets) {
  if (faked == nullptr) return __real_ftruncate(fd, octets);
  if (faked->choices.octet() >= 0xf0) {
    faked->cannot_cut = true;
    return failed(EIO);
  }
  return __real_ftruncate(fd, octets);
}
}
// NOLINTEND(bugprone-reserved-identifier)

namespace {

/// Every fifth one of IPv6.
FlowRecord numbered(std::uint32_t number) {
  FlowRecord record = test::numbered_record(number);
  if (number % 5 == 4) {
    record.ip_version = 6;
    record.ether_type = 0x86dd;
  }
  return record;
}

/// Drives an exporter as its thread would, with a clock that the input sets, and looks at the books after every step.
class Driver {
 public:
  Driver(Kernel& kernel, ExportQueue& books, Exporter& exporter)
      : kernel_(kernel), books_(books), exporter_(exporter) {}

  void give(std::uint32_t count) {
    auto batch = std::make_shared<RecordBatch>();
    for (std::uint32_t i = 0; i < count; ++i) batch->append(numbered(static_cast<std::uint32_t>(given_.records) + i));
    const RecordTotals totals = totals_of(batch->span());
    if (!books_.push(batch)) books_.refuse(*batch);
    given_ += totals;
    check();
  }
  void advance(std::chrono::nanoseconds by) { now_ += by; }
  void close() { books_.close(ExportTime::max()); }
  [[nodiscard]] bool over() const { return over_; }

  /// One turn of ExporterThread::run().
  void turn() {
    if (over_) return;
    if (exporter_.failure()) return abandon(exporter_.failure()->loss);
    if (exporter_.due() <= now_) {
      act([&] { exporter_.tick(now_); });
      if (exporter_.failure()) return;
    }
    const bool last = books_.closed() && books_.nothing_waits();
    if (last) {
      bool done = false;
      act([&] { done = exporter_.drain(now_); });
      over_ = done && !exporter_.failure();
      if (over_) demand(snapshot().queued.records == 0);
      return;
    }
    if (exporter_.failure() || exporter_.ready() > now_) return;
    const RecordSpan records = books_.wait_records(ExportTime::min(), 1024);
    if (records.empty()) return;
    std::size_t taken = 0;
    act([&] { taken = exporter_.take(records, now_); });
    books_.consumed(taken);
  }
  /// The deadline of a shutdown, or a failure for good.
  void abandon(ExportLoss loss) {
    if (over_) return;
    act([&] { exporter_.abandon(loss); });
    if (exporter_.failure()) {
      books_.fail(exporter_.failure()->why, loss);
    } else {
      books_.close(now_);
      books_.lose_waiting(loss);
    }
    over_ = true;
    check();
    demand(snapshot().queued.records == 0);
  }
  [[nodiscard]] ExporterSnapshot snapshot() const { return books_.snapshot(); }

 private:
  template <typename Act>
  void act(const Act& what) {
    {
      const Faking faking(kernel_);
      what();
    }
    check();
  }
  void check() const {
    const ExporterSnapshot seen = snapshot();
    RecordTotals sum = seen.exported;
    sum += seen.queued;
    for (const auto& [name, totals] : seen.lost) sum += totals;
    demand(sum == given_);
    demand(seen.drained == given_);
  }

  Kernel& kernel_;
  ExportQueue& books_;
  Exporter& exporter_;
  ExportTime now_{std::chrono::hours(1)};
  RecordTotals given_;
  bool over_ = false;
};

/// The whole life of an exporter, as the input wants it.
void run_life(Choices& choices, Driver& driver) {
  constexpr std::chrono::nanoseconds kSteps[] = {std::chrono::milliseconds(1), std::chrono::milliseconds(250),
                                                 std::chrono::seconds(2), std::chrono::seconds(40)};
  for (int step = 0; step < 300 && !choices.empty() && !driver.over(); ++step) {
    const std::uint8_t choice = choices.octet();
    if (choice % 8 == 0) driver.give(1U + choice / 8U);
    if (choice == 0xff) driver.give(3000);
    driver.advance(kSteps[choice / 4 % 4]);
    driver.turn();
  }
  driver.close();
  for (int step = 0; step < 60 && !driver.over(); ++step) {
    driver.advance(std::chrono::seconds(1));
    driver.turn();
  }
}

std::set<test::RecordIdentity> identities(const test::StreamRecords& read) {
  demand(read.fault.empty());
  return {read.records.begin(), read.records.end()};
}

void run_stream(Choices& choices, Kernel& kernel, bool ipfix, bool reconnect) {
  ExportQueue books("stream", std::size_t{1} << 20);
  const auto endpoints = resolve("127.0.0.1", 9, SOCK_STREAM, Names::refused);
  demand(endpoints.has_value());
  SocketOptions options;
  options.reconnect = reconnect;
  std::unique_ptr<StreamBuffer> buffer;
  if (ipfix) {
    buffer = std::make_unique<IpfixBuffer>(TemplateOptions{}, ExportContext{}, books);
  } else {
    buffer = std::make_unique<RecordBuffer>(std::make_unique<ProtobufEncoding>(), 4096, 65'536);
  }
  SocketExporter exporter(kernel.is_unix ? Lookup(Endpoints{unix_endpoint("/nonexistent")}) : Lookup(*endpoints),
                          "peer", options, books, std::move(buffer));
  Driver driver(kernel, books, exporter);
  run_life(choices, driver);
  if (!driver.over()) driver.abandon(exporter.leftover());

  // A record is exported once, and lies as a whole in what a peer has.
  std::set<test::RecordIdentity> arrived;
  const auto parse = ipfix ? test::ipfix_records_of : test::protobuf_records_of;
  for (const Kernel::Connection& one : kernel.connections) {
    static_cast<void>(identities(parse(one.stream)));
    arrived.merge(identities(parse(one.stream.substr(0, one.acknowledged))));
  }
  demand(driver.snapshot().exported.records <= arrived.size());
}

void run_file(Choices& choices, Kernel& kernel, Compression compression, bool retries) {
  static const std::string kPath =
      (std::filesystem::exists("/dev/shm") ? "/dev/shm" : "/tmp") + ("/weir-fuzz-" + std::to_string(getpid()));
  ::unlink(kPath.c_str());
  auto sink = FileSink::open(kPath);
  demand(sink.has_value() && sink->begin(false));
  ExportQueue books("file", std::size_t{1} << 20);
  ExporterSnapshot end;
  {
    FileExporter exporter(std::move(*sink), kPath, std::make_unique<RecordBuffer>(std::make_unique<ProtobufEncoding>()),
                          {compression, retries, false}, books);
    Driver driver(kernel, books, exporter);
    run_life(choices, driver);
    if (!driver.over()) driver.abandon(exporter.leftover());
    end = driver.snapshot();
  }
  std::ifstream in(kPath, std::ios::binary);
  const std::string content((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  ::unlink(kPath.c_str());
  if (compression != Compression::none || kernel.cannot_cut) return;
  const test::StreamRecords held = test::protobuf_records_of(content);
  demand(held.fault.empty() && !held.cut_off);
  demand(held.records.size() == end.exported.records);
  demand(identities(held).size() == held.records.size());
}

void run_datagrams(Choices& choices, Kernel& kernel, bool gso) {
  ExportQueue books("datagrams", std::size_t{1} << 20);
  const auto endpoints = resolve("127.0.0.1", 9, SOCK_DGRAM, Names::refused);
  demand(endpoints.has_value());
  std::unique_ptr<DatagramExporter<Netflow9Encoder>> exporter;
  {
    const Faking faking(kernel);
    Netflow9Options options;
    options.announced = true;
    exporter = std::make_unique<DatagramExporter<Netflow9Encoder>>(
        options, DatagramOptions{}, ExportContext{}, UdpPeer(Lookup(*endpoints), "peer", gso, books), books);
  }
  Driver driver(kernel, books, *exporter);
  run_life(choices, driver);
  if (!driver.over()) driver.abandon(exporter->leftover());
  // What is exported went out, each record in one datagram. Without the templates, which a refused datagram took along,
  // nobody can say which.
  std::uint64_t sent = 0;
  FlowDecoder decoder;
  Decoded decoded;
  for (const auto& datagram : kernel.datagrams) {
    demand(decoder.decode("probe", datagram, decoded) == DecodeError::none);
    sent += decoded.flows.size();
  }
  demand(decoder.totals().unknown_template != 0 || driver.snapshot().exported.records <= sent);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Choices choices({data, size});
  const std::uint8_t kind = choices.octet();
  Kernel kernel{choices, (kind & 4) != 0, {}, {}, false};
  const bool lasting = (kind & 8) == 0;
  switch (kind % 4) {
    case 0:
      run_file(choices, kernel, (kind & 4) != 0 ? Compression::zstd : Compression::none, lasting);
      break;
    case 1:
      run_stream(choices, kernel, false, lasting);
      break;
    case 2:
      run_stream(choices, kernel, true, lasting);
      break;
    default:
      run_datagrams(choices, kernel, lasting);
  }
  return 0;
}
