#include "control/record_drain.h"

#include <chrono>
#include <memory>
#include <utility>

namespace weir {

RecordDrain::RecordDrain(std::vector<RecordRing*> rings, ExportHub& hub, bool wait)
    : rings_(std::move(rings)), hub_(hub), drained_(rings_.size()), staging_(kBatch), wait_(wait) {
  thread_ = std::thread([this] { run(); });
}

RecordDrain::~RecordDrain() {
  finish();
}

void RecordDrain::finish() {
  begin_finish();
  if (thread_.joinable()) thread_.join();
}

void RecordDrain::run() {
  for (;;) {
    // Read before the rings are: what was pushed before the flag was set is then seen.
    const bool last = stopping_.load(std::memory_order_acquire);
    if (round()) continue;
    if (last) break;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  finished_.store(true, std::memory_order_release);
}

bool RecordDrain::round() {
  const std::lock_guard lock(mutex_);
  auto batch = std::make_shared<RecordBatch>();
  for (std::size_t i = 0; i < rings_.size(); ++i) {
    const std::size_t count = rings_[i]->pop(staging_);
    for (std::size_t k = 0; k < count; ++k) drained_[i].add(staging_[k]);
    batch->insert(batch->end(), staging_.begin(), staging_.begin() + static_cast<std::ptrdiff_t>(count));
  }
  if (batch->empty()) return false;
  hub_.offer(std::move(batch), wait_.load(std::memory_order_relaxed));
  return true;
}

RecordDrain::Totals RecordDrain::totals() const {
  const std::lock_guard lock(mutex_);
  return {drained_, hub_.snapshot()};
}

}  // namespace weir
