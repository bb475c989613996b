// The rows of the fields that every record has, in the order in which templates send them.
#pragma once

#include "proto/record/field.h"

namespace weir {

namespace base_detail {

constexpr const FlowRecord& base_of(const void* section) {
  return *static_cast<const FlowRecord*>(section);
}
constexpr FlowRecord& base_of(void* section) {
  return *static_cast<FlowRecord*>(section);
}

}  // namespace base_detail

// clang-format off
inline constexpr auto kBaseFields = std::to_array<Field>({
    {.name = "src_addr", .sides = Sides::mirrored, .form = Form::address,
     .place = WEIR_MIRRORED(FlowRecord, source_address, destination_address), .protobuf = {6},
     .wire = {.rule = WireRule::by_family, .element = 8, .element6 = 27}, .meaning = "address of the initiator"},
    {.name = "dst_addr", .sides = Sides::mirrored, .form = Form::address,
     .place = WEIR_MIRRORED(FlowRecord, destination_address, source_address), .protobuf = {7},
     .wire = {.rule = WireRule::by_family, .element = 12, .element6 = 28}, .meaning = "address of the responder"},
    {.name = "bytes", .sides = Sides::sided, .place = WEIR_SIDED(FlowRecord, octets), .protobuf = {9, 1001},
     .wire = {WireRule::plain, 1}, .unit = Unit::octets,
     .meaning = "IP octets: IPv4 total length, IPv6 payload length + 40"},
    {.name = "packets", .sides = Sides::sided, .place = WEIR_SIDED(FlowRecord, packets), .protobuf = {10, 1000},
     .wire = {WireRule::plain, 2}, .unit = Unit::packets, .meaning = "packets"},
    {.name = "time_flow_start_ns", .form = Form::time_ns,
     .computed = {8, [](const void* section, Direction) { return base_detail::base_of(section).start_ns(); }},
     .protobuf = {111}, .unit = Unit::nanoseconds, .meaning = "time of the flow's first packet, since 1970"},
    {.name = "time_flow_end_ns", .form = Form::time_ns,
     .computed = {8, [](const void* section, Direction) { return base_detail::base_of(section).end_ns(); }},
     .protobuf = {112}, .unit = Unit::nanoseconds, .meaning = "time of the flow's last packet, since 1970"},
    {.name = "fwd_time_start_ns", .sides = Sides::sided, .form = Form::time_ns,
     .computed = {8, [](const void* section, Direction side) {
                    const FlowRecord& record = base_detail::base_of(section);
                    return record.packets[side] == 0 ? 0 : record.first_ns[side];
                  },
                  [](void* section, Direction side, std::uint64_t value) {
                    base_detail::base_of(section).first_ns[side] = value;
                  }},
     .protobuf = {1007, 1009}, .wire = {.rule = WireRule::flow_start, .octets = 8, .name = "time_flow_start_ns"},
     .unit = Unit::nanoseconds, .reverse_name = "rev_time_start_ns",
     .meaning = "time of the direction's first packet, since 1970"},
    {.name = "fwd_time_end_ns", .sides = Sides::sided, .form = Form::time_ns,
     .computed = {8, [](const void* section, Direction side) {
                    const FlowRecord& record = base_detail::base_of(section);
                    return record.packets[side] == 0 ? 0 : record.last_ns[side];
                  },
                  [](void* section, Direction side, std::uint64_t value) {
                    base_detail::base_of(section).last_ns[side] = value;
                  }},
     .protobuf = {1008, 1010}, .wire = {.rule = WireRule::flow_end, .octets = 8, .name = "time_flow_end_ns"},
     .unit = Unit::nanoseconds, .reverse_name = "rev_time_end_ns",
     .meaning = "time of the direction's last packet, since 1970"},
    {.name = "in_if", .place = WEIR_PLACE(FlowRecord, ingress_interface), .protobuf = {18},
     .wire = {WireRule::plain, 10}, .meaning = "ingress interface; in `run` the port's place on the command line, from 1"},
    {.name = "sampling_rate", .place = WEIR_PLACE(FlowRecord, sampling_rate), .protobuf = {3},
     .wire = {WireRule::sampling, 34}, .meaning = "what each counted packet stands for; 1 when nothing was sampled"},
    {.name = "src_port", .sides = Sides::mirrored,
     .computed = {2, [](const void* section, Direction side) -> std::uint64_t {
                    return base_detail::base_of(section).port(side);
                  },
                  [](void* section, Direction side, std::uint64_t value) {
                    base_detail::base_of(section).ports[side] = static_cast<std::uint16_t>(value);
                  }},
     .protobuf = {21}, .wire = {.rule = WireRule::plain, .element = 7, .octets = 2},
     .meaning = "port of the initiator; 0 for protocols without ports"},
    {.name = "dst_port", .sides = Sides::mirrored,
     .computed = {2, [](const void* section, Direction side) -> std::uint64_t {
                    return base_detail::base_of(section).port(side == kForward ? kReverse : kForward);
                  },
                  [](void* section, Direction side, std::uint64_t value) {
                    base_detail::base_of(section).ports[side == kForward ? kReverse : kForward] =
                        static_cast<std::uint16_t>(value);
                  }},
     .protobuf = {22}, .wire = {.rule = WireRule::plain, .element = 11, .octets = 2},
     .meaning = "port of the responder; 0 for protocols without ports"},
    {.name = "vlan_id", .place = WEIR_PLACE(FlowRecord, vlan_id), .protobuf = {29}, .wire = {WireRule::vlan, 58},
     .meaning = "outermost VLAN id of the first packet, 0 without a tag"},
    {.name = "etype", .place = WEIR_PLACE(FlowRecord, ether_type), .protobuf = {30}, .wire = {WireRule::plain, 256},
     .meaning = "EtherType: 2048 (IPv4), 34525 (IPv6), or that of a record that is not of IP"},
    {.name = "icmp_type", .sides = Sides::sided,
     .computed = {1, [](const void* section, Direction side) -> std::uint64_t {
                    return base_detail::base_of(section).icmp(side) >> 8;
                  },
                  [](void* section, Direction side, std::uint64_t value) {
                    FlowRecord& record = base_detail::base_of(section);
                    record.set_icmp(side, static_cast<unsigned>(value), record.ports[side] & 0xffU);
                  }},
     .protobuf = {31, 1005}, .wire = {.rule = WireRule::icmp, .element = 32, .octets = 2, .element6 = 139},
     .marks = kIcmpOnly | kForwardInJson, .meaning = "ICMP type of the direction's first packet"},
    {.name = "icmp_code", .sides = Sides::sided,
     .computed = {1, [](const void* section, Direction side) -> std::uint64_t {
                    return base_detail::base_of(section).icmp(side) & 0xffU;
                  },
                  [](void* section, Direction side, std::uint64_t value) {
                    FlowRecord& record = base_detail::base_of(section);
                    record.set_icmp(side, record.ports[side] >> 8, static_cast<unsigned>(value));
                  }},
     .protobuf = {32, 1006}, .marks = kIcmpOnly | kForwardInJson,
     .meaning = "ICMP code of the direction's first packet; templates send it with the type"},
    {.name = "proto", .place = WEIR_PLACE(FlowRecord, protocol), .protobuf = {20}, .wire = {WireRule::plain, 4},
     .meaning = "IP protocol number"},
    {.name = "ip_tos", .sides = Sides::sided, .place = WEIR_SIDED(FlowRecord, ip_tos), .protobuf = {23, 1004},
     .wire = {WireRule::plain, 5}, .meaning = "IPv4 TOS or IPv6 traffic class of the direction's first packet"},
    // RFC 3954 section 8: one octet. RFC 7125 section 3 made it two, and permits one where the lower eight flags are
    // all that is known; nfacctd (pmacct 1.7.7) reads two octets as no flags.
    {.name = "tcp_flags", .sides = Sides::sided, .place = WEIR_SIDED(FlowRecord, tcp_flags), .protobuf = {26, 1002},
     .wire = {WireRule::plain, 6, 0, 1}, .meaning = "OR of the TCP flags of the direction"},
    {.name = "end_reason", .place = WEIR_PLACE(FlowRecord, end_reason), .protobuf = {1003},
     .wire = {WireRule::plain, 136},
     .meaning = "why the flow ended: 1 idle, 2 active timeout, 3 TCP close or --icmp-close, 4 forced, 5 evicted (flowEndReason)"},
    {.name = "ip_version", .place = WEIR_PLACE(FlowRecord, ip_version), .wire = {WireRule::plain, 60},
     .marks = kNotInJson, .meaning = "IP version, 4 or 6"},
    // What consumers of goflow2's messages look for: its ClickHouse schema dates by 110.
    {.name = "time_received_ns", .form = Form::time_ns,
     .computed = {8, [](const void* section, Direction) { return base_detail::base_of(section).end_ns(); }},
     .protobuf = {110}, .unit = Unit::nanoseconds, .marks = kNotInJson | kFollows,
     .meaning = "the same as time_flow_end_ns, for consumers that date by it"},
    {.name = "src_vlan",
     .computed = {2, [](const void* section, Direction) -> std::uint64_t {
                    return base_detail::base_of(section).vlan_id;
                  },
                  [](void* section, Direction, std::uint64_t value) {
                    FlowRecord& record = base_detail::base_of(section);
                    if (record.vlan_id == 0) record.vlan_id = static_cast<std::uint16_t>(value);
                  }},
     .protobuf = {33}, .marks = kNotInJson, .meaning = "the same as vlan_id, for consumers that look there"},
});
// clang-format on

/// The order of the base in JSON, which grew before the table: names of columns.
inline constexpr auto kBaseJsonOrder = std::to_array<std::string_view>({
    "src_addr",
    "dst_addr",
    "src_port",
    "dst_port",
    "proto",
    "packets",
    "bytes",
    "rev_packets",
    "rev_bytes",
    "time_flow_start_ns",
    "time_flow_end_ns",
    "tcp_flags",
    "rev_tcp_flags",
    "ip_tos",
    "vlan_id",
    "etype",
    "in_if",
    "end_reason",
    "sampling_rate",
    "icmp_type",
    "icmp_code",
    "rev_ip_tos",
    "fwd_time_start_ns",
    "fwd_time_end_ns",
    "rev_time_start_ns",
    "rev_time_end_ns",
});

}  // namespace weir
