// `weir read --input records:FILE`: raw records of an eBPF agent, accounted for and exported.
//
// The calling thread reads and judges records (RecordIntake) and waits for the thread that drains them through the
// accounter into the exporters, so nothing is lost on the way. The accounter's timeout uses the times in the records,
// as flows of a capture end by packet time: the same file gives the same records every time. Only the wall-clock times
// differ, because they are made of the monotonic ones when the flows leave.
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "control/commands.h"
#include "control/config/inputs.h"
#include "control/export/export_hub.h"
#include "control/final_error.h"
#include "control/ledger/input_totals.h"
#include "control/ledger/ledger_output.h"
#include "control/ledger/ledger_report.h"
#include "control/monitor_parts.h"
#include "control/prefix_options.h"
#include "control/read_parts.h"
#include "control/record_drain.h"
#include "control/record_intake.h"
#include "control/wall_reading.h"
#include "dataplane/input/raw_record_file.h"

namespace weir {
namespace {

/// Takes the record that `file` gave last, and all after it. True: to the end of the file.
bool take_records(RawRecordFile& file, RawRecordFile::Result result, RecordIntake& intake, const ExportHub& hub) {
  constexpr std::uint64_t kLook = 1024;  // records between two looks at the signals, and two of the drain at the ring
  for (std::uint64_t records = 1;; ++records) {
    if (result == RawRecordFile::Result::end) return true;
    if (result == RawRecordFile::Result::error) {
      spdlog::error("{}; what was read up to there is exported", file.error());
      return false;
    }
    while (result == RawRecordFile::Result::record && !intake.add(file.octets())) {
      intake.publish();
      std::this_thread::sleep_for(std::chrono::microseconds(100));
    }
    if (records % kLook == 0 || result == RawRecordFile::Result::interrupted) {
      intake.publish();
      if (hub.reader_left() && hub.all_failed()) return true;  // `| head` had enough
    }
    if (is_interrupted()) {
      spdlog::warn("interrupted after {} records: what was read up to there is exported", intake.raw_records());
      return true;
    }
    result = file.next();
  }
}

/// Of the first record, ns since 1970.
std::uint64_t start_of(const RawRecordFile& file) {
  const RawRecord first = read_raw_record(file.octets());
  return read_wall_clock().wall_time_ns(first.start_mono_ns != 0 ? first.start_mono_ns : first.end_mono_ns);
}

int report(const Settings& settings, const RecordIntake& intake, const RawRecordFile& file, const RecordDrain& drain,
           bool quiet) {
  const DrainTotals totals = drain.totals();
  v1::Ledger ledger = make_whole_ledger({}, {intake.counters()}, totals, {}, true);
  put_input(*ledger.mutable_input(),
            {settings.input, intake.raw_records(), file.partial_records(), totals.overflow.times_clamped});
  return quiet && ledger.balanced() ? file_ledger(ledger, settings.ledger_file)
                                    : summarise_ledger(ledger, settings.ledger_file);
}

}  // namespace

int read_records(const Settings& settings) {
  if (const auto apart = outputs_are_apart(settings); !apart) {
    final_error(apart.error());
    return 1;
  }
  if (!check_ledger_file(settings.ledger_file)) return 1;
  heed_signals();
  auto opened_file = RawRecordFile::open(settings.input_source.path);
  if (!opened_file) {
    final_error(opened_file.error());
    return 1;
  }
  RawRecordFile& file = **opened_file;
  RawRecordFile::Result first = RawRecordFile::Result::interrupted;
  while (first == RawRecordFile::Result::interrupted && !is_interrupted()) first = file.next();
  if (first == RawRecordFile::Result::interrupted) {
    spdlog::warn("interrupted before the first record");
    return 0;
  }
  // No record can be read, so no output file is touched.
  if (first == RawRecordFile::Result::error) {
    final_error(file.error());
    return 1;
  }

  const std::vector<std::string> exports = read_exports(settings);
  const std::uint64_t start_ns = first == RawRecordFile::Result::record ? start_of(file) : 0;
  const auto interfaces = open_interfaces(settings);
  if (!interfaces) {
    final_error(interfaces.error());
    return 1;
  }
  auto opened = ExportHub::prepare(exports, read_context(settings, start_ns, interfaces->get()));
  if (!opened) {
    final_error(opened.error());
    return 1;
  }
  ExportHub& hub = **opened;
  if (exports.empty()) spdlog::warn("no --export: flow records are counted and go nowhere");
  const auto prefixes = open_prefixes(settings);
  if (!prefixes) {
    final_error(prefixes.error());
    return 1;
  }
  if (const auto begun = hub.begin(); !begun) {
    final_error(begun.error());
    return 1;
  }
  RecordIntake intake(settings.account_others);
  std::vector<DrainedMonitor> monitors;
  monitors.push_back({{&intake.records()},
                      make_raw_accounter(settings, KeyHash(KeyHash::random_seed())),
                      prefixes->of_monitor.front(),
                      interfaces->get()});
  RecordDrain drain(hub, std::move(monitors), true);

  int code = take_records(file, first, intake, hub) ? 0 : 1;
  intake.publish();
  drain.finish();
  // A file is read and no link has to keep up, so the exporters get more time.
  for (const std::string& failure : hub.finish(std::chrono::hours(24))) {
    spdlog::error("{}", failure);
    code = 1;
  }
  const int ledger_code = report(settings, intake, file, drain, hub.reader_left());
  return code != 0 ? code : ledger_code;
}

}  // namespace weir
