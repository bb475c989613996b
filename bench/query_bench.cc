// query/…/flows:N: what questions about live flows cost a worker (dataplane/query/).
//
//   query/walk       copying all flows, page by page, as after polls that were not full; items are flows
//   query/pipeline   the pipeline benchmark while one question follows the other, without a pause between them;
//                    `times_without` is what a burst takes in multiples of what it takes while nobody asks, over as
//                    many bursts of the same frames, `flows_per_burst` how many flows were copied meanwhile, and
//                    `share_at_line_rate` what the copies take of the time in which a burst of 32 packets arrives
#include <benchmark/benchmark.h>

#include <cstdint>
#include <ctime>
#include <memory>
#include <string>

#include "bench/meter_rig.h"
#include "dataplane/query/query_slot.h"

namespace weir::bench {
namespace {

std::shared_ptr<MeterRig> filled_rig(benchmark::State& state) {
  const auto flows = static_cast<std::uint32_t>(state.range(0));
  auto rig =
      std::static_pointer_cast<MeterRig>(keep_fixture("query" + std::to_string(flows), [&]() -> std::shared_ptr<void> {
        auto frames = frames_of(Mix::uniform, flows);
        const WorkerOptions options = three_quarters_full(flows);
        if (frames == nullptr || !memory_available(memory_of(options.capacity))) return nullptr;
        auto made = std::make_shared<MeterRig>(options, std::move(frames));
        if (!made->ok()) return nullptr;
        made->fill();
        return made;
      }));
  if (rig == nullptr) state.SkipWithError("not enough memory");
  return rig;
}

void walk(benchmark::State& state) {
  const auto rig = filled_rig(state);
  if (rig == nullptr) return;
  const FlowShard& shard = rig->worker().shard();
  QuerySlot slot;
  slot.ask({});
  std::int64_t flows = 0;
  for ([[maybe_unused]] const auto _ : state) {
    while (!slot.answered()) slot.answer(shard, Worker::kQueryBudget);
    flows += slot.page().size();
    slot.ask(slot.page().complete() ? FlowRange{} : FlowRange(slot.page().rest()));
  }
  state.SetItemsProcessed(flows);
}

void pipeline(benchmark::State& state) {
  const auto rig = filled_rig(state);
  if (rig == nullptr) return;
  std::uint64_t flows = 0;
  const auto ask = [&] {
    QuerySlot& slot = rig->queries();
    if (!slot.answered()) return;
    flows += slot.page().size();
    slot.ask(slot.page().complete() ? FlowRange{} : FlowRange(slot.page().rest()));
  };
  const auto settle = [&] {
    while (!rig->queries().answered()) rig->poll(rig->stream());
  };
  settle();
  rig->queries().ask({});
  rig->times().clear();
  for ([[maybe_unused]] const auto _ : state) {
    rig->poll(rig->stream());
    ask();
  }
  rig->report(state, rig->worker().shard().size());
  state.counters["flows_per_burst"] = static_cast<double>(flows) / static_cast<double>(state.iterations());
  // In turns, so that a machine that becomes slower does so for both; in CPU time, which others do not take.
  constexpr std::uint64_t kTurns = 16;
  const std::uint64_t polls = static_cast<std::uint64_t>(state.iterations()) / kTurns + 1;
  double with = 0;
  double without = 0;
  for (std::uint64_t turn = 0; turn < kTurns; ++turn) {
    for (const bool asking : {true, false}) {
      settle();
      if (asking) rig->queries().ask({});
      const std::clock_t begin = std::clock();
      for (std::uint64_t i = 0; i < polls; ++i) {
        rig->poll(rig->stream());
        if (asking) ask();
      }
      (asking ? with : without) += static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC;
    }
  }
  state.counters["times_without"] = with / without;
  const double copies_ns = (with - without) * 1e9 / static_cast<double>(kTurns * polls);
  state.counters["share_at_line_rate"] = copies_ns / static_cast<double>(FlowShard::kBurst * kPacketNs);
}

BENCHMARK(walk)->Name("query/walk")->ArgName("flows")->Arg(10'000)->Arg(1'000'000);
BENCHMARK(pipeline)->Name("query/pipeline")->ArgName("flows")->Arg(10'000)->Arg(1'000'000);

}  // namespace
}  // namespace weir::bench
