// UptimeWindow: the boot time of NetFlow v5, v7 and v9 headers.
//
// These formats give flow times only as milliseconds of sysUptime, and a collector computes the wall clock as
// boot = unix_secs * 1000 - sysUptime, time = boot + FIRST_SWITCHED. If the two header fields came from instants with
// different fractions of a second, every flow would move by the difference. So `boot` here is a whole second, unix_secs
// is a whole second, and sysUptime is exactly (unix_secs - boot) * 1000. unix_secs is never before the end of a record
// of the datagram.
//
// The uptime has 32 bits of milliseconds: 4 294 967.295 s, 49.7 days. A collector adds in 64 bits and does not know of
// a wrap, so offsets never wrap here: the window of a datagram is [boot, boot + 4 294 967 s]. A record outside closes
// the datagram, and the next datagram moves boot. The two kinds of HeaderTime differ in unix_secs:
//   now      now_ns, or the latest end of the datagram's records, rounded up, where that is later;
//   records  the latest end of the datagram's records, rounded up. It may go back: captures do.
// Boot starts a day before `start_ns`, so that flows which began before the exporter fit, and is moved to a day before
// the record that did not fit (HeaderTime::now: or before now_ns, as fits both). A single record longer than the window
// has its start set to boot. unix_secs wraps in 2106, modulo 2^32, as the field does.
#pragma once

#include <algorithm>
#include <cstdint>

#include "proto/encode/header_time.h"
#include "proto/record/flow_record.h"

namespace weir {

struct TimeSpan {
  std::uint64_t start_ns;
  std::uint64_t end_ns;
};

/// Of the directions that have packets; of a record without any, the forward one.
inline TimeSpan time_span(const FlowRecord& record) {
  TimeSpan span{UINT64_MAX, 0};
  if (record.packets[kForward] != 0 || record.packets[kReverse] == 0) {
    span = {record.first_ns[kForward], std::max(record.first_ns[kForward], record.last_ns[kForward])};
  }
  if (record.packets[kReverse] != 0) {
    span.start_ns = std::min(span.start_ns, record.first_ns[kReverse]);
    span.end_ns = std::max({span.end_ns, record.first_ns[kReverse], record.last_ns[kReverse]});
  }
  return span;
}

class UptimeWindow {
 public:
  /// The last whole second whose uptime fits in 32 bits of milliseconds: floor((2^32 - 1) / 1000).
  static constexpr std::uint64_t kWindow = 4'294'967'000'000'000;

  /// start_ns 0: boot follows the first record.
  UptimeWindow(HeaderTime header_time, std::uint64_t start_ns);

  [[nodiscard]] bool holds(const TimeSpan& span) const {
    return known_ && span.start_ns >= boot_ns_ && span.end_ns - boot_ns_ <= kWindow;
  }
  /// A datagram is begun with a record of `span`: moves boot where it must. true: it was moved, and a collector may
  /// take the uptime's jump for a restart.
  bool open(const TimeSpan& span, std::uint64_t now_ns);
  /// The time of the header, a whole second: of a datagram whose latest record ends at latest_ns (0: it has none).
  [[nodiscard]] std::uint64_t header_ns(std::uint64_t latest_ns, std::uint64_t now_ns) const;
  [[nodiscard]] std::uint64_t boot_ns() const { return boot_ns_; }
  [[nodiscard]] std::uint64_t boot_ms() const { return boot_ms_; }
  [[nodiscard]] bool known() const { return known_; }

 private:
  void move(const TimeSpan& span, std::uint64_t now_ns);

  HeaderTime header_time_;
  bool known_ = false;
  std::uint64_t boot_ns_ = 0;  ///< a whole second
  std::uint64_t boot_ms_ = 0;  ///< the same
};

}  // namespace weir
