// A monitor's flows are replaced by others with another key, other metrics, more room or another rate, while packets
// come: each packet is in one record of one generation, whichever worker received it.
#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "proto/record/sections.h"
#include "tests/support/flow_packet.h"
#include "tests/support/frame_list.h"
#include "tests/support/packet_builder.h"
#include "tests/support/records.h"
#include "tests/unit/dataplane/worker_fixtures.h"

namespace weir::test::flow_replacement_test {
namespace {

using Step = FlowReplacement::Step;

FurtherMonitor like(const WorkerOptions& options) {
  return {options, options.capacity, nullptr};
}

KeyFields by_source() {
  KeyFields key;
  key.destination_prefix4 = 0;
  key.source_port = key.destination_port = key.protocol = false;
  return key;
}

Bytes frame(unsigned source, unsigned port) {
  return packet().eth().ipv4("10.0.0." + std::to_string(source), "10.0.1.1").udp(1000 + port, 53).bytes();
}

/// One worker that is given frames and asked for steps.
class Bench {
 public:
  explicit Bench(const WorkerOptions& options) : worker(options, kHash) {}
  void poll(std::vector<Bytes> frames = {}) {
    FrameList source;
    source.frames = std::move(frames);
    do {
      now_ns += 1'000'000;
      worker.poll(source, now_ns);
    } while (!source.done());
  }
  void begin(const FurtherMonitor& next, unsigned monitor = 0) {
    worker.replacement(monitor).begin(worker.make_parts(monitor, next));
    poll();
    EXPECT_TRUE(worker.replacement(monitor).done(Step::accept));
  }
  void use(unsigned monitor = 0) {
    worker.replacement(monitor).ask(Step::use);
    poll();
    EXPECT_TRUE(worker.replacement(monitor).done(Step::use));
  }
  void end(unsigned monitor = 0) {
    worker.replacement(monitor).ask(Step::end);
    for (unsigned polls = 0; polls < 1000 && !worker.replacement(monitor).done(Step::end); ++polls) poll();
    EXPECT_TRUE(worker.replacement(monitor).done(Step::end));
    EXPECT_NE(worker.replacement(monitor).take_back().flows, nullptr) << "control frees them";
  }
  std::vector<FlowRecord> drained(unsigned monitor = 0) {
    worker.drain(now_ns);
    return take(worker.records(monitor));
  }

