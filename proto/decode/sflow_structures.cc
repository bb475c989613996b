#include "proto/decode/sflow_structures.h"

#include <algorithm>
#include <array>

#include "proto/base/byte_order.h"

namespace weir {
namespace {

using Octets = std::span<const std::uint8_t>;
using K = XdrKind;

// clang-format off
constexpr auto kSampledHeaderFields = std::to_array<SflowField>({
    {"header_protocol", K::unsigned32}, {"frame_length", K::unsigned32}, {"stripped", K::unsigned32},
    {"header", K::octets}});
constexpr auto kEthernetFields = std::to_array<SflowField>({
    {"length", K::unsigned32}, {"src_mac", K::mac}, {"dst_mac", K::mac}, {"type", K::unsigned32}});
constexpr auto kIpv4Fields = std::to_array<SflowField>({
    {"length", K::unsigned32}, {"protocol", K::unsigned32}, {"src_ip", K::ipv4}, {"dst_ip", K::ipv4},
    {"src_port", K::unsigned32}, {"dst_port", K::unsigned32}, {"tcp_flags", K::unsigned32}, {"tos", K::unsigned32}});
constexpr auto kIpv6Fields = std::to_array<SflowField>({
    {"length", K::unsigned32}, {"protocol", K::unsigned32}, {"src_ip", K::ipv6}, {"dst_ip", K::ipv6},
    {"src_port", K::unsigned32}, {"dst_port", K::unsigned32}, {"tcp_flags", K::unsigned32},
    {"priority", K::unsigned32}});
constexpr auto kSwitchFields = std::to_array<SflowField>({
    {"src_vlan", K::unsigned32}, {"src_priority", K::unsigned32}, {"dst_vlan", K::unsigned32},
    {"dst_priority", K::unsigned32}});
constexpr auto kRouterFields = std::to_array<SflowField>({
    {"nexthop", K::address}, {"src_mask_len", K::unsigned32}, {"dst_mask_len", K::unsigned32}});
constexpr auto kGatewayFields = std::to_array<SflowField>({
    {"nexthop", K::address}, {"as", K::unsigned32}, {"src_as", K::unsigned32}, {"src_peer_as", K::unsigned32},
    {"dst_as_path", K::as_path}, {"communities", K::list}, {"localpref", K::unsigned32}});
constexpr auto kUserFields = std::to_array<SflowField>({
    {"src_charset", K::unsigned32}, {"src_user", K::text}, {"dst_charset", K::unsigned32}, {"dst_user", K::text}});
constexpr auto kUrlFields = std::to_array<SflowField>({
    {"url_direction", K::unsigned32}, {"url", K::text}, {"url_host", K::text}});
constexpr auto kMplsFields = std::to_array<SflowField>({
    {"mpls_nexthop", K::address}, {"in_stack", K::list}, {"out_stack", K::list}});
constexpr auto kNatFields = std::to_array<SflowField>({{"nat_src_address", K::address}, {"nat_dst_address", K::address}});
constexpr auto kMplsTunnelFields = std::to_array<SflowField>({
    {"tunnel_lsp_name", K::text}, {"mpls_tunnel_id", K::unsigned32}, {"mpls_tunnel_cos", K::unsigned32}});
constexpr auto kMplsVcFields = std::to_array<SflowField>({
    {"vc_instance_name", K::text}, {"vll_vc_id", K::unsigned32}, {"vc_label_cos", K::unsigned32}});
constexpr auto kMplsFtnFields = std::to_array<SflowField>({{"mplsFTNDescr", K::text}, {"mplsFTNMask", K::unsigned32}});
constexpr auto kMplsLdpFecFields = std::to_array<SflowField>({{"mplsFecAddrPrefixLength", K::unsigned32}});
constexpr auto kVlanTunnelFields = std::to_array<SflowField>({{"vlan_stack", K::list}});
constexpr auto kInnerOffsetFields = std::to_array<SflowField>({{"inner_header_offset", K::unsigned32}});
constexpr auto kVniFields = std::to_array<SflowField>({{"vni", K::unsigned32}});
constexpr auto kSocketIpv4Fields = std::to_array<SflowField>({
    {"socket_protocol", K::unsigned32}, {"local_ip", K::ipv4}, {"remote_ip", K::ipv4}, {"local_port", K::unsigned32},
    {"remote_port", K::unsigned32}});
constexpr auto kSocketIpv6Fields = std::to_array<SflowField>({
    {"socket_protocol", K::unsigned32}, {"local_ip", K::ipv6}, {"remote_ip", K::ipv6}, {"local_port", K::unsigned32},
    {"remote_port", K::unsigned32}});

constexpr auto kFlowStructures = std::to_array<SflowStructure>({
    {kSampledHeader, "sampled_header", kSampledHeaderFields},
    {kSampledEthernet, "sampled_ethernet", kEthernetFields},
    {kSampledIpv4, "sampled_ipv4", kIpv4Fields},
    {kSampledIpv6, "sampled_ipv6", kIpv6Fields},
    {kExtendedSwitch, "extended_switch", kSwitchFields},
    {kExtendedRouter, "extended_router", kRouterFields},
    {kExtendedGateway, "extended_gateway", kGatewayFields},
    {1004, "extended_user", kUserFields},
    {1005, "extended_url", kUrlFields},
    {1006, "extended_mpls", kMplsFields},
    {1007, "extended_nat", kNatFields},
    {1008, "extended_mpls_tunnel", kMplsTunnelFields},
    {1009, "extended_mpls_vc", kMplsVcFields},
    {1010, "extended_mpls_FTN", kMplsFtnFields},
    {1011, "extended_mpls_LDP_FEC", kMplsLdpFecFields},
    {1012, "extended_vlantunnel", kVlanTunnelFields},
    {1027, "extended_decapsulate_egress", kInnerOffsetFields},
    {1028, "extended_decapsulate_ingress", kInnerOffsetFields},
    {1029, "extended_vni_egress", kVniFields},
    {1030, "extended_vni_ingress", kVniFields},
    {2100, "extended_socket_ipv4", kSocketIpv4Fields},
    {2101, "extended_socket_ipv6", kSocketIpv6Fields},
});

constexpr auto kInterfaceCounters = std::to_array<SflowField>({
    {"ifIndex", K::unsigned32}, {"ifType", K::unsigned32}, {"ifSpeed", K::unsigned64}, {"ifDirection", K::unsigned32},
    {"ifStatus", K::unsigned32}, {"ifInOctets", K::unsigned64}, {"ifInUcastPkts", K::unsigned32},
    {"ifInMulticastPkts", K::unsigned32}, {"ifInBroadcastPkts", K::unsigned32}, {"ifInDiscards", K::unsigned32},
    {"ifInErrors", K::unsigned32}, {"ifInUnknownProtos", K::unsigned32}, {"ifOutOctets", K::unsigned64},
    {"ifOutUcastPkts", K::unsigned32}, {"ifOutMulticastPkts", K::unsigned32}, {"ifOutBroadcastPkts", K::unsigned32},
    {"ifOutDiscards", K::unsigned32}, {"ifOutErrors", K::unsigned32}, {"ifPromiscuousMode", K::unsigned32}});
constexpr auto kEthernetCounters = std::to_array<SflowField>({
    {"dot3StatsAlignmentErrors", K::unsigned32}, {"dot3StatsFCSErrors", K::unsigned32},
    {"dot3StatsSingleCollisionFrames", K::unsigned32}, {"dot3StatsMultipleCollisionFrames", K::unsigned32},
    {"dot3StatsSQETestErrors", K::unsigned32}, {"dot3StatsDeferredTransmissions", K::unsigned32},
    {"dot3StatsLateCollisions", K::unsigned32}, {"dot3StatsExcessiveCollisions", K::unsigned32},
    {"dot3StatsInternalMacTransmitErrors", K::unsigned32}, {"dot3StatsCarrierSenseErrors", K::unsigned32},
    {"dot3StatsFrameTooLongs", K::unsigned32}, {"dot3StatsInternalMacReceiveErrors", K::unsigned32},
    {"dot3StatsSymbolErrors", K::unsigned32}});
constexpr auto kTokenRingCounters = std::to_array<SflowField>({
    {"dot5StatsLineErrors", K::unsigned32}, {"dot5StatsBurstErrors", K::unsigned32},
    {"dot5StatsACErrors", K::unsigned32}, {"dot5StatsAbortTransErrors", K::unsigned32},
    {"dot5StatsInternalErrors", K::unsigned32}, {"dot5StatsLostFrameErrors", K::unsigned32},
    {"dot5StatsReceiveCongestions", K::unsigned32}, {"dot5StatsFrameCopiedErrors", K::unsigned32},
    {"dot5StatsTokenErrors", K::unsigned32}, {"dot5StatsSoftErrors", K::unsigned32},
    {"dot5StatsHardErrors", K::unsigned32}, {"dot5StatsSignalLoss", K::unsigned32},
    {"dot5StatsTransmitBeacons", K::unsigned32}, {"dot5StatsRecoverys", K::unsigned32},
    {"dot5StatsLobeWires", K::unsigned32}, {"dot5StatsRemoves", K::unsigned32}, {"dot5StatsSingles", K::unsigned32},
    {"dot5StatsFreqErrors", K::unsigned32}});
constexpr auto kVgCounters = std::to_array<SflowField>({
    {"dot12InHighPriorityFrames", K::unsigned32}, {"dot12InHighPriorityOctets", K::unsigned64},
    {"dot12InNormPriorityFrames", K::unsigned32}, {"dot12InNormPriorityOctets", K::unsigned64},
    {"dot12InIPMErrors", K::unsigned32}, {"dot12InOversizeFrameErrors", K::unsigned32},
    {"dot12InDataErrors", K::unsigned32}, {"dot12InNullAddressedFrames", K::unsigned32},
    {"dot12OutHighPriorityFrames", K::unsigned32}, {"dot12OutHighPriorityOctets", K::unsigned64},
    {"dot12TransitionIntoTrainings", K::unsigned32}, {"dot12HCInHighPriorityOctets", K::unsigned64},
    {"dot12HCInNormPriorityOctets", K::unsigned64}, {"dot12HCOutHighPriorityOctets", K::unsigned64}});
constexpr auto kVlanCounters = std::to_array<SflowField>({
    {"vlan_id", K::unsigned32}, {"octets", K::unsigned64}, {"ucastPkts", K::unsigned32},
    {"multicastPkts", K::unsigned32}, {"broadcastPkts", K::unsigned32}, {"discards", K::unsigned32}});
constexpr auto kProcessorCounters = std::to_array<SflowField>({
    {"5s_cpu", K::unsigned32}, {"1m_cpu", K::unsigned32}, {"5m_cpu", K::unsigned32}, {"total_memory", K::unsigned64},
    {"free_memory", K::unsigned64}});
constexpr auto kPortName = std::to_array<SflowField>({{"port_name", K::text}});
constexpr auto kHostDescription = std::to_array<SflowField>({
    {"hostname", K::text}, {"uuid", K::uuid}, {"machine_type", K::unsigned32}, {"os_name", K::unsigned32},
    {"os_release", K::text}});
constexpr auto kHostParent = std::to_array<SflowField>({
    {"container_type", K::unsigned32}, {"container_index", K::unsigned32}});
constexpr auto kHostCpu = std::to_array<SflowField>({
    {"load_one", K::float32}, {"load_five", K::float32}, {"load_fifteen", K::float32}, {"proc_run", K::unsigned32},
    {"proc_total", K::unsigned32}, {"cpu_num", K::unsigned32}, {"cpu_speed", K::unsigned32},
    {"uptime", K::unsigned32}, {"cpu_user", K::unsigned32}, {"cpu_nice", K::unsigned32}, {"cpu_system", K::unsigned32},
    {"cpu_idle", K::unsigned32}, {"cpu_wio", K::unsigned32}, {"cpu_intr", K::unsigned32},
    {"cpu_sintr", K::unsigned32}, {"interrupts", K::unsigned32}, {"contexts", K::unsigned32}});
constexpr auto kHostMemory = std::to_array<SflowField>({
    {"mem_total", K::unsigned64}, {"mem_free", K::unsigned64}, {"mem_shared", K::unsigned64},
    {"mem_buffers", K::unsigned64}, {"mem_cached", K::unsigned64}, {"swap_total", K::unsigned64},
    {"swap_free", K::unsigned64}, {"page_in", K::unsigned32}, {"page_out", K::unsigned32},
    {"swap_in", K::unsigned32}, {"swap_out", K::unsigned32}});
constexpr auto kHostDisk = std::to_array<SflowField>({
    {"disk_total", K::unsigned64}, {"disk_free", K::unsigned64}, {"part_max_used", K::unsigned32},
    {"reads", K::unsigned32}, {"bytes_read", K::unsigned64}, {"read_time", K::unsigned32}, {"writes", K::unsigned32},
    {"bytes_written", K::unsigned64}, {"write_time", K::unsigned32}});
constexpr auto kHostNetwork = std::to_array<SflowField>({
    {"bytes_in", K::unsigned64}, {"pkts_in", K::unsigned32}, {"errs_in", K::unsigned32}, {"drops_in", K::unsigned32},
    {"bytes_out", K::unsigned64}, {"pkts_out", K::unsigned32}, {"errs_out", K::unsigned32},
    {"drops_out", K::unsigned32}});

constexpr auto kCounterStructures = std::to_array<SflowStructure>({
    {1, "if_counters", kInterfaceCounters},
    {2, "ethernet_counters", kEthernetCounters},
    {3, "tokenring_counters", kTokenRingCounters},
    {4, "vg_counters", kVgCounters},
    {5, "vlan_counters", kVlanCounters},
    {1001, "processor", kProcessorCounters},
    {1005, "port_name", kPortName},
    {2000, "host_descr", kHostDescription},
    {2002, "host_parent", kHostParent},
    {2003, "host_cpu", kHostCpu},
    {2004, "host_memory", kHostMemory},
    {2005, "host_disk_io", kHostDisk},
    {2006, "host_net_io", kHostNetwork},
});
// clang-format on

template <typename Table>
const SflowStructure* find_in(const Table& table, std::uint32_t format) {
  const auto* const found =
      std::find_if(table.begin(), table.end(), [format](const SflowStructure& one) { return one.format == format; });
  return found == table.end() ? nullptr : found;
}

/// The octets of one field that is no AS path.
Octets take_field(XdrReader& reader, XdrKind kind) {
  switch (kind) {
    case K::unsigned32:
    case K::float32:
    case K::ipv4:
      return reader.take(4);
    case K::unsigned64:
      return reader.take(8);
    case K::mac:
      return reader.take(6);
    case K::uuid:
    case K::ipv6:
      return reader.take(16);
    case K::address: {
      Octets octets;
      reader.address(&octets);
      return octets;
    }
    case K::octets:
    case K::text:
      return reader.opaque();
    case K::list:
      return reader.list();
    case K::as_path:
      break;
  }
  return {};
}

ElementType type_of(XdrKind kind, std::size_t octets) {
  switch (kind) {
    case K::unsigned32:
      return ElementType::unsigned32;
    case K::unsigned64:
      return ElementType::unsigned64;
    case K::float32:
      return ElementType::float32;
    case K::mac:
      return ElementType::mac_address;
    case K::ipv4:
      return ElementType::ipv4_address;
    case K::ipv6:
      return ElementType::ipv6_address;
    case K::address:
      return octets == 4 ? ElementType::ipv4_address : ElementType::ipv6_address;
    case K::text:
      return ElementType::string;
    case K::uuid:
    case K::octets:
    case K::list:
    case K::as_path:
      break;
  }
  return ElementType::octet_array;
}

}  // namespace

const SflowStructure* find_flow_structure(std::uint32_t format) {
  return find_in(kFlowStructures, format);
}
const SflowStructure* find_counter_structure(std::uint32_t format) {
  return find_in(kCounterStructures, format);
}

Octets XdrReader::take(std::size_t count) {
  if (failed_ || count > rest_.size()) {
    failed_ = true;
    rest_ = {};
    return {};
  }
  const Octets taken = rest_.first(count);
  const std::size_t filled = (count + 3) / 4 * 4;
  rest_ = rest_.subspan(std::min(filled, rest_.size()));
  return taken;
}

std::uint32_t XdrReader::u32() {
  const Octets octets = take(4);
  return octets.empty() ? 0 : load_be<std::uint32_t>(octets.data());
}

IpAddress XdrReader::address(Octets* octets) {
  const std::uint32_t type = u32();
  if (type > 2) failed_ = true;
  const Octets taken = take(type == 1 ? 4 : type == 2 ? 16 : 0);
  if (octets != nullptr) *octets = taken;
  IpAddress address;
  if (taken.empty()) return address;
  address.ip_version = type == 1 ? 4 : 6;
  std::copy(taken.begin(), taken.end(), address.octets);
  return address;
}

Octets XdrReader::list() {
  const std::uint64_t count = u32();
  return take(count * 4);
}

bool walk_structure(const SflowStructure& structure, Octets octets,
                    const std::function<void(std::size_t, const SflowField&, Octets)>& take) {
  XdrReader reader(octets);
  std::size_t place = 0;
  for (const SflowField& field : structure.fields) {
    ++place;
    if (field.kind == K::as_path) {
      const std::uint32_t segments = reader.u32();
      for (std::uint32_t i = 0; i < segments && !reader.failed(); ++i) {
        reader.u32();  // its type: a set (1) or a sequence (2)
        const Octets numbers = reader.list();
        if (!reader.failed()) take(place, field, numbers);
      }
    } else {
      const Octets value = take_field(reader, field.kind);
      if (!reader.failed()) take(place, field, value);
    }
    if (reader.failed()) return false;
  }
  if (!reader.rest().empty()) take(0, {structure.name, K::octets}, reader.rest());
  return true;
}

SflowName sflow_name(std::uint16_t element, std::uint32_t enterprise, std::size_t octets) {
  if (enterprise == kSflowSource) {
    return {element == 1 ? "source_id_type" : "source_id_index", ElementType::unsigned32};
  }
  const bool counters = (element & kSflowCounters) != 0;
  const std::size_t place = element & ~kSflowCounters;
  const SflowStructure* const structure =
      counters ? find_counter_structure(enterprise) : find_flow_structure(enterprise);
  if (structure != nullptr && place <= structure->fields.size()) {
    if (place == 0) return {std::string(structure->name), ElementType::octet_array};
    const SflowField& field = structure->fields[place - 1];
    return {std::string(field.name), type_of(field.kind, octets)};
  }
  std::string name = counters ? "counters_" : "record_";
  name += std::to_string(enterprise >> 12);
  name += '_';
  name += std::to_string(enterprise & 0xfff);
  return {std::move(name), ElementType::octet_array};
}

}  // namespace weir
