// ExportQueue: one exporter's bounded queue of records, and its books (what was offered, exported, queued and lost).
//
// One mutex protects queue and books, so that drained = exported + queued + sum(lost) holds in every snapshot and not
// only at rest. A record is queued from when it is offered until it leaves or is lost. This includes the time that it
// spends encoded in an unsent datagram, in a write buffer, on a connection whose peer has not acknowledged it, or in
// memory to be sorted. `waiting` is the part that no exporter has taken yet. The queue's bound is for this part; what
// an exporter holds has bounds of its own. The lock is taken once per batch, datagram or write, never per record.
//
// Batches are shared between exporters by reference. The bound is in octets of memory: a batch counts as a whole, with
// what its arena has to spare, as long as a record of it waits. A batch for which there is no room waits outside or is
// lost by name. A queue in which nothing waits takes any batch, so that one which is larger than the bound gets
// through.
#pragma once

#include <array>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "control/export/exporter_snapshot.h"
#include "control/export/lateness.h"
#include "control/export/loss.h"
#include "proto/base/counts.h"
#include "proto/record/record_batch.h"

namespace weir {

using ExportClock = std::chrono::steady_clock;
using ExportTime = ExportClock::time_point;

class ExportQueue {
 public:
  /// `measures_lateness`: whether the books say how late records left.
  ExportQueue(std::string name, std::size_t limit_octets, bool measures_lateness = true);
  ExportQueue(const ExportQueue&) = delete;
  ExportQueue& operator=(const ExportQueue&) = delete;

  // The drain thread.
  /// Takes the batch; false: there is no room. A failed exporter takes all, as a loss.
  bool push(const std::shared_ptr<const RecordBatch>& batch);
  /// The same, but waits for room. Gives up, and returns false, when the exporter has no connection, when it is
  /// closing, or when it took no record for `patience` (max(): never); after that it does not wait again before the
  /// exporter has taken one.
  bool push_waiting(const std::shared_ptr<const RecordBatch>& batch, ExportClock::duration patience);
  /// Waits until there is room for a batch of `octets` of memory. Where it is no use to wait, as push_waiting() has it,
  /// returns at once: what is pushed is then lost by name.
  void wait_for_room(std::size_t octets, ExportClock::duration patience);
  /// Enters the batch as offered and lost: the queue has no room or, once closed, the shutdown lost it.
  void refuse(const RecordBatch& batch);
  /// What a batch takes of the bound: its memory, and that of its place in a queue.
  [[nodiscard]] static std::size_t octets_of(const RecordBatch& batch) {
    return batch.allocated_octets() + kBatchOverhead;
  }
  /// The allocator's own and a shared pointer's count of a batch, and its place in the queue.
  static constexpr std::size_t kBatchOverhead = 128;
  /// No more records will come; what is not out by `deadline` will be lost.
  void close(ExportTime deadline);
  [[nodiscard]] ExporterSnapshot snapshot() const;

  /// Any thread: while it is paused, and until it is closed, wait_records() gives nothing, and nobody waits for room.
  void set_paused(bool paused);

  // The exporter's thread.
  /// The first waiting records, at most `most`, in one piece; empty when there were none until `until` or, once closed,
  /// at once. Valid until consumed().
  RecordSpan wait_records(ExportTime until, std::size_t most);
  /// Any thread: wait_records() returns at once, once.
  void wake();
  /// Sleeps until `until`, or the deadline of close() if that is earlier. Returns at once when close() is called.
  void wait_until(ExportTime until);
  /// The first `count` of the records that wait_records() gave are in the exporter's hands now.
  void consumed(std::size_t count);
  [[nodiscard]] bool closed() const;
  [[nodiscard]] bool past_deadline() const;
  [[nodiscard]] bool nothing_waits() const;

  // A member of a group (group_books.h). What waits at it may be given to another member.
  /// Before anything else: where the exporter fails, what waits goes on waiting until withdraw() or close(), and
  /// nothing more is taken.
  void join_group() { in_group_ = true; }
  [[nodiscard]] bool in_group() const { return in_group_; }
  /// Records of a batch, from `at` up to `end`.
  struct Piece {
    std::shared_ptr<const RecordBatch> batch;
    std::size_t at;
    std::size_t end;
    [[nodiscard]] RecordSpan records() const { return batch->subspan(at, end - at); }
  };
  struct Condition {
    bool works = false;          ///< there is somebody to send to, who does not refuse
    bool failed = false;         ///< for good
    std::size_t waiting = 0;     ///< records that the exporter has not taken
    std::uint64_t progress = 0;  ///< another number: records were taken or have left since
  };
  [[nodiscard]] Condition condition() const;
  /// Takes back what waits and is not in the exporter's hands: it counts as never offered.
  std::vector<Piece> withdraw();
  /// A group's: counted as exported, and now queued again.
  void exported_came_back(const RecordTotals& totals);

