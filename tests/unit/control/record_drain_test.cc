// Records from the rings to an exporter, overflow records by way of the accounter; and the ledger of it.
#include "control/record_drain.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <fstream>
#include <future>
#include <thread>

#include "control/ledger/ledger_report.h"
#include "proto/record/flow_protobuf.h"
#include "tests/support/process.h"

namespace weir::record_drain_test {
namespace {

FlowRecord record(std::uint8_t host, std::uint64_t packets, bool overflow) {
  FlowRecord out{};
  out.ip_version = 4;
  out.ether_type = 0x0800;
  out.protocol = 17;
  out.source_address[0] = 10;
  out.source_address[3] = host;
  out.destination_address[0] = 192;
  out.sampling_rate = 1;
  out.end_reason = overflow ? EndReason::lack_of_resources : EndReason::idle_timeout;
  out.sections = overflow ? FlowRecord::kOverflowMark : 0;
  out.packets[kForward] = packets;
  out.octets[kForward] = 100 * packets;
  out.first_ns[kForward] = out.last_ns[kForward] = 1'700'000'000'000'000'000;
  return out;
}

/// The counters of a worker that emitted just these.
WorkerCounters emitted(const std::vector<FlowRecord>& records) {
  WorkerCounters counters;
  for (const FlowRecord& one : records) {
    counters.received.packets += one.total_packets();
    counters.counted.packets += one.total_packets();
    counters.counted_ip_octets += one.total_octets();
    counters.emitted += {1, one.total_packets(), one.total_octets()};
  }
  return counters;
}

/// What a worker does with a record. false: the ring has no room.
bool push(RecordRing& ring, RecordView one) {
  RingLine* const lines = ring.claim(one.lines());
  if (lines == nullptr) return false;
  std::memcpy(lines, one.octets(), one.size());
  ring.commit(one.lines());
  ring.publish();
  return true;
}

std::size_t lines_of(const std::string& file) {
  std::ifstream in(file);
  std::size_t lines = 0;
  for (std::string line; std::getline(in, line);) ++lines;
  return lines;
}

TEST(RecordDrain, SumsOverflowRecordsAndTheLedgerBalances) {
  const test::TemporaryFolder folder;
  auto hub = ExportHub::open({"json:" + folder.path("out")}, ExportContext{});
  ASSERT_TRUE(hub) << hub.error();
  RecordRing ring(ring_lines(1024));
  std::vector<FlowRecord> all{record(1, 7, false), record(2, 3, false)};
  for (int i = 0; i < 30; ++i) all.push_back(record(static_cast<std::uint8_t>(100 + i % 4), 1, true));  // room for 3
  for (const FlowRecord& one : all) ASSERT_TRUE(push(ring, one));
  auto accounter = std::make_unique<OverflowAccounter>(
      OverflowLimits{.max_entries = 3, .timeout_ns = 1'000'000'000'000}, KeyHash({1, 2, 3, 4, 5, 6}));
  RecordDrain drain({&ring}, **hub, true, std::move(accounter));

  // While it runs: what is held is in the ledger.
  while (drain.totals().drained[0].records != all.size()) std::this_thread::yield();
  DrainTotals totals = drain.totals();
  EXPECT_EQ(totals.overflow.taken, (RecordTotals{30, 30, 3000}));
  EXPECT_EQ(totals.overflow.held, (RecordTotals{3, 23, 2300})) << "30 packets of 4 keys, 7 of the fourth";
  EXPECT_EQ(totals.overflow.lost, (RecordTotals{7, 7, 700}));
  const v1::Ledger running =
      make_ledger({{emitted(all), totals.drained[0], std::nullopt}}, totals.exporters, {}, false, totals.overflow);
  EXPECT_TRUE(running.balanced()) << running.ShortDebugString();
  EXPECT_EQ(running.in_overflow().packets(), 23U);
  EXPECT_EQ(running.lost().at("overflow_full").packets(), 7U);
  EXPECT_EQ(running.drained().records(), 2U);

  drain.finish();
  EXPECT_TRUE((*hub)->finish(std::chrono::seconds(20)).empty());
  totals = drain.totals();
  const v1::Ledger final =
      make_ledger({{emitted(all), totals.drained[0], RecordTotals{}}}, totals.exporters, {}, true, totals.overflow);
  EXPECT_TRUE(final.balanced()) << final.ShortDebugString();
  EXPECT_EQ(final.in_overflow().records(), 0U);
  EXPECT_EQ(final.drained().records(), 5U) << "two flows, three directions";
  EXPECT_EQ(final.drained().packets(), 10U + 23U);
  EXPECT_EQ(lines_of(folder.path("out")), 5U);

  // The check can fail: an accounter that loses without saying so.
  totals.overflow.lost = {};
  EXPECT_FALSE(
      make_ledger({{emitted(all), totals.drained[0], RecordTotals{}}}, totals.exporters, {}, true, totals.overflow)
          .balanced());
}

TEST(RecordDrain, AddsWhatPrefixFilesSayToEachRecordAndToThoseOfTheAccounter) {
  const test::TemporaryFolder folder;
  std::ofstream(folder.path("p")) << "10.0.0.0/8 as=64500\n";
  const auto prefixes = PrefixStore::open({folder.path("p")});
  ASSERT_TRUE(prefixes) << prefixes.error();
  auto hub = ExportHub::open({"json:" + folder.path("out")}, ExportContext{});
  ASSERT_TRUE(hub) << hub.error();
  RecordRing ring(ring_lines(1024));
  for (std::uint8_t i = 0; i < 100; ++i) ASSERT_TRUE(push(ring, record(i, 1, i % 10 == 0)));
  auto accounter = std::make_unique<OverflowAccounter>(
      OverflowLimits{.max_entries = 100, .timeout_ns = 1'000'000'000'000}, KeyHash({1, 2, 3, 4, 5, 6}));
  RecordDrain drain({&ring}, **hub, true, std::move(accounter), nullptr, 0, prefixes->get());
  drain.finish();
  EXPECT_TRUE((*hub)->finish(std::chrono::seconds(20)).empty());
  EXPECT_EQ(drain.totals().exporters[0].exported, drain.totals().drained[0]);
  std::ifstream in(folder.path("out"));
  std::size_t lines = 0;
  for (std::string line; std::getline(in, line); ++lines) {
    EXPECT_NE(line.find(R"("src_as":64500,"src_net":8)"), std::string::npos) << line;
  }
  EXPECT_EQ(lines, 100U);
  EXPECT_EQ((*prefixes)->status().lookups, 200U);
  EXPECT_EQ((*prefixes)->status().not_found, 100U) << "192.0.0.0 of each";
}

TEST(RecordDrain, LetsTheAccounterGoByTheTimeOfTheRecordsWhereThereIsNoClock) {
  const test::TemporaryFolder folder;
  auto hub = ExportHub::open({"json:" + folder.path("out")}, ExportContext{});
  ASSERT_TRUE(hub) << hub.error();
  RecordRing ring(ring_lines(1024));
  auto accounter = std::make_unique<OverflowAccounter>(OverflowLimits{.max_entries = 3, .timeout_ns = 5'000'000'000},
                                                       KeyHash({1, 2, 3, 4, 5, 6}));
  RecordDrain drain({&ring}, **hub, true, std::move(accounter));
  ASSERT_TRUE(push(ring, record(1, 1, true)));
  while (drain.totals().overflow.taken.records != 1) std::this_thread::yield();
  EXPECT_EQ(drain.totals().overflow.held.records, 1U);
  FlowRecord later = record(2, 1, false);
  later.last_ns[kForward] += 5'000'000'000;
  ASSERT_TRUE(push(ring, later));
  while (drain.totals().overflow.given.records != 1) std::this_thread::yield();
  EXPECT_EQ(drain.totals().overflow.held.records, 0U);
  drain.finish();
  (*hub)->finish(std::chrono::seconds(20));
}

/// Takes all that comes out of a pipe.
class Reader {
 public:
  explicit Reader(int fd) : fd_(fd) {}
  ~Reader() {
    if (thread_.joinable()) thread_.join();
    close(fd_);
  }
  void start() {
    thread_ = std::thread([this] {
      std::array<char, 4096> octets;
      pollfd waits{fd_, POLLIN, 0};
      while (poll(&waits, 1, -1) > 0 && read(fd_, octets.data(), octets.size()) > 0) {
      }
    });
  }

 private:
  int fd_;
  std::thread thread_;
};

TEST(RecordDrain, AnswersAtOnceWhileAnExporterThatItWaitsForStandsStill) {
  const test::TemporaryFolder folder;
  const std::string pipe = folder.path("pipe");
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  Reader reader(open(pipe.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  ExportContext context;
  context.mode = ExportMode::capture;  // waits without end
  context.queue_octets = 1000;
  auto hub = ExportHub::open({"protobuf:" + pipe}, context);
  ASSERT_TRUE(hub) << hub.error();
  constexpr std::size_t kRecords = 20'000;  // of some 100 octets; a pipe holds 65536
  RecordRing ring(ring_lines(1 << 15));
  for (std::size_t i = 0; i < kRecords; ++i) ASSERT_TRUE(push(ring, record(static_cast<std::uint8_t>(i), 1, false)));
  RecordDrain drain({&ring}, **hub, true);

  // Nobody reads: the queue is full, and the drain waits. Each answer is one instant of the books.
  DrainTotals totals;
  const auto answer = [&] {
    auto answered = std::async(std::launch::async, [&] { return drain.totals(); });
    const bool in_time = answered.wait_for(std::chrono::seconds(10)) == std::future_status::ready;
    EXPECT_TRUE(in_time) << "the drain holds its lock while it waits";
    if (!in_time) reader.start();
    totals = answered.get();
    EXPECT_EQ(totals.exporters[0].drained, totals.drained[0]);
    EXPECT_EQ(totals.exporters[0].accounted(), totals.drained[0]);
    return in_time;
  };
  std::uint64_t before = ~std::uint64_t{0};
  do {  // until nothing has moved between two answers and the queue is full
    before = totals.exporters.empty() ? before : totals.exporters[0].exported.records;
    if (!answer()) return;
  } while (totals.exporters[0].queue_octets < context.queue_octets || totals.exporters[0].exported.records != before);
  EXPECT_LT(totals.drained[0].records, kRecords);

  reader.start();
  drain.finish();
  EXPECT_TRUE((*hub)->finish(std::chrono::seconds(20)).empty());
  totals = drain.totals();
  EXPECT_EQ(totals.drained[0].records, kRecords);
  EXPECT_EQ(totals.exporters[0].exported, totals.drained[0]) << "waited for, so nothing is lost";
}

/// Records with none, one and all sections, told apart by their packets.
OwnedRecord record_of_some_length(std::uint32_t number) {
  OwnedRecord out(record(static_cast<std::uint8_t>(number), number + 1, false));
  if (number % 3 != 0) out.add<LabelSection>().label = number;
  if (number % 3 == 2) {
    for (std::size_t i = 1; i < kSectionCount; ++i) out.add(static_cast<Section>(i));
    out.remove(Section::label_stack);
    out.remove(Section::ids);  // which the drain fills in
  }
  return out;
}

TEST(RecordDrain, MakesTheCommunityIdWithItsSeedWhereTheRecordHasRoomForIt) {
  for (const std::uint16_t seed : {std::uint16_t{0}, std::uint16_t{1}}) {
    const test::TemporaryFolder folder;
    auto hub = ExportHub::open({"json:" + folder.path("out")}, ExportContext{});
    ASSERT_TRUE(hub) << hub.error();
    RecordRing ring(ring_lines(1024));
    FlowRecord base = record(4, 1, false);  // 10.1.24.4 and 10.1.12.1, RSVP
    base.protocol = 46;
    base.source_address[1] = 1;
    base.source_address[2] = 24;
    const std::uint8_t destination[] = {10, 1, 12, 1};
    std::memcpy(base.destination_address, destination, 4);
    OwnedRecord with_room(RecordView{base});
    with_room.add<IdsSection>();
    ASSERT_TRUE(push(ring, base) && push(ring, with_room));
    RecordDrain drain({&ring}, **hub, true, nullptr, nullptr, seed);
    drain.finish();
    EXPECT_TRUE((*hub)->finish(std::chrono::seconds(20)).empty());
    std::ifstream in(folder.path("out"));
    std::string without, with;
    ASSERT_TRUE(std::getline(in, without) && std::getline(in, with));
    EXPECT_EQ(without.find("community_id"), std::string::npos);
    // As the specification's reference has them.
    const std::string expected = seed == 0 ? "1:/nQI4Rh/TtY3mf0R2gJFBkVlgS4=" : "1:BK3BVW3U2eemuwVQVN3zd/GULno=";
    EXPECT_NE(with.find("\"community_id\":\"" + expected + '"'), std::string::npos) << with;
  }
}

TEST(RecordDrain, TakesRecordsOfAnyLengthFromRingsThatWrap) {
  const test::TemporaryFolder folder;
  auto hub = ExportHub::open({"protobuf:" + folder.path("out")}, ExportContext{});
  ASSERT_TRUE(hub) << hub.error();
  RecordRing wide(ring_lines(1024));
  RecordRing narrow(1);  // the least that there is: two of the longest records, so that its end is skipped in many ways
  ASSERT_LT(narrow.capacity_lines(), 4 * kMostRecordLines);
  RecordDrain drain({&wide, &narrow}, **hub, true);
  constexpr std::uint32_t kCount = 2000;
  RecordTotals expected, of_wide;
  for (std::uint32_t i = 0; i < kCount; ++i) {
    const OwnedRecord one = record_of_some_length(i);
    expected.add(*one.view());
    while (!push(narrow, one)) std::this_thread::yield();
    const FlowRecord short_one = record(static_cast<std::uint8_t>(i), 1, false);
    const bool taken = push(wide, short_one);
    ASSERT_TRUE(taken || i >= 1024) << "there was room for the first 1024 in any case";
    if (taken) of_wide.add(short_one);
  }
  drain.finish();
  EXPECT_TRUE((*hub)->finish(std::chrono::seconds(20)).empty());
  const DrainTotals totals = drain.totals();
  EXPECT_EQ(totals.drained[0], of_wide);
  EXPECT_EQ(totals.drained[1], expected);
  RecordTotals all = totals.drained[0];
  all += totals.drained[1];
  EXPECT_EQ(totals.exporters.at(0).exported, all);
  EXPECT_TRUE(narrow.empty());

  // Each arrived as it was, and those of one ring in their order.
  std::ifstream in(folder.path("out"), std::ios::binary);
  const std::string stream((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  std::span<const std::uint8_t> rest(reinterpret_cast<const std::uint8_t*>(stream.data()), stream.size());
  std::uint32_t next = 0;
  while (!rest.empty()) {
    const DelimitedMessage found = next_delimited(rest);
    ASSERT_EQ(found.status, DelimitedStatus::complete);
    std::array<std::uint8_t, kFlowProtobufMaxOctets> octets;
    const OwnedRecord one = record_of_some_length(next);
    const std::uint8_t* const end = write_flow_protobuf(octets.data(), one);
    const std::span<const std::uint8_t> wanted(octets.data(), end);
    if (std::ranges::equal(rest.first(found.consumed), wanted)) ++next;
    rest = rest.subspan(found.consumed);
  }
  EXPECT_EQ(next, kCount);
}

}  // namespace
}  // namespace weir::record_drain_test
