#include "dataplane/packet/payload.h"

#include "dataplane/packet/headers.h"
#include "proto/base/byte_order.h"
#include "proto/base/tcp_flags.h"

namespace weir {
namespace {

/// Octets of a transport header's beginning, and where they are. `at` is nullptr: there is none.
struct Transport {
  const std::uint8_t* at = nullptr;
  std::uint32_t octets = 0;    ///< from there on, by the IP header
  std::uint32_t captured = 0;  ///< of these
};

/// Whether the addresses at `source` and in the key say that the packet's sender sent this header.
bool sent_by_sender(const std::uint8_t* source, const ParsedPacket& packet) {
  const auto* const low = reinterpret_cast<const std::uint8_t*>(packet.key.address);
  const auto from = static_cast<std::size_t>(packet.from);
  // Of a constant length each, which needs no call.
  return packet.key.version() == 4 ? std::memcmp(source, low + 4 * from, 4) == 0
                                   : std::memcmp(source, low + 16 * from, 16) == 0;
}

/// Past the extension headers of RFC 8200 section 4; `protocol` is then the next header. False: they do not end within
/// what was captured, or are more than any sender has.
bool skip_extension_headers(Transport& transport, std::uint8_t& protocol) {
  for (unsigned i = 0; i < 8; ++i) {
    std::uint32_t length = 0;
    switch (protocol) {
      case kProtocolHopByHop:
      case kProtocolRouting:
      case kProtocolDestinationOptions:
        if (transport.captured < 2) return false;
        length = (transport.at[1] + 1U) * 8;
        break;
      case kProtocolAh:  // RFC 4302 section 2.2
        if (transport.captured < 2) return false;
        length = (transport.at[1] + 2U) * 4;
        break;
      case kProtocolFragment:
        length = 8;
        break;
      default:
        return true;
    }
    if (transport.captured < length) return false;
    protocol = transport.at[0];
    transport.at += length;
    transport.octets -= length;
    transport.captured -= length;
  }
  return false;
}

/// The transport header after the IP header at `ip`, which the parser found whole.
Transport find_transport(const std::uint8_t* ip, std::uint32_t captured, const ParsedPacket& packet) {
  const bool ipv4 = packet.key.version() == 4;
  const std::uint32_t least = ipv4 ? sizeof(Ipv4Header) : sizeof(Ipv6Header);
  captured = std::min(captured, packet.ip_octets);
  if (captured < least || ip[0] >> 4 != (ipv4 ? 4 : 6) || !sent_by_sender(ip + (ipv4 ? 12 : 8), packet)) return {};
  const std::uint32_t header = ipv4 ? (ip[0] & 0xfU) * 4U : least;
  if (header < least || captured < header) return {};
  Transport transport{ip + header, packet.ip_octets - header, captured - header};
  std::uint8_t protocol = ip[ipv4 ? 9 : 6];
  if (!ipv4 && !skip_extension_headers(transport, protocol)) return {};
  if (protocol != packet.key.protocol) return {};
  return transport;
}

}  // namespace

PacketPayload find_payload(const PacketView& view, const ParsedPacket& packet, std::uint32_t header_offset) {
  if ((packet.facts & kLaterFragment) != 0 || header_offset >= view.captured_octets) return {};
  const Transport transport = find_transport(view.data + header_offset, view.captured_octets - header_offset, packet);
  const bool tcp = packet.key.protocol == kProtocolTcp;
  const std::uint32_t least = tcp ? sizeof(TcpHeader) : sizeof(UdpHeader);
  if (transport.at == nullptr || transport.captured < least || (!tcp && packet.key.protocol != kProtocolUdp)) return {};
  // An ICMP error that counts for what it quotes goes the other way.
  const std::uint16_t sender = packet.from == Side::low ? packet.key.port_low : packet.key.port_high;
  if (load_be<std::uint16_t>(transport.at) != sender) return {};
  const std::uint32_t header = tcp ? (transport.at[12] >> 4) * 4U : least;
  if (header < least || transport.captured < header) return {};
  const bool begins = tcp && (packet.tcp_flags & kTcpSyn) != 0;  // says where a stream begins, without any octet of it
  if (transport.captured == header && !begins) return {};
  PacketPayload payload{transport.at + header, transport.captured - header, transport.octets - header, 0};
  if (!tcp) {
    // RFC 768. Of a first fragment it is the length of the whole datagram. 0 is a jumbogram's (RFC 2675 section 4).
    const std::uint32_t datagram = load_be<std::uint16_t>(transport.at + 4);
    if (datagram != 0 && datagram <= header) return {};
    if (datagram != 0) payload.whole = datagram - header;
    payload.captured = std::min(payload.captured, payload.whole);
  }
  return payload;
}

}  // namespace weir
