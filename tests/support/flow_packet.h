// Packets as the parser would leave them, for tests of what comes after it: `flow_packet().from("10.0.0.1", 1000)
// .to("10.0.0.2", 80).tcp(kSyn).octets(60).at(5_s)`.
#pragma once

#include <arpa/inet.h>

#include <cstdint>
#include <cstring>
#include <string>

#include "dataplane/packet/flow_key.h"

namespace weir::test {

inline constexpr std::uint8_t kFlagFin = 0x01;
inline constexpr std::uint8_t kFlagSyn = 0x02;
inline constexpr std::uint8_t kFlagRst = 0x04;
inline constexpr std::uint8_t kFlagPsh = 0x08;
inline constexpr std::uint8_t kFlagAck = 0x10;

/// Tests count time from here, 2023-11-14T22:13:20Z.
inline constexpr std::uint64_t kEpochNs = 1'700'000'000'000'000'000;
constexpr std::uint64_t operator""_ms(unsigned long long ms) {
  return ms * 1'000'000;
}
constexpr std::uint64_t operator""_s(unsigned long long s) {
  return s * 1'000'000'000;
}

class FlowPacket {
 public:
  FlowPacket& from(const std::string& address, std::uint16_t port = 0) {
    return set(source_, address, source_port_, port);
  }
  FlowPacket& to(const std::string& address, std::uint16_t port = 0) {
    return set(destination_, address, destination_port_, port);
  }
  FlowPacket& tcp(std::uint8_t flags) {
    protocol_ = 6;
    flags_ = flags;
    return *this;
  }
  FlowPacket& udp() {
    protocol_ = 17;
    return *this;
  }
  FlowPacket& octets(std::uint32_t octets) {
    octets_ = octets;
    return *this;
  }
  FlowPacket& tos(std::uint8_t tos) {
    tos_ = tos;
    return *this;
  }
  FlowPacket& vlan(std::uint16_t vlan) {
    vlan_ = vlan;
    return *this;
  }
  /// Raw and effective time, from kEpochNs.
  FlowPacket& at(std::uint64_t offset_ns) {
    raw_ns_ = effective_ns_ = kEpochNs + offset_ns;
    return *this;
  }
  /// A raw time earlier than the effective one.
  FlowPacket& stamped(std::uint64_t offset_ns) {
    raw_ns_ = kEpochNs + offset_ns;
    return *this;
  }

  [[nodiscard]] ParsedPacket packet() const {
    ParsedPacket packet{};
    const std::size_t size = version_ == 4 ? 4 : 16;
    const int order = std::memcmp(source_, destination_, size);
    const bool source_is_low = order < 0 || (order == 0 && source_port_ <= destination_port_);
    auto* addresses = reinterpret_cast<std::uint8_t*>(packet.key.address);
    std::memcpy(addresses, source_is_low ? source_ : destination_, size);
    std::memcpy(addresses + size, source_is_low ? destination_ : source_, size);
    packet.key.port_low = source_is_low ? source_port_ : destination_port_;
    packet.key.port_high = source_is_low ? destination_port_ : source_port_;
    packet.key.protocol = protocol_;
    packet.key.ip_version = version_;
    packet.from = source_is_low ? Side::low : Side::high;
    packet.time_ns = raw_ns_;
    packet.effective_ns = effective_ns_;
    packet.ip_octets = octets_;
    packet.frame_octets = octets_ + 14;
    packet.tcp_flags = flags_;
    packet.ip_tos = tos_;
    packet.vlan_id = vlan_;
    return packet;
  }

 private:
  FlowPacket& set(std::uint8_t (&bytes)[16], const std::string& address, std::uint16_t& where, std::uint16_t port) {
    version_ = address.find(':') == std::string::npos ? 4 : 6;
    inet_pton(version_ == 4 ? AF_INET : AF_INET6, address.c_str(), bytes);
    where = port;
    return *this;
  }

  std::uint8_t source_[16] = {};
  std::uint8_t destination_[16] = {};
  std::uint16_t source_port_ = 0;
  std::uint16_t destination_port_ = 0;
  std::uint8_t version_ = 4;
  std::uint8_t protocol_ = 17;
  std::uint8_t flags_ = 0;
  std::uint8_t tos_ = 0;
  std::uint16_t vlan_ = 0;
  std::uint32_t octets_ = 60;
  std::uint64_t raw_ns_ = kEpochNs;
  std::uint64_t effective_ns_ = kEpochNs;
};

inline FlowPacket flow_packet() {
  return {};
}

}  // namespace weir::test
