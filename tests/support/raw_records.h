// Raw records of an eBPF agent as octets, built field by field from the layout that dataplane/input/raw_record.h
// states.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <string>

namespace weir::test {

/// 84 octets; what is not said is as in a record of TCP over IPv4 from 10.0.0.1:40000 to 10.0.0.2:443 that came in at
/// interface 2.
struct RawOctets {
  std::uint16_t ether_type = 0x0800;
  std::uint8_t direction = 0;
  std::array<std::uint8_t, 6> source_mac{2, 0, 0, 0, 0, 0x0a};
  std::array<std::uint8_t, 6> destination_mac{2, 0, 0, 0, 0, 0x0b};
  std::array<std::uint8_t, 16> source{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 0, 0, 1};
  std::array<std::uint8_t, 16> destination{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 0, 0, 2};
  std::uint16_t source_port = 40000;
  std::uint16_t destination_port = 443;
  std::uint8_t protocol = 6;
  std::uint32_t interface = 2;
  std::uint32_t packets = 1;
  std::uint64_t octets = 100;
  std::uint64_t start_ns = 0;
  std::uint64_t end_ns = 0;

  [[nodiscard]] std::array<std::uint8_t, 84> bytes() const {
    std::array<std::uint8_t, 84> out{};
    std::size_t at = 0;
    const auto number = [&](std::uint64_t value, unsigned size) {
      for (unsigned i = 0; i < size; ++i) out[at++] = static_cast<std::uint8_t>(value >> (8 * i));
    };
    const auto copy = [&](const auto& from) {
      for (const std::uint8_t octet : from) out[at++] = octet;
    };
    number(ether_type, 2);
    number(direction, 1);
    copy(source_mac);
    copy(destination_mac);
    copy(source);
    copy(destination);
    number(source_port, 2);
    number(destination_port, 2);
    number(protocol, 1);
    number(interface, 4);
    number(packets, 4);
    number(octets, 8);
    number(start_ns, 8);
    number(end_ns, 8);
    return out;
  }
  [[nodiscard]] std::string text() const {
    const auto all = bytes();
    return {all.begin(), all.end()};
  }
};

/// The records one after another, as a file has them.
inline std::string raw_file(std::initializer_list<RawOctets> records) {
  std::string octets;
  for (const RawOctets& record : records) octets += record.text();
  return octets;
}

}  // namespace weir::test
