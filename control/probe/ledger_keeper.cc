#include "control/probe/ledger_keeper.h"

#include <spdlog/spdlog.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <utility>

#include "control/export/blocked_signals.h"
#include "control/wall_reading.h"

namespace weir {

LedgerKeeper::LedgerKeeper(const std::string& folder, StatusSource& source)
    : file_(folder), source_(source), started_ns_(clock_time_ns(CLOCK_REALTIME)) {
  if (file_.none()) return;
  if (const auto found = file_.found(); !found) {
    spdlog::warn("{}", found.error());
  } else if (*found) {
    spdlog::warn("{}", last_run_text(**found));
  }
  const AllSignalsBlocked blocked;
  thread_ = std::thread([this] { keep(); });
}

LedgerKeeper::~LedgerKeeper() {
  end();
}

void LedgerKeeper::finish() {
  end();
  file_.remove();
}

void LedgerKeeper::end() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    over_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void LedgerKeeper::keep() {
  constexpr std::chrono::milliseconds kUntilFirst{20};
  constexpr std::chrono::milliseconds kBetween{1000};
  std::unique_lock lock(mutex_);
  while (!over_) {
    lock.unlock();
    const bool first = !look();
    lock.lock();
    wake_.wait_for(lock, first ? kUntilFirst : kBetween, [this] { return over_; });
  }
}

bool LedgerKeeper::look() {
  v1::LastRun run;
  *run.mutable_ledger() = source_.ledger();
  if (run.ledger().state() == "none") return false;  // no worker counts yet, or none any more
  run.set_pid(static_cast<std::uint64_t>(::getpid()));
  run.set_started_ns(started_ns_);
  const std::uint64_t stale_since_ns = run.ledger().stale_since_ns();
  run.set_seen_ns(stale_since_ns != 0 ? stale_since_ns : clock_time_ns(CLOCK_REALTIME));
  const auto put = file_.write(std::move(run));
  if (!put && trouble_ != put.error()) {
    spdlog::warn("--state: {}; after a kill, the next start cannot say what was lost", put.error());
    trouble_ = put.error();
  }
  if (put) trouble_.reset();
  return true;
}

}  // namespace weir
