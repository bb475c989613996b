// Addresses, ports and checksums of synthetic biflows, and the arithmetic that draws them.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "bench/gen/generator.h"
#include "proto/base/byte_order.h"

namespace weir::bench {

inline constexpr std::size_t kEthernet = 14;
inline constexpr std::size_t kIpv4 = 20;
inline constexpr std::size_t kIpv6 = 40;
inline constexpr std::size_t kTcp = 20;
inline constexpr std::size_t kUdp = 8;

// Initiators live in 10.0.0.0/8 and 2001:db8:0:1::/64, responders in 172.16.0.0/16 and 2001:db8:0:2::/64 (RFC 1918,
// RFC 3849): the reverse of a 5-tuple can never be another biflow's forward one.
inline constexpr std::uint32_t kInitiatorNet = 0x0a000000;
inline constexpr std::uint32_t kResponderNet = 0xac100000;
inline constexpr std::array<std::uint8_t, 8> kInitiatorPrefix{0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 1};
inline constexpr std::array<std::uint8_t, 8> kResponderPrefix{0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 2};
// Both ranges keep clear of ports that mean a tunnel to a probe (4789, 2152, 6081, 1701, 6635), and of those for which
// protocol analysers have a dissector, which would call the zeros malformed.
inline constexpr std::uint32_t kFirstInitiatorPort = 50000;
inline constexpr std::uint32_t kInitiatorPorts = 4000;
inline constexpr std::uint32_t kFirstResponderPort = 61000;
inline constexpr std::uint32_t kResponderPorts = 1000;

inline constexpr std::uint32_t kAddressBits = 24;
inline constexpr std::uint32_t kAddressMask = (1U << kAddressBits) - 1;

// SplitMix64 (Steele, Lea, Flood 2014): here to mix numbers.
constexpr std::uint64_t mix(std::uint64_t value) {
  value += 0x9e3779b97f4a7c15ULL;
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9ULL;
  value = (value ^ (value >> 27)) * 0x94d049bb133111ebULL;
  return value ^ (value >> 31);
}

// A permutation of the 24-bit numbers, another for each seed: odd multipliers and a shift that folds the upper half
// into the lower are each invertible.
constexpr std::uint32_t permute(std::uint64_t number, std::uint64_t seed) {
  auto value = static_cast<std::uint32_t>(number + mix(seed)) & kAddressMask;
  value = (value * 0x9e3779b1U) & kAddressMask;
  value ^= value >> (kAddressBits / 2);
  value = (value * 0x85ebca6bU) & kAddressMask;
  return value ^ (value >> (kAddressBits / 2));
}

// Multiplies a random number into [0, range) (Lemire's method without its correction: the bias is range / 2^64).
inline std::uint32_t scaled(std::uint64_t random, std::uint64_t range) {
  __extension__ using Wide = unsigned __int128;
  return static_cast<std::uint32_t>((Wide{random} * range) >> 64);
}

inline std::uint32_t words_of(const std::uint8_t* octets, std::size_t size) {
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i + 1 < size; i += 2) sum += load_be<std::uint16_t>(octets + i);
  return sum;
}

inline std::uint32_t words_of(std::uint32_t value) {
  return (value >> 16) + (value & 0xffff);
}

// RFC 1071: the one's complement of the one's complement sum.
inline std::uint16_t checksum(std::uint32_t sum) {
  sum = (sum & 0xffff) + (sum >> 16);
  sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<std::uint16_t>(~sum);
}

inline std::array<std::uint8_t, 16> address_of(bool ipv6, bool initiator, std::uint32_t low) {
  std::array<std::uint8_t, 16> address{};
  if (ipv6) {
    const auto& prefix = initiator ? kInitiatorPrefix : kResponderPrefix;
    std::copy(prefix.begin(), prefix.end(), address.begin());
    store_be<std::uint32_t>(address.data() + 12, low);
  } else {
    store_be<std::uint32_t>(address.data(), (initiator ? kInitiatorNet : kResponderNet) | low);
  }
  return address;
}

inline unsigned minimum_size(bool ipv6, bool tcp) {
  if (!ipv6) return kMinFrame;
  return tcp ? kMinIpv6Tcp : kMinIpv6Udp;
}

}  // namespace weir::bench
