#include "control/record_tap.h"

#include <algorithm>
#include <utility>

namespace weir {

RecordTap::Reader::~Reader() {
  const std::lock_guard lock(tap_.mutex_);
  tap_.readers_.erase(std::find(tap_.readers_.begin(), tap_.readers_.end(), this));
}

RecordTap::Batch RecordTap::Reader::take() {
  const std::lock_guard lock(tap_.mutex_);
  if (queue_.empty()) return nullptr;
  Batch batch = std::move(queue_.front());
  queue_.pop_front();
  queued_ -= batch->size();
  return batch;
}

RecordTap::Counts RecordTap::Reader::counts() const {
  const std::lock_guard lock(tap_.mutex_);
  return counts_;
}

bool RecordTap::Reader::over() const {
  const std::lock_guard lock(tap_.mutex_);
  return tap_.closed_ && queue_.empty();
}

std::unique_ptr<RecordTap::Reader> RecordTap::open(std::optional<unsigned> monitor, std::function<void()> wake) {
  std::unique_ptr<Reader> reader(new Reader(*this));
  reader->monitor_ = monitor;
  reader->wake_ = std::move(wake);
  const std::lock_guard lock(mutex_);
  for (const Kept& kept : kept_) {
    if (!monitor || kept.monitor == *monitor) reader->before_.push_back(kept.batch);
  }
  readers_.push_back(reader.get());
  return reader;
}

void RecordTap::offer(const Batch& batch, unsigned monitor) {
  const std::lock_guard lock(mutex_);
  kept_.push_back({batch, monitor});
  kept_records_ += batch->size();
  while (kept_records_ - kept_.front().batch->size() >= kKept) {
    kept_records_ -= kept_.front().batch->size();
    kept_.pop_front();
  }
  for (Reader* const reader : readers_) {
    if (reader->monitor_ && *reader->monitor_ != monitor) continue;
    reader->counts_.ended += batch->size();
    if (reader->queued_ + batch->size() > kMostQueued) {
      reader->counts_.skipped += batch->size();
    } else {
      reader->queue_.push_back(batch);
      reader->queued_ += batch->size();
    }
    reader->wake_();
  }
}

void RecordTap::close() {
  const std::lock_guard lock(mutex_);
  closed_ = true;
  for (Reader* const reader : readers_) reader->wake_();
}

}  // namespace weir
