#include "tests/support/known_traffic.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <stdexcept>

#include "tests/support/capture_file.h"
#include "tests/support/packet_builder.h"

namespace weir::test {
namespace {

constexpr std::uint64_t kStart_ns = 1'700'000'000'000'000'000;
constexpr std::uint64_t kMs_ns = 1'000'000;

struct Packet {
  std::uint64_t after_us;  ///< the start
  unsigned tcp_flags;
  std::size_t payload;
};

/// One direction. `outer_vlan` is the tag that a record has: the first on the wire.
struct Flow {
  const char* source;
  unsigned source_port;
  const char* destination;
  unsigned destination_port;
  unsigned protocol;
  unsigned outer_vlan;
  unsigned inner_vlan;
  unsigned tos;
  unsigned icmp_type;
  unsigned icmp_code;
  std::vector<Packet> packets;
};

std::vector<Packet> many(std::uint64_t first_us, std::uint64_t every_us, std::size_t count, std::size_t payload) {
  std::vector<Packet> packets;
  for (std::size_t i = 0; i < count; ++i) packets.push_back({first_us + i * every_us, 0, payload});
  return packets;
}

// Conversations stand together, the initiator first. Times of a direction begin and end between two milliseconds.
const std::vector<Flow>& flows() {
  static const std::vector<Flow> list{
      {"10.1.0.1",
       40'001,
       "10.2.0.1",
       443,
       IPPROTO_TCP,
       100,
       0,
       0x28,
       0,
       0,
       {{10'999, kSyn, 0}, {12'000, kAck, 0}, {12'500, kAck | kPsh, 517}, {999'999, kFin | kAck, 0}}},
      {"10.2.0.1",
       443,
       "10.1.0.1",
       40'001,
       IPPROTO_TCP,
       100,
       0,
       0x48,
       0,
       0,
       {{11'001, kSyn | kAck, 0}, {13'000, kAck, 1448}, {13'001, kAck, 1448}, {1'000'001, kAck, 0}}},
      {"2001:db8::1",
       40'002,
       "2001:db8::2",
       80,
       IPPROTO_TCP,
       4094,
       0,
       0xb8,
       0,
       0,
       {{20'500, kSyn | kEce | kCwr, 0}, {31'700, kAck | kUrg | kPsh, 100}}},
      {"2001:db8::2", 80, "2001:db8::1", 40'002, IPPROTO_TCP, 4094, 0, 0, 0, 0, {{25'001, kSyn | kAck | kEce, 0}}},
      {"10.1.0.2", 40'003, "10.2.0.2", 22, IPPROTO_TCP, 0, 0, 0, 0, 0, {{40'000, kSyn, 0}}},
      {"10.2.0.2", 22, "10.1.0.2", 40'003, IPPROTO_TCP, 0, 0, 0, 0, 0, {{40'123, kRst | kAck, 0}}},
      {"10.1.0.3", 5353, "224.0.0.251", 5353, IPPROTO_UDP, 0, 0, 0, 0, 0, {{1'234, 0, 45}}},    // one packet: no length
      {"10.1.0.4", 40'004, "10.2.0.4", 53, IPPROTO_UDP, 200, 300, 0, 0, 0, {{50'000, 0, 30}}},  // QinQ
      {"10.2.0.4", 53, "10.1.0.4", 40'004, IPPROTO_UDP, 200, 300, 0, 0, 0, {{62'750, 0, 512}}},
      {"10.1.0.5", 40'005, "10.2.0.5", 4433, IPPROTO_UDP, 0, 0, 0, 0, 0, many(100'250, 41'003, 500, 1350)},  // 20.5 s
      {"10.1.0.6", 0, "10.2.0.6", 0, IPPROTO_ICMP, 1, 0, 0, 8, 0, {{70'010, 0, 56}, {1'070'020, 0, 56}}},
      {"10.2.0.6", 0, "10.1.0.6", 0, IPPROTO_ICMP, 1, 0, 0, 0, 0, {{70'900, 0, 56}, {1'071'999, 0, 56}}},
      {"10.3.0.1", 0, "10.1.0.7", 0, IPPROTO_ICMP, 0, 0, 0xc0, 3, 1, {{80'000, 0, 28}}},
      {"fe80::1", 0, "ff02::1", 0, IPPROTO_ICMPV6, 7, 0, 0xe0, 134, 0, {{90'000, 0, 48}}},
      {"10.1.0.8", 36'412, "10.2.0.8", 36'412, IPPROTO_SCTP, 0, 0, 0, 0, 0, {{95'000, 0, 20}}},
      {"2001:db8::3", 500, "2001:db8::4", 500, IPPROTO_UDP, 0, 0, 0, 0, 0, {{96'000, 0, 200}}},
  };
  return list;
}

std::size_t transport_octets(unsigned protocol) {
  switch (protocol) {
    case IPPROTO_TCP:
      return 20;  // RFC 9293 section 3.1, no options
    case IPPROTO_UDP:
      return 8;  // RFC 768
    case IPPROTO_SCTP:
      return 12;  // RFC 9260 section 3.1
    case IPPROTO_ICMP:
    case IPPROTO_ICMPV6:
      return 8;  // RFC 792, RFC 4443: type, code, checksum and four octets more
    default:
      throw std::logic_error("no such transport here");
  }
}

bool is_ipv6(const Flow& flow) {
  return std::string_view(flow.source).find(':') != std::string_view::npos;
}

Bytes frame_of(const Flow& flow, const Packet& one, bool padded) {
  PacketBuilder frame = packet().eth();
  if (flow.inner_vlan != 0) {
    frame.qinq(flow.outer_vlan).vlan(flow.inner_vlan);
  } else if (flow.outer_vlan != 0) {
    frame.vlan(flow.outer_vlan, 5);  // a priority that is no part of the id
  }
  is_ipv6(flow) ? frame.ipv6(flow.source, flow.destination) : frame.ipv4(flow.source, flow.destination);
  frame.tos(flow.tos);
  switch (flow.protocol) {
    case IPPROTO_TCP:
      frame.tcp(flow.source_port, flow.destination_port).flags(one.tcp_flags);
      break;
    case IPPROTO_UDP:
      frame.udp(flow.source_port, flow.destination_port);
      break;
    case IPPROTO_SCTP:
      frame.sctp(flow.source_port, flow.destination_port);
      break;
    case IPPROTO_ICMP:
      frame.icmp(flow.icmp_type, flow.icmp_code);
      break;
    default:
      frame.icmpv6(flow.icmp_type, flow.icmp_code);
  }
  return frame.payload(one.payload).pad_to(padded ? 60 : 0).bytes();
}

std::string address_text(const Tuple& tuple, const std::array<std::uint8_t, 16>& address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  inet_ntop(tuple.ip_version == 4 ? AF_INET : AF_INET6, address.data(), text.data(), text.size());
  return text.data();
}

}  // namespace

std::string text_of(const SeenFlows& flows, const Compared& compared) {
  std::string text;
  for (const auto& [tuple, flow] : flows) {
    if (tuple.ip_version == 6 && !compared.ipv6) continue;
    const bool ports = compared.other_ports || tuple.protocol == IPPROTO_TCP || tuple.protocol == IPPROTO_UDP;
    text += address_text(tuple, tuple.source) + " > " + address_text(tuple, tuple.destination);
    const auto add = [&text](const char* name, std::uint64_t value, bool shown = true) {
      if (shown) text.append(" ").append(name).append(" ").append(std::to_string(value));
    };
    add("proto", tuple.protocol);
    add("ports", tuple.source_port, ports);
    add("to", tuple.destination_port, ports);
    add("packets", flow.packets);
    add("octets", flow.octets);
    add("first", flow.first_ms, compared.times);
    add("last", flow.last_ms, compared.times);
    add("tos", flow.tos, compared.tos);
    add("flags", flow.tcp_flags, compared.tcp_flags);
    add("vlan", flow.vlan, compared.vlan);
    const unsigned rate = compared.rate_1_as_0 && flow.sampling_rate == 1 ? 0 : flow.sampling_rate;
    add("rate", rate, compared.sampling_rate);
    add("icmp", flow.icmp, compared.icmp);
    text += '\n';
  }
  return text;
}

SeenFlows write_known_traffic(const std::string& path, const KnownTrafficForm& form) {
  SeenFlows known;
  std::vector<CapturedFrame> frames;
  for (const Flow& flow : flows()) {
    SeenFlow& seen =
        known[tuple_of(flow.source, flow.destination, flow.source_port, flow.destination_port, flow.protocol)];
    seen.tos = flow.tos;
    seen.sampling_rate = 1;
    seen.vlan = flow.outer_vlan;
    seen.icmp = flow.icmp_type * 256 + flow.icmp_code;
    for (const Packet& one : flow.packets) {
      const std::uint64_t time_ns = kStart_ns + one.after_us * 1000;
      frames.push_back({time_ns, frame_of(flow, one, form.padded)});
      ++seen.packets;
      seen.octets += (is_ipv6(flow) ? 40 : 20) + transport_octets(flow.protocol) + one.payload;
      seen.tcp_flags |= one.tcp_flags;
      seen.first_ms = std::min(seen.first_ms, time_ns / kMs_ns);
      seen.last_ms = std::max(seen.last_ms, time_ns / kMs_ns);
    }
  }
  std::stable_sort(frames.begin(), frames.end(),
                   [](const CapturedFrame& a, const CapturedFrame& b) { return a.time_ns < b.time_ns; });
  write_capture(path, frames);
  return known;
}

}  // namespace weir::test
