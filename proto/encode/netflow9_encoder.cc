#include "proto/encode/netflow9_encoder.h"

#include <algorithm>
#include <cstring>

#include "proto/base/byte_order.h"
#include "proto/base/netflow9.h"
#include "proto/encode/usual_record.h"

namespace weir {
namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;
constexpr std::uint64_t kMillisecond = 1'000'000;
constexpr std::size_t kThirdLineRegion = 2;

// The largest case of the first add(): header, templates, and both halves of an IPv6 biflow.
constexpr std::size_t kMostFields = 22;
constexpr std::size_t kLongestRecord = 104;
static_assert(sizeof(Netflow9Header) + 2 * sizeof(Netflow9FlowSetHeader) +
                      2 * (sizeof(Netflow9TemplateHeader) + kMostFields * sizeof(Netflow9Field)) + 2 * kLongestRecord <=
                  kNetflow9MinPayload,
              "add() on an empty datagram always succeeds");
static_assert(kNetflow9MaxPayload <= 65535, "FlowSet lengths have 16 bits");

}  // namespace

Netflow9Encoder::Netflow9Encoder(const Netflow9Options& options)
    : options_(options),
      usual_(options.profile == ExportProfile::rfc && options.fields.empty()),
      third_line_(options.announced && wants_third_line({options.profile, Dialect::netflow9, options.fields})),
      window_(options.header_time, options.start_ns),
      refresh_(options.template_refresh_ns, options.template_refresh_datagrams),
      message_(options.payload_octets) {
  const RecordKind kind = options.biflow ? RecordKind::merged : RecordKind::uniflow;
  const TemplateChoice choice{options.profile, Dialect::netflow9, options.fields};
  for (std::size_t region = 0; region < templates_.size(); ++region) {
    const bool third_line = region >= kThirdLineRegion;
    const int first = (third_line ? kFirstThirdLineTemplateId : kFirstTemplateId) + (options.biflow ? 2 : 0);
    const Family family = region % 2 == 0 ? Family::ipv4 : Family::ipv6;
    templates_[region] = make_export_template(static_cast<std::uint16_t>(first + static_cast<int>(family)), choice,
                                              family, kind, third_line);
  }
}

void Netflow9Encoder::open(const TimeSpan& span, std::uint64_t now_ns) {
  if (window_.open(span, now_ns)) refresh_.want();
  std::uint8_t* out = message_.header() + sizeof(Netflow9Header);
  templates_in_ = 0;
  if (refresh_.due(now_ns) && !options_.announced) {
    // RFC 3954 section 5.2; a multiple of 4, so without padding.
    std::uint8_t* const start = out;
    out += sizeof(Netflow9FlowSetHeader);
    for (std::size_t i = 0; i < kThirdLineRegion; ++i) out = write_template_record(out, templates_[i]);
    store_be<std::uint16_t>(start, kNetflow9TemplateFlowSet);
    store_be<std::uint16_t>(start + 2, static_cast<std::uint16_t>(out - start));
    templates_in_ = kThirdLineRegion;  // RFC 3954 section 5.1: each is a record
    refresh_.sent(now_ns);
  }
  refresh_.count_message();
  message_.open(static_cast<std::uint32_t>(out - message_.header()));
  latest_ns_ = 0;
}

template <bool kThirdLine>
bool Netflow9Encoder::write_chosen(const FlowRecord& record, std::size_t region, std::uint32_t records) {
  const ExportTemplate& form = templates_[region];
  std::uint8_t* out = message_.reserve(region, records * form.record_octets(), form.record_octets());
  if (out == nullptr) return false;
  const std::uint64_t boot_ms = window_.boot_ms();
  if (options_.biflow) {
    form.write<RecordKind::merged, kForward, kThirdLine>(out, record, boot_ms);
    return true;
  }
  if (record.packets[kForward] != 0 || record.packets[kReverse] == 0) {
    out = form.write<RecordKind::uniflow, kForward, kThirdLine>(out, record, boot_ms);
  }
  if (record.packets[kReverse] != 0) {
    form.write<RecordKind::uniflow, kReverse, kThirdLine>(out, record, boot_ms);
  }
  return true;
}

