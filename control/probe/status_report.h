// The replies of status, ledger and rss, made of values: what weirctl and /metrics show.
//
// Pure functions, so that each figure can be tested; who gathers the values is ProbeView.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "control/config/monitor_blocks.h"
#include "control/enrich/prefix_store.h"
#include "control/ledger/flood_watch.h"
#include "control/probe/moment.h"
#include "control/probe/phase.h"
#include "control/probe/rates.h"
#include "dataplane/dpdk/runtime.h"
#include "proto/schema/control.pb.h"

namespace weir {

/// What does not change while a worker runs.
struct WorkerFacts {
  unsigned core = 0;
  std::uint64_t capacity = 0;  ///< flows, all monitors together
  std::string idle;            ///< what it does without packets: "poll", "pause", "sleep 137 us", "interrupt"
  std::vector<std::uint64_t> capacities{};  ///< by monitor
};

struct StatusValues {
  bool hugepages = false;
  std::string when_full;
  std::vector<dpdk::PortInfo> ports;
  std::vector<WorkerFacts> workers;
  std::vector<std::chrono::nanoseconds> silences{};  ///< by worker: it has not polled for so long; 0: it polls
  const Moment* moment = nullptr;                    ///< nullptr: no worker has counted yet
  std::vector<MonitorPlan> monitors{};               ///< those that the configuration names
  Rates rates;
  FloodWatch::Report flood;
  std::optional<PrefixStoreStatus> prefixes;  ///< nothing: no --prefixes
  v1::Ledger ledger;                          ///< of `moment`
};

/// The part that is known from the first moment on. `config` stays the caller's to set.
v1::StatusReply make_status(const Activity& activity, double uptime_s);
/// Adds what is known of a probe whose workers run.
void add_running_status(v1::StatusReply& reply, const StatusValues& values);

/// The ledger of the last whole moment; `stale`: a worker does not answer, so that moment is not now. `monitors`: the
/// names of those that the configuration names.
v1::Ledger make_live_ledger(const std::optional<Moment>& last, bool stale, const std::vector<v1::PortLedger>& ports,
                            const Activity& activity, const std::vector<std::string>& monitors = {});

/// `handing_over`: the workers hand packets to each other.
v1::RssReply make_rss(const dpdk::RssReport& report, bool handing_over);
/// The answer of a probe that has nothing to check yet, or no longer.
v1::RssReply make_rss_without_ports(const Activity& activity);

std::vector<v1::PortLedger> make_port_ledgers(const std::vector<dpdk::PortInfo>& ports,
                                              const std::vector<dpdk::PortCounters>& counters);

}  // namespace weir
