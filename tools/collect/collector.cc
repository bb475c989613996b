#include "tools/collect/collector.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <tuple>

#include "proto/base/number_text.h"
#include "proto/decode/message_dump.h"
#include "proto/record/flow_json.h"
#include "tools/collect/begun_file.h"

namespace weir {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::size_t kStreamBufferOctets = 65'536;
/// How long one socket may keep the others waiting.
constexpr auto kTurn = std::chrono::milliseconds(50);

std::uint64_t wall_clock_ns() {
  return static_cast<std::uint64_t>(
      std::chrono::nanoseconds(std::chrono::system_clock::now().time_since_epoch()).count());
}

}  // namespace

tl::expected<std::vector<std::string>, std::string> Collector::listen(const ListenUri& uri) {
  auto socket = open_listening_socket(uri);
  if (!socket) return tl::make_unexpected(socket.error());
  if (buffers_ == nullptr) buffers_ = std::make_shared<DatagramBuffers>();
  stream_buffer_.resize(kStreamBufferOctets);
  std::vector<std::string> lines = std::move(socket->warnings);
  lines.push_back(fmt::format("listening on {}://{}", scheme_name(uri.kind), socket->address));
  sockets_.push_back(std::move(*socket));
  return lines;
}

void Collector::take_record(RecordView received, const RecordDetails* details, const IpAddress& sampler_address,
                            std::string_view monitor) {
  const RecordView record = outputs_.prefixes == nullptr ? received : outputs_.prefixes->add(received);
  // 0: nobody told the rate.
  const std::uint64_t rate = outputs_.scale && record->sampling_rate != 0 ? record->sampling_rate : 1;
  totals_.add(*record, rate);
  printer_.print(record, details, sampler_address, monitor);
  if (outputs_.sums != nullptr) {
    outputs_.sums->add(record, details != nullptr ? address_of_exporter(details->exporter) : sampler_address.text(),
                       rate);
  }
  if (outputs_.forwarder != nullptr) outputs_.forwarder->add(record, monitor);
}

void Collector::take_datagram(const DatagramOrigin& origin, std::span<const std::uint8_t> datagram) {
  ++counts_.datagrams;
  counts_.wire_octets += datagram.size();
  // The decoder counts the error by name; records decoded before it are good.
  static_cast<void>(decoder_.decode(origin, datagram, decoded_));
  if (outputs_.dump) {
    printer_.print_text(fmt::format("{}: ", origin.exporter));
    const TemplateFinder find_template = [&](const MessageHeader& header, std::uint16_t id) {
      return decoder_.find_template(origin, header, id);
    };
    printer_.print_text(dump_message(datagram, find_template, outputs_.raw ? DumpValues::raw : DumpValues::text));
    printer_.print_text(dump_octets(datagram));
  }
  const SubTemplateFinder find_template = [&](std::uint16_t id) {
    return decoder_.find_template(origin, decoded_.header, id);
  };
  // What sFlow samples is the agent's, whoever sent the datagram.
  const std::string agent = decoded_.agent.text();
  const std::string_view exporter = agent.empty() ? origin.exporter : agent;
  for (std::size_t i = 0; i < decoded_.flows.size(); ++i) {
    const RecordDetails details{exporter, decoded_.details[i], decoded_, find_template};
    const auto values = std::span(decoded_.values).subspan(details.flow.first_value, details.flow.value_count);
    const bool sampled = packet_section_.fill(decoded_.flows[i], values, sampled_, details.flow.header_protocol);
    take_record(sampled ? sampled_.view() : decoded_.flows[i], &details, {});
  }
  if (!outputs_.options) return;
  for (const DecodedOptions& options : decoded_.options) {
    printer_.print_options(exporter, decoded_, options, find_template);
  }
}

tl::expected<void, std::string> Collector::flush() {
  if (outputs_.forwarder != nullptr) outputs_.forwarder->flush();
  if (outputs_.prefixes != nullptr) outputs_.prefixes->tell_news();
  return printer_.flush();
}

bool Collector::receive_datagrams(int descriptor, Clock::time_point until) {
  bool any = false;
  while (const unsigned count = buffers_->receive(descriptor)) {
    any = true;
    // The exporter's name is its address and port; which of them identifies it depends on the version (flow_decoder.h).
    const std::uint64_t now_ns = wall_clock_ns();
    for (unsigned i = 0; i < count; ++i) take_datagram({buffers_->exporter(i), now_ns}, buffers_->datagram(i));
    if (Clock::now() >= until) break;
  }
  return any;
}

