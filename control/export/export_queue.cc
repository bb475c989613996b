#include "control/export/export_queue.h"

#include <algorithm>
#include <utility>

namespace weir {

ExportQueue::ExportQueue(std::string name, std::size_t limit_octets, bool measures_lateness)
    : name_(std::move(name)), limit_octets_(limit_octets), measures_lateness_(measures_lateness) {}

bool ExportQueue::push_locked(const std::shared_ptr<const RecordBatch>& batch, const RecordTotals& totals) {
  if (batch->empty()) return true;
  if (failed_ && in_group_) return false;
  if (failed_) {
    drained_ += totals;
    lost_of(fail_loss_) += totals;
    return true;
  }
  const std::size_t octets = octets_of(*batch);
  // After close() the thread that takes records may have ended.
  if (closed_ || !has_room(octets)) return false;
  drained_ += totals;
  queued_ += totals;
  waiting_ += batch->size();
  held_octets_ += octets;
  pieces_.push_back({batch, 0, batch->size()});
  records_came_.notify_one();
  return true;
}

bool ExportQueue::push(const std::shared_ptr<const RecordBatch>& batch) {
  const RecordTotals totals = totals_of(batch->span());  // before the lock: the exporter need not wait for the sum
  const std::lock_guard lock(mutex_);
  return push_locked(batch, totals);
}

bool ExportQueue::wait_step(std::unique_lock<std::mutex>& lock, Stall& stall, ExportClock::duration patience) {
  // Wait in short steps, since `patience` starts again whenever the exporter makes progress.
  room_came_.wait_for(lock, std::chrono::milliseconds(100));
  const ExportTime now = ExportClock::now();
  if (consumed_ != stall.seen) {
    stall = {consumed_, now};
  } else if (now - stall.since >= patience) {
    stalled_at_ = consumed_;
    return false;
  }
  return true;
}

bool ExportQueue::push_waiting(const std::shared_ptr<const RecordBatch>& batch, ExportClock::duration patience) {
  const RecordTotals totals = totals_of(batch->span());
  std::unique_lock lock(mutex_);
  Stall stall{consumed_, ExportClock::now()};
  while (true) {
    if (push_locked(batch, totals)) return true;
    if (!worth_waiting()) return false;
    if (!wait_step(lock, stall, patience)) return push_locked(batch, totals);
  }
}

void ExportQueue::wait_for_room(std::size_t octets, ExportClock::duration patience) {
  std::unique_lock lock(mutex_);
  Stall stall{consumed_, ExportClock::now()};
  while (!failed_ && worth_waiting() && !has_room(octets + kBatchOverhead)) {
    if (!wait_step(lock, stall, patience)) return;
  }
}

void ExportQueue::refuse(const RecordBatch& batch) {
  const RecordTotals totals = totals_of(batch.span());
  const std::lock_guard lock(mutex_);
  drained_ += totals;
  lost_of(closed_ ? ExportLoss::shutdown : ExportLoss::queue_full) += totals;
}

void ExportQueue::close(ExportTime deadline) {
  const std::lock_guard lock(mutex_);
  closed_ = true;
  deadline_ = std::min(deadline_, deadline);
  if (failed_) lose_waiting_locked(fail_loss_);  // of a member of a group: nobody withdraws it any more
  records_came_.notify_all();
  room_came_.notify_all();
}

void ExportQueue::set_paused(bool paused) {
  const std::lock_guard lock(mutex_);
  paused_ = paused;
  records_came_.notify_all();
  room_came_.notify_all();
}

ExporterSnapshot ExportQueue::snapshot() const {
  ExporterSnapshot result;
  result.name = name_;
  const std::lock_guard lock(mutex_);
  result.state = "up";
  if (failed_) {
    result.state = "failed: " + why_;
  } else if (paused_) {
    result.state = "paused";
  } else if (!connected_) {
    result.state = why_.empty() ? "connecting" : "connecting: " + why_;
  } else if (!refused_.empty()) {
    result.state = "refused: " + refused_;
  } else if (!why_.empty()) {
    result.state = "reopening: " + why_;
  }
  result.reader_left = reader_left_;
  result.drained = drained_;
  result.exported = exported_;
  result.queued = queued_;
  for (std::size_t i = 0; i < kExportLossCount; ++i) result.lost.emplace_back(kExportLossTexts[i].name, lost_[i]);
  result.datagrams = writes_;
  result.wire_octets = wire_octets_;
  result.queue_octets = held_octets_;
  result.queue_limit_octets = limit_octets_;
  result.lateness = lateness_;
  result.connections.assign(connections_.begin(), connections_.end());
  return result;
}

RecordSpan ExportQueue::wait_records(ExportTime until, std::size_t most) {
  std::unique_lock lock(mutex_);
  const auto woken = [this] { return gives() || closed_ || woken_; };
  if (until == ExportTime::max()) {
    records_came_.wait(lock, woken);  // wait_until(max()) overflows in the conversion to the system's clock
  } else {
    records_came_.wait_until(lock, until, woken);
  }
  woken_ = false;
  if (!gives()) return {};
  const Piece& piece = pieces_.front();
  lent_ = std::min(most, piece.end - piece.at);
  return piece.batch->subspan(piece.at, lent_);
}

void ExportQueue::wake() {
  const std::lock_guard lock(mutex_);
  woken_ = true;
  records_came_.notify_all();
}

void ExportQueue::wait_until(ExportTime until) {
  std::unique_lock lock(mutex_);
  const bool was_closed = closed_;
  const ExportTime end = std::min(until, deadline_);
  const auto woken = [&] { return closed_ != was_closed; };
  if (end == ExportTime::max()) {
    records_came_.wait(lock, woken);
  } else {
    records_came_.wait_until(lock, end, woken);
  }
}

void ExportQueue::consumed(std::size_t count) {
  std::shared_ptr<const RecordBatch> done;  // released after the lock: the last owner frees a batch
  const std::lock_guard lock(mutex_);
  lent_ = 0;
  if (count == 0) return;
  Piece& piece = pieces_.front();
  piece.at += count;
  if (piece.at == piece.end) {
    done = std::move(piece.batch);
    held_octets_ -= octets_of(*done);
    pieces_.pop_front();
    room_came_.notify_one();  // only a whole batch makes room
  }
  waiting_ -= count;
  consumed_ += count;
}

ExportQueue::Condition ExportQueue::condition() const {
  const std::lock_guard lock(mutex_);
  Condition condition;
  condition.works = connected_ && !paused_ && refused_.empty() && !failed_ && !closed_;
  condition.failed = failed_;
  condition.waiting = waiting_;
  condition.progress = consumed_ + exported_.records;
  return condition;
}

std::vector<ExportQueue::Piece> ExportQueue::withdraw() {
  std::vector<Piece> taken;
  RecordTotals totals;
  const std::lock_guard lock(mutex_);
  std::size_t kept = 0;
  for (Piece& piece : pieces_) {
    // What is lent lies at the beginning of the first piece.
    const std::size_t from = &piece == &pieces_.front() ? piece.at + lent_ : piece.at;
    if (from != piece.end) taken.push_back({piece.batch, from, piece.end});
    piece.end = from;
    if (piece.at == piece.end) {
      held_octets_ -= octets_of(*piece.batch);
    } else {
      ++kept;
    }
  }
  pieces_.resize(kept);  // the first one, or none
  for (const Piece& piece : taken) totals += totals_of(piece.records());
  waiting_ = lent_;
  drained_ -= totals;
  queued_ -= totals;
  room_came_.notify_all();
  return taken;
}

void ExportQueue::exported_came_back(const RecordTotals& totals) {
  const std::lock_guard lock(mutex_);
  exported_ -= totals;
  queued_ += totals;
}

bool ExportQueue::closed() const {
  const std::lock_guard lock(mutex_);
  return closed_;
}

bool ExportQueue::past_deadline() const {
  const std::lock_guard lock(mutex_);
  return closed_ && ExportClock::now() >= deadline_;
}

bool ExportQueue::nothing_waits() const {
  const std::lock_guard lock(mutex_);
  return waiting_ == 0;
}

void ExportQueue::exported(const RecordTotals& totals, std::uint64_t writes, std::uint64_t wire_octets,
                           const Lateness& lateness) {
  const std::lock_guard lock(mutex_);
  queued_ -= totals;
  exported_ += totals;
  writes_ += writes;
  wire_octets_ += wire_octets;
  if (measures_lateness_) lateness_ += lateness;
  if (!connections_.empty()) connections_.back().exported += totals;
}

void ExportQueue::lost(const RecordTotals& totals, ExportLoss loss) {
  const std::lock_guard lock(mutex_);
  queued_ -= totals;
  lost_of(loss) += totals;
}

void ExportQueue::exported_was_lost(const RecordTotals& totals, ExportLoss loss) {
  const std::lock_guard lock(mutex_);
  exported_ -= totals;
  lost_of(loss) += totals;
}

void ExportQueue::set_connected(bool connected, const std::string& why) {
  const std::lock_guard lock(mutex_);
  set_connected_locked(connected, why);
}

void ExportQueue::connection_began() {
  const std::lock_guard lock(mutex_);
  ConnectionCount connection;
  connection.first = connection.last = connections_.empty() ? 1 : connections_.back().last + 1;
  connection.open = true;
  connections_.push_back(std::move(connection));
  if (connections_.size() > kConnections) {
    const ConnectionCount oldest = std::move(connections_.front());
    connections_.pop_front();
    ConnectionCount& several = connections_.front();
    several.first = oldest.first;
    several.exported += oldest.exported;
    several.unacknowledged += oldest.unacknowledged;
  }
  set_connected_locked(true, {});
}

void ExportQueue::connection_ended(const RecordTotals& unacknowledged, const std::string& why) {
  const std::lock_guard lock(mutex_);
  if (!connections_.empty() && connections_.back().open) {
    ConnectionCount& connection = connections_.back();
    connection.unacknowledged = unacknowledged;
    connection.open = false;
    connection.ended = why;
  }
  if (!why.empty()) set_connected_locked(false, why);
}

void ExportQueue::set_connected_locked(bool connected, const std::string& why) {
  connected_ = connected;
  if (!failed_) why_ = why;
  room_came_.notify_all();
}

void ExportQueue::set_refused(const std::string& why) {
  const std::lock_guard lock(mutex_);
  refused_ = why;
}

void ExportQueue::set_reopening(const std::string& why) {
  const std::lock_guard lock(mutex_);
  if (connected_ && !failed_) why_ = why;
}

void ExportQueue::fail(const std::string& why, ExportLoss loss, bool reader_left) {
  const std::lock_guard lock(mutex_);
  if (!failed_) {
    failed_ = true;
    reader_left_ = reader_left;
    fail_loss_ = loss;
    why_ = why;
  }
  if (!in_group_ || closed_) lose_waiting_locked(loss);
  room_came_.notify_all();
}

void ExportQueue::lose_waiting(ExportLoss loss) {
  const std::lock_guard lock(mutex_);
  lose_waiting_locked(loss);
}

void ExportQueue::lose_waiting_locked(ExportLoss loss) {
  RecordTotals totals;
  for (const Piece& piece : pieces_) totals += totals_of(piece.batch->subspan(piece.at, piece.end - piece.at));
  pieces_.clear();
  waiting_ = 0;
  lent_ = 0;
  held_octets_ = 0;
  queued_ -= totals;
  lost_of(loss) += totals;
  room_came_.notify_all();
}

bool ExportQueue::failed() const {
  const std::lock_guard lock(mutex_);
  return failed_;
}

}  // namespace weir
