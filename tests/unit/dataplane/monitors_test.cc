// Several monitors over the same packets, each with a key, a filter, sampling and timeouts of its own: each makes the
// records that it makes alone, and its ledger balances at every poll, live and from captures.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <memory>
#include <numeric>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "dataplane/input/pcap_filter.h"
#include "dataplane/offline_meter.h"
#include "tests/support/flow_packet.h"
#include "tests/support/frame_list.h"
#include "tests/support/icmp_errors.h"
#include "tests/support/packet_builder.h"
#include "tests/support/records.h"
#include "tests/unit/dataplane/worker_fixtures.h"

namespace weir::test::monitors_test {
namespace {

constexpr std::uint64_t kSecondNs = 1'000'000'000;

/// Metrics by their places in the list: layer2, tcp, icmp and tls, of which the last one looks at payload.
const Metrics kSomeMetrics(1U << 0 | 1U << 1 | 1U << 3 | 1U << 7);

std::unique_ptr<PcapFlowFilter> filter_of(const std::string& expression) {
  auto program = PcapFilter::compile_for_flows(expression);
  if (!program) throw std::invalid_argument(program.error());
  return std::make_unique<PcapFlowFilter>(std::move(*program));
}

KeyFields prefix_key() {
  KeyFields key;
  key.source_prefix4 = key.destination_prefix4 = 24;
  key.source_port = key.destination_port = key.protocol = false;
  return key;
}

/// Four monitors: the plain one with metrics, /24 pairs of UDP, one flow in four with ICMP types in the key, and one
/// packet in five.
struct FourMonitors {
  FourMonitors() {
    further.resize(3);
    for (FurtherMonitor& monitor : further) monitor.capacity = 4096;
    plain.metrics = kSomeMetrics;
    further[0].flow.key = prefix_key();
    further[0].flow.timeouts.idle_ns = 2 * kSecondNs;
    further[0].filter = udp.get();
    further[1].flow.key.icmp = true;
    further[1].flow.sampling.by = Sampling::By::flows;
    further[1].flow.sampling.one_in = 4;
    further[1].flow.sampling.seed = {1, 2, 3, 4, 5, 6};
    further[2].flow.sampling.by = Sampling::By::packets;
    further[2].flow.sampling.one_in = 5;
    further[2].flow.sampling.deterministic = true;
    further[2].flow.sampling.seed = {1, 2, 3, 4, 5, 6};
  }
  /// The settings of one of them, the plain one's included.
  [[nodiscard]] FurtherMonitor one(unsigned monitor) const {
    return monitor == 0 ? FurtherMonitor{plain, 4096, nullptr} : further[monitor - 1];
  }

  std::unique_ptr<PcapFlowFilter> udp = filter_of("udp");
  FlowSettings plain;
  std::vector<FurtherMonitor> further;
};

/// TCP with ClientHello-like payload, UDP over many networks in both directions, fragments, pings, and ICMP errors that
/// quote the UDP flows; with the counts that follow from how they are made.
struct Traffic {
  explicit Traffic(unsigned seed) : random(seed) {
    for (unsigned i = 0; i < 4000; ++i) add();
  }
  unsigned draw(unsigned of) { return static_cast<unsigned>(random() % of); }
  void add() {
    const unsigned net = draw(6);
    const std::string a = "10.0." + std::to_string(net) + '.' + std::to_string(1 + draw(9));
    const std::string b = "192.0.2." + std::to_string(1 + draw(3));
    const bool back = draw(2) == 0;
    const std::string& from = back ? b : a;
    const std::string& to = back ? a : b;
    const unsigned port = 1000 + draw(8);
    switch (draw(8)) {
      case 0:
      case 1: {
        const Bytes hello{0x16, 3, 1, 0, 40, 1, 0, 0, 36, 3, 3};
        frames.push_back(packet()
                             .eth()
                             .ipv4(from, to)
                             .tcp(back ? 443 : port, back ? port : 443)
                             .flags(0x18)
                             .sequence(1 + draw(3))
                             .payload(hello)
                             .bytes());
        break;
      }
      case 2: {
        const unsigned id = ++fragments;
        frames.push_back(packet().eth().ipv4(from, to).fragment(0, true, id).udp(port, 53).payload(8).bytes());
        later.insert(frames.size());
        frames.push_back(packet().eth().ipv4(from, to).protocol(17).fragment(16, false, id).payload(8).bytes());
        udp_packets += 2;
        break;
      }
      case 3:
        frames.push_back(packet().eth().ipv4(from, to).icmp(back ? 0 : 8, 0).payload(8).bytes());
        break;
      case 4:
        frames.push_back(icmp_error_frame({to, from, 3, 3}, packet().ipv4(from, to).udp(port, 53).payload(8).bytes()));
        break;
      default:
        frames.push_back(packet().eth().ipv4(from, to).udp(back ? 53 : port, back ? port : 53).payload(20).bytes());
        ++udp_packets;
    }
  }

