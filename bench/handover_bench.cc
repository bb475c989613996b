// handover/...: what a packet costs that reaches the wrong worker, compared with one that reaches the right one. Two
// workers run on one core, one poll each in turn, and get the same frames in two ways. Time is of both workers.
//
//   handover/addresses             --rss addresses: no mesh; every packet belongs to the worker that gets it
//   handover/ports                 --rss ports, worst case: there is a mesh, and every packet belongs to the other one
//   handover/ports_own             the mesh is there, and no packet needs it: what the check costs
//   handover/fragments_addresses   datagrams in two fragments, first and second: the cache, and no mesh
//   handover/fragments_ports       likewise with a mesh, both fragments where a hash of the addresses brings them, as
//                                  devices do that find no ports: the note and the second fragment cross a ring for one
//                                  in two datagrams, then both fragments for the flow's owner, one in two again
//
// items_per_second is of packets; `crossings` are rings crossed for each of them, notes left out. Real workers sit on
// cores of their own: then a crossing also moves two cache lines between them, which one core cannot show.
#include <benchmark/benchmark.h>

#include <array>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "bench/frames.h"
#include "bench/meter_rig.h"
#include "dataplane/worker.h"
#include "proto/base/byte_order.h"
#include "tests/support/packet_builder.h"

namespace weir::bench {
namespace {

constexpr unsigned kWorkers = 2;
constexpr unsigned kFlows = 4096;
const KeyHash hash({1, 2, 3, 4, 5, 6});

/// Frames in order, again and again.
class FrameRing final : public PacketSource {
 public:
  std::size_t receive(std::span<PacketView> views, std::uint64_t now_ns) override {
    for (PacketView& view : views) {
      const test::Bytes& frame = frames[at_];
      at_ = at_ + 1 == frames.size() ? 0 : at_ + 1;
      const auto octets = static_cast<std::uint32_t>(frame.size());
      view = {frame.data(), octets, octets, now_ns, 1, LinkType::ethernet, 0};
    }
    return views.size();
  }
  void release() override {}

  std::vector<test::Bytes> frames;

 private:
  std::size_t at_ = 0;
};

/// The worker that owns the frame's flow.
unsigned owner_of(const test::Bytes& frame) {
  Parser parser;
  ParsedPacket packet;
  (void)parser.parse(test::view_of(frame), packet);
  return KeyHash::worker_of(hash(packet.key), kWorkers);
}

struct Rig {
  Rig(bool fragments, bool mesh, unsigned away) {
    for (unsigned flow = 0; flow < kFlows; ++flow) {
      const std::string source = "10.0." + std::to_string(flow / 256) + '.' + std::to_string(flow % 256);
      const auto ip = [&] { return test::packet().eth().ipv4(source, "192.0.2.1"); };
      if (fragments) {
        const unsigned queue = flow % kWorkers;
        sources[queue].frames.push_back(ip().fragment(0, true, flow).udp(1000, 53).payload(24).bytes());
        sources[queue].frames.push_back(ip().protocol(17).fragment(32, false, flow).payload(24).bytes());
      } else {
        auto frame = ip().udp(1000, 53).payload(18).bytes();
        const unsigned queue = (owner_of(frame) + away) % kWorkers;
        sources[queue].frames.push_back(std::move(frame));
      }
    }
    if (mesh) rings = std::make_unique<HandoverMesh>(kWorkers);
    for (unsigned number = 0; number < kWorkers; ++number) {
      WorkerOptions options;
      options.number = number;
      options.workers = kWorkers;
      options.capacity = 2 * kFlows;
      options.handover = rings.get();
      workers[number] = std::make_unique<Worker>(options, hash);
      workers[number]->touch();
    }
  }
  void poll() {
    for (unsigned number = 0; number < kWorkers; ++number) workers[number]->poll(sources[number], now_ns);
    now_ns += FlowShard::kBurst * kPacketNs;
    for (auto& worker : workers) {
      worker->records().consume(SIZE_MAX, [](const RingLine& line) {
        FlowRecord record = RecordMessage::record(line);
        benchmark::DoNotOptimize(record);
      });
    }
  }

  std::array<FrameRing, kWorkers> sources;
  std::unique_ptr<HandoverMesh> rings;
  std::array<std::unique_ptr<Worker>, kWorkers> workers;
  std::uint64_t now_ns = kStartNs;
};

void handover(benchmark::State& state, bool fragments, bool mesh, unsigned away) {
  Rig rig(fragments, mesh, away);
  for (unsigned i = 0; i < 2 * kFlows / FlowShard::kBurst; ++i) rig.poll();  // every flow is there
  const auto crossed = [&] {
    std::uint64_t packets = 0;
    for (const auto& worker : rig.workers) {
      const WorkerCounters counters = worker->counters();
      packets += counters.handed_over.packets + counters.fragments_handed_over.packets;
    }
    return packets;
  };
  const std::uint64_t before = crossed();
  for ([[maybe_unused]] const auto _ : state) rig.poll();
  const auto packets = static_cast<double>(state.iterations()) * kWorkers * FlowShard::kBurst;
  state.SetItemsProcessed(static_cast<std::int64_t>(packets));
  state.counters["crossings"] = static_cast<double>(crossed() - before) / packets;
  for (const auto& worker : rig.workers) {
    if (worker->counters().handover_full.packets != 0) state.SkipWithError("a ring was full");
    if (worker->counters().fragments_without_first.packets != 0) state.SkipWithError("a fragment without its first");
  }
}

BENCHMARK_CAPTURE(handover, addresses, false, false, 0)->Name("handover/addresses");
BENCHMARK_CAPTURE(handover, ports_own, false, true, 0)->Name("handover/ports_own");
BENCHMARK_CAPTURE(handover, ports, false, true, 1)->Name("handover/ports");
BENCHMARK_CAPTURE(handover, fragments_addresses, true, false, 0)->Name("handover/fragments_addresses");
BENCHMARK_CAPTURE(handover, fragments_ports, true, true, 0)->Name("handover/fragments_ports");

}  // namespace
}  // namespace weir::bench
