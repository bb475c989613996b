// Operations: what an operator may do to the running probe over the control socket: look on as flows end, have it check
// itself, drain, stop.
//
// Whoever asks is told at once whether it will be done; the supervisor does it (supervision.h).
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "control/probe/phase.h"
#include "control/probe/signals.h"
#include "control/record_tap.h"
#include "control/service/operator_source.h"
#include "control/service/status_source.h"
#include "proto/record/monitor_names.h"

namespace weir {

class Operations final : public OperatorSource {
 public:
  /// `monitors`: the names of those that the configuration names. All that are referred to outlive this.
  Operations(std::vector<std::string> monitors, const ProbePhase& phase, ProbeSignals& signals, StatusSource& status);

  tl::expected<std::unique_ptr<TailReader>, std::string> tail(const v1::TailRequest& request,
                                                              std::function<void()> wake) override;
  v1::SelfCheckReply self_check() override;
  tl::expected<void, std::string> drain(std::string_view who) override;
  tl::expected<void, std::string> stop(std::string_view who) override;

  /// Somebody asked for a stop, and waits for what came of it.
  [[nodiscard]] bool stop_asked() const { return stop_asked_; }
  /// Where the drain offers records.
  RecordTap& tap() { return tap_; }

 private:
  tl::expected<void, std::string> try_drain(std::string_view who);

  const std::vector<std::string> monitors_;
  MonitorNames names_;
  const ProbePhase& phase_;
  ProbeSignals& signals_;
  StatusSource& status_;
  const std::int64_t clocks_apart_ns_;  ///< wall clock less monotonic clock, at the start
  RecordTap tap_;
  std::atomic<bool> stop_asked_{false};
};

}  // namespace weir
