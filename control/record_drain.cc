#include "control/record_drain.h"

#include <algorithm>
#include <chrono>
#include <memory>
#include <utility>

namespace weir {

namespace {

std::vector<DrainedMonitor> only(std::vector<RecordRing*> rings, std::unique_ptr<OverflowAccounter> overflow,
                                 PrefixStore* prefixes) {
  std::vector<DrainedMonitor> one;
  one.push_back({std::move(rings), std::move(overflow), prefixes, nullptr});
  return one;
}

}  // namespace

RecordDrain::RecordDrain(std::vector<RecordRing*> rings, ExportHub& hub, bool wait,
                         std::unique_ptr<OverflowAccounter> overflow, std::uint64_t (*clock)(),
                         std::uint16_t community_id_seed, PrefixStore* prefixes)
    : RecordDrain(hub, only(std::move(rings), std::move(overflow), prefixes), wait, clock, community_id_seed) {}

RecordDrain::RecordDrain(ExportHub& hub, std::vector<DrainedMonitor> monitors, bool wait, std::uint64_t (*clock)(),
                         std::uint16_t community_id_seed, RecordTap* tap)
    : hub_(hub), tap_(tap), clock_(clock), facts_(community_id_seed), wait_(wait) {
  for (DrainedMonitor& parts : monitors) {
    Monitor& monitor = monitors_.emplace_back();
    monitor.number = static_cast<unsigned>(monitors_.size() - 1);
    monitor.drained.resize(parts.rings.size());
    monitor.parts = std::move(parts);
  }
  thread_ = std::thread([this] { run(); });
}

RecordDrain::~RecordDrain() {
  finish();
}

void RecordDrain::finish() {
  begin_finish();
  if (thread_.joinable()) thread_.join();
}

void RecordDrain::run() {
  for (;;) {
    // Read before the rings are: what was pushed before the flag was set is then seen.
    const bool last = stopping_.load(std::memory_order_acquire);
    bool found = false;
    for (Monitor& monitor : monitors_) found |= round(monitor, last);
    if (found) continue;
    if (last) break;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  finished_.store(true, std::memory_order_release);
}

bool RecordDrain::round(Monitor& monitor, bool last) {
  // As many records as the rings gave, and as many again from the accounter.
  constexpr std::size_t kMost = 2 * kBatch;
  if (wait_.load(std::memory_order_relaxed)) {
    hub_.wait_for_room(RecordBatch::most_allocated_octets(kMost), monitor.number);
  }
  const std::lock_guard lock(mutex_);
  auto batch = std::make_shared<RecordBatch>();
  // An eighth more than the last one: a batch that grows past its memory takes twice as much.
  batch->reserve(monitor.usual_records + monitor.usual_records / 8, monitor.usual_octets + monitor.usual_octets / 8);
  OverflowAccounter* const overflow = monitor.parts.overflow.get();
  const bool takes = overflow == nullptr || overflow->leaving() == 0;
  const std::size_t taken = takes ? empty_rings(monitor, kBatch, *batch) : 0;
  if (overflow != nullptr) collect(monitor, *batch, kMost - batch->size(), last && takes && taken == 0);
  monitor.usual_records = batch->size();
  monitor.usual_octets = batch->octets();
  if (batch->empty()) return taken != 0;
  if (monitor.parts.prefixes != nullptr) batch = with_prefixes(monitor, *batch);
  if (monitor.parts.interfaces != nullptr) {
    auto named = std::make_shared<RecordBatch>();
    named->reserve(batch->size(), batch->octets() + batch->size() * sizeof(InterfaceNamesSection));
    monitor.parts.interfaces->enrich(batch->span(), *named);
    batch = std::move(named);
  }
  batch->trim();
  if (tap_ != nullptr) tap_->offer(batch, monitor.number);
  hub_.offer(std::move(batch), false, monitor.number);
  return true;
}

/// The batch with what the prefix files say of its records. As a whole, so that their searches overlap.
std::shared_ptr<RecordBatch> RecordDrain::with_prefixes(Monitor& monitor, const RecordBatch& batch) {
  auto enriched = std::make_shared<RecordBatch>();
  enriched->reserve(batch.size(), monitor.usual_enriched_octets + monitor.usual_enriched_octets / 8);
  monitor.parts.prefixes->enrich(batch.span(), *enriched);
  monitor.usual_enriched_octets = enriched->octets();
  return enriched;
}

std::size_t RecordDrain::empty_rings(Monitor& monitor, std::size_t most, RecordBatch& batch) {
  const std::vector<RecordRing*>& rings = monitor.parts.rings;
  std::size_t taken = 0;
  for (std::size_t i = 0; i < rings.size(); ++i) {
    // Each ring gets an equal share of what is left; the remainder goes to the first ones.
    const std::size_t left = rings.size() - i;
    const std::size_t share = (most - taken + left - 1) / left;
    if (monitor.parts.overflow != nullptr && clock_ != nullptr) monitor.now_ns = clock_();
    taken += rings[i]->consume(
        share, [&](const RingLine& line) { take(monitor, RecordMessage::record(line), monitor.drained[i], batch); });
  }
  return taken;
}

/// A record from a ring: into the batch, or, an overflow record, into the accounter.
void RecordDrain::take(Monitor& monitor, RecordView record, RecordTotals& drained, RecordBatch& batch) {
  drained.add(*record);
  if (monitor.parts.overflow == nullptr) return facts_.append(record, batch);
  if (clock_ == nullptr) monitor.now_ns = std::max(monitor.now_ns, record->end_ns());
  if ((record->sections & FlowRecord::kOverflowMark) == 0) return facts_.append(record, batch);
  OverflowTotals& totals = monitor.overflow_totals;
  totals.taken.add(*record);
  (monitor.parts.overflow->add(record, monitor.now_ns) ? totals.held : totals.lost).add(*record);
}

/// Appends what leaves the accounter now, at most `most` records: the next round goes on.
void RecordDrain::collect(Monitor& monitor, RecordBatch& batch, std::size_t most, bool all) {
  if (clock_ != nullptr) monitor.now_ns = clock_();
  OverflowAccounter& overflow = *monitor.parts.overflow;
  OverflowTotals& totals = monitor.overflow_totals;
  const std::size_t from = batch.size();
  all ? overflow.collect_all(batch, most) : overflow.collect(monitor.now_ns, batch, most);
  for (std::size_t i = from; i < batch.size(); ++i) {
    totals.given.add(*batch[i]);
    totals.held.packets -= batch[i]->total_packets();
    totals.held.octets -= batch[i]->total_octets();
  }
  totals.held.records = overflow.size();
  totals.times_clamped = overflow.times_clamped();
}

void RecordDrain::set_enrichment(const std::vector<PrefixStore*>& prefixes, InterfaceStore* interfaces) {
  const std::lock_guard lock(mutex_);
  for (Monitor& monitor : monitors_) {
    monitor.parts.prefixes = prefixes[monitor.number];
    monitor.parts.interfaces = interfaces;
  }
}

void RecordDrain::change_exporters(const std::function<void(const std::vector<RecordTotals>& given)>& change) {
  const std::lock_guard lock(mutex_);
  std::vector<RecordTotals> given;
  for (const Monitor& monitor : monitors_) {
    RecordTotals& sum = given.emplace_back();
    for (const RecordTotals& drained : monitor.drained) sum += drained;
    sum += monitor.overflow_totals.given;
    sum = without(sum, monitor.overflow_totals.taken);
  }
  change(given);
}

DrainTotals RecordDrain::totals() const {
  const std::lock_guard lock(mutex_);
  DrainTotals totals;
  for (const Monitor& monitor : monitors_) {
    totals.drained.insert(totals.drained.end(), monitor.drained.begin(), monitor.drained.end());
    if (monitor.number != 0) totals.further_overflow.push_back(monitor.overflow_totals);
  }
  totals.overflow = monitors_.front().overflow_totals;
  totals.exporters = hub_.snapshot();
  return totals;
}

}  // namespace weir
