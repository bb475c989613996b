// Announcements: the messages that tell a collector how to read the records that follow, and what the exporter knows of
// itself. Templates, options templates, and options data: sampling, exporter statistics with the ledger's sums, names
// of interfaces, and in IPFIX every loss by its name.
//
// clang-format off
//   template | scope                        | elements
//   ---------+------------------------------+--------------------------------------------------------------------------
//   260      | v9 System, IPFIX 149         | 34 samplingInterval, 35 samplingAlgorithm
//            | (profile with selectors)     | 302 selectorId (0), 304 selectorAlgorithm (1 systematic, 3 random n out of
//            |                              | N), 305 (1), 306 (rate - 1)
//   261      | v9 System, IPFIX 149         | 41 messages, 40 octets and 42 flow records exported; 163 flows observed;
//            |                              | 166 flows, 167 packets and 168 octets not sent; 164 packets and 165
//            |                              | octets ignored
//   262      | v9 Interface, IPFIX 10       | 82 interfaceName, 83 interfaceDescription
//   263      | IPFIX 32473:1 weirLossName   | 166 records, 167 packets, 168 octets of one reason; nothing for a reason
//            |                              | that is 0
// clang-format on
//
// Read as the ledger: 163 = 42 + 166 + what is still queued, in weir's flow records (a biflow is one, however many data
// records it makes), and 164/165 are the frames that never came into a flow. v9 has no enterprise elements, so the
// names of losses travel in IPFIX only.
//
// A message never exceeds the payload of the path, so there may be several. They are made every few seconds, not per
// record: this code allocates.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "proto/encode/export_profile.h"
#include "proto/encode/export_template.h"

namespace weir {

struct NamedLoss {
  std::string name;
  std::uint64_t records = 0;
  std::uint64_t packets = 0;
  std::uint64_t octets = 0;
};

struct InterfaceName {
  std::uint32_t index = 0;
  std::string name;
  std::string description;
};

/// What options data say. Totals since the start.
struct ExportAccount {
  std::uint64_t messages = 0;
  std::uint64_t octets = 0;
  std::uint64_t flow_records = 0;
  std::uint64_t observed_flows = 0;
  std::uint64_t ignored_packets = 0;
  std::uint64_t ignored_octets = 0;
  std::uint32_t sampling_rate = 1;
  bool sampled_at_random = false;
  std::vector<NamedLoss> losses;
  std::vector<InterfaceName> interfaces;
};

/// A message complete but for its header, whose octets are there and zero.
struct AnnouncedMessage {
  std::vector<std::uint8_t> octets;
  std::uint32_t records = 0;       ///< templates, options templates and data records: the count of v9
  std::uint32_t data_records = 0;  ///< what IPFIX counts in its sequence
};

struct AnnouncementForm {
  Dialect dialect = Dialect::netflow9;
  std::uint32_t domain = 0;  ///< source id or observation domain id
  std::uint32_t header_octets = 20;
  std::uint32_t limit_octets = 1400;  ///< at least 512
  bool selectors = false;             ///< see profile_wants_selectors()
  bool own_elements = true;           ///< false: without losses by name, whose scope is an element of weir's own
  bool options_templates = true;
  bool options_data = true;
};

std::vector<AnnouncedMessage> announcement(const AnnouncementForm& form,
                                           std::span<const ExportTemplate* const> templates,
                                           const ExportAccount& account);

/// The record of one data template in a template set: id, field count, fields. Returns its end.
std::uint8_t* write_template_record(std::uint8_t* out, const ExportTemplate& of);

}  // namespace weir
