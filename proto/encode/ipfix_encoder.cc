#include "proto/encode/ipfix_encoder.h"

#include <algorithm>
#include <cstring>

#include "proto/encode/usual_record.h"

namespace weir {
namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;

}  // namespace

IpfixEncoder::IpfixEncoder(const IpfixOptions& options)
    : options_(options),
      usual_(options.profile == ExportProfile::rfc && options.fields.empty()),
      refresh_(options.template_refresh_ns, options.template_refresh_messages),
      last_header_ns_(options.start_ns),
      latest_header_ns_(options.start_ns),
      message_(options.payload_octets),
      templates_({options.profile, Dialect::ipfix, options.fields, options.own_elements},
                 {.both = options.biflow, .header_octets = sizeof(IpfixHeader)}, message_) {}

template <RecordKind kKind, Direction kWay>
[[gnu::noinline]] std::uint8_t* IpfixEncoder::write_usual_base(std::uint8_t* out, const FlowRecord& record) {
  return record.ip_version == 6 ? write_usual<Dialect::ipfix, Family::ipv6, kKind, kWay>(out, record, 0)
                                : write_usual<Dialect::ipfix, Family::ipv4, kKind, kWay>(out, record, 0);
}

template <bool kUsual>
bool IpfixEncoder::write(RecordView record, std::size_t place, std::uint32_t records, bool both) {
  const ExportTemplate& form = templates_[place];
  std::uint8_t* out =
      message_.reserve(place, records * (form.record_octets() + form.tail_octets(record)), form.record_octets());
  if (out == nullptr) return false;
  const auto write = [&]<RecordKind kKind, Direction kWay>() {
    out = kUsual ? write_usual_base<kKind, kWay>(out, *record) : form.write_base<kKind, kWay>(out, *record, 0);
    if (form.has_sections()) out = form.write_sections<kWay>(out, record);
  };
  if (both) {
    write.template operator()<RecordKind::biflow, kForward>();
    return true;
  }
  // A record without any packet (there should be none) is still one data record.
  if (record->packets[kForward] != 0 || record->packets[kReverse] == 0) {
    write.template operator()<RecordKind::uniflow, kForward>();
  }
  if (record->packets[kReverse] != 0) write.template operator()<RecordKind::uniflow, kReverse>();
  return true;
}

bool IpfixEncoder::add(RecordView record, std::uint64_t /*now_ns*/) {
  const std::size_t first = place_of(*record);
  std::size_t place = templates_.find(*record, first);
  if (place == TemplateSet::kNone) {
    if (flow_records_ != 0) return false;
    place = templates_.find_or_make(*record, first);
  }
  if (flow_records_ == 0) {
    message_.open(sizeof(IpfixHeader));
    refresh_.count_message();
    latest_ns_ = 0;
  }
  const std::uint32_t records = data_records(record);
  const bool both = (first & TemplateSet::kBoth) != 0;
  if (!(usual_ ? write<true>(record, place, records, both) : write<false>(record, place, records, both))) return false;
  latest_ns_ = std::max(latest_ns_, time_span(*record).end_ns);
  ++flow_records_;
  data_records_ += records;
  return true;
}

void IpfixEncoder::write_header(std::span<std::uint8_t> message, std::uint32_t data_records, std::uint64_t header_ns) {
  last_header_ns_ = header_ns;
  latest_header_ns_ = std::max(latest_header_ns_, header_ns);
  IpfixHeader header;
  header.version = Be16::from_host(kIpfixVersion);
  header.length = Be16::from_host(static_cast<std::uint16_t>(message.size()));
  header.export_time_s = Be32::from_host(static_cast<std::uint32_t>(header_ns / kSecond));
  header.sequence = Be32::from_host(sequence_);
  header.domain = Be32::from_host(options_.domain);
  std::memcpy(message.data(), &header, sizeof header);
  sequence_ += data_records;
}

std::span<std::uint8_t> IpfixEncoder::finish(std::uint64_t now_ns) {
  if (flow_records_ == 0) return {};
  const std::span<std::uint8_t> message = message_.close();
  write_header(message, data_records_, options_.header_time == HeaderTime::records ? latest_ns_ : now_ns);
  flow_records_ = 0;
  data_records_ = 0;
  return message;
}

std::vector<AnnouncedMessage> IpfixEncoder::announce(const ExportAccount& account, const FlowRecord* record,
                                                     std::uint64_t now_ns, bool repeat_templates) {
  const bool template_alone = record != nullptr && !refresh_.due(clock_ns(record, now_ns)) && is_new(*record);
  if (record != nullptr) templates_.find_or_make(*record, place_of(*record));
  AnnouncementForm form;
  form.options_templates = repeat_templates && !template_alone;
  form.options_data = !template_alone;
  form.dialect = Dialect::ipfix;
  form.domain = options_.domain;
  form.header_octets = sizeof(IpfixHeader);
  form.limit_octets = message_.limit();
  form.selectors = profile_wants_selectors(options_.profile);
  form.own_elements = options_.own_elements;
  std::vector<AnnouncedMessage> messages =
      announcement(form, templates_.take_for_announcement(repeat_templates && !template_alone), account);
  const std::uint64_t records_ns = record != nullptr ? time_span(*record).end_ns : last_header_ns_;
  for (AnnouncedMessage& one : messages) {
    write_header(one.octets, one.data_records, options_.header_time == HeaderTime::records ? records_ns : now_ns);
  }
  if (!template_alone) refresh_.sent(clock_ns(record, now_ns));
  return messages;
}

}  // namespace weir
