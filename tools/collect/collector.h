// Collector: sockets and files in, records out to the sums and the printer.
//
// One thread and one poll(): what arrives is decoded where it was received. NetFlow v9 comes in bursts of up to 32
// datagrams per recvmmsg(), into 32 x 64 KiB = 2 MiB that are allocated once, so no datagram is ever cut. The socket
// asks for 64 MiB of receive buffer: a NetFlow sender does not wait, and 64 MiB hold what a burst brings while this
// program is off its CPU (about 28 000 datagrams of 1 400 octets with the kernel's own overhead: 850 000 records).
// What the kernel drops all the same it counts, and the summary says so.
//
// Memory is bounded whatever is sent: 256 streams (netflow9_decoder.h), 256 connections of at most 68 KiB,
// and the sums (flow_totals.h).
#pragma once

#include <chrono>
#include <cstdint>
#include <list>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <utility>
#include <vector>

#include "proto/netflow9_decoder.h"
#include "tools/collect/flow_printer.h"
#include "tools/collect/flow_totals.h"
#include "tools/collect/listen_uri.h"
#include "tools/collect/message_stream.h"
#include "tools/collect/sockets.h"

namespace weir {

class Collector {
 public:
  Collector(FlowTotals& totals, FlowPrinter& printer) : totals_(totals), printer_(printer) {}

  /// What was received, beside the records themselves.
  struct Counts {
    std::uint64_t datagrams = 0;
    std::uint64_t wire_octets = 0;  ///< of datagrams, streams and files
    std::uint64_t connections = 0;
    std::uint64_t connections_refused = 0;  ///< more than kMaxConnections at once
    std::uint64_t streams_malformed = 0;    ///< ended by octets that are no record
    std::uint64_t streams_cut_off = 0;      ///< ended by the peer within a record
  };

  /// Opens a socket. Returns what to tell the user: where it listens, and what it did not get.
  tl::expected<std::vector<std::string>, std::string> listen(const ListenUri& uri);

  /// Receives until `signal_descriptor` is readable or `duration_ns` (0: for ever) is over, then takes what the sockets
  /// still hold. Error: standard output failed.
  tl::expected<void, std::string> run(int signal_descriptor, std::uint64_t duration_ns);

  /// Reads a file of length-delimited protobuf to its end; "-" is standard input. Error: one line with the record's
  /// number; the records before it were taken.
  tl::expected<void, std::string> read_file(const std::string& path, int signal_descriptor);

  /// One NetFlow datagram as `exporter` sent it.
  void take_datagram(std::string_view exporter, std::span<const std::uint8_t> datagram);

  [[nodiscard]] const Counts& counts() const { return counts_; }
  [[nodiscard]] const Netflow9Decoder& decoder() const { return decoder_; }
  /// (exporter, source id), in order.
  [[nodiscard]] const std::set<std::pair<std::string, std::uint32_t>>& streams() const { return streams_; }
  /// Datagrams that the kernel dropped for want of receive buffer, of all sockets together.
  [[nodiscard]] std::uint64_t kernel_drops() const;

 private:
  static constexpr std::size_t kMaxConnections = 256;
  static constexpr auto kLongestDrain = std::chrono::seconds(5);  ///< for senders that do not stop

  struct Connection {
    Descriptor descriptor;
    MessageStream stream;
  };
  class DatagramBuffers;

  void take_record(const FlowRecord& record);
  bool receive_datagrams(int descriptor, std::chrono::steady_clock::time_point until);
  bool accept_connections(int descriptor);
  /// False: the connection is over.
  bool receive_stream(Connection& connection, std::chrono::steady_clock::time_point until);
  void drain();

  FlowTotals& totals_;
  FlowPrinter& printer_;
  Counts counts_;
  Netflow9Decoder decoder_;
  Netflow9Decoded decoded_;  ///< kept for its memory
  std::set<std::pair<std::string, std::uint32_t>> streams_;
  std::vector<ListeningSocket> sockets_;
  std::list<Connection> connections_;
  std::shared_ptr<DatagramBuffers> buffers_;
  std::vector<std::uint8_t> stream_buffer_;
};

}  // namespace weir
