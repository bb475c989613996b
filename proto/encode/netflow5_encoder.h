// Netflow5Encoder: FlowRecords into NetFlow v5 and v7 datagrams.
//
// The formats are fixed: a header of 24 octets and up to 30 (v5, 48 octets) or 27 (v7, 52 octets) records of IPv4. A
// biflow is two records. What a FlowRecord has and the format has not is lost by name, never sent wrong:
//
// clang-format off
//   ipv6_not_in_format    v5 and v7 know IPv4 only
//   rate_not_in_format    v5 has 14 bits for the sampling rate, in the header; v7 has nothing, so it takes rate 1 only
//   count_not_in_format   counters have 32 bits. A direction with more is split evenly into as many records as it takes,
//                         all with the same times, so that the sums stay exact; what would need more than one datagram
//                         of them (128 GB) is lost
// clang-format on
//
// v5 says the rate in the header (mode 1, deterministic, in the upper 2 bits), so a record of another rate closes the
// datagram. An interface number above 65535 is sent as 0, unknown. ICMP type and code are type * 256 + code in the
// destination port, as Cisco's exporters do. An AS number above 65535 is AS_TRANS, 23456; the next hop is the one of a
// prefix file, else BGP's. The flags of a v7 record say which fields --key leaves out (Netflow7Invalid). VLAN, end
// reason and ICMPv6 are not in the format. Times: uptime_window.h. The sequence counts records. The header's engine id
// is the lower 8 bits of source_id; v7 has none.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "proto/base/byte_order.h"
#include "proto/base/netflow5.h"
#include "proto/encode/header_time.h"
#include "proto/encode/uptime_window.h"
#include "proto/record/sections.h"

namespace weir {

enum class Netflow5Result : std::uint8_t {
  added,
  full,  ///< finish() the datagram, then add again
  ipv6_not_in_format,
  rate_not_in_format,
  count_not_in_format,
};

struct Netflow5Options {
  bool version7 = false;
  std::uint32_t source_id = 1;
  /// 30 records of v5 are 1464. Less: fewer records, at least two (both directions).
  std::uint32_t payload_octets = 1464;
  HeaderTime header_time = HeaderTime::now;
  std::uint64_t start_ns = 0;  ///< as in Netflow9Options
};

class Netflow5Encoder {
 public:
  explicit Netflow5Encoder(const Netflow5Options& options);

  [[nodiscard]] Netflow5Result add(RecordView record, std::uint64_t now_ns);
  [[nodiscard]] bool empty() const { return records_ == 0; }
  [[nodiscard]] std::span<std::uint8_t> finish(std::uint64_t now_ns);

  /// Data records that `record` makes, or would make; at least 1.
  [[nodiscard]] std::uint32_t data_records(RecordView record) const;
  [[nodiscard]] std::uint32_t open_data_records() const { return records_; }
  [[nodiscard]] std::uint32_t sequence() const { return sequence_; }
  static void set_sequence(std::span<std::uint8_t> datagram, std::uint32_t sequence) {
    store_be<std::uint32_t>(datagram.data() + offsetof(Netflow5Header, sequence), sequence);
  }
  static std::uint32_t sequence_step(std::uint32_t data_records) { return data_records; }

 private:
  void write(RecordView view, Direction way, std::uint32_t parts);

  Netflow5Options options_;
  std::uint32_t record_octets_;
  std::uint32_t most_records_;
  UptimeWindow window_;
  std::uint32_t sequence_ = 0;
  // Of the open datagram.
  std::uint64_t latest_ns_ = 0;
  std::uint32_t records_ = 0;
  std::uint32_t rate_ = 1;
  bool sampled_at_random_ = false;
  std::array<std::uint8_t, 1500> datagram_;
};

}  // namespace weir
