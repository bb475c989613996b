// pipeline…/flows:N: the whole worker loop without a device: packet views, parse, key, table, counters, timers, record
// ring with a consumer that drains it. limit…/flows:N: what memory allows for the same work (limit_bench.cc).
//
//   pipeline            IPv4, 64-octet frames, TCP and UDP 80/20, both directions, uniform popularity
//   pipeline_zipf       the same, popularity by Zipf's law with exponent 1
//   pipeline_v6         IPv6, 78-octet frames
//   pipeline_imix       IPv4, frames of 64, 594 and 1518 octets, each at its place in memory
//   pipeline_churn      a tenth of the flows replaced every second of packet time (churn_bench.cc)
//   pipeline_sweep      all flows end in the same second (churn_bench.cc)
//   pipeline_metrics    as pipeline, with metrics on; limit_metrics is the limit with more lines for each flow
//   pipeline_sampled    as pipeline, with --sample packets=1:1000
//   pipeline_monitors   as pipeline, with a second monitor of the same key and capacity; `times_one` is what a burst
//                       takes in multiples of what it takes with one monitor, over as many bursts of the same frames
//   pipeline_payload    frames with payload: TLS, HTTP, DNS, QUIC and bulk (payload_frames.h), with no metric on;
//                       pipeline_metrics/all has the same frames and all metrics on
//   pipeline_oversized  10 000 flows in tables of two capacities: the large one should not be slower
//
// Frames are prebuilt in random order (frames.h), streamed from memory, 67 ns of packet time apart. N flows are three
// quarters of the capacity. The ratio to the limit of the same run is the figure: both move with the machine.
#include <benchmark/benchmark.h>

#include <chrono>
#include <memory>
#include <string>

#include "bench/meter_rig.h"
#include "dataplane/metric/metrics.h"

