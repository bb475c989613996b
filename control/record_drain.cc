#include "control/record_drain.h"

#include <algorithm>
#include <chrono>
#include <memory>
#include <utility>

#include "control/dns_question.h"
#include "control/http_header.h"
#include "control/tls_certificate.h"
#include "control/tls_hello.h"

namespace weir {

RecordDrain::RecordDrain(std::vector<RecordRing*> rings, ExportHub& hub, bool wait,
                         std::unique_ptr<OverflowAccounter> overflow, std::uint64_t (*clock)(),
                         std::uint16_t community_id_seed, PrefixStore* prefixes)
    : rings_(std::move(rings)),
      hub_(hub),
      drained_(rings_.size()),
      overflow_(std::move(overflow)),
      clock_(clock),
      community_id_(community_id_seed),
      prefixes_(prefixes),
      wait_(wait) {
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
    if (round(last)) continue;
    if (last) break;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  finished_.store(true, std::memory_order_release);
}

bool RecordDrain::round(bool last) {
  // As many records as the rings gave, and as many again from the accounter.
  constexpr std::size_t kMost = 2 * kBatch;
  if (wait_.load(std::memory_order_relaxed)) hub_.wait_for_room(RecordBatch::most_allocated_octets(kMost));
  const std::lock_guard lock(mutex_);
  auto batch = std::make_shared<RecordBatch>();
  // An eighth more than the last one: a batch that grows past its memory takes twice as much.
  batch->reserve(usual_records_ + usual_records_ / 8, usual_octets_ + usual_octets_ / 8);
  const std::size_t taken = empty_rings(kBatch, *batch);
  if (overflow_ != nullptr) collect(*batch, kMost - batch->size(), last && taken == 0);
  usual_records_ = batch->size();
  usual_octets_ = batch->octets();
  if (batch->empty()) return taken != 0;
  if (prefixes_ != nullptr) batch = with_prefixes(*batch);
  batch->trim();
  hub_.offer(std::move(batch), false);
  return true;
}

/// The batch with what the prefix files say of its records. As a whole, so that their searches overlap.
std::shared_ptr<RecordBatch> RecordDrain::with_prefixes(const RecordBatch& batch) {
  auto enriched = std::make_shared<RecordBatch>();
  enriched->reserve(batch.size(), usual_enriched_octets_ + usual_enriched_octets_ / 8);
  prefixes_->enrich(batch.span(), *enriched);
  usual_enriched_octets_ = enriched->octets();
  return enriched;
}

std::size_t RecordDrain::empty_rings(std::size_t most, RecordBatch& batch) {
  std::size_t taken = 0;
  for (std::size_t i = 0; i < rings_.size(); ++i) {
    // Each ring gets an equal share of what is left; the remainder goes to the first ones.
    const std::size_t left = rings_.size() - i;
    const std::size_t share = (most - taken + left - 1) / left;
    if (overflow_ != nullptr && clock_ != nullptr) now_ns_ = clock_();
    taken +=
        rings_[i]->consume(share, [&](const RingLine& line) { take(RecordMessage::record(line), drained_[i], batch); });
  }
  return taken;
}

/// A record from a ring: into the batch, or, an overflow record, into the accounter.
void RecordDrain::take(RecordView record, RecordTotals& drained, RecordBatch& batch) {
  drained.add(*record);
  if (overflow_ == nullptr) return append(record, batch);
  if (clock_ == nullptr) now_ns_ = std::max(now_ns_, record->end_ns());
  if ((record->sections & FlowRecord::kOverflowMark) == 0) return append(record, batch);
  overflow_totals_.taken.add(*record);
  (overflow_->add(record, now_ns_) ? overflow_totals_.held : overflow_totals_.lost).add(*record);
}

/// Into the batch, with what is computed only now, so that no worker has to.
void RecordDrain::append(RecordView record, RecordBatch& batch) {
  batch.append(record);
  if (record.has(Section::ids)) [[unlikely]]
    community_id_.make(batch.mutable_section<IdsSection>(batch.size() - 1), *record);
  if (record.has(Section::dns)) [[unlikely]]
    decode_dns_question(batch.mutable_section<DnsSection>(batch.size() - 1));
  if (record.has(Section::tls)) [[unlikely]]
    decode_tls_hellos(batch.mutable_section<TlsSection>(batch.size() - 1));
  if (record.has(Section::quic_hello)) [[unlikely]] {
    TlsSection* const tls = record.has(Section::tls) ? &batch.mutable_section<TlsSection>(batch.size() - 1) : nullptr;
    quic_hello_.decode(batch.mutable_section<QuicHelloSection>(batch.size() - 1), tls);
  }
  if (record.has(Section::tls_certificate)) [[unlikely]]
    decode_tls_certificate(batch.mutable_section<TlsCertificateSection>(batch.size() - 1));
  if (record.has(Section::http)) [[unlikely]]
    decode_http_header(batch.mutable_section<HttpSection>(batch.size() - 1));
}

/// Appends what leaves the accounter now, at most `most` records: the next round goes on.
void RecordDrain::collect(RecordBatch& batch, std::size_t most, bool all) {
  if (clock_ != nullptr) now_ns_ = clock_();
  const std::size_t from = batch.size();
  all ? overflow_->collect_all(batch, most) : overflow_->collect(now_ns_, batch, most);
  for (std::size_t i = from; i < batch.size(); ++i) {
    overflow_totals_.given.add(*batch[i]);
    overflow_totals_.held.packets -= batch[i]->total_packets();
    overflow_totals_.held.octets -= batch[i]->total_octets();
  }
  overflow_totals_.held.records = overflow_->size();
}

DrainTotals RecordDrain::totals() const {
  const std::lock_guard lock(mutex_);
  return {drained_, overflow_totals_, hub_.snapshot()};
}

}  // namespace weir
