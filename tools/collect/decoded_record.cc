#include "tools/collect/decoded_record.h"

#include <cstring>

namespace weir {

FlowRecord to_flow_record(const DecodedFlow& flow) {
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
  if (record.ether_type == 0 && flow.ip_version == 4) record.ether_type = 0x0800;
  if (record.ether_type == 0 && flow.ip_version == 6) record.ether_type = 0x86dd;
  record.ingress_interface = flow.ingress_interface;
  record.sampling_rate = flow.sampling_rate;
  record.protocol = flow.protocol;
  // Element 6 may be two octets long; the bits above the eighth are the NS bit and the data offset, no flags.
  record.tcp_flags[kForward] = static_cast<std::uint8_t>(flow.tcp_flags & 0xff);
  record.ip_tos[kForward] = flow.ip_tos;
  record.icmp_type[kForward] = flow.icmp_type;
  record.icmp_code[kForward] = flow.icmp_code;
  record.end_reason = static_cast<EndReason>(flow.end_reason);
  return record;
}

}  // namespace weir