namespace weir::bench {
namespace {

/// A rig whose table holds the flows of `mix`, each of which has had packets both ways; nullptr: no memory.
std::shared_ptr<MeterRig> filled_rig(const std::string& name, Mix mix, std::uint32_t flows, std::uint32_t capacity,
                                     const Metrics& metrics, const Sampling& sampling) {
  return std::static_pointer_cast<MeterRig>(keep_fixture(name, [&]() -> std::shared_ptr<void> {
    auto frames = frames_of(mix, flows);
    if (frames == nullptr || !memory_available(memory_of(capacity, metrics.enabled() == Metrics::kAll))) return nullptr;
    WorkerOptions options;
    options.capacity = capacity;
    options.metrics = metrics;
    options.sampling = sampling;
    auto rig = std::make_shared<MeterRig>(options, std::move(frames));
    if (!rig->ok()) return nullptr;
    rig->fill();
    return rig;
  }));
}

void run(benchmark::State& state, const std::string& name, Mix mix, std::uint32_t flows, std::uint32_t capacity,
         const Metrics& metrics = {}, const Sampling& sampling = {}) {
  const auto rig = filled_rig(name, mix, flows, capacity, metrics, sampling);
  if (rig == nullptr) {
    state.SkipWithError("not enough memory");
    return;
  }
  rig->times().clear();
  for ([[maybe_unused]] const auto _ : state) rig->poll(rig->stream());
  rig->report(state, rig->worker().shard().size());
}

void pipeline(benchmark::State& state, const char* name, Mix mix) {
  const auto flows = static_cast<std::uint32_t>(state.range(0));
  run(state, name + std::to_string(flows), mix, flows, three_quarters_full(flows).capacity);
}

/// `enabled`: bits of Metrics.
void pipeline_metrics(benchmark::State& state, std::uint32_t enabled) {
  const auto flows = static_cast<std::uint32_t>(state.range(0));
  run(state, "metrics" + std::to_string(enabled) + "/" + std::to_string(flows), Mix::uniform, flows,
      three_quarters_full(flows).capacity, Metrics(enabled));
}

void pipeline_sampled(benchmark::State& state) {
  const auto flows = static_cast<std::uint32_t>(state.range(0));
  Sampling sampling;
  sampling.by = Sampling::By::packets;
  sampling.one_in = 1000;
  sampling.seed = {1, 2, 3, 4, 5, 6};
  run(state, "sampled" + std::to_string(flows), Mix::uniform, flows, three_quarters_full(flows).capacity, {}, sampling);
}

/// One monitor and two, over the same frames.
struct MonitorRigs {
  MonitorRigs(const WorkerOptions& plain, const WorkerOptions& both, const std::shared_ptr<FrameSet>& frames)
      : one(plain, frames), two(both, frames) {}
  MeterRig one;
  MeterRig two;
};

void pipeline_monitors(benchmark::State& state) {
  const auto flows = static_cast<std::uint32_t>(state.range(0));
  const auto rigs = std::static_pointer_cast<MonitorRigs>(
      keep_fixture("monitors" + std::to_string(flows), [&]() -> std::shared_ptr<void> {
        auto frames = frames_of(Mix::uniform, flows);
        const WorkerOptions plain = three_quarters_full(flows);
        if (frames == nullptr || !memory_available(3 * memory_of(plain.capacity))) return nullptr;
        WorkerOptions both = plain;
        both.further.resize(1);
        both.further[0].capacity = plain.capacity;
        auto made = std::make_shared<MonitorRigs>(plain, both, frames);
        if (!made->one.ok() || !made->two.ok()) return nullptr;
        made->one.fill();
        made->two.fill();
        return made;
      }));
  if (rigs == nullptr) {
    state.SkipWithError("not enough memory");
    return;
  }
  const auto time_of = [&](MeterRig& rig, std::uint64_t polls) {
    const auto begin = std::chrono::steady_clock::now();
    for (std::uint64_t i = 0; i < polls; ++i) rig.poll(rig.stream());
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  };
  rigs->two.times().clear();
  for ([[maybe_unused]] const auto _ : state) rigs->two.poll(rigs->two.stream());
  rigs->two.report(state, rigs->two.worker().shard().size());
  // In turns, so that a machine that becomes slower does so for both.
  constexpr std::uint64_t kTurns = 8;
  const std::uint64_t polls = static_cast<std::uint64_t>(state.iterations()) / kTurns + 1;
  double one = 0;
  double two = 0;
  for (std::uint64_t turn = 0; turn < kTurns; ++turn) {
    one += time_of(rigs->one, polls);
    two += time_of(rigs->two, polls);
  }
  state.counters["times_one"] = two / one;
}

/// All metrics on frames that have something for each of them.
void pipeline_all(benchmark::State& state) {
  const auto flows = static_cast<std::uint32_t>(state.range(0));
  run(state, "all/" + std::to_string(flows), Mix::payload, flows, three_quarters_full(flows).capacity,
      Metrics(Metrics::kAll));
}

void pipeline_oversized(benchmark::State& state) {
  const auto flows = static_cast<std::uint32_t>(state.range(0));
  const auto capacity = static_cast<std::uint32_t>(state.range(1));
  run(state, "oversized" + std::to_string(capacity), Mix::uniform, flows, capacity);
}

BENCHMARK_CAPTURE(pipeline, , "pipeline", Mix::uniform)
    ->Name("pipeline")
    ->ArgName("flows")
    ->Arg(10'000)
    ->Arg(1'000'000)
    ->Arg(10'000'000);
BENCHMARK_CAPTURE(pipeline, zipf, "zipf", Mix::zipf)
    ->Name("pipeline_zipf")
    ->ArgName("flows")
    ->Arg(10'000)
    ->Arg(1'000'000)
    ->Arg(10'000'000);
BENCHMARK_CAPTURE(pipeline, v6, "v6", Mix::ipv6)
    ->Name("pipeline_v6")
    ->ArgName("flows")
    ->Arg(10'000)
    ->Arg(1'000'000)
    ->Arg(10'000'000);
BENCHMARK_CAPTURE(pipeline, imix, "imix", Mix::imix)
    ->Name("pipeline_imix")
    ->ArgName("flows")
    ->Arg(10'000)
    ->Arg(1'000'000)
    ->Arg(10'000'000);
BENCHMARK_CAPTURE(pipeline_metrics, layer2, 1)
    ->Name("pipeline_metrics/layer2")
    ->ArgName("flows")
    ->Arg(10'000)
    ->Arg(1'000'000);
BENCHMARK_CAPTURE(pipeline_metrics, tcp, 2)
    ->Name("pipeline_metrics/tcp")
    ->ArgName("flows")
    ->Arg(10'000)
    ->Arg(1'000'000);
BENCHMARK_CAPTURE(pipeline_metrics, both, 3)
    ->Name("pipeline_metrics/layer2,tcp")
    ->ArgName("flows")
    ->Arg(10'000)
    ->Arg(1'000'000);
BENCHMARK_CAPTURE(pipeline_metrics, tcp_rtt, 6)
    ->Name("pipeline_metrics/tcp,rtt")
    ->ArgName("flows")
    ->Arg(10'000)
    ->Arg(1'000'000);
BENCHMARK(pipeline_monitors)->ArgName("flows")->Arg(10'000)->Arg(1'000'000);
BENCHMARK(pipeline_sampled)->ArgName("flows")->Arg(10'000)->Arg(1'000'000);
BENCHMARK_CAPTURE(pipeline, payload, "payload", Mix::payload)
    ->Name("pipeline_payload")
    ->ArgName("flows")
    ->Arg(10'000)
    ->Arg(1'000'000);
BENCHMARK(pipeline_all)->Name("pipeline_metrics/all")->ArgName("flows")->Arg(10'000)->Arg(1'000'000);
BENCHMARK(pipeline_oversized)->ArgNames({"flows", "capacity"})->Args({10'000, 20'000})->Args({10'000, 10'000'000});

}  // namespace
}  // namespace weir::bench
