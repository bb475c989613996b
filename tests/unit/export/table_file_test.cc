// table:FILE, from the URI to the file.
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "control/export/export_hub.h"
#include "tests/unit/export/export_fixtures.h"

namespace weir::table_file_test {
namespace {

using test::balanced;
using test::content_of;
using test::lost;
using test::numbered_batch;
using test::TemporaryFolder;

/// What `uri` with `file` for its FILE makes of `batch`.
std::string table_of(const std::shared_ptr<const RecordBatch>& batch, const std::string& options,
                     ExportMode mode = ExportMode::capture) {
  const TemporaryFolder folder;
  ExportContext context;
  context.mode = mode;
  auto hub = ExportHub::open({"table:" + folder.path("t") + options}, context);
  EXPECT_TRUE(hub) << hub.error();
  if (!hub) return {};
  (*hub)->offer(batch, true);
  EXPECT_TRUE((*hub)->finish(std::chrono::seconds(20)).empty());
  EXPECT_TRUE(balanced((*hub)->snapshot()[0]));
  EXPECT_EQ((*hub)->snapshot()[0].exported.records, batch->size());
  return content_of(folder.path("t"));
}

// Record n of the fixtures: 10.0.0.0 to 192.0.0.0, source port n, 1 + n % 7 packets, 100 + n % 1000 octets, and it
// starts n microseconds after 2023-11-14 22:13:20.
TEST(TableFile, ShowsWhatAReaderLooksForFirst) {
  EXPECT_EQ(table_of(numbered_batch(9, 2), ""),
            "time_flow_start_ns        src_addr  src_port  dst_addr   dst_port  proto  packets  bytes  rev_packets  "
            "rev_bytes\n"
            "2023-11-14T22:13:20.000Z  10.0.0.0         9  192.0.0.0        53     17        3    109            0  "
            "        0\n"
            "2023-11-14T22:13:20.000Z  10.0.0.0        10  192.0.0.0        53     17        4    110            0  "
            "        0\n");
}

TEST(TableFile, ShowsTheFieldsThatWereChosenInTheirOrder) {
  EXPECT_EQ(table_of(numbered_batch(9, 2), "?fields=bytes,dst_addr,src_port"),
            "bytes  dst_addr   src_port\n"
            "  109  192.0.0.0         9\n"
            "  110  192.0.0.0        10\n");
}

TEST(TableFile, ShowsAStrokeForWhatARecordDoesNotHave) {
  EXPECT_EQ(table_of(numbered_batch(9, 1), "?fields=icmp_type,src_port,tunnel_type"),
            "icmp_type  src_port  tunnel_type\n"
            "        -         9  -\n");
}

TEST(TableFile, MakesAColumnAsWideAsItsWidestValue) {
  RecordBatch batch;
  const FlowRecord small = test::numbered_record(1);
  FlowRecord large = test::numbered_record(2);
  large.octets[kForward] = 1'234'567'890'123;
  batch.append(small);
  batch.append(large);
  EXPECT_EQ(table_of(std::make_shared<const RecordBatch>(batch), "?fields=bytes,src_port"),
            "        bytes  src_port\n"
            "          101         1\n"
            "1234567890123         2\n");
}

TEST(TableFile, IsSortedByStartInACapture) {
  RecordBatch batch;
  for (const std::uint32_t number : {30U, 10U, 20U}) batch.append(test::numbered_record(number));
  const auto shared = std::make_shared<const RecordBatch>(batch);
  EXPECT_EQ(table_of(shared, "?fields=src_port"), "src_port\n      10\n      20\n      30\n");
  EXPECT_EQ(table_of(shared, "?fields=src_port", ExportMode::live), "src_port\n      30\n      10\n      20\n");
}

TEST(TableFile, HasNothingWithoutARecord) {
  const TemporaryFolder folder;
  const auto hub = ExportHub::open({"table:" + folder.path("t")}, {});
  ASSERT_TRUE(hub) << hub.error();
  EXPECT_TRUE((*hub)->finish(std::chrono::seconds(20)).empty());
  EXPECT_EQ(content_of(folder.path("t")), "");
}

TEST(TableFile, BeginsEachFileWithTheHeading) {
  const TemporaryFolder folder;
  auto hub = ExportHub::open({"table:" + folder.path("t") + "?rotate_size=64k"}, {});
  ASSERT_TRUE(hub) << hub.error();
  for (std::uint32_t i = 0; i < 20; ++i) (*hub)->offer(numbered_batch(i * 1000, 1000), true);
  EXPECT_TRUE((*hub)->finish(std::chrono::seconds(20)).empty());
  std::size_t files = 0;
  std::size_t lines = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder.folder().string())) {
    const std::string content = content_of(entry.path().string());
    ++files;
    EXPECT_EQ(content.find("time_flow_start_ns "), 0U) << entry.path();
    EXPECT_EQ(content.find("time_flow_start_ns ", 1), std::string::npos) << entry.path();
    lines += static_cast<std::size_t>(std::count(content.begin(), content.end(), '\n')) - 1;
  }
  EXPECT_GT(files, 1U);
  EXPECT_EQ(lines, 20'000U);
}

TEST(TableFile, SaysWhichMonitorMadeARecordWhereThereAreSeveral) {
  const TemporaryFolder folder;
  ExportContext context;
  context.mode = ExportMode::capture;
  const auto table = [&](std::vector<ExportMonitor> monitors) {
    context.monitors = std::move(monitors);
    auto hub = ExportHub::open({"table:" + folder.path("t") + "?fields=src_port,packets"}, context);
    EXPECT_TRUE(hub) << hub.error();
    RecordBatch batch;
    FlowRecord record = test::numbered_record(1);
    batch.append(record);
    record = test::numbered_record(2);
    record.monitor = 1;
    batch.append(record);
    (*hub)->offer(std::make_shared<const RecordBatch>(batch), true);
    EXPECT_TRUE((*hub)->finish(std::chrono::seconds(20)).empty());
    return content_of(folder.path("t"));
  };
  EXPECT_EQ(table({{.name = "all"}, {.name = "everybody"}}),
            "monitor    src_port  packets\n"
            "all               1        2\n"
            "everybody         2        3\n");
  EXPECT_EQ(table({{.name = "all"}}),
            "src_port  packets\n"
            "       1        2\n"
            "       2        3\n");
}

}  // namespace
}  // namespace weir::table_file_test
