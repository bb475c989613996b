#include "proto/decode/flow_template.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>
#include <type_traits>

#include "proto/base/byte_order.h"
#include "proto/base/ip_numbers.h"
#include "proto/base/sampling_rate.h"

namespace weir {
namespace {

using Octets = std::span<const std::uint8_t>;

/// A flow on its way, and what only the end of the record makes something of.
struct Working {
  DecodedFlow flow;
  std::uint64_t first_uptime_ms;  // IPFIX only, plus 1: 0 is none
  std::uint64_t last_uptime_ms;
  std::uint64_t system_init_ms;
  std::uint64_t duration_ns;
  std::uint64_t sampler_id;
  SamplingFields sampling;
};
static_assert(std::is_standard_layout_v<Working>, "operations store by offset");

enum Action : std::uint8_t {
  kRaw,  // no place: kept as a raw value
  kAddress4,
  kAddress16,
  kAddressUnlessZero,  // of a template with both families
  kByte,
  kU16,
  kU32,
  kU64,
  kU64From32,
  kInteger,  // any lengths
  kIpVersion,
  kIcmpTypeCode,
  kUptime,       // v9: 21, 22
  kIpfixUptime,  // IPFIX: the same, but the header has no uptime
  kSeconds,
  kMilliseconds,
  kNtp,
  kDeltaMicroseconds,
  kDurationMilliseconds,
  kDurationMicroseconds,
};

constexpr std::uint16_t kNowhere = 0xffff;

/// Where an element goes. Of the fields of a template with the same place the one of least rank gets it.
struct Rule {
  std::uint16_t element;
  std::uint8_t rank;
  Action action;          // kInteger: the exact one is chosen by the lengths
  std::uint8_t octets;    // of the place
  std::uint16_t target;   // offset in Working
  std::uint16_t reverse;  // the same for RFC 5103's reverse element
};

#define WEIR_FLOW(member) static_cast<std::uint16_t>(offsetof(Working, flow) + offsetof(DecodedFlow, member))
#define WEIR_OWN(member) static_cast<std::uint16_t>(offsetof(Working, member))

constexpr std::uint16_t kFirst = WEIR_FLOW(first_ns), kLast = WEIR_FLOW(last_ns);
constexpr std::uint16_t kReverseFirst = WEIR_FLOW(reverse_first_ns), kReverseLast = WEIR_FLOW(reverse_last_ns);

// Numbers and names are IANA's (iana_elements.h).
constexpr auto kRules = std::to_array<Rule>({
    {8, 0, kAddress4, 4, WEIR_FLOW(source_address), kNowhere},
    {27, 0, kAddress16, 16, WEIR_FLOW(source_address), kNowhere},
    {12, 0, kAddress4, 4, WEIR_FLOW(destination_address), kNowhere},
    {28, 0, kAddress16, 16, WEIR_FLOW(destination_address), kNowhere},
    {1, 0, kInteger, 8, WEIR_FLOW(octets), WEIR_FLOW(reverse_octets)},
    {85, 1, kInteger, 8, WEIR_FLOW(octets), WEIR_FLOW(reverse_octets)},
    {231, 2, kInteger, 8, WEIR_FLOW(octets), kNowhere},          // initiatorOctets
    {232, 2, kInteger, 8, WEIR_FLOW(reverse_octets), kNowhere},  // responderOctets
    {2, 0, kInteger, 8, WEIR_FLOW(packets), WEIR_FLOW(reverse_packets)},
    {86, 1, kInteger, 8, WEIR_FLOW(packets), WEIR_FLOW(reverse_packets)},
    {298, 2, kInteger, 8, WEIR_FLOW(packets), kNowhere},
    {299, 2, kInteger, 8, WEIR_FLOW(reverse_packets), kNowhere},
    {156, 0, kNtp, 8, kFirst, kReverseFirst},  // flowStartNanoseconds
    {157, 0, kNtp, 8, kLast, kReverseLast},
    {154, 1, kNtp, 8, kFirst, kReverseFirst},  // flowStartMicroseconds
    {155, 1, kNtp, 8, kLast, kReverseLast},
    {152, 2, kMilliseconds, 8, kFirst, kReverseFirst},
    {153, 2, kMilliseconds, 8, kLast, kReverseLast},
    {158, 3, kDeltaMicroseconds, 8, kFirst, kNowhere},
    {159, 3, kDeltaMicroseconds, 8, kLast, kNowhere},
    {22, 4, kUptime, 8, kFirst, kReverseFirst},
    {21, 4, kUptime, 8, kLast, kReverseLast},
    {150, 5, kSeconds, 8, kFirst, kReverseFirst},
    {151, 5, kSeconds, 8, kLast, kReverseLast},
    {325, 6, kNtp, 8, kFirst, kNowhere},  // observationTimeNanoseconds and coarser: of an event, not of a flow
    {324, 7, kNtp, 8, kFirst, kNowhere},
    {323, 8, kMilliseconds, 8, kFirst, kNowhere},
    {322, 9, kSeconds, 8, kFirst, kNowhere},
    {161, 0, kDurationMilliseconds, 8, WEIR_OWN(duration_ns), kNowhere},
    {162, 1, kDurationMicroseconds, 8, WEIR_OWN(duration_ns), kNowhere},
    {160, 0, kInteger, 8, WEIR_OWN(system_init_ms), kNowhere},
    {10, 0, kInteger, 4, WEIR_FLOW(ingress_interface), kNowhere},
    {14, 0, kInteger, 4, WEIR_FLOW(egress_interface), kNowhere},
    {7, 0, kInteger, 2, WEIR_FLOW(source_port), kNowhere},
    {180, 1, kInteger, 2, WEIR_FLOW(source_port), kNowhere},  // udpSourcePort
    {182, 2, kInteger, 2, WEIR_FLOW(source_port), kNowhere},  // tcpSourcePort
    {11, 0, kInteger, 2, WEIR_FLOW(destination_port), kNowhere},
    {181, 1, kInteger, 2, WEIR_FLOW(destination_port), kNowhere},
    {183, 2, kInteger, 2, WEIR_FLOW(destination_port), kNowhere},
    {58, 0, kInteger, 2, WEIR_FLOW(vlan_id), kNowhere},
    {243, 1, kInteger, 2, WEIR_FLOW(vlan_id), kNowhere},  // dot1qVlanId
    {256, 0, kInteger, 2, WEIR_FLOW(ether_type), kNowhere},
    {6, 0, kInteger, 2, WEIR_FLOW(tcp_flags), WEIR_FLOW(reverse_tcp_flags)},
    {4, 0, kInteger, 1, WEIR_FLOW(protocol), kNowhere},
    {60, 0, kIpVersion, 1, WEIR_FLOW(ip_version), kNowhere},
    {5, 0, kInteger, 1, WEIR_FLOW(ip_tos), WEIR_FLOW(reverse_ip_tos)},
    {32, 0, kIcmpTypeCode, 2, WEIR_FLOW(icmp_type), WEIR_FLOW(reverse_icmp_type)},
    {139, 0, kIcmpTypeCode, 2, WEIR_FLOW(icmp_type), WEIR_FLOW(reverse_icmp_type)},
    {176, 1, kInteger, 1, WEIR_FLOW(icmp_type), WEIR_FLOW(reverse_icmp_type)},
    {178, 1, kInteger, 1, WEIR_FLOW(icmp_type), WEIR_FLOW(reverse_icmp_type)},
    {177, 1, kInteger, 1, WEIR_FLOW(icmp_code), WEIR_FLOW(reverse_icmp_code)},
    {179, 1, kInteger, 1, WEIR_FLOW(icmp_code), WEIR_FLOW(reverse_icmp_code)},
    {136, 0, kInteger, 1, WEIR_FLOW(end_reason), kNowhere},
    {35, 0, kInteger, 1, WEIR_FLOW(sampling_algorithm), kNowhere},
    {34, 0, kInteger, 4, WEIR_OWN(sampling.plain_rate), kNowhere},
    {50, 0, kInteger, 4, WEIR_OWN(sampling.sampler_rate), kNowhere},
    {304, 0, kInteger, 4, WEIR_OWN(sampling.algorithm), kNowhere},
    {305, 0, kInteger, 4, WEIR_OWN(sampling.interval), kNowhere},
    {306, 0, kInteger, 4, WEIR_OWN(sampling.space), kNowhere},
    {309, 0, kInteger, 4, WEIR_OWN(sampling.size), kNowhere},
    {310, 0, kInteger, 4, WEIR_OWN(sampling.population), kNowhere},
    {311, 0, kInteger, 8, WEIR_OWN(sampling.probability), kNowhere},
    {302, 0, kInteger, 8, WEIR_OWN(sampler_id), kNowhere},  // selectorId
    {48, 1, kInteger, 8, WEIR_OWN(sampler_id), kNowhere},   // samplerId
});

const Rule* find_rule(std::uint16_t element) {
  const auto* const found =
      std::find_if(kRules.begin(), kRules.end(), [&](const Rule& rule) { return rule.element == element; });
  return found == kRules.end() ? nullptr : found;
}

bool all_zero(Octets octets) {
  return std::all_of(octets.begin(), octets.end(), [](std::uint8_t octet) { return octet == 0; });
}

/// a * b; what does not fit becomes the greatest.
std::uint64_t saturated(std::uint64_t a, std::uint64_t b) {
  std::uint64_t product = 0;
  return __builtin_mul_overflow(a, b, &product) ? UINT64_MAX : product;
}

/// The instant of an offset in sysUptime milliseconds (elements 21 and 22), ns since 1970.
/// An offset of up to the header's uptime is that long ago. One a little above is a flow that ended after the header's
/// clock was read; one far above is from before the uptime wrapped at 2^32 ms.
std::uint64_t uptime_to_ns(const MessageHeader& header, std::uint64_t offset_ms) {
  const std::int64_t header_ms = std::int64_t{header.unix_secs} * 1000 + std::int64_t{header.unix_nsecs / 1'000'000};
  std::int64_t ahead_ms = static_cast<std::int64_t>(offset_ms) - std::int64_t{header.sys_uptime_ms};
  if (ahead_ms >= std::int64_t{1} << 31) ahead_ms -= std::int64_t{1} << 32;
  return static_cast<std::uint64_t>(std::max<std::int64_t>(header_ms + ahead_ms, 0)) * 1'000'000;
}

/// dateTimeMicroseconds and dateTimeNanoseconds are NTP stamps (RFC 7011 section 6.1.9 and 6.1.10): seconds since 1900
/// and a binary fraction. VPP writes plain nanoseconds since 1970 instead; what reads as a time within 30 days of the
/// message that way, and not within ten years of it as NTP, was meant so.
std::uint64_t ntp_to_ns(const MessageHeader& header, std::uint64_t value) {
  constexpr std::uint64_t kSecondsFrom1900To1970 = 2'208'988'800;
  constexpr std::int64_t kDay = 86'400;
  constexpr std::uint64_t kSecond_ns = 1'000'000'000;
  std::uint64_t seconds = value >> 32;
  if (seconds < kSecondsFrom1900To1970) seconds += std::uint64_t{1} << 32;  // the era after 2036
  seconds -= kSecondsFrom1900To1970;
  const auto from_message = [&](std::uint64_t s) {
    const std::int64_t distance = static_cast<std::int64_t>(s) - std::int64_t{header.unix_secs};
    return distance < 0 ? -distance : distance;
  };
  if (from_message(seconds) > 3653 * kDay && from_message(value / kSecond_ns) <= 30 * kDay) return value;
  return seconds * kSecond_ns + ((value & 0xffff'ffff) * kSecond_ns >> 32);
}

/// What the octets of a field mean, for those actions that are not a plain load.
std::uint64_t converted(std::uint8_t action, std::uint64_t value, const MessageHeader& header) {
  switch (action) {
    case kUptime:
      return uptime_to_ns(header, value);
    case kIpfixUptime:
      return value + 1;
    case kSeconds:
      return saturated(value, 1'000'000'000);
    case kMilliseconds:
    case kDurationMilliseconds:
      return saturated(value, 1'000'000);
    case kDurationMicroseconds:
      return saturated(value, 1'000);
    case kNtp:
      return ntp_to_ns(header, value);
    case kDeltaMicroseconds: {  // RFC 7011 section 6.1: before the message's export time
      const std::uint64_t export_us = std::uint64_t{header.unix_secs} * 1'000'000;
      return (export_us > value ? export_us - value : 0) * 1'000;
    }
    default:
      return value;
  }
}

/// Inlined into the loop over the operations: a call for each field was a third of the time of a record.
[[gnu::always_inline]] inline void perform(std::uint8_t action, std::uint8_t target_octets, std::uint16_t target,
                                           Octets octets, const MessageHeader& header, Working& working) {
  std::uint8_t* const at = reinterpret_cast<std::uint8_t*>(&working) + target;
  switch (action) {
    case kRaw:
      return;
    case kAddress4:
      std::memcpy(at, octets.data(), 4);
      working.flow.ip_version = 4;
      return;
    case kAddress16:
      std::memcpy(at, octets.data(), 16);
      working.flow.ip_version = 6;
      return;
    case kAddressUnlessZero:
      if (all_zero(octets)) return;
      std::memcpy(at, octets.data(), octets.size());
      working.flow.ip_version = octets.size() == 4 ? 4 : 6;
      return;
    case kByte:
      *at = octets[0];
      return;
    case kU16: {
      const auto value = load_be<std::uint16_t>(octets.data());
      std::memcpy(at, &value, sizeof value);
      return;
    }
    case kU32: {
      const auto value = load_be<std::uint32_t>(octets.data());
      std::memcpy(at, &value, sizeof value);
      return;
    }
    case kU64: {
      const auto value = load_be<std::uint64_t>(octets.data());
      std::memcpy(at, &value, sizeof value);
      return;
    }
    case kU64From32: {
      const std::uint64_t value = load_be<std::uint32_t>(octets.data());
      std::memcpy(at, &value, sizeof value);
      return;
    }
    case kIpVersion:
      if (working.flow.ip_version == 0) working.flow.ip_version = octets[0];
      return;
    case kIcmpTypeCode: {
      const std::uint64_t value = be_integer(octets);
      at[0] = static_cast<std::uint8_t>(value >> 8);  // the code's place is right behind the type's
      at[1] = static_cast<std::uint8_t>(value);
      return;
    }
    case kUptime: {  // the common length has no loop
      const std::uint64_t value =
          uptime_to_ns(header, octets.size() == 4 ? load_be<std::uint32_t>(octets.data()) : be_integer(octets));
      std::memcpy(at, &value, sizeof value);
      return;
    }
    default: {
      const std::uint64_t value = converted(action, be_integer(octets), header);
      std::memcpy(at, &value, target_octets);  // the low octets: x86-64 is little-endian
      return;
    }
  }
}
static_assert(offsetof(DecodedFlow, icmp_code) == offsetof(DecodedFlow, icmp_type) + 1);
static_assert(offsetof(DecodedFlow, reverse_icmp_code) == offsetof(DecodedFlow, reverse_icmp_type) + 1);

/// What several fields together say.
void finish(Working& working, const RecordContext& context) {
  DecodedFlow& flow = working.flow;
  if ((working.first_uptime_ms | working.last_uptime_ms) != 0) {
    const std::uint64_t init_ms = working.system_init_ms != 0 ? working.system_init_ms : context.system_init_ms;
    const auto instant = [&](std::uint64_t uptime_plus_1) {
      return init_ms == 0 || uptime_plus_1 == 0 ? 0 : saturated(init_ms + uptime_plus_1 - 1, 1'000'000);
    };
    if (flow.first_ns == 0) flow.first_ns = instant(working.first_uptime_ms);
    if (flow.last_ns == 0) flow.last_ns = instant(working.last_uptime_ms);
  }
  if (flow.last_ns == 0) flow.last_ns = flow.first_ns + working.duration_ns;
  if (flow.first_ns == 0) flow.first_ns = flow.last_ns - std::min(working.duration_ns, flow.last_ns);
  if (flow.reverse_last_ns == 0) flow.reverse_last_ns = flow.reverse_first_ns;

  flow.sampling_rate = sampling_rate(working.sampling);

  if (is_icmp(flow.protocol)) {
    // NetFlow of old has type and code in the destination port; some say it in both places.
    const std::uint16_t port = flow.destination_port;
    if (flow.source_port != 0 || port == 0) return;
    if (flow.icmp_type == 0 && flow.icmp_code == 0) {
      flow.icmp_type = static_cast<std::uint8_t>(port >> 8);
      flow.icmp_code = static_cast<std::uint8_t>(port);
      flow.destination_port = 0;
    } else if (port == (flow.icmp_type << 8 | flow.icmp_code)) {
      flow.destination_port = 0;
    }
  }
}

}  // namespace

/// Decides, field by field, what becomes of it.
struct FlowTemplate::Compiler {
  FlowVersion version;
  const std::vector<FieldSpec>& fields;
  bool has_octets = has(1);  // looked for once: a template has up to 4096 fields, and a forger sends the worst ones
  bool has_packets = has(2);

  struct Place {
    const Rule* rule = nullptr;
    std::uint16_t target = kNowhere;
    std::uint8_t rank = 0;
  };

  [[nodiscard]] bool has(std::uint16_t element) const {
    return std::any_of(fields.begin(), fields.end(), [&](const FieldSpec& field) {
      return field.element == element && field.enterprise == 0 && !field.scope;
    });
  }

  [[nodiscard]] Place place_of(const FieldSpec& field) const {
    Place none;
    if (field.scope || (field.enterprise != 0 && field.enterprise != kReverseEnterprise)) return none;
    // RFC 3954: OUT_BYTES and OUT_PKTS are what left. Beside IN_BYTES they are the way back (so do weir, nProbe and
    // others), alone they are the flow's own counters (egress accounting). IPFIX: after a middlebox, so neither.
    if (version == FlowVersion::netflow9 && field.enterprise == 0 && (field.element == 23 || field.element == 24)) {
      const bool octets = field.element == 23;
      static constexpr Rule kOut[2] = {{23, 9, kInteger, 8, WEIR_FLOW(octets), WEIR_FLOW(reverse_octets)},
                                       {24, 9, kInteger, 8, WEIR_FLOW(packets), WEIR_FLOW(reverse_packets)}};
      const Rule& rule = kOut[octets ? 0 : 1];
      const bool beside = octets ? has_octets : has_packets;
      return {&rule, beside ? rule.reverse : rule.target, rule.rank};
    }
    const Rule* const rule = find_rule(field.element);
    if (rule == nullptr) return none;
    const std::uint16_t target = field.enterprise == 0 ? rule->target : rule->reverse;
    if (target == kNowhere) return none;
    if (rule->action == kAddress4 || rule->action == kAddress16) {
      if (field.octets != rule->octets) return none;
    } else if (field.octets > 8 || (rule->action == kUptime && field.octets > 4)) {
      return none;
    }
    return {rule, target, rule->rank};
  }

  [[nodiscard]] std::vector<Operation> compile(bool variable, bool& names_sampler) const {
    const bool both_families = (has(8) || has(12)) && (has(27) || has(28));
    std::vector<Place> places;
    places.reserve(fields.size());
    for (const FieldSpec& field : fields) places.push_back(place_of(field));

    std::vector<Operation> operations;
    operations.reserve(fields.size());
    std::uint32_t source = 0;
    // For each place the best field that wants it, the first of equals; the two families of an address do not compete.
    std::array<std::uint16_t, sizeof(Working) * 2> winner;
    winner.fill(kNowhere);
    const auto slot = [](const Place& place) {
      return static_cast<std::size_t>(place.target) * 2 + (place.rule->action == kAddress16 ? 1 : 0);
    };
    for (std::size_t i = 0; i < places.size(); ++i) {
      if (places[i].rule == nullptr) continue;
      std::uint16_t& best = winner[slot(places[i])];
      if (best == kNowhere || places[i].rank < places[best].rank) best = static_cast<std::uint16_t>(i);
    }
    for (std::size_t i = 0; i < fields.size(); ++i) {
      const FieldSpec& field = fields[i];
      Operation operation{kRaw, 0, true, static_cast<std::uint16_t>(i), field.octets, 0, source};
      const Place& place = places[i];
      if (place.rule != nullptr && winner[slot(place)] == i) {
        operation.action = exact_action(*place.rule, field.octets, both_families);
        operation.target = place.target;
        operation.target_octets = place.rule->octets;
        operation.keep = false;
        if (operation.action == kIpfixUptime) {
          operation.target = field.element == 22 ? WEIR_OWN(first_uptime_ms) : WEIR_OWN(last_uptime_ms);
          if (field.enterprise != 0) operation.action = kRaw;
          operation.keep = !has(160) || field.enterprise != 0;  // without the time of boot the number is all there is
        }
        if (place.target == WEIR_OWN(sampler_id)) {
          names_sampler = true;
          operation.keep = true;
        }
      }
      operations.push_back(operation);
      source += field.octets;
    }
    if (!variable) {
      // What is only kept comes last, so that the common part is one run.
      std::stable_partition(operations.begin(), operations.end(), [](const Operation& o) { return o.action != kRaw; });
    }
    return operations;
  }

  [[nodiscard]] Action exact_action(const Rule& rule, std::uint16_t octets, bool both_families) const {
    if (rule.action == kAddress4 || rule.action == kAddress16) return both_families ? kAddressUnlessZero : rule.action;
    if (rule.action == kUptime && version == FlowVersion::ipfix) return kIpfixUptime;
    if (rule.action != kInteger) return rule.action;
    if (octets == rule.octets) {
      return octets == 1 ? kByte : octets == 2 ? kU16 : octets == 4 ? kU32 : kU64;
    }
    return rule.octets == 8 && octets == 4 ? kU64From32 : kInteger;
  }
};

FlowTemplate::FlowTemplate(FlowVersion version, const TemplateRecord& record)
    : version_(version),
      options_(record.options),
      least_octets_(least_record_octets(record.fields)),
      fields_(record.fields) {
  fields_.shrink_to_fit();
  variable_ = std::any_of(fields_.begin(), fields_.end(),
                          [](const FieldSpec& field) { return field.octets == kVariableLength; });
  if (!options_) operations_ = Compiler{version, fields_}.compile(variable_, names_sampler_);
}

DecodeError FlowTemplate::decode_flows(std::uint16_t id, const RecordContext& context, Octets body, Decoded& out,
                                       std::vector<std::uint64_t>& samplers) const {
  const std::uint32_t least = least_octets_;
  while (body.size() >= least) {
    Working working{};
    const auto first_value = static_cast<std::uint32_t>(out.values.size());
    const auto keep = [&](const Operation& operation, Octets octets) {
      const FieldSpec& field = fields_[operation.field];
      out.values.push_back({field.element, field.scope, field.enterprise, octets});
    };
    if (!variable_) {
      for (const Operation& operation : operations_) {
        const Octets octets = body.subspan(operation.source, operation.octets);
        perform(operation.action, operation.target_octets, operation.target, octets, context.header, working);
        if (operation.keep) keep(operation, octets);
      }
      body = body.subspan(least);
    } else {
      for (const Operation& operation : operations_) {
        std::size_t prefix = 0;
        std::size_t length = operation.octets;
        const bool fits =
            operation.octets == kVariableLength ? read_variable_length(body, prefix, length) : length <= body.size();
        if (!fits) {
          out.values.resize(first_value);
          return DecodeError::bad_variable_length;
        }
        const Octets octets = body.subspan(prefix, length);
        // A field of variable length has no place: which lengths the place takes was decided without knowing this one.
        perform(operation.action, operation.target_octets, operation.target, octets, context.header, working);
        if (operation.keep) keep(operation, octets);
        body = body.subspan(prefix + length);
      }
    }
    finish(working, context);
    working.flow.template_id = id;
    working.flow.first_value = first_value;
    working.flow.value_count = static_cast<std::uint32_t>(out.values.size()) - first_value;
    out.flows.push_back(working.flow);
    if (names_sampler_) samplers.push_back(working.sampler_id);
  }
  // RFC 7011 section 3.3.1: padding is shorter than any record; RFC 3954 section 5.3: it fills up to 4 octets.
  return version_ == FlowVersion::ipfix || body.size() < 4 ? DecodeError::none : DecodeError::trailing_octets;
}

}  // namespace weir
