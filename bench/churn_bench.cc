// pipeline_churn and pipeline_sweep: the pipeline while flows begin and end. See pipeline_bench.cc for the family.
//
// churn: a tenth of the flows is replaced every second of packet time, flow by flow at an even pace. Half of the TCP
// flows end by FIN from both sides, the others by RST, UDP flows fall silent; the idle timeout is 1 s, which is also
// how long a closed flow lingers. So at any time N flows are active and a tenth of N is on its way out. Which
// generation of a flow a frame belongs to follows from how far the replacing has come, so the source only reads the
// flow's number from the frame and writes the port of its generation into it; what that costs (1 to 2 ns per packet) is
// part of the figure.
//
// sweep: N flows get one packet each within N x 67 ns, then no more, and all end a second later while other traffic
// (10 000 flows) goes on at line rate. Only this ending is timed. It repeats with the same flows.
#include <benchmark/benchmark.h>

#include <string>
#include <utility>

#include "bench/meter_rig.h"
#include "proto/base/byte_order.h"
#include "proto/base/tcp_flags.h"

namespace weir::bench {
namespace {

constexpr std::uint64_t kSecondNs = 1'000'000'000;
constexpr std::uint8_t kFinAck = kTcpFin | kTcpAck;
constexpr std::uint8_t kRstAck = kTcpRst | kTcpAck;

/// Frames of Mix::churn with the ports of their flows' present generations, and what ends a generation in between.
class ChurnStream final : public PacketSource {
 public:
  explicit ChurnStream(std::shared_ptr<FrameSet> frames)
      : frames_(std::move(frames)), replaced_a_second_(frames_->flows() / 10), start_ns_(0) {}

  std::size_t receive(std::span<PacketView> views, std::uint64_t now_ns) override {
    if (start_ns_ == 0) start_ns_ = now_ns;
    const std::uint64_t due = (now_ns - start_ns_) / 1000 * replaced_a_second_ / 1'000'000;
    std::size_t count = 0;
    for (; replaced_ < due && count + 2 <= kEnds; ++replaced_) {
      count += end_generation(views.subspan(count), count, now_ns);
      hand_ = hand_ + 1 == frames_->flows() ? 0 : hand_ + 1;
      if (hand_ == 0) ++generation_;
    }
    for (; count < views.size(); ++count) {
      std::uint8_t* frame = frames_->frame(at_);
      const std::uint32_t octets = frames_->octets(at_);
      at_ = at_ + 1 == frames_->size() ? 0 : at_ + 1;
      const bool reply = load_be<std::uint16_t>(frame + 34) == 443;
      const std::uint32_t flow = load_be<std::uint32_t>(frame + (reply ? 30 : 26)) - kClientNet;
      store_be<std::uint16_t>(frame + (reply ? 36 : 34), port_of(flow));
      views[count] = {frame, octets, octets, now_ns, 1, LinkType::ethernet, 0};
    }
    return views.size();
  }
  void release() override {}

 private:
  static constexpr std::size_t kEnds = 16;  ///< frames a burst that end flows: enough for 70 million a second

  /// The hand has passed flow f in this round already, or will yet. Ports repeat after 60 000 / 997 rounds, minutes.
  [[nodiscard]] std::uint16_t port_of(std::uint32_t flow) const {
    return client_port(flow, (generation_ + (flow < hand_ ? 1 : 0)) * 997 % 60000);
  }
  /// The frames that end the flow under the hand; 0 for UDP.
  std::size_t end_generation(std::span<PacketView> views, std::size_t first, std::uint64_t now_ns) {
    if (!is_tcp(hand_)) return 0;
    const bool by_fin = hand_ % 2 == 0;
    const std::size_t count = by_fin ? 2 : 1;
    for (std::size_t i = 0; i < count; ++i) {
      std::uint8_t* frame = ends_[first + i];
      FrameFields fields;
      fields.reply = i == 1;
      fields.tcp_flags = by_fin ? kFinAck : kRstAck;
      fields.port_shift = static_cast<std::uint16_t>(generation_ * 997 % 60000);
      write_frame(frame, kEndOctets, hand_, fields);
      views[i] = {frame, kEndOctets, kEndOctets, now_ns, 1, LinkType::ethernet, 0};
    }
    return count;
  }

