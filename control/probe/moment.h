// Moment: what the workers, the drain and the exporters have counted, all of one moment.
//
// A worker answers between two polls, so the copies of several workers are not of one instant; they are of one moment
// of the ledger because of an order: first the drain's totals are taken, then every worker is asked, and every answer
// is later than the question. What the drain took by then, the workers had emitted before, so emitted - drained is
// never less than 0. A worker whose loop is over answers no more; its counters rest and are read in place.
//
// A worker may keep silent: one that empties its table into a full record ring, or one whose CPU is taken. Then nothing
// of what the others answered is used, for it would not fit. The last whole moment stays, and stale() says so.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "control/drain_totals.h"
#include "dataplane/counters.h"
#include "dataplane/mailbox.h"

namespace weir {

struct Moment {
  std::chrono::steady_clock::time_point at;
  std::uint64_t wall_ns = 0;  ///< the same, ns since 1970
  std::vector<WorkerCounters> counters;
  DrainTotals totals;
};

/// Where a worker's counters are found.
struct WorkerBooks {
  SnapshotBox<WorkerCounters>* box = nullptr;  ///< answers between two polls
  std::function<WorkerCounters()> counters;    ///< in place: to be called once at_rest is set
  const std::atomic<bool>* at_rest = nullptr;  ///< the worker's loop is over
};

/// The last moment of which all is known. For one thread at a time.
class LastMoment {
 public:
  using Clock = std::chrono::steady_clock;
  /// How long a silent worker is waited for. One that polls answers within microseconds, one that shares its CPU when
  /// it is scheduled next.
  static constexpr std::chrono::milliseconds kPatience{500};

  LastMoment(std::vector<WorkerBooks> workers, std::function<DrainTotals()> totals);

  /// Takes a new moment, if all workers answer. Waits for them, at most `patience` after a question; of workers that
  /// were silent for so long already it does not wait again.
  void refresh(std::chrono::nanoseconds patience = kPatience);

  /// Nothing: no moment was whole yet.
  [[nodiscard]] const std::optional<Moment>& last() const { return last_; }
  /// The last refresh() found a silent worker, so last() is older.
  [[nodiscard]] bool stale() const { return silent_.has_value(); }
  /// Which worker was silent, the first of them.
  [[nodiscard]] std::optional<unsigned> silent() const { return silent_; }
  /// By worker, for how long the question that is open has waited for its answer; 0: the worker has answered.
  [[nodiscard]] std::vector<std::chrono::nanoseconds> silences(Clock::time_point now) const;

 private:
  void ask();
  [[nodiscard]] bool answered(const WorkerBooks& worker) const;
  [[nodiscard]] std::optional<unsigned> first_silent() const;
  /// Waits until all have answered the question that is open; false: one was silent for `patience` after it.
  bool all_answer(std::chrono::nanoseconds patience);

  std::vector<WorkerBooks> workers_;
  std::function<DrainTotals()> totals_;
  std::optional<Moment> last_;
  Moment asked_;  ///< what was known when the question was put
  std::optional<unsigned> silent_;
};

}  // namespace weir
