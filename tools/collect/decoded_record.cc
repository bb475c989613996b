#include "tools/collect/decoded_record.h"

#include <algorithm>
#include <cstring>
#include <span>

#include "proto/base/byte_order.h"
#include "proto/base/ip_numbers.h"
#include "proto/element/information_elements.h"

namespace weir {
namespace {

/// The number of one of weir's own elements; 0: it is another one.
unsigned weir_element(FlowVersion version, const DecodedValue& value) {
  if (value.scope) return 0;
  if (version == FlowVersion::ipfix) return value.enterprise == kExampleEnterprise ? value.element : 0;
  return value.element > kWeirNetflow9Elements ? value.element - kWeirNetflow9Elements : 0;
}

/// IPv4 travels as ::ffff:a.b.c.d (RFC 4291 section 2.5.5.2). Returns the IP version; 0: there is no address.
std::uint8_t take_tunnel_address(std::span<const std::uint8_t> octets, std::uint8_t (&address)[16]) {
  constexpr std::uint8_t kMapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  if (octets.size() != sizeof address) return 0;
  if (std::memcmp(octets.data(), kMapped, sizeof kMapped) == 0) {
    std::memcpy(address, octets.data() + sizeof kMapped, 4);
    return 4;
  }
  std::memcpy(address, octets.data(), sizeof address);
  return std::any_of(octets.begin(), octets.end(), [](std::uint8_t octet) { return octet != 0; }) ? 6 : 0;
}

/// The third line: what weir says of tunnels by elements of its own, and labels and SPIs by IANA's. 0 is nothing.
void take_third_line(FlowVersion version, std::span<const DecodedValue> values, FlowRecord& record) {
  for (const DecodedValue& value : values) {
    switch (weir_element(version, value)) {
      case ie::kWeirTunnelType:
        record.tunnel_type = static_cast<TunnelType>(be_integer(value.octets));
        continue;
      case ie::kWeirTunnelId:
        record.tunnel_id = static_cast<std::uint32_t>(be_integer(value.octets));
        continue;
      case ie::kWeirTunnelDepth:
        record.tunnel_depth = static_cast<std::uint8_t>(be_integer(value.octets));
        continue;
      case ie::kWeirTunnelSourceAddress:
        record.tunnel_ip_version = take_tunnel_address(value.octets, record.tunnel_source);
        continue;
      case ie::kWeirTunnelDestinationAddress:
        static_cast<void>(take_tunnel_address(value.octets, record.tunnel_destination));
        continue;
      default:
        break;
    }
    if (value.enterprise != 0 || value.scope) continue;
    if (value.element == ie::kMplsTopLabelStackSection && value.octets.size() == 3 && be_integer(value.octets) != 0) {
      record.mpls_label =
          static_cast<std::uint32_t>(be_integer(value.octets) >> 4);  // RFC 3032 section 2.1: 20 bits of label
      record.sections |= kLabelSection;
    } else if (value.element == ie::kIpSecSpi && value.octets.size() <= 4 && be_integer(value.octets) != 0) {
      record.esp_spi = static_cast<std::uint32_t>(be_integer(value.octets));
      record.sections |= kSpiSection;
    }
  }
  if (record.tunnel_type != TunnelType::none) record.sections |= kTunnelSection;
}

}  // namespace

bool has_place_in_flow_record(FlowVersion version, const DecodedValue& value) {
  const unsigned element = weir_element(version, value);
  return element >= ie::kWeirTunnelType && element <= ie::kWeirTunnelDepth;
}

FlowRecord to_flow_record(const DecodedFlow& flow, const Decoded& datagram) {
  FlowRecord record{};
  std::memcpy(record.source_address, flow.source_address, sizeof record.source_address);
  std::memcpy(record.destination_address, flow.destination_address, sizeof record.destination_address);
  record.packets[kForward] = flow.packets;
  record.octets[kForward] = flow.octets;
  record.first_ns[kForward] = flow.first_ns;
  record.last_ns[kForward] = flow.last_ns;
  if (flow.reverse_packets != 0 || flow.reverse_octets != 0) {
    record.packets[kReverse] = flow.reverse_packets;
    record.octets[kReverse] = flow.reverse_octets;
    // Where there is one pair of times it is that of both directions.
    record.first_ns[kReverse] = flow.reverse_first_ns != 0 ? flow.reverse_first_ns : flow.first_ns;
    record.last_ns[kReverse] = flow.reverse_last_ns != 0 ? flow.reverse_last_ns : flow.last_ns;
    record.tcp_flags[kReverse] = static_cast<std::uint8_t>(flow.reverse_tcp_flags & 0xff);
    record.ip_tos[kReverse] = flow.reverse_ip_tos;
    record.icmp_type[kReverse] = flow.reverse_icmp_type;
    record.icmp_code[kReverse] = flow.reverse_icmp_code;
  }
  record.source_port = flow.source_port;
  record.destination_port = flow.destination_port;
  record.vlan_id = flow.vlan_id;
  record.ip_version = flow.ip_version;
  record.ether_type = flow.ether_type;
  if (record.ether_type == 0 && flow.ip_version == 4) record.ether_type = kEtherTypeIpv4;
  if (record.ether_type == 0 && flow.ip_version == 6) record.ether_type = kEtherTypeIpv6;
  record.ingress_interface = flow.ingress_interface;
  record.sampling_rate = flow.sampling_rate;
  record.protocol = flow.protocol;
  // Element 6 may be two octets long; the bits above the eighth are the NS bit and the data offset, no flags.
  record.tcp_flags[kForward] = static_cast<std::uint8_t>(flow.tcp_flags & 0xff);
  record.ip_tos[kForward] = flow.ip_tos;
  record.icmp_type[kForward] = flow.icmp_type;
  record.icmp_code[kForward] = flow.icmp_code;
  record.end_reason = static_cast<EndReason>(flow.end_reason);
  take_third_line(datagram.header.version, std::span(datagram.values).subspan(flow.first_value, flow.value_count),
                  record);
  return record;
}

}  // namespace weir