  // Books. Each moves records that an exporter took out of `queued`.
  void exported(const RecordTotals& totals, std::uint64_t writes, std::uint64_t wire_octets,
                const Lateness& lateness = {});
  void lost(const RecordTotals& totals, ExportLoss loss);
  /// Counted as exported, and now known to be lost.
  void exported_was_lost(const RecordTotals& totals, ExportLoss loss);
  /// Whether there is somebody to send to: "up", or "connecting" and `why` the last attempt failed, if one did.
  void set_connected(bool connected, const std::string& why = {});
  /// A connection is there: "up". What is exported from now on is counted for it, too.
  void connection_began();
  /// It is no more: "connecting" and `why`, or weir closed it and `why` is empty. `unacknowledged`: see
  /// ConnectionCount.
  void connection_ended(const RecordTotals& unacknowledged, const std::string& why);
  /// A collector that does not answer, so that only its host can say that it is not there: "refused" and `why`; empty:
  /// it is "up" again. Records are sent all the same.
  void set_refused(const std::string& why);
  /// While it is connected: records leave, and something is to be opened anew, which is not possible: "reopening" and
  /// `why`. Empty: all is well, "up".
  void set_reopening(const std::string& why);
  /// For good: what waits and what is still offered is `loss` from now on.
  void fail(const std::string& why, ExportLoss loss, bool reader_left = false);
  /// What waits is lost; the exporter goes on.
  void lose_waiting(ExportLoss loss);
  [[nodiscard]] bool failed() const;
  [[nodiscard]] const std::string& name() const { return name_; }

 private:
  static constexpr std::size_t kConnections = 8;
  /// How long push_waiting() and wait_for_room() have seen nothing move.
  struct Stall {
    std::uint64_t seen;
    ExportTime since;
  };
  bool push_locked(const std::shared_ptr<const RecordBatch>& batch, const RecordTotals& totals);
  [[nodiscard]] bool has_room(std::size_t octets) const {
    return pieces_.empty() || octets <= without(limit_octets_, held_octets_);
  }
  [[nodiscard]] bool gives() const { return waiting_ != 0 && (!paused_ || closed_); }
  [[nodiscard]] bool worth_waiting() const { return !closed_ && !paused_ && connected_ && consumed_ != stalled_at_; }
  /// A bounded step of waiting for room. False: nothing has moved for `patience`; it is no use to wait any more.
  bool wait_step(std::unique_lock<std::mutex>& lock, Stall& stall, ExportClock::duration patience);
  void lose_waiting_locked(ExportLoss loss);
  void set_connected_locked(bool connected, const std::string& why);
  [[nodiscard]] RecordTotals& lost_of(ExportLoss loss) { return lost_[static_cast<std::size_t>(loss)]; }

  const std::string name_;
  const std::size_t limit_octets_;
  const bool measures_lateness_;
  mutable std::mutex mutex_;
  std::condition_variable records_came_;  ///< or close()
  std::condition_variable room_came_;     ///< or a reason not to wait for it
  std::deque<Piece> pieces_;
  bool in_group_ = false;                         ///< set before there are threads
  std::size_t lent_ = 0;                          ///< records of the first piece, between wait_records() and consumed()
  std::size_t waiting_ = 0;                       ///< records
  std::size_t held_octets_ = 0;                   ///< of memory, of the batches in pieces_
  std::uint64_t consumed_ = 0;                    ///< records ever taken: shows progress to who waits for room
  std::uint64_t stalled_at_ = ~std::uint64_t{0};  ///< consumed_ when waiting was last given up
  bool closed_ = false;
  bool woken_ = false;
  bool paused_ = false;
  ExportTime deadline_ = ExportTime::max();
  bool connected_ = true;
  bool failed_ = false;
  bool reader_left_ = false;
  ExportLoss fail_loss_ = ExportLoss::send_failed;
  std::string why_;
  std::string refused_;  ///< why; empty: it is not
  RecordTotals drained_;
  RecordTotals exported_;
  RecordTotals queued_;
  std::array<RecordTotals, kExportLossCount> lost_{};
  std::uint64_t writes_ = 0;
  std::uint64_t wire_octets_ = 0;
  Lateness lateness_;
  std::deque<ConnectionCount> connections_;  ///< the last kConnections; the first one stands for all before it, too
};

inline RecordTotals totals_of(RecordSpan records) {
  RecordTotals totals;
  for (const RecordView record : records) totals.add(*record);
  return totals;
}

}  // namespace weir
