#include "control/probe/last_run.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <string_view>
#include <utility>

#include "control/probe/state_file.h"
#include "proto/base/time_text.h"
#include "proto/record/message_json.h"

namespace weir {
namespace {

constexpr std::string_view kNoLedger = ": no ledger of a weir; what a run before lost is not known";

/// A name of the file, of which anything may be expected, for a line of the log.
std::string named(std::string name) {
  constexpr std::size_t kMost = 100;
  if (name.size() > kMost) name = name.substr(0, kMost) + "...";
  for (char& c : name) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  }
  return name;
}

std::string count_text(const v1::RecordCount& count, const std::string& where) {
  return fmt::format("{} packets in {} flows {}", count.packets(), count.records(), where);
}

/// What had not left when the ledger was made, with where it was.
std::string unexported(const v1::Ledger& ledger) {
  std::string text;
  const auto add = [&text](const std::string& part) { text += (text.empty() ? "" : ", ") + part; };
  if (ledger.in_handover().packets() != 0)
    add(fmt::format("{} packets between workers", ledger.in_handover().packets()));
  if (ledger.in_table().records() != 0) add(count_text(ledger.in_table(), "of the table"));
  if (ledger.in_overflow().records() != 0) add(count_text(ledger.in_overflow(), "of the accounter"));
  if (ledger.in_rings().records() != 0) add(count_text(ledger.in_rings(), "in the record rings"));
  constexpr int kMostNamed = 8;
  int named_so_far = 0;
  int further = 0;
  for (const v1::ExporterLedger& exporter : ledger.exporters()) {
    if (exporter.queued().records() == 0) continue;
    if (named_so_far == kMostNamed) {
      ++further;
      continue;
    }
    ++named_so_far;
    add(count_text(exporter.queued(), "queued for " + named(exporter.name())));
  }
  if (further != 0) add(fmt::format("flows queued for {} further exporters", further));
  return text;
}

}  // namespace

LastRunFile::LastRunFile(const std::string& folder) {
  if (folder.empty()) return;
  path_ = folder + "/ledger.json";
  path_before_ = folder + "/ledger-before.json";
}

tl::expected<std::optional<v1::LastRun>, std::string> LastRunFile::found() const {
  if (path_.empty() || (::access(path_.c_str(), F_OK) != 0 && errno == ENOENT)) return std::nullopt;
  const auto text = state_file::read(path_);
  if (!text) return tl::unexpected(text.error() + "; what a run before lost is not known");
  v1::LastRun run;
  if (!read_message_json(*text, run) || run.pid() == 0 || run.seen_ns() == 0 || !run.has_ledger()) {
    return tl::unexpected(path_ + std::string(kNoLedger));
  }
  return run;
}

tl::expected<void, std::string> LastRunFile::write(v1::LastRun run) {
  if (path_.empty()) return {};
  // One row per worker and reason: without them the file stays small, however many workers there are.
  run.mutable_ledger()->clear_workers();
  for (v1::MonitorLedger& monitor : *run.mutable_ledger()->mutable_monitors()) monitor.clear_workers();
  if (!written_) std::rename(path_.c_str(), path_before_.c_str());  // it fails where no run was killed
  auto put = state_file::write(path_, message_json(run) + '\n', state_file::Survives::process);
  written_ = written_ || put.has_value();
  return put;
}

void LastRunFile::remove() {
  if (written_) ::unlink(path_.c_str());
  written_ = false;
}

std::string last_run_text(const v1::LastRun& run) {
  const v1::Ledger& ledger = run.ledger();
  const std::string left = unexported(ledger);
  return fmt::format(
      "the run before (pid {}, since {} UTC) ended without a stop. At {} UTC it had received {} packets and counted {} "
      "in "
      "flows; lost {} what came after that",
      run.pid(), time_text(run.started_ns()), time_text(run.seen_ns()), ledger.received().packets(),
      ledger.counted().packets(),
      left.empty() ? "is" : "are the records that had not been exported (" + left + ") and");
}

}  // namespace weir
