#include "tools/collect/collector.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "tools/collect/netflow9_record.h"

namespace weir {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::size_t kStreamBufferOctets = 65'536;
/// How long one socket may keep the others waiting.
constexpr auto kTurn = std::chrono::milliseconds(50);

}  // namespace

/// Where recvmmsg() puts a burst, and who sent it.
class Collector::DatagramBuffers {
 public:
  static constexpr unsigned kBurst = 32;
  static constexpr std::size_t kLongest = 65'536;  // more than any UDP payload

  DatagramBuffers() : octets_(kBurst * kLongest) {
    for (unsigned i = 0; i < kBurst; ++i) {
      vectors_[i] = {octets_.data() + i * kLongest, kLongest};
      messages_[i].msg_hdr.msg_iov = &vectors_[i];
      messages_[i].msg_hdr.msg_iovlen = 1;
      messages_[i].msg_hdr.msg_name = &senders_[i];
    }
  }

  /// Datagrams received, 0 when there are none.
  unsigned receive(int descriptor) {
    for (mmsghdr& message : messages_) message.msg_hdr.msg_namelen = sizeof(sockaddr_storage);
    const int count = ::recvmmsg(descriptor, messages_, kBurst, MSG_DONTWAIT, nullptr);
    return count > 0 ? static_cast<unsigned>(count) : 0;
  }
  [[nodiscard]] std::span<const std::uint8_t> datagram(unsigned i) const {
    return {octets_.data() + i * kLongest, messages_[i].msg_len};
  }
  /// The text of the sender's address. Bursts mostly have one sender, so the last text is kept.
  const std::string& exporter(unsigned i) {
    const socklen_t length = messages_[i].msg_hdr.msg_namelen;
    if (length != last_length_ || std::memcmp(&senders_[i], &last_sender_, length) != 0) {
      last_sender_ = senders_[i];
      last_length_ = length;
      last_text_ = socket_address_text(last_sender_, length);
    }
    return last_text_;
  }

 private:
  std::vector<std::uint8_t> octets_;
  iovec vectors_[kBurst] = {};
  mmsghdr messages_[kBurst] = {};
  sockaddr_storage senders_[kBurst] = {};
  sockaddr_storage last_sender_ = {};
  socklen_t last_length_ = 0;
  std::string last_text_;
};

tl::expected<std::vector<std::string>, std::string> Collector::listen(const ListenUri& uri) {
  auto socket = open_listening_socket(uri);
  if (!socket) return tl::make_unexpected(socket.error());
  if (buffers_ == nullptr) buffers_ = std::make_shared<DatagramBuffers>();
  stream_buffer_.resize(kStreamBufferOctets);
  constexpr std::string_view kSchemes[] = {"netflow9", "protobuf+tcp", "protobuf+unix"};
  std::vector<std::string> lines = std::move(socket->warnings);
  lines.push_back(fmt::format("listening on {}://{}", kSchemes[static_cast<std::size_t>(uri.kind)], socket->address));
  sockets_.push_back(std::move(*socket));
  return lines;
}

void Collector::take_record(const FlowRecord& record) {
  totals_.add(record);
  printer_.print(record);
}

void Collector::take_datagram(std::string_view exporter, std::span<const std::uint8_t> datagram) {
  ++counts_.datagrams;
  counts_.wire_octets += datagram.size();
  const Netflow9Error error = decoder_.decode(exporter, datagram, decoded_);
  if (decoder_.streams() > streams_.size()) streams_.emplace(exporter, decoded_.header.source_id);
  static_cast<void>(error);  // counted by the decoder under its name; what was decoded before it is good
  for (const DecodedFlow& flow : decoded_.flows) take_record(to_flow_record(flow));
}

bool Collector::receive_datagrams(int descriptor, Clock::time_point until) {
  bool any = false;
  while (const unsigned count = buffers_->receive(descriptor)) {
    any = true;
    // The exporter is address and port: two probes on one host may use the same source id (RFC 3954 section 5.1 has
    // only the address), and a probe that starts again from another port begins with templates and a sequence anew.
    for (unsigned i = 0; i < count; ++i) take_datagram(buffers_->exporter(i), buffers_->datagram(i));
    if (Clock::now() >= until) break;
  }
  return any;
}

