#include "tools/collect/capture_datagrams.h"

#include <fmt/format.h>

#include <cstdio>

#include "proto/base/byte_order.h"
#include "proto/base/ip_numbers.h"
#include "proto/base/ipfix.h"
#include "proto/base/netflow5.h"
#include "proto/base/netflow9.h"
#include "proto/decode/flow_message.h"
#include "proto/decode/netflow5_decoder.h"
#include "proto/decode/sflow_message.h"

namespace weir {
namespace {

using Octets = std::span<const std::uint8_t>;

constexpr std::size_t kMostDestinations = 1024;
constexpr std::uint16_t kSflowPort = 6343;

std::uint16_t u16(Octets octets, std::size_t at) {
  return load_be<std::uint16_t>(octets.data() + at);
}

/// The octets of a NetFlow v9 message at the beginning. It does not say its length; but behind its last set comes the
/// next message's version, and no set has the number 9 (RFC 3954 section 5.2: 2 to 255 are reserved).
std::size_t netflow9_octets(Octets octets) {
  std::size_t at = sizeof(Netflow9Header);
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
    case 1:
      octets = kNetflow1HeaderOctets + sizeof(Netflow1Record) * u16(payload, 2);
      break;
    case 5:
      octets = sizeof(Netflow5Header) + sizeof(Netflow5Record) * u16(payload, 2);
      break;
    case 7:
      octets = sizeof(Netflow5Header) + kNetflow7RecordOctets * u16(payload, 2);
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

bool has_plausible_time(const MessageHeader& header) {
  constexpr std::uint32_t kYear2000 = 946'684'800, kYear2100 = 4'102'444'800;
  return header.unix_secs >= kYear2000 && header.unix_secs < kYear2100;
}

/// Whether a datagram of version 9 or IPFIX with a bad set may still be taken for one: what its header says is what
/// exporters say, and its first set has an id that is not reserved.
bool is_plausible(Octets datagram, const FlowMessage& message) {
  constexpr std::uint16_t kMostRecords = 1000;
  const MessageHeader& header = message.header;
  const bool old = header.version == FlowVersion::netflow9;
  const std::size_t header_octets = old ? sizeof(Netflow9Header) : sizeof(IpfixHeader);
  // IPFIX has the message's length in place of a count of records (RFC 7011 section 3.1).
  const bool measured = old ? header.count != 0 && header.count <= kMostRecords : u16(datagram, 2) == datagram.size();
  return has_plausible_time(header) && measured && datagram.size() >= header_octets + 4 &&
         set_kind(header.version, u16(datagram, header_octets)) != SetKind::reserved;
}

}  // namespace

bool is_flow_export(Octets datagram) {
  if (datagram.size() < 16) return false;
  if (is_sflow(datagram)) {
    SflowMessage message;
    return parse_sflow(datagram, message) == DecodeError::none && !message.samples.empty();
  }
  if (is_fixed_netflow(datagram)) {
    Decoded decoded;
    return decode_netflow5(datagram, decoded) == DecodeError::none && !decoded.flows.empty() &&
           (decoded.header.version != FlowVersion::netflow1 || has_plausible_time(decoded.header));
  }
  FlowMessage message;
  const DecodeError error = parse_message(datagram, message);
  if (error == DecodeError::none) return !message.flow_sets.empty();
  return (error == DecodeError::truncated_flow_set || error == DecodeError::flow_set_too_short ||
          error == DecodeError::flow_set_too_long) &&
         is_plausible(datagram, message);
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

bool CaptureDatagrams::take_udp(const IpPacket& packet, Datagram& out) {
  const Octets udp = packet.payload;
  if (udp.size() < 8) return false;
  const std::size_t length = u16(udp, 4);
  if (length < 8) return false;
  const Octets payload = udp.subspan(8, std::min(length, udp.size()) - 8);

  const std::size_t address_octets = packet.addresses.size() / 2;
  std::string key(reinterpret_cast<const char*>(packet.addresses.data()) + address_octets, address_octets);
  key.append(reinterpret_cast<const char*>(udp.data()) + 2, 2);
  if (!destinations_.contains(key)) {
    const bool is_export = is_flow_export(payload.first(first_message_octets(payload))) ||
                           (u16(udp, 2) == kSflowPort && is_sflow(payload));
    if (!is_export || destinations_.size() >= kMostDestinations) return false;
    destinations_.insert(std::move(key));
  }
  if (payload.size() < length - 8) ++counts_.cut_off;
  out.exporter = endpoint_name(packet.addresses.data(), packet.ip_version, u16(udp, 0));
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

bool CaptureDatagrams::find_datagram(Octets frame, std::uint64_t time_ns, Datagram& out) {
  IpPacket packet;
  if (!find_ip_packet(link_type_, frame, packet)) return false;
  if (packet.is_fragment) {
    // An IPv6 fragment may begin with options headers, which precede the transport header.
    const bool may_hold = packet.ip_version == 6 || packet.protocol == kProtocolUdp || packet.protocol == kProtocolTcp;
    if (!may_hold || !fragments_.add(packet, time_ns, packet)) return false;
  }
  if (packet.protocol == kProtocolTcp) tcp_.add(packet, time_ns);
  return packet.protocol == kProtocolUdp && take_udp(packet, out);
}

CaptureDatagrams::Counts CaptureDatagrams::counts() const {
  Counts counts = counts_;
  counts.fragments = fragments_.lost();
  counts.tcp = tcp_.counts();
  return counts;
}

bool CaptureDatagrams::next_frame(Octets& frame, std::uint64_t& time_ns) {
  pcap_pkthdr* header = nullptr;
  const std::uint8_t* octets = nullptr;
  const int result = pcap_next_ex(pcap_.get(), &header, &octets);
  if (result != 1) {
    if (result != PCAP_ERROR_BREAK) {
      error_ = fmt::format("{}: packet {}: {}", name_, counts_.packets + 1, pcap_geterr(pcap_.get()));
    }
    return false;
  }
  ++counts_.packets;
  frame = {octets, header->caplen};
  // tv_usec holds nanoseconds, as requested. Both parts are signed and unchecked; a time before 1970 becomes 0.
  const auto seconds = static_cast<std::int64_t>(header->ts.tv_sec);
  time_ns = seconds < 0
                ? 0
                : static_cast<std::uint64_t>(seconds) * 1'000'000'000 + static_cast<std::uint64_t>(header->ts.tv_usec);
  return true;
}

bool CaptureDatagrams::next(Datagram& out) {
  for (;;) {
    if (!joined_.octets.empty()) {
      out = take_message();
      return true;
    }
    if (tcp_.next(message_)) {
      out = {message_.exporter, message_.received_ns, message_.octets, message_.session};
      if (!out.session_ended()) ++counts_.messages;
      return true;
    }
    if (ended_) return false;
    Octets frame;
    std::uint64_t time_ns = 0;
    if (!next_frame(frame, time_ns)) {
      ended_ = true;
      tcp_.finish();
    } else if (find_datagram(frame, time_ns, joined_)) {
      joined_.received_ns = time_ns;
    } else {
      joined_.octets = {};
    }
  }
}

}  // namespace weir
