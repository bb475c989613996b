// ring/…: records through the record ring, claimed and filled in place, published and taken in bursts of 64.
//
//   ring/push_pop       both ends on one core, 64 in, 64 out: records of 128 octets, without sections
//   ring/push_pop_long  the same with all sections: 384 octets
//   ring/full           a claim that finds no room: what a worker pays for a consumer that stands still
//   ring/cores          the producer on one core, the consumer on another; the rate is what arrives
#include <benchmark/benchmark.h>

#include <atomic>
#include <chrono>
#include <cstring>
#include <thread>

#include "dataplane/record_ring.h"
#include "proto/record/record_batch.h"

namespace weir::bench {
namespace {

constexpr std::size_t kBatch = 64;
constexpr std::size_t kRecords = std::size_t{1} << 16;

/// Without publish().
bool push(RecordRing& ring, std::uint64_t number, std::uint32_t sections = 0) {
  const unsigned lines = record_lines(sections);
  RingLine* const line = ring.claim(lines);
  if (line == nullptr) return false;
  std::memset(static_cast<void*>(line), 0, lines * sizeof *line);
  auto* const record = reinterpret_cast<FlowRecord*>(line);
  record->sections = sections;
  record->packets[0] = number;
  record->octets[0] = number * 64;
  ring.commit(lines);
  return true;
}

void ring_push_pop(benchmark::State& state, std::uint32_t sections) {
  RecordRing ring(ring_lines(kRecords));
  RecordBatch out;
  std::uint64_t number = 0;
  for ([[maybe_unused]] const auto _ : state) {
    for (std::size_t i = 0; i < kBatch; ++i) push(ring, ++number, sections);
    ring.publish();
    out.clear();
    ring.consume(kBatch, [&](const RingLine& line) { out.append(RecordMessage::record(line)); });
    benchmark::DoNotOptimize(out.size());
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(kBatch));
}

void ring_full(benchmark::State& state) {
  RecordRing ring(ring_lines(kRecords));
  while (push(ring, 1)) {
  }
  ring.publish();
  for ([[maybe_unused]] const auto _ : state) {
    const bool room = push(ring, 1);
    benchmark::DoNotOptimize(room);
  }
  state.SetItemsProcessed(state.iterations());
}

void ring_cores(benchmark::State& state) {
  if (std::thread::hardware_concurrency() < 2) {
    state.SkipWithError("needs two CPUs");
    return;
  }
  RecordRing ring(ring_lines(kRecords));
  std::atomic<bool> stop{false};
  std::thread producer([&] {
    std::uint64_t number = 0;
    while (!stop.load(std::memory_order_relaxed)) {
      for (std::size_t i = 0; i < kBatch; ++i) {
        if (push(ring, number)) ++number;
      }
      ring.publish();
    }
  });
  RecordBatch out;
  std::uint64_t expected = 0;
  bool in_order = true;
  for ([[maybe_unused]] const auto _ : state) {
    std::size_t taken = 0;
    out.clear();
    while (taken < kBatch) {
      taken += ring.consume(kBatch - taken, [&](const RingLine& line) { out.append(RecordMessage::record(line)); });
    }
    for (const RecordView record : out) in_order &= record->packets[0] == expected++;
  }
  stop.store(true);
  producer.join();
  if (!in_order) state.SkipWithError("a record was lost or came out of order");
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(kBatch));
}

BENCHMARK_CAPTURE(ring_push_pop, plain, 0U)->Name("ring/push_pop");
BENCHMARK_CAPTURE(ring_push_pop, sections, kAllSections)->Name("ring/push_pop_long");
BENCHMARK(ring_full)->Name("ring/full");
BENCHMARK(ring_cores)->Name("ring/cores")->UseRealTime();

}  // namespace
}  // namespace weir::bench
