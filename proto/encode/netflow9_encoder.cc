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

/// Where templates stand before records: header, templates, and both halves of a conversation.
constexpr std::uint32_t first_datagram_octets(ExportProfile profile, RecordKind kind) {
  constexpr auto kTemplateHeader = static_cast<std::uint32_t>(sizeof(Netflow9TemplateHeader));
  const FieldList list = base_fields({profile, Dialect::netflow9, Family::ipv6, kind});
  return static_cast<std::uint32_t>(sizeof(Netflow9Header) + 2 * sizeof(Netflow9FlowSetHeader)) +
         2 * (kTemplateHeader + template_octets_of(list)) + (kind == RecordKind::uniflow ? 2 : 1) * octets_of(list) + 3;
}
constexpr std::uint32_t longest_first_datagram_octets() {
  std::uint32_t longest = 0;
  for (std::size_t i = 0; i < kExportProfileNames.size(); ++i) {
    for (const RecordKind kind : {RecordKind::uniflow, RecordKind::merged}) {
      longest = std::max(longest, first_datagram_octets(static_cast<ExportProfile>(i), kind));
    }
  }
  return longest;
}
static_assert(longest_first_datagram_octets() <= kNetflow9MinPayload, "add() on an empty datagram always succeeds");
static_assert(kNetflow9MaxPayload <= 65535, "FlowSet lengths have 16 bits");

}  // namespace

Netflow9Encoder::Netflow9Encoder(const Netflow9Options& options)
    : options_(options),
      usual_(options.profile == ExportProfile::rfc && options.fields.empty()),
      window_(options.header_time, options.start_ns),
      refresh_(options.template_refresh_ns, options.template_refresh_datagrams),
      message_(options.payload_octets, options.biflow ? TemplateSet::kBoth : 0),
      templates_({options.profile, Dialect::netflow9, options.fields, options.own_elements},
                 {.uniflow = !options.biflow,
                  .both = options.biflow,
                  .sections = options.announced,
                  .header_octets = sizeof(Netflow9Header)},
                 message_) {}

void Netflow9Encoder::open(const TimeSpan& span, std::uint64_t now_ns) {
  if (window_.open(span, now_ns)) refresh_.want();
  std::uint8_t* out = message_.header() + sizeof(Netflow9Header);
  templates_in_ = 0;
  const std::uint64_t clock = clock_ns(span.end_ns, now_ns);
  if (refresh_.due(clock) && !options_.announced) {
    // RFC 3954 section 5.2; a multiple of 4, so without padding.
    std::uint8_t* const start = out;
    out += sizeof(Netflow9FlowSetHeader);
    for (const ExportTemplate* const one : templates_.take_for_announcement(true)) {
      out = write_template_record(out, *one);
      ++templates_in_;  // RFC 3954 section 5.1: each is a record
    }
    store_be<std::uint16_t>(start, kNetflow9TemplateFlowSet);
    store_be<std::uint16_t>(start + 2, static_cast<std::uint16_t>(out - start));
    refresh_.sent(clock);
  }
  refresh_.count_message();
  message_.open(static_cast<std::uint32_t>(out - message_.header()));
  latest_ns_ = 0;
}

template <RecordKind kKind, Direction kWay>
[[gnu::noinline]] std::uint8_t* Netflow9Encoder::write_usual_base(std::uint8_t* out, const FlowRecord& record) const {
  const std::uint64_t boot_ms = window_.boot_ms();
  return record.ip_version == 6 ? write_usual<Dialect::netflow9, Family::ipv6, kKind, kWay>(out, record, boot_ms)
                                : write_usual<Dialect::netflow9, Family::ipv4, kKind, kWay>(out, record, boot_ms);
}

template <bool kUsual>
bool Netflow9Encoder::write_chosen(RecordView record, std::size_t place, std::uint32_t records) {
  const ExportTemplate& form = templates_[place];
  std::uint8_t* out = message_.reserve(place, records * form.record_octets(), form.record_octets());
  if (out == nullptr) return false;
  const auto write = [&]<RecordKind kKind, Direction kWay>() {
    out = kUsual ? write_usual_base<kKind, kWay>(out, *record)
                 : form.write_base<kKind, kWay>(out, *record, window_.boot_ms());
    if (form.has_sections()) out = form.write_sections<kWay>(out, record);
  };
  if (options_.biflow) {
    write.template operator()<RecordKind::merged, kForward>();
    return true;
  }
  if (record->packets[kForward] != 0 || record->packets[kReverse] == 0) {
    write.template operator()<RecordKind::uniflow, kForward>();
  }
  if (record->packets[kReverse] != 0) write.template operator()<RecordKind::uniflow, kReverse>();
  return true;
}

