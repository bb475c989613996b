// Netflow9Exporter: NetFlow v9 datagrams over a connected UDP socket, at a pace.
//
// One datagram, one send(): sendmmsg() would save a microsecond for some 30 records, but it swallows an error that
// occurs between two datagrams, and with it the knowledge that one of them was lost.
//
// A connected socket learns of ICMP port unreachable: the next send() says ECONNREFUSED, sends nothing, and means that
// the datagram before did not arrive. Its records move from exported to lost (`unreachable`). The datagram in hand is
// made again, with templates: should the collector be coming back, the first thing it sees must not be data that it
// cannot read. The number of the datagram thrown away is missing in the sequence; the collector, if it was there,
// missed one anyway. A host that answers no ICMP, or limits it (RFC 1812 section 4.3.2.8 wants that), leaves losses
// unseen: UDP tells no more. On loopback, where ICMP comes back within send(), the books are exact.
//
// A biflow counts as two for `rate` where it makes two data records: what wears a collector out is what it decodes.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "control/export/export_queue.h"
#include "control/export/export_uri.h"
#include "control/export/exporter.h"
#include "control/export/token_bucket.h"
#include "control/export/unique_fd.h"
#include "proto/netflow9_encoder.h"

namespace weir {

class Netflow9Exporter final : public Exporter {
 public:
  /// Resolves the name and makes the socket. Error: without the URI.
  static tl::expected<std::unique_ptr<Netflow9Exporter>, std::string> open(const ExportUri& uri,
                                                                           const ExportContext& context,
                                                                           ExportQueue& books);

  std::size_t take(std::span<const FlowRecord> records, ExportTime now) override;
  [[nodiscard]] ExportTime ready() const override;
  [[nodiscard]] ExportTime due() const override;
  void tick(ExportTime now) override;
  bool drain(ExportTime now) override;
  void abandon(ExportLoss loss) override;

 private:
  enum class Sent : std::uint8_t { yes, refused, failed };

  Netflow9Exporter(const ExportUri& uri, const Netflow9Options& options, UniqueFd socket, ExportQueue& books);
  [[nodiscard]] std::uint32_t data_records(const FlowRecord& record) const;
  void send_datagram();
  void send_again();
  Sent send_open();
  void last_was_refused();
  void check_last();

  ExportQueue& books_;
  UniqueFd socket_;
  Netflow9Encoder encoder_;
  bool biflow_;
  TokenBucket bucket_;
  std::uint32_t wanted_tokens_ = 0;       ///< of the record that the bucket turned away; 0: it did not
  std::vector<FlowRecord> open_records_;  ///< those of the open datagram
  RecordTotals open_;
  RecordTotals last_;  ///< of the datagram sent last, unless known to be lost
  ExportTime first_added_{};
};

}  // namespace weir
