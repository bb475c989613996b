// Records and helpers that the tests of the encoders share.
#pragma once

#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <random>
#include <span>
#include <string>

#include "proto/record/sections.h"

namespace weir::test {

inline constexpr std::uint64_t kMs = 1'000'000;
inline constexpr std::uint64_t kSecond = 1'000 * kMs;
inline constexpr std::uint64_t kBase = 1'700'000'000 * kSecond;  // 2023-11-14 22:13:20 UTC

/// 10.0.0.1:4660 to 192.0.2.9:443, TCP, 3 packets, 100.999999 ms to 1.5 s after kBase.
inline FlowRecord ipv4_flow() {
  FlowRecord record{};
  const std::uint8_t source[] = {10, 0, 0, 1};
  const std::uint8_t destination[] = {192, 0, 2, 9};
  std::memcpy(record.source_address, source, 4);
  std::memcpy(record.destination_address, destination, 4);
  record.first_ns[kForward] = kBase + 100 * kMs + 999'999;
  record.last_ns[kForward] = kBase + 1'500 * kMs;
  record.packets[kForward] = 3;
  record.octets[kForward] = 0x010203;
  record.ports[0] = 0x1234;
  record.ports[1] = 443;
  record.vlan_id = 42;
  record.ether_type = 0x0800;
  record.ingress_interface = 7;
  record.sampling_rate = 1;
  record.protocol = 6;
  record.ip_version = 4;
  record.tcp_flags[kForward] = 0x1b;
  record.ip_tos[kForward] = 0x10;
  record.end_reason = EndReason::end_of_flow;
  return record;
}

inline void add_reply(FlowRecord& record) {
  record.first_ns[kReverse] = kBase + 101 * kMs;
  record.last_ns[kReverse] = kBase + 1'600 * kMs;
  record.packets[kReverse] = 2;
  record.octets[kReverse] = 200;
  record.tcp_flags[kReverse] = 0x12;
  record.ip_tos[kReverse] = 0x20;
}

/// VNI 0x0a0b0c of a VXLAN between 198.51.100.1 and 198.51.100.2, with MPLS label 0x12345 and no SPI.
inline void add_tunnel(OwnedRecord& record) {
  const std::uint8_t source[] = {198, 51, 100, 1};
  const std::uint8_t destination[] = {198, 51, 100, 2};
  TunnelSection& tunnel = record.add<TunnelSection>();
  std::memcpy(tunnel.source, source, 4);
  std::memcpy(tunnel.destination, destination, 4);
  tunnel.type = TunnelType::vxlan;
  tunnel.id = 0x0a0b0c;
  tunnel.ip_version = 4;
  tunnel.depth = 1;
  record.add<LabelSection>().label = 0x12345;
}

/// Any octets at all, but for the IP version and the times, which stay within a day before kBase.
inline FlowRecord random_flow(std::mt19937_64& random) {
  FlowRecord record{};
  for (std::uint8_t& octet : record.source_address) octet = static_cast<std::uint8_t>(random());
  for (std::uint8_t& octet : record.destination_address) octet = static_cast<std::uint8_t>(random());
  for (const Direction way : {kForward, kReverse}) {
    record.packets[way] = random() % 3 == 0 ? 0 : 1 + random();
    if (record.packets[way] == 0) continue;
    record.octets[way] = random();
    record.first_ns[way] = kBase - random() % (86'000 * kSecond);
    record.last_ns[way] = kBase - random() % (86'000 * kSecond);
    record.tcp_flags[way] = static_cast<std::uint8_t>(random());
    record.ip_tos[way] = static_cast<std::uint8_t>(random());
  }
  const std::uint8_t protocols[] = {1, 6, 17, 58};
  record.protocol = protocols[random() % 4];
  record.ip_version = random() % 2 == 0 ? 4 : 6;
  for (std::uint16_t& port : record.ports) port = static_cast<std::uint16_t>(random());  // or ICMP type and code
  record.vlan_id = static_cast<std::uint16_t>(random());
  record.ether_type = static_cast<std::uint16_t>(random());
  record.ingress_interface = static_cast<std::uint32_t>(random());
  record.sampling_rate = static_cast<std::uint32_t>(random());
  record.end_reason = static_cast<EndReason>(1 + random() % 5);
  return record;
}

inline std::string hex(std::span<const std::uint8_t> octets) {
  std::string text;
  for (const std::uint8_t octet : octets) {
    text += "0123456789abcdef"[octet >> 4];
    text += "0123456789abcdef"[octet & 15];
  }
  return text;
}

inline std::string joined(std::initializer_list<const char*> parts) {
  std::string text;
  for (const char* part : parts) text += part;
  return text;
}

}  // namespace weir::test