template <Family kFamily>
inline bool Netflow9Encoder::write_usual_record(const FlowRecord& record, std::uint32_t records) {
  constexpr Dialect kDialect = Dialect::netflow9;
  constexpr std::size_t kPlace = kFamily == Family::ipv6 ? TemplateSet::kIpv6 : 0;
  constexpr std::uint32_t kUniflow = kUsualRecordOctets<kDialect, kFamily, RecordKind::uniflow>;
  constexpr std::uint32_t kMerged = kUsualRecordOctets<kDialect, kFamily, RecordKind::merged>;
  static_assert(kUniflow % 4 == 0 && kMerged % 4 == 0, "a FlowSet of them needs no padding");
  const std::uint64_t boot_ms = window_.boot_ms();
  if (options_.biflow) {
    std::uint8_t* const out = message_.reserve(kPlace | TemplateSet::kBoth, kMerged, kMerged);
    if (out != nullptr) write_usual<kDialect, kFamily, RecordKind::merged, kForward>(out, record, boot_ms);
    return out != nullptr;
  }
  std::uint8_t* out = message_.reserve(kPlace, records * kUniflow, kUniflow);
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

bool Netflow9Encoder::add(RecordView record, std::uint64_t now_ns) {
  if (!usual_ || !templates_.is_plain(*record)) return add_chosen(record, now_ns);
  const TimeSpan span = time_span(*record);
  if (flow_records_ == 0) {
    open(span, now_ns);
  } else if (!window_.holds(span)) {
    return false;
  }
  const std::uint32_t records = data_records(record);
  const bool fits = record->ip_version == 6 ? write_usual_record<Family::ipv6>(*record, records)
                                            : write_usual_record<Family::ipv4>(*record, records);
  if (fits) count(span, records);
  return fits;
}

bool Netflow9Encoder::add_chosen(RecordView record, std::uint64_t now_ns) {
  const TimeSpan span = time_span(*record);
  std::size_t place = templates_.find(*record, place_of(*record));
  if (flow_records_ == 0) {
    open(span, now_ns);
    if (place == TemplateSet::kNone) place = templates_.find_or_make(*record, place_of(*record));
  } else if (!window_.holds(span) || place == TemplateSet::kNone) {
    return false;
  }
  const std::uint32_t records = data_records(record);
  const bool fits = usual_ ? write_chosen<true>(record, place, records) : write_chosen<false>(record, place, records);
  if (fits) count(span, records);
  return fits;
}

inline void Netflow9Encoder::count(const TimeSpan& span, std::uint32_t records) {
  latest_ns_ = std::max(latest_ns_, span.end_ns);
  clamped_starts_ += span.start_ns < window_.boot_ns();
  ++flow_records_;
  data_records_ += records;
}

void Netflow9Encoder::write_header(std::uint8_t* at, std::uint32_t count, std::uint64_t header_ns) {
  last_header_ns_ = header_ns;
  latest_header_ns_ = std::max(latest_header_ns_, header_ns);
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
  const std::span<std::uint8_t> datagram = message_.close();
  write_header(datagram.data(), templates_in_ + data_records_, window_.header_ns(latest_ns_, now_ns));
  flow_records_ = 0;
  data_records_ = 0;
  return datagram;
}

bool Netflow9Encoder::announcement_due(const FlowRecord* record, std::uint64_t now_ns) const {
  if (flow_records_ != 0) return false;
  if (refresh_.due(clock_ns(record != nullptr ? time_span(*record).end_ns : 0, now_ns))) return true;
  return record != nullptr && ((window_.known() && !window_.holds(time_span(*record))) || is_new(*record));
}

std::vector<AnnouncedMessage> Netflow9Encoder::announce(const ExportAccount& account, const FlowRecord* record,
                                                        std::uint64_t now_ns) {
  const std::uint64_t clock = clock_ns(record != nullptr ? time_span(*record).end_ns : 0, now_ns);
  bool template_alone = record != nullptr && !refresh_.due(clock) && is_new(*record);
  if (record != nullptr) templates_.find_or_make(*record, place_of(*record));
  // Boot first: these headers and those of the data that follow name the same one.
  const TimeSpan present{now_ns, now_ns};
  const TimeSpan span = record != nullptr ? time_span(*record) : present;
  if (record != nullptr || options_.header_time == HeaderTime::now) {
    // If the uptime fell, a collector could assume a restart and drop its templates.
    if (window_.open(span, now_ns)) template_alone = false;
  }
  AnnouncementForm form;
  form.options_templates = form.options_data = !template_alone;
  form.dialect = Dialect::netflow9;
  form.domain = options_.source_id;
  form.header_octets = sizeof(Netflow9Header);
  form.limit_octets = message_.limit();
  form.selectors = profile_wants_selectors(options_.profile);
  std::vector<AnnouncedMessage> messages =
      announcement(form, templates_.take_for_announcement(!template_alone), account);
  const std::uint64_t latest_ns = record != nullptr ? span.end_ns : last_header_ns_;
  for (AnnouncedMessage& one : messages) {
    write_header(one.octets.data(), one.records, window_.header_ns(latest_ns, now_ns));
  }
  if (!template_alone) refresh_.sent(clock);
  return messages;
}

void Netflow9Encoder::set_sequence(std::span<std::uint8_t> datagram, std::uint32_t sequence) {
  store_be<std::uint32_t>(datagram.data() + offsetof(Netflow9Header, sequence), sequence);
}

}  // namespace weir