bool Collector::accept_connections(int descriptor) {
  bool any = false;
  for (;;) {
    Descriptor peer(::accept4(descriptor, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (peer.get() < 0) return any;
    any = true;
    if (connections_.size() >= kMaxConnections) {
      ++counts_.connections_refused;
      continue;
    }
    ++counts_.connections;
    connections_.push_back({std::move(peer), {}});
  }
}

bool Collector::receive_stream(Connection& connection, Clock::time_point until) {
  for (;;) {
    const ssize_t octets = ::read(connection.descriptor.get(), stream_buffer_.data(), stream_buffer_.size());
    if (octets < 0 && errno == EINTR) continue;
    if (octets < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return true;
    if (octets <= 0) {  // the peer is done, or gone
      if (!connection.stream.finish()) ++counts_.streams_cut_off;
      return false;
    }
    counts_.wire_octets += static_cast<std::uint64_t>(octets);
    const auto fed = connection.stream.feed({stream_buffer_.data(), static_cast<std::size_t>(octets)},
                                            [this](const FlowRecord& record) { take_record(record); });
    if (!fed) {
      ++counts_.streams_malformed;
      return false;
    }
    if (Clock::now() >= until) return true;
  }
}

tl::expected<void, std::string> Collector::run(int signal_descriptor, std::uint64_t duration_ns) {
  const auto start = Clock::now();
  for (;;) {
    int wait_ms = -1;
    if (duration_ns != 0) {
      const auto left = start + std::chrono::nanoseconds(duration_ns) - Clock::now();
      if (left <= Clock::duration::zero()) break;
      // Rounded up, so that the last millisecond is not spent polling; a wait above an hour is cut and taken again.
      wait_ms = static_cast<int>(
          std::min<std::int64_t>(3'600'000, std::chrono::ceil<std::chrono::milliseconds>(left).count()));
    }
    std::vector<pollfd> polled{{signal_descriptor, POLLIN, 0}};
    for (const ListeningSocket& socket : sockets_) polled.push_back({socket.descriptor.get(), POLLIN, 0});
    for (const Connection& connection : connections_) polled.push_back({connection.descriptor.get(), POLLIN, 0});
    if (::poll(polled.data(), polled.size(), wait_ms) < 0 && errno != EINTR) {
      return tl::make_unexpected(fmt::format("poll: {}", std::strerror(errno)));
    }
    if (polled[0].revents != 0) break;

    // Connections first: accepting adds to their list, which must still be what was polled.
    std::size_t place = 1 + sockets_.size();
    for (auto connection = connections_.begin(); connection != connections_.end(); ++place) {
      const bool over = polled[place].revents != 0 && !receive_stream(*connection, Clock::now() + kTurn);
      connection = over ? connections_.erase(connection) : std::next(connection);
    }
    for (std::size_t i = 0; i < sockets_.size(); ++i) {
      if (polled[1 + i].revents == 0) continue;
      if (sockets_[i].kind == ListenUri::Kind::netflow9_udp) {
        receive_datagrams(sockets_[i].descriptor.get(), Clock::now() + kTurn);
      } else {
        accept_connections(sockets_[i].descriptor.get());
      }
    }
    if (auto flushed = printer_.flush(); !flushed) return flushed;
  }
  drain();
  return printer_.flush();
}

void Collector::drain() {
  const auto until = Clock::now() + kLongestDrain;
  for (ListeningSocket& socket : sockets_) {
    if (socket.kind == ListenUri::Kind::netflow9_udp) {
      receive_datagrams(socket.descriptor.get(), until);
    } else {
      accept_connections(socket.descriptor.get());
    }
  }
  for (Connection& connection : connections_) {
    // Whoever is still connected is cut off by this program's end, which is no fault of the stream.
    receive_stream(connection, until);
  }
  connections_.clear();
}

tl::expected<void, std::string> Collector::read_file(const std::string& path, int signal_descriptor) {
  const std::string name = path == "-" ? "standard input" : path;
  Descriptor file(path == "-" ? ::dup(STDIN_FILENO) : ::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0) return tl::make_unexpected(fmt::format("{}: {}", name, std::strerror(errno)));
  stream_buffer_.resize(kStreamBufferOctets);
  MessageStream stream;
  for (;;) {
    pollfd polled[] = {{signal_descriptor, POLLIN, 0}, {file.get(), POLLIN, 0}};
    if (::poll(polled, 2, -1) < 0 && errno != EINTR) {
      return tl::make_unexpected(fmt::format("poll: {}", std::strerror(errno)));
    }
    if (polled[0].revents != 0) return printer_.flush();
    if (polled[1].revents == 0) continue;
    const ssize_t octets = ::read(file.get(), stream_buffer_.data(), stream_buffer_.size());
    if (octets < 0 && errno == EINTR) continue;
    if (octets < 0) return tl::make_unexpected(fmt::format("{}: {}", name, std::strerror(errno)));
    if (octets == 0) break;
    counts_.wire_octets += static_cast<std::uint64_t>(octets);
    const auto fed = stream.feed({stream_buffer_.data(), static_cast<std::size_t>(octets)},
                                 [this](const FlowRecord& record) { take_record(record); });
    auto flushed = printer_.flush();
    if (!fed) return tl::make_unexpected(fmt::format("{}: {}", name, fed.error()));
    if (!flushed) return flushed;
  }
  if (const auto whole = stream.finish(); !whole) {
    return tl::make_unexpected(fmt::format("{}: {}", name, whole.error()));
  }
  return {};
}

std::uint64_t Collector::kernel_drops() const {
  std::uint64_t drops = 0;
  for (const ListeningSocket& socket : sockets_) {
    if (socket.kind == ListenUri::Kind::netflow9_udp) drops += kernel_drops_of(socket.descriptor.get());
  }
  return drops;
}

}  // namespace weir
