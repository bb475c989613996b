// pipeline/flows:N: the whole worker loop without a device; limit/flows:N: what memory allows for the same work.
//
// Frames of 64 octets (FCS included, so 60 in memory), IPv4, TCP and UDP 80/20, both directions, uniform popularity,
// prebuilt in random order and streamed from memory, 67 ns of packet time apart (14.88 Mpps). pipeline parses, hashes,
// looks up, updates, runs the timers and pushes records into a ring that the benchmark empties. limit reads the same
// frames and makes one prefetched read-modify-write of a random line in an index and in an entry array of the same
// footprint. Their ratio is the figure: both move with the machine.
#include <benchmark/benchmark.h>

#include <cstring>
#include <random>
#include <vector>

#include "dataplane/input/packet_source.h"
#include "dataplane/worker.h"
#include "proto/byte_order.h"

namespace weir::bench {
namespace {

constexpr std::size_t kFrameOctets = 60;
constexpr std::size_t kSlotOctets = 64;
constexpr std::size_t kFrames = std::size_t{1} << 22;  // 256 MiB: streamed, never in a cache
constexpr std::uint64_t kStartNs = 1'700'000'000'000'000'000;
constexpr std::uint64_t kPacketNs = 67;

std::vector<std::uint8_t> make_frames(std::uint32_t flows) {
  std::vector<std::uint8_t> memory(kFrames * kSlotOctets);
  std::mt19937_64 random(flows);
  for (std::size_t i = 0; i < kFrames; ++i) {
    const auto flow = static_cast<std::uint32_t>(random() % flows);
    const bool reply = (random() & 1) != 0;
    const bool tcp = flow % 5 != 0;
    std::uint8_t* frame = memory.data() + i * kSlotOctets;
    store_be<std::uint16_t>(frame + 12, 0x0800);
    std::uint8_t* ip = frame + 14;
    ip[0] = 0x45;
    store_be<std::uint16_t>(ip + 2, static_cast<std::uint16_t>(kFrameOctets - 14));
    ip[8] = 64;
    ip[9] = tcp ? 6 : 17;
    const std::uint32_t client = 0x0a000000 + flow;
    const std::uint32_t server = 0xac100000 + flow % 1000;
    store_be<std::uint32_t>(ip + (reply ? 16 : 12), client);
    store_be<std::uint32_t>(ip + (reply ? 12 : 16), server);
    const auto port = static_cast<std::uint16_t>(1024 + flow % 60000);
    store_be<std::uint16_t>(ip + 20, reply ? 443 : port);
    store_be<std::uint16_t>(ip + 22, reply ? port : 443);
    if (tcp) {
      ip[32] = 0x50;
      ip[33] = 0x10;
    }
  }
  return memory;
}

/// The frames over and over, each burst kPacketNs a packet later.
class FrameStream final : public PacketSource {
 public:
  explicit FrameStream(const std::vector<std::uint8_t>& memory) : memory_(memory) {}
  std::size_t receive(std::span<PacketView> views, std::uint64_t now_ns) override {
    for (PacketView& view : views) {
      view = {memory_.data() + at_ * kSlotOctets, kFrameOctets, kFrameOctets, now_ns, 1, LinkType::ethernet};
      at_ = at_ + 1 == kFrames ? 0 : at_ + 1;
    }
    return views.size();
  }
  void release() override {}

 private:
  const std::vector<std::uint8_t>& memory_;
  std::size_t at_ = 0;
};

void pipeline(benchmark::State& state) {
  const auto flows = static_cast<std::uint32_t>(state.range(0));
  const std::vector<std::uint8_t> memory = make_frames(flows);
  FrameStream source(memory);
  WorkerOptions options;
  options.capacity = flows + flows / 3;
  Worker worker(options, KeyHash({1, 2, 3, 4, 5, 6}));
  if (!worker.ok()) {
    state.SkipWithError("no memory");
    return;
  }
  worker.touch();
  std::vector<FlowRecord> drained(4096);
  std::uint64_t now_ns = kStartNs;
  const auto poll = [&] {
    worker.poll(source, now_ns);
    now_ns += FlowShard::kBurst * kPacketNs;
  };
  while (worker.shard().size() < flows - flows / 50)
    poll();  // all but the last few: uniform choice takes long for them
  std::uint64_t polls = 0;
  for ([[maybe_unused]] const auto _ : state) {
    poll();
    if (++polls % 256 == 0) benchmark::DoNotOptimize(worker.records().pop(drained));
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(FlowShard::kBurst));
  state.counters["bytes_per_flow"] =
      static_cast<double>(worker.shard().octets_in_use()) / static_cast<double>(worker.shard().size());
}

void limit(benchmark::State& state) {
  const auto flows = static_cast<std::uint32_t>(state.range(0));
  const std::vector<std::uint8_t> memory = make_frames(flows);
  struct alignas(64) Line {
    std::uint64_t words[8];
  };
  MappedArray<Line> index((flows + flows / 3) / BucketIndex::kKeysPerBucket + 1);
  MappedArray<Line> entries(flows);
  if (index.size() == 0 || entries.size() == 0) {
    state.SkipWithError("no memory");
    return;
  }
  index.touch();
  entries.touch();
  std::size_t at = 0;
  std::uint32_t numbers[FlowShard::kBurst];
  for ([[maybe_unused]] const auto _ : state) {
    for (std::uint32_t& number : numbers) {
      const std::uint8_t* frame = memory.data() + at * kSlotOctets;
      at = at + 1 == kFrames ? 0 : at + 1;
      const std::uint32_t source = load_be<std::uint32_t>(frame + 26);
      const std::uint32_t destination = load_be<std::uint32_t>(frame + 30);
      number = (source > destination ? destination : source) - 0x0a000000;  // the client's number: a random flow
      __builtin_prefetch(&index[number * std::uint64_t{0x9e3779b1} % index.size()], 1);
      __builtin_prefetch(&entries[number], 1);
    }
    for (const std::uint32_t number : numbers) {
      ++index[number * std::uint64_t{0x9e3779b1} % index.size()].words[0];
      ++entries[number].words[0];
    }
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(FlowShard::kBurst));
}

BENCHMARK(pipeline)->ArgName("flows")->Arg(10'000)->Arg(1'000'000)->Arg(10'000'000);
BENCHMARK(limit)->ArgName("flows")->Arg(10'000)->Arg(1'000'000)->Arg(10'000'000);

}  // namespace
}  // namespace weir::bench
