// One sFlow v5 datagram, without state: its header, where its samples lie, and the records of a sample (sflow.org,
// "sFlow Version 5", section 5).
//
// Input is hostile: every length is checked, nothing is read behind the datagram, and what is allocated is in
// proportion to its octets (a record has 8 octets at least).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "proto/base/ip_address.h"
#include "proto/decode/flow_message.h"

namespace weir {

/// Data formats of samples.
enum SflowSampleFormat : std::uint32_t {
  kFlowSample = 1,
  kCountersSample = 2,
  kExpandedFlowSample = 3,
  kExpandedCountersSample = 4,
};

struct SflowSample {
  std::uint32_t format;                  ///< enterprise << 12 | format
  std::span<const std::uint8_t> octets;  ///< what stands behind its length
};

struct SflowMessage {
  MessageHeader header;  ///< `source_id` is the sub-agent; the time is the receiver's to fill in
  IpAddress agent;       ///< none: the datagram says that it is unknown
  std::vector<SflowSample> samples;
};

/// Whether a datagram is to be read as sFlow: its first 4 octets are the version. (NetFlow's version has 2.)
[[nodiscard]] bool is_sflow(std::span<const std::uint8_t> datagram);

/// Splits a datagram that is_sflow(). The header is filled if the result is neither short_header nor bad_agent_address;
/// the samples before the place of another error are worth decoding.
DecodeError parse_sflow(std::span<const std::uint8_t> datagram, SflowMessage& out);

/// An interface: what its number means depends on the upper bits.
struct SflowInterface {
  enum Form : std::uint32_t { index = 0, discarded = 1, several = 2 };
  std::uint32_t form = index;
  std::uint32_t value = 0;  ///< an ifIndex (0: unknown); why the packet was discarded; how many interfaces

  /// The agent itself sent or received the packet.
  static constexpr std::uint32_t kInternal = 0x3fff'ffff;
  /// 0: it has none.
  [[nodiscard]] std::uint32_t if_index() const { return form == index && value != kInternal ? value : 0; }
};

struct SflowRecord {
  std::uint32_t format;  ///< enterprise << 12 | format
  std::span<const std::uint8_t> octets;
};

/// A flow sample or a counter sample.
struct SflowSampleContent {
  bool counters = false;
  std::uint32_t sequence = 0;
  std::span<const std::uint8_t> source_type;   ///< 1 or 4 octets
  std::span<const std::uint8_t> source_index;  ///< 3 or 4 octets
  // Of a flow sample:
  std::uint32_t sampling_rate = 0;
  std::uint32_t sample_pool = 0;  ///< packets that could have been sampled
  std::uint32_t drops = 0;        ///< samples that the agent lost
  SflowInterface input;
  SflowInterface output;
  std::vector<SflowRecord> records;
};

[[nodiscard]] bool is_known_sample(std::uint32_t format);

/// Reads a sample of a known format. With an error `out` has the records before the place.
DecodeError parse_sflow_sample(const SflowSample& sample, SflowSampleContent& out);

}  // namespace weir
