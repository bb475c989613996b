// pipeline_cores/flows:N: two workers on two cores, against each core alone.
//
// A round is three stretches of equal length: the first core alone, the second alone, both at once; each worker has its
// own table and starts at its own place in the frames, which both read. Reported: items_per_second of both at once,
// `ratio` to the sum of the cores alone (they differ on some machines, so each is measured), and the rates alone. What
// keeps the ratio below 1 is what the cores share: caches, memory, the clock's budget; weir's workers share nothing.
#include <benchmark/benchmark.h>
#include <pthread.h>
#include <sched.h>

#include <array>
#include <atomic>
#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "bench/meter_rig.h"

namespace weir::bench {
namespace {

constexpr unsigned kCores = 2;
constexpr auto kStretch = std::chrono::milliseconds(100);

void pin_to(unsigned cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpu, &set);
  pthread_setaffinity_np(pthread_self(), sizeof set, &set);
}

/// The first kCores CPUs that this process may use; fewer where there are fewer.
std::vector<unsigned> cpus() {
  cpu_set_t set;
  CPU_ZERO(&set);
  std::vector<unsigned> found;
  if (sched_getaffinity(0, sizeof set, &set) != 0) return found;
  for (unsigned cpu = 0; cpu < CPU_SETSIZE && found.size() < kCores; ++cpu) {
    if (CPU_ISSET(cpu, &set)) found.push_back(cpu);
  }
  return found;
}

/// The rigs, each built and filled by a thread on its core.
struct CoreRigs {
  explicit CoreRigs(std::uint32_t flows, const std::vector<unsigned>& on) {
    const auto frames = frames_of(Mix::uniform, flows);
    if (frames == nullptr) return;
    for (unsigned i = 0; i < kCores; ++i) {
      std::thread([&, i] {
        pin_to(on[i]);
        rigs[i] = std::make_unique<MeterRig>(three_quarters_full(flows), frames, i * frames->size() / kCores);
        if (rigs[i]->ok()) rigs[i]->fill();
      }).join();
    }
  }
  std::array<std::unique_ptr<MeterRig>, kCores> rigs;
};

/// Runs the cores of which `active` says so for a stretch; packets/s of each.
std::array<double, kCores> run(CoreRigs& cores, const std::vector<unsigned>& on, std::array<bool, kCores> active) {
  std::array<double, kCores> rates{};
  std::atomic<unsigned> ready{0};
  std::atomic<bool> stop{false};
  unsigned wanted = 0;
  for (const bool one : active) wanted += one ? 1 : 0;
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < kCores; ++i) {
    if (!active[i]) continue;
    threads.emplace_back([&, i] {
      pin_to(on[i]);
      MeterRig& rig = *cores.rigs[i];
      ready.fetch_add(1);
      while (ready.load() != wanted) {
      }
      const auto start = std::chrono::steady_clock::now();
      std::uint64_t polls = 0;
      while (!stop.load(std::memory_order_relaxed)) {
        for (unsigned turn = 0; turn < 64; ++turn) rig.poll_untimed(rig.stream());
        polls += 64;
      }
      const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
      rates[i] = static_cast<double>(polls * FlowShard::kBurst) / seconds.count();
    });
  }
  std::this_thread::sleep_for(kStretch);
  stop.store(true);
  for (std::thread& thread : threads) thread.join();
  return rates;
}

void pipeline_cores(benchmark::State& state) {
  const auto flows = static_cast<std::uint32_t>(state.range(0));
  static const std::vector<unsigned> on = cpus();
  if (on.size() < kCores) {
    state.SkipWithError("needs two CPUs");
    return;
  }
  const auto cores = std::static_pointer_cast<CoreRigs>(
      keep_fixture("cores" + std::to_string(flows), [&] { return std::make_shared<CoreRigs>(flows, on); }));
  if (cores->rigs[1] == nullptr || !cores->rigs[0]->ok() || !cores->rigs[1]->ok()) {
    state.SkipWithError("not enough memory");
    return;
  }
  double first = 0;
  double second = 0;
  double both = 0;
  for ([[maybe_unused]] const auto _ : state) {
    first += run(*cores, on, {true, false})[0];
    second += run(*cores, on, {false, true})[1];
    const auto rates = run(*cores, on, {true, true});
    both += rates[0] + rates[1];
    state.SetIterationTime(std::chrono::duration<double>(kStretch).count());
  }
  const auto rounds = static_cast<double>(state.iterations());
  state.SetItemsProcessed(static_cast<std::int64_t>(both * std::chrono::duration<double>(kStretch).count()));
  state.counters["first_alone"] = first / rounds;
  state.counters["second_alone"] = second / rounds;
  state.counters["ratio"] = both / (first + second);
}

BENCHMARK(pipeline_cores)->ArgName("flows")->Arg(10'000)->Arg(1'000'000)->UseManualTime();

}  // namespace
}  // namespace weir::bench
