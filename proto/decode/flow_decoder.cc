#include "proto/decode/flow_decoder.h"

#include <algorithm>

#include "proto/base/byte_order.h"
#include "proto/base/sampling_rate.h"
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

constexpr std::size_t kMostSamplers = 64;
constexpr std::size_t kMostInterfaces = 256;

bool counts_datagrams(FlowVersion version) {
  return version == FlowVersion::netflow9;
}

}  // namespace

StreamCounts& StreamCounts::operator+=(const StreamCounts& other) {
#define WEIR_X(name, text) name += other.name;
  WEIR_STREAM_COUNTS(WEIR_X)
#undef WEIR_X
  return *this;
}

FlowDecoder::FlowDecoder(const Limits& limits)
    : limits_(limits),
      template_limits_{limits.templates_per_stream, limits.fields_per_stream, limits.waiting_octets_per_stream,
                       limits.template_lifetime_ns} {}

FlowDecoder::Stream* FlowDecoder::find_or_add(const DatagramOrigin& origin, const MessageHeader& header, bool may_add) {
  const KeyView view{origin.exporter, header.version, header.source_id};
  const auto found = streams_.find(view);
  if (found != streams_.end()) return &found->second;
  if (!may_add) return nullptr;
  if (streams_.size() >= limits_.streams) {
    auto stale = streams_.end();
    for (auto one = streams_.begin(); one != streams_.end(); ++one) {
      const bool silent =
          origin.received_ns > one->second.seen_ns && origin.received_ns - one->second.seen_ns > limits_.stream_idle_ns;
      if (!one->second.ended && !(silent && one->second.seen_ns != 0)) continue;
      if (stale == streams_.end() || one->second.seen_ns < stale->second.seen_ns) stale = one;
    }
    if (stale == streams_.end()) return nullptr;
    gone_ += stale->second.counts;
    streams_.erase(stale);
  }
  return &streams_.emplace(Key{std::string(origin.exporter), header.version, header.source_id}, Stream{}).first->second;
}

