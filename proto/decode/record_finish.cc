#include "proto/decode/record_finish.h"

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstring>
#include <span>

#include "proto/base/ip_numbers.h"
#include "proto/decode/field_values.h"

namespace weir {
namespace {

using field_values::saturated;

template <typename S>
[[nodiscard]] S& section_of(ScratchRecord& scratch) {
  return *reinterpret_cast<S*>(reinterpret_cast<std::uint8_t*>(&scratch.base) +
                               section_offset(kAllSections, kSectionOf<S>));
}

/// Which of the template's sections the record has: those that say something.
std::uint32_t present_sections(ScratchRecord& scratch, std::uint32_t sections) {
  std::uint32_t present = 0;
  for (std::uint32_t bits = sections; bits != 0; bits &= bits - 1) {
    const auto section = static_cast<Section>(std::countr_zero(bits) + 1);
    bool there = false;
    if (section == Section::tunnel) {
      there = section_of<TunnelSection>(scratch).type != TunnelType::none;
    } else if (section == Section::label) {
      there = scratch.has_label != 0;
    } else {
      const std::size_t at = section_offset(kAllSections, section) - sizeof(FlowRecord);
      there = !all_zero({scratch.sections + at, kSectionOctets[static_cast<std::size_t>(section)]});
    }
    if (there) present |= section_bit(section);
  }
  if ((present & kSectionBit<LabelStackSection>) != 0) {
    auto& stack = section_of<LabelStackSection>(scratch);
    for (unsigned i = 0; i < LabelStackSection::kMost; ++i) {
      if (stack.labels[i] != 0) stack.count = i + 1;
    }
  }
  if ((present & kSectionBit<RoutingSection>) != 0) {
    section_of<RoutingSection>(scratch).ip_version = scratch.base.ip_version;
  }
  return present;
}

void put_addresses(std::uint8_t* source, std::uint8_t* destination, const std::uint8_t (&ipv4)[2][4],
                   const std::uint8_t (&ipv6)[2][16], std::uint8_t ip_version) {
  const std::size_t octets = ip_version == 4 ? 4 : 16;
  std::memset(source, 0, 16);
  std::memset(destination, 0, 16);
  std::memcpy(source, ip_version == 4 ? ipv4[0] : ipv6[0], octets);
  std::memcpy(destination, ip_version == 4 ? ipv4[1] : ipv6[1], octets);
}

/// Which tunnel a header announces that another one follows.
TunnelType tunnel_of(const OuterHeader& outer) {
  switch (outer.protocol) {
    case kProtocolGre:
      return TunnelType::gre;
    case kProtocolEtherIp:
      return TunnelType::etherip;
    case kProtocolL2tpV3:
      return TunnelType::l2tpv3;
    case kProtocolMplsInIp:
      return TunnelType::mpls_ip;
    case kProtocolAh:
      return TunnelType::ah;
    case kProtocolUdp:
      for (std::size_t type = 1; type < kTunnelTypes.size(); ++type) {
        const TunnelTypeInfo& info = kTunnelTypes[type];
        const bool destination = info.told != TunnelSide::none && outer.ports[1] == info.port;
        const bool source = info.told == TunnelSide::either && outer.ports[0] == info.port;
        if (destination || source) return static_cast<TunnelType>(type);
      }
      return TunnelType::ipip;
    default:  // IP in IP, with or without a routing header (SRv6) between
      return TunnelType::ipip;
  }
}

}  // namespace

void finish_times(ScratchRecord& scratch, const MessageHeader& header, std::uint64_t stream_init_ms) {
  FlowRecord& base = scratch.base;
  std::uint64_t& first_ns = base.first_ns[kForward];
  std::uint64_t& last_ns = base.last_ns[kForward];
  if ((scratch.first_uptime_ms | scratch.last_uptime_ms) != 0) {
    const std::uint64_t init_ms = scratch.system_init_ms != 0 ? scratch.system_init_ms : stream_init_ms;
    const auto instant = [&](std::uint64_t uptime_plus_1) {
      if (field_values::is_instant(uptime_plus_1)) return saturated(uptime_plus_1 - 1, 1'000'000);
      return init_ms == 0 || uptime_plus_1 == 0 ? 0 : saturated(init_ms + uptime_plus_1 - 1, 1'000'000);
    };
    if (first_ns == 0) first_ns = instant(scratch.first_uptime_ms);
    if (last_ns == 0) last_ns = instant(scratch.last_uptime_ms);
  }
  if (first_ns == 0 && last_ns == 0) {  // no instant, only a length: it ended when it was sent
    if (scratch.duration_ns == 0 && scratch.first_uptime_ms != 0 && scratch.last_uptime_ms > scratch.first_uptime_ms) {
      scratch.duration_ns = saturated(scratch.last_uptime_ms - scratch.first_uptime_ms, 1'000'000);
    }
    last_ns = std::uint64_t{header.unix_secs} * 1'000'000'000 + header.unix_nsecs;
  }
  if (last_ns == 0) last_ns = first_ns + scratch.duration_ns;
  if (first_ns == 0) first_ns = last_ns - std::min(scratch.duration_ns, last_ns);
  if (base.last_ns[kReverse] == 0) base.last_ns[kReverse] = base.first_ns[kReverse];
  // A single pair of times holds for both directions.
  if (base.first_ns[kReverse] == 0) base.first_ns[kReverse] = first_ns;
  if (base.last_ns[kReverse] == 0) base.last_ns[kReverse] = last_ns;
}

std::uint8_t choose_family(ScratchRecord& scratch) {
  FlowRecord& base = scratch.base;
  const BothFamilies& families = scratch.families;
  const bool has4 = !all_zero({families.ipv4[0], sizeof families.ipv4});
  const bool has6 = !all_zero({families.ipv6[0], sizeof families.ipv6});
  std::uint8_t version = scratch.ip_version;
  if (version != 4 && version != 6) {
    version = base.ether_type == kEtherTypeIpv4 ? 4 : base.ether_type == kEtherTypeIpv6 ? 6 : has4 && !has6 ? 4 : 6;
    if (!has4 && !has6 && base.ether_type == 0) version = 0;
  }
  if (version == 0) return 0;
  put_addresses(base.source_address, base.destination_address, families.ipv4, families.ipv6, version);
  base.ip_version = version;
  return version == 4 ? (has6 ? 6 : 0) : (has4 ? 4 : 0);
}

bool settle_headers(ScratchRecord& scratch) {
  FlowRecord& base = scratch.base;
  const OuterHeader& outer = scratch.outer;
  const bool outer4 = !all_zero({outer.ipv4[0], sizeof outer.ipv4});
  const bool outer6 = !all_zero({outer.ipv6[0], sizeof outer.ipv6});
  const std::uint8_t version = outer6 ? 6 : outer4 ? 4 : 0;
  if (version == 0) return false;
  const bool inner = !all_zero({base.source_address, 16}) || !all_zero({base.destination_address, 16});
  if (!inner) {
    put_addresses(base.source_address, base.destination_address, outer.ipv4, outer.ipv6, version);
    base.ip_version = version;
    base.ports[kForward] = outer.ports[0];
    base.ports[kReverse] = outer.ports[1];
    base.protocol = outer.protocol;
    base.ip_tos[kForward] = outer.ip_tos;
    scratch.tcp_control_bits[kForward] = outer.tcp_control_bits;
    return false;
  }
  auto& tunnel = section_of<TunnelSection>(scratch);
  if (tunnel.type != TunnelType::none) return true;  // weir's own elements say it
  tunnel.type = tunnel_of(outer);
  tunnel.depth = 1;
  tunnel.ip_version = version;
  put_addresses(tunnel.source, tunnel.destination, outer.ipv4, outer.ipv6, version);
  return true;
}

unsigned settle_icmp(ScratchRecord& scratch) {
  FlowRecord& base = scratch.base;
  const std::uint16_t source = base.ports[kForward];
  const std::uint16_t destination = base.ports[kReverse];
  std::uint8_t& type = scratch.icmp[kForward][0];
  std::uint8_t& code = scratch.icmp[kForward][1];
  // Older NetFlow has type and code in the destination port; some exporters send both fields.
  bool is_type_and_code = false;
  if (source == 0 && type == 0 && code == 0) {
    // IOS XR has the type alone there. In ICMPv6 nothing has type 0 (RFC 4443 section 2.1), so the two are told apart.
    const bool type_alone = base.protocol == kProtocolIcmpv6 && destination < 0x100;
    type = static_cast<std::uint8_t>(type_alone ? destination : destination >> 8);
    code = static_cast<std::uint8_t>(type_alone ? 0 : destination);
    is_type_and_code = true;
  } else if (source == 0 && destination == (type << 8 | code)) {
    is_type_and_code = true;
  }
  base.set_icmp(kForward, type, code);
  base.set_icmp(kReverse, scratch.icmp[kReverse][0], scratch.icmp[kReverse][1]);
  return (source != 0 ? 1U : 0U) | (destination != 0 && !is_type_and_code ? 2U : 0U);
}

void clear_reverse(FlowRecord& base) {
  base.first_ns[kReverse] = 0;
  base.last_ns[kReverse] = 0;
  base.tcp_flags[kReverse] = 0;
  base.ip_tos[kReverse] = 0;
}

void gather_sections(ScratchRecord& scratch, std::uint32_t sections) {
  const std::uint32_t present = present_sections(scratch, sections);
  std::size_t to = 0;
  for (std::uint32_t bits = present; bits != 0; bits &= bits - 1) {
    const auto section = static_cast<Section>(std::countr_zero(bits) + 1);
    const std::size_t octets = kSectionOctets[static_cast<std::size_t>(section)];
    const std::size_t from = section_offset(kAllSections, section) - sizeof(FlowRecord);
    if (from != to) std::memmove(scratch.sections + to, scratch.sections + from, octets);
    to += octets;
  }
  scratch.base.sections = present;
}
}  // namespace weir
