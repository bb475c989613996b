// Sampling: which packets and which flows are counted, what their records say, and that what is left out is counted.
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <cmath>
#include <map>
#include <random>
#include <set>
#include <thread>
#include <vector>

#include "dataplane/flow/adaptive_rate.h"
#include "dataplane/flow/packet_sampler.h"
#include "dataplane/input/pcap_filter.h"
#include "dataplane/offline_meter.h"
#include "tests/support/flow_packet.h"
#include "tests/support/frame_list.h"
#include "tests/support/packet_builder.h"
#include "tests/support/records.h"
#include "tests/unit/dataplane/worker_fixtures.h"

namespace weir::test::sampling_test {
namespace {

constexpr KeyHash::Seed kSeed{11, 12, 13, 14, 15, 16};

Sampling by_packets(std::uint32_t one_in, bool deterministic = false) {
  return {Sampling::By::packets, deterministic, one_in, 0, kSeed};
}
Sampling by_flows(std::uint32_t one_in, const KeyHash::Seed& seed = kSeed) {
  return {Sampling::By::flows, false, one_in, 0, seed};
}
Sampling by_rate(std::uint64_t most_pps) {
  return {Sampling::By::rate, false, 1, most_pps, kSeed};
}

/// Which of `count` packets are taken, asked about in bursts of these sizes.
std::vector<bool> taken_of(PacketSampler sampler, std::size_t count, const std::vector<unsigned>& bursts) {
  std::vector<bool> taken;
  for (std::size_t i = 0; taken.size() < count; ++i) {
    const unsigned burst = bursts[i % bursts.size()];
    const std::uint64_t bits = sampler.take(burst);
    for (unsigned n = 0; n < burst; ++n) taken.push_back((bits >> n & 1) != 0);
  }
  taken.resize(count);
  return taken;
}

TEST(PacketSampler, TakesOnePacketOfEachN) {
  for (const std::uint32_t n : {1U, 2U, 3U, 10U, 64U, 1000U}) {
    for (const bool deterministic : {false, true}) {
      const std::size_t windows = 200;
      const auto taken = taken_of(PacketSampler(by_packets(n, deterministic), 0), n * windows, {32});
      for (std::size_t window = 0; window < windows; ++window) {
        unsigned found = 0;
        for (std::size_t i = window * n; i < (window + 1) * n; ++i) {
          found += taken[i] ? 1U : 0U;
          if (deterministic) {
            EXPECT_EQ(taken[i], i % n == n - 1) << "the last one";
          }
        }
        ASSERT_EQ(found, 1U) << "1:" << n << ", window " << window;
      }
    }
  }
}

TEST(PacketSampler, TakesEachPlaceAsOften) {
  constexpr std::uint32_t kN = 8;
  constexpr std::size_t kWindows = 80'000;
  const auto taken = taken_of(PacketSampler(by_packets(kN), 0), kN * kWindows, {32});
  std::array<double, kN> at{};
  for (std::size_t i = 0; i < taken.size(); ++i) at[i % kN] += taken[i] ? 1 : 0;
  double chi_square = 0;
  for (const double count : at) chi_square += std::pow(count - kWindows / kN, 2) / (kWindows / kN);
  EXPECT_LT(chi_square, 26.0) << "7 degrees of freedom: exceeded once in 2000 seeds";
}

TEST(PacketSampler, DoesNotDependOnBursts) {
  const PacketSampler sampler(by_packets(7), 3);
  const auto one_by_one = taken_of(sampler, 10'000, {1});
  EXPECT_EQ(taken_of(sampler, 10'000, {32}), one_by_one);
  EXPECT_EQ(taken_of(sampler, 10'000, {1, 64, 3, 31, 2}), one_by_one);
}

TEST(PacketSampler, DiffersBetweenWorkersAndSeeds) {
  const auto first = taken_of(PacketSampler(by_packets(7), 0), 10'000, {32});
  EXPECT_NE(taken_of(PacketSampler(by_packets(7), 1), 10'000, {32}), first);
  Sampling other = by_packets(7);
  other.seed = {1, 2, 3, 4, 5, 6};
  EXPECT_NE(taken_of(PacketSampler(other, 0), 10'000, {32}), first);
}

FlowKey key_of(unsigned host, std::uint16_t port) {
  return flow_packet()
      .from("10.0." + std::to_string(host / 256) + "." + std::to_string(host % 256), port)
      .to("192.0.2.1", 443)
      .tcp(0)
      .packet()
      .key;
}

TEST(FlowSampler, TakesOneFlowInNByTheKeyAlone) {
  constexpr unsigned kFlows = 64'000;
  const FlowSampler first(by_flows(16));
  const FlowSampler same(by_flows(16));
  const FlowSampler other(by_flows(16, {1, 2, 3, 4, 5, 6}));
  double taken = 0;
  double both = 0;
  for (unsigned i = 0; i < kFlows; ++i) {
    const FlowKey key = key_of(i % 1000, static_cast<std::uint16_t>(1000 + i / 1000));
    ASSERT_EQ(first.takes(key), same.takes(key));
    taken += first.takes(key) ? 1 : 0;
    both += first.takes(key) && other.takes(key) ? 1 : 0;
  }
  // Binomial: five standard deviations.
  EXPECT_NEAR(taken, kFlows / 16.0, 5 * std::sqrt(kFlows * (1 / 16.0) * (15 / 16.0)));
  EXPECT_NEAR(both, kFlows / 256.0, 5 * std::sqrt(kFlows / 256.0)) << "another key chooses other flows";
}

TEST(AdaptiveRate, FollowsTheTrafficInPowersOfTwoAndHoldsEachForTenSeconds) {
  AdaptiveRate rate(100'000);
  std::uint64_t packets = 0;
  std::uint64_t now = 0;
  const auto second = [&](std::uint64_t pps) {
    packets += pps;
    now += AdaptiveRate::kSecondNs;
    return rate.level_at(packets, now);
  };
  EXPECT_EQ(rate.level_at(0, now), 0U);
  EXPECT_EQ(second(100'000), 0U) << "just as many as are wanted";
  EXPECT_EQ(second(1'000'000), 4U) << "of 1 000 000 one in 16 is 62 500, one in 8 would be 125 000";
  for (unsigned i = 0; i < 9; ++i) EXPECT_EQ(second(8'000'000), 4U) << "held: " << i;
  EXPECT_EQ(second(8'000'000), 7U) << "62 500 again";
  for (unsigned i = 0; i < 9; ++i) EXPECT_EQ(second(i == 4 ? 400'000 : 100'000), 7U) << "held: " << i;
  EXPECT_EQ(second(100'000), 2U) << "by the greatest second of the ten, 400 000";
  for (unsigned i = 0; i < 9; ++i) EXPECT_EQ(second(i % 2 == 0 ? 399'000 : 201'000), 2U);
  EXPECT_EQ(second(201'000), 2U) << "traffic that trembles between two levels changes nothing";
  for (unsigned i = 0; i < 10; ++i) (void)second(1000);
  EXPECT_EQ(rate.level(), 0U);
}

TEST(AdaptiveRate, StaysWithinWhatARecordCanSayAndOutlivesAClockThatStepsBack) {
  AdaptiveRate rate(1);
  EXPECT_EQ(rate.level_at(0, 5 * AdaptiveRate::kSecondNs), 0U);
  EXPECT_EQ(rate.level_at(1'000'000'000, 6 * AdaptiveRate::kSecondNs), Sampling::kMostLevel);
  EXPECT_EQ(rate.level_at(1'000'000'001, 0), Sampling::kMostLevel) << "the level stays";
  std::uint64_t now = 0;
  for (unsigned i = 0; i < 11; ++i) (void)rate.level_at(1'000'000'001, now += AdaptiveRate::kSecondNs);
  EXPECT_EQ(rate.level(), 0U) << "and falls ten seconds after the step";
}

Bytes udp_frame(unsigned source_port, std::size_t payload = 20) {
  return packet().eth().ipv4("10.0.0.1", "10.0.0.2").udp(source_port, 53).payload(payload).bytes();
}

TEST(Sampling, AWorkerCountsOneFrameOfEachNAndSaysSoInTheRecord) {
  for (const bool filters : {false, true}) {
    WorkerOptions options;
    options.capacity = 1000;
    options.sampling = by_packets(4, true);
    const PcapFlowFilter udp(PcapFilter::compile_for_flows("udp").value());
    if (filters) options.filter = &udp;
    Worker worker(options, kHash);
    FrameList source;
    for (unsigned i = 0; i < 400; ++i) {
      source.frames.push_back(udp_frame(1000 + i / 4));
      // What the filter keeps out is not among those that sampling chooses from.
      if (filters) source.frames.push_back(packet().eth().ipv4("10.0.0.1", "10.0.0.2").tcp(1, 2).bytes());
    }
    while (!source.done()) worker.poll(source, kEpochNs);
    const WorkerCounters c = worker.counters();
    EXPECT_EQ(c.counted, (PacketCount{100, 100 * 62}));
    EXPECT_EQ(c.sampled_out, (PacketCount{300, 300 * 62}));
    EXPECT_EQ(c.filtered_out.packets, filters ? 400U : 0U);
    expect_balanced(worker);
    worker.drain(kEpochNs);
    const auto records = take(worker.records());
    ASSERT_EQ(records.size(), 100U);
    for (const FlowRecord& record : records) {
      EXPECT_EQ(record.packets[kForward], 1U);
      EXPECT_EQ(record.sampling_rate, 4U);
      EXPECT_EQ(record.sampling_algorithm, 0U) << "deterministic";
    }
    expect_balanced(worker);
  }
}

TEST(Sampling, ByFlowsAllPacketsOfAFlowAreCountedOrNone) {
  WorkerOptions options;
  options.capacity = 4000;
  options.sampling = by_flows(8);
  Worker worker(options, kHash);
  FrameList source;
  for (unsigned round = 0; round < 5; ++round) {
    for (unsigned i = 0; i < 2000; ++i) {
      source.frames.push_back(udp_frame(1000 + i));
      source.frames.push_back(packet().eth().ipv4("10.0.0.2", "10.0.0.1").udp(53, 1000 + i).payload(9).bytes());
    }
  }
  while (!source.done()) worker.poll(source, kEpochNs);
  expect_balanced(worker);
  worker.drain(kEpochNs);
  const auto records = take(worker.records());
  EXPECT_NEAR(static_cast<double>(records.size()), 250.0, 5 * std::sqrt(2000 * (1 / 8.0) * (7 / 8.0)));
  for (const FlowRecord& record : records) {
    EXPECT_EQ(record.packets[kForward], 5U);
    EXPECT_EQ(record.packets[kReverse], 5U);
    EXPECT_EQ(record.sampling_rate, 8U);
    EXPECT_EQ(record.sampling_algorithm, 2U) << "random";
  }
  EXPECT_EQ(worker.counters().sampled_out.packets, 20'000 - 10 * records.size());
}

TEST(Sampling, ALaterFragmentHasThePortsOfAFirstThatWasLeftOut) {
  const Bytes first =
      packet().eth().ipv4("10.0.0.1", "10.0.0.2").fragment(0, true, 7).udp(1234, 53).payload(40).bytes();
  const Bytes later =
      packet().eth().ipv4("10.0.0.1", "10.0.0.2").fragment(48, false, 7).protocol(17).payload(40).bytes();
  WorkerOptions options;
  options.capacity = 100;
  options.sampling = by_packets(2, true);
  Worker worker(options, kHash);
  FrameList source;
  source.frames = {first, later};
  while (!source.done()) worker.poll(source, kEpochNs);
  EXPECT_EQ(worker.counters().fragments_without_first, PacketCount{});
  EXPECT_EQ(worker.counters().sampled_out, (PacketCount{1, first.size()}));
  expect_balanced(worker);
  worker.drain(kEpochNs);
  const auto records = take(worker.records());
  ASSERT_EQ(records.size(), 1U);
  EXPECT_EQ(records[0].source_port(), 1234);
  EXPECT_EQ(records[0].destination_port(), 53);

  OfflineOptions offline;
  offline.max_flows = 100;
  offline.sampling = by_packets(2, true);
  OfflineMeter meter(offline, kHash);
  meter.add(view_of(first, 1));
  meter.add(view_of(later, 2));
  meter.finish();
  const auto read = take_records(meter.records(0));
  ASSERT_EQ(read.size(), 1U);
  EXPECT_EQ(read[0].source_port(), 1234);
  EXPECT_EQ(meter.counters(0).fragments_without_first, PacketCount{});
}

TEST(Sampling, AFlowEndsItsRecordAtItsNextPacketAfterTheRateChanged) {
  WorkerOptions options;
  options.capacity = 1000;
  options.sampling = by_rate(1000);
  Worker worker(options, kHash);
  const auto poll = [&](const std::vector<unsigned>& ports) {
    FrameList source;
    for (const unsigned port : ports) source.frames.push_back(udp_frame(port));
    while (!source.done()) worker.poll(source, kEpochNs);
  };
  poll({1, 1, 2, 3});
  worker.sampling_level().offer(std::make_unique<const unsigned>(2));
  FrameList nothing;
  worker.poll(nothing, kEpochNs);
  EXPECT_TRUE(worker.sampling_level().taken());
  EXPECT_TRUE(take(worker.records()).empty()) << "no storm: a record ends at its flow's next packet";
  poll(std::vector<unsigned>(8, 1));
  auto records = take(worker.records());
  ASSERT_EQ(records.size(), 1U);
  EXPECT_EQ(records[0].source_port(), 1);
  EXPECT_EQ(records[0].packets[kForward], 2U);
  EXPECT_EQ(records[0].sampling_rate, 1U);
  EXPECT_EQ(records[0].end_reason, EndReason::active_timeout);
  expect_balanced(worker);
  worker.drain(kEpochNs);
  std::map<std::uint16_t, FlowRecord> rest;
  for (const FlowRecord& record : take(worker.records())) rest[record.source_port()] = record;
  ASSERT_EQ(rest.size(), 3U);
  EXPECT_EQ(rest[1].packets[kForward], 2U) << "two of eight";
  EXPECT_EQ(rest[1].sampling_rate, 4U);
  EXPECT_EQ(rest[2].sampling_rate, 1U);
  EXPECT_EQ(rest[3].sampling_rate, 1U);
  EXPECT_EQ(worker.counters().sampled_out.packets, 6U);
  EXPECT_EQ(worker.counters().packet_sampling_level, 2U);
  expect_balanced(worker);
}

/// Packets of a thousand flows, 10 000 per second for 4 seconds, then 1000 per second for 20.
struct Traffic {
  std::vector<Bytes> frames;
  std::vector<std::uint64_t> times;
};
Traffic traffic() {
  Traffic made;
  std::mt19937 random(20261130);
  std::uint64_t now = kEpochNs;
  for (unsigned i = 0; i < 60'000; ++i) {
    const auto flow = static_cast<unsigned>(random() % 1000);
    const bool back = random() % 2 == 0;
    const std::string client = "10.1.0." + std::to_string(flow % 250);
    auto builder = packet().eth();
    if (back) {
      builder.ipv4("10.2.0.1", client).udp(53, 1000 + flow);
    } else {
      builder.ipv4(client, "10.2.0.1").udp(1000 + flow, 53);
    }
    made.frames.push_back(builder.payload(random() % 100).bytes());
    made.times.push_back(now);
    now += i < 40'000 ? 100'000 : 1'000'000;
  }
  return made;
}

struct Outcome {
  RecordBatch records;
  PacketCount received;
  PacketCount counted;
  PacketCount sampled_out;
};

Outcome read_with(const Traffic& traffic, const Sampling& sampling, unsigned workers, const FlowFilter* filter) {
  OfflineOptions options;
  options.workers = workers;
  options.max_flows = 64 * 1024;
  options.sampling = sampling;
  options.filter = filter;
  OfflineMeter meter(options, KeyHash(KeyHash::random_seed()));
  Outcome outcome;
  std::atomic<bool> finished{false};
  std::thread consumer([&] {
    for (;;) {
      const bool last = finished.load(std::memory_order_acquire);
      std::size_t found = 0;
      for (unsigned i = 0; i < workers; ++i) {
        const RecordBatch some = take_batch(meter.records(i));
        outcome.records.append(some.span());
        found += some.size();
      }
      if (found == 0 && last) return;
      if (found == 0) std::this_thread::yield();
    }
  });
  for (std::size_t i = 0; i < traffic.frames.size(); ++i) meter.add(view_of(traffic.frames[i], traffic.times[i]));
  meter.finish();
  finished.store(true, std::memory_order_release);
  consumer.join();
  RecordTotals emitted;
  for (unsigned i = 0; i < workers; ++i) {
    const WorkerCounters c = meter.counters(i);
    EXPECT_EQ(c.offered, sum_of({c.counted, c.sampled_out, c.filtered_out}));
    outcome.received += c.received;
    outcome.counted += c.counted;
    outcome.sampled_out += c.sampled_out;
    emitted += c.emitted;
  }
  EXPECT_EQ(outcome.received.packets, traffic.frames.size());
  EXPECT_EQ(emitted.packets, outcome.counted.packets);
  return outcome;
}

TEST(Sampling, GivesTheSameRecordsAtAnyNumberOfWorkers) {
  const Traffic packets = traffic();
  const PcapFlowFilter large(PcapFilter::compile_for_flows("udp and len > 60").value());
  for (const FlowFilter* const used :
       {static_cast<const FlowFilter*>(nullptr), static_cast<const FlowFilter*>(&large)}) {
    for (const Sampling& sampling : {by_packets(10), by_packets(10, true), by_flows(10), by_rate(2000)}) {
      const Outcome one = read_with(packets, sampling, 1, used);
      EXPECT_GT(one.sampled_out.packets, 10'000U);
      std::multiset<std::uint32_t> rates;
      double estimate = 0;
      for (std::size_t i = 0; i < one.records.size(); ++i) {
        rates.insert(one.records[i]->sampling_rate);
        estimate += static_cast<double>(one.records[i]->total_packets()) * one.records[i]->sampling_rate;
      }
      const auto offered = static_cast<double>(one.counted.packets + one.sampled_out.packets);
      // One packet in N is off by less than N in each stretch of one N; of the 1000 flows, 1:10, a binomial.
      const bool flows = sampling.by == Sampling::By::flows;
      EXPECT_NEAR(estimate, offered, flows ? 5 * offered / 1000 * 10 * std::sqrt(1000 * 0.1 * 0.9) : 64);
      if (sampling.by == Sampling::By::rate) {
        EXPECT_GT(rates.count(1), 0U) << "the first second";
        EXPECT_GT(rates.size() - rates.count(1), 0U);
      } else {
        EXPECT_EQ(rates.count(10), one.records.size());
      }
      for (const unsigned workers : {2U, 3U}) {
        const Outcome more = read_with(packets, sampling, workers, used);
        EXPECT_EQ(more.counted, one.counted);
        EXPECT_EQ(more.sampled_out, one.sampled_out);
        EXPECT_EQ(octets_of(more.records), octets_of(one.records)) << workers << " workers";
      }
    }
  }
}

}  // namespace
}  // namespace weir::test::sampling_test
