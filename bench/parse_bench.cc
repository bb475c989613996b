// parse/KIND: one frame of a kind, parsed over and over from a cache that holds it: what the parser itself costs.
//
// plain is the mix of pipeline/*: IPv4, TCP and UDP 80/20, from frames that differ in addresses, ports and direction,
// so that the branch predictor knows as little as on a link. Each other kind is one frame. `worst` is the slowest of
// the adversarial frames below, each with as many headers as the walk follows (layer_walk.h). `steps` are those of the
// general walk, at most 192.
#include <benchmark/benchmark.h>

#include <cstdint>
#include <random>
#include <vector>

#include "dataplane/packet/parser.h"
#include "proto/base/byte_order.h"
#include "tests/support/packet_builder.h"

namespace weir::bench {
namespace {

using test::Bytes;
using test::packet;
using test::PacketBuilder;

constexpr const char* kA4 = "10.0.0.1";
constexpr const char* kB4 = "10.0.0.2";
constexpr const char* kA6 = "2001:db8::1";
constexpr const char* kB6 = "2001:db8::2";

PacketView view_of(const Bytes& frame) {
  return {frame.data(),
          static_cast<std::uint32_t>(frame.size()),
          static_cast<std::uint32_t>(frame.size()),
          1,
          1,
          LinkType::ethernet,
          0};
}

void parse_frames(benchmark::State& state, const std::vector<Bytes>& frames) {
  std::vector<PacketView> views;
  views.reserve(frames.size());
  for (const Bytes& frame : frames) views.push_back(view_of(frame));
  Parser parser;
  std::size_t at = 0;
  ParsedPacket packets[32];
  for ([[maybe_unused]] const auto _ : state) {
    for (ParsedPacket& packet : packets) {
      benchmark::DoNotOptimize(parser.parse(views[at], packet));
      at = at + 1 == views.size() ? 0 : at + 1;
    }
    benchmark::ClobberMemory();
  }
  state.SetItemsProcessed(state.iterations() * 32);
}

std::vector<Bytes> plain(bool ipv6, bool tagged) {
  std::vector<Bytes> frames;
  std::mt19937_64 random(1);
  for (unsigned i = 0; i < 1024; ++i) {  // 64 KiB: L2
    PacketBuilder builder = packet().eth();
    if (tagged) builder.vlan(42);
    if (ipv6) {
      builder.ipv6(kA6, kB6);
    } else {
      builder.ipv4(kA4, kB4);
    }
    const auto port = static_cast<unsigned>(1024 + random() % 60000);
    if (random() % 5 != 0) {
      builder.tcp(port, 443);
    } else {
      builder.udp(port, 443);
    }
    Bytes frame = builder.pad_to(60).bytes();
    // Who sends is random: the two addresses at random, too.
    const std::size_t ip = tagged ? 18 : 14;
    const auto low = static_cast<std::uint32_t>(random());
    store_be<std::uint32_t>(frame.data() + ip + (ipv6 ? 20 : 12), low);
    frames.push_back(std::move(frame));
  }
  return frames;
}

Bytes be32_bytes(std::uint32_t value) {
  Bytes octets(4);
  store_be<std::uint32_t>(octets.data(), value);
  return octets;
}

/// UDP to `port` with `header` and then `inside`.
Bytes in_udp(unsigned port, Bytes header, const Bytes& inside) {
  header.insert(header.end(), inside.begin(), inside.end());
  return packet().eth().ipv4(kA4, kB4).udp(50000, port).payload(header).bytes();
}

Bytes vxlan() {
  return in_udp(4789, {8, 0, 0, 0, 0, 0, 5, 0}, packet().eth().ipv4(kA4, kB4).tcp(1, 2).bytes());
}
Bytes gtp_u() {
  Bytes header = {0x30, 255, 0, 40, 0, 0, 0, 1};
  return in_udp(2152, header, packet().ipv4(kA4, kB4).tcp(1, 2).bytes());
}
Bytes gre() {
  Bytes inside = {0, 0, 0x08, 0};
  const Bytes ip = packet().ipv4(kA4, kB4).tcp(1, 2).bytes();
  inside.insert(inside.end(), ip.begin(), ip.end());
  return packet().eth().ipv4(kA4, kB4).protocol(47).payload(inside).bytes();
}
Bytes qinq() {
  return packet().eth().qinq(1).vlan(2).ipv4(kA4, kB4).tcp(1, 2).bytes();
}
Bytes mpls() {
  Bytes frame = packet().eth().ether_type(0x8847).bytes();
  for (const std::uint32_t entry : {0x00010040U, 0x00011140U}) {
    const Bytes label = be32_bytes(entry);
    frame.insert(frame.end(), label.begin(), label.end());
  }
  const Bytes ip = packet().ipv4(kA4, kB4).tcp(1, 2).bytes();
  frame.insert(frame.end(), ip.begin(), ip.end());
  return frame;
}
Bytes fragment() {
  return packet().eth().ipv4(kA4, kB4).fragment(1480, false, 7).payload(100).bytes();
}
Bytes ipv6_extended() {
  return packet().eth().ipv6(kA6, kB6).hop_by_hop().destination_options().tcp(1, 2).bytes();
}
Bytes icmp() {
  return packet().eth().ipv4(kA4, kB4).icmp(8, 0).payload(56).bytes();
}
Bytes arp() {
  return packet().eth().ether_type(0x0806).payload(46).bytes();
}

// Adversaries: as many steps as a frame can take.
Bytes endless_labels() {
  Bytes frame = packet().eth().ether_type(0x8847).bytes();
  for (unsigned i = 0; i < 400; ++i) frame.insert(frame.end(), {0, 1, 0, 64});
  return frame;
}
Bytes endless_extension_headers() {
  PacketBuilder builder = packet().eth().ipv6(kA6, kB6);
  for (unsigned i = 0; i < 1000; ++i) builder.destination_options(8);
  return builder.bytes();
}
Bytes endless_source_route() {
  Bytes gre = {0x40, 0, 0x08, 0, 0, 0, 0, 0};
  for (unsigned i = 0; i < 400; ++i) gre.insert(gre.end(), {0, 1, 0, 0});
  return packet().eth().ipv4(kA4, kB4).protocol(47).payload(gre).bytes();
}
/// Sixteen tunnels, each with eight tags, labels, a fragment header and options between them.
Bytes deepest() {
  Bytes inside = packet().ipv6(kA6, kB6).tcp(1, 2).bytes();
  for (unsigned i = 0; i < 16; ++i) {
    Bytes frame = packet().eth().qinq(1).vlan(2).vlan(3).vlan(4).ether_type(0x8847).bytes();
    frame.insert(frame.end(), {0, 1, 0, 64, 0, 1, 1, 64});
    frame.insert(frame.end(), inside.begin(), inside.end());
    Bytes vxlan = {8, 0, 0, 0, 0, 0, 5, 0};
    vxlan.insert(vxlan.end(), frame.begin(), frame.end());
    inside = packet().ipv6(kA6, kB6).hop_by_hop().fragment(0, true, i).udp(1, 4789).payload(vxlan).bytes();
  }
  Bytes out = packet().eth().ether_type(0x86dd).bytes();
  out.insert(out.end(), inside.begin(), inside.end());
  return out;
}

void parse_kind(benchmark::State& state, Bytes (*make)()) {
  const Bytes frame = make();
  parse_frames(state, {frame});
  Parser parser;
  ParsedPacket packet;
  PacketTrace trace;
  benchmark::DoNotOptimize(parser.walk(view_of(frame), packet, &trace));
  state.counters["steps"] = trace.steps;
}

BENCHMARK_CAPTURE(parse_frames, plain, plain(false, false))->Name("parse/plain");
BENCHMARK_CAPTURE(parse_frames, plain_vlan, plain(false, true))->Name("parse/plain_vlan");
BENCHMARK_CAPTURE(parse_frames, plain_ipv6, plain(true, false))->Name("parse/plain_ipv6");
BENCHMARK_CAPTURE(parse_kind, icmp, icmp)->Name("parse/icmp");
BENCHMARK_CAPTURE(parse_kind, arp, arp)->Name("parse/arp");
BENCHMARK_CAPTURE(parse_kind, qinq, qinq)->Name("parse/qinq");
BENCHMARK_CAPTURE(parse_kind, mpls, mpls)->Name("parse/mpls");
BENCHMARK_CAPTURE(parse_kind, fragment, fragment)->Name("parse/fragment");
BENCHMARK_CAPTURE(parse_kind, ipv6_extended, ipv6_extended)->Name("parse/ipv6_extended");
BENCHMARK_CAPTURE(parse_kind, gre, gre)->Name("parse/gre");
BENCHMARK_CAPTURE(parse_kind, vxlan, vxlan)->Name("parse/vxlan");
BENCHMARK_CAPTURE(parse_kind, gtp_u, gtp_u)->Name("parse/gtp_u");
BENCHMARK_CAPTURE(parse_kind, endless_labels, endless_labels)->Name("parse/worst_labels");
BENCHMARK_CAPTURE(parse_kind, endless_extension_headers, endless_extension_headers)->Name("parse/worst_extensions");
BENCHMARK_CAPTURE(parse_kind, endless_source_route, endless_source_route)->Name("parse/worst_source_route");
BENCHMARK_CAPTURE(parse_kind, deepest, deepest)->Name("parse/worst");

}  // namespace
}  // namespace weir::bench
