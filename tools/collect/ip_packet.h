// IpPacket: what a captured frame carries, as far as finding flow export needs it: addresses, protocol and payload of
// the outermost IP header.
//
// It looks through Ethernet with VLAN tags, Linux cooked captures (v1, v2), raw IP and BSD loopback, and through the
// extension headers of IPv6.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace weir {

struct IpPacket {
  std::uint8_t ip_version = 0;
  std::uint8_t protocol = 0;                ///< of `payload`; of a fragment, that of the whole
  std::span<const std::uint8_t> addresses;  ///< source and destination, 4 or 16 octets each
  std::span<const std::uint8_t> payload;    ///< what was captured of it, without padding of the link layer
  std::size_t payload_octets = 0;           ///< on the wire: more than there are where the snapshot length cut it
  bool is_fragment = false;
  bool more_fragments = false;
  std::uint32_t fragment_id = 0;
  std::size_t fragment_offset = 0;  ///< octets
};

/// False: the frame is no IP packet, or is cut in its headers. `link_type`: a DLT_ number of libpcap.
bool find_ip_packet(int link_type, std::span<const std::uint8_t> frame, IpPacket& out);

/// Takes the extension headers of IPv6 off the beginning of `payload`, up to a fragment header. False: they are cut.
bool skip_extension_headers(std::uint8_t& protocol, std::span<const std::uint8_t>& payload);

/// "192.0.2.1:2055", "[2001:db8::1]:2055".
std::string endpoint_name(const std::uint8_t* address, std::uint8_t ip_version, std::uint16_t port);

}  // namespace weir
