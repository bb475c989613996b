// Netflow9Encoder: FlowRecords into NetFlow v9 datagrams (RFC 3954).
//
// One encoder is one export stream: one source id, one sequence, one open datagram. add() appends a record, finish()
// completes the datagram. No heap, no system call, no clock: time is an argument, the datagram lies in the object.
//
// Two regions. IPv4 and IPv6 records have different templates, so each needs its own FlowSet, and a FlowSet costs 4
// octets and padding. Real traffic alternates between the two, so the open datagram is built as two regions, one per
// family, joined in finish(): at most two Data FlowSets in a datagram, whatever the order of the records.
//
// Templates (fields and their order: kNetflow9DataTemplates in netflow9.h). Uniflow, the default: a biflow gives two
// data records, one for each direction with packets, each with its own times, ports, addresses, TOS, TCP flags and
// ICMP type; both lie in the same datagram, so one FlowRecord is wholly in exactly one datagram. Biflow: one data
// record, elements 1/2 initiator to responder and 23/24 (OUT_BYTES/OUT_PKTS) the way back. Beware: goflow2 writes 23/24
// over 1/2, so it then shows the reverse direction's counters for the forward one; nfdump reads them right.
//
// Times. v9 has flow times as milliseconds of sysUptime only, and a collector recovers the wall clock by
// boot = unix_secs * 1000 - sysUptime, time = boot + FIRST_SWITCHED. If the two header fields came from instants with
// different fractions of a second, every flow would move by the difference. So `boot` here is a whole second, unix_secs
// is a whole second, and sysUptime is exactly (unix_secs - boot) * 1000. unix_secs is never before the end of a record
// of the datagram.
// The uptime has 32 bits of milliseconds: 4 294 967.295 s, 49.7 days. A collector adds in 64 bits and does not know of
// a wrap, so offsets never wrap here: the window of a datagram is [boot, boot + 4 294 967 s], a record outside closes
// the datagram (add() says false) and the next one moves boot. Both modes do it, they differ in the header's time:
//   live     now_ns, or the latest end of the datagram's records, rounded up, where that is later;
//   capture  the latest end of the datagram's records, rounded up. It may go back: captures do.
// Boot starts a day before `start_ns`, so that flows which began before the exporter fit, and is moved to a day before
// the record that did not fit (live: or before now_ns, as fits both). A single record longer than the window has its
// start set to boot and is counted in clamped_starts(). unix_secs wraps in 2106, modulo 2^32, as the field does.
//
// Templates come first in a datagram: in the first one, when template_refresh_ns have passed since they were sent last,
// after template_refresh_datagrams datagrams, when boot moved (a collector may take an uptime that went back for a
// restart and drop its templates), and when refresh_templates() asked for it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "proto/flow_record.h"

namespace weir {

struct Netflow9Options {
  std::uint32_t source_id = 1;
  /// Most octets of UDP payload. 1400 leaves 72 of an Ethernet MTU of 1500 to IPv4/IPv6, UDP and a tunnel on the way.
  /// Values outside [kNetflow9MinPayload, kNetflow9MaxPayload] are moved to the nearer end.
  std::uint32_t payload_octets = 1400;
  bool biflow = false;
  std::uint64_t template_refresh_ns = 20'000'000'000;
  std::uint32_t template_refresh_datagrams = 512;  ///< templates in every Nth datagram at least; 0 counts as 1
  bool capture_time = false;
  /// live: when the exporter started, ns since 1970. capture: the time of the first packet; 0: of the first record.
  std::uint64_t start_ns = 0;
};

inline constexpr std::uint32_t kNetflow9MinPayload = 512;   ///< every IPv4 path takes 576 (RFC 791)
inline constexpr std::uint32_t kNetflow9MaxPayload = 8952;  ///< MTU 9000 less IPv6 and UDP headers

class Netflow9Encoder {
 public:
  explicit Netflow9Encoder(const Netflow9Options& options);
  // 18 KiB of datagram inside: it stays where it was made.
  Netflow9Encoder(const Netflow9Encoder&) = delete;
  Netflow9Encoder& operator=(const Netflow9Encoder&) = delete;

  /// Appends all of `record`, or nothing of it. false: it does not fit the open datagram (size or time window);
  /// finish() that one, then add again. Always succeeds on an empty datagram. now_ns (the exporter's clock, ns since
  /// 1970, in both modes) decides about the template refresh when the record is the first of its datagram, and is not
  /// looked at otherwise.
  [[nodiscard]] bool add(const FlowRecord& record, std::uint64_t now_ns);

  /// No record was added since the last finish().
  [[nodiscard]] bool empty() const { return flow_records_ == 0; }

  /// Completes the datagram: joins the regions, writes the header, counts the sequence up. now_ns is the header's time
  /// in live mode. The octets are valid until the next add(). Nothing was added: an empty span, and nothing changes.
  [[nodiscard]] std::span<const std::uint8_t> finish(std::uint64_t now_ns);

  /// Sends the templates with the next datagram that is begun: for a collector known to be new.
  void refresh_templates() { templates_wanted_ = true; }

  /// FlowRecords in the open datagram.
  [[nodiscard]] std::uint32_t flow_records() const { return flow_records_; }
  /// Sequence number that the next datagram will carry: datagrams finished so far, modulo 2^32.
  [[nodiscard]] std::uint32_t sequence() const { return sequence_; }
  /// FlowRecords whose times were moved into the window, see the top of the file.
  [[nodiscard]] std::uint64_t clamped_starts() const { return clamped_starts_; }
  /// Datagrams that began with the templates.
  [[nodiscard]] std::uint64_t template_datagrams() const { return template_datagrams_; }

 private:
  struct TimeSpan {
    std::uint64_t start_ns;
    std::uint64_t end_ns;
  };
  [[nodiscard]] bool in_window(const TimeSpan& span) const;
  void move_boot(const TimeSpan& span, std::uint64_t now_ns);
  void open(const TimeSpan& span, std::uint64_t now_ns);
  template <bool kIpv6, bool kBiflow>
  std::uint8_t* encode(std::uint8_t* out, const FlowRecord& record) const;
  [[nodiscard]] std::uint32_t uptime_ms(std::uint64_t time_ns) const;

  Netflow9Options options_;
  // Of the stream.
  std::uint64_t boot_ns_ = 0;  ///< a whole second
  bool boot_known_ = false;
  bool templates_wanted_ = true;
  std::uint64_t templates_sent_ns_ = 0;
  std::uint32_t datagrams_since_templates_ = 0;
  std::uint32_t sequence_ = 0;
  std::uint64_t clamped_starts_ = 0;
  std::uint64_t template_datagrams_ = 0;
  // Of the open datagram. octets_[0] counts from the start of the datagram, octets_[1] from the start of ipv6_region_.
  std::uint64_t latest_ns_ = 0;
  std::uint32_t flow_records_ = 0;
  std::uint32_t count_ = 0;  ///< the header's: template and data records
  std::uint32_t ipv4_region_at_ = 0;
  std::uint32_t octets_[2] = {0, 0};
  bool has_templates_ = false;
  // 64: a record is written with stores of up to 8 octets after the last check of the size.
  alignas(64) std::array<std::uint8_t, kNetflow9MaxPayload + 64> datagram_;
  alignas(64) std::array<std::uint8_t, kNetflow9MaxPayload + 64> ipv6_region_;
};

}  // namespace weir
