// wheel/…: the timer wheel alone, entries in random order, times spread over 30 s as idle timeouts are.
//
//   wheel/schedule/flows:N   an entry that is in no slot is put into one
//   wheel/cancel/flows:N     an entry is taken out of its slot
//   wheel/advance/flows:N    an entry comes due and is put where it now belongs, the lazy rescheduling of a live flow
#include <benchmark/benchmark.h>

#include <algorithm>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "dataplane/flow/timer_wheel.h"

namespace weir::bench {
namespace {

constexpr std::uint64_t kStartTick = 1'700'000'000'000'000'000 / TimerWheel::kTickNs;
constexpr std::uint64_t kSpread = 30'000'000'000 / TimerWheel::kTickNs;
constexpr std::size_t kBatch = 32;

/// A wheel, an order of entries, and when each is to come due.
struct Wheel {
  explicit Wheel(std::uint32_t flows) : wheel(flows), order(flows), ticks(flows) {
    wheel.touch();
    wheel.start(kStartTick);
    std::mt19937_64 random(flows);
    for (std::uint32_t i = 0; i < flows; ++i) {
      order[i] = i;
      ticks[i] = kStartTick + 1 + random() % kSpread;
    }
    std::shuffle(order.begin(), order.end(), random);
  }
  void schedule_all() {
    for (const std::uint32_t i : order) wheel.schedule(i, ticks[i]);
  }
  void cancel_all() {
    for (const std::uint32_t i : order) wheel.cancel(i);
  }
  TimerWheel wheel;
  std::vector<std::uint32_t> order;
  std::vector<std::uint64_t> ticks;
};

/// Runs `one` over the order in batches; whenever it is through, `again` makes it possible once more, untimed.
template <typename One, typename Again>
void over_order(benchmark::State& state, Wheel& wheel, One&& one, Again&& again) {
  std::size_t at = 0;
  std::size_t done = 0;
  for ([[maybe_unused]] const auto _ : state) {
    if (at == wheel.order.size()) {
      state.PauseTiming();
      again();
      at = 0;
      state.ResumeTiming();
    }
    const std::size_t end = std::min(at + kBatch, wheel.order.size());
    done += end - at;
    for (; at < end; ++at) one(wheel.order[at]);
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(done));
}

void wheel_schedule(benchmark::State& state) {
  Wheel wheel(static_cast<std::uint32_t>(state.range(0)));
  over_order(
      state, wheel, [&](std::uint32_t i) { wheel.wheel.schedule(i, wheel.ticks[i]); }, [&] { wheel.cancel_all(); });
}

void wheel_cancel(benchmark::State& state) {
  Wheel wheel(static_cast<std::uint32_t>(state.range(0)));
  wheel.schedule_all();
  over_order(
      state, wheel, [&](std::uint32_t i) { wheel.wheel.cancel(i); }, [&] { wheel.schedule_all(); });
}

void wheel_advance(benchmark::State& state) {
  Wheel wheel(static_cast<std::uint32_t>(state.range(0)));
  wheel.schedule_all();
  std::uint64_t now = kStartTick;
  std::size_t fired = 0;
  for ([[maybe_unused]] const auto _ : state) {
    // As many as a worker's poll ends at most; time moves on when a tick has no more.
    std::size_t count = 0;
    while (count == 0) {
      if (!wheel.wheel.behind(now)) ++now;
      count = wheel.wheel.advance(
          now, 64, [](std::uint32_t) {},
          [&](std::span<const std::uint32_t> due) {
            for (const std::uint32_t i : due) wheel.wheel.schedule(i, now + 1 + wheel.ticks[i] % kSpread);
          });
    }
    fired += count;
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(fired));
}

BENCHMARK(wheel_schedule)->Name("wheel/schedule")->ArgName("flows")->Arg(10'000)->Arg(1'000'000);
BENCHMARK(wheel_cancel)->Name("wheel/cancel")->ArgName("flows")->Arg(10'000)->Arg(1'000'000);
BENCHMARK(wheel_advance)->Name("wheel/advance")->ArgName("flows")->Arg(10'000)->Arg(1'000'000);

}  // namespace
}  // namespace weir::bench
