// The same capture gives the same records at any number of workers, and the records sum to the truth.
#include "dataplane/offline_meter.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <filesystem>
#include <map>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "dataplane/input/capture_file.h"
#include "tests/support/packet_builder.h"
#include "tests/support/records.h"
#include "tests/support/truth.h"

namespace weir::test::offline_meter_test {
namespace {

RecordBatch read_with(const std::filesystem::path& capture, unsigned workers, const Metrics& metrics = {}) {
  OfflineOptions options;
  options.workers = workers;
  options.metrics = metrics;
  options.max_flows = 64 * 1024;
  OfflineMeter meter(options, KeyHash(KeyHash::random_seed()));
  EXPECT_TRUE(meter.ok());
  RecordBatch records;
  std::atomic<bool> finished{false};
  std::thread consumer([&] {
    for (;;) {
      const bool last = finished.load(std::memory_order_acquire);
      std::size_t found = 0;
      for (unsigned i = 0; i < workers; ++i) {
        const RecordBatch some = take_batch(meter.records(i));
        records.append(some.span());
        found += some.size();
      }
      if (found == 0 && last) return;
      if (found == 0) std::this_thread::yield();
    }
  });
  auto file = CaptureFile::open(capture.string());
  EXPECT_TRUE(file.has_value());
  PacketView view{};
  while ((*file)->next(view) == CaptureFile::Result::packet) meter.add(view);
  meter.finish();
  finished.store(true, std::memory_order_release);
  consumer.join();

  std::uint64_t received = 0;
  std::uint64_t accounted = 0;
  RecordTotals emitted;
  for (unsigned i = 0; i < workers; ++i) {
    const WorkerCounters counters = meter.counters(i);
    PacketCount out = counters.offered;
    for (const PacketCount& reject : counters.rejects) out += reject;
    EXPECT_EQ(counters.received, out);
    EXPECT_EQ(counters.offered, counters.counted);
    received += counters.received.packets;
    accounted += counters.counted.packets;
    for (const PacketCount& reject : counters.rejects) accounted += reject.packets;
    emitted += counters.emitted;
    EXPECT_EQ(counters.in_table, RecordTotals{});
    EXPECT_EQ(meter.recount(i), RecordTotals{});
    EXPECT_EQ(counters.counted.packets, counters.emitted.packets);
  }
  EXPECT_EQ(received, (*file)->packets());
  EXPECT_EQ(received, accounted);
  EXPECT_EQ(emitted.records, records.size());
  return records;
}

TEST(OfflineMeter, CountsThePacketsWhoseLengthComesFromTheFrame) {
  const Bytes with_length = packet().eth().ipv4("10.0.0.1", "10.0.0.2").tcp(1, 2).payload(1000).bytes();
  const Bytes without = packet().eth().ipv4("10.0.0.1", "10.0.0.2").ip_total_length(0).tcp(1, 2).payload(3000).bytes();
  for (const unsigned workers : {1U, 2U}) {
    OfflineOptions options;
    options.workers = workers;
    options.max_flows = 1024;
    OfflineMeter meter(options, KeyHash(KeyHash::random_seed()));
    meter.add(view_of(with_length, 1));
    meter.add(view_of(without, 2));
    meter.finish();
    PacketCount length_from_frame;
    std::uint64_t ip_octets = 0;
    for (unsigned i = 0; i < workers; ++i) {
      length_from_frame += meter.counters(i).length_from_frame;
      ip_octets += meter.counters(i).counted_ip_octets;
    }
    EXPECT_EQ(length_from_frame, (PacketCount{1, 14 + 40 + 3000}));
    EXPECT_EQ(ip_octets, 1040U + 3040);
  }
}

TEST(OfflineMeter, AFrameThatTheFrameFilterKeepsOutIsCountedAndItsTimeDoesNotCount) {
  const Bytes kept = packet().eth().ipv4("10.0.0.1", "10.0.0.2").udp(1, 2).payload(100).bytes();
  const Bytes out = packet().eth().ipv4("10.0.0.3", "10.0.0.2").udp(1, 2).payload(50).bytes();
  for (const unsigned workers : {1U, 2U}) {
    OfflineOptions options;
    options.workers = workers;
    options.max_flows = 1024;
    OfflineMeter meter(options, KeyHash(KeyHash::random_seed()));
    meter.add(view_of(kept, 1));
    PacketView view = view_of(out, 1'000'000'000'000);
    view.marks = kFrameFilteredOut;
    meter.add(view);
    meter.add(view_of(kept, 2));
    meter.finish();
    PacketCount received;
    PacketCount offered;
    PacketCount filtered_out;
    PacketCount counted;
    std::vector<FlowRecord> records;
    for (unsigned i = 0; i < workers; ++i) {
      const WorkerCounters counters = meter.counters(i);
      received += counters.received;
      offered += counters.offered;
      filtered_out += counters.frame_filtered_out;
      counted += counters.counted;
      EXPECT_EQ(counters.offered, counters.counted);
      EXPECT_EQ(counters.received.packets, counters.offered.packets + counters.frame_filtered_out.packets);
      for (const FlowRecord& record : take_records(meter.records(i))) records.push_back(record);
    }
    EXPECT_EQ(received, (PacketCount{3, 2 * 142 + 92}));
    EXPECT_EQ(offered, (PacketCount{2, 2 * 142}));
    EXPECT_EQ(filtered_out, (PacketCount{1, 92}));
    EXPECT_EQ(counted, (PacketCount{2, 2 * 142}));
    ASSERT_EQ(records.size(), 1U);
    EXPECT_EQ(records[0].packets[kForward], 2U);
    EXPECT_EQ(records[0].end_reason, EndReason::forced_end) << "a thousand seconds of somebody else's";
  }
}

TEST(OfflineMeter, EndsAllFlowsOfAllWorkersWhereAnEpochBeginsAndKeepsFragmentsAcrossIt) {
  constexpr std::uint64_t kSecond = 1'000'000'000;
  constexpr std::uint64_t kLater = 1'700'003'600 * kSecond;
  constexpr std::uint64_t kSooner = 1'700'000'000 * kSecond;
  std::vector<Bytes> frames;
  for (unsigned host = 1; host <= 100; ++host) {
    frames.push_back(packet().eth().ipv4("10.0.1." + std::to_string(host), "10.0.0.2").udp(1000, 53).bytes());
  }
  const Bytes first = packet().eth().ipv4("10.0.2.1", "10.0.0.2").fragment(0, true, 7).udp(9, 53).payload(8).bytes();
  const Bytes later =
      packet().eth().ipv4("10.0.2.1", "10.0.0.2").protocol(17).fragment(16, false, 7).payload(8).bytes();
  const auto meter_with = [&](unsigned workers, const Metrics& metrics) {
    OfflineOptions options;
    options.workers = workers;
    options.max_flows = 4096;
    options.metrics = metrics;
    OfflineMeter meter(options, KeyHash(KeyHash::random_seed()));
    std::uint64_t now_ns = kLater;
    for (const Bytes& frame : frames) meter.add(view_of(frame, now_ns += 1000));
    meter.add(view_of(first, now_ns += 1000));
    now_ns = kSooner;
    meter.add(view_of(later, now_ns += 1000));
    for (const Bytes& frame : frames) meter.add(view_of(frame, now_ns += 1000));
    meter.add(view_of(later, kSooner - 20 * kSecond));  // too soon for another epoch
    meter.finish();
    RecordBatch records;
    std::uint64_t counted = 0;
    PacketCount epochs, as_reordered, without_first;
    for (unsigned i = 0; i < workers; ++i) {
      records.append(take_batch(meter.records(i)).span());
      counted += meter.counters(i).counted.packets;
      epochs += meter.counters(i).clock_epochs;
      as_reordered += meter.counters(i).clock_as_reordered;
      without_first += meter.counters(i).fragments_without_first;
    }
    EXPECT_EQ(counted, 203U);
    EXPECT_EQ(epochs, (PacketCount{1, later.size()}));
    EXPECT_EQ(as_reordered, (PacketCount{1, later.size()}));
    EXPECT_EQ(without_first.packets, 0U);
    EXPECT_EQ(records.size(), 202U);
    std::size_t sooner = 0;
    for (const RecordView record : records) sooner += record->start_ns() < kLater;
    EXPECT_EQ(sooner, 101U);
    EXPECT_EQ(meter.notices().size(), 2U);
    const ClockNotice& begun = meter.notices().at(0);
    EXPECT_EQ(begun.packet, 102U);
    EXPECT_EQ(begun.event, TimeEpochs::Event::epoch);
    EXPECT_EQ(begun.behind_ns, kLater + 101'000 - kSooner - 1000);
    const ClockNotice& ignored = meter.notices().at(1);
    EXPECT_EQ(ignored.packet, 203U);
    EXPECT_EQ(ignored.event, TimeEpochs::Event::ignored);
    return octets_of(records);
  };
  for (const Metrics& metrics : {Metrics(), Metrics(Metrics::kAll)}) {
    const auto alone = meter_with(1, metrics);
    EXPECT_TRUE(meter_with(2, metrics) == alone);
    EXPECT_TRUE(meter_with(4, metrics) == alone);
  }
}

TEST(OfflineMeter, AnEpochEndsBetweenTheTwoPacketsWhereTheClockStepsBackWhereverTheyAreInABurst) {
  constexpr std::uint64_t kHour = 3'600'000'000'000;
  constexpr unsigned kFiles = 60;
  std::vector<Bytes> frames;
  for (unsigned host = 1; host <= 20; ++host) {
    frames.push_back(packet().eth().ipv4("10.0.1." + std::to_string(host), "10.0.0.2").udp(1000, 53).bytes());
  }
  const auto meter_with = [&](unsigned workers, const Metrics& metrics) {
    std::mt19937 random(7);
    OfflineOptions options;
    options.workers = workers;
    options.max_flows = 4096;
    options.metrics = metrics;
    OfflineMeter meter(options, KeyHash(KeyHash::random_seed()));
    // Each file is from an hour before the one that was read before it.
    std::map<std::pair<unsigned, unsigned>, std::uint64_t> expected;  // packets by hour and host
    for (unsigned hour = kFiles; hour > 0; --hour) {
      meter.begin_capture();
      const auto count = static_cast<unsigned>(1 + random() % 70);
      for (unsigned i = 0; i < count; ++i) {
        const auto host = static_cast<unsigned>(random() % frames.size());
        ++expected[{hour, host + 1}];
        meter.add(view_of(frames[host], hour * kHour + i * 1000));
      }
    }
    meter.finish();
    RecordBatch records;
    PacketCount epochs;
    for (unsigned i = 0; i < workers; ++i) {
      records.append(take_batch(meter.records(i)).span());
      epochs += meter.counters(i).clock_epochs;
    }
    EXPECT_EQ(epochs.packets, kFiles - 1);
    EXPECT_EQ(meter.notices().size(), OfflineMeter::kMostNotices);
    std::map<std::pair<unsigned, unsigned>, std::uint64_t> found;
    for (const RecordView record : records) {
      found[{static_cast<unsigned>(record->start_ns() / kHour), record->source_address[3]}] +=
          record->packets[kForward];
    }
    EXPECT_TRUE(found == expected);
    EXPECT_EQ(records.size(), expected.size());
    return octets_of(records);
  };
  for (const Metrics& metrics : {Metrics(), Metrics(Metrics::kAll)}) {
    const auto alone = meter_with(1, metrics);
    EXPECT_TRUE(meter_with(2, metrics) == alone);
    EXPECT_TRUE(meter_with(4, metrics) == alone);
  }
}

class SameRecords : public ::testing::TestWithParam<const char*> {};

TEST_P(SameRecords, AtOneTwoAndFourWorkersAndInSumTheTruth) {
  const std::filesystem::path capture = std::filesystem::path(WEIR_CAPTURES) / GetParam();
  if (!std::filesystem::exists(capture)) GTEST_SKIP() << "no captures at " << WEIR_CAPTURES;
  const RecordBatch one = read_with(capture, 1);
  for (const unsigned workers : {2U, 4U}) {
    EXPECT_TRUE(octets_of(one) == octets_of(read_with(capture, workers))) << workers << " workers";
  }
  TupleSums sums;
  for (const FlowRecord& record : bases_of(one)) {
    Tuple tuple;
    tuple.ip_version = record.ip_version;
    std::memcpy(tuple.source.data(), record.source_address, 16);
    std::memcpy(tuple.destination.data(), record.destination_address, 16);
    tuple.source_port = record.source_port();
    tuple.destination_port = record.destination_port();
    tuple.protocol = record.protocol;
    if (record.packets[0] != 0)
      sums[tuple].add(record.packets[0], record.octets[0], record.first_ns[0], record.last_ns[0]);
    std::swap(tuple.source, tuple.destination);
    std::swap(tuple.source_port, tuple.destination_port);
    if (record.packets[1] != 0)
      sums[tuple].add(record.packets[1], record.octets[1], record.first_ns[1], record.last_ns[1]);
  }
  EXPECT_EQ(sums, read_truth(capture).tuples);
}

TEST_P(SameRecords, AtOneTwoAndFourWorkersWithAllMetricsAndTheirBasesAreThoseWithoutMetrics) {
  const std::filesystem::path capture = std::filesystem::path(WEIR_CAPTURES) / GetParam();
  if (!std::filesystem::exists(capture)) GTEST_SKIP() << "no captures at " << WEIR_CAPTURES;
  const Metrics all(Metrics::kAll);
  const RecordBatch one = read_with(capture, 1, all);
  for (const unsigned workers : {2U, 4U}) {
    EXPECT_TRUE(octets_of(one) == octets_of(read_with(capture, workers, all))) << workers << " workers";
  }
  RecordBatch bases;
  for (const RecordView view : one) {
    EXPECT_TRUE(view.has(Section::layer2));
    EXPECT_EQ(view.has(Section::tcp), view->protocol == 6);
    bases.append(RecordView(*view));
    bases.mutable_base(bases.size() - 1).sections = 0;
  }
  RecordBatch without = read_with(capture, 1);
  for (std::size_t i = 0; i < without.size(); ++i) without.mutable_base(i).sections = 0;
  EXPECT_TRUE(octets_of(bases) == octets_of(without));
}

// Time jumps back by minutes in the first, the second spans decades.
INSTANTIATE_TEST_SUITE_P(Captures, SameRecords,
                         ::testing::Values("tcp/ndpi_avast.pcap", "ipv6/pcpp_ipv6_options.pcap",
                                           "basic/ndpi_synscan.pcap", "basic/ipfixprobe_mixed.pcap",
                                           "vlan/zeek_vlan-collisions.pcap"));

// With metrics these tell more: labels, tunnels, fragments.
INSTANTIATE_TEST_SUITE_P(MoreCaptures, SameRecords,
                         ::testing::Values("vlan/synthetic_mpls-deep.pcap", "tunnels/synthetic_tunnel-mix.pcap"));

// Retransmissions, gaps, zero windows, timestamps.
INSTANTIATE_TEST_SUITE_P(TcpCaptures, SameRecords,
                         ::testing::Values("tcp/ndpi_heuristic_tcp_ack_payload.pcap", "tcp/ipfixprobe_smtp.pcap",
                                           "tcp/synthetic_zero-window.pcap", "tcp/ndpi_dnp3.pcap",
                                           "tcp/suricata_bug-4376.pcap", "tcp/synthetic_port-reuse.pcap"));

}  // namespace
}  // namespace weir::test::offline_meter_test
