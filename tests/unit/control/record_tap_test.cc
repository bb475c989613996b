// Records for whoever looks on: the last ones stay, a reader gets what comes after it, and one that is too slow misses
// whole batches, which are counted.
#include "control/record_tap.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "control/probe/record_tail.h"
#include "tests/support/numbered_record.h"

namespace weir::record_tap_test {
namespace {

/// Records `from` to `to` - 1.
RecordTap::Batch batch(std::uint32_t from, std::uint32_t to) {
  auto records = std::make_shared<RecordBatch>();
  for (std::uint32_t number = from; number < to; ++number) records->append(test::numbered_record(number));
  return records;
}

RecordTail::Wish wish(std::size_t last, bool follow, const std::string& filter = {}) {
  auto compiled = RecordFilter::make(filter);
  EXPECT_TRUE(compiled) << compiled.error();
  return {std::nullopt, std::move(*compiled), last, follow};
}

/// The source ports of all records that there are, which are their numbers.
std::vector<std::uint32_t> ports(RecordTail& tail, v1::TailReply* last = nullptr) {
  std::vector<std::uint32_t> found;
  v1::TailReply reply;
  while (tail.next(reply)) {
    for (const v1::FlowRecord& record : reply.records()) found.push_back(record.src_port());
    reply.Clear();
  }
  if (last != nullptr) *last = reply;
  return found;
}

std::vector<std::uint32_t> numbers(std::uint32_t from, std::uint32_t to) {
  std::vector<std::uint32_t> all;
  for (std::uint32_t number = from; number < to; ++number) all.push_back(number);
  return all;
}

TEST(RecordTap, KeepsTheLastThousandRecordsInWholeBatches) {
  RecordTap tap;
  for (std::uint32_t i = 0; i < 30; ++i) tap.offer(batch(i * 100, i * 100 + 100), 0);
  const auto reader = tap.open(std::nullopt, [] {});
  EXPECT_EQ(reader->before().size(), 10U);
  EXPECT_EQ((*reader->before().front())[0]->ports[kForward], 2000U);
  EXPECT_EQ(reader->take(), nullptr) << "what was there before is not new";
  EXPECT_EQ(reader->counts().ended, 0U);
}

TEST(RecordTap, SkipsWholeBatchesForAReaderThatIsTooSlowAndForNoOther) {
  RecordTap tap;
  unsigned woken = 0;
  const auto slow = tap.open(std::nullopt, [&] { ++woken; });
  const auto quick = tap.open(std::nullopt, [] {});
  constexpr std::uint32_t kBatch = 4096;
  std::uint64_t taken = 0;
  for (std::uint32_t i = 0; i < 6; ++i) {
    tap.offer(batch(0, kBatch), 0);
    taken += quick->take()->size();
  }
  EXPECT_EQ(taken, 6 * kBatch);
  EXPECT_EQ(quick->counts().skipped, 0U);
  EXPECT_EQ(slow->counts().ended, 6 * kBatch);
  EXPECT_EQ(slow->counts().skipped, 2 * kBatch) << "its queue has room for four";
  EXPECT_EQ(woken, 6U);
  for (unsigned i = 0; i < 4; ++i) EXPECT_NE(slow->take(), nullptr);
  EXPECT_EQ(slow->take(), nullptr);
  EXPECT_FALSE(slow->over());
  tap.close();
  EXPECT_TRUE(slow->over());
}

TEST(RecordTap, GivesAReaderOfOneMonitorNothingOfAnother) {
  RecordTap tap;
  tap.offer(batch(0, 5), 0);
  tap.offer(batch(5, 7), 1);
  const auto reader = tap.open(1, [] {});
  ASSERT_EQ(reader->before().size(), 1U);
  EXPECT_EQ(reader->before().front()->size(), 2U);
  tap.offer(batch(7, 10), 0);
  EXPECT_EQ(reader->take(), nullptr);
  tap.offer(batch(10, 12), 1);
  EXPECT_EQ(reader->take()->size(), 2U);
}

TEST(RecordTail, ShowsTheLastRecordsThatTheFilterKeepsAndThenThoseThatCome) {
  RecordTap tap;
  tap.offer(batch(1, 400), 0);
  tap.offer(batch(400, 700), 0);
  const MonitorNames names;
  RecordTail all(tap, names, wish(350, false), [] {});
  EXPECT_EQ(ports(all), numbers(350, 700));
  EXPECT_TRUE(all.over()) << "it does not follow";

  RecordTail some(tap, names, wish(3, true, "udp and (src port 7 or src port 450 or src port 500 or src port 702)"),
                  [] {});
  EXPECT_FALSE(some.over());
  tap.offer(batch(700, 710), 0);
  v1::TailReply reply;
  EXPECT_EQ(ports(some, &reply), (std::vector<std::uint32_t>{7, 450, 500, 702}));
  EXPECT_EQ(reply.ended(), 10U);
  EXPECT_EQ(reply.filtered_out(), 9U);
  EXPECT_EQ(reply.skipped(), 0U);
  tap.close();
  EXPECT_TRUE(some.over());
}

TEST(RecordTail, HasTheFiguresAndTheMonitorOfEachRecord) {
  RecordTap tap;
  tap.offer(batch(40'000, 40'001), 0);
  MonitorNames names;
  names.add("edge");
  RecordTail tail(tap, names, wish(1, false), [] {});
  v1::TailReply reply;
  ASSERT_TRUE(tail.next(reply));
  ASSERT_EQ(reply.records_size(), 1);
  const v1::FlowRecord& record = reply.records(0);
  EXPECT_EQ(record.packets(), 1 + 40'000 % 7);
  EXPECT_EQ(record.bytes(), 100U);
  EXPECT_EQ(record.time_flow_start_ns(), 1'700'000'000'040'000'000U);
  EXPECT_EQ(record.monitor(), "edge");
  EXPECT_EQ(record.end_reason(), 1U);
}

}  // namespace
}  // namespace weir::record_tap_test
