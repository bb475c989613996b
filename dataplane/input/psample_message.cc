#include "dataplane/input/psample_message.h"

#include <linux/genetlink.h>
#include <linux/netlink.h>

#include <cstring>

namespace weir {
namespace {

constexpr std::uint8_t kSampleCommand = 0;  // PSAMPLE_CMD_SAMPLE
constexpr std::uint32_t kAllOfProbability = UINT32_MAX;

enum Attribute : std::uint16_t {
  kInterfaceIn = 0,
  kInterfaceOut = 1,
  kOriginalSize = 2,
  kGroup = 3,
  kGroupSequence = 4,
  kRate = 5,
  kData = 6,
  kTunnel = 8,
  kOutQueue = 10,
  kOutQueueOctets = 11,
  kLatency = 12,
  kTimestamp = 13,
  kProtocol = 14,
  kUserCookie = 15,
  kProbability = 16,
};
constexpr std::uint16_t kTunnelId = 0;  // inside kTunnel, 8 octets in network order

template <typename T>
T header_of(std::span<const std::uint8_t> octets) {
  T header;
  std::memcpy(&header, octets.data(), sizeof header);
  return header;
}

/// An integer of 1 to 8 octets in host order; 0 of any other length.
std::uint64_t integer(std::span<const std::uint8_t> octets) {
  std::uint64_t value = 0;  // the lower octets: x86-64 is little-endian
  if (octets.size() <= sizeof value) std::memcpy(&value, octets.data(), octets.size());
  return value;
}

/// Calls take(type, payload) for each attribute. False: one does not fit.
template <typename Take>
bool for_attributes(std::span<const std::uint8_t> octets, Take&& take) {
  while (octets.size() >= sizeof(nlattr)) {
    const auto header = header_of<nlattr>(octets);
    if (header.nla_len < sizeof header || header.nla_len > octets.size()) return false;
    take(static_cast<std::uint16_t>(header.nla_type & NLA_TYPE_MASK),
         octets.subspan(sizeof header, header.nla_len - sizeof header));
    const std::size_t padded = (std::size_t{header.nla_len} + NLA_ALIGNTO - 1) & ~std::size_t{NLA_ALIGNTO - 1};
    octets = octets.subspan(padded < octets.size() ? padded : octets.size());
  }
  return octets.empty();
}

bool read_tunnel(std::span<const std::uint8_t> octets, PsampleSample& sample) {
  return for_attributes(octets, [&](std::uint16_t type, std::span<const std::uint8_t> value) {
    if (type != kTunnelId) return;
    std::uint64_t id = 0;
    for (const std::uint8_t octet : value) id = id << 8 | octet;
    sample.tunnel_id = id;
  });
}

}  // namespace

std::optional<NetlinkMessage> take_netlink_message(std::span<const std::uint8_t>& datagram) {
  if (datagram.size() < sizeof(nlmsghdr)) return std::nullopt;
  const auto header = header_of<nlmsghdr>(datagram);
  if (header.nlmsg_len < sizeof header || header.nlmsg_len > datagram.size()) return std::nullopt;
  const NetlinkMessage message{header.nlmsg_type, header.nlmsg_pid,
                               datagram.subspan(sizeof header, header.nlmsg_len - sizeof header)};
  const std::size_t padded = (std::size_t{header.nlmsg_len} + NLMSG_ALIGNTO - 1) & ~std::size_t{NLMSG_ALIGNTO - 1};
  datagram = datagram.subspan(padded < datagram.size() ? padded : datagram.size());
  return message;
}

PsampleVerdict read_psample(const NetlinkMessage& message, std::uint16_t family, PsampleSample& sample) {
  sample = {};
  if (message.type != family || message.port != 0) return PsampleVerdict::other;
  if (message.payload.size() < sizeof(genlmsghdr)) return PsampleVerdict::malformed;
  if (message.payload[0] != kSampleCommand) return PsampleVerdict::other;
  bool has_data = false;
  bool is_probability = false;
  bool tunnel_fits = true;
  const auto take = [&](std::uint16_t type, std::span<const std::uint8_t> value) {
    const auto number = [&value] { return static_cast<std::uint32_t>(integer(value)); };
    switch (type) {
      case kInterfaceIn:
        sample.in_if = number();
        break;
      case kInterfaceOut:
        sample.out_if = number();
        break;
      case kOriginalSize:
        sample.original_octets = number();
        break;
      case kGroup:
        sample.group = number();
        break;
      case kGroupSequence:
        sample.group_sequence = number();
        break;
      case kRate:
        sample.rate = number();
        break;
      case kData:
        sample.data = value;
        has_data = true;
        break;
      case kTunnel:
        tunnel_fits = read_tunnel(value, sample);
        break;
      case kOutQueue:
        sample.queue = static_cast<std::uint16_t>(integer(value));
        sample.has_queue = true;
        break;
      case kOutQueueOctets:
        sample.queue_octets = integer(value);
        sample.has_queue_octets = true;
        break;
      case kLatency:
        sample.latency_ns = integer(value);
        sample.has_latency = true;
        break;
      case kTimestamp:
        sample.time_ns = integer(value);
        sample.has_time = true;
        break;
      case kProtocol:
        sample.protocol = static_cast<std::uint16_t>(integer(value));
        break;
      case kUserCookie:
        sample.user_cookie = value;
        break;
      case kProbability:
        is_probability = true;
        break;
      default:
        break;
    }
  };
  const bool fit = for_attributes(message.payload.subspan(sizeof(genlmsghdr)), take);
  if (!fit || !tunnel_fits || !has_data) return PsampleVerdict::malformed;
  // A probability scaled to 2^32 - 1 instead of a rate: one packet in (2^32 - 1) / rate.
  if (is_probability && sample.rate != 0) sample.rate = kAllOfProbability / sample.rate;
  // No frame is shorter than what was captured of it.
  if (sample.original_octets < sample.data.size()) {
    sample.original_octets = static_cast<std::uint32_t>(sample.data.size());
  }
  return PsampleVerdict::sample;
}

void PsampleSequence::add(std::uint32_t number) {
  const std::uint32_t ahead = number - next_;  // modulo 2^32
  if (!begun_ || ahead == 0) {
    begun_ = true;
    next_ = number + 1;
    return;
  }
  if (ahead < UINT32_MAX / 2) {
    missing_ += ahead;
    missing_lately_ = ahead > UINT32_MAX - missing_lately_ ? UINT32_MAX : missing_lately_ + ahead;
    next_ = number + 1;
    return;
  }
  const std::uint32_t behind = next_ - number;  // 1: the last one again
  if (behind > kGreatestStepBack || (number == 0 && behind > 1)) {
    missing_lately_ = 0;
    next_ = number + 1;
    return;
  }
  // Late, where something was missing; else twice.
  if (behind > 1 && missing_lately_ != 0) {
    --missing_;
    --missing_lately_;
  }
}

}  // namespace weir
