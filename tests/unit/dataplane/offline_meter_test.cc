// The same capture gives the same records at any number of workers, and the records sum to the truth.
#include "dataplane/offline_meter.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "dataplane/input/capture_file.h"
#include "tests/support/packet_builder.h"
#include "tests/support/records.h"
#include "tests/support/truth.h"

namespace weir::test {
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

TEST(OfflineMeter, AFrameThatAFilterKeepsOutIsCountedAndItsTimeDoesNotCount) {
  const Bytes kept = packet().eth().ipv4("10.0.0.1", "10.0.0.2").udp(1, 2).payload(100).bytes();
  const Bytes out = packet().eth().ipv4("10.0.0.3", "10.0.0.2").udp(1, 2).payload(50).bytes();
  for (const unsigned workers : {1U, 2U}) {
    OfflineOptions options;
    options.workers = workers;
    options.max_flows = 1024;
    OfflineMeter meter(options, KeyHash(KeyHash::random_seed()));
    meter.add(view_of(kept, 1));
    PacketView view = view_of(out, 1'000'000'000'000);
    view.filtered_by = 1;
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
      filtered_out += counters.filtered_out;
      counted += counters.counted;
      EXPECT_EQ(counters.offered.packets, counters.counted.packets + counters.filtered_out.packets);
      EXPECT_EQ(counters.received, counters.offered);
      for (const FlowRecord& record : take_records(meter.records(i))) records.push_back(record);
    }
    EXPECT_EQ(received, (PacketCount{3, 2 * 142 + 92}));
    EXPECT_EQ(offered, received);
    EXPECT_EQ(filtered_out, (PacketCount{1, 92}));
    EXPECT_EQ(counted, (PacketCount{2, 2 * 142}));
    ASSERT_EQ(records.size(), 1U);
    EXPECT_EQ(records[0].packets[kForward], 2U);
    EXPECT_EQ(records[0].end_reason, EndReason::forced_end) << "a thousand seconds of somebody else's";
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

}  // namespace
}  // namespace weir::test
