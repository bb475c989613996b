// The template is compiled by the compiler: encode() is a fold over the field list of kNetflow9DataTemplate, in which
// every field's number, length and place are constants, so that a record becomes a straight run of loads, byte swaps
// and stores with no loop, no branch and no table. One list gives the template's bytes and the record's.
#include "proto/netflow9_encoder.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "proto/byte_order.h"
#include "proto/netflow9.h"

namespace weir {
namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;
constexpr std::uint64_t kMillisecond = 1'000'000;
constexpr std::uint64_t kDay = 86'400 * kSecond;
// The last whole second whose uptime fits in 32 bits of milliseconds: floor((2^32 - 1) / 1000).
constexpr std::uint64_t kWindow = 4'294'967 * kSecond;

constexpr std::uint64_t floor_to_second(std::uint64_t time_ns) {
  return time_ns - time_ns % kSecond;
}
// 2^64 ns is in 2554; a time of the last second before is rounded down instead of around.
constexpr std::uint64_t ceil_to_second(std::uint64_t time_ns) {
  const std::uint64_t part = time_ns % kSecond;
  if (part == 0) return time_ns;
  const std::uint64_t floor = time_ns - part;
  return floor > UINT64_MAX - kSecond ? floor : floor + kSecond;
}

template <std::size_t N>
std::uint8_t* write_template(std::uint8_t* out, std::uint16_t id, const std::array<TemplateField, N>& fields) {
  store_be<std::uint16_t>(out, id);
  store_be<std::uint16_t>(out + 2, static_cast<std::uint16_t>(N));
  out += sizeof(Netflow9TemplateHeader);
  for (const TemplateField& field : fields) {
    store_be<std::uint16_t>(out, field.element);
    store_be<std::uint16_t>(out + 2, field.octets);
    out += sizeof(Netflow9Field);
  }
  return out;
}

/// A complete Template FlowSet (RFC 3954 section 5.2) with the IPv4 and the IPv6 template.
template <bool kBiflow>
std::uint8_t* write_templates(std::uint8_t* out) {
  std::uint8_t* const start = out;
  out += sizeof(Netflow9FlowSetHeader);
  out = write_template(out, kNetflow9TemplateId<false, kBiflow>, kNetflow9DataTemplate<false, kBiflow>);
  out = write_template(out, kNetflow9TemplateId<true, kBiflow>, kNetflow9DataTemplate<true, kBiflow>);
  store_be<std::uint16_t>(start, kNetflow9TemplateFlowSet);
  store_be<std::uint16_t>(start + 2, static_cast<std::uint16_t>(out - start));  // a multiple of 4: no padding
  return out;
}

template <bool kIpv6, bool kBiflow>
constexpr std::uint32_t kRecordOctets = record_octets(kNetflow9DataTemplate<kIpv6, kBiflow>);

// The largest case of the first add(): header, templates, and both halves of an IPv6 biflow.
constexpr std::size_t kLargestStart = sizeof(Netflow9Header) + 2 * sizeof(Netflow9FlowSetHeader) +
                                      2 * (sizeof(Netflow9TemplateHeader) + 21 * sizeof(Netflow9Field)) +
                                      2 * std::max(kRecordOctets<true, false>, kRecordOctets<true, true>);
static_assert(kLargestStart <= kNetflow9MinPayload, "add() on an empty datagram always succeeds");
static_assert(kNetflow9MaxPayload <= 65535, "FlowSet lengths have 16 bits");

// RFC 3954 section 8: a record longer than its padding, and none is needed where records are multiples of 4.
static_assert(kRecordOctets<false, false> % 4 == 0 && kRecordOctets<true, false> % 4 == 0);
static_assert(kRecordOctets<false, true> % 4 == 0 && kRecordOctets<true, true> % 4 == 0);

// samplingAlgorithm (IANA 35): 1 deterministic, 2 random. weir counts one packet in so many.
constexpr std::uint8_t kDeterministicSampling = 1;

/// What a data record takes from elsewhere than the FlowRecord's fields of its direction.
struct RecordValues {
  std::uint32_t first_ms;  // milliseconds of sysUptime
  std::uint32_t last_ms;
  std::uint8_t tcp_flags;
};

/// Writes one field of a data record. `kWay` is the direction that the record shows as its own.
template <std::uint16_t kElement, Direction kWay>
inline void put(std::uint8_t* out, const FlowRecord& record, const RecordValues& values) {
  constexpr bool kForwardWay = kWay == kForward;
  constexpr Direction kOther = kForwardWay ? kReverse : kForward;
  const auto* const source = kForwardWay ? record.source_address : record.destination_address;
  const auto* const destination = kForwardWay ? record.destination_address : record.source_address;
  if constexpr (kElement == ie::kSourceIpv4Address) {
    std::memcpy(out, source, 4);
  } else if constexpr (kElement == ie::kDestinationIpv4Address) {
    std::memcpy(out, destination, 4);
  } else if constexpr (kElement == ie::kSourceIpv6Address) {
    std::memcpy(out, source, 16);
  } else if constexpr (kElement == ie::kDestinationIpv6Address) {
    std::memcpy(out, destination, 16);
  } else if constexpr (kElement == ie::kOctetDeltaCount) {
    store_be<std::uint64_t>(out, record.octets[kWay]);
  } else if constexpr (kElement == ie::kPacketDeltaCount) {
    store_be<std::uint64_t>(out, record.packets[kWay]);
  } else if constexpr (kElement == ie::kPostOctetDeltaCount) {
    store_be<std::uint64_t>(out, record.packets[kOther] != 0 ? record.octets[kOther] : 0);
  } else if constexpr (kElement == ie::kPostPacketDeltaCount) {
    store_be<std::uint64_t>(out, record.packets[kOther]);
  } else if constexpr (kElement == ie::kFlowStartSysUpTime) {
    store_be<std::uint32_t>(out, values.first_ms);
  } else if constexpr (kElement == ie::kFlowEndSysUpTime) {
    store_be<std::uint32_t>(out, values.last_ms);
  } else if constexpr (kElement == ie::kIngressInterface) {
    store_be<std::uint32_t>(out, record.ingress_interface);
  } else if constexpr (kElement == ie::kSamplingInterval) {
    store_be<std::uint32_t>(out, record.sampling_rate);
  } else if constexpr (kElement == ie::kSourceTransportPort) {
    store_be<std::uint16_t>(out, kForwardWay ? record.source_port : record.destination_port);
  } else if constexpr (kElement == ie::kDestinationTransportPort) {
    store_be<std::uint16_t>(out, kForwardWay ? record.destination_port : record.source_port);
  } else if constexpr (kElement == ie::kVlanId) {
    store_be<std::uint16_t>(out, record.vlan_id);
  } else if constexpr (kElement == ie::kEthernetType) {
    store_be<std::uint16_t>(out, record.ether_type);
  } else if constexpr (kElement == ie::kIcmpTypeCodeIpv4) {
    // type * 256 + code of ICMP (1) and ICMPv6 (58); 0 for other protocols, where the record's fields mean nothing.
    const bool icmp = record.protocol == 1 || record.protocol == 58;
    out[0] = icmp ? record.icmp_type[kWay] : 0;
    out[1] = icmp ? record.icmp_code[kWay] : 0;
  } else if constexpr (kElement == ie::kProtocolIdentifier) {
    *out = record.protocol;
  } else if constexpr (kElement == ie::kIpClassOfService) {
    *out = record.ip_tos[kWay];
  } else if constexpr (kElement == ie::kTcpControlBits) {
    *out = values.tcp_flags;
  } else if constexpr (kElement == ie::kFlowEndReason) {
    *out = static_cast<std::uint8_t>(record.end_reason);
  } else if constexpr (kElement == ie::kSamplingAlgorithm) {
    *out = kDeterministicSampling;
  } else {
    static_assert(kElement == ie::kIpVersion, "a template names an element that no line here writes");
    *out = record.ip_version;
  }
}

/// Where field `index` lies in its record.
template <std::size_t N>
constexpr std::size_t offset_of_field(const std::array<TemplateField, N>& fields, std::size_t index) {
  std::size_t offset = 0;
  for (std::size_t i = 0; i < index; ++i) offset += fields[i].octets;
  return offset;
}

template <bool kIpv6, bool kBiflow, Direction kWay>
inline std::uint8_t* write_record(std::uint8_t* out, const FlowRecord& record, const RecordValues& values) {
  static constexpr const auto& kFields = kNetflow9DataTemplate<kIpv6, kBiflow>;
  [&]<std::size_t... kIndex>(std::index_sequence<kIndex...>) {
    (put<kFields[kIndex].element, kWay>(out + offset_of_field(kFields, kIndex), record, values), ...);
  }
  (std::make_index_sequence<kFields.size()>{});
  return out + kRecordOctets<kIpv6, kBiflow>;
}

}  // namespace

