#include "tests/support/stream_collector.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <span>
#include <thread>

#include "proto/base/byte_order.h"
#include "proto/decode/flow_decoder.h"
#include "proto/record/flow_protobuf.h"

namespace weir::test {
namespace {

constexpr int kPatience_ms = 20'000;

bool readable(int fd) {
  pollfd waits{fd, POLLIN, 0};
  return poll(&waits, 1, kPatience_ms) > 0;
}

RecordIdentity identity_of(const FlowRecord& record) {
  const auto text = [&](const std::uint8_t* octets) {
    return std::string(reinterpret_cast<const char*>(octets), record.ip_version == 4 ? 4 : 16);
  };
  return {text(record.source_address), text(record.destination_address), record.source_port(),
          record.destination_port()};
}

std::span<const std::uint8_t> octets_of(const std::string& stream) {
  return {reinterpret_cast<const std::uint8_t*>(stream.data()), stream.size()};
}

}  // namespace

StreamCollector::StreamCollector(const std::string& path, int receive_octets)
    : listener_(socket(path.empty() ? AF_INET : AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  if (path.empty()) {
    EXPECT_EQ(setsockopt(listener_.get(), SOL_SOCKET, SO_RCVBUF, &receive_octets, sizeof receive_octets), 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(bind(listener_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    socklen_t length = sizeof address;
    getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address), &length);
    port_ = ntohs(address.sin_port);
  } else {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
    EXPECT_EQ(bind(listener_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  }
  EXPECT_EQ(listen(listener_.get(), 4), 0);
}

bool StreamCollector::accept() {
  if (!readable(listener_.get())) return false;
  connection_ = UniqueFd(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
  streams_.emplace_back();
  return connection_.valid();
}

bool StreamCollector::read(std::size_t octets) {
  std::string& stream = streams_.back();
  const std::size_t enough = octets > SIZE_MAX - stream.size() ? SIZE_MAX : stream.size() + octets;
  char part[65536];
  while (stream.size() < enough) {
    if (!readable(connection_.get())) return false;
    const ssize_t got = ::read(connection_.get(), part, std::min(sizeof part, enough - stream.size()));
    if (got <= 0) return false;
    stream.append(part, static_cast<std::size_t>(got));
  }
  return true;
}

void StreamCollector::read_rest() {
  read(SIZE_MAX);
}

bool StreamCollector::wait_for_unread(int octets) const {
  constexpr unsigned kLooks = 30;
  const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(kPatience_ms);
  int before = -1;
  for (unsigned alike = 0;;) {
    int unread = 0;
    if (ioctl(connection_.get(), FIONREAD, &unread) != 0) return false;
    alike = unread == before ? alike + 1 : 0;
    before = unread;
    if (unread >= octets && alike == kLooks) return true;
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

StreamRecords protobuf_records_of(const std::string& stream) {
  StreamRecords result;
  std::span<const std::uint8_t> rest = octets_of(stream);
  while (!rest.empty()) {
    const DelimitedMessage found = next_delimited(rest);
    if (found.status != DelimitedStatus::complete) {
      result.cut_off = true;
      break;
    }
    OwnedRecord record;
    if (!decode_flow(found.message, record)) {
      result.fault = "a message does not decode as a record";
      break;
    }
    const RecordView view = record;
    result.records.push_back(identity_of(*view));
    rest = rest.subspan(found.consumed);
  }
  return result;
}

StreamRecords ipfix_records_of(const std::string& stream) {
  StreamRecords result;
  FlowDecoder decoder;
  Decoded decoded;
  bool first = true;
  std::span<const std::uint8_t> rest = octets_of(stream);
  while (!rest.empty()) {
    const std::size_t length = rest.size() < 16 ? SIZE_MAX : load_be<std::uint16_t>(rest.data() + 2);
    if (length > rest.size()) {
      result.cut_off = true;
      break;
    }
    if (length < 16 || decoder.decode({"probe", 0}, rest.first(length), decoded) != DecodeError::none) {
      result.fault = "a message that is not IPFIX";
      break;
    }
    if (first) result.first_sequence = load_be<std::uint32_t>(rest.data() + 8);
    first = false;
    if (!decoded.waited.empty()) result.fault = "data before their template";
    for (const RecordView record : decoded.flows) result.records.push_back(identity_of(*record));
    rest = rest.subspan(length);
  }
  if (decoder.totals().sequence_gaps != 0) result.fault = "a gap in the sequence";
  if (decoder.totals().unknown_template != 0) result.fault = "an unknown template";
  return result;
}

}  // namespace weir::test
