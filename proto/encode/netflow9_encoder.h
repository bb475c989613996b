// Netflow9Encoder: FlowRecords into NetFlow v9 datagrams (RFC 3954).
//
// One encoder is one export stream: one source id, one sequence, one open datagram. add() appends a record, finish()
// completes the datagram. No system call, no clock: time is an argument, the datagram lies in the object. No heap, but
// for a template that is made.
//
// Templates (fields and their order: template_fields.h). Uniflow, the default: a biflow gives two data records, one for
// each direction with packets, each with its own times, ports, addresses, TOS, TCP flags and ICMP type; both lie in the
// same datagram, so one FlowRecord is wholly in exactly one datagram. Biflow: one data record, elements 1/2 initiator
// to responder and 23/24 (OUT_BYTES/OUT_PKTS) the way back. Beware: goflow2 writes 23/24 over 1/2, so it then shows the
// reverse direction's counters for the forward one; nfdump reads them right.
//
// Sections of records (tunnels, labels, what metrics measured) are sent where templates are announced, in templates of
// their own (template_set.h); else they are not sent, since that many templates do not fit beside records. In biflow
// mode the record has the forward direction's values of them: RFC 3954 has no elements for the way back.
//
// Times: see uptime_window.h. A record longer than its window is counted in clamped_starts().
//
// Templates come first in a datagram: in the first one, when template_refresh_ns have passed since they were sent last,
// after template_refresh_datagrams datagrams, when boot moved (a collector may take an uptime that went back for a
// restart and drop its templates), and when refresh_templates() asked for it. Who calls announce() when
// announcement_due() says so sends them in datagrams of their own, with options data, and never has them in front of
// records.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "proto/encode/export_profile.h"
#include "proto/encode/export_template.h"
#include "proto/encode/header_time.h"
#include "proto/encode/open_message.h"
#include "proto/encode/options_data.h"
#include "proto/encode/template_refresh.h"
#include "proto/encode/template_set.h"
#include "proto/encode/uptime_window.h"
#include "proto/record/sections.h"

namespace weir {

struct Netflow9Options {
  std::uint32_t source_id = 1;
  /// Most octets of UDP payload. 1400 leaves 72 of an Ethernet MTU of 1500 to IPv4/IPv6, UDP and a tunnel on the way.
  /// Values outside [kNetflow9MinPayload, kNetflow9MaxPayload] are moved to the nearer end.
  std::uint32_t payload_octets = 1400;
  bool biflow = false;
  std::uint64_t template_refresh_ns = 20'000'000'000;
  std::uint32_t template_refresh_datagrams = 512;  ///< templates in every Nth datagram at least; 0 counts as 1
  HeaderTime header_time = HeaderTime::now;
  /// When the exporter started or, with HeaderTime::records, the first packet came; ns since 1970. 0: boot follows the
  /// first record.
  std::uint64_t start_ns = 0;
  ExportProfile profile = ExportProfile::rfc;
  std::vector<std::string_view> fields;  ///< names of export_profile.h; empty: all. Some must be of a uniflow
  bool own_elements = true;              ///< see TemplateChoice
  bool announced = false;                ///< templates are sent by announce() only
};

inline constexpr std::uint32_t kNetflow9MinPayload = kMinPayload;
inline constexpr std::uint32_t kNetflow9MaxPayload = kMaxPayload;

class Netflow9Encoder {
 public:
  explicit Netflow9Encoder(const Netflow9Options& options);

  /// Appends all of `record`, or nothing of it. false: it does not fit the open datagram (size or time window);
  /// finish() that one, then add again. Always succeeds on an empty datagram. now_ns (the exporter's clock, ns since
  /// 1970, whatever the header's time) decides about the template refresh when the record is the first of its datagram,
  /// and is not looked at otherwise.
  [[nodiscard]] bool add(RecordView record, std::uint64_t now_ns);

  /// No record was added since the last finish().
  [[nodiscard]] bool empty() const { return flow_records_ == 0; }

  /// Completes the datagram: joins the regions, writes the header, counts the sequence up. now_ns is the header's time
  /// with HeaderTime::now. The octets are valid until the next add(). Nothing was added: an empty span, and nothing
  /// changes.
  [[nodiscard]] std::span<std::uint8_t> finish(std::uint64_t now_ns);

