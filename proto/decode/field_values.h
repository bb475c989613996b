// What the octets of a field mean: the loads and stores of an operation, and the conversions of times.
//
// A header, since perform() is inlined into the loop over a record's operations.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include "proto/base/byte_order.h"
#include "proto/decode/element_rules.h"
#include "proto/decode/flow_message.h"
#include "proto/decode/own_lists.h"
#include "proto/decode/scratch_record.h"

namespace weir::field_values {

using Octets = std::span<const std::uint8_t>;

/// a * b; what does not fit becomes the greatest.
inline std::uint64_t saturated(std::uint64_t a, std::uint64_t b) {
  std::uint64_t product = 0;
  return __builtin_mul_overflow(a, b, &product) ? UINT64_MAX : product;
}

/// Elements 21 and 22 of 8 octets (NX-OS): from 2^40 on, 34 years, they are no uptime but milliseconds since 1970.
inline bool is_instant(std::uint64_t uptime_ms) {
  return uptime_ms >= std::uint64_t{1} << 40;
}

/// The instant of an offset in sysUptime milliseconds (elements 21 and 22, the times of v5), ns since 1970.
/// An offset of up to the header's uptime is that long ago. One a little above is a flow that ended after the header's
/// clock was read; one far above is from before the uptime wrapped at 2^32 ms. An offset of 8 octets (NX-OS) goes on
/// where the header's uptime wraps; or it is an instant.
inline std::uint64_t uptime_to_ns(const MessageHeader& header, std::uint64_t offset_ms) {
  if (is_instant(offset_ms)) return saturated(offset_ms, 1'000'000);
  offset_ms &= 0xffff'ffff;
  const std::int64_t header_ns = std::int64_t{header.unix_secs} * 1'000'000'000 + std::int64_t{header.unix_nsecs};
  std::int64_t ahead_ms = static_cast<std::int64_t>(offset_ms) - std::int64_t{header.sys_uptime_ms};
  if (ahead_ms >= std::int64_t{1} << 31) ahead_ms -= std::int64_t{1} << 32;
  return static_cast<std::uint64_t>(std::max<std::int64_t>(header_ns + ahead_ms * 1'000'000, 0));
}

/// An NTP stamp (RFC 7011 sections 6.1.9 and 6.1.10): seconds since 1900 and a binary fraction, ns since 1970. Seconds
/// before 1970 are those of the era after 2036; 0 is no instant (RFC 5905 section 6).
inline std::uint64_t ntp_to_ns(std::uint64_t value) {
  constexpr std::uint64_t kSecondsFrom1900To1970 = 2'208'988'800;
  constexpr std::uint64_t kNsPerSecond = 1'000'000'000;
  if (value == 0) return 0;
  std::uint64_t seconds = value >> 32;
  if (seconds < kSecondsFrom1900To1970) seconds += std::uint64_t{1} << 32;
  return (seconds - kSecondsFrom1900To1970) * kNsPerSecond + ((value & 0xffff'ffff) * kNsPerSecond >> 32);
}

/// dateTimeMicroseconds and dateTimeNanoseconds are NTP stamps. VPP writes plain nanoseconds since 1970 instead; what
/// reads as a time within 30 days of the message that way, and not within ten years of it as NTP, was meant so.
inline std::uint64_t ntp_to_ns(const MessageHeader& header, std::uint64_t value) {
  constexpr std::int64_t kDay = 86'400;
  constexpr std::uint64_t kNsPerSecond = 1'000'000'000;
  const std::uint64_t ns = ntp_to_ns(value);
  const auto from_message = [&](std::uint64_t at_ns) {
    const std::int64_t distance = static_cast<std::int64_t>(at_ns / kNsPerSecond) - std::int64_t{header.unix_secs};
    return distance < 0 ? -distance : distance;
  };
  return from_message(ns) > 3653 * kDay && from_message(value) <= 30 * kDay ? value : ns;
}

/// What the octets of a field mean, for those actions that are not a plain load.
inline std::uint64_t converted(std::uint8_t action, std::uint64_t value, const MessageHeader& header) {
  switch (action) {
    case kUptime:
      return uptime_to_ns(header, value);
    case kIpfixUptime:
      return value + 1;
    case kSeconds:
      return saturated(value, 1'000'000'000);
    case kMilliseconds:
    case kDurationMilliseconds:
      return saturated(value, 1'000'000);
    case kDurationMicroseconds:
      return saturated(value, 1'000);
    case kNtp:
      return ntp_to_ns(header, value);
    case kDeltaMicroseconds: {  // RFC 7011 section 6.1: before the message's export time
      const std::uint64_t export_us = std::uint64_t{header.unix_secs} * 1'000'000;
      return (export_us > value ? export_us - value : 0) * 1'000;
    }
    default:
      return value;
  }
}

/// A tunnel's end, and the IP version that it is of; 0 where there is none.
inline void take_tunnel_address(std::uint8_t* at, Octets octets, ScratchRecord& scratch) {
  constexpr std::uint8_t kMapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  const bool mapped = std::memcmp(octets.data(), kMapped, sizeof kMapped) == 0;
  if (!mapped && all_zero(octets)) return;
  std::memcpy(at, mapped ? octets.data() + sizeof kMapped : octets.data(), mapped ? 4 : 16);
  constexpr std::size_t kTunnel = section_offset(kAllSections, Section::tunnel) - sizeof(FlowRecord);
  scratch.sections[kTunnel + offsetof(TunnelSection, ip_version)] = mapped ? 4 : 6;
}

/// Whether a big-endian integer of so many octets has no value above `most` octets.
inline bool fits(Octets octets, std::size_t most) {
  return octets.size() <= most || all_zero(octets.first(octets.size() - most));
}

/// A text, without the zeros that fill a field of fixed length. One that was cut before is marked by another element.
inline void take_text(std::uint8_t* at, Octets octets) {
  while (!octets.empty() && octets.back() == 0) octets = octets.first(octets.size() - 1);
  const std::uint8_t cut = at[0];
  put_text_at(at, {reinterpret_cast<const char*>(octets.data()), octets.size()});
  at[0] |= cut;
}

/// Inlined into the loop over the operations: a call for each field was a third of the time of a record.
[[gnu::always_inline]] inline void perform(std::uint8_t action, std::uint8_t target_octets, std::uint16_t target,
                                           Octets octets, const MessageHeader& header, ScratchRecord& scratch) {
  std::uint8_t* const at = reinterpret_cast<std::uint8_t*>(&scratch) + target;
  switch (action) {
    case kRaw:
      return;
    case kAddress4:
      std::memcpy(at, octets.data(), 4);
      scratch.base.ip_version = 4;
      return;
    case kAddress16:
      std::memcpy(at, octets.data(), 16);
      scratch.base.ip_version = 6;
      return;
    case kByte:
      *at = octets[0];
      return;
    case kU16: {
      const auto value = load_be<std::uint16_t>(octets.data());
      std::memcpy(at, &value, sizeof value);
      return;
    }
    case kU32: {
      const auto value = load_be<std::uint32_t>(octets.data());
      std::memcpy(at, &value, sizeof value);
      return;
    }
    case kU64: {
      const auto value = load_be<std::uint64_t>(octets.data());
      std::memcpy(at, &value, sizeof value);
      return;
    }
    case kU64From32: {
      const std::uint64_t value = load_be<std::uint32_t>(octets.data());
      std::memcpy(at, &value, sizeof value);
      return;
    }
    case kIcmpTypeCode: {
      const std::uint64_t value = be_integer(octets);
      at[0] = static_cast<std::uint8_t>(value >> 8);  // the code's place is right after the type's
      at[1] = static_cast<std::uint8_t>(value);
      return;
    }
    case kLabel: {
      const std::uint64_t value = be_integer(octets);
      const auto label = static_cast<std::uint32_t>(value >> 4);
      std::memcpy(at, &label, sizeof label);
      scratch.has_label = value != 0 ? 1 : 0;
      return;
    }
    case kOctets:
      std::memcpy(at, octets.data(), octets.size());
      return;
    case kTunnelAddress:
      return take_tunnel_address(at, octets, scratch);
    case kText:
      return take_text(at - 1, octets);
    case kBasicList:
      if (!take_own_list(octets, &scratch)) scratch.foreign_list = 1;
      return;
    case kUptime: {  // the common length has no loop
      const std::uint64_t value =
          uptime_to_ns(header, octets.size() == 4 ? load_be<std::uint32_t>(octets.data()) : be_integer(octets));
      std::memcpy(at, &value, sizeof value);
      return;
    }
    default: {
      std::uint64_t value = converted(action, be_integer(octets), header);
      if ((target_octets < sizeof value && value >> 8 * target_octets != 0) || !fits(octets, sizeof value))
          [[unlikely]] {
        scratch.too_large = 1;
        value = 0;
      }
      std::memcpy(at, &value, target_octets);  // the low octets: x86-64 is little-endian
      return;
    }
  }
}

}  // namespace weir::field_values