bool Collector::make_room_for(const std::string& newcomer) {
  const std::string_view address = address_of_exporter(newcomer);
  const auto of_address = [&](const Connection& one) { return address_of_exporter(one.peer) == address; };
  const bool has_share = std::count_if(connections_.begin(), connections_.end(), of_address) >=
                         static_cast<std::ptrdiff_t>(kMaxConnectionsOfAddress);
  if (!has_share && connections_.size() < kMaxConnections) return true;
  auto victim = connections_.end();
  for (auto one = connections_.begin(); one != connections_.end(); ++one) {
    if (has_share && !of_address(*one)) continue;
    // Connections that sent nothing are closed first, then those that were silent longest.
    if (victim == connections_.end() || std::tie(one->spoke, one->heard) < std::tie(victim->spoke, victim->heard)) {
      victim = one;
    }
  }
  if (victim->spoke && Clock::now() - victim->heard < kGrace) return false;
  if (victim->ipfix) decoder_.end_session(victim->peer, victim->session);
  connections_.erase(victim);
  ++counts_.connections_closed;
  return true;
}

bool Collector::accept_connections(const ListeningSocket& socket) {
  bool any = false;
  for (;;) {
    sockaddr_storage address{};
    socklen_t length = sizeof address;
    UniqueFd peer(::accept4(socket.descriptor.get(), reinterpret_cast<sockaddr*>(&address), &length,
                            SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (peer.get() < 0) return any;
    any = true;
    std::string name = socket_address_text(address, length);
    if (!make_room_for(name)) {
      ++counts_.connections_refused;
      continue;
    }
    ++counts_.connections;
    Connection& connection = connections_.emplace_back();
    connection.descriptor = std::move(peer);
    connection.ipfix = socket.kind == ListenUri::Kind::ipfix_tcp;
    connection.peer = std::move(name);
    connection.session = ++sessions_;
    connection.heard = Clock::now();
  }
}

tl::expected<void, std::string> Collector::feed(Connection& connection, std::span<const std::uint8_t> octets) {
  const auto hear = [&connection] {
    connection.spoke = true;
    connection.heard = Clock::now();
  };
  if (connection.ipfix) {
    // Nobody knows when a file's messages were received.
    const std::uint64_t now_ns = connection.descriptor.get() < 0 ? 0 : wall_clock_ns();
    return connection.messages.feed(octets, [&](std::span<const std::uint8_t> message) {
      hear();
      take_datagram({connection.peer, now_ns, connection.session}, message);
    });
  }
  counts_.wire_octets += octets.size();
  const std::uint64_t before = connection.stream.records();
  auto fed = connection.stream.feed(octets, [&](RecordView record, const IpAddress& sampler, std::string_view monitor) {
    if (outputs_.dump) {
      char text[kFlowJsonMaxOctets];
      const auto length = static_cast<std::size_t>(write_flow_json(text, record, sampler, monitor) - text);
      printer_.print_text(fmt::format("{}: weir.v1.FlowRecord {}", connection.peer, std::string_view(text, length)));
    }
    take_record(record, nullptr, sampler, monitor);
  });
  if (connection.stream.records() != before) hear();
  return fed;
}

tl::expected<void, std::string> Collector::ended(const Connection& connection) const {
  return connection.ipfix ? connection.messages.finish() : connection.stream.finish();
}

bool Collector::receive_stream(Connection& connection, Clock::time_point until) {
  for (;;) {
    const ssize_t octets = ::read(connection.descriptor.get(), stream_buffer_.data(), stream_buffer_.size());
    if (octets < 0 && errno == EINTR) continue;
    if (octets < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return true;
    if (octets <= 0) {  // the peer is done, or gone
      if (!ended(connection)) ++counts_.streams_cut_off;
      break;
    }
    if (!feed(connection, {stream_buffer_.data(), static_cast<std::size_t>(octets)})) {
      ++counts_.streams_malformed;
      break;
    }
    if (Clock::now() >= until) return true;
  }
  if (connection.ipfix) decoder_.end_session(connection.peer, connection.session);
  return false;
}

tl::expected<void, std::string> Collector::run(int signal_descriptor, int hangup_descriptor,
                                               std::uint64_t duration_ns) {
  const auto start = Clock::now();
  for (;;) {
    int wait_ms = -1;
    if (duration_ns != 0) {
      const auto left = start + std::chrono::nanoseconds(duration_ns) - Clock::now();
      if (left <= Clock::duration::zero()) break;
      // Round up, so that the last millisecond is not spent polling; wait at most an hour at a time.
      wait_ms = static_cast<int>(
          std::min<std::int64_t>(3'600'000, std::chrono::ceil<std::chrono::milliseconds>(left).count()));
    }
    std::vector<pollfd> polled{{signal_descriptor, POLLIN, 0}, {hangup_descriptor, POLLIN, 0}};
    for (const ListeningSocket& socket : sockets_) polled.push_back({socket.descriptor.get(), POLLIN, 0});
    for (const Connection& connection : connections_) polled.push_back({connection.descriptor.get(), POLLIN, 0});
    if (::poll(polled.data(), polled.size(), wait_ms) < 0 && errno != EINTR) {
      return tl::make_unexpected(fmt::format("poll: {}", std::strerror(errno)));
    }
    if (polled[0].revents != 0) break;
    if (polled[1].revents != 0) outputs_.hang_up(hangup_descriptor);

    // Serve connections first: accepting adds to their list, which must still match what was polled.
    std::size_t place = 2 + sockets_.size();
    for (auto connection = connections_.begin(); connection != connections_.end(); ++place) {
      const bool over = polled[place].revents != 0 && !receive_stream(*connection, Clock::now() + kTurn);
      connection = over ? connections_.erase(connection) : std::next(connection);
    }
    for (std::size_t i = 0; i < sockets_.size(); ++i) {
      if (polled[2 + i].revents == 0) continue;
      if (sockets_[i].udp()) {
        receive_datagrams(sockets_[i].descriptor.get(), Clock::now() + kTurn);
      } else {
        accept_connections(sockets_[i]);
      }
    }
    if (auto flushed = flush(); !flushed) return flushed;
  }
  drain();
  return flush();
}

void Collector::drain() {
  const auto until = Clock::now() + kLongestDrain;
  for (ListeningSocket& socket : sockets_) {
    if (socket.udp()) {
      receive_datagrams(socket.descriptor.get(), until);
    } else {
      accept_connections(socket);
    }
  }
  for (Connection& connection : connections_) {
    // This program's end cuts open connections, so a partial message there is not an error of the stream.
    receive_stream(connection, until);
  }
  connections_.clear();
}

tl::expected<void, std::string> Collector::read_file(const std::string& path, int signal_descriptor) {
  const std::string name = path == "-" ? "standard input" : printable(path);
  UniqueFd file(path == "-" ? ::dup(STDIN_FILENO) : ::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0) return tl::make_unexpected(fmt::format("{}: {}", name, std::strerror(errno)));
  stream_buffer_.resize(kStreamBufferOctets);

  // Read enough octets to recognise the format; a pipe may deliver them one by one.
  std::vector<std::uint8_t> beginning;
  while (beginning.size() < 4) {
    pollfd polled[] = {{signal_descriptor, POLLIN, 0}, {file.get(), POLLIN, 0}};
    if (::poll(polled, 2, -1) < 0 && errno != EINTR) {
      return tl::make_unexpected(fmt::format("poll: {}", std::strerror(errno)));
    }
    if (polled[0].revents != 0) return {};
    const ssize_t octets = ::read(file.get(), stream_buffer_.data(), stream_buffer_.size());
    if (octets < 0 && errno == EINTR) continue;
    if (octets < 0) return tl::make_unexpected(fmt::format("{}: {}", name, std::strerror(errno)));
    if (octets == 0) break;
    beginning.insert(beginning.end(), stream_buffer_.begin(), stream_buffer_.begin() + octets);
  }
  if (!CaptureDatagrams::is_capture(beginning)) {
    return read_stream(file.get(), name, beginning, signal_descriptor);
  }
  std::FILE* const stream = BegunFile::open(std::move(file), std::move(beginning));
  if (stream == nullptr) return tl::make_unexpected(fmt::format("{}: {}", name, std::strerror(errno)));
  auto capture = CaptureDatagrams::open(stream, name);
  if (!capture) return tl::make_unexpected(capture.error());
  return read_capture(std::move(*capture), signal_descriptor);
}

tl::expected<void, std::string> Collector::read_stream(int descriptor, const std::string& name,
                                                       std::span<const std::uint8_t> beginning, int signal_descriptor) {
  Connection connection;
  connection.peer = name;
  connection.session = ++sessions_;
  // No protobuf stream begins with a zero: a FlowRecord of no octets is none.
  connection.ipfix = beginning.size() >= 2 && beginning[0] == 0 && beginning[1] == 10;
  const auto beginning_is = [&](std::initializer_list<std::uint8_t> magic) {
    return beginning.size() >= magic.size() && std::equal(magic.begin(), magic.end(), beginning.begin());
  };
  const auto wrong = [&, before = totals_.records()](const std::string& what) {
    const bool unknown = !connection.ipfix && totals_.records() == before;
    return tl::make_unexpected(fmt::format(
        "{}: {}{}", name, what,
        !unknown                                 ? ""
        : beginning_is({0x28, 0xb5, 0x2f, 0xfd}) ? "; it is compressed: 'zstd -dc FILE | weir-collect -' reads it"
        : beginning_is({0x04, 0x22, 0x4d, 0x18}) ? "; it is compressed: 'lz4 -dc FILE | weir-collect -' reads it"
        : beginning_is({0x1f, 0x8b})
            ? "; it is compressed: 'gzip -dc FILE | weir-collect -' reads it"
            : "; a FILE is a capture (pcap, pcapng), IPFIX messages, or weir.v1.FlowRecord messages"));
  };
  std::span<const std::uint8_t> piece = beginning;
  while (!piece.empty()) {
    const auto fed = feed(connection, piece);
    auto flushed = flush();
    if (!fed) return wrong(fed.error());
    if (!flushed) return flushed;
    piece = {};
    while (piece.empty()) {
      pollfd polled[] = {{signal_descriptor, POLLIN, 0}, {descriptor, POLLIN, 0}};
      if (::poll(polled, 2, -1) < 0 && errno != EINTR) {
        return tl::make_unexpected(fmt::format("poll: {}", std::strerror(errno)));
      }
      if (polled[0].revents != 0) return flush();
      if (polled[1].revents == 0) continue;
      const ssize_t octets = ::read(descriptor, stream_buffer_.data(), stream_buffer_.size());
      if (octets < 0 && errno == EINTR) continue;
      if (octets < 0) return tl::make_unexpected(fmt::format("{}: {}", name, std::strerror(errno)));
      if (octets == 0) break;
      piece = {stream_buffer_.data(), static_cast<std::size_t>(octets)};
    }
  }
  if (const auto whole = ended(connection); !whole) return wrong(whole.error());
  return {};
}

tl::expected<void, std::string> Collector::read_capture(CaptureDatagrams capture, int signal_descriptor) {
  constexpr std::uint64_t kLook = 4096;  // datagrams between two looks at the signals and two writes
  CaptureDatagrams::Datagram datagram;
  std::uint64_t taken = 0;
  const std::uint64_t before = sessions_;
  while (capture.next(datagram)) {
    const std::uint64_t session = datagram.session == 0 ? 0 : before + datagram.session;
    sessions_ = std::max(sessions_, session);
    if (datagram.session_ended()) {
      decoder_.end_session(datagram.exporter, session);
      continue;
    }
    take_datagram({datagram.exporter, datagram.received_ns, session}, datagram.octets);
    if (++taken % kLook != 0) continue;
    if (auto flushed = flush(); !flushed) return flushed;
    pollfd polled{signal_descriptor, POLLIN, 0};
    if (::poll(&polled, 1, 0) > 0) break;
  }
  const CaptureDatagrams::Counts counts = capture.counts();
  counts_.capture_packets += counts.packets;
  counts_.capture_datagrams += counts.datagrams;
  counts_.capture_messages += counts.messages;
  counts_.capture_fragments += counts.fragments;
  counts_.capture_cut_off += counts.cut_off;
  counts_.tcp_holes += counts.tcp.holes;
  counts_.tcp_missing_octets += counts.tcp.missing_octets;
  counts_.tcp_out_of_step += counts.tcp.out_of_step;
  counts_.tcp_skipped_octets += counts.tcp.skipped_octets;
  if (auto flushed = flush(); !flushed) return flushed;
  if (!capture.error().empty()) return tl::make_unexpected(capture.error());
  if (taken == 0) {
    return tl::make_unexpected(
        fmt::format("{}: no NetFlow, IPFIX or sFlow message among its {} packets", capture.name(), counts.packets));
  }
  return {};
}

std::uint64_t Collector::kernel_drops() const {
  std::uint64_t drops = 0;
  for (const ListeningSocket& socket : sockets_) {
    if (socket.udp()) drops += kernel_drops_of(socket.descriptor.get());
  }
  return drops;
}

}  // namespace weir
