// ChangeLog: what has changed at the ports and the exporters since the last look, as lines for the log.
//
// A state is said once, when it begins: a link that comes up or goes down, a port's problem, an exporter that has no
// connection or loses records, a worker that does not poll, and that it is well again.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "control/export/exporter_snapshot.h"
#include "dataplane/dpdk/runtime.h"

namespace weir {

/// A worker that has not polled for so long is named: in the log, in the status, and to the service manager.
inline constexpr std::chrono::seconds kSilentTooLong{2};

struct LogLine {
  enum class Level : std::uint8_t { info, warning, error };
  Level level = Level::info;
  std::string text;
  friend bool operator==(const LogLine&, const LogLine&) = default;
};

class ChangeLog {
 public:
  /// The ports in the same order each time. At the first look all links count as down.
  std::vector<LogLine> ports(const std::vector<dpdk::PortInfo>& ports);
  /// The exporters in the same order each time. At the first look all count as well.
  std::vector<LogLine> exporters(const std::vector<ExporterSnapshot>& exporters);
  /// For how long each worker has been silent; the workers in the same order each time.
  std::vector<LogLine> workers(const std::vector<std::chrono::nanoseconds>& silences);

 private:
  std::vector<bool> link_up_;
  std::vector<std::string> problems_;
  std::map<std::string, std::string> exporter_notes_;  ///< by name
  std::vector<std::chrono::nanoseconds> silences_;     ///< of workers that were named; 0: of the others
};

}  // namespace weir
