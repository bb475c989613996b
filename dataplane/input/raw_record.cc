#include "dataplane/input/raw_record.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "proto/base/ip_numbers.h"

namespace weir {
namespace {

static_assert(std::endian::native == std::endian::little, "the agent's integers are copied as they lie");

/// The little-endian integer at `at`.
template <typename T>
T load(RawRecordOctets octets, std::size_t at) {
  T value;
  std::memcpy(&value, octets.data() + at, sizeof value);
  return value;
}

/// RFC 4291 section 2.5.5.2: an IPv4 address in an IPv6 one.
bool is_mapped(const std::uint8_t (&address)[16]) {
  return std::all_of(address, address + 10, [](std::uint8_t octet) { return octet == 0; }) && address[10] == 0xff &&
         address[11] == 0xff;
}

}  // namespace

RawRecord read_raw_record(RawRecordOctets octets) {
  RawRecord raw{};
  raw.ether_type = load<std::uint16_t>(octets, 0);
  raw.direction = octets[2];
  std::memcpy(raw.source_mac, octets.data() + 3, sizeof raw.source_mac);
  std::memcpy(raw.destination_mac, octets.data() + 9, sizeof raw.destination_mac);
  std::memcpy(raw.source_address, octets.data() + 15, sizeof raw.source_address);
  std::memcpy(raw.destination_address, octets.data() + 31, sizeof raw.destination_address);
  raw.source_port = load<std::uint16_t>(octets, 47);
  raw.destination_port = load<std::uint16_t>(octets, 49);
  raw.protocol = octets[51];
  raw.interface = load<std::uint32_t>(octets, 52);
  raw.packets = load<std::uint32_t>(octets, 56);
  raw.link_octets = load<std::uint64_t>(octets, 60);
  raw.start_mono_ns = load<std::uint64_t>(octets, 68);
  raw.end_mono_ns = load<std::uint64_t>(octets, 76);
  return raw;
}

Reject judge_raw_record(const RawRecord& raw, bool keep_others) {
  if (raw.packets == 0 || raw.link_octets > kMostRawOctetsPerPacket * raw.packets) return Reject::raw_record_invalid;
  switch (raw.ether_type) {
    case kEtherTypeIpv4:
      return is_mapped(raw.source_address) && is_mapped(raw.destination_address) ? Reject::none
                                                                                 : Reject::raw_record_invalid;
    case kEtherTypeIpv6:
      return Reject::none;
    case kEtherTypeArp:
    case kEtherTypeRarp:
      return keep_others ? Reject::none : Reject::ether_type_arp;
    default:
      return keep_others ? Reject::none : Reject::ether_type_other;
  }
}

RawFlowRecord::RawFlowRecord(const RawRecord& raw) {
  FlowRecord& record = base();
  const bool ipv4 = raw.ether_type == kEtherTypeIpv4;
  const bool ipv6 = raw.ether_type == kEtherTypeIpv6;
  record.ip_version = ipv6 ? 6 : 4;
  record.ether_type = raw.ether_type;
  if (ipv4 || ipv6) {
    std::memcpy(record.source_address, raw.source_address + (ipv4 ? 12 : 0), ipv4 ? 4 : 16);
    std::memcpy(record.destination_address, raw.destination_address + (ipv4 ? 12 : 0), ipv4 ? 4 : 16);
    record.protocol = raw.protocol;
    record.ports[kForward] = raw.source_port;
    record.ports[kReverse] = raw.destination_port;
  }
  record.ingress_interface = raw.interface;
  record.sampling_rate = 1;
  record.end_reason = EndReason::active_timeout;
  record.packets[kForward] = raw.packets;
  record.octets[kForward] = raw.ip_octets();
  record.first_ns[kForward] = raw.start_mono_ns;
  record.last_ns[kForward] = raw.end_mono_ns;
  record.sections = kSections;

  auto& layer2 = section_of<Layer2Section>(record);
  std::memcpy(layer2.source_mac, raw.source_mac, sizeof raw.source_mac);
  std::memcpy(layer2.destination_mac, raw.destination_mac, sizeof raw.destination_mac);
  layer2.outer_octets[kForward] = raw.ip_octets();
  section_of<DirectionSection>(record).direction = raw.direction;
  auto& link = section_of<LinkSection>(record);
  link.octets[kForward] = raw.link_octets;
  link.start_mono_ns = raw.start_mono_ns;
  link.end_mono_ns = raw.end_mono_ns;
}

}  // namespace weir
