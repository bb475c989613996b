#include "proto/encode/ipfix_encoder.h"

#include <algorithm>
#include <cstring>

#include "proto/base/netflow9.h"
#include "proto/encode/profile_fields.h"
#include "proto/encode/uptime_window.h"
#include "proto/encode/usual_record.h"

namespace weir {
namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;

constexpr std::size_t octets_of(const FieldList& list) {
  std::size_t octets = 0;
  for (std::size_t i = 0; i < list.count; ++i) octets += list.fields[i].octets;
  return octets;
}

// No profile has a longer uniflow record than rfc.
static_assert(sizeof(IpfixHeader) + OpenMessage::kSetHeader +
                      2 * octets_of(profile_fields(ExportProfile::rfc, Dialect::ipfix, Family::ipv6,
                                                   RecordKind::uniflow, true)) +
                      3 <=
                  kMinPayload,
              "add() on an empty message always succeeds");

}  // namespace

IpfixEncoder::IpfixEncoder(const IpfixOptions& options)
    : options_(options),
      usual_(options.profile == ExportProfile::rfc && options.fields.empty()),
      third_line_(wants_third_line({options.profile, Dialect::ipfix, options.fields})),
      refresh_(options.template_refresh_ns, options.template_refresh_messages),
      message_(options.payload_octets) {
  const TemplateChoice choice{options.profile, Dialect::ipfix, options.fields};
  for (std::size_t region = 0; region < templates_.size(); ++region) {
    const bool third_line = (region & kThirdLine) != 0;
    const auto first = static_cast<std::uint16_t>(third_line ? kFirstThirdLineTemplateId : kFirstTemplateId);
    templates_[region] = make_export_template(
        static_cast<std::uint16_t>(first + (region & 3U)), choice, (region & kIpv6) != 0 ? Family::ipv6 : Family::ipv4,
        (region & kBiflow) != 0 ? RecordKind::biflow : RecordKind::uniflow, third_line);
  }
}

template <Direction kWay>
std::uint8_t* IpfixEncoder::write_uniflow(std::uint8_t* out, const FlowRecord& record, std::size_t region) const {
  const ExportTemplate& form = templates_[region];
  if ((region & kThirdLine) != 0) return form.write<RecordKind::uniflow, kWay, true>(out, record, 0);
  if (!usual_) return form.write<RecordKind::uniflow, kWay>(out, record, 0);
  return (region & kIpv6) != 0 ? write_usual<Dialect::ipfix, Family::ipv6, RecordKind::uniflow, kWay>(out, record, 0)
                               : write_usual<Dialect::ipfix, Family::ipv4, RecordKind::uniflow, kWay>(out, record, 0);
}

void IpfixEncoder::write_biflow(std::uint8_t* out, const FlowRecord& record, std::size_t region) const {
  const ExportTemplate& form = templates_[region];
  if ((region & kThirdLine) != 0) {
    form.write<RecordKind::biflow, kForward, true>(out, record, 0);
  } else if (!usual_) {
    form.write<RecordKind::biflow, kForward>(out, record, 0);
  } else if ((region & kIpv6) != 0) {
    write_usual<Dialect::ipfix, Family::ipv6, RecordKind::biflow, kForward>(out, record, 0);
  } else {
    write_usual<Dialect::ipfix, Family::ipv4, RecordKind::biflow, kForward>(out, record, 0);
  }
}

bool IpfixEncoder::add(const FlowRecord& record, std::uint64_t /*now_ns*/) {
  if (flow_records_ == 0) {
    message_.open(sizeof(IpfixHeader));
    refresh_.count_message();
    latest_ns_ = 0;
  }
  const bool forward = record.packets[kForward] != 0;
  const bool reverse = record.packets[kReverse] != 0;
  const bool biflow = options_.biflow && forward && reverse;
  const std::size_t region = (record.ip_version == 6 ? kIpv6 : 0) | (biflow ? kBiflow : 0) |
                             (third_line_ && record.sections != 0 ? kThirdLine : 0);
  const std::uint32_t records = data_records(record);
  const std::uint32_t octets = templates_[region].record_octets();
  std::uint8_t* out = message_.reserve(region, records * octets, octets);
  if (out == nullptr) return false;
  if (biflow) {
    write_biflow(out, record, region);
  } else {
    // A record without any packet (there should be none) is still one data record.
    if (forward || !reverse) out = write_uniflow<kForward>(out, record, region);
    if (reverse) write_uniflow<kReverse>(out, record, region);
  }
  latest_ns_ = std::max(latest_ns_, time_span(record).end_ns);
  ++flow_records_;
  data_records_ += records;
  return true;
}

void IpfixEncoder::write_header(std::span<std::uint8_t> message, std::uint32_t data_records, std::uint64_t header_ns) {
  last_header_ns_ = header_ns;
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
  std::array<std::uint16_t, OpenMessage::kRegions> ids{};
  for (std::size_t i = 0; i < ids.size(); ++i) ids[i] = templates_[i].id();
  const std::span<std::uint8_t> message = message_.close(ids);
  write_header(message, data_records_, options_.header_time == HeaderTime::records ? latest_ns_ : now_ns);
  flow_records_ = 0;
  data_records_ = 0;
  return message;
}

std::vector<AnnouncedMessage> IpfixEncoder::announce(const ExportAccount& account, const FlowRecord* record,
                                                     std::uint64_t now_ns, bool with_templates) {
  AnnouncementForm form;
  form.templates = with_templates;
  form.dialect = Dialect::ipfix;
  form.domain = options_.domain;
  form.header_octets = sizeof(IpfixHeader);
  form.limit_octets = message_.limit();
  form.selectors = profile_wants_selectors(options_.profile);
  std::vector<const ExportTemplate*> templates;
  for (std::size_t region = 0; region < templates_.size(); ++region) {
    if ((region & kBiflow) != 0 && !options_.biflow) continue;
    if ((region & kThirdLine) != 0 && !third_line_) continue;
    templates.push_back(&templates_[region]);
  }
  std::vector<AnnouncedMessage> messages = announcement(form, templates, account);
  const std::uint64_t records_ns = record != nullptr ? time_span(*record).end_ns : last_header_ns_;
  for (AnnouncedMessage& one : messages) {
    write_header(one.octets, one.data_records, options_.header_time == HeaderTime::records ? records_ns : now_ns);
  }
  refresh_.sent(now_ns);
  return messages;
}

}  // namespace weir
