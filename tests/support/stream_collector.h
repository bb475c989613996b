// A collector over TCP or a unix stream socket that fails as a test wants it to: it reads some, stalls, closes with
// data unread (so its kernel resets the connection), and is there again. What it read is kept by connection.
//
// records_of() says which whole records such a connection brought, by a parser that is not the exporter's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <tuple>
#include <vector>

#include "proto/base/unique_fd.h"

namespace weir::test {

class StreamCollector {
 public:
  /// `path` empty: TCP on a port of loopback; else a unix socket. `receive_octets`: of a TCP socket's buffer, so that
  /// an exporter soon has to wait.
  explicit StreamCollector(const std::string& path = {}, int receive_octets = 16 * 1024);

  [[nodiscard]] std::uint16_t port() const { return port_; }
  /// Waits for a connection, which is the current one from then on; false when none comes in 20 s.
  bool accept();
  /// Reads until it has `octets` more of the current connection; false when the peer closed it before that.
  bool read(std::size_t octets);
  /// Reads until the peer closes.
  void read_rest();
  /// Reads nothing until so many octets are there to be read and no more come, since the peer waits for room; false
  /// when that takes longer than 20 s.
  [[nodiscard]] bool wait_for_unread(int octets) const;
  /// Closes the current connection. With data unread the kernel says so to the peer: a reset.
  void close() { connection_.reset(); }
  /// Nobody listens any more.
  void stop_listening() { listener_.reset(); }

  /// What was read, of each connection.
  [[nodiscard]] const std::vector<std::string>& streams() const { return streams_; }

 private:
  UniqueFd listener_;
  UniqueFd connection_;
  std::uint16_t port_ = 0;
  std::vector<std::string> streams_;
};

/// What tells records apart: addresses and ports.
using RecordIdentity = std::tuple<std::string, std::string, std::uint32_t, std::uint32_t>;

struct StreamRecords {
  std::vector<RecordIdentity> records;
  bool cut_off = false;              ///< the last message is not whole
  std::string fault;                 ///< a message that cannot be read, a gap in the sequence, an unknown template
  std::uint32_t first_sequence = 0;  ///< IPFIX
};
/// Length-delimited weir.v1.FlowRecord messages.
StreamRecords protobuf_records_of(const std::string& stream);
/// IPFIX messages of one transport session.
StreamRecords ipfix_records_of(const std::string& stream);

}  // namespace weir::test
