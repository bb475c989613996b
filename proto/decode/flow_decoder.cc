#include "proto/decode/flow_decoder.h"

#include <algorithm>

#include "proto/base/byte_order.h"
#include "proto/decode/netflow5_decoder.h"
#include "proto/decode/sflow_decoder.h"
#include "proto/decode/sflow_message.h"

namespace weir {
namespace {

using Octets = std::span<const std::uint8_t>;

// A sequence this far ahead is a restart and not a loss: 2^24 datagrams at 20 000 a second are 14 minutes.
constexpr std::int64_t kFarthestGap = 1 << 24;
// A sequence at most so far back is a datagram that came late. UDP reorders by a few; of formats that count records, a
// datagram has 30 or so.
constexpr std::int64_t kFarthestLate = 64;
constexpr std::int64_t kRecordsInADatagram = 64;

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
                       limits.template_lifetime_ns, 0} {}

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
  const bool datagrams = sequence_counts_datagrams(header.version);
  const std::int64_t boot_ms = std::int64_t{header.unix_secs} * 1000 - std::int64_t{header.sys_uptime_ms};
  // The field wraps modulo 2^32, so the difference lies between -2^31 and 2^31 - 1.
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
    // The message is in order, or there is no earlier one to compare with.
  } else if (own) {
    ++counts.sequence_own;
  } else if (ahead > 0 && ahead <= kFarthestGap) {
    ++counts.sequence_gaps;
    (datagrams ? counts.lost_datagrams : counts.lost_records) += static_cast<std::uint64_t>(ahead);
  } else {
    // A small step back is a late message, unless the exporter restarted: then its uptime fell and its boot time rose.
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
    flow.sampling_rate = stream.rates.rate_of(out.flows[i], sampler_known ? &samplers_[i - first_flow] : nullptr);
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
  if (!known.variable()) body = without_padding(header.version, least, body, expected);
  const std::size_t before = out.options.size();
  while (body.size() >= least) {
    if (known.variable() && only_padding(header.version, body, out.options.size() - before, expected)) break;
    const std::size_t first = out.values.size();
    if (!take_record(known.fields(), body, out.values)) return DecodeError::bad_variable_length;
    ++stream.counts.option_records;
    out.options.push_back(
        {id, static_cast<std::uint32_t>(first), static_cast<std::uint32_t>(out.values.size() - first)});
    stream.rates.note(header, std::span(out.values).subspan(first));
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
    const FlowTemplate* known = kind == SetKind::data ? stream.templates.peek(set.id) : nullptr;
    if (known == nullptr && kind == SetKind::data) known = given_template(header.version, set.id);
    if (known == nullptr || known->least_octets() < 4 || known->variable()) return kUnknownCount;
    others += set.body.size() / known->least_octets();
  }
  return others <= header.count ? header.count - others : kUnknownCount;
}

TemplateStore::Change FlowDecoder::take_template(Stream& stream, FlowVersion version, const TemplateRecord& record,
                                                 std::uint64_t now_ns) {
  // Memory that it takes beyond the id's former template. If that does not fit, the store refuses the template.
  const FlowTemplate* const known = stream.templates.peek(record.id);
  const std::size_t before = known == nullptr ? 0 : TemplateStore::cost(known->fields().size());
  const std::size_t cost = TemplateStore::cost(record.fields.size());
  if (cost > before && !record.fields.empty()) {
    static_cast<void>(make_room(address_of_exporter((*stream.place)->exporter), cost - before, 0, &stream));
  }
  const TemplateLimits limits = template_limits(stream);
  const MemoryShare share(*this, stream);
  return stream.templates.take(version, record, limits, now_ns);
}

