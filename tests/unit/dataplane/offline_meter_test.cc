// The same capture gives the same records at any number of workers, and the records sum to the truth.
#include "dataplane/offline_meter.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <filesystem>
#include <thread>

#include "dataplane/input/capture_file.h"
#include "tests/support/packet_builder.h"
#include "tests/support/truth.h"

namespace weir::test {
namespace {

std::vector<FlowRecord> read_with(const std::filesystem::path& capture, unsigned workers) {
  OfflineOptions options;
  options.workers = workers;
  options.max_flows = 64 * 1024;
  OfflineMeter meter(options, KeyHash(KeyHash::random_seed()));
  EXPECT_TRUE(meter.ok());
  std::vector<FlowRecord> records;
  std::atomic<bool> finished{false};
  std::thread consumer([&] {
    std::vector<FlowRecord> some(256);
    for (;;) {
      const bool last = finished.load(std::memory_order_acquire);
      std::size_t found = 0;
      for (unsigned i = 0; i < workers; ++i) {
        const std::size_t count = meter.records(i).pop(some);
        records.insert(records.end(), some.begin(), some.begin() + static_cast<std::ptrdiff_t>(count));
        found += count;
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
  FlowCount emitted;
  for (unsigned i = 0; i < workers; ++i) {
    const WorkerCounters counters = meter.counters(i);
    received += counters.received.packets;
    accounted += counters.counted.packets;
    for (const PacketCount& reject : counters.rejects) accounted += reject.packets;
    emitted += counters.emitted;
    EXPECT_EQ(counters.in_table, FlowCount{});
    EXPECT_EQ(meter.recount(i), FlowCount{});
    EXPECT_EQ(counters.counted.packets, counters.emitted.packets);
  }
  EXPECT_EQ(received, (*file)->packets());
  EXPECT_EQ(received, accounted);
  EXPECT_EQ(emitted.records, records.size());
  std::sort(records.begin(), records.end(),
            [](const FlowRecord& a, const FlowRecord& b) { return std::memcmp(&a, &b, sizeof a) < 0; });
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

class SameRecords : public ::testing::TestWithParam<const char*> {};

TEST_P(SameRecords, AtOneTwoAndFourWorkersAndInSumTheTruth) {
  const std::filesystem::path capture = std::filesystem::path(WEIR_CAPTURES) / GetParam();
  if (!std::filesystem::exists(capture)) GTEST_SKIP() << "no captures at " << WEIR_CAPTURES;
  const auto one = read_with(capture, 1);
  for (const unsigned workers : {2U, 4U}) {
    const auto several = read_with(capture, workers);
    ASSERT_EQ(one.size(), several.size()) << workers << " workers";
    EXPECT_EQ(std::memcmp(one.data(), several.data(), one.size() * sizeof(FlowRecord)), 0) << workers << " workers";
  }
  TupleSums sums;
  for (const FlowRecord& record : one) {
    Tuple tuple;
    tuple.ip_version = record.ip_version;
    std::memcpy(tuple.source.data(), record.source_address, 16);
    std::memcpy(tuple.destination.data(), record.destination_address, 16);
    tuple.source_port = record.source_port;
    tuple.destination_port = record.destination_port;
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

// Time jumps back by minutes in the first, the second spans decades.
INSTANTIATE_TEST_SUITE_P(Captures, SameRecords,
                         ::testing::Values("tcp/ndpi_avast.pcap", "ipv6/pcpp_ipv6_options.pcap",
                                           "basic/ndpi_synscan.pcap", "basic/ipfixprobe_mixed.pcap",
                                           "vlan/zeek_vlan-collisions.pcap"));

}  // namespace
}  // namespace weir::test
