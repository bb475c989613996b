// MeterRig: a worker with its table, its clock and the consumer of its records, as the pipeline benchmarks drive it.
//
// The consumer runs on the same core: every kPollsPerDrain polls it empties the record ring. That costs more than the
// drain of a running weir, which is on another core, and is part of the time that is reported. A poll ends at most
// Worker::kTimerBudget flows by timers and kBurst by packets, so at most 3072 records wait in a ring of 65536: the
// consumer is never what holds the worker up, and a record that is lost anyway fails the benchmark.
//
// Google Benchmark calls a benchmark several times, to find how often it must run and for repetitions. The rig is kept
// between these calls (keep_fixture), since filling a table of ten million flows takes seconds.
#pragma once

#include <benchmark/benchmark.h>

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "bench/frames.h"
#include "bench/poll_times.h"
#include "dataplane/query/query_slot.h"
#include "dataplane/worker.h"

namespace weir::bench {

/// The fixture `name`, made by `make` if it is not the one that was used last. One is kept at a time, whatever its
/// type: two tables of ten million flows would not fit everywhere.
std::shared_ptr<void> keep_fixture(const std::string& name, const std::function<std::shared_ptr<void>()>& make);
/// Frees the one that is kept. Call it before the program ends: some lie in the EAL's memory.
void drop_fixture();

class MeterRig {
 public:
  static constexpr unsigned kPollsPerDrain = 32;

  MeterRig(const WorkerOptions& options, std::shared_ptr<FrameSet> frames, std::size_t from = 0);
  [[nodiscard]] bool ok() const { return worker_.ok(); }

  /// One poll, whose time is kept, and its part of draining.
  void poll(PacketSource& source) {
    const std::uint64_t before = tsc();
    worker_.poll(source, now_ns_);
    times_.add(tsc() - before);
    after_poll();
  }
  void poll_untimed(PacketSource& source) {
    worker_.poll(source, now_ns_);
    after_poll();
  }
  /// Every flow of the set once, then every frame of the set once.
  void fill();
  void drain();
  void skip_to(std::uint64_t now_ns) { now_ns_ = now_ns > now_ns_ ? now_ns : now_ns_; }

  FrameStream& stream() { return stream_; }
  PollTimes& times() { return times_; }
  [[nodiscard]] const Worker& worker() const { return worker_; }
  QuerySlot& queries() { return worker_.queries(); }
  [[nodiscard]] std::uint64_t now_ns() const { return now_ns_; }
  [[nodiscard]] std::uint64_t records() const { return records_; }

  /// Items, and the counters that every pipeline benchmark reports. `flows` share the memory in bytes_per_flow.
  void report(benchmark::State& state, double flows);

 private:
  void after_poll() {
    now_ns_ += FlowShard::kBurst * kPacketNs;
    if (++polls_ % kPollsPerDrain == 0) drain();
  }

  std::shared_ptr<FrameSet> frames_;
  FrameStream stream_;
  Worker worker_;
  PollTimes times_;
  std::uint64_t now_ns_ = kStartNs;
  std::uint64_t polls_ = 0;
  std::uint64_t records_ = 0;
  alignas(64) std::array<std::uint8_t, kMostRecordLines * kRecordLineOctets> drained_{};
};

/// Options of a worker whose `flows` flows are three quarters of its capacity.
WorkerOptions three_quarters_full(std::uint32_t flows);
/// What such a worker will map, for memory_available(): generous.
std::size_t memory_of(std::uint32_t capacity, bool all_metrics = false);

}  // namespace weir::bench
