// RecordValues: what is computed once for a data record's base, and what is often sent beside it.
//
// Blocks of 16 octets in the order in which the usual templates send them, each written at once and read at once: a
// load that takes together what several smaller stores have just written would wait until they have all reached the
// cache. What is not here lies in the FlowRecord as a plain member.
#pragma once

#include <cstddef>
#include <cstdint>

#include "proto/encode/template_fields.h"
#include "proto/record/flow_record.h"
#include "proto/record/interfaces.h"

namespace weir {

struct alignas(16) RecordValues {
  std::uint32_t ingress_interface;
  std::uint32_t sampling_rate;
  std::uint16_t source_port;  ///< of the data record's direction; 0 for protocols without ports
  std::uint16_t destination_port;
  std::uint16_t vlan_id;
  std::uint16_t ether_type;

  std::uint16_t icmp;  ///< type * 256 + code; 0 for other protocols
  std::uint8_t protocol;
  std::uint8_t ip_tos;
  std::uint8_t tcp_flags;
  std::uint8_t end_reason;
  std::uint8_t sampling_algorithm;
  std::uint8_t ip_version;
  std::uint32_t start_uptime_ms;  ///< since the boot time of the header, see UptimeWindow
  std::uint32_t end_uptime_ms;

  std::uint64_t start_ms;  ///< since 1970
  std::uint64_t end_ms;

  std::uint64_t reverse_start_ms;  ///< biflow only, as the rest
  std::uint64_t reverse_end_ms;

