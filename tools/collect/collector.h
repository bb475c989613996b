// Collector: sockets and files in, records out to the sums and the printer.
//
// One thread and one poll(): what arrives is decoded where it was received. Datagrams come in bursts of up to
// 32 datagrams per recvmmsg(), into 32 x 64 KiB = 2 MiB that are allocated once, so no datagram is ever cut. The socket
// asks for 64 MiB of receive buffer: a NetFlow sender does not wait, and 64 MiB hold what a burst brings while this
// program is off its CPU (about 28 000 datagrams of 1 400 octets with the kernel's own overhead: 850 000 records).
// What the kernel drops all the same it counts, and the summary says so.
//
// Memory is bounded whatever is sent: templates and streams by --max-memory (flow_decoder.h), 256 connections of at
// most 68 KiB (132 KiB of IPFIX), and the sums (flow_totals.h, sum_by.h). Stalled connections lock nobody out: where
// there are 256, or 64 of one address, one that never sent a message is closed for a new one, else the one silent
// longest if it is so for 10 s.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <span>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "proto/base/unique_fd.h"
#include "proto/decode/flow_decoder.h"
#include "tools/collect/capture_datagrams.h"
#include "tools/collect/datagram_buffers.h"
#include "tools/collect/flow_printer.h"
#include "tools/collect/flow_totals.h"
#include "tools/collect/forwarder.h"
#include "tools/collect/ipfix_stream.h"
#include "tools/collect/listen_uri.h"
#include "tools/collect/message_stream.h"
#include "tools/collect/packet_section.h"
#include "tools/collect/prefix_adder.h"
#include "tools/collect/sockets.h"
#include "tools/collect/sum_by.h"

namespace weir {

class Collector {
 public:
  Collector(FlowTotals& totals, FlowPrinter& printer, const FlowDecoder::Limits& limits = {})
      : totals_(totals), printer_(printer), decoder_(limits) {}

  /// Where records go beside; each may be absent and outlives the collector.
  struct Outputs {
    SumBy* sums = nullptr;
    Forwarder* forwarder = nullptr;
    PrefixAdder* prefixes = nullptr;              ///< adds to each record
    std::function<void(int descriptor)> hang_up;  ///< something can be read from the descriptor of run()
    bool options = false;                         ///< options records are printed, too
    bool dump = false;                            ///< every message is printed field by field
    bool raw = false;                             ///< there, each field as its octets
    bool scale = false;                           ///< sums count what each record stands for
  };
  void set_outputs(const Outputs& outputs) { outputs_ = outputs; }

  /// For data whose exporter sent no template; see FlowDecoder.
  void give_templates(std::span<const TemplateRecord> templates) { decoder_.give_templates(templates); }

  /// What was received, beside the records themselves.
  struct Counts {
    std::uint64_t datagrams = 0;
    std::uint64_t wire_octets = 0;  ///< of datagrams, streams and files
    std::uint64_t connections = 0;
    std::uint64_t connections_refused = 0;  ///< too many, none of which was silent
    std::uint64_t connections_closed = 0;   ///< silent ones, which gave way to others
    std::uint64_t streams_malformed = 0;    ///< ended by octets that are no record
    std::uint64_t capture_packets = 0;      ///< in capture files
    std::uint64_t capture_datagrams = 0;    ///< found there
    std::uint64_t capture_messages = 0;     ///< found there in TCP connections
    std::uint64_t capture_fragments = 0;    ///< IP fragments of which others are missing
    std::uint64_t capture_cut_off = 0;      ///< of the datagrams found, cut by the snapshot length
    std::uint64_t tcp_holes = 0;            ///< in those connections: see TcpStreams::Counts
    std::uint64_t tcp_missing_octets = 0;
    std::uint64_t tcp_out_of_step = 0;
    std::uint64_t tcp_skipped_octets = 0;
    std::uint64_t streams_cut_off = 0;  ///< ended by the peer within a record
  };

  /// Opens a socket. Returns what to tell the user: where it listens, and what it did not get.
  tl::expected<std::vector<std::string>, std::string> listen(const ListenUri& uri);

  /// Receives until `signal_descriptor` is readable or `duration_ns` (0: for ever) is over, then takes what the sockets
  /// still hold. What can be read from `hangup_descriptor` (-1: none) is for Outputs::hang_up. Error: standard output
  /// failed.
  tl::expected<void, std::string> run(int signal_descriptor, int hangup_descriptor, std::uint64_t duration_ns);

  /// Reads a file to its end; "-" is standard input. What it is its first octets tell: a capture (pcap, pcapng), IPFIX
  /// messages (RFC 5655), or length-delimited protobuf. Error: one line with the record's number; the records before it
  /// were taken.
  tl::expected<void, std::string> read_file(const std::string& path, int signal_descriptor);

  /// One NetFlow, IPFIX or sFlow message as `origin.exporter` sent it.
  void take_datagram(const DatagramOrigin& origin, std::span<const std::uint8_t> datagram);

  [[nodiscard]] const Counts& counts() const { return counts_; }
  [[nodiscard]] const FlowDecoder& decoder() const { return decoder_; }
  /// Datagrams that the kernel dropped for want of receive buffer, of all sockets together.
  [[nodiscard]] std::uint64_t kernel_drops() const;

 private:
  static constexpr std::size_t kMaxConnections = 256;
  static constexpr std::size_t kMaxConnectionsOfAddress = kMaxConnections / 4;
  /// How long a connection that has sent something may be silent before it gives way to a new one.
  static constexpr auto kGrace = std::chrono::seconds(10);
  static constexpr auto kLongestDrain = std::chrono::seconds(5);  ///< for senders that do not stop

  struct Connection {
    UniqueFd descriptor;
    bool ipfix = false;
    std::string peer;
    std::uint64_t session = 0;                    ///< its number for the decoder
    bool spoke = false;                           ///< a whole message or record came
    std::chrono::steady_clock::time_point heard;  ///< the last of these; before it, when it was accepted
    MessageStream stream;
    IpfixStream messages;
  };

  void take_record(RecordView record, const RecordDetails* details, const IpAddress& sampler_address,
                   std::string_view monitor = {});
  tl::expected<void, std::string> feed(Connection& connection, std::span<const std::uint8_t> octets);
  [[nodiscard]] tl::expected<void, std::string> ended(const Connection& connection) const;
  tl::expected<void, std::string> read_stream(int descriptor, const std::string& name,
                                              std::span<const std::uint8_t> beginning, int signal_descriptor);
  tl::expected<void, std::string> read_capture(CaptureDatagrams capture, int signal_descriptor);
  tl::expected<void, std::string> flush();
  bool receive_datagrams(int descriptor, std::chrono::steady_clock::time_point until);
  bool accept_connections(const ListeningSocket& socket);
  /// Where there are too many connections, or of this address, closes one that is silent. False: there is none.
  bool make_room_for(const std::string& newcomer);
  /// False: the connection is over.
  bool receive_stream(Connection& connection, std::chrono::steady_clock::time_point until);
  void drain();

  FlowTotals& totals_;
  FlowPrinter& printer_;
  Counts counts_;
  Outputs outputs_;
  FlowDecoder decoder_;
  Decoded decoded_;  ///< kept for its memory
  PacketSection packet_section_;
  OwnedRecord sampled_;  ///< the record that packet_section_ filled
  std::vector<ListeningSocket> sockets_;
  std::list<Connection> connections_;
  std::uint64_t sessions_ = 0;  ///< connections and streams so far; each has a number of its own
  std::shared_ptr<DatagramBuffers> buffers_;
  std::vector<std::uint8_t> stream_buffer_;
};

}  // namespace weir