template <Family kFamily>
inline bool Netflow9Encoder::write_usual_record(const FlowRecord& record, std::uint32_t records) {
  constexpr Dialect kDialect = Dialect::netflow9;
  constexpr std::size_t kRegion = kFamily == Family::ipv6 ? 1 : 0;
  constexpr std::uint32_t kUniflow = kUsualRecordOctets<kDialect, kFamily, RecordKind::uniflow>;
  constexpr std::uint32_t kMerged = kUsualRecordOctets<kDialect, kFamily, RecordKind::merged>;
  static_assert(kUniflow % 4 == 0 && kMerged % 4 == 0, "a FlowSet of them needs no padding");
  const std::uint64_t boot_ms = window_.boot_ms();
  if (options_.biflow) {
    std::uint8_t* const out = message_.reserve(kRegion, kMerged, kMerged);
    if (out != nullptr) write_usual<kDialect, kFamily, RecordKind::merged, kForward>(out, record, boot_ms);
    return out != nullptr;
  }
  std::uint8_t* out = message_.reserve(kRegion, records * kUniflow, kUniflow);
  if (out == nullptr) return false;
  // A record without any packet (there should be none) is still one data record.
  if (record.packets[kForward] != 0 || record.packets[kReverse] == 0) {
    out = write_usual<kDialect, kFamily, RecordKind::uniflow, kForward>(out, record, boot_ms);
  }
  if (record.packets[kReverse] != 0) {
    write_usual<kDialect, kFamily, RecordKind::uniflow, kReverse>(out, record, boot_ms);
  }
  return true;
}

bool Netflow9Encoder::add(const FlowRecord& record, std::uint64_t now_ns) {
  const TimeSpan span = time_span(record);
  if (flow_records_ == 0) {
    open(span, now_ns);
  } else if (!window_.holds(span)) {
    return false;
  }
  const bool ipv6 = record.ip_version == 6;
  const std::uint32_t records = data_records(record);
  const bool third_line = third_line_ && record.sections != 0;
  const bool fits = third_line ? write_chosen<true>(record, kThirdLineRegion + ipv6, records)
                    : !usual_  ? write_chosen<false>(record, ipv6, records)
                    : ipv6     ? write_usual_record<Family::ipv6>(record, records)
                               : write_usual_record<Family::ipv4>(record, records);
  if (!fits) return false;
  latest_ns_ = std::max(latest_ns_, span.end_ns);
  clamped_starts_ += span.start_ns < window_.boot_ns();
  ++flow_records_;
  data_records_ += records;
  return true;
}

void Netflow9Encoder::write_header(std::uint8_t* at, std::uint32_t count, std::uint64_t header_ns) {
  last_header_ns_ = header_ns;
  Netflow9Header header;
  header.version = Be16::from_host(kNetflow9Version);
  header.count = Be16::from_host(static_cast<std::uint16_t>(count));
  header.sys_uptime_ms = Be32::from_host(static_cast<std::uint32_t>((header_ns - window_.boot_ns()) / kMillisecond));
  header.unix_secs = Be32::from_host(static_cast<std::uint32_t>(header_ns / kSecond));
  header.sequence = Be32::from_host(sequence_++);
  header.source_id = Be32::from_host(options_.source_id);
  std::memcpy(at, &header, sizeof header);
}

std::span<std::uint8_t> Netflow9Encoder::finish(std::uint64_t now_ns) {
  if (flow_records_ == 0) return {};
  std::array<std::uint16_t, OpenMessage::kRegions> ids{};
  for (std::size_t i = 0; i < templates_.size(); ++i) ids[i] = templates_[i].id();
  const std::span<std::uint8_t> datagram = message_.close(ids);
  write_header(datagram.data(), templates_in_ + data_records_, window_.header_ns(latest_ns_, now_ns));
  flow_records_ = 0;
  data_records_ = 0;
  return datagram;
}

bool Netflow9Encoder::announcement_due(const FlowRecord* record, std::uint64_t now_ns) const {
  if (flow_records_ != 0) return false;
  return refresh_.due(now_ns) || (record != nullptr && window_.known() && !window_.holds(time_span(*record)));
}

std::vector<AnnouncedMessage> Netflow9Encoder::announce(const ExportAccount& account, const FlowRecord* record,
                                                        std::uint64_t now_ns) {
  // Boot first: these headers and those of the data that follow name the same one.
  const TimeSpan present{now_ns, now_ns};
  const TimeSpan span = record != nullptr ? time_span(*record) : present;
  if (record != nullptr || options_.header_time == HeaderTime::now) window_.open(span, now_ns);
  AnnouncementForm form;
  form.dialect = Dialect::netflow9;
  form.domain = options_.source_id;
  form.header_octets = sizeof(Netflow9Header);
  form.limit_octets = message_.limit();
  form.selectors = profile_wants_selectors(options_.profile);
  std::vector<const ExportTemplate*> templates;
  for (std::size_t i = 0; i < (third_line_ ? templates_.size() : kThirdLineRegion); ++i) {
    templates.push_back(&templates_[i]);
  }
  std::vector<AnnouncedMessage> messages = announcement(form, templates, account);
  const std::uint64_t latest_ns = record != nullptr ? span.end_ns : last_header_ns_;
  for (AnnouncedMessage& one : messages) {
    write_header(one.octets.data(), one.records, window_.header_ns(latest_ns, now_ns));
  }
  refresh_.sent(now_ns);
  return messages;
}

void Netflow9Encoder::set_sequence(std::span<std::uint8_t> datagram, std::uint32_t sequence) {
  store_be<std::uint32_t>(datagram.data() + offsetof(Netflow9Header, sequence), sequence);
}

}  // namespace weir