  std::uint16_t reverse_icmp;
  std::uint8_t reverse_tcp_flags;
  std::uint8_t reverse_ip_tos;
  std::uint8_t one;  ///< 1: Part::one
  std::uint8_t reserved[11];
};
static_assert(sizeof(RecordValues) == 80 && offsetof(RecordValues, icmp) == 16 &&
              offsetof(RecordValues, start_ms) == 32 && offsetof(RecordValues, reverse_start_ms) == 48 &&
              offsetof(RecordValues, reverse_icmp) == 64);

/// Writes the values of the data record that shows `kKind` of `record`; kWay: which direction a uniflow is of.
template <RecordKind kKind, Direction kWay>
[[gnu::always_inline]] inline void compute_values(RecordValues& values, const FlowRecord& record,
                                                  std::uint64_t boot_ms) {
  constexpr std::uint64_t kMillisecond = 1'000'000;
  constexpr Direction kOther = kWay == kForward ? kReverse : kForward;
  std::uint64_t start_ns = record.first_ns[kWay];
  std::uint64_t end_ns = record.last_ns[kWay];
  std::uint8_t tcp_flags = record.tcp_flags[kWay];
  if constexpr (kKind == RecordKind::merged) {
    const bool forward = record.packets[kForward] != 0;
    const bool reverse = record.packets[kReverse] != 0;
    if (reverse) {
      start_ns = forward && start_ns < record.first_ns[kReverse] ? start_ns : record.first_ns[kReverse];
      end_ns = forward && end_ns > record.last_ns[kReverse] ? end_ns : record.last_ns[kReverse];
      tcp_flags = static_cast<std::uint8_t>((forward ? tcp_flags : 0U) | record.tcp_flags[kReverse]);
    }
  }
  const std::uint64_t start_ms = start_ns / kMillisecond;
  const std::uint64_t end_ms = end_ns / kMillisecond;
  // Before boot only where a start was clamped; beyond 32 bits only in the last second of the 64-bit times (year 2554).
  const auto uptime = [boot_ms](std::uint64_t time_ms) {
    const std::uint64_t offset = time_ms < boot_ms ? 0 : time_ms - boot_ms;
    return static_cast<std::uint32_t>(offset < UINT32_MAX ? offset : UINT32_MAX);
  };
  values.ingress_interface = kKind == RecordKind::uniflow ? ingress_of(record, kWay) : record.ingress_interface;
  values.sampling_rate = record.sampling_rate;
  // Ports and ICMP types share their octets. A branch, and no arithmetic: few flows are ICMP, and a mask cost 2 ns.
  const bool icmp = record.is_icmp();
  values.source_port = record.ports[kWay];
  values.destination_port = record.ports[kOther];
  values.icmp = 0;
  if (icmp) [[unlikely]] {
    values.source_port = values.destination_port = 0;
    values.icmp = record.ports[kWay];
  }
  values.vlan_id = record.vlan_id;
  values.ether_type = record.ether_type;
  values.protocol = record.protocol;
  values.ip_tos = record.ip_tos[kWay];
  values.tcp_flags = tcp_flags;
  values.end_reason = static_cast<std::uint8_t>(record.end_reason);
  values.sampling_algorithm = record.sampling_algorithm == 0 ? std::uint8_t{1} : record.sampling_algorithm;
  values.ip_version = record.ip_version;
  values.start_uptime_ms = uptime(start_ms);
  values.end_uptime_ms = uptime(end_ms);
  values.start_ms = start_ms;
  values.end_ms = end_ms;
  if constexpr (kKind == RecordKind::biflow) {
    values.one = 1;
    values.reverse_start_ms = record.first_ns[kReverse] / kMillisecond;
    values.reverse_end_ms = record.last_ns[kReverse] / kMillisecond;
    values.reverse_icmp = icmp ? record.ports[kReverse] : std::uint16_t{0};
    values.reverse_tcp_flags = record.tcp_flags[kReverse];
    values.reverse_ip_tos = record.ip_tos[kReverse];
  }
}

namespace wire_detail {

struct ValuePlace {
  std::uint16_t element;
  Direction side;
  std::uint16_t offset;
  std::uint16_t octets;
};

#define WEIR_VALUE(member) offsetof(RecordValues, member), sizeof(RecordValues::member)
// clang-format off
inline constexpr ValuePlace kValuePlaces[] = {
    {ie::kIngressInterface,         kForward, WEIR_VALUE(ingress_interface)},
    {ie::kSamplingInterval,         kForward, WEIR_VALUE(sampling_rate)},
    {ie::kSourceTransportPort,      kForward, WEIR_VALUE(source_port)},
    {ie::kDestinationTransportPort, kForward, WEIR_VALUE(destination_port)},
    {ie::kVlanId,                   kForward, WEIR_VALUE(vlan_id)},
    {ie::kDot1qVlanId,              kForward, WEIR_VALUE(vlan_id)},
    {ie::kEthernetType,             kForward, WEIR_VALUE(ether_type)},
    {ie::kIcmpTypeCodeIpv4,         kForward, WEIR_VALUE(icmp)},
    {ie::kIcmpTypeCodeIpv6,         kForward, WEIR_VALUE(icmp)},
    {ie::kProtocolIdentifier,       kForward, WEIR_VALUE(protocol)},
    {ie::kIpClassOfService,         kForward, WEIR_VALUE(ip_tos)},
    {ie::kTcpControlBits,           kForward, WEIR_VALUE(tcp_flags)},
    {ie::kFlowEndReason,            kForward, WEIR_VALUE(end_reason)},
    {ie::kSamplingAlgorithm,        kForward, WEIR_VALUE(sampling_algorithm)},
    {ie::kBiflowDirection,          kReverse, WEIR_VALUE(one)},
    {ie::kIpVersion,                kForward, WEIR_VALUE(ip_version)},
    {ie::kFlowStartSysUpTime,       kForward, WEIR_VALUE(start_uptime_ms)},
    {ie::kFlowEndSysUpTime,         kForward, WEIR_VALUE(end_uptime_ms)},
    {ie::kFlowStartMilliseconds,    kForward, WEIR_VALUE(start_ms)},
    {ie::kFlowEndMilliseconds,      kForward, WEIR_VALUE(end_ms)},
    {ie::kFlowStartMilliseconds,    kReverse, WEIR_VALUE(reverse_start_ms)},
    {ie::kFlowEndMilliseconds,      kReverse, WEIR_VALUE(reverse_end_ms)},
    {ie::kIcmpTypeCodeIpv4,         kReverse, WEIR_VALUE(reverse_icmp)},
    {ie::kIcmpTypeCodeIpv6,         kReverse, WEIR_VALUE(reverse_icmp)},
    {ie::kTcpControlBits,           kReverse, WEIR_VALUE(reverse_tcp_flags)},
    {ie::kIpClassOfService,         kReverse, WEIR_VALUE(reverse_ip_tos)},
};
// clang-format on
#undef WEIR_VALUE

}  // namespace wire_detail

/// Where a field's octets lie. Two offsets, by the direction that a data record is of: a reverse one takes source from
/// destination, and the forward values from the reverse ones.
struct FieldSource {
  std::uint8_t base = 0;  ///< 0: the record, or the sections; 1: what is computed
  std::uint16_t offset[2] = {0, 0};
  std::uint16_t octets = 0;
  bool number = false;  ///< host order here, big-endian on the wire; may be sent shorter or longer
};

/// Of a member of a section (the base included) that begins at `at`.
constexpr FieldSource member_source(const ListedField& field, std::size_t at) {
  const Field& row = field.row().field;
  const auto offset = [&](Direction way) {
    const bool other = (field.side() == kReverse) != (way == kReverse);
    return static_cast<std::uint16_t>(at + row.place.offset[other ? 1 : 0] + field.index * sizeof(std::uint32_t));
  };
  FieldSource source{0, {offset(kForward), offset(kReverse)}, row.place.octets, true};
  if (row.form == Form::labels || row.form == Form::histogram) source.octets = sizeof(std::uint32_t);
  if (row.form == Form::address || row.form == Form::mac || row.form == Form::community_id ||
      row.form == Form::characters) {
    source.number = false;
    // IPv4 is in the first 4 of 16 octets.
    if (row.wire.rule == WireRule::by_family) source.octets = iana_octets(field.wire.element);
  }
  if (row.form == Form::text) {  // of NetFlow v9, after the two octets before it
    source = {0,
              {static_cast<std::uint16_t>(offset(kForward) + 2), static_cast<std::uint16_t>(offset(kReverse) + 2)},
              field.wire.octets,
              false};
  }
  return source;
}

/// Of a field of the base; its octets are 0 where there is none.
constexpr FieldSource base_source(const ListedField& field) {
  for (const wire_detail::ValuePlace& place : wire_detail::kValuePlaces) {
    if (place.element != field.wire.element || place.side != field.side()) continue;
    return {1, {place.offset, place.offset}, place.octets, true};
  }
  return member_source(field, 0);
}

}  // namespace weir
