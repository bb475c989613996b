// Quiesce: the end of a run, from the moment that the workers are told to stop until the exporters are closed.
//
// Records still leave meanwhile: the workers export every flow, the drain empties their rings, the exporters send what
// is queued. The machine is told what has moved and when; it decides whether to go on waiting. It ends when all is out,
// when nothing has moved for kPatience, when the time for the whole stop is nearly over, or with a second signal. What
// is queued then is lost by name.
//
// Time is passed in, and nothing here waits, logs or asks anybody.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "proto/base/counts.h"

namespace weir {

class Quiesce {
 public:
  using Time = std::chrono::steady_clock::time_point;
  using Span = std::chrono::nanoseconds;

  /// What has moved.
  struct Progress {
    bool drained = false;      ///< workers and rings are empty
    RecordTotals out;          ///< left the exporters or was lost by them
    std::uint64_t queued = 0;  ///< records waiting in the exporters
  };
  struct Decision {
    bool over = false;
    Span close_within{};                ///< over: how long the exporters may take to close
    std::optional<std::string> notice;  ///< for the log
    bool gives_up = false;              ///< the notice is a warning: records are lost
  };

  static constexpr Span kPatience = std::chrono::seconds(15);  ///< longer than a stalled connection is waited for
  static constexpr Span kTellAfter = std::chrono::seconds(1);
  /// What the exporters get to close where records are given up; a quarter of the whole stop where that is less.
  static constexpr Span kLastCall = std::chrono::seconds(1);

  /// `whole`: from now until the exporters are closed.
  Quiesce(Time begin, Span whole)
      : begin_(begin), deadline_(begin + whole), last_call_(std::min(kLastCall, whole / 4)), moved_(begin) {}

  /// To be asked many times a second.
  Decision look(Time now, const Progress& progress);
  /// A second signal came.
  [[nodiscard]] static Decision give_up(const Progress& progress);

 private:
  Time begin_;
  Time deadline_;
  Span last_call_;
  Time moved_;
  RecordTotals out_;
  bool told_ = false;
};

}  // namespace weir
