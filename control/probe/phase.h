// ProbePhase: whether weir starts, runs, drains or stops, and what it is doing meanwhile.
//
// Set by the supervisor, read by the services' threads.
#pragma once

#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

#include "proto/base/number_text.h"

namespace weir {

enum class Phase : std::uint8_t { starting, running, draining, drained, stopping };

constexpr std::string_view phase_name(Phase phase) {
  switch (phase) {
    case Phase::starting:
      return "starting";
    case Phase::running:
      return "running";
    case Phase::draining:
      return "draining";
    case Phase::drained:
      return "drained";
    case Phase::stopping:
      return "stopping";
  }
  return "";
}

struct Activity {
  Phase phase = Phase::starting;
  std::string doing;  ///< a step of the start, of the drain or of the stop; else empty

  /// "starting: opening the exporters"; empty while weir runs.
  [[nodiscard]] std::string text() const {
    if (phase == Phase::running) return {};
    return std::string(phase_name(phase)) + (doing.empty() ? "" : ": " + doing);
  }
};

class ProbePhase {
 public:
  void set(Phase phase, std::string doing = {}) {
    const std::lock_guard lock(mutex_);
    activity_ = {phase, std::move(doing)};
  }
  [[nodiscard]] Activity get() const {
    const std::lock_guard lock(mutex_);
    return activity_;
  }

 private:
  mutable std::mutex mutex_;
  Activity activity_;
};

/// What the start does while `done` octets of `all` have been touched.
inline std::string touching_text(std::uint64_t done, std::uint64_t all) {
  return "touching the flow table's memory, " + std::to_string(all == 0 ? 100 : done * 100 / all) + " % of " +
         scaled(static_cast<double>(all), "B");
}

}  // namespace weir
