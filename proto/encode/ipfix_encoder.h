// IpfixEncoder: FlowRecords into IPFIX messages (RFC 7011).
//
// One encoder is one transport session of one observation domain: one sequence, one open message. add() appends a
// record, finish() completes the message. No heap, no system call, no clock.
//
// Messages of data hold data sets only. Templates, options templates and options data come in messages of their own,
// from announce(): before the first record, and again when announcement_due() says so (over UDP by time and number of
// messages, RFC 7011 section 8.4; over TCP once for each connection, section 8). The sequence counts data records,
// those of options included, templates never (section 3.1). A message carries the number of data records before it.
//
// Templates: 256 and 257, uniflow, IPv4 and IPv6; 258 and 259, biflow (RFC 5103): the reverse direction has the same
// elements under enterprise number 29305; 264 to 267, the same four for records with a third line (tunnels, labels,
// SPIs: export_profile.h). Biflow mode uses biflow templates for conversations of two directions; one direction alone
// is a uniflow, whose source is who sent. Times are flowStartMilliseconds and flowEndMilliseconds (152, 153), which
// every collector reads; 156/157 are misread by some.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "proto/base/byte_order.h"
#include "proto/encode/export_profile.h"
#include "proto/encode/export_template.h"
#include "proto/encode/header_time.h"
#include "proto/encode/open_message.h"
#include "proto/encode/options_data.h"
#include "proto/encode/template_refresh.h"
#include "proto/record/flow_record.h"

namespace weir {

inline constexpr std::uint16_t kIpfixVersion = 10;

/// RFC 7011 section 3.1.
struct IpfixHeader {
  Be16 version;
  Be16 length;
  Be32 export_time_s;
  Be32 sequence;
  Be32 domain;
};
static_assert(sizeof(IpfixHeader) == 16 && alignof(IpfixHeader) == 1);

struct IpfixOptions {
  std::uint32_t domain = 1;
  std::uint32_t payload_octets = 1400;  ///< of a message; moved into [kMinPayload, kMaxPayload]
  bool biflow = false;
  std::uint64_t template_refresh_ns = 20'000'000'000;
  std::uint32_t template_refresh_messages = 512;
  HeaderTime header_time = HeaderTime::now;
  ExportProfile profile = ExportProfile::rfc;
  std::vector<std::string_view> fields;  ///< names of export_profile.h; empty: all. Some must be of a uniflow
};

class IpfixEncoder {
 public:
  explicit IpfixEncoder(const IpfixOptions& options);

  /// Appends all of `record`, or nothing of it. false: it does not fit the open message; finish() that one, then add
  /// again. Always succeeds on an empty message.
  [[nodiscard]] bool add(const FlowRecord& record, std::uint64_t now_ns);
  [[nodiscard]] bool empty() const { return flow_records_ == 0; }
  /// Completes the message. The octets are valid until the next add(). Nothing was added: an empty span.
  [[nodiscard]] std::span<std::uint8_t> finish(std::uint64_t now_ns);

  [[nodiscard]] bool announcement_due(const FlowRecord* /*record*/, std::uint64_t now_ns) const {
    return flow_records_ == 0 && refresh_.due(now_ns);
  }
  /// Only while the message is empty. `templates` false: options data alone, for a stream that has had its templates.
  std::vector<AnnouncedMessage> announce(const ExportAccount& account, const FlowRecord* record, std::uint64_t now_ns,
                                         bool templates = true);
  /// The next record is to be preceded by templates.
  void refresh_templates() { refresh_.want(); }
  /// A new transport session: the sequence begins anew.
  void restart() {
    sequence_ = 0;
    refresh_.want();
  }

  [[nodiscard]] std::uint32_t data_records(const FlowRecord& record) const {
    return options_.biflow || record.packets[kForward] == 0 || record.packets[kReverse] == 0 ? 1 : 2;
  }
  [[nodiscard]] std::uint32_t open_data_records() const { return data_records_; }
  [[nodiscard]] std::uint32_t sequence() const { return sequence_; }
  static void set_sequence(std::span<std::uint8_t> message, std::uint32_t sequence) {
    store_be<std::uint32_t>(message.data() + offsetof(IpfixHeader, sequence), sequence);
  }
  static std::uint32_t sequence_step(std::uint32_t data_records) { return data_records; }

 private:
  /// Bits of a template's index.
  static constexpr std::size_t kIpv6 = 1;
  static constexpr std::size_t kBiflow = 2;
  static constexpr std::size_t kThirdLine = 4;

  void write_header(std::span<std::uint8_t> message, std::uint32_t data_records, std::uint64_t header_ns);
  template <Direction kWay>
  std::uint8_t* write_uniflow(std::uint8_t* out, const FlowRecord& record, std::size_t region) const;
  void write_biflow(std::uint8_t* out, const FlowRecord& record, std::size_t region) const;

  IpfixOptions options_;
  std::array<ExportTemplate, OpenMessage::kRegions> templates_;  ///< by the bits above
  bool usual_;                                                   ///< those of usual_record.h
  bool third_line_;
  TemplateRefresh refresh_;
  std::uint32_t sequence_ = 0;
  std::uint64_t last_header_ns_ = 0;
  // Of the open message.
  std::uint64_t latest_ns_ = 0;
  std::uint32_t flow_records_ = 0;
  std::uint32_t data_records_ = 0;
  OpenMessage message_;
};

}  // namespace weir