  Worker worker;
  std::uint64_t now_ns = kEpochNs;
};

WorkerOptions plain() {
  WorkerOptions options;
  options.capacity = 1000;
  return options;
}

std::uint64_t packets_of(const std::vector<FlowRecord>& records) {
  std::uint64_t packets = 0;
  for (const FlowRecord& record : records) packets += record.total_packets();
  return packets;
}

TEST(FlowReplacement, AnotherKeyCountsFromItsStepOnAndTheFlowsOfBeforeEndAsForcedEnds) {
  Bench bench(plain());
  bench.poll({frame(1, 1), frame(1, 2), frame(2, 1), frame(1, 1)});
  WorkerOptions next = plain();
  next.key = by_source();
  bench.begin(like(next));
  bench.poll({frame(1, 1)});
  EXPECT_EQ(bench.worker.counters().in_table.records, 3U) << "nothing has changed yet";
  bench.use();
  bench.poll({frame(1, 1), frame(1, 2), frame(1, 3)});
  EXPECT_EQ(bench.worker.counters().in_table.records, 4U) << "three of before, and one of a source";
  expect_balanced(bench.worker);
  bench.end();
  const std::vector<FlowRecord> before = take(bench.worker.records());
  ASSERT_EQ(before.size(), 3U);
  std::map<std::pair<std::uint16_t, std::uint64_t>, unsigned> ended;
  for (const FlowRecord& record : before) {
    EXPECT_EQ(record.end_reason, EndReason::forced_end);
    ++ended[{record.source_port(), record.packets[kForward]}];
  }
  EXPECT_EQ(ended, (std::map<std::pair<std::uint16_t, std::uint64_t>, unsigned>{
                       {{1001, 3}, 1}, {{1002, 1}, 1}, {{1001, 1}, 1}}));
  expect_balanced(bench.worker);
  const std::vector<FlowRecord> after = bench.drained();
  ASSERT_EQ(after.size(), 1U);
  EXPECT_EQ(after[0].packets[kForward], 3U);
  EXPECT_EQ(after[0].source_port(), 0U);
  expect_balanced(bench.worker);
}

TEST(FlowReplacement, AReplacementThatIsForgottenChangesNothing) {
  Bench bench(plain());
  bench.poll({frame(1, 1)});
  WorkerOptions next = plain();
  next.key = by_source();
  bench.begin(like(next));
  bench.worker.replacement().ask(Step::forget);
  bench.poll({frame(1, 1)});
  EXPECT_TRUE(bench.worker.replacement().done(Step::forget));
  EXPECT_NE(bench.worker.replacement().take_back().flows, nullptr);
  bench.poll({frame(1, 1), frame(1, 2)});
  EXPECT_EQ(bench.worker.counters().in_table.records, 2U);
  const std::vector<FlowRecord> records = bench.drained();
  EXPECT_EQ(records.size(), 2U);
  EXPECT_EQ(packets_of(records), 4U);
  expect_balanced(bench.worker);
}

TEST(FlowReplacement, ARequestThatNoWorkerTookIsWithdrawn) {
  Bench bench(plain());
  bench.worker.replacement().begin(bench.worker.make_parts(0, like(plain())));
  EXPECT_TRUE(bench.worker.replacement().withdraw());
  EXPECT_NE(bench.worker.replacement().take_back().flows, nullptr);
  bench.poll({frame(1, 1)});
  EXPECT_FALSE(bench.worker.replacement().done(Step::accept));
  EXPECT_EQ(packets_of(bench.drained()), 1U);
  expect_balanced(bench.worker);
}

/// How many records of the ring have been measured by Layer2, and how many have not.
std::pair<unsigned, unsigned> measured_and_not(RecordRing& ring) {
  std::pair<unsigned, unsigned> counts;
  for (const RecordView record : take_batch(ring)) {
    ++((record->sections & kSectionBit<Layer2Section>) != 0 ? counts.first : counts.second);
  }
  return counts;
}

TEST(FlowReplacement, MetricsMeasureTheFlowsThatBeginAfterItAndAreGoneAfterTheNext) {
  Bench bench(plain());
  bench.poll({frame(1, 1)});
  WorkerOptions next = plain();
  next.metrics = Metrics().with<Layer2>();
  bench.begin(like(next));
  bench.use();
  bench.poll({frame(1, 1), frame(1, 1)});
  bench.end();
  EXPECT_EQ(measured_and_not(bench.worker.records()), std::pair(0U, 1U));
  bench.poll({frame(2, 1)});
  bench.begin(like(plain()));
  bench.use();
  bench.end();
  EXPECT_EQ(measured_and_not(bench.worker.records()), std::pair(2U, 0U));
  bench.poll({frame(2, 1)});
  bench.worker.drain(bench.now_ns);
  EXPECT_EQ(measured_and_not(bench.worker.records()), std::pair(0U, 1U));
  expect_balanced(bench.worker);
}

TEST(FlowReplacement, MoreRoomEndsTheEvictions) {
  WorkerOptions options = plain();
  options.capacity = 8;
  Bench bench(options);
  for (unsigned port = 0; port < 12; ++port) bench.poll({frame(1, port)});
  const std::uint64_t evictions = bench.worker.counters().evictions;
  EXPECT_EQ(evictions, 4U);
  bench.begin(like(plain()));
  bench.use();
  bench.end();
  EXPECT_EQ(bench.worker.shard().capacity(), 1000U);
  for (unsigned port = 0; port < 100; ++port) bench.poll({frame(1, port)});
  EXPECT_EQ(bench.worker.counters().evictions, evictions);
  EXPECT_EQ(packets_of(bench.drained()), 112U);
  expect_balanced(bench.worker);
}

TEST(FlowReplacement, SamplingByRateBeginsAndEndsWithIt) {
  Bench bench(plain());
  bench.poll({frame(1, 1)});
  WorkerOptions next = plain();
  next.sampling.by = Sampling::By::rate;
  next.sampling.most_pps = 1000;
  bench.begin(like(next));
  bench.use();
  bench.worker.sampling_level().offer(std::make_unique<const unsigned>(2));
  bench.poll(std::vector<Bytes>(400, frame(1, 1)));
  EXPECT_EQ(bench.worker.counters().sampled_out.packets, 300U);
  bench.end();
  EXPECT_EQ(packets_of(take(bench.worker.records())), 1U);
  bench.begin(like(plain()));
  bench.use();
  bench.poll(std::vector<Bytes>(10, frame(1, 1)));
  bench.end();
  EXPECT_EQ(bench.worker.counters().sampled_out.packets, 300U);
  std::map<std::uint32_t, std::uint64_t> packets_by_rate;
  for (const FlowRecord& record : bench.drained()) packets_by_rate[record.sampling_rate] += record.total_packets();
  EXPECT_EQ(packets_by_rate, (std::map<std::uint32_t, std::uint64_t>{{1, 10}, {4, 100}}));
  expect_balanced(bench.worker);
}

TEST(FlowReplacement, FlowsThatFindTheRingFullWaitForRoom) {
  WorkerOptions options = plain();
  options.ring_records = 16;
  Bench bench(options);
  std::vector<Bytes> frames;
  for (unsigned port = 0; port < 900; ++port) frames.push_back(frame(1, port));
  bench.poll(frames);
  WorkerOptions next = plain();
  next.key = by_source();
  bench.begin(like(next));
  bench.use();
  bench.worker.replacement().ask(Step::end);
  std::uint64_t records = 0;
  for (unsigned polls = 0; polls < 1000 && !bench.worker.replacement().done(Step::end); ++polls) {
    bench.poll({frame(1, polls)});
    if (polls % 32 == 0) records += take(bench.worker.records()).size();
    expect_balanced(bench.worker);
  }
  EXPECT_TRUE(bench.worker.replacement().done(Step::end));
  EXPECT_GT(bench.worker.counters().late_expiries, 0U);
  EXPECT_EQ(records + take(bench.worker.records()).size(), 900U);
  EXPECT_EQ(bench.worker.counters().lost[static_cast<std::size_t>(Loss::ring_full)].records, 0U);
}

TEST(FlowReplacement, OfOneMonitorLeavesTheOthersAlone) {
  WorkerOptions options = plain();
  options.further = {like(plain()), like(plain())};
  Bench bench(options);
  bench.poll({frame(1, 1), frame(1, 2)});
  WorkerOptions next = plain();
  next.key = by_source();
  next.metrics = next.metrics.with<Layer2>();
  bench.begin(like(next), 1);
  bench.use(1);
  bench.end(1);
  bench.poll({frame(1, 1), frame(1, 2)});
  next.key.icmp = true;
  bench.begin(like(next), 2);
  bench.use(2);
  bench.end(2);
  bench.poll({frame(1, 1), packet().eth().ipv4("10.0.0.1", "10.0.0.2").icmp(8, 0).bytes()});
  bench.worker.drain(bench.now_ns);
  std::vector<std::size_t> records;
  for (unsigned monitor = 0; monitor < 3; ++monitor) {
    const std::vector<FlowRecord> of = take(bench.worker.records(monitor));
    records.push_back(of.size());
    EXPECT_EQ(packets_of(of), 6U) << monitor;
    const WorkerCounters counters = of_monitor(bench.worker.counters(), monitor);
    EXPECT_EQ(counters.counted.packets, 6U);
    EXPECT_EQ(counters.in_table, RecordTotals{});
  }
  EXPECT_EQ(records, (std::vector<std::size_t>{3, 3, 4}));
  expect_balanced(bench.worker);
}

/// Steps that are asked for while workers in threads of their own receive, each what others own.
class Among : public ::testing::TestWithParam<unsigned> {};

TEST_P(Among, WorkersThatHandOverEveryPacketIsInOneRecordOfOneGeneration) {
  const unsigned workers = GetParam();
  constexpr unsigned kChanges = 12;
  HandoverMesh mesh(workers);
  std::vector<std::unique_ptr<Worker>> all;
  std::vector<WorkerOptions> kinds(4, plain());
  kinds[1].key = by_source();
  kinds[2].metrics = kinds[2].metrics.with<Layer2>();
  kinds[3].key.icmp = true;
  kinds[3].capacity = 4000;
  for (unsigned number = 0; number < workers; ++number) {
    WorkerOptions options = plain();
    options.number = number;
    options.workers = workers;
    options.handover = &mesh;
    options.further = {like(plain())};
    all.push_back(std::make_unique<Worker>(options, kHash));
  }
  std::atomic<bool> stop{false};
  std::atomic<std::uint64_t> sent{0};
  std::vector<std::thread> threads;
  for (unsigned number = 0; number < workers; ++number) {
    threads.emplace_back([&, number] {
      std::mt19937 random(number);
      const auto one_of = [&](unsigned many) { return static_cast<unsigned>(random() % many); };
      for (std::uint64_t now_ns = kEpochNs; !stop; now_ns += 1000) {
        FrameList source;
        for (unsigned i = 0; i < 20; ++i) source.frames.push_back(frame(one_of(50) + 1, one_of(20)));
        sent += source.frames.size();
        all[number]->poll(source, now_ns);
        ASSERT_TRUE(source.done());
      }
      all[number]->stop_receiving();
      while (!all[number]->settle(kEpochNs)) std::this_thread::yield();
      all[number]->drain(kEpochNs);
    });
  }
  std::map<unsigned, std::uint64_t> counted;  // by monitor
  const auto take_all = [&] {
    for (const auto& worker : all) {
      for (unsigned monitor = 0; monitor < 2; ++monitor) counted[monitor] += packets_of(take(worker->records(monitor)));
    }
  };
  const auto all_done = [&](unsigned monitor, Step step) {
    for (const auto& worker : all) {
      while (!worker->replacement(monitor).done(step)) {
        take_all();
        std::this_thread::yield();
      }
    }
  };
  for (unsigned change = 0; change < kChanges; ++change) {
    const unsigned monitor = change % 2;
    const WorkerOptions& kind = kinds[(1 + change / 2) % kinds.size()];
    for (const auto& worker : all) {
      worker->replacement(monitor).begin(worker->make_parts(monitor, like(kind)));
    }
    all_done(monitor, Step::accept);
    for (const Step step : {Step::use, Step::end}) {
      for (const auto& worker : all) worker->replacement(monitor).ask(step);
      all_done(monitor, step);
    }
    for (const auto& worker : all) EXPECT_NE(worker->replacement(monitor).take_back().flows, nullptr);
  }
  std::atomic<bool> drained{false};
  std::thread consumer([&] {
    while (!drained) {
      take_all();
      std::this_thread::yield();
    }
  });
  stop = true;
  for (std::thread& thread : threads) thread.join();
  drained = true;
  consumer.join();
  take_all();
  for (unsigned monitor = 0; monitor < 2; ++monitor) {
    std::uint64_t lost = 0;
    std::uint64_t ring_full = 0;
    PacketCount handed;
    PacketCount taken;
    for (const auto& worker : all) {
      const WorkerCounters counters = of_monitor(worker->counters(), monitor);
      lost += counters.handover_full.packets;
      for (const RecordTotals& loss : counters.lost) ring_full += loss.packets;
      handed += counters.handed_over;
      taken += counters.taken_over;
      EXPECT_EQ(counters.in_table, RecordTotals{});
    }
    EXPECT_EQ(handed, taken);
    EXPECT_GT(handed.packets, 0U);
    EXPECT_EQ(counted[monitor] + lost + ring_full, sent) << "monitor " << monitor;
  }
  for (const auto& worker : all) expect_balanced(*worker);
}

INSTANTIATE_TEST_SUITE_P(Workers, Among, ::testing::Values(2U, 3U));

}  // namespace
}  // namespace weir::test::flow_replacement_test
