// What goes on to other collectors: the monitor that made each record stays with it.
#include "tools/collect/forwarder.h"

#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/support/numbered_record.h"
#include "tests/support/temporary_folder.h"

namespace weir::forwarder_test {
namespace {

std::vector<std::string> lines_of(const std::string& file) {
  std::ifstream in(file);
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

TEST(Forwarder, SendsTheNameOfTheMonitorThatMadeARecord) {
  const test::TemporaryFolder folder;
  Forwarder forwarder({"json:" + folder.path("out.json"), "table:" + folder.path("out.table")}, {},
                      ExportMode::capture);
  ASSERT_TRUE(forwarder.start());
  const std::vector<std::string> monitors{"wide", "", "pairs", "wide"};
  for (std::size_t i = 0; i < monitors.size(); ++i) {
    const OwnedRecord record(test::numbered_record(static_cast<std::uint32_t>(i)));
    forwarder.add(record, monitors[i]);
  }
  EXPECT_TRUE(forwarder.finish().empty());
  const auto lines = lines_of(folder.path("out.json"));
  ASSERT_EQ(lines.size(), monitors.size());
  for (std::size_t i = 0; i < lines.size(); ++i) {
    EXPECT_EQ(nlohmann::json::parse(lines[i]).value("monitor", ""), monitors[i]);
  }
  const auto table = lines_of(folder.path("out.table"));
  ASSERT_EQ(table.size(), 5U);
  EXPECT_TRUE(table[0].starts_with("monitor  time_flow_start_ns"));
  EXPECT_TRUE(table[1].starts_with("wide     "));
  EXPECT_TRUE(table[2].starts_with("-        "));
}

TEST(Forwarder, OfRecordsWithoutMonitorsMakesATableWithoutAColumnForThem) {
  const test::TemporaryFolder folder;
  Forwarder forwarder({"table:" + folder.path("out.table")}, {}, ExportMode::capture);
  ASSERT_TRUE(forwarder.start());
  const OwnedRecord record(test::numbered_record(1));
  forwarder.add(record);
  EXPECT_TRUE(forwarder.finish().empty());
  EXPECT_TRUE(lines_of(folder.path("out.table")).at(0).starts_with("time_flow_start_ns"));
}

TEST(LearntNames, GiveEachNameANumberWhileThereAreAnyLeft) {
  LearntNames names;
  EXPECT_EQ(names.number_of(""), 0U);
  for (std::size_t i = 1; i <= LearntNames::kMost; ++i) EXPECT_EQ(names.number_of("m" + std::to_string(i)), i);
  EXPECT_EQ(names.number_of("one more"), 0U);
  EXPECT_EQ(names.number_of("m3"), 3U);
  EXPECT_EQ(names.of(3), "m3");
  EXPECT_EQ(names.of(0), "");
}

}  // namespace
}  // namespace weir::forwarder_test
