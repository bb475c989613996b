// Timeouts that change while packets come: what ends when, and that nothing is lost by it.
//
// Times are chosen so that no deadline comes near a change: packets lie 50 ms past tenths of a second, changes on them.
// So by a change every flow that was over has been ended by its timer, and the model need not know about ticks.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <tuple>
#include <vector>

#include "dataplane/worker.h"
#include "tests/support/flow_packet.h"
#include "tests/support/meter.h"
#include "tests/support/packet_builder.h"
#include "tests/support/records.h"

namespace weir::test::timeouts_test {
namespace {

const KeyHash kHash({1, 2, 3, 4, 5, 6});

FlowTimeouts timeouts_of(std::uint64_t idle_ns, std::uint64_t active_ns, std::uint64_t linger_ns) {
  FlowTimeouts out;
  out.idle_ns = idle_ns;
  out.active_ns = active_ns;
  out.linger_ns = linger_ns;
  return out;
}

/// Port of the client, packets, first and last packet, reason, and when the flow should have ended: ms from kEpochNs.
using Row = std::tuple<unsigned, std::uint64_t, std::uint64_t, std::uint64_t, unsigned, std::uint64_t>;

/// The rules once more, for flows that have one direction, and in the order of time.
class Model {
 public:
  explicit Model(const FlowTimeouts& timeouts) : timeouts_(timeouts) {}

  void add(unsigned port, bool reset, std::uint64_t now) {
    end_if_over(port, now);
    Flow& flow = flows_[port];
    if (flow.packets == 0) flow.start = now;
    // What comes again after the close doubles the linger until three such gaps fit in, at most seven times.
    while (flow.reset && flow.doubled < 7 && linger(flow) < std::min(3 * (now - flow.last), timeouts_.idle_ns)) {
      ++flow.doubled;
    }
    ++flow.packets;
    flow.last = now;
    flow.reset = flow.reset || reset;
  }
  void change(const FlowTimeouts& timeouts, std::uint64_t now) {
    for (unsigned port : ports()) end_if_over(port, now);
    timeouts_ = timeouts;
    since_ = now;
  }
  std::vector<Row> finish(std::uint64_t now) {
    for (unsigned port : ports()) {
      end_if_over(port, now);
      if (flows_.count(port) != 0 && flows_[port].packets != 0) report(port, 4, 0);
    }
    std::sort(rows_.begin(), rows_.end());
    return rows_;
  }

 private:
  struct Flow {
    std::uint64_t packets = 0;
    std::uint64_t start = 0;
    std::uint64_t last = 0;
    bool reset = false;
    unsigned doubled = 0;  ///< how often the linger was
  };

  [[nodiscard]] std::uint64_t linger(const Flow& flow) const {
    return std::min(timeouts_.linger_ns << flow.doubled, timeouts_.idle_ns);
  }

  [[nodiscard]] std::vector<unsigned> ports() const {
    std::vector<unsigned> out;
    for (const auto& [port, flow] : flows_) out.push_back(port);
    return out;
  }
  void report(unsigned port, unsigned reason, std::uint64_t due) {
    Flow& flow = flows_[port];
    const std::uint64_t deadline = due == 0 ? 0 : (std::max(due, since_) - kEpochNs) / 1'000'000;
    rows_.emplace_back(port, flow.packets, (flow.start - kEpochNs) / 1'000'000, (flow.last - kEpochNs) / 1'000'000,
                       reason, deadline);
    flow.packets = 0;
  }
  void end_if_over(unsigned port, std::uint64_t now) {
    const auto found = flows_.find(port);
    if (found == flows_.end()) return;
    Flow& flow = found->second;
    const std::uint64_t gap = flow.reset ? linger(flow) : timeouts_.idle_ns;
    const std::uint64_t idle = flow.last + gap;
    const std::uint64_t active = flow.start + timeouts_.active_ns;
    if (flow.packets != 0 && active <= idle && active <= now) {
      report(port, 2, active);
    } else if (flow.packets != 0 && idle < now) {
      report(port, flow.reset ? 3 : 1, idle);
    }
    if (idle < now) flows_.erase(found);
  }