Netflow9Encoder::Netflow9Encoder(const Netflow9Options& options) : options_(options) {
  options_.payload_octets = std::clamp(options_.payload_octets, kNetflow9MinPayload, kNetflow9MaxPayload);
  options_.template_refresh_datagrams = std::max(options_.template_refresh_datagrams, 1U);
  if (options_.start_ns != 0) {
    boot_ns_ = floor_to_second(options_.start_ns) - std::min(floor_to_second(options_.start_ns), kDay);
    boot_known_ = true;
  }
}

bool Netflow9Encoder::in_window(const TimeSpan& span) const {
  return boot_known_ && span.start_ns >= boot_ns_ && span.end_ns - boot_ns_ <= kWindow;
}

void Netflow9Encoder::move_boot(const TimeSpan& span, std::uint64_t now_ns) {
  const auto day_before = [](std::uint64_t time_ns) {
    const std::uint64_t second = floor_to_second(time_ns);
    return second - std::min(second, kDay);
  };
  const bool moved = boot_known_;
  boot_known_ = true;
  if (moved) templates_wanted_ = true;  // a collector may take the uptime's jump for a restart
  // In this order: a day of slack and the present as well; a day of slack; no slack; the end of a record too long.
  if (!options_.capture_time) {
    boot_ns_ = day_before(std::min(span.start_ns, now_ns));
    if (in_window(span) && now_ns - boot_ns_ <= kWindow - kDay) return;
  }
  boot_ns_ = day_before(span.start_ns);
  if (in_window(span)) return;
  boot_ns_ = floor_to_second(span.start_ns);
  if (in_window(span)) return;
  boot_ns_ = ceil_to_second(span.end_ns) - kWindow;
}