void FlowDecoder::note_clock(Stream& stream, const MessageHeader& header, std::uint64_t received_ns) {
  stream.ended = false;
  if (received_ns == 0) return;
  stream.seen_ns = received_ns;
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
  // before + records of this one, and softflowd does not count options among them.
  const std::uint32_t before = stream.next_sequence - stream.last_records;
  const bool own = header.version == FlowVersion::ipfix && ahead != 0 && stream.sequence_known &&
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

void FlowDecoder::note_options(Stream& stream, FlowVersion version, std::span<const DecodedValue> values) {
  SamplingFields sampling;
  std::uint64_t sampler = 0, interface = 0;
  bool has_sampler = false, has_interface = false;
  for (const DecodedValue& value : values) {
    if (value.enterprise != 0 || value.octets.empty() || value.octets.size() > 8) continue;
    const std::uint64_t number = be_integer(value.octets);
    const auto number32 = static_cast<std::uint32_t>(number <= UINT32_MAX ? number : 0);  // as wide as RFC 5477 has it
    if (value.scope && version == FlowVersion::netflow9) {  // RFC 3954 section 6.1: 2 is the interface
      if (value.element == 2) {
        interface = number;
        has_interface = true;
      }
      continue;
    }
    switch (value.element) {
      case 10:  // ingressInterface, as a scope
        interface = number;
        has_interface = value.scope;
        break;
      case 34:
        sampling.plain_rate = number32;
        break;
      case 48:   // samplerId
      case 302:  // selectorId
        sampler = number;
        has_sampler = true;
        break;
      case 50:
        sampling.sampler_rate = number32;
        break;
      case 160:  // systemInitTimeMilliseconds
        stream.system_init_ms = number;
        break;
      case 304:
        sampling.algorithm = number32;
        break;
      case 305:
        sampling.interval = number32;
        break;
      case 306:
        sampling.space = number32;
        break;
      case 309:
        sampling.size = number32;
        break;
      case 310:
        sampling.population = number32;
        break;
      case 311:
        sampling.probability = number;
        break;
      default:
        break;
    }
  }
  const std::uint32_t rate = sampling_rate(sampling);
  if (rate == 0) return;
  if (has_sampler) {
    if (stream.sampler_rates.size() < kMostSamplers || stream.sampler_rates.contains(sampler)) {
      stream.sampler_rates[sampler] = rate;
    }
  } else if (has_interface && interface <= UINT32_MAX) {
    const auto number = static_cast<std::uint32_t>(interface);
    if (stream.interface_rates.size() < kMostInterfaces || stream.interface_rates.contains(number)) {
      stream.interface_rates[number] = rate;
    }
  } else {
    stream.default_rate = rate;
  }
}

void FlowDecoder::give_rates(const Stream& stream, std::size_t first_flow, bool sampler_known, Decoded& out) const {
  if (stream.default_rate == 0 && stream.sampler_rates.empty() && stream.interface_rates.empty()) return;
  for (std::size_t i = first_flow; i < out.flows.size(); ++i) {
    DecodedFlow& flow = out.flows[i];
    if (flow.sampling_rate != 0) continue;
    if (sampler_known) {
      const auto found = stream.sampler_rates.find(samplers_[i - first_flow]);
      if (found != stream.sampler_rates.end()) flow.sampling_rate = found->second;
      // A sampler of which nothing was said yet, or 0 for "not sampled": no other's rate is this record's.
      if (!stream.sampler_rates.empty()) continue;
    }
    if (const auto found = stream.interface_rates.find(flow.ingress_interface);
        flow.sampling_rate == 0 && found != stream.interface_rates.end()) {
      flow.sampling_rate = found->second;
    }
    if (flow.sampling_rate == 0) flow.sampling_rate = stream.default_rate;
    // An exporter with a single sampler often does not name it in its records.
    if (flow.sampling_rate == 0 && stream.sampler_rates.size() == 1) {
      flow.sampling_rate = stream.sampler_rates.begin()->second;
    }
  }
}

DecodeError FlowDecoder::take_data(Stream& stream, const FlowTemplate& known, const MessageHeader& header,
                                   std::uint16_t id, Octets body, Decoded& out) {
  if (!known.options()) {
    const std::size_t before = out.flows.size();
    samplers_.clear();
    const DecodeError error = known.decode_flows(id, {header, stream.system_init_ms}, body, out, samplers_);
    stream.counts.records += out.flows.size() - before;
    give_rates(stream, before, known.names_sampler(), out);
    return error;
  }
  const std::uint32_t least = least_record_octets(known.fields());
  while (body.size() >= least) {
    const std::size_t first = out.values.size();
    if (!take_record(known.fields(), body, out.values)) return DecodeError::bad_variable_length;
    ++stream.counts.option_records;
    out.options.push_back(
        {id, static_cast<std::uint32_t>(first), static_cast<std::uint32_t>(out.values.size() - first)});
    note_options(stream, header.version, std::span(out.values).subspan(first));
  }
  return header.version == FlowVersion::ipfix || body.size() < 4 ? DecodeError::none : DecodeError::trailing_octets;
}

DecodeError FlowDecoder::take_templates(Stream& stream, const MessageHeader& header, const FlowSet& set,
                                        const DatagramOrigin& origin, std::uint64_t& records, Decoded& out) {
  // In a session nothing expires: there the clock stands.
  const std::uint64_t now_ns = origin.session ? 0 : origin.received_ns;
  const bool ignore_withdrawals = header.version == FlowVersion::ipfix && !origin.session;
  records_.clear();
  DecodeError error = parse_templates(header.version, set, records_);
  records += records_.size();
  for (const TemplateRecord& record : records_) {
    if (record.fields.empty() && ignore_withdrawals) {
      ++stream.counts.withdrawals_ignored;
      continue;
    }
    switch (stream.templates.take(header.version, record, template_limits_, now_ns)) {
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
    for (TemplateStore::Waiting& waiting : stream.templates.take_waiting(record.id)) {
      ++stream.counts.recovered_sets;
      out.waited.push_back(std::move(waiting.body));
      // What is wrong with it was sent with another datagram: it gives what it has.
      (void)take_data(stream, *known, waiting.header, record.id, out.waited.back(), out);
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
    out.flows.clear();
    out.values.clear();
    return refuse(gone_, error);
  }
  if (error != DecodeError::none) return refuse(stream->counts, error);
  note_clock(*stream, out.header, origin.received_ns);
  follow_sequence(*stream, out.header, out.header.count, out.header.count);
  ++stream->counts.datagrams;
  stream->counts.records += out.flows.size();
  return DecodeError::none;
}

DecodeError FlowDecoder::decode(const DatagramOrigin& origin, Octets datagram, Decoded& out) {
  if (datagram.size() >= 2) {
    const auto version = load_be<std::uint16_t>(datagram.data());
    if (version == 5 || version == 7) return decode_fixed(origin, datagram, out);
  }
  out.flows.clear();
  out.options.clear();
  out.values.clear();
  out.waited.clear();

  DecodeError first_error = parse_message(datagram, parsed_);
  if (first_error == DecodeError::short_header || first_error == DecodeError::wrong_version) {
    out.header = {};
    return refuse(gone_, first_error);
  }
  const MessageHeader& header = parsed_.header;
  out.header = header;
  // Only a well-framed datagram makes a stream.
  Stream* const stream = find_or_add(origin, header, first_error == DecodeError::none);
  if (stream == nullptr)
    return refuse(gone_, first_error == DecodeError::none ? DecodeError::too_many_streams : first_error);
  const bool ipfix = header.version == FlowVersion::ipfix;
  if (first_error != DecodeError::none) {
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
  std::uint64_t data_records = 0;
  std::uint64_t flow_records = 0;  // of these, without options
  bool all_known = true;
  for (const FlowSet& set : parsed_.flow_sets) {
    DecodeError error = DecodeError::none;
    switch (set_kind(header.version, set.id)) {
      case SetKind::templates:
      case SetKind::options_templates:
        error = take_templates(*stream, header, set, origin, template_records, out);
        break;
      case SetKind::reserved:
        ++stream->counts.reserved_flow_sets;
        all_known = false;
        break;
      case SetKind::data: {
        bool expired = false;
        const FlowTemplate* const known = stream->templates.find(set.id, template_limits_, now_ns, expired);
        if (expired) ++stream->counts.templates_expired;
        if (known == nullptr) {
          ++stream->counts.unknown_template;
          stream->counts.dropped_sets += stream->templates.wait(set.id, header, set.body, template_limits_);
          all_known = false;
          break;
        }
        const std::size_t flows_before = out.flows.size();
        const std::size_t options_before = out.options.size();
        error = take_data(*stream, *known, header, set.id, set.body, out);
        flow_records += out.flows.size() - flows_before;
        data_records += out.flows.size() - flows_before + out.options.size() - options_before;
        break;
      }
    }
    if (first_error == DecodeError::none) first_error = error;
  }
  if (ipfix && all_known && first_error == DecodeError::none) {
    follow_sequence(*stream, header, static_cast<std::uint32_t>(data_records),
                    static_cast<std::uint32_t>(flow_records));
  } else if (ipfix) {
    follow_sequence(*stream, header, 0, 0);
    stream->sequence_known = false;  // the number after this message depends on records that nobody could count
  }
  if (first_error != DecodeError::none) return refuse(stream->counts, first_error);
  ++stream->counts.datagrams;
  // RFC 3954 section 5.1. Exporters are known to count otherwise, so this informs and is no error.
  if (!ipfix && all_known && template_records + data_records != header.count) ++stream->counts.count_mismatches;
  return DecodeError::none;
}

void FlowDecoder::end_session(std::string_view exporter) {
  auto one = streams_.lower_bound(KeyView{exporter, FlowVersion{}, 0});
  for (; one != streams_.end() && one->first.exporter == exporter; ++one) {
    Stream& stream = one->second;
    stream.templates = TemplateStore();
    stream.sequence_known = false;
    stream.ended = true;
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
    if (key.exporter == exporter && key.source_id == source_id) sum += stream.counts;
  }
  return sum;
}

const std::vector<FieldSpec>* FlowDecoder::find_template(std::string_view exporter, const MessageHeader& header,
                                                         std::uint16_t id) const {
  const auto found = streams_.find(KeyView{exporter, header.version, header.source_id});
  return found == streams_.end() ? nullptr : found->second.templates.fields_of(id);
}

std::vector<StreamReport> FlowDecoder::reports() const {
  std::vector<StreamReport> result;
  result.reserve(streams_.size());
  for (const auto& [key, stream] : streams_) {
    result.push_back({key.exporter, key.version, key.source_id, stream.counts, stream.skew, stream.templates.size(),
                      stream.templates.waiting()});
  }
  return result;
}

}  // namespace weir
