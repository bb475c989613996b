#include "bench/meter_rig.h"

#include <cstring>
#include <string>
#include <utility>

namespace weir::bench {

namespace {

struct Kept {
  std::string name;
  std::shared_ptr<void> fixture;
};

Kept& kept() {
  static Kept one;
  return one;
}

}  // namespace

std::shared_ptr<void> keep_fixture(const std::string& name, const std::function<std::shared_ptr<void>()>& make) {
  if (kept().fixture == nullptr || kept().name != name) {
    drop_fixture();
    kept() = {name, make()};
  }
  return kept().fixture;
}

void drop_fixture() {
  kept().fixture.reset();
}

MeterRig::MeterRig(const WorkerOptions& options, std::shared_ptr<FrameSet> frames, std::size_t from)
    : frames_(std::move(frames)), stream_(frames_, from), worker_(options, KeyHash({1, 2, 3, 4, 5, 6})) {
  if (worker_.ok()) worker_.touch();
}

void MeterRig::fill() {
  if (frames_->mix() == Mix::payload) {  // frames of a sweep are of other flows; each flow has frames enough
    for (std::size_t i = 0; i < frames_->size(); i += FlowShard::kBurst) poll_untimed(stream_);
    return;
  }
  FrameFields fields;
  fields.ipv6 = frames_->mix() == Mix::ipv6;
  if (frames_->mix() == Mix::background) fields.net = kBackgroundNet;
  FlowSweep sweep(frames_->flows(), fields);
  while (!sweep.done()) poll_untimed(sweep);
  for (std::size_t i = 0; i < frames_->size(); i += FlowShard::kBurst) poll_untimed(stream_);
}

void MeterRig::drain() {
  for (unsigned monitor = 0; monitor < worker_.monitors(); ++monitor) {
    records_ += worker_.records(monitor).consume(SIZE_MAX, [this](const RingLine& line) {
      const RecordView record = RecordMessage::record(line);
      std::memcpy(drained_.data(), record.octets(), record.lines() * kRecordLineOctets);
      benchmark::DoNotOptimize(drained_.data());
    });
  }
}

void MeterRig::report(benchmark::State& state, double flows) {
  const auto packets = static_cast<double>(state.iterations()) * static_cast<double>(FlowShard::kBurst);
  state.SetItemsProcessed(static_cast<std::int64_t>(packets));
  state.counters["bytes_per_flow"] = static_cast<double>(worker_.shard().octets_in_use()) / flows;
  state.counters["poll_p50_ns"] = times_.percentile_ns(0.5);
  state.counters["poll_p99_ns"] = times_.percentile_ns(0.99);
  state.counters["poll_p9999_ns"] = times_.percentile_ns(0.9999);
  state.counters["poll_max_ns"] = times_.max_ns();
  const WorkerCounters counters = all_monitors(worker_.counters());
  for (const RecordTotals& lost : counters.lost) {
    if (lost.packets != 0) state.SkipWithError("records were lost: the consumer did not keep up");
  }
}

WorkerOptions three_quarters_full(std::uint32_t flows) {
  WorkerOptions options;
  options.capacity = flows + flows / 3;
  return options;
}

std::size_t memory_of(std::uint32_t capacity, bool all_metrics) {
  return std::size_t{all_metrics ? 3072U : 512U} * capacity + (std::size_t{64} << 20);
}

}  // namespace weir::bench