void Netflow9Encoder::open(const TimeSpan& span, std::uint64_t now_ns) {
  // Live: boot moves a day before the uptime is full, so that now_ns fits when the datagram is finished.
  const bool uptime_full = !options_.capture_time && now_ns > boot_ns_ && now_ns - boot_ns_ > kWindow - kDay;
  if (!in_window(span) || (uptime_full && span.end_ns + kDay > now_ns)) move_boot(span, now_ns);

  has_templates_ = templates_wanted_ || datagrams_since_templates_ >= options_.template_refresh_datagrams ||
                   now_ns < templates_sent_ns_ /* the clock was set back */ ||
                   now_ns - templates_sent_ns_ >= options_.template_refresh_ns;
  std::uint8_t* out = datagram_.data() + sizeof(Netflow9Header);
  count_ = 0;
  if (has_templates_) {
    out = options_.biflow ? write_templates<true>(out) : write_templates<false>(out);
    count_ = 2;  // RFC 3954 section 5.1: each template is a record
    templates_wanted_ = false;
    templates_sent_ns_ = now_ns;
    datagrams_since_templates_ = 0;
    ++template_datagrams_;
  }
  ++datagrams_since_templates_;
  ipv4_region_at_ = static_cast<std::uint32_t>(out - datagram_.data());
  octets_[0] = ipv4_region_at_;
  octets_[1] = 0;
  latest_ns_ = 0;
}

std::uint32_t Netflow9Encoder::uptime_ms(std::uint64_t time_ns) const {
  if (time_ns < boot_ns_) return 0;  // a start that was clamped
  // The minimum matters for a record that ends in the last second of the 64 bits (year 2554) only.
  return static_cast<std::uint32_t>(std::min<std::uint64_t>((time_ns - boot_ns_) / kMillisecond, UINT32_MAX));
}

template <bool kIpv6, bool kBiflow>
std::uint8_t* Netflow9Encoder::encode(std::uint8_t* out, const FlowRecord& record) const {
  if constexpr (kBiflow) {
    const bool both = record.packets[kForward] != 0 && record.packets[kReverse] != 0;
    const Direction only = record.packets[kForward] == 0 && record.packets[kReverse] != 0 ? kReverse : kForward;
    const RecordValues values =
        both ? RecordValues{uptime_ms(std::min(record.first_ns[0], record.first_ns[1])),
                            uptime_ms(std::max(record.last_ns[0], record.last_ns[1])),
                            static_cast<std::uint8_t>(record.tcp_flags[0] | record.tcp_flags[1])}
             : RecordValues{uptime_ms(record.first_ns[only]), uptime_ms(record.last_ns[only]), record.tcp_flags[only]};
    return write_record<kIpv6, true, kForward>(out, record, values);
  } else {
    // A record without any packet (there should be none) is still one data record.
    if (record.packets[kForward] != 0 || record.packets[kReverse] == 0) {
      const RecordValues values{uptime_ms(record.first_ns[kForward]), uptime_ms(record.last_ns[kForward]),
                                record.tcp_flags[kForward]};
      out = write_record<kIpv6, false, kForward>(out, record, values);
    }
    if (record.packets[kReverse] != 0) {
      const RecordValues values{uptime_ms(record.first_ns[kReverse]), uptime_ms(record.last_ns[kReverse]),
                                record.tcp_flags[kReverse]};
      out = write_record<kIpv6, false, kReverse>(out, record, values);
    }
    return out;
  }
}

