#include "tools/collect/capture_datagrams.h"

#include <fmt/format.h>

#include <cstdio>

#include "proto/base/address_text.h"
#include "proto/base/byte_order.h"
#include "proto/base/ip_numbers.h"
#include "proto/decode/flow_message.h"
#include "proto/decode/netflow5_decoder.h"

namespace weir {
namespace {

using Octets = std::span<const std::uint8_t>;

constexpr std::size_t kMostDestinations = 1024;

std::uint16_t u16(Octets octets, std::size_t at) {
  return load_be<std::uint16_t>(octets.data() + at);
}

/// What is behind Ethernet's addresses, from the EtherType on; empty if it is no IP.
Octets behind_ether_type(Octets rest) {
  while (rest.size() >= 6 && is_vlan_tag(u16(rest, 0))) rest = rest.subspan(4);
  if (rest.size() < 2 || (u16(rest, 0) != kEtherTypeIpv4 && u16(rest, 0) != kEtherTypeIpv6)) return {};
  return rest.subspan(2);
}

Octets ip_of_frame(int link_type, Octets frame) {
  switch (link_type) {
    case DLT_EN10MB:
      return frame.size() < 14 ? Octets() : behind_ether_type(frame.subspan(12));
    case DLT_LINUX_SLL:  // protocol in octets 14 and 15
      return frame.size() < 16 ? Octets() : behind_ether_type(frame.subspan(14));
    case DLT_LINUX_SLL2: {  // protocol in the first two, 20 octets of header
      if (frame.size() < 20) return {};
      const std::uint16_t type = u16(frame, 0);
      return type == kEtherTypeIpv4 || type == kEtherTypeIpv6 ? frame.subspan(20) : Octets();
    }
    case DLT_NULL:
    case DLT_LOOP:  // an address family whose number and byte order depend on the system: the IP version tells
      return frame.size() < 4 ? Octets() : frame.subspan(4);
    case DLT_RAW:
    case DLT_IPV4:
    case DLT_IPV6:
      return frame;
    default:
      return {};
  }
}

/// The octets of a NetFlow v9 message at the beginning. It does not say its length; but behind its last set comes the
/// next message's version, and no set has the number 9 (RFC 3954 section 5.2: 2 to 255 are reserved).
std::size_t netflow9_octets(Octets octets) {
  std::size_t at = 20;
  while (octets.size() >= at + 4 && u16(octets, at) != 9) {
    const std::size_t length = u16(octets, at + 2);
    if (length < 4) return octets.size();
    at += length;
  }
  return at;
}

/// The octets of the first message of a payload in which another one of the same version follows; else all of it.
std::size_t first_message_octets(Octets payload) {
  if (payload.size() < 16) return payload.size();
  const std::uint16_t version = u16(payload, 0);
  std::size_t octets = 0;
  switch (version) {
    case 5:
      octets = 24 + std::size_t{48} * u16(payload, 2);
      break;
    case 7:
      octets = 24 + std::size_t{52} * u16(payload, 2);
      break;
    case 9:
      octets = netflow9_octets(payload);
      break;
    case 10:
      octets = u16(payload, 2);
      break;
    default:
      return payload.size();
  }
  const bool another = octets >= 16 && octets + 16 <= payload.size() && u16(payload, octets) == version;
  return another ? octets : payload.size();
}

/// Whether a datagram of version 9 with a bad set may still be taken for one: what its header says is what exporters
/// say, and its first set has an id that is not reserved.
bool is_plausible_netflow9(Octets datagram, const FlowMessage& message) {
  constexpr std::uint32_t kYear2000 = 946'684'800, kYear2100 = 4'102'444'800;
  constexpr std::uint16_t kMostRecords = 1000;
  constexpr std::size_t kHeaderOctets = 20;
  const MessageHeader& header = message.header;
  return header.unix_secs >= kYear2000 && header.unix_secs < kYear2100 && header.count != 0 &&
         header.count <= kMostRecords && datagram.size() >= kHeaderOctets + 4 &&
         set_kind(FlowVersion::netflow9, u16(datagram, kHeaderOctets)) != SetKind::reserved;
}

}  // namespace

bool is_flow_export(Octets datagram) {
  if (datagram.size() < 16) return false;
  const std::uint16_t version = u16(datagram, 0);
  if (version == 5 || version == 7) {
    Decoded decoded;
    return decode_netflow5(datagram, decoded) == DecodeError::none && !decoded.flows.empty();
  }
  FlowMessage message;
  const DecodeError error = parse_message(datagram, message);
  if (error == DecodeError::none) return !message.flow_sets.empty();
  return version == 9 &&
         (error == DecodeError::truncated_flow_set || error == DecodeError::flow_set_too_short ||
          error == DecodeError::flow_set_too_long) &&
         is_plausible_netflow9(datagram, message);
}

bool CaptureDatagrams::is_capture(Octets beginning) {
  if (beginning.size() < 4) return false;
  switch (load_be<std::uint32_t>(beginning.data())) {
    case 0xa1b2c3d4:  // pcap, microseconds and nanoseconds, both byte orders
    case 0xd4c3b2a1:
    case 0xa1b23c4d:
    case 0x4d3cb2a1:
    case 0x0a0d0d0a:  // pcapng
      return true;
    default:
      return false;
  }
}

tl::expected<CaptureDatagrams, std::string> CaptureDatagrams::open(std::FILE* file, const std::string& name) {
  char why[PCAP_ERRBUF_SIZE] = {};
  CaptureDatagrams result;
  result.name_ = name;
  result.pcap_.reset(pcap_fopen_offline_with_tstamp_precision(file, PCAP_TSTAMP_PRECISION_NANO, why));
  if (result.pcap_ == nullptr) {
    std::fclose(file);
    return tl::make_unexpected(fmt::format("{}: {}", name, why));
  }
  result.link_type_ = pcap_datalink(result.pcap_.get());
  return result;
}

bool CaptureDatagrams::take_ip(Octets packet, Datagram& out) {
  if (packet.empty()) return false;
  const bool v4 = packet[0] >> 4 == 4;
  std::size_t header = 40;
  std::size_t address_at = 8;
  std::uint8_t protocol = 0;
  if (v4) {
    header = static_cast<std::size_t>(packet[0] & 0xf) * 4;
    if (packet.size() < 20 || header < 20 || packet.size() < header) return false;
    protocol = packet[9];
    address_at = 12;
    if ((u16(packet, 6) & 0x3fff) != 0) {  // more fragments, or an offset
      if (protocol == kProtocolUdp) ++counts_.fragments;
      return false;
    }
  } else {
    if (packet[0] >> 4 != 6 || packet.size() < header) return false;
    protocol = packet[6];
    if (protocol == kProtocolFragment) ++counts_.fragments;
  }
  const Octets udp = packet.subspan(header);
  if (protocol != kProtocolUdp || udp.size() < 8) return false;
  const std::size_t length = u16(udp, 4);
  if (length < 8) return false;
  const Octets payload = udp.subspan(8, std::min(length, udp.size()) - 8);

  const std::size_t address_octets = v4 ? 4 : 16;
  const std::uint8_t* const destination = packet.data() + address_at + address_octets;
  std::string key(reinterpret_cast<const char*>(destination), address_octets);
  key.append(reinterpret_cast<const char*>(udp.data()) + 2, 2);
  if (!destinations_.contains(key)) {
    const bool is_export = is_flow_export(payload.first(first_message_octets(payload)));
    if (!is_export || destinations_.size() >= kMostDestinations) return false;
    destinations_.insert(std::move(key));
  }
  if (payload.size() < length - 8) ++counts_.cut_off;
  char text[kAddressTextMaxOctets];
  const std::string_view address(
      text, static_cast<std::size_t>(write_address_text(text, packet.data() + address_at, v4 ? 4 : 6) - text));
  out.exporter = v4 ? fmt::format("{}:{}", address, u16(udp, 0)) : fmt::format("[{}]:{}", address, u16(udp, 0));
  out.octets = payload;
  return true;
}

CaptureDatagrams::Datagram CaptureDatagrams::take_message() {
  Datagram message = joined_;
  message.octets = joined_.octets.first(first_message_octets(joined_.octets));
  joined_.octets = joined_.octets.subspan(message.octets.size());
  ++counts_.datagrams;
  return message;
}

bool CaptureDatagrams::find_datagram(Octets frame, Datagram& out) {
  return take_ip(ip_of_frame(link_type_, frame), out);
}

bool CaptureDatagrams::next(Datagram& out) {
  if (!joined_.octets.empty()) {
    out = take_message();
    return true;
  }
  for (;;) {
    pcap_pkthdr* header = nullptr;
    const std::uint8_t* octets = nullptr;
    const int result = pcap_next_ex(pcap_.get(), &header, &octets);
    if (result == PCAP_ERROR_BREAK) return false;
    if (result != 1) {
      error_ = fmt::format("{}: packet {}: {}", name_, counts_.packets + 1, pcap_geterr(pcap_.get()));
      return false;
    }
    ++counts_.packets;
    if (!find_datagram({octets, header->caplen}, joined_)) continue;
    // tv_usec holds nanoseconds, as asked for. Signed, and whatever the file says: a time before 1970 becomes 0.
    const auto seconds = static_cast<std::int64_t>(header->ts.tv_sec);
    joined_.received_ns = seconds < 0 ? 0
                                      : static_cast<std::uint64_t>(seconds) * 1'000'000'000 +
                                            static_cast<std::uint64_t>(header->ts.tv_usec);
    out = take_message();
    return true;
  }
}

}  // namespace weir
