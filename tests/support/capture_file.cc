#include "tests/support/capture_file.h"

#include <algorithm>
#include <fstream>
#include <stdexcept>

namespace weir::test {

void write_capture(const std::string& path, const std::vector<CapturedFrame>& frames, std::uint32_t link_type) {
  // Big-endian, which readers must take on any machine.
  Bytes file = hex("a1b23c4d 0002 0004 00000000 00000000 0003ffff");
  put(file, link_type, 4);
  for (const CapturedFrame& frame : frames) {
    put(file, frame.time_ns / 1'000'000'000, 4);
    put(file, frame.time_ns % 1'000'000'000, 4);
    put(file, frame.octets.size(), 4);
    put(file, frame.octets.size(), 4);
    file.insert(file.end(), frame.octets.begin(), frame.octets.end());
  }
  std::ofstream out(path, std::ios::binary);
  out.write(reinterpret_cast<const char*>(file.data()), static_cast<std::streamsize>(file.size()));
  if (!out.flush()) throw std::runtime_error(path + ": cannot be written");
}

void write_datagram_capture(const std::string& path, const std::vector<Bytes>& datagrams, std::uint16_t port) {
  constexpr std::size_t kIpOctets = 20, kUdpOctets = 8;
  std::vector<CapturedFrame> frames;
  std::uint64_t time_ns = 1'700'000'000'000'000'000;
  for (const Bytes& datagram : datagrams) {
    // Version and header length, total length, ... protocol, ... addresses; ports, length, no checksum.
    Bytes packet = hex("4500 0000 0000 0000 4011 0000 c0000201 c0000202  9c40 0000 0000 0000");
    const auto set = [&packet](std::size_t at, std::size_t value) {
      packet[at] = static_cast<std::uint8_t>(value >> 8);
      packet[at + 1] = static_cast<std::uint8_t>(value);
    };
    set(2, kIpOctets + kUdpOctets + datagram.size());
    set(22, port);
    set(24, kUdpOctets + datagram.size());
    packet.resize(kIpOctets + kUdpOctets + datagram.size());
    std::copy(datagram.begin(), datagram.end(), packet.begin() + kIpOctets + kUdpOctets);
    frames.push_back({time_ns, std::move(packet)});
    time_ns += 1'000'000'000;
  }
  write_capture(path, frames, kLinkRaw);
}

}  // namespace weir::test
