// Records that are told from one another.
#pragma once

#include <cstdint>
#include <cstring>

#include "proto/record/flow_record.h"

namespace weir::test {

/// The `number`th record: all differ, in source port and start time among others.
inline FlowRecord numbered_record(std::uint32_t number) {
  FlowRecord record{};
  const std::uint8_t source[] = {10, 0, static_cast<std::uint8_t>(number >> 24),
                                 static_cast<std::uint8_t>(number >> 16)};
  std::memcpy(record.source_address, source, 4);
  record.destination_address[0] = 192;
  record.ip_version = 4;
  record.ether_type = 0x0800;
  record.protocol = 17;
  record.ports[kForward] = static_cast<std::uint16_t>(number);
  record.ports[kReverse] = 53;
  record.packets[kForward] = 1 + number % 7;
  record.octets[kForward] = 100 + number % 1000;
  record.first_ns[kForward] = 1'700'000'000'000'000'000 + std::uint64_t{number} * 1000;
  record.last_ns[kForward] = record.first_ns[kForward] + 500;
  record.sampling_rate = 1;
  record.end_reason = EndReason::idle_timeout;
  return record;
}

}  // namespace weir::test
