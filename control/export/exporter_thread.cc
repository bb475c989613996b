#include "control/export/exporter_thread.h"

#include <algorithm>
#include <utility>

#include "control/export/blocked_signals.h"

namespace weir {
namespace {

/// Records offered to an exporter at a time: room in the queue grows in steps of this.
constexpr std::size_t kRun = 1024;
/// The same where they are anonymised: what the exporter does not take is anonymised again.
constexpr std::size_t kAnonymisedRun = 256;

}  // namespace

ExporterThread::ExporterThread(std::unique_ptr<ExportQueue> queue, std::unique_ptr<Exporter> exporter, Begin begin,
                               std::unique_ptr<RecordAnonymiser> anonymiser)
    : queue_(std::move(queue)), exporter_(std::move(exporter)), anonymiser_(std::move(anonymiser)) {
  if (begin == Begin::now) start();
}

void ExporterThread::start() {
  const AllSignalsBlocked blocked;
  thread_ = std::thread([this] { run(); });
}

ExporterThread::~ExporterThread() {
  queue_->close(ExportClock::now());
  join();
}

void ExporterThread::join() {
  if (thread_.joinable()) thread_.join();
}

tl::expected<void, std::string> ExporterThread::reopen() {
  auto reopened = exporter_->reopen();
  queue_->wake();
  return reopened;
}

void ExporterThread::run() {
  while (true) {
    if (exporter_->failure()) {
      exporter_->abandon(exporter_->failure()->loss);
      queue_->fail(exporter_->failure()->why, exporter_->failure()->loss, exporter_->failure()->reader_left);
      return;
    }
    if (queue_->past_deadline()) {
      const ExportLoss loss = exporter_->leftover();
      exporter_->abandon(loss);
      queue_->lose_waiting(loss);
      return;
    }
    const ExportTime now = ExportClock::now();
    if (exporter_->due() <= now) {
      exporter_->tick(now);
      if (exporter_->failure()) continue;
    }
    const bool last = queue_->closed() && queue_->nothing_waits();
    if (last && exporter_->drain(now)) {
      if (exporter_->failure()) continue;
      return;
    }
    if (exporter_->failure()) continue;
    if (exporter_->ready() > now) {
      queue_->wait_until(std::min(exporter_->ready(), exporter_->due()));
      continue;
    }
    if (last) continue;
    RecordSpan records = queue_->wait_records(exporter_->due(), anonymiser_ == nullptr ? kRun : kAnonymisedRun);
    if (records.empty()) continue;
    if (anonymiser_ != nullptr) records = anonymiser_->anonymise(records);
    queue_->consumed(exporter_->take(records, ExportClock::now()));
  }
}

}  // namespace weir