  static constexpr std::uint32_t kEndOctets = 60;
  std::shared_ptr<FrameSet> frames_;
  std::uint64_t replaced_a_second_;
  std::uint64_t start_ns_;
  std::uint64_t replaced_ = 0;
  std::uint32_t hand_ = 0;  ///< the flow that is replaced next
  std::uint32_t generation_ = 0;
  std::size_t at_ = 0;
  alignas(64) std::uint8_t ends_[kEnds][64] = {};
};

struct ChurnRig {
  ChurnRig(const WorkerOptions& options, const std::shared_ptr<FrameSet>& frames)
      : rig(options, frames), stream(frames) {}
  MeterRig rig;
  ChurnStream stream;
};

void pipeline_churn(benchmark::State& state) {
  const auto flows = static_cast<std::uint32_t>(state.range(0));
  const auto fixture =
      std::static_pointer_cast<ChurnRig>(keep_fixture("churn" + std::to_string(flows), [&]() -> std::shared_ptr<void> {
        auto frames = frames_of(Mix::churn, flows);
        WorkerOptions options = three_quarters_full(flows);
        options.timeouts.idle_ns = kSecondNs;
        if (frames == nullptr || !memory_available(memory_of(options.capacity))) return nullptr;
        auto made = std::make_shared<ChurnRig>(options, frames);
        if (!made->rig.ok()) return nullptr;
        // Two seconds of packet time: by then as many flows end as begin.
        while (made->rig.now_ns() < kStartNs + 2 * kSecondNs) made->rig.poll(made->stream);
        return made;
      }));
  if (fixture == nullptr) {
    state.SkipWithError("not enough memory");
    return;
  }
  fixture->rig.times().clear();
  const std::uint64_t before = fixture->rig.records();
  const std::uint64_t began = fixture->rig.worker().counters().flows_created;
  for ([[maybe_unused]] const auto _ : state) fixture->rig.poll(fixture->stream);
  fixture->rig.report(state, fixture->rig.worker().shard().size());
  const double packets = static_cast<double>(state.iterations()) * static_cast<double>(FlowShard::kBurst);
  state.counters["records_per_packet"] = static_cast<double>(fixture->rig.records() - before) / packets;
  state.counters["inserts_per_packet"] =
      static_cast<double>(fixture->rig.worker().counters().flows_created - began) / packets;
}

/// A table that holds background traffic only, between two sweeps.
class SweepRig {
 public:
  static constexpr std::uint32_t kBackgroundFlows = 10'000;

  SweepRig(const WorkerOptions& options, std::shared_ptr<FrameSet> background, std::uint32_t flows)
      : rig(options, std::move(background)), flows_(flows) {}

  [[nodiscard]] bool swept() const { return rig.worker().shard().size() <= kBackgroundFlows; }
  /// All flows in, and the time just before the first of them is over.
  void prepare() {
    FlowSweep sweep(flows_, FrameFields{});
    const std::uint64_t first_ns = rig.now_ns();
    while (!sweep.done()) rig.poll_untimed(sweep);
    // The background's flows do not end: they are seen before each jump in time and after it.
    for (const std::uint64_t ms : {0U, 330U, 660U, 980U}) {
      rig.skip_to(first_ns + ms * 1'000'000);
      for (std::uint32_t i = 0; i < kBackgroundFlows * 13; i += FlowShard::kBurst) rig.poll_untimed(rig.stream());
    }
  }
  MeterRig rig;

 private:
  std::uint32_t flows_;
};

void pipeline_sweep(benchmark::State& state) {
  const auto flows = static_cast<std::uint32_t>(state.range(0));
  const auto fixture =
      std::static_pointer_cast<SweepRig>(keep_fixture("sweep" + std::to_string(flows), [&]() -> std::shared_ptr<void> {
        auto background = frames_of(Mix::background, SweepRig::kBackgroundFlows);
        WorkerOptions options = three_quarters_full(flows + SweepRig::kBackgroundFlows);
        options.timeouts.idle_ns = kSecondNs;
        if (background == nullptr || !memory_available(memory_of(options.capacity))) return nullptr;
        auto made = std::make_shared<SweepRig>(options, std::move(background), flows);
        return made->rig.ok() ? made : nullptr;
      }));
  if (fixture == nullptr) {
    state.SkipWithError("not enough memory");
    return;
  }
  fixture->rig.times().clear();
  if (fixture->swept()) fixture->prepare();
  for ([[maybe_unused]] const auto _ : state) {
    fixture->rig.poll(fixture->rig.stream());
    if (!fixture->swept()) continue;
    state.PauseTiming();
    fixture->prepare();
    state.ResumeTiming();
  }
  fixture->rig.report(state, flows + SweepRig::kBackgroundFlows);
}

BENCHMARK(pipeline_churn)->ArgName("flows")->Arg(10'000)->Arg(1'000'000)->Arg(10'000'000);
BENCHMARK(pipeline_sweep)->ArgName("flows")->Arg(10'000)->Arg(1'000'000)->Arg(10'000'000);

}  // namespace
}  // namespace weir::bench
