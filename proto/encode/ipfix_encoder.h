// IpfixEncoder: FlowRecords into IPFIX messages (RFC 7011).
//
// One encoder is one transport session of one observation domain: one sequence, one open message. add() appends a
// record, finish() completes the message. No system call, no clock; no heap, but for a template that is made.
//
// Messages of data hold data sets only. Templates, options templates and options data come in messages of their own,
// from announce(): before the first record, and again when announcement_due() says so (over UDP by time and number of
// messages, RFC 7011 section 8.4; over TCP once for each connection, section 8). The sequence counts data records,
// those of options included, templates never (section 3.1). A message carries the number of data records before it.
//
// Templates are those of template_set.h, biflow ones by RFC 5103: the reverse direction has IANA's elements under the
// enterprise number 29305, and weir's own elements in a range of their own. Biflow mode uses biflow templates for
// conversations of two directions; one direction alone is a uniflow, whose source is who sent. Times are
// flowStartMilliseconds and flowEndMilliseconds (152, 153), which every collector reads; 156/157 are misread by some.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "proto/base/byte_order.h"
#include "proto/base/ipfix.h"
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

struct IpfixOptions {
  std::uint32_t domain = 1;
  std::uint32_t payload_octets = 1400;  ///< of a message; moved into [kMinPayload, kMaxPayload]
  bool biflow = false;
  std::uint64_t template_refresh_ns = 20'000'000'000;
  std::uint32_t template_refresh_messages = 512;
  HeaderTime header_time = HeaderTime::now;
  /// With HeaderTime::records: the time of the first packet, for what is sent before the first record; ns since 1970.
  std::uint64_t start_ns = 0;
  ExportProfile profile = ExportProfile::rfc;
  std::vector<std::string_view> fields;  ///< names of export_profile.h; empty: all. Some must be of a uniflow
  bool own_elements = true;              ///< see TemplateChoice
};

class IpfixEncoder {
 public:
  explicit IpfixEncoder(const IpfixOptions& options);

  /// Appends all of `record`, or nothing of it. false: it does not fit the open message, or its template has yet to be
  /// announced; finish() that message, then ask announcement_due() and add again. Always succeeds on an empty message.
  [[nodiscard]] bool add(RecordView record, std::uint64_t now_ns);
  [[nodiscard]] bool empty() const { return flow_records_ == 0; }
  /// Completes the message. The octets are valid until the next add(). Nothing was added: an empty span.
  [[nodiscard]] std::span<std::uint8_t> finish(std::uint64_t now_ns);

  /// Whether something is to be announced before `record` (with its sections after it) is added, or, if it is nullptr,
  /// by time.
  [[nodiscard]] bool announcement_due(const FlowRecord* record, std::uint64_t now_ns) const {
    return flow_records_ == 0 && (refresh_.due(clock_ns(record, now_ns)) || (record != nullptr && is_new(*record)));
  }
  /// Only while the message is empty. If nothing is due but the template of `record`, that alone; else all templates
  /// and options. `repeat_templates` false, for a stream that has had its templates: options data, and of the templates
  /// new ones only.
  std::vector<AnnouncedMessage> announce(const ExportAccount& account, const FlowRecord* record, std::uint64_t now_ns,
                                         bool repeat_templates = true);
  /// The next record is to be preceded by templates.
  void refresh_templates() { refresh_.want(); }
  /// A new transport session: the sequence begins anew.
  void restart() {
    sequence_ = 0;
    templates_.forget_announcements();
    refresh_.want();
  }

  [[nodiscard]] std::uint32_t data_records(RecordView record) const {
    return options_.biflow || record->packets[kForward] == 0 || record->packets[kReverse] == 0 ? 1 : 2;
  }
  [[nodiscard]] std::uint32_t open_data_records() const { return data_records_; }
  [[nodiscard]] std::uint32_t sequence() const { return sequence_; }
  static void set_sequence(std::span<std::uint8_t> message, std::uint32_t sequence) {
    store_be<std::uint32_t>(message.data() + offsetof(IpfixHeader, sequence), sequence);
  }
  static std::uint32_t sequence_step(std::uint32_t data_records) { return data_records; }

 private:
  /// The place of the record's template among the first four.
  [[nodiscard]] std::size_t place_of(const FlowRecord& record) const {
    const bool both = options_.biflow && record.packets[kForward] != 0 && record.packets[kReverse] != 0;
    return (record.ip_version == 6 ? TemplateSet::kIpv6 : 0) | (both ? TemplateSet::kBoth : 0);
  }
  [[nodiscard]] bool is_new(const FlowRecord& record) const {
    return templates_.find(record, place_of(record)) == TemplateSet::kNone;
  }
  /// The clock that the headers show, with `record` as the next one. It does not go back, whatever the records do.
  [[nodiscard]] std::uint64_t clock_ns(const FlowRecord* record, std::uint64_t now_ns) const {
    if (options_.header_time == HeaderTime::now) return now_ns;
    return record == nullptr ? latest_header_ns_ : std::max(latest_header_ns_, time_span(*record).end_ns);
  }
  void write_header(std::span<std::uint8_t> message, std::uint32_t data_records, std::uint64_t header_ns);
  template <RecordKind kKind, Direction kWay>
  static std::uint8_t* write_usual_base(std::uint8_t* out, const FlowRecord& record);
  template <bool kUsual>
  bool write(RecordView record, std::size_t place, std::uint32_t records, bool both);

  IpfixOptions options_;
  bool usual_;  ///< the base is that of usual_record.h
  TemplateRefresh refresh_;
  std::uint32_t sequence_ = 0;
  std::uint64_t last_header_ns_;
  std::uint64_t latest_header_ns_;  ///< the running maximum of those
  // Of the open message.
  std::uint64_t latest_ns_ = 0;
  std::uint32_t flow_records_ = 0;
  std::uint32_t data_records_ = 0;
  OpenMessage message_;
  TemplateSet templates_;
};

}  // namespace weir
