// ring/…: a record (192 octets, of which 128 mean something without a tunnel) through the record ring, claimed and
// filled in place, popped in batches of 64.
//
//   ring/push_pop   both ends on one core, 64 in, 64 out
//   ring/full       a push that finds no room: what a worker pays for a consumer that stands still
//   ring/cores      the producer on one core, the consumer on another; the rate is what arrives
#include <benchmark/benchmark.h>

#include <array>
#include <atomic>
#include <chrono>
#include <thread>

#include "dataplane/flow/flow_shard.h"

namespace weir::bench {
namespace {

constexpr std::size_t kBatch = 64;
constexpr std::size_t kRecords = std::size_t{1} << 16;

FlowRecord some_record(std::uint64_t number) {
  FlowRecord record{};
  record.packets[0] = number;
  record.octets[0] = number * 64;
  return record;
}

bool push(RecordRing& ring, std::uint64_t number) {
  FlowRecord* slot = ring.claim();
  if (slot == nullptr) return false;
  *slot = some_record(number);
  ring.commit();
  return true;
}

void ring_push_pop(benchmark::State& state) {
  RecordRing ring(kRecords);
  std::array<FlowRecord, kBatch> out{};
  std::uint64_t number = 0;
  for ([[maybe_unused]] const auto _ : state) {
    for (std::size_t i = 0; i < kBatch; ++i) push(ring, ++number);
    ring.pop(out);
    benchmark::DoNotOptimize(out.data());
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(kBatch));
}

void ring_full(benchmark::State& state) {
  RecordRing ring(kRecords);
  while (push(ring, 1)) {
  }
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
  RecordRing ring(kRecords);
  std::atomic<bool> stop{false};
  std::thread producer([&] {
    std::uint64_t number = 0;
    while (!stop.load(std::memory_order_relaxed)) {
      if (push(ring, number)) ++number;
    }
  });
  std::array<FlowRecord, kBatch> out{};
  std::uint64_t expected = 0;
  bool in_order = true;
  for ([[maybe_unused]] const auto _ : state) {
    std::size_t taken = 0;
    while (taken < kBatch) {
      const std::size_t count = ring.pop({out.data(), kBatch - taken});
      for (std::size_t i = 0; i < count; ++i) in_order &= out[i].packets[0] == expected++;
      taken += count;
    }
  }
  stop.store(true);
  producer.join();
  if (!in_order) state.SkipWithError("a record was lost or came out of order");
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(kBatch));
}

BENCHMARK(ring_push_pop)->Name("ring/push_pop");
BENCHMARK(ring_full)->Name("ring/full");
BENCHMARK(ring_cores)->Name("ring/cores")->UseRealTime();

}  // namespace
}  // namespace weir::bench
