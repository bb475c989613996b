#include "proto/decode/flow_decoder.h"

#include <algorithm>
#include <iterator>

#include "proto/base/byte_order.h"
#include "proto/decode/netflow5_decoder.h"

namespace weir {
namespace {

using Octets = std::span<const std::uint8_t>;

// A sequence this far ahead is a restart and not a loss: 2^24 datagrams at 20 000 a second are 14 minutes.
constexpr std::int64_t kFarthestGap = 1 << 24;
// A sequence at most so far back is a datagram that came late. UDP reorders by a few; of formats that count records, a
// datagram has 30 or so.
constexpr std::int64_t kFarthestLate = 64;
constexpr std::int64_t kRecordsInADatagram = 64;

/// What comes from one address may have one share of all memory.
constexpr std::size_t kSharesOfMemory = 4;

bool counts_datagrams(FlowVersion version) {
  return version == FlowVersion::netflow9;
}

}  // namespace

std::string_view address_of_exporter(std::string_view exporter) {
  const std::size_t colon = exporter.rfind(':');
  if (colon == std::string_view::npos) return exporter;
  const bool bracketed = exporter.front() == '[';
  if (bracketed ? exporter[colon - 1] != ']' : exporter.find(':') != colon) return exporter;  // IPv6 without a port
  exporter = exporter.substr(0, colon);
  return bracketed ? exporter.substr(1, exporter.size() - 2) : exporter;
}

StreamCounts& StreamCounts::operator+=(const StreamCounts& other) {
#define WEIR_X(name, text) name += other.name;
  WEIR_STREAM_COUNTS(WEIR_X)
#undef WEIR_X
  return *this;
}

FlowDecoder::FlowDecoder(const Limits& limits)
    : limits_(limits),
      template_limits_{limits.templates_per_stream, limits.fields_per_stream, limits.waiting_octets_per_stream,
                       limits.template_lifetime_ns, 0} {}

TemplateLimits FlowDecoder::template_limits(const Stream& stream) const {
  TemplateLimits limits = template_limits_;
  const std::size_t own = stream.templates.octets();
  const auto left = [&](std::size_t most, std::size_t used) { return most - std::min(most, used - own); };
  limits.octets = std::min(left(limits_.memory_octets, memory_octets_),
                           left(limits_.memory_octets / kSharesOfMemory, stream.address->octets));
  return limits;
}

std::string_view FlowDecoder::stream_name(std::string_view exporter, FlowVersion version) const {
  return version == FlowVersion::netflow9 && !limits_.netflow9_by_port ? address_of_exporter(exporter) : exporter;
}

void FlowDecoder::touch(Stream& stream) {
  KeyList& from = stream.proven ? proven_ : once_;
  stream.proven = true;
  proven_.splice(proven_.end(), from, stream.place);
  KeyList& list = stream.address->streams;
  list.splice(list.end(), list, stream.address_place);
}

const FlowDecoder::Key* FlowDecoder::next_to_forget(const Stream* kept) const {
  const auto first_of = [&](const KeyList& list) -> const Key* {
    auto one = list.begin();
    if (kept != nullptr && one == kept->place) ++one;
    return one == list.end() ? nullptr : *one;
  };
  const Key* const once = first_of(once_);
  const Key* const proven = first_of(proven_);
  if (once == nullptr || proven == nullptr) return once != nullptr ? once : proven;
  const bool ended = streams_.find(*once)->second.ended;
  return ended || once_.size() >= streams_.size() / kSharesOfMemory ? once : proven;
}

void FlowDecoder::forget(const Key& key) {
  const auto found = streams_.find(key);
  Stream& stream = found->second;
  if (!stream.ended) ++forgotten_;
  stream.counts.dropped_sets += stream.templates.waiting();
  gone_ += stream.counts;
  const std::size_t octets = kStreamOctets + stream.templates.octets();
  memory_octets_ -= octets;
  stream.address->octets -= octets;
  stream.address->streams.erase(stream.address_place);
  if (stream.address->streams.empty()) {
    addresses_.erase(addresses_.find(address_of_exporter(found->first.exporter)));
  }
  (stream.proven ? proven_ : once_).erase(stream.place);
  streams_.erase(found);
}

bool FlowDecoder::make_room(std::string_view address, std::size_t octets, std::size_t streams, const Stream* kept) {
  const std::size_t share = limits_.memory_octets / kSharesOfMemory;
  for (;;) {
    const auto found = addresses_.find(address);
    if ((found == addresses_.end() ? 0 : found->second.octets) + octets <= share) break;
    if (found == addresses_.end()) return false;
    const KeyList& list = found->second.streams;
    const auto first = kept != nullptr && list.begin() == kept->address_place ? std::next(list.begin()) : list.begin();
    if (first == list.end()) return false;
    forget(**first);
  }
  while (memory_octets_ + octets > limits_.memory_octets || streams_.size() + streams > limits_.streams) {
    const Key* const key = next_to_forget(kept);
    if (key == nullptr) return false;
    forget(*key);
  }
  return true;
}

FlowDecoder::Stream* FlowDecoder::find_or_add(const DatagramOrigin& origin, const MessageHeader& header, bool may_add) {
  const std::string_view name = stream_name(origin.exporter, header.version);
  const KeyView view{name, origin.session, header.version, header.source_id};
  if (const auto found = streams_.find(view); found != streams_.end()) {
    touch(found->second);
    return &found->second;
  }
  const std::string_view address = address_of_exporter(origin.exporter);
  if (!may_add || !make_room(address, kStreamOctets, 1, nullptr)) return nullptr;
  Address& of_address = addresses_.try_emplace(std::string(address)).first->second;
  memory_octets_ += kStreamOctets;
  of_address.octets += kStreamOctets;
  const auto added =
      streams_.emplace(Key{std::string(name), origin.session, header.version, header.source_id}, Stream{});
  Stream& stream = added.first->second;
  stream.address = &of_address;
  stream.place = once_.insert(once_.end(), &added.first->first);
  stream.address_place = of_address.streams.insert(of_address.streams.end(), &added.first->first);
  return &stream;
}

void FlowDecoder::note_clock(Stream& stream, const MessageHeader& header, std::uint64_t received_ns) {
  stream.ended = false;
  if (received_ns == 0) return;
  stream.exported_s = header.unix_secs;
  const std::int64_t exported_ms = std::int64_t{header.unix_secs} * 1000 + header.unix_nsecs / 1'000'000;
  const std::int64_t skew_ms = static_cast<std::int64_t>(received_ns / 1'000'000) - exported_ms;
  ClockSkew& skew = stream.skew;
  skew.least_ms = skew.known ? std::min(skew.least_ms, skew_ms) : skew_ms;
  skew.greatest_ms = skew.known ? std::max(skew.greatest_ms, skew_ms) : skew_ms;
  skew.last_ms = skew_ms;
  skew.known = true;
}

void FlowDecoder::follow_sequence(Stream& stream, const MessageHeader& header, std::uint32_t units,
                                  std::uint32_t flows) {
  StreamCounts& counts = stream.counts;
  const bool datagrams = counts_datagrams(header.version);
  const std::int64_t boot_ms = std::int64_t{header.unix_secs} * 1000 - std::int64_t{header.sys_uptime_ms};
  // Modulo 2^32, as the field wraps: from -2^31 to 2^31 - 1.
  const std::int64_t ahead = static_cast<std::int32_t>(header.sequence - stream.next_sequence);
  const std::int64_t farthest_late = datagrams ? kFarthestLate : kFarthestLate * kRecordsInADatagram;
  // next_sequence = sequence before + records before; an exporter that counts a message's own records is at sequence
  // before + records of this one, and softflowd does not count options among them. A message without records does not
  // show the habit: one that came late has the same number.
  const std::uint32_t before = stream.next_sequence - stream.last_records;
  const bool own = header.version == FlowVersion::ipfix && ahead != 0 && stream.sequence_known &&
                   (units != 0 || counts.sequence_own != 0) &&
                   (header.sequence == before + units || header.sequence == before + flows);
  bool newest = true;
  if (!stream.sequence_known || ahead == 0) {
    // In order, or nothing to compare with.
  } else if (own) {
    ++counts.sequence_own;
  } else if (ahead > 0 && ahead <= kFarthestGap) {
    ++counts.sequence_gaps;
    (datagrams ? counts.lost_datagrams : counts.lost_records) += static_cast<std::uint64_t>(ahead);
  } else {
    // Back, by a little: late, unless the exporter started again: then its uptime went back and its boot came later.
    const bool rebooted = header.sys_uptime_ms < stream.uptime_ms && boot_ms > stream.boot_ms + 1000;
    if (ahead < 0 && ahead >= -farthest_late && !rebooted) {
      newest = false;
      ++counts.late_datagrams;
      if (datagrams) {
        if (counts.lost_datagrams > 0) --counts.lost_datagrams;
      } else {
        counts.lost_records -= std::min<std::uint64_t>(counts.lost_records, units);
      }
    } else {
      ++counts.restarts;
    }
  }
  if (newest) {
    stream.sequence_known = true;
    stream.next_sequence = header.sequence + units;
    stream.last_records = units;
    stream.uptime_ms = header.sys_uptime_ms;
    stream.boot_ms = boot_ms;
  }
}

void FlowDecoder::give_rates(const Stream& stream, std::size_t first_flow, bool sampler_known, Decoded& out) const {
  if (stream.rates.empty()) return;
  for (std::size_t i = first_flow; i < out.flows.size(); ++i) {
    FlowRecord& flow = out.flows.mutable_base(i);
    if (flow.sampling_rate != 0) continue;
    flow.sampling_rate = stream.rates.rate_of(flow, sampler_known ? &samplers_[i - first_flow] : nullptr);
  }
}

DecodeError FlowDecoder::take_data(Stream& stream, const FlowTemplate& known, const MessageHeader& header,
                                   std::uint16_t id, Octets body, std::size_t expected, Decoded& out) {
  if (!known.options()) {
    const std::size_t before = out.flows.size();
    samplers_.clear();
    const DecodeError error =
        known.decode_flows(id, {header, stream.rates.system_init_ms()}, body, out, samplers_, expected);
    stream.counts.records += out.flows.size() - before;
    give_rates(stream, before, known.names_sampler(), out);
    return error;
  }
  const std::uint32_t least = known.least_octets();
  body = without_padding(header.version, least, body, expected);
  while (body.size() >= least) {
    const std::size_t first = out.values.size();
    if (!take_record(known.fields(), body, out.values)) return DecodeError::bad_variable_length;
    ++stream.counts.option_records;
    out.options.push_back(
        {id, static_cast<std::uint32_t>(first), static_cast<std::uint32_t>(out.values.size() - first)});
    stream.rates.note(header.version, std::span(out.values).subspan(first));
  }
  return header.version == FlowVersion::ipfix || body.size() < 4 ? DecodeError::none : DecodeError::trailing_octets;
}

std::size_t FlowDecoder::expected_records(const Stream& stream, const FlowSet& wanted) const {
  const MessageHeader& header = parsed_.header;
  std::uint64_t others = 0;
  for (const FlowSet& set : parsed_.flow_sets) {
    if (&set == &wanted) continue;
    const SetKind kind = set_kind(header.version, set.id);
    if (kind == SetKind::templates || kind == SetKind::options_templates) {
      std::vector<TemplateRecord> records;
      if (parse_templates(header.version, set, records) != DecodeError::none) return kUnknownCount;
      others += records.size();
      continue;
    }
    const FlowTemplate* const known = kind == SetKind::data ? stream.templates.peek(set.id) : nullptr;
    if (known == nullptr || known->least_octets() < 4 || known->variable()) return kUnknownCount;
    others += set.body.size() / known->least_octets();
  }
  return others <= header.count ? header.count - others : kUnknownCount;
}

TemplateStore::Change FlowDecoder::take_template(Stream& stream, FlowVersion version, const TemplateRecord& record,
                                                 std::uint64_t now_ns) {
  // As many octets as it needs; where they do not fit, the store refuses it.
  static_cast<void>(make_room(address_of_exporter((*stream.place)->exporter), TemplateStore::cost(record), 0, &stream));
  const TemplateLimits limits = template_limits(stream);
  const MemoryShare share(*this, stream);
  return stream.templates.take(version, record, limits, now_ns);
}

DecodeError FlowDecoder::take_templates(Stream& stream, const MessageHeader& header, const FlowSet& set,
                                        const DatagramOrigin& origin, std::uint64_t& records, Decoded& out) {
  // In a session nothing expires: there the clock stands.
  const std::uint64_t now_ns = origin.session ? 0 : origin.received_ns;
  const bool ignore_withdrawals = header.version == FlowVersion::ipfix && !origin.session;
  records_.clear();
  DecodeError error = parse_templates(header.version, set, records_);
  records += records_.size();
  for (TemplateRecord& record : records_) {
    if (record.fields.empty() && ignore_withdrawals) {
      ++stream.counts.withdrawals_ignored;
      continue;
    }
    // A field of no octets says nothing. Records must not cost more time than they have octets.
    std::erase_if(record.fields, [](const FieldSpec& field) { return field.octets == 0; });
    switch (take_template(stream, header.version, record, now_ns)) {
      case TemplateStore::Change::withdrawn:
        ++stream.counts.withdrawals;
        continue;
      case TemplateStore::Change::refused:
        if (error == DecodeError::none) error = DecodeError::too_many_templates;
        continue;
      case TemplateStore::Change::changed:
        ++stream.counts.template_changes;
        break;
      case TemplateStore::Change::added:
      case TemplateStore::Change::refreshed:
        break;
    }
    ++stream.counts.templates;
    if (stream.templates.waiting() == 0) continue;
    bool expired = false;
    const FlowTemplate* const known = stream.templates.find(record.id, template_limits_, now_ns, expired);
    if (known == nullptr) continue;
    const MemoryShare share(*this, stream);
    for (TemplateStore::Waiting& waiting : stream.templates.take_waiting(record.id)) {
      ++stream.counts.recovered_sets;
      out.waited.push_back(std::move(waiting.body));
      // What is wrong with it was sent with another datagram: it gives what it has.
      (void)take_data(stream, *known, waiting.header, record.id, out.waited.back(), kUnknownCount, out);
    }
  }
  return error;
}

DecodeError FlowDecoder::refuse(StreamCounts& counts, DecodeError error) {
  ++counts.datagrams;
  ++counts.malformed;
  ++errors_[static_cast<std::size_t>(error)];
  return error;
}

DecodeError FlowDecoder::decode_fixed(const DatagramOrigin& origin, Octets datagram, Decoded& out) {
  DecodeError error = decode_netflow5(datagram, out);
  if (error == DecodeError::short_header) return refuse(gone_, error);
  Stream* const stream = find_or_add(origin, out.header, error == DecodeError::none);
  if (stream == nullptr) {
    if (error == DecodeError::none) error = DecodeError::too_many_streams;
    out.clear();
    return refuse(gone_, error);
  }
  if (error != DecodeError::none) return refuse(stream->counts, error);
  note_clock(*stream, out.header, origin.received_ns);
  follow_sequence(*stream, out.header, out.header.count, out.header.count);
  ++stream->counts.datagrams;
  stream->counts.records += out.flows.size();
  return DecodeError::none;
}

DecodeError FlowDecoder::take_set(Stream& stream, const MessageHeader& header, const FlowSet& set, std::uint64_t now_ns,
                                  Taken& taken, Decoded& out) {
  bool expired = false;
  const MemoryShare share(*this, stream);
  const FlowTemplate* const known = stream.templates.find(set.id, template_limits_, now_ns, expired);
  if (expired) ++stream.counts.templates_expired;
  if (known == nullptr) {
    ++stream.counts.unknown_template;
    stream.counts.dropped_sets += stream.templates.wait(set.id, header, set.body, template_limits(stream));
    taken.all_known = false;
    return DecodeError::none;
  }
  const std::size_t flows_before = out.flows.size();
  const std::size_t options_before = out.options.size();
  const bool short_records = header.version != FlowVersion::ipfix && known->least_octets() < 4;
  // It walks all sets, so once a datagram. Beside another set of such records the number is not known anyway.
  const std::size_t expected = short_records && !taken.short_set ? expected_records(stream, set) : kUnknownCount;
  taken.short_set |= short_records;
  const DecodeError error = take_data(stream, *known, header, set.id, set.body, expected, out);
  taken.flow_records += out.flows.size() - flows_before;
  taken.data_records += out.flows.size() - flows_before + out.options.size() - options_before;
  return error;
}

DecodeError FlowDecoder::decode(const DatagramOrigin& origin, Octets datagram, Decoded& out) {
  if (datagram.size() >= 2) {
    const auto version = load_be<std::uint16_t>(datagram.data());
    if (version == 5 || version == 7) return decode_fixed(origin, datagram, out);
  }
  out.clear();

  DecodeError first_error = parse_message(datagram, parsed_);
  if (first_error == DecodeError::short_header || first_error == DecodeError::wrong_version) {
    out.header = {};
    return refuse(gone_, first_error);
  }
  const MessageHeader& header = parsed_.header;
  out.header = header;
  const bool ipfix = header.version == FlowVersion::ipfix;
  // In v9 a bad set costs itself and those after it. Only a datagram with something well framed makes a stream.
  const bool usable = first_error == DecodeError::none || (!ipfix && !parsed_.flow_sets.empty());
  Stream* const stream = find_or_add(origin, header, usable);
  if (stream == nullptr)
    return refuse(gone_, first_error == DecodeError::none ? DecodeError::too_many_streams : first_error);
  if (!usable) {
    if (ipfix) {
      stream->sequence_known = false;  // how many records it had is not known
    } else {
      follow_sequence(*stream, header, 1, 1);
    }
    return refuse(stream->counts, first_error);
  }
  note_clock(*stream, header, origin.received_ns);
  if (!ipfix) follow_sequence(*stream, header, 1, 1);

  const std::uint64_t now_ns = origin.session ? 0 : origin.received_ns;
  std::uint64_t template_records = 0;
  Taken taken;
  for (const FlowSet& set : parsed_.flow_sets) {
    DecodeError error = DecodeError::none;
    switch (set_kind(header.version, set.id)) {
      case SetKind::templates:
      case SetKind::options_templates:
        error = take_templates(*stream, header, set, origin, template_records, out);
        break;
      case SetKind::reserved:
        ++stream->counts.reserved_flow_sets;
        taken.all_known = false;
        break;
      case SetKind::data:
        error = take_set(*stream, header, set, now_ns, taken, out);
        break;
    }
    if (first_error == DecodeError::none) first_error = error;
  }
  if (ipfix && taken.all_known && first_error == DecodeError::none) {
    follow_sequence(*stream, header, static_cast<std::uint32_t>(taken.data_records),
                    static_cast<std::uint32_t>(taken.flow_records));
  } else if (ipfix) {
    follow_sequence(*stream, header, 0, 0);
    stream->sequence_known = false;  // the number after this message depends on records that nobody could count
  }
  if (first_error != DecodeError::none) return refuse(stream->counts, first_error);
  ++stream->counts.datagrams;
  // RFC 3954 section 5.1. Exporters are known to count otherwise, so this informs and is no error.
  if (!ipfix && taken.all_known && template_records + taken.data_records != header.count)
    ++stream->counts.count_mismatches;
  return DecodeError::none;
}

void FlowDecoder::end_session(std::string_view exporter, std::uint64_t session) {
  auto one = streams_.lower_bound(KeyView{exporter, session, FlowVersion{}, 0});
  for (; one != streams_.end() && one->first.exporter == exporter && one->first.session == session; ++one) {
    Stream& stream = one->second;
    const MemoryShare share(*this, stream);
    stream.counts.dropped_sets += stream.templates.waiting();
    stream.templates = TemplateStore();
    stream.sequence_known = false;
    stream.ended = true;  // the first to be forgotten
    once_.splice(once_.begin(), stream.proven ? proven_ : once_, stream.place);
    stream.proven = false;
    KeyList& list = stream.address->streams;
    list.splice(list.begin(), list, stream.address_place);
  }
}

StreamCounts FlowDecoder::totals() const {
  StreamCounts sum = gone_;
  for (const auto& [key, stream] : streams_) sum += stream.counts;
  return sum;
}

StreamCounts FlowDecoder::counts(std::string_view exporter, std::uint32_t source_id) const {
  StreamCounts sum;
  for (const auto& [key, stream] : streams_) {
    if (key.exporter == stream_name(exporter, key.version) && key.source_id == source_id) sum += stream.counts;
  }
  return sum;
}

const std::vector<FieldSpec>* FlowDecoder::find_template(const DatagramOrigin& origin, const MessageHeader& header,
                                                         std::uint16_t id) const {
  const auto found = streams_.find(
      KeyView{stream_name(origin.exporter, header.version), origin.session, header.version, header.source_id});
  return found == streams_.end() ? nullptr : found->second.templates.fields_of(id);
}

std::vector<StreamReport> FlowDecoder::reports() const {
  std::vector<StreamReport> result;
  result.reserve(streams_.size());
  for (const auto& [key, stream] : streams_) {
    result.push_back({key.exporter, key.session != 0, key.version, key.source_id, stream.counts, stream.skew,
                      stream.exported_s, stream.templates.size(), stream.templates.waiting()});
  }
  return result;
}

}  // namespace weir
