// The frames of the Generator: templates, and a biflow's fields written into them.
#include <algorithm>
#include <cstring>

#include "bench/gen/biflow_numbers.h"
#include "bench/gen/generator.h"
#include "proto/base/byte_order.h"
#include "proto/base/ip_numbers.h"
#include "proto/base/tcp_flags.h"

namespace weir::bench {

void Generator::write(Flow& flow, unsigned direction, std::uint8_t tcp_flags, std::uint8_t* header, Frame& frame) {
  unsigned size = options_.size;
  if (size == 0) {
    constexpr unsigned kAll = kImixWeights[0] + kImixWeights[1] + kImixWeights[2];
    const std::uint32_t pick = scaled(random(), kAll);
    size = pick < kImixWeights[0]                     ? kImixSizes[0]
           : pick < kImixWeights[0] + kImixWeights[1] ? kImixSizes[1]
                                                      : kImixSizes[2];
    size = std::max(size, minimum_size(flow.ipv6, flow.tcp));
  }
  const Template& from = templates_[(flow.ipv6 ? 4U : 0U) + (flow.tcp ? 2U : 0U) + direction];
  std::memcpy(header, from.octets.data(), kHeaderRoom);

  const std::size_t ip_header = flow.ipv6 ? kIpv6 : kIpv4;
  const std::size_t transport_header = flow.tcp ? kTcp : kUdp;
  // Segments that only open, close or acknowledge carry no data: the frame has its size by padding after the
  // IP packet, as short packets always have on Ethernet.
  const bool data = !flow.tcp || (tcp_flags & kTcpPsh) != 0;
  const std::size_t frame_octets = size - kFcsOctets;
  const std::size_t ip_octets = data ? frame_octets - kEthernet : ip_header + transport_header;
  const auto transport_octets = static_cast<std::uint32_t>(ip_octets - ip_header);

  const std::uint32_t source_low = direction == 0 ? flow.initiator : flow.responder;
  const std::uint32_t destination_low = direction == 0 ? flow.responder : flow.initiator;
  const std::uint16_t source_port = direction == 0 ? flow.initiator_port : flow.responder_port;
  const std::uint16_t destination_port = direction == 0 ? flow.responder_port : flow.initiator_port;
  std::uint8_t* ip = header + kEthernet;
  std::uint8_t* transport = ip + ip_header;
  std::uint32_t sum = from.transport_sum + source_port + destination_port + transport_octets;
  if (flow.ipv6) {
    store_be<std::uint16_t>(ip + 4, static_cast<std::uint16_t>(transport_octets));
    store_be<std::uint32_t>(ip + 8 + 12, source_low);
    store_be<std::uint32_t>(ip + 24 + 12, destination_low);
    sum += words_of(source_low) + words_of(destination_low);
  } else {
    const std::uint32_t source = (direction == 0 ? kInitiatorNet : kResponderNet) | source_low;
    const std::uint32_t destination = (direction == 0 ? kResponderNet : kInitiatorNet) | destination_low;
    const std::uint32_t addresses = words_of(source) + words_of(destination);
    store_be<std::uint16_t>(ip + 2, static_cast<std::uint16_t>(ip_octets));
    store_be<std::uint32_t>(ip + 12, source);
    store_be<std::uint32_t>(ip + 16, destination);
    store_be<std::uint16_t>(ip + 10, checksum(from.ip_sum + addresses + static_cast<std::uint32_t>(ip_octets)));
    sum += addresses;
  }
  store_be<std::uint16_t>(transport, source_port);
  store_be<std::uint16_t>(transport + 2, destination_port);
  if (flow.tcp) {
    std::uint32_t& sequence = flow.sequence[direction];
    // The first segment acknowledges nothing, and its field is 0 then.
    const std::uint32_t acknowledged = (tcp_flags & kTcpAck) != 0 ? flow.sequence[1 - direction] : 0;
    store_be<std::uint32_t>(transport + 4, sequence);
    store_be<std::uint32_t>(transport + 8, acknowledged);
    transport[13] = tcp_flags;
    sum += words_of(sequence) + words_of(acknowledged) + tcp_flags;
    store_be<std::uint16_t>(transport + 16, checksum(sum));
    // SYN and FIN take a number each (RFC 9293, 3.4).
    sequence += (tcp_flags & (kTcpSyn | kTcpFin)) != 0 ? 1 : transport_octets - static_cast<std::uint32_t>(kTcp);
  } else {
    store_be<std::uint16_t>(transport + 4, static_cast<std::uint16_t>(transport_octets));
    const std::uint16_t value = checksum(sum + transport_octets);
    // 0 would mean "none" (RFC 768).
    store_be<std::uint16_t>(transport + 6, value == 0 ? std::uint16_t{0xffff} : value);
  }
  frame.octets = static_cast<std::uint16_t>(frame_octets);
  frame.ip_octets = static_cast<std::uint16_t>(ip_octets);
  frame.direction = static_cast<std::uint8_t>(direction);
}

void Generator::build_templates() {
  for (unsigned index = 0; index < templates_.size(); ++index) {
    const bool ipv6 = (index & 4) != 0;
    const bool tcp = (index & 2) != 0;
    const bool reverse = (index & 1) != 0;
    Template& result = templates_[index];
    std::uint8_t* header = result.octets.data();
    // Locally administered addresses; the last octet tells the side.
    header[0] = header[6] = 0x02;
    header[5] = reverse ? 1 : 2;
    header[11] = reverse ? 2 : 1;
    store_be<std::uint16_t>(header + 12, ip_ether_type(ipv6 ? 6 : 4));
    std::uint8_t* ip = header + kEthernet;
    const std::uint8_t protocol = tcp ? kProtocolTcp : kProtocolUdp;
    std::uint32_t transport_sum = protocol;
    if (ipv6) {
      ip[0] = 0x60;
      ip[6] = protocol;
      ip[7] = 64;
      const auto source = address_of(true, !reverse, 0);
      const auto destination = address_of(true, reverse, 0);
      std::copy(source.begin(), source.end(), ip + 8);
      std::copy(destination.begin(), destination.end(), ip + 24);
      transport_sum += words_of(ip + 8, 32);
    } else {
      ip[0] = 0x45;
      ip[6] = 0x40;  // don't fragment
      ip[8] = 64;
      ip[9] = protocol;
      result.ip_sum = words_of(ip, 10);
    }
    std::uint8_t* transport = ip + (ipv6 ? kIpv6 : kIpv4);
    if (tcp) {
      transport[12] = 0x50;  // 5 words
      store_be<std::uint16_t>(transport + 14, 0xffff);
      transport_sum += words_of(transport, kTcp);
    }
    result.transport_sum = transport_sum;
  }
}

}  // namespace weir::bench
