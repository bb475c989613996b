// RecordDrain: the thread that empties the workers' record rings into the exporters.
//
// It goes round the rings, takes at most kBatch records from them into one shared batch, each straight from where it
// lies in the ring, and offers the batch to the hub. A ring that is full leaves the others their share of a round. The
// thread sleeps only when all rings were empty, 1 ms at a time: at 14.88 M records/s a ring of 65536 records fills
// in 4.4 ms.
//
// What it counts as drained and what the exporters were offered is one step under one lock, so that totals() is one
// instant of the ledger. That step never blocks: where the exporters are waited for, the thread waits for room first,
// without the lock, and then takes no more than there is room for. So totals() answers at once while an exporter stands
// still.
//
// Overflow records (--when-full overflow) and raw records (--input records) go through the accounter first: what it
// holds and what it had no room for is part of that instant. While raw records that are due have not left, no more are
// taken from the ring, so that the accounter's memory stays bounded.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "control/drain_totals.h"
#include "control/enrich/interface_store.h"
#include "control/enrich/prefix_store.h"
#include "control/export/export_hub.h"
#include "control/overflow_accounter.h"
#include "control/record_facts.h"
#include "control/record_tap.h"
#include "dataplane/record_ring.h"

namespace weir {

/// What the drain takes of a monitor.
struct DrainedMonitor {
  std::vector<RecordRing*> rings;               ///< by worker
  std::unique_ptr<OverflowAccounter> overflow;  ///< sums overflow records or raw ones; nullptr where there are none
  PrefixStore* prefixes = nullptr;              ///< what is added to each record; nullptr: nothing is
  InterfaceStore* interfaces = nullptr;         ///< likewise
};

class RecordDrain {
 public:
  /// `wait`: a full queue of an exporter is waited for (`weir read`), instead of losing by name.
  /// `overflow`: where overflow records are summed; nullptr where no worker makes any. `clock`: the accounter's time,
  /// ns since 1970 (of raw records: monotonic); none: the greatest packet time of all records so far.
  /// `community_id_seed`: of the metric `ids`. `prefixes`: what is added to each record; nullptr: nothing is.
  RecordDrain(std::vector<RecordRing*> rings, ExportHub& hub, bool wait,
              std::unique_ptr<OverflowAccounter> overflow = nullptr, std::uint64_t (*clock)() = nullptr,
              std::uint16_t community_id_seed = 0, PrefixStore* prefixes = nullptr);
  /// The same for several monitors. A batch is of one of them, and goes to its exporters. `tap`: who looks on; nullptr:
  /// nobody does.
  RecordDrain(ExportHub& hub, std::vector<DrainedMonitor> monitors, bool wait, std::uint64_t (*clock)() = nullptr,
              std::uint16_t community_id_seed = 0, RecordTap* tap = nullptr);
  RecordDrain(const RecordDrain&) = delete;
  RecordDrain& operator=(const RecordDrain&) = delete;
  ~RecordDrain();

  /// From now on wait for the exporters (orderly shutdown).
  void set_wait() { wait_.store(true, std::memory_order_relaxed); }
  /// The producers have stopped: take what the rings still hold, then end. finished() tells when that is done.
  void begin_finish() { stopping_.store(true, std::memory_order_release); }
  [[nodiscard]] bool finished() const { return finished_.load(std::memory_order_acquire); }
  /// begin_finish(), and waits for the end of the thread.
  void finish();

  [[nodiscard]] DrainTotals totals() const;

  /// What is added to records from now on: `prefixes` by monitor; nullptr: nothing is. What was used before may be
  /// destroyed.
  void set_enrichment(const std::vector<PrefixStore*>& prefixes, InterfaceStore* interfaces);
  /// Calls `change` while no record is offered, with what each monitor has given to the hub so far.
  void change_exporters(const std::function<void(const std::vector<RecordTotals>& given)>& change);

 private:
  static constexpr std::size_t kBatch = 4096;

  /// A monitor, and what was drained of it.
  struct Monitor {
    unsigned number = 0;
    DrainedMonitor parts;
    std::vector<RecordTotals> drained;      ///< by worker; guarded by mutex_
    OverflowTotals overflow_totals;         ///< likewise
    std::size_t usual_records = 0;          ///< the thread's: size of the last batch, which the next one will have, too
    std::size_t usual_octets = 0;           ///< likewise
    std::size_t usual_enriched_octets = 0;  ///< likewise, with --prefixes
    std::uint64_t now_ns = 0;               ///< the thread's
  };

  void run();
  /// One round of a monitor; false if its rings were empty. `last`: the accounter is emptied once they are.
  bool round(Monitor& monitor, bool last);
  /// At most `most` records from all rings into `batch`; returns how many.
  std::size_t empty_rings(Monitor& monitor, std::size_t most, RecordBatch& batch);
  void take(Monitor& monitor, RecordView record, RecordTotals& drained, RecordBatch& batch);
  void collect(Monitor& monitor, RecordBatch& batch, std::size_t most, bool all);
  static std::shared_ptr<RecordBatch> with_prefixes(Monitor& monitor, const RecordBatch& batch);

  std::vector<Monitor> monitors_;
  ExportHub& hub_;
  RecordTap* tap_;
  mutable std::mutex mutex_;
  std::uint64_t (*clock_)();
  RecordFacts facts_;
  std::atomic<bool> wait_;             ///< written by the supervisor, read by the thread
  std::atomic<bool> stopping_{false};  ///< likewise
  std::atomic<bool> finished_{false};  ///< written by the thread, read by the supervisor
  std::thread thread_;
};

}  // namespace weir
