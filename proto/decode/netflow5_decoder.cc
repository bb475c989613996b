#include "proto/decode/netflow5_decoder.h"

#include <cstring>

#include "proto/base/byte_order.h"
#include "proto/base/netflow5.h"
#include "proto/decode/field_values.h"

namespace weir {
namespace {

using Octets = std::span<const std::uint8_t>;
using field_values::uptime_to_ns;

/// What the record says of routing; 0 is nothing.
void take_routing(const Netflow5Record& record, OwnedRecord& out) {
  RoutingSection routing{};
  std::memcpy(routing.next_hop[kForward], record.next_hop, 4);
  routing.source_as = record.source_as.host();
  routing.destination_as = record.destination_as.host();
  routing.source_net = record.source_mask;
  routing.destination_net = record.destination_mask;
  constexpr RoutingSection kNothing{};
  if (std::memcmp(&routing, &kNothing, sizeof routing) == 0) return;
  routing.ip_version = 4;
  out.add<RoutingSection>() = routing;
}

void take_record(const MessageHeader& header, const Netflow5Record& record, OwnedRecord& out) {
  FlowRecord& flow = out.base();
  flow = {};
  flow.ip_version = 4;
  flow.ether_type = kEtherTypeIpv4;
  std::memcpy(flow.source_address, record.source, 4);
  std::memcpy(flow.destination_address, record.destination, 4);
  flow.ingress_interface = record.input.host();
  flow.packets[kForward] = record.packets.host();
  flow.octets[kForward] = record.octets.host();
  flow.first_ns[kForward] = uptime_to_ns(header, record.first_ms.host());
  flow.last_ns[kForward] = uptime_to_ns(header, record.last_ms.host());
  flow.protocol = record.protocol;
  flow.tcp_flags[kForward] = record.tcp_flags;
  flow.ip_tos[kForward] = record.tos;
  const std::uint16_t destination_port = record.destination_port.host();
  if (flow.is_icmp()) {
    flow.set_icmp(kForward, destination_port >> 8, destination_port & 0xff);
  } else {
    flow.ports[kForward] = record.source_port.host();
    flow.ports[kReverse] = destination_port;
  }
  flow.sampling_rate = header.sampling & 0x3fff;
  if (record.output.host() != 0) out.add<EgressSection>().interface = record.output.host();
  take_routing(record, out);
}

/// The record at the beginning of `octets`, in the form of v5.
Netflow5Record read_record(FlowVersion version, Octets octets) {
  Netflow5Record record{};
  if (version != FlowVersion::netflow1) {
    std::memcpy(&record, octets.data(), sizeof record);
    return record;
  }
  Netflow1Record old;
  std::memcpy(&old, octets.data(), sizeof old);
  std::memcpy(&record, old.as_version5, sizeof old.as_version5);
  record.protocol = old.protocol;
  record.tos = old.tos;
  record.tcp_flags = old.tcp_flags;
  return record;
}

/// `octets`: of `count` records.
std::size_t record_octets_of(FlowVersion version, std::size_t count, std::size_t octets) {
  if (version == FlowVersion::netflow5) return sizeof(Netflow5Record);
  if (version == FlowVersion::netflow7) return kNetflow7RecordOctets;
  return octets == count * kNetflow1LongRecordOctets ? kNetflow1LongRecordOctets : sizeof(Netflow1Record);
}

}  // namespace

bool is_fixed_netflow(Octets datagram) {
  if (datagram.size() < 2) return false;
  const auto version = load_be<std::uint16_t>(datagram.data());
  return version == 1 || version == 5 || version == 7;
}

DecodeError decode_netflow5(Octets datagram, Decoded& out) {
  out.clear();
  if (datagram.size() < 2) return DecodeError::short_header;
  if (!is_fixed_netflow(datagram)) {
    return datagram.size() < sizeof(Netflow5Header) ? DecodeError::short_header : DecodeError::wrong_version;
  }
  const auto version = static_cast<FlowVersion>(load_be<std::uint16_t>(datagram.data()));
  const bool v5 = version == FlowVersion::netflow5;
  const std::size_t header_octets = version == FlowVersion::netflow1 ? kNetflow1HeaderOctets : sizeof(Netflow5Header);
  if (datagram.size() < header_octets) return DecodeError::short_header;
  Netflow5Header header{};
  std::memcpy(&header, datagram.data(), header_octets);
  out.header = {};
  out.header.version = version;
  out.header.count = header.count.host();
  out.header.sys_uptime_ms = header.sys_uptime_ms.host();
  out.header.unix_secs = header.unix_secs.host();
  out.header.unix_nsecs = header.unix_nsecs.host();
  out.header.sequence = header.sequence.host();
  if (v5) {
    out.header.source_id = static_cast<std::uint32_t>(header.engine_type) << 8 | header.engine_id;
    out.header.sampling = header.sampling.host();
  }
  const std::size_t of_records = datagram.size() - header_octets;
  const std::size_t record_octets = record_octets_of(version, out.header.count, of_records);
  if (out.header.count * record_octets != of_records) return DecodeError::bad_record_count;

  OwnedRecord flow;
  for (Octets rest = datagram.subspan(header_octets); !rest.empty(); rest = rest.subspan(record_octets)) {
    const Netflow5Record record = read_record(version, rest);
    take_record(out.header, record, flow);
    const auto first_value = static_cast<std::uint32_t>(out.values.size());
    const auto keep = [&](std::uint16_t element, const void* place, std::size_t octets) {
      const auto offset = static_cast<std::size_t>(static_cast<const std::uint8_t*>(place) -
                                                   reinterpret_cast<const std::uint8_t*>(&record));
      out.values.push_back({element, false, 0, rest.subspan(offset, octets)});
    };
    if (version == FlowVersion::netflow7) {
      out.values.push_back({43, false, 0, rest.subspan(sizeof record, 4)});  // ipv4RouterSc
    }
    if (flow->is_icmp() && record.source_port.host() != 0) keep(7, &record.source_port, 2);  // it has no place there
    const auto value_count = static_cast<std::uint32_t>(out.values.size()) - first_value;
    const auto mode = static_cast<std::uint8_t>(out.header.sampling >> 14);
    out.details.push_back({first_value, value_count, 0, record.tcp_flags, mode});
    out.flows.append(flow.view());
  }
  return DecodeError::none;
}

}  // namespace weir