DecodeError FlowDecoder::take_templates(Stream& stream, const MessageHeader& header, const FlowSet& set,
                                        const DatagramOrigin& origin, std::uint64_t& records, Decoded& out) {
  // In a session templates do not expire, so its clock stands still.
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
    // Fields of length 0 are skipped here, so that a record never costs more time than it has octets.
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
      // The template's fault came with another datagram, so this record yields the fields that it has.
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
  if (out.header.version != FlowVersion::netflow1) {  // which has no sequence
    follow_sequence(*stream, out.header, out.header.count, out.header.count);
  }
  ++stream->counts.datagrams;
  stream->counts.records += out.flows.size();
  return DecodeError::none;
}

DecodeError FlowDecoder::decode_samples(const DatagramOrigin& origin, Octets datagram, Decoded& out) {
  std::uint64_t unknown_samples = 0;
  const DecodeError error = decode_sflow(datagram, origin.received_ns, out, unknown_samples);
  if (error == DecodeError::short_header || error == DecodeError::bad_agent_address) return refuse(gone_, error);
  const std::string agent =
      out.agent.has_value() ? out.agent.text() : std::string(address_of_exporter(origin.exporter));
  const bool usable = error == DecodeError::none || !out.flows.empty() || !out.options.empty();
  Stream* const stream = find_or_add({agent, origin.received_ns, origin.session}, out.header, usable);
  if (stream == nullptr) {
    out.clear();
    return refuse(gone_, error == DecodeError::none ? DecodeError::too_many_streams : error);
  }
  follow_sequence(*stream, out.header, 1, 1);
  stream->counts.records += out.flows.size();
  stream->counts.option_records += out.options.size();
  stream->counts.unknown_samples += unknown_samples;
  if (error != DecodeError::none) return refuse(stream->counts, error);
  ++stream->counts.datagrams;
  return DecodeError::none;
}

DecodeError FlowDecoder::take_set(Stream& stream, const MessageHeader& header, const FlowSet& set, std::uint64_t now_ns,
                                  Taken& taken, Decoded& out) {
  bool expired = false;
  const MemoryShare share(*this, stream);
  const FlowTemplate* known = stream.templates.find(set.id, template_limits_, now_ns, expired);
  if (expired) ++stream.counts.templates_expired;
  if (known == nullptr) {
    known = given_template(header.version, set.id);
    if (known != nullptr) ++stream.counts.given_template_sets;
  }
  if (known == nullptr) {
    ++stream.counts.unknown_template;
    stream.counts.dropped_sets += stream.templates.wait(set.id, header, set.body, template_limits(stream));
    taken.all_known = false;
    return DecodeError::none;
  }
  const std::size_t flows_before = out.flows.size();
  const std::size_t options_before = out.options.size();
  const bool short_records = header.version != FlowVersion::ipfix && known->least_octets() < 4;
  // The count walks all sets, so it is done once per datagram. With two such sets the number is unknown anyway.
  const std::size_t expected = short_records && !taken.short_set ? expected_records(stream, set) : kUnknownCount;
  taken.short_set |= short_records;
  const DecodeError error = take_data(stream, *known, header, set.id, set.body, expected, out);
  taken.flow_records += out.flows.size() - flows_before;
  taken.data_records += out.flows.size() - flows_before + out.options.size() - options_before;
  return error;
}

DecodeError FlowDecoder::decode(const DatagramOrigin& origin, Octets datagram, Decoded& out) {
  if (is_sflow(datagram)) return decode_samples(origin, datagram, out);
  if (is_fixed_netflow(datagram)) return decode_fixed(origin, datagram, out);
  out.clear();

  DecodeError first_error = parse_message(datagram, parsed_);
  if (first_error == DecodeError::short_header || first_error == DecodeError::wrong_version) {
    out.header = {};
    return refuse(gone_, first_error);
  }
  const MessageHeader& header = parsed_.header;
  out.header = header;
  const bool ipfix = header.version == FlowVersion::ipfix;
  // In v9 a bad set loses itself and the sets after it. Only a datagram with a well-framed set opens a stream.
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

}  // namespace weir
