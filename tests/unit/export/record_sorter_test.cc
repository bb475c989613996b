#include "control/export/record_sorter.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <random>

#include "tests/unit/export/export_fixtures.h"

namespace weir::record_sorter_test {
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
    record.ports[kForward] = static_cast<std::uint16_t>(255 + random() % 2);
    record.ports[kReverse] = static_cast<std::uint16_t>(255 + random() % 2);
    record.protocol = static_cast<std::uint8_t>(16 + random() % 2);
    record.octets[kForward] = random() % 3;
  }
  return records;
}

/// The same, most with sections; of many the base is the same, so that only the sections tell them apart.
std::vector<OwnedRecord> similar_records_with_sections(std::size_t count) {
  std::mt19937_64 random(10);
  std::vector<OwnedRecord> records;
  for (const FlowRecord& plain : similar_records(count)) {
    OwnedRecord& record = records.emplace_back(plain);
    if (random() % 2 == 0) record.add<LabelSection>().label = static_cast<std::uint32_t>(random() % 3);
    if (random() % 3 == 0) record.add<TunnelSection>().id = static_cast<std::uint32_t>(random() % 3);
    if (random() % 4 == 0) record.add<TcpSection>().syn_count[kReverse] = static_cast<std::uint32_t>(random() % 3);
    if (random() % 5 == 0) record.add<EgressSection>().interface = static_cast<std::uint32_t>(random() % 3);
  }
  return records;
}

RecordBatch sorted_by(RecordSorter& sorter, const RecordBatch& records, std::size_t step) {
  for (std::size_t at = 0; at < records.size(); at += step) {
    const auto added = sorter.add(records.subspan(at, std::min(step, records.size() - at)));
    EXPECT_TRUE(added) << added.error();
  }
  const auto finished = sorter.finish();
  EXPECT_TRUE(finished) << finished.error();
  RecordBatch result;
  while (true) {
    const std::size_t before = result.size();
    const auto count = sorter.next(result, 77);
    EXPECT_TRUE(count) << count.error();
    if (!count || *count == 0) return result;
    EXPECT_LE(*count, 77U);
    EXPECT_EQ(result.size(), before + *count);
  }
}

bool equal(const RecordBatch& a, const RecordBatch& b) {
  return test::same_records(a.span(), b.span());
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
  EXPECT_TRUE(after([](FlowRecord& r) { r.destination_address[0] = 200, r.ports[0] = 0; }));
  EXPECT_TRUE(after([](FlowRecord& r) { r.ports[0] = 256, r.ports[1] = 0; }));  // 9 < 256, as numbers
  EXPECT_TRUE(after([](FlowRecord& r) { r.ports[1] = 256, r.protocol = 0; }));
  EXPECT_TRUE(after([](FlowRecord& r) { r.protocol = 18, r.octets[0] = 0; }));
  EXPECT_NE(after([](FlowRecord& r) { ++r.octets[0]; }), after([](FlowRecord& r) { --r.octets[0]; }));
}

TEST(RecordSorter, OrdersWhatHasNoPortsByItsAddressesAndNotByItsIcmpType) {
  FlowRecord request = test::numbered_record(9);
  request.protocol = 1;
  request.set_icmp(kForward, 8, 0);
  FlowRecord reply = request;
  reply.set_icmp(kForward, 0, 0);
  reply.protocol = 58;
  EXPECT_TRUE(record_precedes(request, reply)) << "by protocol: neither has a port";
}

TEST(RecordSorter, OrdersByTheSectionsWhereNothingElseDiffers) {
  OwnedRecord first(test::numbered_record(9));
  first.add<TunnelSection>();
  first.add<EspSection>().spi = 1;
  OwnedRecord second = first;
  EXPECT_FALSE(record_precedes(first, second));
  EXPECT_FALSE(record_precedes(second, first));
  second.add<EspSection>().spi = 2;
  EXPECT_TRUE(record_precedes(first, second));
  EXPECT_FALSE(record_precedes(second, first));
  const OwnedRecord plain(test::numbered_record(9));
  EXPECT_NE(record_precedes(first, plain), record_precedes(plain, first)) << "one way or the other";
}

TEST(RecordSorter, GivesTheSameThroughTheTemporaryFileAsInMemory) {
  std::vector<FlowRecord> sorted = similar_records(20'011);
  const RecordBatch records = test::batch_of(sorted);
  std::sort(sorted.begin(), sorted.end(), record_precedes);
  const RecordBatch expected = test::batch_of(sorted);

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

TEST(RecordSorter, TakesRecordsOfAnyLengthThroughTheTemporaryFileWithinItsMemory) {
  std::vector<OwnedRecord> sorted = similar_records_with_sections(20'011);
  const RecordBatch records = test::batch_of(sorted);
  std::sort(sorted.begin(), sorted.end(), record_precedes);
  const RecordBatch expected = test::batch_of(sorted);
  // 100 makes several hundred runs; 3000 is more than one read of a run, so that records lie across its end; the last
  // needs no file.
  for (const std::size_t run : {100UL, 3000UL, 60'000UL}) {
    std::size_t runs = 0;
    std::size_t octets = 0;
    for (const RecordView record : records) {
      if (octets + record.size() > run * 128) {
        ++runs;
        octets = 0;
      }
      octets += record.size();
    }
    RecordSorter sorter(run);
    EXPECT_TRUE(equal(sorted_by(sorter, records, 333), expected)) << run;
    EXPECT_EQ(sorter.spilled_runs(), runs) << run;
  }
}

TEST(RecordSorter, GivesTheSameWhateverTheOrderOfArrival) {
  std::vector<OwnedRecord> records = similar_records_with_sections(5000);
  RecordSorter first(1000);
  const RecordBatch expected = sorted_by(first, test::batch_of(records), 100);
  std::shuffle(records.begin(), records.end(), std::mt19937_64(9));
  RecordSorter second(700);
  EXPECT_TRUE(equal(sorted_by(second, test::batch_of(records), 450), expected));
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
  RecordSorter sorter(100);  // more than the longest record takes, for which there is always room
  const auto added = sorter.add(test::batch_of(similar_records(101)).span());
  ASSERT_FALSE(added);
  EXPECT_EQ(added.error(), "temporary file in /nonexistent: No such file or directory");
}

TEST(RecordSorter, LeavesNoNameBehind) {
  const test::TemporaryFolder folder;
  const WithTmpdir tmpdir(folder.folder().string().c_str());
  RecordSorter sorter(100);
  ASSERT_TRUE(sorter.add(test::batch_of(similar_records(1001)).span()));
  EXPECT_EQ(sorter.spilled_runs(), 10U);
  EXPECT_TRUE(std::filesystem::is_empty(folder.folder().string()));
}

}  // namespace
}  // namespace weir::record_sorter_test
