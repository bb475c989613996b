// limit/flows:N, limit_v6/flows:N, limit_metrics/lines:M/flows:N: what memory allows for the pipeline's work, on the
// same frames, over the same footprint, in the same bursts: one read-modify-write of a random line of the index and of
// a random line of the entries (IPv6: two lines), each prefetched. One multiplication of a number in the frame says
// which lines a packet touches. So only the frames' stream and the two misses are left: no parser, no hash of weir's,
// no compare, no timer, no record.
//
// limit_metrics has M more lines for each flow, right after its entry, as metrics have theirs.
//
// The footprint is the pipeline's: as many index lines as a table has whose N flows are three quarters of its
// capacity, and N entries. Memory is allocated like the table's, huge pages included.
#include <benchmark/benchmark.h>

#include <string>

#include "bench/frames.h"
#include "bench/meter_rig.h"
#include "proto/base/byte_order.h"

namespace weir::bench {
namespace {

constexpr std::size_t kWordsPerLine = 8;

template <std::size_t kEntryLines>
struct Footprint {
  struct alignas(64) Line {
    std::uint64_t words[kWordsPerLine];
  };
  struct alignas(64) Entry {
    Line lines[kEntryLines];
  };
  explicit Footprint(std::uint32_t flows)
      : index(three_quarters_full(flows).capacity / BucketIndex::kKeysPerBucket + 1), entries(flows) {
    if (index.size() == 0 || entries.size() == 0) return;
    index.touch();
    entries.touch();
  }
  MappedArray<Line> index;
  MappedArray<Entry> entries;
  std::size_t at = 0;
};

template <Mix kMix, std::size_t kMoreLines = 0>
void limit(benchmark::State& state) {
  constexpr std::size_t kEntryLines = (kMix == Mix::ipv6 ? 2 : 1) + kMoreLines;
  // Where the last 32 bits of the two addresses are; the clients' is in 10.0.0.0/8, which is less than the servers'.
  constexpr std::size_t kSource = kMix == Mix::ipv6 ? 34 : 26;
  constexpr std::size_t kDestination = kMix == Mix::ipv6 ? 50 : 30;
  const auto flows = static_cast<std::uint32_t>(state.range(0));
  using Lines = Footprint<kEntryLines>;
  const auto frames = frames_of(kMix, flows);
  const auto memory =
      frames == nullptr
          ? nullptr
          : std::static_pointer_cast<Lines>(keep_fixture(
                (kMix == Mix::ipv6 ? "limit_v6" : "limit") + std::to_string(kMoreLines) + "/" + std::to_string(flows),
                [&]() -> std::shared_ptr<void> {
                  if (!memory_available(memory_of(flows))) return nullptr;
                  auto made = std::make_shared<Lines>(flows);
                  return made->entries.size() != 0 ? made : nullptr;
                }));
  if (memory == nullptr || memory->index.size() == 0) {
    state.SkipWithError("not enough memory");
    return;
  }
  constexpr std::size_t kStride = kMix == Mix::ipv6 ? 128 : 64;
  const std::uint8_t* const first = frames->frame(0);
  const std::size_t frames_count = frames->size();
  auto* const index = memory->index.data();
  auto* const entries = memory->entries.data();
  const std::uint64_t index_lines = memory->index.size();
  std::size_t at = memory->at;
  std::uint32_t lines[FlowShard::kBurst];
  std::uint32_t numbers[FlowShard::kBurst];
  for ([[maybe_unused]] const auto _ : state) {
    for (std::size_t i = 0; i < FlowShard::kBurst; ++i) {
      const std::uint8_t* frame = first + at * kStride;
      at = at + 1 == frames_count ? 0 : at + 1;
      const std::uint32_t source = load_be<std::uint32_t>(frame + kSource);
      const std::uint32_t destination = load_be<std::uint32_t>(frame + kDestination);
      const std::uint32_t number = (source < destination ? source : destination) - kClientNet;
      numbers[i] = number;
      lines[i] = static_cast<std::uint32_t>((number * 0x9e3779b1U) * index_lines >> 32);
      __builtin_prefetch(&index[lines[i]], 1);
      for (auto& line : entries[number].lines) __builtin_prefetch(&line, 1);
    }
    for (std::size_t i = 0; i < FlowShard::kBurst; ++i) {
      ++index[lines[i]].words[0];
      for (auto& line : entries[numbers[i]].lines) ++line.words[0];
    }
    benchmark::ClobberMemory();
  }
  memory->at = at;
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(FlowShard::kBurst));
}

BENCHMARK(limit<Mix::uniform>)->Name("limit")->ArgName("flows")->Arg(10'000)->Arg(1'000'000)->Arg(10'000'000);
BENCHMARK(limit<Mix::uniform, 1>)->Name("limit_metrics/lines:1")->ArgName("flows")->Arg(10'000)->Arg(1'000'000);
BENCHMARK(limit<Mix::uniform, 2>)->Name("limit_metrics/lines:2")->ArgName("flows")->Arg(10'000)->Arg(1'000'000);
BENCHMARK(limit<Mix::uniform, 4>)->Name("limit_metrics/lines:4")->ArgName("flows")->Arg(10'000)->Arg(1'000'000);
BENCHMARK(limit<Mix::ipv6>)->Name("limit_v6")->ArgName("flows")->Arg(10'000)->Arg(1'000'000)->Arg(10'000'000);

}  // namespace
}  // namespace weir::bench