  /// Whether something is to be announced before `record` (with its sections after it) is added, or, if it is nullptr,
  /// by time.
  [[nodiscard]] bool announcement_due(const FlowRecord* record, std::uint64_t now_ns) const;
  /// Templates and options data in datagrams of their own, numbers included. Only while the datagram is empty; `record`
  /// is the one that will be added next, nullptr: none is known. If nothing is due but its template, that alone.
  std::vector<AnnouncedMessage> announce(const ExportAccount& account, const FlowRecord* record, std::uint64_t now_ns);

  /// Data records that `record` makes.
  [[nodiscard]] std::uint32_t data_records(RecordView record) const {
    return options_.biflow || record->packets[kForward] == 0 || record->packets[kReverse] == 0 ? 1 : 2;
  }
  /// Numbers a finished datagram anew: for who sends it in another order, or not at all.
  static void set_sequence(std::span<std::uint8_t> datagram, std::uint32_t sequence);
  /// By how much a datagram moves the sequence.
  static std::uint32_t sequence_step(std::uint32_t /*data_records*/) { return 1; }

  /// Sends the templates with the next datagram that is begun: for a collector known to be new.
  void refresh_templates() { refresh_.want(); }

  /// FlowRecords in the open datagram.
  [[nodiscard]] std::uint32_t flow_records() const { return flow_records_; }
  /// Data records in it.
  [[nodiscard]] std::uint32_t open_data_records() const { return data_records_; }
  /// Sequence number that the next datagram will carry: datagrams finished so far, modulo 2^32.
  [[nodiscard]] std::uint32_t sequence() const { return sequence_; }
  /// FlowRecords whose times were moved into the window, see the top of the file.
  [[nodiscard]] std::uint64_t clamped_starts() const { return clamped_starts_; }
  /// Datagrams that began with the templates.
  [[nodiscard]] std::uint64_t template_datagrams() const { return refresh_.times(); }

 private:
  void open(const TimeSpan& span, std::uint64_t now_ns);
  /// The clock that the headers show, with a record that ends at `end_ns` as the next one. It does not go back,
  /// whatever the records do.
  [[nodiscard]] std::uint64_t clock_ns(std::uint64_t end_ns, std::uint64_t now_ns) const {
    return options_.header_time == HeaderTime::now ? now_ns : std::max(latest_header_ns_, end_ns);
  }
  /// The place of the record's template among the first four.
  [[nodiscard]] std::size_t place_of(const FlowRecord& record) const {
    return (record.ip_version == 6 ? TemplateSet::kIpv6 : 0) | (options_.biflow ? TemplateSet::kBoth : 0);
  }
  [[nodiscard]] bool is_new(const FlowRecord& record) const {
    return templates_.find(record, place_of(record)) == TemplateSet::kNone;
  }
  /// add() for records with sections, and where profile or fields were chosen.
  bool add_chosen(RecordView record, std::uint64_t now_ns);
  template <RecordKind kKind, Direction kWay>
  std::uint8_t* write_usual_base(std::uint8_t* out, const FlowRecord& record) const;
  template <bool kUsual>
  bool write_chosen(RecordView record, std::size_t place, std::uint32_t records);
  template <Family kFamily>
  bool write_usual_record(const FlowRecord& record, std::uint32_t records);
  void count(const TimeSpan& span, std::uint32_t records);
  void write_header(std::uint8_t* at, std::uint32_t count, std::uint64_t header_ns);

  Netflow9Options options_;
  bool usual_;  ///< the base is that of usual_record.h
  // Of the stream.
  UptimeWindow window_;
  TemplateRefresh refresh_;
  std::uint64_t last_header_ns_ = 0;
  std::uint64_t latest_header_ns_ = 0;  ///< the running maximum of those
  std::uint32_t sequence_ = 0;
  std::uint64_t clamped_starts_ = 0;
  // Of the open datagram.
  std::uint64_t latest_ns_ = 0;
  std::uint32_t flow_records_ = 0;
  std::uint32_t data_records_ = 0;
  std::uint32_t templates_in_ = 0;
  OpenMessage message_;
  TemplateSet templates_;
};

}  // namespace weir
