#include "control/probe/moment.h"

#include <thread>
#include <utility>

#include "dataplane/live_clock.h"

namespace weir {

LastMoment::LastMoment(std::vector<WorkerBooks> workers, std::function<DrainTotals()> totals)
    : workers_(std::move(workers)), totals_(std::move(totals)) {}

void LastMoment::ask() {
  asked_.totals = totals_();
  asked_.at = Clock::now();
  asked_.wall_ns = LiveClock::read_wall_ns();
  for (const WorkerBooks& worker : workers_) worker.box->request();
}

bool LastMoment::answered(const WorkerBooks& worker) const {
  return worker.at_rest->load(std::memory_order_acquire) || worker.box->answered();
}

std::optional<unsigned> LastMoment::first_silent() const {
  for (unsigned i = 0; i < workers_.size(); ++i) {
    if (!answered(workers_[i])) return i;
  }
  return std::nullopt;
}

std::vector<std::chrono::nanoseconds> LastMoment::silences(Clock::time_point now) const {
  std::vector<std::chrono::nanoseconds> silences(workers_.size());
  for (std::size_t i = 0; i < workers_.size(); ++i) {
    if (!answered(workers_[i])) silences[i] = now - asked_.at;
  }
  return silences;
}

bool LastMoment::all_answer(std::chrono::nanoseconds patience) {
  while ((silent_ = first_silent()).has_value()) {
    if (Clock::now() >= asked_.at + patience) return false;
    std::this_thread::sleep_for(std::chrono::microseconds(50));
  }
  return true;
}

void LastMoment::refresh(std::chrono::nanoseconds patience) {
  // Do not repeat a question that is still open: nobody could tell which of the two a late answer belongs to.
  if (silent_.has_value() && !all_answer(patience)) return;
  ask();
  if (!all_answer(patience)) return;
  asked_.counters.clear();
  for (const WorkerBooks& worker : workers_) {
    const bool rests = worker.at_rest->load(std::memory_order_acquire);
    asked_.counters.push_back(rests ? worker.counters() : worker.box->value());
  }
  last_ = asked_;
}

}  // namespace weir