  FlowTimeouts timeouts_;
  std::uint64_t since_ = 0;
  std::map<unsigned, Flow> flows_;
  std::vector<Row> rows_;
};

/// Frames that a test puts there, in bursts.
class Feed final : public PacketSource {
 public:
  std::size_t receive(std::span<PacketView> views, std::uint64_t now_ns) override {
    std::size_t count = 0;
    for (; count < views.size() && at_ < frames.size(); ++count) views[count] = view_of(*frames[at_++], now_ns);
    return count;
  }
  void release() override {}
  [[nodiscard]] bool done() const { return at_ == frames.size(); }
  void clear() {
    frames.clear();
    at_ = 0;
  }

  std::vector<const Bytes*> frames;

 private:
  std::size_t at_ = 0;
};

/// What a reader of the ledger would check.
void expect_balanced(const WorkerCounters& c) {
  PacketCount out = c.counted;
  out += c.handed_over;
  out += c.handover_full;
  PacketCount in = c.offered;
  in += c.taken_over;
  EXPECT_EQ(in, out);
  EXPECT_EQ(c.received, c.offered);
  RecordTotals flows = c.in_table;
  flows += c.emitted;
  for (const RecordTotals& lost : c.lost) flows += lost;
  EXPECT_EQ(flows.packets, c.counted.packets);
  EXPECT_EQ(flows.octets, c.counted_ip_octets);
}

struct Change {
  std::uint64_t at_ms;
  FlowTimeouts timeouts;
};

TEST(ChangedTimeouts, RecordsAreThoseOfTheRulesAndNoneIsLateByTheChange) {
  constexpr unsigned kWorkers = 3;
  constexpr unsigned kFlows = 3000;
  constexpr std::uint64_t kEndMs = 60'000;
  const std::vector<Change> changes{{10'000, timeouts_of(3_s, 300_s, 2_s)},
                                    {20'000, timeouts_of(30_s, 8_s, 2_s)},
                                    {30'000, timeouts_of(30_s, 60_s, 20_s)},
                                    {40'000, timeouts_of(30_s, 60_s, 1_s)},
                                    {45'000, timeouts_of(2_s, 4_s, 500_ms)}};
  HandoverMesh mesh(kWorkers);
  std::vector<std::unique_ptr<Worker>> workers;
  std::vector<Feed> feeds(kWorkers);
  const FlowTimeouts first = timeouts_of(30_s, 300_s, 2_s);
  for (unsigned number = 0; number < kWorkers; ++number) {
    WorkerOptions options;
    options.number = number;
    options.workers = kWorkers;
    options.capacity = 2 * kFlows;
    options.timeouts = first;
    options.handover = &mesh;
    workers.push_back(std::make_unique<Worker>(options, kHash));
  }
  std::vector<Bytes> frames;
  std::vector<Bytes> resets;
  for (unsigned flow = 0; flow < kFlows; ++flow) {
    const auto ip = [] { return packet().eth().ipv4("10.0.0.1", "10.0.0.2"); };
    frames.push_back(ip().tcp(1000 + flow, 80).flags(kAck).payload(flow % 50).bytes());
    resets.push_back(ip().tcp(1000 + flow, 80).flags(kRst).payload(flow % 50).bytes());
  }

  Model model(first);
  std::mt19937 random(11);
  std::vector<Row> rows;
  std::uint64_t packets = 0;
  std::uint64_t late_ns = 0;
  Feed nothing;
  std::size_t next_change = 0;
  for (std::uint64_t ms = 0; ms < kEndMs; ++ms) {
    const std::uint64_t now = kEpochNs + ms * 1'000'000;
    if (next_change < changes.size() && changes[next_change].at_ms == ms) {
      const FlowTimeouts& timeouts = changes[next_change++].timeouts;
      for (auto& worker : workers) worker->timeouts().offer(std::make_unique<const FlowTimeouts>(timeouts));
      model.change(timeouts, now);
    }
    if (ms % 100 == 50) {  // two packets of a few hundred flows: some are seen often, some every ten seconds
      for (Feed& feed : feeds) feed.clear();
      for (unsigned i = 0; i < 300; ++i) {
        const auto flow = static_cast<unsigned>(random() % (random() % 2 == 0 ? 100 : kFlows));
        const bool reset = random() % 50 == 0;
        model.add(1000 + flow, reset, now);
        feeds[random() % kWorkers].frames.push_back(reset ? &resets[flow] : &frames[flow]);
        ++packets;
      }
      for (unsigned number = 0; number < kWorkers; ++number) {
        while (!feeds[number].done()) workers[number]->poll(feeds[number], now);
      }
      for (auto& worker : workers) {
        while (worker->poll(nothing, now) != 0) continue;
      }
    }
    for (auto& worker : workers) {
      worker->poll(nothing, now);
      for (const FlowRecord& record : take_records(worker->records())) {
        const std::uint64_t due = record.deadline_ns();
        rows.emplace_back(record.source_port(), record.packets[kForward], (record.first_ns[0] - kEpochNs) / 1'000'000,
                          (record.last_ns[0] - kEpochNs) / 1'000'000, static_cast<unsigned>(record.end_reason),
                          due == 0 ? 0 : (due - kEpochNs) / 1'000'000);
        EXPECT_LE(due, now);
        late_ns = std::max(late_ns, now - due);
      }
    }
    if (ms % 1000 == 0) {
      for (auto& worker : workers) expect_balanced(worker->counters());
    }
  }
  // Each worker has some thousand entries, which are reviewed 8 a poll and end 64 a poll: a poll is a millisecond here.
  EXPECT_LT(late_ns, 250_ms);
  const std::uint64_t end = kEpochNs + kEndMs * 1'000'000;
  std::uint64_t counted = 0;
  for (auto& worker : workers) {
    EXPECT_TRUE(worker->timeouts().taken());
    worker->drain(end);
    expect_balanced(worker->counters());
    EXPECT_EQ(worker->counters().in_table, RecordTotals{});
    counted += worker->counters().counted.packets;
    for (const FlowRecord& record : take_records(worker->records())) {
      const std::uint64_t due = record.deadline_ns();
      rows.emplace_back(record.source_port(), record.packets[kForward], (record.first_ns[0] - kEpochNs) / 1'000'000,
                        (record.last_ns[0] - kEpochNs) / 1'000'000, static_cast<unsigned>(record.end_reason),
                        due == 0 ? 0 : (due - kEpochNs) / 1'000'000);
    }
  }
  EXPECT_EQ(counted, packets);
  std::sort(rows.begin(), rows.end());
  const std::vector<Row> expected = model.finish(end);
  for (const unsigned reason : {1U, 2U, 3U, 4U}) {
    EXPECT_GT(
        std::count_if(expected.begin(), expected.end(), [&](const Row& row) { return std::get<4>(row) == reason; }),
        100)
        << "end reason " << reason;
  }
  EXPECT_EQ(rows.size(), expected.size());
  EXPECT_TRUE(rows == expected);
}

TEST(ChangedTimeouts, UnderLoadEveryWorkerTakesThemAndTheLedgerBalancesThroughout) {
  constexpr unsigned kWorkers = 2;
  HandoverMesh mesh(kWorkers);
  std::vector<std::unique_ptr<Worker>> workers;
  for (unsigned number = 0; number < kWorkers; ++number) {
    WorkerOptions options;
    options.number = number;
    options.workers = kWorkers;
    options.capacity = 4096;
    options.handover = &mesh;
    workers.push_back(std::make_unique<Worker>(options, kHash));
  }
  std::vector<Bytes> frames;
  for (unsigned flow = 0; flow < 2000; ++flow) {
    frames.push_back(packet().eth().ipv4("10.0.0.1", "10.0.0.2").udp(1000 + flow, 53).payload(flow % 40).bytes());
  }
  std::atomic<bool> stop{false};
  std::vector<std::thread> threads;
  for (unsigned number = 0; number < kWorkers; ++number) {
    threads.emplace_back([&, number] {
      std::mt19937 random(number);
      Feed feed;
      std::uint64_t now = kEpochNs;
      while (!stop) {
        feed.clear();
        for (unsigned i = 0; i < FlowShard::kBurst; ++i) feed.frames.push_back(&frames[random() % frames.size()]);
        workers[number]->poll(feed, now += 1_ms);
      }
      workers[number]->stop_receiving();
      while (!workers[number]->settle(now)) std::this_thread::yield();
      workers[number]->drain(now);
    });
  }
  RecordTotals taken;
  const auto drain_rings = [&] {
    for (auto& worker : workers) {
      for (const FlowRecord& record : take_records(worker->records())) taken.add(record);
    }
  };
  std::mt19937 random(5);
  std::uint64_t polls[kWorkers] = {};
  for (unsigned change = 0; change < 100; ++change) {
    const FlowTimeouts timeouts = timeouts_of((1 + random() % 300) * 10_ms, (1 + random() % 300) * 20_ms, 10_ms);
    const std::vector<ConfigurationSlot<FlowTimeouts>*> slots{&workers[0]->timeouts(), &workers[1]->timeouts()};
    EXPECT_EQ(publish<FlowTimeouts>(slots, timeouts, std::chrono::seconds(60)), kWorkers);
    for (unsigned number = 0; number < kWorkers; ++number) {
      SnapshotBox<WorkerCounters>& box = workers[number]->snapshots();
      do {  // until the worker has done some more
        box.request();
        while (!box.answered()) std::this_thread::yield();
        expect_balanced(box.value());
        drain_rings();
      } while (box.value().polls < polls[number] + 50);
      polls[number] = box.value().polls;
    }
  }
  stop = true;
  std::atomic<bool> joined{false};
  std::thread joiner([&] {
    for (std::thread& thread : threads) thread.join();
    joined = true;
  });
  while (!joined) drain_rings();
  joiner.join();
  drain_rings();
  PacketCount counted;
  RecordTotals emitted;
  std::uint64_t handover_full = 0;
  std::uint64_t received = 0;
  RecordTotals lost;
  for (auto& worker : workers) {
    const WorkerCounters c = worker->counters();
    expect_balanced(c);
    EXPECT_EQ(c.in_table, RecordTotals{});
    counted += c.counted;
    emitted += c.emitted;
    handover_full += c.handover_full.packets;
    received += c.received.packets;
    for (const RecordTotals& one : c.lost) lost += one;
  }
  EXPECT_EQ(taken, emitted);
  EXPECT_EQ(received, counted.packets + handover_full);
  EXPECT_EQ(counted.packets, taken.packets + lost.packets);
  EXPECT_GT(taken.records, 4'000U) << "flows ended while the timeouts changed";
}

TEST(ChangedTimeouts, AMillionFlowsAreReviewedInAsManyPollsAsASecondHasAtFullRate) {
  constexpr unsigned kFlows = 200'000;
  Meter meter(kFlows + kFlows / 3, timeouts_of(300_s, 3000_s, 2_s), 4096);
  for (unsigned flow = 0; flow < kFlows; ++flow) {
    meter.add(flow_packet()
                  .from("10." + std::to_string(flow >> 16) + '.' + std::to_string(flow >> 8 & 255) + '.' +
                            std::to_string(flow & 255),
                        1000)
                  .to("192.0.2.1", 53)
                  .udp()
                  .at(0));
  }
  meter.pass(1_s);
  EXPECT_FALSE(meter.shard.timers_behind());
  meter.shard.set_timeouts(timeouts_of(10_s, 3000_s, 2_s), kEpochNs + 1_s);
  std::size_t polls = 0;
  for (; meter.shard.timers_behind(); ++polls) meter.pass(1_s, 0);
  // A poll of 32 packets takes at least 2.15 us at 14.88 Mpps: 465 000 polls a second.
  EXPECT_EQ(polls, kFlows / FlowShard::kReviewBudget);
  EXPECT_LT(polls * 1'000'000 / kFlows, 465'000U);
  // And by what the wheel was told then, they end.
  std::uint64_t records = 0;
  for (unsigned poll = 0; poll < 2 * kFlows / 64; ++poll) {
    meter.pass(11_s + 100_ms, 64);
    records += meter.records().size();
  }
  EXPECT_EQ(records, kFlows);
  meter.expect_balanced();
}

}  // namespace
}  // namespace weir::test::timeouts_test
