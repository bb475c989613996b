// ExportContext: what every exporter of a program is told when it is opened.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "control/export/export_mode.h"
#include "control/export/lookup.h"
#include "control/export/probe_facts.h"
#include "proto/base/ip_address.h"
#include "proto/record/learnt_names.h"
#include "proto/record/monitor_names.h"

namespace weir {

/// A million records without sections, 132 octets each with their place in the batch, and what their batches have to
/// spare.
inline constexpr std::size_t kQueueOctets = std::size_t{160} * 1024 * 1024;

class GroupBooks;

/// A monitor as exporters know it.
struct ExportMonitor {
  std::string name;
  std::vector<std::string> exporters{};  ///< names of those that its records go to; empty: all
  std::uint32_t sampling_rate = 1;
  bool sampled_at_random = false;
};

/// What the exporters know of the program that they run in.
struct ExportContext {
  ExportMode mode = ExportMode::live;
  /// Time of the first packet, ns since 1970; ExportMode::capture only.
  std::uint64_t capture_start_ns = 0;
  // What options data say before the first record.
  std::uint32_t sampling_rate = 1;
  bool sampled_at_random = false;
  std::shared_ptr<const ProbeFacts> facts;
  /// By which consumers of protobuf and JSON records know the probe; none: the records do not name it.
  IpAddress sampler_address;
  Resolver resolver;                        ///< of names of collectors; empty: the system's
  std::vector<std::string> inputs;          ///< names of files that are read: no exporter may write to one
  std::size_t queue_octets = kQueueOctets;  ///< bound of each exporter's queue, in octets of memory
  std::vector<ExportMonitor> monitors;      ///< by number; empty: one, whose records do not name it
  /// Of records from elsewhere, whose monitors are known as they come; `monitors` is empty then. Else null.
  std::shared_ptr<const LearntNames> learnt_monitors;
  std::uint32_t source_offset = 0;    ///< of a stream of one monitor's records: to be added to the source id
  std::shared_ptr<GroupBooks> group;  ///< of a group: its books

  /// The names of the monitors, as records carry them.
  [[nodiscard]] MonitorNames monitor_names() const {
    if (learnt_monitors != nullptr) return MonitorNames(learnt_monitors);
    MonitorNames names;
    for (const ExportMonitor& monitor : monitors) names.add(monitor.name);
    return names;
  }
};

}  // namespace weir
