#include "control/export/record_sorter.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <random>

#include "tests/unit/export/export_fixtures.h"

namespace weir {
namespace {

/// Records of which many agree in start time, address, port: every rule of the order decides somewhere.
std::vector<FlowRecord> similar_records(std::size_t count) {
  std::mt19937_64 random(8);
  std::vector<FlowRecord> records(count);
  for (FlowRecord& record : records) {
    record = test::numbered_record(0);
    record.first_ns[kForward] = 1000 + random() % 20;
    record.last_ns[kForward] = 5000;
    if (random() % 3 == 0) {  // the way back began before the way there
      record.packets[kReverse] = 1;
      record.first_ns[kReverse] = 1000 + random() % 20;
    }
    record.source_address[3] = static_cast<std::uint8_t>(random() % 2);
    record.destination_address[3] = static_cast<std::uint8_t>(random() % 2);
    record.source_port = static_cast<std::uint16_t>(255 + random() % 2);
    record.destination_port = static_cast<std::uint16_t>(255 + random() % 2);
    record.protocol = static_cast<std::uint8_t>(16 + random() % 2);
    record.octets[kForward] = random() % 3;
  }
  return records;
}

std::vector<FlowRecord> sorted_by(RecordSorter& sorter, const std::vector<FlowRecord>& records, std::size_t step) {
  for (std::size_t at = 0; at < records.size(); at += step) {
    const auto added = sorter.add(std::span(records).subspan(at, std::min(step, records.size() - at)));
    EXPECT_TRUE(added) << added.error();
  }
  const auto finished = sorter.finish();
  EXPECT_TRUE(finished) << finished.error();
  std::vector<FlowRecord> result;
  std::vector<FlowRecord> block(77);
  while (true) {
    const auto count = sorter.next(block);
    EXPECT_TRUE(count) << count.error();
    if (!count || *count == 0) return result;
    result.insert(result.end(), block.begin(), block.begin() + static_cast<std::ptrdiff_t>(*count));
  }
}

bool equal(const std::vector<FlowRecord>& a, const std::vector<FlowRecord>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), test::same);
}

TEST(RecordSorter, OrdersByStartThenKey) {
  // Each of the later ones is less in every criterion that comes after the one that decides.
  FlowRecord record = test::numbered_record(9);
  const auto after = [&](auto change) {
    FlowRecord other = record;
    change(other);
    return record_precedes(record, other) && !record_precedes(other, record);
  };
  EXPECT_FALSE(record_precedes(record, record));
  EXPECT_TRUE(after([](FlowRecord& r) { ++r.first_ns[0], r.source_address[0] = 1; }));
  EXPECT_TRUE(after([](FlowRecord& r) { r.source_address[0] = 200, r.destination_address[0] = 1; }));
  EXPECT_TRUE(after([](FlowRecord& r) { r.destination_address[0] = 200, r.source_port = 0; }));
  EXPECT_TRUE(after([](FlowRecord& r) { r.source_port = 256, r.destination_port = 0; }));  // 9 < 256, as numbers
  EXPECT_TRUE(after([](FlowRecord& r) { r.destination_port = 256, r.protocol = 0; }));
  EXPECT_TRUE(after([](FlowRecord& r) { r.protocol = 18, r.octets[0] = 0; }));
  EXPECT_NE(after([](FlowRecord& r) { ++r.octets[0]; }), after([](FlowRecord& r) { --r.octets[0]; }));
}

TEST(RecordSorter, GivesTheSameThroughTheTemporaryFileAsInMemory) {
  const std::vector<FlowRecord> records = similar_records(20'011);
  std::vector<FlowRecord> expected = records;
  std::sort(expected.begin(), expected.end(), record_precedes);

  RecordSorter in_memory(records.size());
  EXPECT_TRUE(equal(sorted_by(in_memory, records, 1000), expected));
  EXPECT_EQ(in_memory.spilled_runs(), 0U);

  // 3000 is more than one read of a run; 100 makes 200 runs; 20'011 / 3 leaves a remainder in memory.
  for (const std::size_t run : {100UL, 3000UL, 6670UL}) {
    RecordSorter spilling(run);
    EXPECT_TRUE(equal(sorted_by(spilling, records, 333), expected)) << run;
    EXPECT_EQ(spilling.spilled_runs(), (records.size() - 1) / run) << run;
  }
}

TEST(RecordSorter, GivesTheSameWhateverTheOrderOfArrival) {
  std::vector<FlowRecord> records = similar_records(5000);
  RecordSorter first(1000);
  const std::vector<FlowRecord> expected = sorted_by(first, records, 100);
  std::shuffle(records.begin(), records.end(), std::mt19937_64(9));
  RecordSorter second(700);
  EXPECT_TRUE(equal(sorted_by(second, records, 450), expected));
}

TEST(RecordSorter, GivesNothingForNothing) {
  RecordSorter sorter(10);
  EXPECT_TRUE(sorted_by(sorter, {}, 1).empty());
}

class WithTmpdir {
 public:
  explicit WithTmpdir(const char* value) {
    if (const char* const before = std::getenv("TMPDIR")) before_ = before;
    setenv("TMPDIR", value, 1);
  }
  WithTmpdir(const WithTmpdir&) = delete;
  WithTmpdir& operator=(const WithTmpdir&) = delete;
  ~WithTmpdir() { before_.empty() ? unsetenv("TMPDIR") : setenv("TMPDIR", before_.c_str(), 1); }

 private:
  std::string before_;
};

TEST(RecordSorter, SaysWhereTheTemporaryFileCouldNotBeMade) {
  const WithTmpdir tmpdir("/nonexistent");
  RecordSorter sorter(10);
  const auto added = sorter.add(similar_records(11));
  ASSERT_FALSE(added);
  EXPECT_EQ(added.error(), "temporary file in /nonexistent: No such file or directory");
}

TEST(RecordSorter, LeavesNoNameBehind) {
  const test::TemporaryFolder folder;
  const WithTmpdir tmpdir(folder.path().c_str());
  RecordSorter sorter(10);
  ASSERT_TRUE(sorter.add(similar_records(101)));
  EXPECT_EQ(sorter.spilled_runs(), 10U);
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

}  // namespace
}  // namespace weir
