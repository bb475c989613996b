#include "proto/record/flow_protobuf.h"

#include <cstring>

#include "proto/base/ip_numbers.h"

namespace weir {
namespace {

// Field numbers of proto/schema/flow.proto.
enum Field : std::uint32_t {
  kSamplingRate = 3,
  kSrcAddr = 6,
  kDstAddr = 7,
  kBytes = 9,
  kPackets = 10,
  kInIf = 18,
  kProto = 20,
  kSrcPort = 21,
  kDstPort = 22,
  kIpTos = 23,
  kTcpFlags = 26,
  kVlanId = 29,
  kEtype = 30,
  kIcmpType = 31,
  kIcmpCode = 32,
  kMplsLabel = 81,
  kTimeFlowStartNs = 111,
  kTimeFlowEndNs = 112,
  kRevPackets = 1000,
  kRevBytes = 1001,
  kRevTcpFlags = 1002,
  kEndReason = 1003,
  kRevIpTos = 1004,
  kRevIcmpType = 1005,
  kRevIcmpCode = 1006,
  kFwdTimeStartNs = 1007,
  kFwdTimeEndNs = 1008,
  kRevTimeStartNs = 1009,
  kRevTimeEndNs = 1010,
  kTunnelType = 1020,
  kTunnelId = 1021,
  kTunnelDepth = 1022,
  kTunnelSrcAddr = 1023,
  kTunnelDstAddr = 1024,
  kEspSpi = 1025,
};

enum WireType : std::uint32_t { kVarint = 0, kFixed64 = 1, kLengthDelimited = 2, kFixed32 = 5 };

/// A tag's octets, known when this is compiled. Field numbers up to 2047 need at most two.
struct Tag {
  std::uint8_t octets[2];
  std::size_t length;
};

constexpr Tag make_tag(std::uint32_t field, std::uint32_t wire_type) {
  const std::uint32_t value = field << 3 | wire_type;
  if (value < 0x80) return {{static_cast<std::uint8_t>(value), 0}, 1};
  return {{static_cast<std::uint8_t>(value | 0x80), static_cast<std::uint8_t>(value >> 7)}, 2};
}

std::uint8_t* put_varint(std::uint8_t* out, std::uint64_t value) {
  while (value >= 0x80) {
    *out++ = static_cast<std::uint8_t>(value | 0x80);
    value >>= 7;
  }
  *out++ = static_cast<std::uint8_t>(value);
  return out;
}

template <Field kField>
std::uint8_t* put_number(std::uint8_t* out, std::uint64_t value) {
  constexpr Tag kTag = make_tag(kField, kVarint);
  static_assert(kField < 2048);
  if (value == 0) return out;
  std::memcpy(out, kTag.octets, kTag.length);
  return put_varint(out + kTag.length, value);
}

template <Field kField>
std::uint8_t* put_address(std::uint8_t* out, const std::uint8_t* address, std::uint8_t ip_version) {
  constexpr Tag kTag = make_tag(kField, kLengthDelimited);
  const std::uint8_t length = ip_version == 4 ? 4 : 16;
  std::memcpy(out, kTag.octets, kTag.length);
  out += kTag.length;
  *out++ = length;
  std::memcpy(out, address, length);
  return out + length;
}

/// `repeated uint32`, packed as proto3 has it, with one element.
std::uint8_t* put_label(std::uint8_t* out, std::uint32_t label) {
  constexpr Tag kTag = make_tag(kMplsLabel, kLengthDelimited);
  std::memcpy(out, kTag.octets, kTag.length);
  out += kTag.length;
  std::uint8_t* const end = put_varint(out + 1, label);
  *out = static_cast<std::uint8_t>(end - out - 1);
  return end;
}

/// What of the record's third line comes last in the order of field numbers.
std::uint8_t* put_sections(std::uint8_t* at, const FlowRecord& record) {
  if ((record.sections & kTunnelSection) != 0) {
    at = put_number<kTunnelType>(at, static_cast<std::uint64_t>(record.tunnel_type));
    at = put_number<kTunnelId>(at, record.tunnel_id);
    at = put_number<kTunnelDepth>(at, record.tunnel_depth);
    if (record.tunnel_ip_version != 0) {
      at = put_address<kTunnelSrcAddr>(at, record.tunnel_source, record.tunnel_ip_version);
      at = put_address<kTunnelDstAddr>(at, record.tunnel_destination, record.tunnel_ip_version);
    }
  }
  if ((record.sections & kSpiSection) != 0) {
    constexpr Tag kTag = make_tag(kEspSpi, kVarint);
    std::memcpy(at, kTag.octets, kTag.length);
    at = put_varint(at + kTag.length, record.esp_spi);  // `optional`: a value of 0 is one
  }
  return at;
}

/// Reads a varint at `at`; moves `at` behind it. false: it does not end within the message, or in ten octets.
bool get_varint(const std::uint8_t*& at, const std::uint8_t* end, std::uint64_t& value) {
  value = 0;
  for (unsigned shift = 0; shift < 64; shift += 7) {
    if (at == end) return false;
    const std::uint8_t octet = *at++;
    value |= static_cast<std::uint64_t>(octet & 0x7f) << shift;
    if (octet < 0x80) return true;
  }
  return false;
}

template <typename T>
bool store_checked(T& field, std::uint64_t value) {
  if (value > static_cast<T>(~T{0})) return false;
  field = static_cast<T>(value);
  return true;
}

struct FlowTimes {
  std::uint64_t start_ns = 0;
  std::uint64_t end_ns = 0;
};

bool store_number(std::uint32_t field, std::uint64_t value, FlowRecord& record, FlowTimes& times) {
  switch (field) {
    case kSamplingRate:
      return store_checked(record.sampling_rate, value);
    case kBytes:
      return store_checked(record.octets[kForward], value);
    case kPackets:
      return store_checked(record.packets[kForward], value);
    case kInIf:
      return store_checked(record.ingress_interface, value);
    case kProto:
      return store_checked(record.protocol, value);
    case kSrcPort:
      return store_checked(record.source_port, value);
    case kDstPort:
      return store_checked(record.destination_port, value);
    case kIpTos:
      return store_checked(record.ip_tos[kForward], value);
    case kTcpFlags:
      return store_checked(record.tcp_flags[kForward], value);
    case kVlanId:
      return store_checked(record.vlan_id, value);
    case kEtype:
      return store_checked(record.ether_type, value);
    case kIcmpType:
      return store_checked(record.icmp_type[kForward], value);
    case kIcmpCode:
      return store_checked(record.icmp_code[kForward], value);
    case kTimeFlowStartNs:
      return store_checked(times.start_ns, value);
    case kTimeFlowEndNs:
      return store_checked(times.end_ns, value);
    case kRevPackets:
      return store_checked(record.packets[kReverse], value);
    case kRevBytes:
      return store_checked(record.octets[kReverse], value);
    case kRevTcpFlags:
      return store_checked(record.tcp_flags[kReverse], value);
    case kEndReason:
      if (value > 0xff) return false;
      record.end_reason = static_cast<EndReason>(value);
      return true;
    case kRevIpTos:
      return store_checked(record.ip_tos[kReverse], value);
    case kRevIcmpType:
      return store_checked(record.icmp_type[kReverse], value);
    case kRevIcmpCode:
      return store_checked(record.icmp_code[kReverse], value);
    case kFwdTimeStartNs:
      return store_checked(record.first_ns[kForward], value);
    case kFwdTimeEndNs:
      return store_checked(record.last_ns[kForward], value);
    case kRevTimeStartNs:
      return store_checked(record.first_ns[kReverse], value);
    case kRevTimeEndNs:
      return store_checked(record.last_ns[kReverse], value);
    case kMplsLabel:  // the first of several
      if ((record.sections & kLabelSection) != 0) return true;
      record.sections |= kLabelSection;
      return store_checked(record.mpls_label, value);
    case kTunnelType:
      if (value > 0xff) return false;
      if (value != 0) record.sections |= kTunnelSection;
      record.tunnel_type = static_cast<TunnelType>(value);
      return true;
    case kTunnelId:
      return store_checked(record.tunnel_id, value);
    case kTunnelDepth:
      return store_checked(record.tunnel_depth, value);
    case kEspSpi:
      record.sections |= kSpiSection;
      return store_checked(record.esp_spi, value);
    default:
      return true;  // not one of ours: skipped
  }
}

/// Fills in what the message leaves out because it follows from the rest.
void complete_times(FlowRecord& record, const FlowTimes& times) {
  for (const Direction direction : {kForward, kReverse}) {
    if (record.packets[direction] == 0) {
      record.first_ns[direction] = 0;
      record.last_ns[direction] = 0;
    } else if (record.first_ns[direction] == 0 && record.last_ns[direction] == 0) {
      record.first_ns[direction] = times.start_ns;
      record.last_ns[direction] = times.end_ns;
    }
  }
  // A record without packets forward (only a peer makes one): start_ns() and end_ns() look at that direction always.
  if (record.packets[kForward] == 0) {
    record.first_ns[kForward] = times.start_ns;
    record.last_ns[kForward] = times.end_ns;
  }
}

}  // namespace

std::uint8_t* write_flow_protobuf(std::uint8_t* out, const FlowRecord& record) {
  // Most messages are longer than 127 octets: room for a length of two is left, and closed again where one suffices.
  std::uint8_t* const message = out + 2;
  std::uint8_t* at = message;
  at = put_number<kSamplingRate>(at, record.sampling_rate);
  at = put_address<kSrcAddr>(at, record.source_address, record.ip_version);
  at = put_address<kDstAddr>(at, record.destination_address, record.ip_version);
  at = put_number<kBytes>(at, record.octets[kForward]);
  at = put_number<kPackets>(at, record.packets[kForward]);
  at = put_number<kInIf>(at, record.ingress_interface);
  at = put_number<kProto>(at, record.protocol);
  at = put_number<kSrcPort>(at, record.source_port);
  at = put_number<kDstPort>(at, record.destination_port);
  at = put_number<kIpTos>(at, record.ip_tos[kForward]);
  at = put_number<kTcpFlags>(at, record.tcp_flags[kForward]);
  at = put_number<kVlanId>(at, record.vlan_id);
  at = put_number<kEtype>(at, record.ether_type);
  at = put_number<kIcmpType>(at, record.icmp_type[kForward]);
  at = put_number<kIcmpCode>(at, record.icmp_code[kForward]);
  if ((record.sections & kLabelSection) != 0) at = put_label(at, record.mpls_label);
  at = put_number<kTimeFlowStartNs>(at, record.start_ns());
  at = put_number<kTimeFlowEndNs>(at, record.end_ns());
  const bool has_reverse = record.packets[kReverse] != 0;
  if (has_reverse) {
    at = put_number<kRevPackets>(at, record.packets[kReverse]);
    at = put_number<kRevBytes>(at, record.octets[kReverse]);
    at = put_number<kRevTcpFlags>(at, record.tcp_flags[kReverse]);
  }
  at = put_number<kEndReason>(at, static_cast<std::uint64_t>(record.end_reason));
  if (has_reverse) {
    at = put_number<kRevIpTos>(at, record.ip_tos[kReverse]);
    at = put_number<kRevIcmpType>(at, record.icmp_type[kReverse]);
    at = put_number<kRevIcmpCode>(at, record.icmp_code[kReverse]);
  }
  if (record.packets[kForward] != 0) {
    at = put_number<kFwdTimeStartNs>(at, record.first_ns[kForward]);
    at = put_number<kFwdTimeEndNs>(at, record.last_ns[kForward]);
  }
  if (has_reverse) {
    at = put_number<kRevTimeStartNs>(at, record.first_ns[kReverse]);
    at = put_number<kRevTimeEndNs>(at, record.last_ns[kReverse]);
  }

  if (record.sections != 0) at = put_sections(at, record);

  const std::size_t length = static_cast<std::size_t>(at - message);
  std::uint8_t* const behind_length = put_varint(out, length);
  if (behind_length != message) std::memmove(behind_length, message, length);
  return behind_length + length;
}

bool decode_flow(std::span<const std::uint8_t> message, FlowRecord& record) {
  record = {};
  record.sampling_rate = 1;
  FlowTimes times;
  std::size_t address_octets[2] = {0, 0};
  const std::uint8_t* at = message.data();
  const std::uint8_t* const end = at + message.size();
  while (at != end) {
    std::uint64_t tag = 0;
    if (!get_varint(at, end, tag) || tag > 0xffff'ffff) return false;
    const std::uint32_t field = static_cast<std::uint32_t>(tag >> 3);
    if (field == 0) return false;
    std::uint64_t value = 0;
    switch (tag & 7) {
      case kVarint:
        if (!get_varint(at, end, value) || !store_number(field, value, record, times)) return false;
        break;
      case kLengthDelimited: {
        if (!get_varint(at, end, value) || value > static_cast<std::uint64_t>(end - at)) return false;
        if (field == kSrcAddr || field == kDstAddr) {
          if (value != 4 && value != 16) return false;
          std::uint8_t* const address = field == kSrcAddr ? record.source_address : record.destination_address;
          std::memset(address, 0, 16);
          std::memcpy(address, at, value);
          address_octets[field == kSrcAddr ? 0 : 1] = value;
        } else if (field == kTunnelSrcAddr || field == kTunnelDstAddr) {
          if (value != 4 && value != 16) return false;
          std::uint8_t* const address = field == kTunnelSrcAddr ? record.tunnel_source : record.tunnel_destination;
          std::memset(address, 0, 16);
          std::memcpy(address, at, value);
          record.tunnel_ip_version = value == 4 ? 4 : 6;
        } else if (field == kMplsLabel && value != 0) {
          const std::uint8_t* label = at;
          std::uint64_t number = 0;
          if (!get_varint(label, at + value, number) || !store_number(field, number, record, times)) return false;
        }
        at += value;
        break;
      }
      case kFixed64:
        if (end - at < 8) return false;
        at += 8;
        break;
      case kFixed32:
        if (end - at < 4) return false;
        at += 4;
        break;
      default:
        return false;  // groups: not in proto3
    }
  }
  if (address_octets[0] == 0 || address_octets[0] != address_octets[1]) return false;
  record.ip_version = address_octets[0] == 4 ? 4 : 6;
  if (record.ether_type == 0) record.ether_type = ip_ether_type(record.ip_version);
  complete_times(record, times);
  return true;
}

DelimitedMessage next_delimited(std::span<const std::uint8_t> stream) {
  const std::uint8_t* at = stream.data();
  const std::uint8_t* const end = at + stream.size();
  std::uint64_t length = 0;
  if (!get_varint(at, end, length)) {
    // Two octets hold every length that is accepted; padded varints of up to ten are legal.
    return {stream.size() < 10 ? DelimitedStatus::need_more : DelimitedStatus::malformed, {}, 0};
  }
  if (length > kFlowProtobufLongestAccepted) return {DelimitedStatus::malformed, {}, 0};
  if (static_cast<std::uint64_t>(end - at) < length) return {DelimitedStatus::need_more, {}, 0};
  return {DelimitedStatus::complete,
          {at, static_cast<std::size_t>(length)},
          static_cast<std::size_t>(at - stream.data()) + static_cast<std::size_t>(length)};
}

}  // namespace weir