bool Netflow9Encoder::add(const FlowRecord& record, std::uint64_t now_ns) {
  const bool forward = record.packets[kForward] != 0 || record.packets[kReverse] == 0;
  const bool reverse = record.packets[kReverse] != 0;
  TimeSpan span{UINT64_MAX, 0};
  if (forward) span = {record.first_ns[kForward], std::max(record.first_ns[kForward], record.last_ns[kForward])};
  if (reverse) {
    span.start_ns = std::min(span.start_ns, record.first_ns[kReverse]);
    span.end_ns = std::max({span.end_ns, record.first_ns[kReverse], record.last_ns[kReverse]});
  }
  // The uptime of the header is that of the end rounded up, so a window ends with a whole second.
  if (flow_records_ == 0) {
    open(span, now_ns);
  } else if (!in_window(span)) {
    return false;
  }

  const bool ipv6 = record.ip_version == 6;
  const std::uint32_t records = options_.biflow ? 1 : static_cast<std::uint32_t>(forward) + reverse;
  const std::uint32_t record_size = ipv6 ? (options_.biflow ? kRecordOctets<true, true> : kRecordOctets<true, false>)
                                         : (options_.biflow ? kRecordOctets<false, true> : kRecordOctets<false, false>);
  std::uint32_t& used = octets_[ipv6];
  const bool first_of_region = ipv6 ? used == 0 : used == ipv4_region_at_;
  const std::uint32_t head = first_of_region ? sizeof(Netflow9FlowSetHeader) : 0;
  if (octets_[0] + octets_[1] + head + records * record_size > options_.payload_octets) return false;

  std::uint8_t* const out = (ipv6 ? ipv6_region_.data() : datagram_.data()) + used + head;
  if (ipv6) {
    options_.biflow ? encode<true, true>(out, record) : encode<true, false>(out, record);
  } else {
    options_.biflow ? encode<false, true>(out, record) : encode<false, false>(out, record);
  }
  used += head + records * record_size;
  count_ += records;
  latest_ns_ = std::max(latest_ns_, span.end_ns);
  clamped_starts_ += span.start_ns < boot_ns_;
  ++flow_records_;
  return true;
}

std::span<const std::uint8_t> Netflow9Encoder::finish(std::uint64_t now_ns) {
  if (flow_records_ == 0) return {};

  const auto write_flow_set_header = [](std::uint8_t* at, std::uint16_t id, std::uint32_t octets) {
    store_be<std::uint16_t>(at, id);
    store_be<std::uint16_t>(at + 2, static_cast<std::uint16_t>(octets));
  };
  if (octets_[0] != ipv4_region_at_) {
    write_flow_set_header(datagram_.data() + ipv4_region_at_,
                          options_.biflow ? kNetflow9TemplateId<false, true> : kNetflow9TemplateId<false, false>,
                          octets_[0] - ipv4_region_at_);
  }
  if (octets_[1] != 0) {
    write_flow_set_header(ipv6_region_.data(),
                          options_.biflow ? kNetflow9TemplateId<true, true> : kNetflow9TemplateId<true, false>,
                          octets_[1]);
    std::memcpy(datagram_.data() + octets_[0], ipv6_region_.data(), octets_[1]);
  }

  // One whole second for both header fields; never before the end of a record, never past the window.
  std::uint64_t header_ns = std::min(ceil_to_second(latest_ns_), boot_ns_ + kWindow);
  if (!options_.capture_time) {
    header_ns = std::max(header_ns, std::min(floor_to_second(now_ns), boot_ns_ + kWindow));
  }
  Netflow9Header header;
  header.version = Be16::from_host(kNetflow9Version);
  header.count = Be16::from_host(static_cast<std::uint16_t>(count_));
  header.sys_uptime_ms = Be32::from_host(static_cast<std::uint32_t>((header_ns - boot_ns_) / kMillisecond));
  header.unix_secs = Be32::from_host(static_cast<std::uint32_t>(header_ns / kSecond));
  header.sequence = Be32::from_host(sequence_++);
  header.source_id = Be32::from_host(options_.source_id);
  std::memcpy(datagram_.data(), &header, sizeof header);

  flow_records_ = 0;
  return {datagram_.data(), octets_[0] + octets_[1]};
}

}  // namespace weir
