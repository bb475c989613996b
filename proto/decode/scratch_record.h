// ScratchRecord: where a record is put together before it goes into a batch.
//
// It has the base with every section at its place, so that operations can store by fixed offsets; before it stands what
// only the end of a record makes something of (record_finish.h), after it what few templates have.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "proto/base/sampling_rate.h"
#include "proto/record/sections.h"

namespace weir {

/// Octets of all sections together.
inline constexpr std::size_t kAllSectionOctets = sections_octets(kAllSections);

/// The facts of an IP header and what it carries, where a template names two headers.
struct OuterHeader {
  std::uint8_t ipv4[2][4] = {};  ///< source and destination
  std::uint8_t ipv6[2][16] = {};
  std::uint16_t ports[2] = {0, 0};
  std::uint16_t tcp_control_bits = 0;
  std::uint8_t protocol = 0;
  std::uint8_t ip_tos = 0;
  std::uint8_t ip_version = 0;
  std::uint8_t reserved[5] = {};
};

/// Addresses where a template has those of both families for one header.
struct BothFamilies {
  std::uint8_t ipv4[2][4] = {};
  std::uint8_t ipv6[2][16] = {};
};

struct ScratchRecord {
  // Zero before each record:
  std::uint64_t first_uptime_ms = 0;  ///< IPFIX only, plus 1: 0 is none
  std::uint64_t last_uptime_ms = 0;
  std::uint64_t system_init_ms = 0;
  std::uint64_t duration_ns = 0;
  std::uint64_t sampler_id = 0;
  SamplingFields sampling{};
  std::uint16_t tcp_control_bits[2] = {0, 0};
  std::uint8_t icmp[2][2] = {{0, 0}, {0, 0}};  ///< type and code of each direction
  std::uint8_t sampling_algorithm = 0;
  std::uint8_t has_label = 0;     ///< a label of 0 is one, too
  std::uint8_t ip_version = 0;    ///< element 60
  std::uint8_t too_large = 0;     ///< a value did not fit into its place, which is 0
  std::uint8_t foreign_list = 0;  ///< a basicList is none of weir's own
  std::uint8_t reserved[3] = {};
  FlowRecord base{};
  // Zero before each record of a template that has sections, two headers or both families:
  std::uint8_t sections[kAllSectionOctets] = {};  ///< each where a record with all of them has it
  OuterHeader outer{};
  BothFamilies families{};
};
static_assert(std::is_standard_layout_v<ScratchRecord>, "operations store by offset");
static_assert(offsetof(ScratchRecord, sections) == offsetof(ScratchRecord, base) + sizeof(FlowRecord),
              "base and sections are one record");
inline constexpr std::size_t kScratchOfPlainRecord = offsetof(ScratchRecord, sections);

}  // namespace weir
