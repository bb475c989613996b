// What every running probe is looked after by, whether it takes packets or records: signals, what weirctl asks for, the
// time of --duration, files that are to be opened again, and the drain and the stop, which let all records out.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "control/config/settings.h"
#include "control/enrich/interface_store.h"
#include "control/export/export_hub.h"
#include "control/prefix_options.h"
#include "control/probe/change_log.h"
#include "control/probe/phase.h"
#include "control/probe/signals.h"
#include "control/record_drain.h"
#include "proto/schema/control.pb.h"

namespace weir {

void log_lines(const std::vector<LogLine>& lines);

/// Tells the service manager that all is well, unless a worker has not polled for too long. `silences`: by worker.
/// `progress`: one line for its status.
void tell_health(const std::vector<std::chrono::nanoseconds>& silences, const std::string& progress = {});

/// What SIGHUP does; it is told who sent it.
using Reopen = std::function<void(const ProbeSignals::Received&)>;
/// What a probe does once all its parts are there, before it changes a file or receives anything; empty: nothing.
/// Error: one line, with which the start fails.
using BeforeReceiving = std::function<tl::expected<void, std::string>()>;

enum class RunEnd : std::uint8_t { stop, drain };

/// Calls `look_after` once a second and `reopen` with SIGHUP, until a signal to stop comes, weirctl asks for a stop or
/// a drain, or `duration_ns` (0: for ever) are over. `promise`: what the log says that both do.
RunEnd run_until_stopped(const ProbeSignals& signals, std::uint64_t duration_ns, const char* promise,
                         const Reopen& reopen, const std::function<void()>& look_after);

/// SIGHUP: the files of --export by their names, and those of --prefixes and --interfaces (nullptr: not given).
void reopen_files(ExportHub& hub, const Settings& settings, const PrefixStores& prefixes, InterfaceStore* interfaces);

/// Logs what exporters could not do. Returns the exit code: 1 if there was anything.
int log_problems(ExportHub& hub);

/// Logs what reloads of the prefix files have come to.
void tell_prefix_news(const PrefixStores& prefixes);

/// What is to be emptied.
struct Emptying {
  RecordDrain& drain;
  ExportHub& hub;
  ProbePhase& phase;
  const ProbeSignals& signals;
  std::function<bool()> at_rest;  ///< nobody puts records into the rings any more
  Reopen reopen;                  ///< with SIGHUP
  bool drains = false;            ///< weir goes on to answer afterwards; else it stops
};
/// Lets all records out, and closes the exporters, within about `within_ns`. What is left then is lost by name, as with
/// a signal to stop while weir stops. Returns whether weir is to stop now: of a drain, only where that was asked for
/// meanwhile; a second signal then gives up what is queued.
bool let_records_out(const Emptying& parts, std::uint64_t within_ns);

/// Of a --duration that began then; at least 1, since 0 is for ever.
std::uint64_t left_of(std::uint64_t duration_ns, std::chrono::steady_clock::time_point began);

/// After a drain: says in the log what came of it, and waits until weir is to stop. `duration_ns`: what is left of it.
void wait_drained(const ProbeSignals& signals, std::uint64_t duration_ns, const v1::Ledger& ledger,
                  const std::function<void()>& look_after);

}  // namespace weir
