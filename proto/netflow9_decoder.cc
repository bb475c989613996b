#include "proto/netflow9_decoder.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "proto/byte_order.h"
#include "proto/information_elements.h"
#include "proto/netflow9.h"

namespace weir {
namespace {

using Octets = std::span<const std::uint8_t>;

struct ErrorText {
  std::string_view name;
  std::string_view text;
};

constexpr auto kErrorTexts = std::to_array<ErrorText>({
#define WEIR_X(name, text) {#name, text},
    WEIR_NETFLOW9_ERRORS(WEIR_X)
#undef WEIR_X
});
static_assert(kErrorTexts.size() == kNetflow9ErrorCount);

// The longest record that a FlowSet can hold: 65 535 octets of UDP length less UDP, v9 and FlowSet headers.
constexpr std::uint32_t kLongestRecord = 65'535 - 8 - sizeof(Netflow9Header) - sizeof(Netflow9FlowSetHeader);

// A sequence this far ahead is a restart and not a loss: 2^24 datagrams at 20 000 a second are 14 minutes.
constexpr std::int64_t kFarthestGap = 1 << 24;
// A sequence at most so far back is a datagram that came late. UDP reorders by a few.
constexpr std::int64_t kFarthestLate = 64;

/// Where an element goes. Integers may have any length from 1 to 8 octets (RFC 7011 section 6.2); addresses only
/// theirs.
enum class Place : std::uint8_t {
  none,  // kept as a raw value
  source_ipv4,
  destination_ipv4,
  source_ipv6,
  destination_ipv6,
  first_uptime_ms,
  last_uptime_ms,
  first_seconds,
  last_seconds,
  first_milliseconds,
  last_milliseconds,
  packets,
  octets,
  reverse_packets,
  reverse_octets,
  ingress_interface,
  egress_interface,
  sampling_rate,
  source_port,
  destination_port,
  vlan_id,
  ether_type,
  tcp_flags,
  protocol,
  ip_version,
  ip_tos,
  icmp_type_code,
  icmp_type,
  icmp_code,
  end_reason,
  sampling_algorithm,
};

Place place_of(std::uint16_t element, std::uint16_t octets) {
  switch (element) {
    case ie::kSourceIpv4Address:
      return octets == 4 ? Place::source_ipv4 : Place::none;
    case ie::kDestinationIpv4Address:
      return octets == 4 ? Place::destination_ipv4 : Place::none;
    case ie::kSourceIpv6Address:
      return octets == 16 ? Place::source_ipv6 : Place::none;
    case ie::kDestinationIpv6Address:
      return octets == 16 ? Place::destination_ipv6 : Place::none;
    default:
      break;
  }
  if (octets > 8) return Place::none;
  switch (element) {
    case ie::kFlowStartSysUpTime:
      return octets <= 4 ? Place::first_uptime_ms : Place::none;
    case ie::kFlowEndSysUpTime:
      return octets <= 4 ? Place::last_uptime_ms : Place::none;
    case ie::kFlowStartSeconds:
      return Place::first_seconds;
    case ie::kFlowEndSeconds:
      return Place::last_seconds;
    case ie::kFlowStartMilliseconds:
      return Place::first_milliseconds;
    case ie::kFlowEndMilliseconds:
      return Place::last_milliseconds;
    case ie::kPacketDeltaCount:
      return Place::packets;
    case ie::kOctetDeltaCount:
      return Place::octets;
    case ie::kPostPacketDeltaCount:
      return Place::reverse_packets;
    case ie::kPostOctetDeltaCount:
      return Place::reverse_octets;
    case ie::kIngressInterface:
      return Place::ingress_interface;
    case ie::kEgressInterface:
      return Place::egress_interface;
    case ie::kSamplingInterval:
      return Place::sampling_rate;
    case ie::kSourceTransportPort:
      return Place::source_port;
    case ie::kDestinationTransportPort:
      return Place::destination_port;
    case ie::kVlanId:
      return Place::vlan_id;
    case ie::kEthernetType:
      return Place::ether_type;
    case ie::kTcpControlBits:
      return Place::tcp_flags;
    case ie::kProtocolIdentifier:
      return Place::protocol;
    case ie::kIpVersion:
      return Place::ip_version;
    case ie::kIpClassOfService:
      return Place::ip_tos;
    case ie::kIcmpTypeCodeIpv4:
    case ie::kIcmpTypeCodeIpv6:
      return Place::icmp_type_code;
    case ie::kIcmpTypeIpv4:
    case ie::kIcmpTypeIpv6:
      return Place::icmp_type;
    case ie::kIcmpCodeIpv4:
    case ie::kIcmpCodeIpv6:
      return Place::icmp_code;
    case ie::kFlowEndReason:
      return Place::end_reason;
    case ie::kSamplingAlgorithm:
      return Place::sampling_algorithm;
    default:
      return Place::none;
  }
}

/// A big-endian integer of 1 to 8 octets.
std::uint64_t integer(Octets octets) {
  std::uint64_t value = 0;
  for (const std::uint8_t octet : octets) value = value << 8 | octet;
  return value;
}

/// Milliseconds since 1970 to nanoseconds; what does not fit becomes the nearest that does.
std::uint64_t ms_to_ns(std::uint64_t ms) {
  return ms > UINT64_MAX / 1'000'000 ? UINT64_MAX : ms * 1'000'000;
}
std::uint64_t seconds_to_ns(std::uint64_t s) {
  return s > UINT64_MAX / 1'000'000'000 ? UINT64_MAX : s * 1'000'000'000;
}

/// The instant of an offset in sysUptime milliseconds (elements 21 and 22), ns since 1970.
/// An offset of up to the header's uptime is that long ago. One a little above is a flow that ended after the header's
/// clock was read; one far above is from before the uptime wrapped at 2^32 ms.
std::uint64_t uptime_to_ns(const Netflow9HeaderFields& header, std::uint64_t offset_ms) {
  const std::int64_t header_ms = std::int64_t{header.unix_secs} * 1000;
  std::int64_t ahead_ms = static_cast<std::int64_t>(offset_ms) - std::int64_t{header.sys_uptime_ms};
  if (ahead_ms >= std::int64_t{1} << 31) ahead_ms -= std::int64_t{1} << 32;
  return ms_to_ns(static_cast<std::uint64_t>(std::max<std::int64_t>(header_ms + ahead_ms, 0)));
}

void set_field(DecodedFlow& flow, Place place, Octets octets, const Netflow9HeaderFields& header) {
  switch (place) {
    case Place::none:
      return;
    case Place::source_ipv4:
    case Place::source_ipv6:
      std::memcpy(flow.source_address, octets.data(), octets.size());
      flow.ip_version = place == Place::source_ipv4 ? 4 : 6;
      return;
    case Place::destination_ipv4:
    case Place::destination_ipv6:
      std::memcpy(flow.destination_address, octets.data(), octets.size());
      flow.ip_version = place == Place::destination_ipv4 ? 4 : 6;
      return;
    default:
      break;
  }
  const std::uint64_t value = integer(octets);
  switch (place) {
    case Place::first_uptime_ms:
      flow.first_ns = uptime_to_ns(header, value);
      break;
    case Place::last_uptime_ms:
      flow.last_ns = uptime_to_ns(header, value);
      break;
    case Place::first_seconds:
      flow.first_ns = seconds_to_ns(value);
      break;
    case Place::last_seconds:
      flow.last_ns = seconds_to_ns(value);
      break;
    case Place::first_milliseconds:
      flow.first_ns = ms_to_ns(value);
      break;
    case Place::last_milliseconds:
      flow.last_ns = ms_to_ns(value);
      break;
    case Place::packets:
      flow.packets = value;
      break;
    case Place::octets:
      flow.octets = value;
      break;
    case Place::reverse_packets:
      flow.reverse_packets = value;
      break;
    case Place::reverse_octets:
      flow.reverse_octets = value;
      break;
    case Place::ingress_interface:
      flow.ingress_interface = static_cast<std::uint32_t>(value);
      break;
    case Place::egress_interface:
      flow.egress_interface = static_cast<std::uint32_t>(value);
      break;
    case Place::sampling_rate:
      flow.sampling_rate = static_cast<std::uint32_t>(value);
      break;
    case Place::source_port:
      flow.source_port = static_cast<std::uint16_t>(value);
      break;
    case Place::destination_port:
      flow.destination_port = static_cast<std::uint16_t>(value);
      break;
    case Place::vlan_id:
      flow.vlan_id = static_cast<std::uint16_t>(value);
      break;
    case Place::ether_type:
      flow.ether_type = static_cast<std::uint16_t>(value);
      break;
    case Place::tcp_flags:
      flow.tcp_flags = static_cast<std::uint16_t>(value);
      break;
    case Place::protocol:
      flow.protocol = static_cast<std::uint8_t>(value);
      break;
    case Place::ip_version:
      if (flow.ip_version == 0) flow.ip_version = static_cast<std::uint8_t>(value);
      break;
    case Place::ip_tos:
      flow.ip_tos = static_cast<std::uint8_t>(value);
      break;
    case Place::icmp_type_code:
      flow.icmp_type = static_cast<std::uint8_t>(value >> 8);
      flow.icmp_code = static_cast<std::uint8_t>(value);
      break;
    case Place::icmp_type:
      flow.icmp_type = static_cast<std::uint8_t>(value);
      break;
    case Place::icmp_code:
      flow.icmp_code = static_cast<std::uint8_t>(value);
      break;
    case Place::end_reason:
      flow.end_reason = static_cast<std::uint8_t>(value);
      break;
    case Place::sampling_algorithm:
      flow.sampling_algorithm = static_cast<std::uint8_t>(value);
      break;
    default:
      break;
  }
}

}  // namespace

std::string_view error_name(Netflow9Error error) {
  return kErrorTexts[static_cast<std::size_t>(error)].name;
}
std::string_view error_text(Netflow9Error error) {
  return kErrorTexts[static_cast<std::size_t>(error)].text;
}

Netflow9Error parse_netflow9(Octets datagram, Netflow9Datagram& out) {
  out.flow_sets.clear();
  if (datagram.size() < sizeof(Netflow9Header)) return Netflow9Error::short_header;
  Netflow9Header header;
  std::memcpy(&header, datagram.data(), sizeof header);
  if (header.version.host() != kNetflow9Version) return Netflow9Error::wrong_version;
  out.header = {header.count.host(), header.sys_uptime_ms.host(), header.unix_secs.host(), header.sequence.host(),
                header.source_id.host()};
  Octets rest = datagram.subspan(sizeof header);
  while (!rest.empty()) {
    if (rest.size() < sizeof(Netflow9FlowSetHeader)) return Netflow9Error::truncated_flow_set;
    const auto id = load_be<std::uint16_t>(rest.data());
    const auto octets = load_be<std::uint16_t>(rest.data() + 2);
    if (octets < sizeof(Netflow9FlowSetHeader)) return Netflow9Error::flow_set_too_short;
    if (octets > rest.size()) return Netflow9Error::flow_set_too_long;
    out.flow_sets.push_back({id, rest.subspan(sizeof(Netflow9FlowSetHeader), octets - sizeof(Netflow9FlowSetHeader))});
    rest = rest.subspan(octets);
  }
  return Netflow9Error::none;
}

Netflow9Counts& Netflow9Counts::operator+=(const Netflow9Counts& other) {
  datagrams += other.datagrams;
  malformed += other.malformed;
  sequence_gaps += other.sequence_gaps;
  lost_datagrams += other.lost_datagrams;
  late_datagrams += other.late_datagrams;
  restarts += other.restarts;
  records += other.records;
  option_records += other.option_records;
  templates += other.templates;
  withdrawals += other.withdrawals;
  unknown_template += other.unknown_template;
  reserved_flow_sets += other.reserved_flow_sets;
  count_mismatches += other.count_mismatches;
  return *this;
}

void Netflow9Decoder::follow_sequence(Stream& stream, const Netflow9HeaderFields& header) {
  const std::int64_t boot_ms = std::int64_t{header.unix_secs} * 1000 - std::int64_t{header.sys_uptime_ms};
  // Modulo 2^32, as the field wraps: from -2^31 to 2^31 - 1.
  const std::int64_t ahead = static_cast<std::int32_t>(header.sequence - stream.next_sequence);
  bool newest = true;
  if (!stream.sequence_known || ahead == 0) {
    // In order, or nothing to compare with.
  } else if (ahead > 0 && ahead <= kFarthestGap) {
    ++stream.counts.sequence_gaps;
    stream.counts.lost_datagrams += static_cast<std::uint64_t>(ahead);
  } else {
    // Back, by a little: late, unless the exporter started again: then its uptime went back and its boot came later.
    const bool rebooted = header.sys_uptime_ms < stream.uptime_ms && boot_ms > stream.boot_ms + 1000;
    if (ahead < 0 && ahead >= -kFarthestLate && !rebooted) {
      newest = false;
      ++stream.counts.late_datagrams;
      if (stream.counts.lost_datagrams > 0) --stream.counts.lost_datagrams;
    } else {
      ++stream.counts.restarts;
    }
  }
  if (newest) {
    stream.sequence_known = true;
    stream.next_sequence = header.sequence + 1;
    stream.uptime_ms = header.sys_uptime_ms;
    stream.boot_ms = boot_ms;
  }
}

Netflow9Error Netflow9Decoder::store_template(Stream& stream, std::uint16_t id, Template candidate) {
  const auto known = stream.templates.find(id);
  const std::size_t freed = known == stream.templates.end() ? 0 : known->second.fields.size();
  if (candidate.fields.empty()) {  // see the top of the header: a withdrawal
    ++stream.counts.withdrawals;
    if (known != stream.templates.end()) stream.templates.erase(known);
    stream.fields -= freed;
    return Netflow9Error::none;
  }
  if (stream.fields - freed + candidate.fields.size() > limits_.fields_per_stream ||
      (known == stream.templates.end() && stream.templates.size() >= limits_.templates_per_stream)) {
    // The old definition is no longer what the exporter means by this id: data must not be read by it.
    if (known != stream.templates.end()) stream.templates.erase(known);
    stream.fields -= freed;
    return Netflow9Error::too_many_templates;
  }
  ++stream.counts.templates;
  stream.fields += candidate.fields.size() - freed;
  candidate.fields.shrink_to_fit();
  stream.templates.insert_or_assign(id, std::move(candidate));
  return Netflow9Error::none;
}

Netflow9Error Netflow9Decoder::take_templates(Stream& stream, Octets body, std::uint64_t& records) {
  while (body.size() >= sizeof(Netflow9TemplateHeader)) {
    const auto id = load_be<std::uint16_t>(body.data());
    const auto field_count = load_be<std::uint16_t>(body.data() + 2);
    body = body.subspan(sizeof(Netflow9TemplateHeader));
    if (id < kNetflow9FirstDataFlowSet) return Netflow9Error::bad_template_id;
    if (field_count * sizeof(Netflow9Field) > body.size()) return Netflow9Error::truncated_template;
    Template candidate;
    candidate.fields.reserve(field_count);
    for (std::size_t i = 0; i < field_count; ++i) {
      const auto element = load_be<std::uint16_t>(body.data());
      const auto octets = load_be<std::uint16_t>(body.data() + 2);
      body = body.subspan(sizeof(Netflow9Field));
      if (octets == 0) return Netflow9Error::zero_length_field;
      candidate.fields.push_back({element, octets, false, static_cast<std::uint8_t>(place_of(element, octets))});
      candidate.record_octets += octets;
    }
    if (candidate.record_octets > kLongestRecord) return Netflow9Error::record_too_long;
    ++records;
    if (const Netflow9Error error = store_template(stream, id, std::move(candidate)); error != Netflow9Error::none) {
      return error;
    }
  }
  return body.size() < 4 ? Netflow9Error::none : Netflow9Error::trailing_octets;
}

Netflow9Error Netflow9Decoder::take_options_templates(Stream& stream, Octets body, std::uint64_t& records) {
  while (body.size() >= sizeof(Netflow9OptionsTemplateHeader)) {
    const auto id = load_be<std::uint16_t>(body.data());
    const auto scope_octets = load_be<std::uint16_t>(body.data() + 2);
    const auto option_octets = load_be<std::uint16_t>(body.data() + 4);
    body = body.subspan(sizeof(Netflow9OptionsTemplateHeader));
    if (id < kNetflow9FirstDataFlowSet) return Netflow9Error::bad_template_id;
    if (scope_octets % sizeof(Netflow9Field) != 0 || option_octets % sizeof(Netflow9Field) != 0 ||
        (scope_octets == 0 && option_octets != 0)) {
      return Netflow9Error::bad_scope_length;
    }
    const std::size_t total = std::size_t{scope_octets} + option_octets;
    if (total > body.size()) return Netflow9Error::truncated_template;
    Template candidate;
    candidate.options = true;
    candidate.fields.reserve(total / sizeof(Netflow9Field));
    for (std::size_t at = 0; at < total; at += sizeof(Netflow9Field)) {
      const auto element = load_be<std::uint16_t>(body.data() + at);
      const auto octets = load_be<std::uint16_t>(body.data() + at + 2);
      if (octets == 0) return Netflow9Error::zero_length_field;
      candidate.fields.push_back({element, octets, at < scope_octets, static_cast<std::uint8_t>(Place::none)});
      candidate.record_octets += octets;
    }
    body = body.subspan(total);
    if (candidate.record_octets > kLongestRecord) return Netflow9Error::record_too_long;
    ++records;
    if (const Netflow9Error error = store_template(stream, id, std::move(candidate)); error != Netflow9Error::none) {
      return error;
    }
  }
  return body.size() < 4 ? Netflow9Error::none : Netflow9Error::trailing_octets;
}

Netflow9Error Netflow9Decoder::take_data(Stream& stream, const Template& known, const Netflow9FlowSet& flow_set,
                                         std::uint64_t& records, Netflow9Decoded& out) {
  Octets rest = flow_set.body;
  // record_octets is at least 1: no template without fields and no field without length is ever stored.
  while (rest.size() >= known.record_octets) {
    const auto first_value = static_cast<std::uint32_t>(out.values.size());
    DecodedFlow flow{};
    std::size_t at = 0;
    for (const Field& field : known.fields) {
      const Octets octets = rest.subspan(at, field.octets);
      at += field.octets;
      if (static_cast<Place>(field.place) == Place::none) {
        out.values.push_back({field.element, field.scope, octets});
      } else {
        set_field(flow, static_cast<Place>(field.place), octets, out.header);
      }
    }
    const std::uint32_t value_count = static_cast<std::uint32_t>(out.values.size()) - first_value;
    if (known.options) {
      out.options.push_back({flow_set.id, first_value, value_count});
      ++stream.counts.option_records;
    } else {
      flow.template_id = flow_set.id;
      flow.first_value = first_value;
      flow.value_count = value_count;
      out.flows.push_back(flow);
      ++stream.counts.records;
    }
    ++records;
    rest = rest.subspan(known.record_octets);
  }
  // RFC 3954 section 5.3: padding to a multiple of 4 octets.
  return rest.size() < 4 ? Netflow9Error::none : Netflow9Error::trailing_octets;
}

Netflow9Error Netflow9Decoder::decode(std::string_view exporter, Octets datagram, Netflow9Decoded& out) {
  out.header = {};
  out.flows.clear();
  out.options.clear();
  out.values.clear();

  Netflow9Error first_error = parse_netflow9(datagram, parsed_);
  const auto refuse = [&](Netflow9Counts& counts) {
    ++counts.datagrams;
    ++counts.malformed;
    ++errors_[static_cast<std::size_t>(first_error)];
    return first_error;
  };
  if (first_error == Netflow9Error::short_header || first_error == Netflow9Error::wrong_version) {
    return refuse(unassigned_);
  }
  out.header = parsed_.header;

  auto found = streams_.find(std::pair(exporter, parsed_.header.source_id));
  if (found == streams_.end()) {
    // Only a well-framed datagram makes a stream.
    if (first_error != Netflow9Error::none) return refuse(unassigned_);
    if (streams_.size() >= limits_.streams) {
      first_error = Netflow9Error::too_many_streams;
      return refuse(unassigned_);
    }
    found = streams_.emplace(std::pair(std::string(exporter), parsed_.header.source_id), Stream{}).first;
  }
  Stream& stream = found->second;
  follow_sequence(stream, parsed_.header);
  if (first_error != Netflow9Error::none) return refuse(stream.counts);

  std::uint64_t records = 0;
  bool all_known = true;
  for (const Netflow9FlowSet& flow_set : parsed_.flow_sets) {
    Netflow9Error error = Netflow9Error::none;
    if (flow_set.id == kNetflow9TemplateFlowSet) {
      error = take_templates(stream, flow_set.body, records);
    } else if (flow_set.id == kNetflow9OptionsTemplateFlowSet) {
      error = take_options_templates(stream, flow_set.body, records);
    } else if (flow_set.id < kNetflow9FirstDataFlowSet) {
      ++stream.counts.reserved_flow_sets;
      all_known = false;
    } else if (const auto known = stream.templates.find(flow_set.id); known != stream.templates.end()) {
      error = take_data(stream, known->second, flow_set, records, out);
    } else {
      ++stream.counts.unknown_template;
      all_known = false;
    }
    if (first_error == Netflow9Error::none) first_error = error;
  }
  if (first_error != Netflow9Error::none) return refuse(stream.counts);
  ++stream.counts.datagrams;
  // RFC 3954 section 5.1. Exporters are known to count otherwise, so this informs and is no error.
  if (all_known && records != parsed_.header.count) ++stream.counts.count_mismatches;
  return Netflow9Error::none;
}

Netflow9Counts Netflow9Decoder::totals() const {
  Netflow9Counts sum = unassigned_;
  for (const auto& [key, stream] : streams_) sum += stream.counts;
  return sum;
}

Netflow9Counts Netflow9Decoder::counts(std::string_view exporter, std::uint32_t source_id) const {
  const auto found = streams_.find(std::pair(exporter, source_id));
  return found == streams_.end() ? Netflow9Counts{} : found->second.counts;
}

}  // namespace weir
