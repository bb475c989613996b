// DatagramExporter: NetFlow v5, v7, v9 and IPFIX over UDP, in batches and at a pace. The kinds are in netflow9.cc,
// netflow5.cc and ipfix.cc.
//
// All datagrams that one call of take() completes leave together (see udp_socket.h). A datagram that is not full waits
// kFlushAfter for more records. Templates and options data go before the first record, and again when the encoder says.
// Statistics are those of that moment; the last ones leave when the exporter is closed.
//
// The sequence number is set when a datagram is sent, so that datagrams which are inserted (templates after a refusal)
// are numbered in order.
//
// A full socket buffer loses nothing: completed datagrams stay, take() takes nothing, and records wait in the queue.
//
// The host of an absent collector answers by ICMP. Then the records of the refused datagrams move from exported to lost
// (`unreachable`), and the next datagram begins with the templates, because a collector that comes back must not see
// data first that it cannot read. If a host sends no ICMP, or limits it (as RFC 1812 section 4.3.2.8 demands), losses
// stay unseen. On loopback, where ICMP comes back within send(), the books are exact.
//
// Where the datagrams go is UdpPeer's to know. There is no encoder before there is a socket, because the room of a
// datagram depends on its IP version; a socket of another version gets a new one.
//
// If a biflow makes two data records, it counts as two for `rate`, because a collector has to decode both.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "control/export/datagram_options.h"
#include "control/export/export_context.h"
#include "control/export/export_queue.h"
#include "control/export/exporter.h"
#include "control/export/token_bucket.h"
#include "control/export/udp_peer.h"

namespace weir {

/// When the stream began, ns since 1970: now or, where headers follow the records, with the first packet.
std::uint64_t stream_start_ns(const ExportContext& context);

/// What the books and the probe say, for options data.
ExportAccount export_account(const ExportQueue& books, const ExportContext& context, const FlowRecord* record);

template <typename Encoder>
class DatagramExporter final : public Exporter {
 public:
  /// `options` are those of the encoder, without the room of a datagram.
  template <typename Options>
  DatagramExporter(const Options& options, const DatagramOptions& udp, const ExportContext& context, UdpPeer peer,
                   ExportQueue& books)
      : books_(books),
        context_(context),
        peer_(std::move(peer)),
        make_encoder_([options, mtu = udp.mtu](std::optional<Encoder>& encoder, std::uint32_t header_octets) {
          Options fitting = options;
          fitting.payload_octets = mtu - header_octets;
          encoder.emplace(fitting);
        }),
        bucket_(udp.rate, steady_ns(ExportClock::now())) {
    if (peer_.ready() || peer_.step(ExportClock::now())) use_new_socket();
    octets_.reserve(kBatch * udp.mtu);
    batch_.reserve(kBatch);
    deadlines_.reserve(kBatch * 32);
  }

  std::size_t take(RecordSpan records, ExportTime now) override;
  [[nodiscard]] ExportTime ready() const override;
  [[nodiscard]] ExportTime due() const override;
  void tick(ExportTime now) override;
  bool drain(ExportTime now) override;
  void abandon(ExportLoss loss) override;
  [[nodiscard]] ExportLoss leftover() const override {
    return peer_.ready() ? ExportLoss::shutdown : ExportLoss::not_connected;
  }

 private:
  /// A datagram that is complete.
  struct Datagram {
    std::size_t at = 0;  ///< in octets_
    std::size_t octets = 0;
    RecordTotals totals;
    std::uint32_t data_records = 0;
    std::size_t deadlines_end = 0;  ///< in deadlines_: those of its records end here
  };
  /// One that was sent, in case it comes back.
  struct Past {
    std::array<std::uint8_t, 24> head{};
    std::uint32_t run = 0;
    RecordTotals totals;
  };
  static constexpr std::size_t kPast = 256;
  static constexpr std::size_t kBatch = 128;

  static std::uint64_t steady_ns(ExportTime time) {
    return static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::nanoseconds>(time.time_since_epoch()).count());
  }
  bool add(RecordView record, std::uint64_t wall_ns);
  void append(std::span<const std::uint8_t> datagram, const RecordTotals& totals, std::uint32_t data_records);
  void close_datagram(std::uint64_t wall_ns);
  void announce(const FlowRecord* record, std::uint64_t wall_ns, std::size_t place);
  /// Sends what is complete; what the socket has no room for stays.
  void send_batch();
  void book(std::size_t from, std::size_t count);
  void drop_first(ExportLoss loss);
  bool take_refusals();
  void use_new_socket();
  /// A datagram without records to a collector that refused: templates or, where there are none, an empty one.
  void send_probe();
  /// When the open datagram has to leave.
  [[nodiscard]] ExportTime flush_due() const;

  ExportQueue& books_;
  const ExportContext context_;
  UdpPeer peer_;
  std::function<void(std::optional<Encoder>& encoder, std::uint32_t header_octets)> make_encoder_;
  std::optional<Encoder> encoder_;
  std::uint32_t header_octets_ = 0;  ///< that the encoder was made for
  ExportTime now_{};                 ///< of the last call
  TokenBucket bucket_;
  std::uint32_t wanted_tokens_ = 0;  ///< of the record that the bucket turned away; 0: it did not
  RecordTotals open_;                ///< of the open datagram
  ExportTime first_added_{};
  bool announced_ = false;
  // The batch. Deadlines of its records, then those of the open datagram.
  std::vector<std::uint8_t> octets_;
  std::vector<Datagram> batch_;
  std::vector<std::uint64_t> deadlines_;
  std::size_t deadlines_booked_ = 0;
  std::vector<std::span<const std::uint8_t>> spans_;  ///< scratch of send_batch(), as the next
  std::vector<std::uint32_t> runs_;
  std::uint32_t sequence_ = 0;  ///< of the datagram sent next
  std::array<Past, kPast> past_;
  std::size_t past_count_ = 0;  ///< ever
};

/// The exporter of an encoder's datagrams to a host and a port. Error: one line.
template <typename Encoder, typename EncoderOptions>
OpenResult open_datagram_exporter(const EncoderOptions& encoder, const HostPort& host, const DatagramOptions& udp,
                                  const ExportContext& context, ExportQueue& books) {
  UdpPeer peer(Lookup(host, SOCK_DGRAM, context.resolver), host.text(), udp.gso, books, udp);
  if (needs_peer_at_start(context.mode)) {
    if (auto connected = peer.connect_now(); !connected) return tl::unexpected(std::move(connected.error()));
  }
  return std::make_unique<DatagramExporter<Encoder>>(encoder, udp, context, std::move(peer), books);
}

}  // namespace weir
