// The ledger: builds the report from what workers, drain and exporters counted, and checks its three equations.
//
//   1  per worker, packets and frame octets: received + taken over
//                                             = counted + sampled out + filtered out + frame filtered out + rejects
//                                               + handed over
//                                               + hand-over ring full
//   2  per worker, packets and IP octets:     counted = in the table + in the ring + lost + drained
//      and of what was drained into the overflow accounter: taken = held + lost (overflow_full) + given
//   3  per exporter, records, packets and IP octets: drained = exported + queued + lost
//
// `in the ring` is what the worker emitted less what the drain took, so equation 2 is checked as counted = in the
// table + lost + emitted, and emitted >= drained; when nothing runs any more (`final`), as emitted = drained, and the
// table is recounted by walking it; table, rings, queues and accounter are then empty.
//
// With several monitors each of them has the first two equations with the workers' counts of frames and its own of what
// became of them: what is offered to one is offered to all. The third belongs to an exporter and the monitors whose
// records it gets.
//
// No difference shown is less than 0: counts that contradict each other make a violation, and not a number near 2^64.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "control/drain_totals.h"
#include "control/saved_rejects.h"
#include "dataplane/counters.h"
#include "proto/schema/control.pb.h"

namespace weir {

struct WorkerAccount {
  WorkerCounters counters;
  RecordTotals drained;                 ///< of this worker's ring
  std::optional<RecordTotals> recount;  ///< what the table holds, counted by walking it
};

/// Builds and checks. The exporters' snapshots and `drained` must be of one instant, not later than the counters.
/// `final`: no worker and no drain runs any more.
v1::Ledger make_ledger(const std::vector<WorkerAccount>& workers, const std::vector<ExporterSnapshot>& exporters,
                       const std::vector<v1::PortLedger>& ports, bool final, const OverflowTotals& overflow = {});

/// The same while they run: the workers' counters, and `totals`, taken before any of them. `monitors`: their names;
/// empty: one, which has none.
v1::Ledger make_running_ledger(const std::vector<WorkerCounters>& workers, const DrainTotals& totals,
                               const std::vector<v1::PortLedger>& ports, const std::vector<std::string>& monitors = {});

/// One of the monitors that the configuration names.
struct MonitorAccount {
  std::string name;
  std::vector<WorkerAccount> workers;  ///< its part of each, with the front's counts
  OverflowTotals overflow;
};
/// The same for several monitors, or for one that has a name.
v1::Ledger make_monitors_ledger(const std::vector<MonitorAccount>& monitors,
                                const std::vector<ExporterSnapshot>& exporters,
                                const std::vector<v1::PortLedger>& ports, bool final);

/// By monitor, the accounts of workers, whose counters have those of all monitors. `recount`: what the table of a
/// worker and a monitor holds; none while they run.
using Recount = std::function<RecordTotals(unsigned worker, unsigned monitor)>;
std::vector<MonitorAccount> monitor_accounts(const std::vector<std::string>& names,
                                             const std::vector<WorkerCounters>& workers, const DrainTotals& totals,
                                             const Recount& recount = {});

/// The ledger of what all of them counted. `names`: of the monitors; empty: one, which has none.
v1::Ledger make_whole_ledger(const std::vector<std::string>& names, const std::vector<WorkerCounters>& workers,
                             const DrainTotals& totals, const std::vector<v1::PortLedger>& ports, bool final,
                             const Recount& recount = {});

/// Adds what became of the rejected frames that --save-rejects was to save, of which the workers kept back some (ring
/// full). `final`: saved and unsaved must be all rejects.
void add_saved_rejects(v1::Ledger& ledger, SavedRejects saved, const std::vector<WorkerCounters>& workers, bool final);

/// The ledger before the first packet and after the last: no worker counts.
v1::Ledger make_empty_ledger();

}  // namespace weir
