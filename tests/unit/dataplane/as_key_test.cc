// Keys with AS numbers: who is in one flow, what its record says, the same at any number of workers and by whichever
// way packets reach them, and what a new map changes.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "dataplane/flow/as_lookup.h"
#include "dataplane/offline_meter.h"
#include "tests/support/frame_list.h"
#include "tests/support/packet_builder.h"
#include "tests/support/records.h"
#include "tests/unit/dataplane/worker_fixtures.h"

namespace weir::test::as_key_test {
namespace {

constexpr std::uint64_t kStartNs = 1'700'000'000'000'000'000;
using Lines = std::vector<std::string>;

/// Of IPv4 the AS is the second octet of the address and `more`, of IPv6 the last one.
AsLookup second_octet(std::uint32_t more = 0) {
  const AsLookup::Find find = [](const void* map, std::uint8_t version, std::span<const AddressBits> addresses,
                                 std::span<std::uint32_t> as_numbers) {
    ASSERT_EQ(addresses.size(), as_numbers.size());
    for (std::size_t i = 0; i < addresses.size(); ++i) {
      const std::uint64_t octet = version == 4 ? addresses[i].high >> 48 & 0xff : addresses[i].low & 0xff;
      const auto plus = *static_cast<const std::uint32_t*>(map);
      as_numbers[i] = octet == 0 ? 0 : static_cast<std::uint32_t>(octet) + plus;
    }
  };
  return {find, std::make_shared<const std::uint32_t>(more)};
}

/// A key of nothing but AS numbers.
KeyFields as_only(bool source = true, bool destination = true) {
  KeyFields key{.source_prefix4 = 0,
                .destination_prefix4 = 0,
                .source_prefix6 = 0,
                .destination_prefix6 = 0,
                .source_port = false,
                .destination_port = false,
                .protocol = false};
  key.source_as = source;
  key.destination_as = destination;
  return key;
}

Bytes udp(const std::string& from, const std::string& to, unsigned source = 1000, unsigned destination = 53) {
  const bool ipv6 = from.find(':') != std::string::npos;
  PacketBuilder builder = packet().eth();
  return (ipv6 ? builder.ipv6(from, to) : builder.ipv4(from, to))
      .udp(static_cast<std::uint16_t>(source), static_cast<std::uint16_t>(destination))
      .payload(4)
      .bytes();
}

/// "AS 1 > AS 2: 2 / 1".
std::string text_of(RecordView record) {
  const auto* const routing = record.find<RoutingSection>();
  if (routing == nullptr) return "no AS";
  EXPECT_EQ(routing->ip_version, record->ip_version);
  return "AS " + std::to_string(routing->source_as) + " > AS " + std::to_string(routing->destination_as) + ": " +
         std::to_string(record->packets[kForward]) + " / " + std::to_string(record->packets[kReverse]);
}

RecordBatch batch_of(const std::vector<Bytes>& frames, const KeyFields& key, unsigned workers) {
  OfflineOptions options;
  options.key = key;
  options.workers = workers;
  options.max_flows = 4096;
  OfflineMeter meter(options, KeyHash(KeyHash::random_seed()));
  EXPECT_TRUE(meter.ok());
  meter.set_as_lookup(0, second_octet());
  std::uint64_t now_ns = kStartNs;
  for (const Bytes& frame : frames) meter.add(view_of(frame, now_ns += 1'000'000));
  meter.finish();
  RecordBatch records;
  for (unsigned i = 0; i < workers; ++i) records.append(take_batch(meter.records(i)).span());
  return records;
}

/// The flows at one worker, by start; the same records come from two and four.
Lines flows(const std::vector<Bytes>& frames, const KeyFields& key) {
  const RecordBatch one = batch_of(frames, key, 1);
  for (const unsigned workers : {2U, 4U}) EXPECT_TRUE(octets_of(one) == octets_of(batch_of(frames, key, workers)));
  std::vector<RecordView> records(one.begin(), one.end());
  std::sort(records.begin(), records.end(), [](RecordView a, RecordView b) { return a->start_ns() < b->start_ns(); });
  Lines lines;
  for (const RecordView record : records) lines.push_back(text_of(record));
  return lines;
}

TEST(AsKey, JoinsWhatTwoNetworksSayToEachOtherInBothDirections) {
  EXPECT_EQ(flows({udp("10.1.0.1", "10.2.0.1"), udp("10.2.0.9", "10.1.0.7"), udp("10.1.0.3", "10.3.0.1"),
                   udp("10.1.9.9", "10.2.3.4"), udp("10.2.0.1", "10.0.0.1"), udp("10.0.0.2", "10.2.0.1")},
                  as_only()),
            (Lines{"AS 1 > AS 2: 2 / 1", "AS 1 > AS 3: 1 / 0", "AS 2 > AS 0: 1 / 1"}));
}

TEST(AsKey, OfOneEndMakesEachDirectionAFlow) {
  const std::vector<Bytes> frames{udp("10.1.0.1", "10.2.0.1"), udp("10.2.0.9", "10.1.0.7"),
                                  udp("10.1.0.3", "10.3.0.1")};
  EXPECT_EQ(flows(frames, as_only(true, false)), (Lines{"AS 1 > AS 0: 2 / 0", "AS 2 > AS 0: 1 / 0"}));
  EXPECT_EQ(flows(frames, as_only(false, true)),
            (Lines{"AS 0 > AS 2: 1 / 0", "AS 0 > AS 1: 1 / 0", "AS 0 > AS 3: 1 / 0"}));
}

TEST(AsKey, LooksTheWholeAddressUpWhateverTheKeyHasOfIt) {
  KeyFields key = as_only();
  key.source_prefix4 = key.destination_prefix4 = 8;
  EXPECT_EQ(flows({udp("10.1.0.1", "10.2.0.1"), udp("10.2.0.1", "10.1.0.1"), udp("11.1.0.1", "10.2.0.1")}, key),
            (Lines{"AS 1 > AS 2: 1 / 1", "AS 1 > AS 2: 1 / 0"}));
}

TEST(AsKey, KnowsBothFamiliesInOneBurst) {
  std::vector<Bytes> frames;
  for (unsigned i = 0; i < 40; ++i) {
    frames.push_back(udp("10.1.0.1", "10.2.0.1"));
    frames.push_back(udp("2001:db8::1", "2001:db8::2"));
    frames.push_back(udp("2001:db8::2", "2001:db8::1"));
  }
  EXPECT_EQ(flows(frames, as_only()), (Lines{"AS 1 > AS 2: 40 / 0", "AS 1 > AS 2: 40 / 40"}));
}

TEST(AsKey, WithinOneNetworkThereIsOneDirection) {
  EXPECT_EQ(flows({udp("10.1.0.1", "10.1.0.2"), udp("10.1.0.2", "10.1.0.1")}, as_only()),
            (Lines{"AS 1 > AS 1: 2 / 0"}));
}

TEST(AsKey, ANewMapSendsPacketsOnUnderANewKeyAndTheOldMapIsFreedOnceItIsTaken) {
  WorkerOptions options;
  options.key = as_only();
  options.capacity = 64;
  Worker worker(options, kHash);
  AsLookup first = second_octet();
  const std::weak_ptr<const void> first_map = first.map;
  worker.as_lookup().offer(std::make_unique<const AsLookup>(std::move(first)));
  const auto see = [&](unsigned count) {
    FrameList source;
    source.frames.assign(count, udp("10.1.0.1", "10.2.0.1"));
    worker.poll(source, kStartNs);
  };
  see(2);
  ASSERT_TRUE(worker.as_lookup().taken());
  worker.as_lookup().offer(std::make_unique<const AsLookup>(second_octet(100)));
  EXPECT_FALSE(worker.as_lookup().taken());
  EXPECT_FALSE(first_map.expired()) << "the worker goes by it until it polls";
  see(3);
  ASSERT_TRUE(worker.as_lookup().taken());
  EXPECT_TRUE(first_map.expired());
  worker.drain(kStartNs);
  expect_balanced(worker);
  Lines lines;
  for (const RecordView record : take_batch(worker.records())) lines.push_back(text_of(record));
  std::sort(lines.begin(), lines.end());
  EXPECT_EQ(lines, (Lines{"AS 1 > AS 2: 2 / 0", "AS 101 > AS 102: 3 / 0"}));
}

TEST(AsKey, IsTheSameFlowsWhicheverWorkerReceivesAPacket) {
  constexpr unsigned kWorkers = 4;
  std::mt19937 random(5);
  const auto pick = [&](unsigned below) { return static_cast<unsigned>(random() % below); };
  HandoverMesh mesh(kWorkers);
  std::vector<std::unique_ptr<Worker>> all;
  std::vector<FrameList> sources(kWorkers);
  WorkerOptions options;
  options.key = as_only();
  options.workers = kWorkers;
  options.capacity = 1000;
  options.handover = &mesh;
  for (unsigned number = 0; number < kWorkers; ++number) {
    options.number = number;
    all.push_back(std::make_unique<Worker>(options, kHash));
    all.back()->as_lookup().offer(std::make_unique<const AsLookup>(second_octet()));
  }
  std::map<std::pair<unsigned, unsigned>, std::uint64_t> model;  // packets by the two AS numbers, the less first
  for (unsigned i = 0; i < 2000; ++i) {
    const unsigned from = pick(6);
    const unsigned to = pick(6);
    const auto address = [&](unsigned as_number) {
      return "10." + std::to_string(as_number) + ".0." + std::to_string(pick(250));
    };
    sources[pick(kWorkers)].frames.push_back(udp(address(from), address(to)));
    ++model[std::minmax(from, to)];
  }
  for (unsigned round = 0; round < 500; ++round) {
    for (unsigned number = 0; number < kWorkers; ++number) all[number]->poll(sources[number], kStartNs);
  }
  std::map<std::pair<unsigned, unsigned>, std::uint64_t> seen;
  std::uint64_t handed_over = 0;
  for (unsigned number = 0; number < kWorkers; ++number) {
    ASSERT_TRUE(sources[number].done());
    all[number]->drain(kStartNs);
    expect_balanced(*all[number]);
    for (const RecordView record : take_batch(all[number]->records())) {
      const auto* const routing = record.find<RoutingSection>();
      ASSERT_NE(routing, nullptr);
      const auto [flow, fresh] = seen.emplace(std::minmax(routing->source_as, routing->destination_as), 0);
      EXPECT_TRUE(fresh) << "two records of one flow";
      flow->second = record->total_packets();
    }
    handed_over += all[number]->counters().handed_over.packets;
  }
  EXPECT_EQ(seen, model);
  EXPECT_GT(handed_over, 0U);
}

TEST(AsKey, FlowsAreSampledByIt) {
  OfflineOptions options;
  options.key = as_only();
  options.max_flows = 4096;
  options.sampling = {.by = Sampling::By::flows,
                      .one_in = 4,
                      .seed = {0x243f6a8885a308d3, 0x13198a2e03707344, 0xa4093822299f31d0, 0x082efa98ec4e6c89,
                               0x452821e638d01377, 0xbe5466cf34e90c6c}};
  OfflineMeter meter(options, kHash);
  meter.set_as_lookup(0, second_octet());
  for (unsigned host = 0; host < 8; ++host) {
    for (unsigned as_number = 1; as_number < 200; ++as_number) {
      meter.add(view_of(udp("10.1.0." + std::to_string(host), "10." + std::to_string(as_number) + ".0.1"), kStartNs));
    }
  }
  meter.finish();
  const RecordBatch records = take_batch(meter.records(0));
  EXPECT_GT(records.size(), 25U);
  EXPECT_LT(records.size(), 80U);
  for (const RecordView record : records) EXPECT_EQ(record->total_packets(), 8U) << "a flow is taken whole, or not";
}

}  // namespace
}  // namespace weir::test::as_key_test