  std::mt19937 random;
  std::vector<Bytes> frames;
  std::set<std::size_t> later;  ///< places of frames that are to reach the same worker as the one before
  unsigned fragments = 0;
  std::uint64_t udp_packets = 0;
};

/// Records as octets, sorted, that a monitor of any number could have made.
std::vector<std::string> nameless(RecordBatch batch) {
  for (std::size_t i = 0; i < batch.size(); ++i) batch.mutable_base(i).monitor = 0;
  return octets_of(batch);
}

void expect_number(const RecordBatch& batch, unsigned monitor) {
  for (const RecordView record : batch) EXPECT_EQ(unsigned{record->monitor}, monitor);
}

/// Equation 1 of each monitor with the front's counts, and equation 2 of each.
void expect_each_balanced(const WorkerCounters& worker) {
  for (unsigned monitor = 0; monitor < worker.monitors(); ++monitor) {
    const WorkerCounters c = of_monitor(worker, monitor);
    PacketCount out = sum_of({c.frame_filtered_out, c.offered, c.fragments_handed_over});
    for (const PacketCount& reject : c.rejects) out += reject;
    EXPECT_EQ(sum_of({c.received, c.fragments_taken_over}), out);
    EXPECT_EQ(sum_of({c.offered, c.taken_over}),
              sum_of({c.counted, c.all_sampled_out(), c.filtered_out, c.handed_over, c.handover_full}))
        << "monitor " << monitor;
    RecordTotals flows = c.in_table;
    flows += c.emitted;
    for (const RecordTotals& lost : c.lost) flows += lost;
    EXPECT_EQ(flows.packets, c.counted.packets) << "monitor " << monitor;
    EXPECT_EQ(flows.octets, c.counted_ip_octets) << "monitor " << monitor;
  }
}

/// What a live run of all workers came to, by monitor.
struct Outcome {
  std::vector<RecordBatch> records;
  std::vector<WorkerCounters> sums;  ///< over the workers, of the monitor
};

void add_up(WorkerCounters& sum, const WorkerCounters& c) {
  sum.counted += c.counted;
  sum.filtered_out += c.filtered_out;
  sum.sampled_out += c.sampled_out;
  sum.handed_over += c.handed_over;
  sum.taken_over += c.taken_over;
  sum.handover_full += c.handover_full;
  for (std::size_t i = 0; i < kIcmpQuoteCount; ++i) sum.icmp_quotes[i] += c.icmp_quotes[i];
}

/// The frames dealt to the workers in turn, fragments of a datagram in their order; one thread polls all workers.
Outcome run(const WorkerOptions& plain, const Traffic& traffic, unsigned workers) {
  HandoverMesh mesh(workers, 1 << 16);
  std::vector<std::unique_ptr<Worker>> all;
  std::vector<FrameList> sources(workers);
  for (unsigned number = 0; number < workers; ++number) {
    WorkerOptions options = plain;
    options.number = number;
    options.workers = workers;
    options.handover = workers > 1 ? &mesh : nullptr;
    all.push_back(std::make_unique<Worker>(options, kHash));
    EXPECT_TRUE(all.back()->ok());
  }
  std::size_t to = 0;
  for (std::size_t i = 0; i < traffic.frames.size(); ++i) {
    if (!traffic.later.contains(i)) to = i / 7 % workers;
    sources[to].frames.push_back(traffic.frames[i]);
  }
  std::uint64_t now_ns = kEpochNs;
  for (bool more = true; more; now_ns += 1'000'000) {
    more = false;
    for (unsigned number = 0; number < workers; ++number) {
      all[number]->poll(sources[number], now_ns);
      more |= !sources[number].done();
      expect_each_balanced(all[number]->counters());
    }
  }
  for (auto& worker : all) worker->stop_receiving();
  for (std::size_t settled = 0, turn = 0; settled < all.size(); ++turn) {
    EXPECT_LT(turn, 10'000U);
    if (turn == 10'000) break;
    settled = all[turn % all.size()]->settle(now_ns) ? settled + 1 : 0;
  }
  Outcome outcome;
  outcome.records.resize(all[0]->monitors());
  outcome.sums.resize(all[0]->monitors());
  for (auto& worker : all) {
    worker->drain(now_ns);
    const WorkerCounters c = worker->counters();
    expect_each_balanced(c);
    for (unsigned monitor = 0; monitor < worker->monitors(); ++monitor) {
      add_up(outcome.sums[monitor], of_monitor(c, monitor));
      outcome.records[monitor].append(take_batch(worker->records(monitor)).span());
      EXPECT_EQ(worker->shard(monitor).recount(), RecordTotals{});
    }
  }
  return outcome;
}

WorkerOptions options_of(const FurtherMonitor& monitor) {
  WorkerOptions options;
  static_cast<FlowSettings&>(options) = monitor.flow;
  options.capacity = monitor.capacity;
  options.filter = monitor.filter;
  return options;
}

WorkerOptions options_of(const FourMonitors& monitors) {
  WorkerOptions options = options_of(monitors.one(0));
  options.further = monitors.further;
  return options;
}

TEST(Monitors, EachMakesTheRecordsThatItMakesAlone) {
  const FourMonitors monitors;
  const Traffic traffic(1);
  const Outcome together = run(options_of(monitors), traffic, 1);
  for (unsigned monitor = 0; monitor < 4; ++monitor) {
    const Outcome alone = run(options_of(monitors.one(monitor)), traffic, 1);
    EXPECT_EQ(nameless(together.records[monitor]), nameless(alone.records[0])) << "monitor " << monitor;
    expect_number(together.records[monitor], monitor);
    EXPECT_GT(together.records[monitor].size(), 5U) << "there is something to compare";
  }
}

/// Without metrics all look up before any counts, and those that see packets as they were parsed share them.
TEST(Monitors, WithoutMetricsEachMakesTheRecordsThatItMakesAloneWhoeverSharesPackets) {
  const Traffic traffic(4);
  for (const bool first_filters : {false, true}) {
    SCOPED_TRACE(first_filters);
    FourMonitors monitors;
    monitors.plain.metrics = {};
    FurtherMonitor same_key;  // with less room, so that flows are evicted while others go on
    same_key.capacity = 64;
    same_key.flow.timeouts.idle_ns = kSecondNs;
    monitors.further.push_back(same_key);
    FurtherMonitor first = monitors.one(0);
    if (first_filters) first.filter = monitors.udp.get();
    WorkerOptions options = options_of(first);
    options.further = monitors.further;
    const Outcome together = run(options, traffic, 1);
    for (unsigned monitor = 0; monitor < 5; ++monitor) {
      const Outcome alone = run(options_of(monitor == 0 ? first : monitors.one(monitor)), traffic, 1);
      EXPECT_EQ(nameless(together.records[monitor]), nameless(alone.records[0])) << "monitor " << monitor;
      expect_number(together.records[monitor], monitor);
      EXPECT_GT(together.records[monitor].size(), 5U) << "there is something to compare";
    }
    const Outcome handed_over = run(options, traffic, 2);
    for (const unsigned monitor : {0U, 1U, 2U}) {
      EXPECT_EQ(handed_over.sums[monitor].counted.packets, together.sums[monitor].counted.packets) << monitor;
      EXPECT_EQ(handed_over.records[monitor].size(), together.records[monitor].size()) << monitor;
    }
  }
}

TEST(Monitors, CountWhatWasSentByTheirOwnRulesAtAnyNumberOfWorkers) {
  const FourMonitors monitors;
  const Traffic traffic(2);
  const std::uint64_t sent = traffic.frames.size();
  for (const unsigned workers : {1U, 2U, 4U}) {
    const Outcome outcome = run(options_of(monitors), traffic, workers);
    const auto counted = [&](unsigned monitor) { return outcome.sums[monitor].counted.packets; };
    for (const WorkerCounters& sum : outcome.sums) EXPECT_EQ(sum.handed_over, sum.taken_over);
    EXPECT_EQ(counted(0), sent);
    EXPECT_EQ(counted(1), traffic.udp_packets);
    EXPECT_EQ(outcome.sums[1].filtered_out.packets, sent - traffic.udp_packets);
    EXPECT_EQ(counted(2) + outcome.sums[2].sampled_out.packets, sent);
    if (workers == 1) {
      EXPECT_EQ(counted(3), sent / 5) << "the last of each five";
    }
    // 6 networks with one other, whatever the hosts: a flow for each, and no worker has a second part of it.
    EXPECT_EQ(outcome.records[1].size(), 6U) << workers;
  }
}

TEST(Monitors, HandPacketsOverForEachKeyWithoutSplittingAFlow) {
  const FourMonitors monitors;
  const Traffic traffic(3);
  const Outcome one = run(options_of(monitors), traffic, 1);
  const auto by_key = [](const RecordBatch& batch) {
    std::map<std::string, std::uint64_t> packets;
    for (const RecordView record : batch) {
      std::string a(reinterpret_cast<const char*>(record->source_address), 16);
      std::string b(reinterpret_cast<const char*>(record->destination_address), 16);
      a += std::to_string(record->source_port());
      b += std::to_string(record->destination_port());
      const std::string ends = a < b ? a + b : b + a;
      packets[ends + std::to_string(record->protocol)] += record->total_packets();
    }
    return packets;
  };
  for (const unsigned workers : {2U, 3U}) {
    const Outcome several = run(options_of(monitors), traffic, workers);
    for (const unsigned monitor : {0U, 1U, 2U}) {
      EXPECT_EQ(by_key(several.records[monitor]), by_key(one.records[monitor])) << monitor << " at " << workers;
      EXPECT_EQ(several.records[monitor].size(), one.records[monitor].size()) << monitor << " at " << workers;
    }
    EXPECT_EQ(std::accumulate(std::begin(several.sums[0].icmp_quotes), std::end(several.sums[0].icmp_quotes), 0ULL),
              std::accumulate(std::begin(one.sums[0].icmp_quotes), std::end(one.sums[0].icmp_quotes), 0ULL));
    for (const unsigned monitor : {1U, 2U, 3U}) {
      for (const std::uint64_t quotes : several.sums[monitor].icmp_quotes) EXPECT_EQ(quotes, 0U) << "it asked for none";
    }
  }
}

TEST(Monitors, TakeTimeoutsOfTheirOwnWhileTheyRun) {
  WorkerOptions options;
  options.capacity = 100;
  options.timeouts.idle_ns = 10 * kSecondNs;
  options.further.resize(1);
  options.further[0].capacity = 100;
  options.further[0].flow.timeouts.idle_ns = 10 * kSecondNs;
  Worker worker(options, kHash);
  FrameList source;
  source.frames.push_back(packet().eth().ipv4("10.0.0.1", "10.0.0.2").udp(1, 2).payload(10).bytes());
  worker.poll(source, kEpochNs);
  FlowTimeouts shorter;
  shorter.idle_ns = kSecondNs;
  worker.timeouts(1).offer(std::make_unique<const FlowTimeouts>(shorter));
  for (unsigned i = 1; i <= 50; ++i) worker.poll(source, kEpochNs + i * kSecondNs / 10);
  EXPECT_TRUE(worker.timeouts(1).taken());
  EXPECT_EQ(take_records(worker.records(0)).size(), 0U) << "the first monitor waits 10 s";
  const auto ended = take_records(worker.records(1));
  ASSERT_EQ(ended.size(), 1U);
  EXPECT_EQ(ended[0].end_reason, EndReason::idle_timeout);
  expect_each_balanced(worker.counters());
}

TEST(Monitors, AnswerASnapshotOfOneInstant) {
  const FourMonitors monitors;
  const Traffic traffic(4);
  Worker worker(options_of(monitors), kHash);
  FrameList source;
  source.frames = traffic.frames;
  while (!source.done()) {
    worker.snapshots().request();
    worker.poll(source, kEpochNs);
    ASSERT_TRUE(worker.snapshots().answered());
    const WorkerCounters& snapshot = worker.snapshots().value();
    EXPECT_EQ(snapshot.monitors(), 4U);
    expect_each_balanced(snapshot);
  }
}

/// Records by monitor, read from a capture in memory.
std::vector<RecordBatch> read(const OfflineOptions& options, const std::vector<Bytes>& frames) {
  OfflineMeter meter(options, KeyHash(KeyHash::random_seed()));
  EXPECT_TRUE(meter.ok());
  std::vector<RecordBatch> records(meter.monitors());
  std::atomic<bool> finished{false};
  std::thread consumer([&] {  // the workers wait for room in their rings
    for (;;) {
      const bool last = finished.load(std::memory_order_acquire);
      std::size_t found = 0;
      for (unsigned monitor = 0; monitor < meter.monitors(); ++monitor) {
        for (unsigned worker = 0; worker < meter.workers(); ++worker) {
          const RecordBatch some = take_batch(meter.records(worker, monitor));
          records[monitor].append(some.span());
          found += some.size();
        }
      }
      if (found == 0 && last) return;
      if (found == 0) std::this_thread::yield();
    }
  });
  for (std::size_t i = 0; i < frames.size(); ++i) meter.add(view_of(frames[i], kEpochNs + i * 3'000'000));
  meter.finish();
  finished.store(true, std::memory_order_release);
  consumer.join();
  PacketCount handed;
  PacketCount taken;
  for (unsigned worker = 0; worker < meter.workers(); ++worker) {
    const WorkerCounters counters = meter.counters(worker);
    expect_each_balanced(counters);
    for (unsigned monitor = 0; monitor < meter.monitors(); ++monitor) {
      handed += of_monitor(counters, monitor).handed_over;
      taken += of_monitor(counters, monitor).taken_over;
      EXPECT_EQ(meter.recount(worker, monitor), RecordTotals{});
    }
  }
  EXPECT_EQ(handed, taken);
  return records;
}

OfflineOptions offline_options(const FurtherMonitor& monitor, unsigned workers) {
  OfflineOptions options{monitor.flow};
  options.workers = workers;
  options.max_flows = std::uint64_t{4096} * workers;
  options.filter = monitor.filter;
  return options;
}

TEST(Monitors, ReadTheSameRecordsAtAnyNumberOfWorkersAndAlone) {
  const FourMonitors monitors;
  const Traffic traffic(5);
  OfflineOptions options = offline_options(monitors.one(0), 1);
  options.further = monitors.further;
  const std::vector<RecordBatch> at_one = read(options, traffic.frames);
  ASSERT_EQ(at_one.size(), 4U);
  for (const unsigned workers : {2U, 4U}) {
    options.workers = workers;
    options.max_flows = std::uint64_t{4096} * workers;
    const std::vector<RecordBatch> at_more = read(options, traffic.frames);
    for (unsigned monitor = 0; monitor < 4; ++monitor) {
      EXPECT_EQ(octets_of(at_more[monitor]), octets_of(at_one[monitor])) << monitor << " at " << workers;
    }
  }
  for (unsigned monitor = 0; monitor < 4; ++monitor) {
    const std::vector<RecordBatch> alone = read(offline_options(monitors.one(monitor), 1), traffic.frames);
    EXPECT_EQ(nameless(at_one[monitor]), nameless(alone[0])) << "monitor " << monitor;
    expect_number(at_one[monitor], monitor);
  }
}

TEST(Monitors, AFrameThatEveryFilterKeepsOutDoesNotAdvanceTheClockOfACapture) {
  const auto udp = filter_of("udp");
  const auto tcp = filter_of("tcp");
  for (const unsigned workers : {1U, 2U}) {
    OfflineOptions options;
    options.workers = workers;
    options.filter = udp.get();
    options.further.resize(1);
    options.further[0].capacity = 64;
    options.further[0].filter = tcp.get();
    OfflineMeter meter(options, kHash);
    const Bytes kept = packet().eth().ipv4("10.0.0.1", "10.0.0.2").udp(1, 2).payload(10).bytes();
    const Bytes out = packet().eth().ipv4("10.0.0.1", "10.0.0.2").icmp(8, 0).payload(10).bytes();
    meter.add(view_of(kept, kEpochNs));
    meter.add(view_of(out, kEpochNs + 3600 * kSecondNs));
    meter.add(view_of(kept, kEpochNs + kSecondNs));
    meter.finish();
    std::size_t records = 0;
    std::uint64_t filtered_out[2] = {};
    for (unsigned worker = 0; worker < workers; ++worker) {
      expect_each_balanced(meter.counters(worker));
      records += take_records(meter.records(worker, 0)).size();
      EXPECT_EQ(take_records(meter.records(worker, 1)).size(), 0U);
      for (unsigned monitor : {0U, 1U}) {
        filtered_out[monitor] += of_monitor(meter.counters(worker), monitor).filtered_out.packets;
      }
    }
    EXPECT_EQ(records, 1U) << "the second packet of the flow came a second later, not an hour before the clock";
    EXPECT_EQ(filtered_out[0], 1U);
    EXPECT_EQ(filtered_out[1], 3U);
  }
}

}  // namespace
}  // namespace weir::test::monitors_test
