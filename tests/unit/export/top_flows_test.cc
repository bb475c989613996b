#include "control/export/top_flows.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>
#include <string>
#include <vector>

#include "control/export/export_hub.h"
#include "tests/unit/export/export_fixtures.h"

namespace weir::top_flows_test {
namespace {

/// Of 2023-11-14 22:13:20 UTC, and `number` ms more.
FlowRecord flow(std::uint8_t number, std::uint64_t octets, std::uint64_t rev_octets = 0) {
  FlowRecord record{};
  record.ip_version = 4;
  record.protocol = 6;
  record.source_address[0] = 10;
  record.source_address[3] = number;
  record.destination_address[0] = 192;
  record.ports[kForward] = static_cast<std::uint16_t>(40'000 + number);
  record.ports[kReverse] = 443;
  record.packets[kForward] = 1;
  record.octets[kForward] = octets;
  record.first_ns[kForward] = record.last_ns[kForward] = 1'700'000'000'000'000'000 + number * std::uint64_t{1'000'000};
  if (rev_octets != 0) {
    record.packets[kReverse] = 2;
    record.octets[kReverse] = rev_octets;
    record.first_ns[kReverse] = record.last_ns[kReverse] = record.first_ns[kForward];
  }
  return record;
}

/// The longest addresses that there are as text.
FlowRecord ipv6_flow(std::uint64_t octets) {
  FlowRecord record = flow(1, octets);
  record.ip_version = 6;
  std::fill(std::begin(record.source_address), std::end(record.source_address), std::uint8_t{0xaa});
  std::fill(std::begin(record.destination_address), std::end(record.destination_address), std::uint8_t{0xbb});
  return record;
}
constexpr const char* kSource = "[aaaa:aaaa:aaaa:aaaa:aaaa:aaaa:aaaa:aaaa]:40001";
constexpr const char* kDestination = "[bbbb:bbbb:bbbb:bbbb:bbbb:bbbb:bbbb:bbbb]:443";

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}
std::size_t widest(const std::vector<std::string>& lines) {
  std::size_t width = 0;
  for (const std::string& line : lines) width = std::max(width, line.size());
  return width;
}

TEST(TopFlows, HasTheFlowsOfMostBytesInBothDirectionsFirst) {
  TopFlows flows(200, 20);
  flows.add(flow(1, 100));
  flows.add(flow(2, 50, 1'234'567));
  flows.add(flow(3, 400));
  EXPECT_EQ(flows.text(),
            "start                    proto  source          destination    packets  bytes  rev_packets  rev_bytes\n"
            "2023-11-14 22:13:20.002  TCP    10.0.0.2:40002  192.0.0.0:443        1     50            2  1,234,567\n"
            "2023-11-14 22:13:20.003  TCP    10.0.0.3:40003  192.0.0.0:443        1    400            0          0\n"
            "2023-11-14 22:13:20.001  TCP    10.0.0.1:40001  192.0.0.0:443        1    100            0          0\n");
}

TEST(TopFlows, SumsWhatTheScreenHasNoLinesFor) {
  TopFlows flows(80, 5);
  for (std::uint8_t i = 1; i <= 100; ++i) flows.add(flow(i, 100U + i));
  const auto lines = lines_of(flows.text());
  ASSERT_EQ(lines.size(), 5U);
  EXPECT_NE(lines[1].find("10.0.0.100:40100"), std::string::npos) << lines[1];
  EXPECT_NE(lines[3].find("10.0.0.98:40098"), std::string::npos) << lines[3];
  // 101 to 197: 97 flows of 149 bytes on average.
  EXPECT_EQ(lines[4], "and 97 other flows, 97 packets, 14,453 bytes; a pipe shows all of them");

  TopFlows four(80, 5);
  for (std::uint8_t i = 1; i <= 4; ++i) four.add(flow(i, 100));
  EXPECT_EQ(lines_of(four.text()).size(), 5U) << "as many as there are lines: no line of sums";
  EXPECT_EQ(four.text().find("other"), std::string::npos);
  TopFlows five(80, 5);
  for (std::uint8_t i = 1; i <= 5; ++i) five.add(flow(i, 100));
  EXPECT_NE(five.text().find("and 2 other flows, 2 packets, 200 bytes"), std::string::npos) << five.text();
}

TEST(TopFlows, FitsAScreenOf80ColumnsWithoutTheStart) {
  TopFlows flows(80, 20);
  flows.add(flow(1, 123'456, 98'765'432));
  const auto lines = lines_of(flows.text());
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_EQ(lines[0], "proto  source          destination    packets    bytes  rev_packets   rev_bytes");
  EXPECT_EQ(lines[1], "TCP    10.0.0.1:40001  192.0.0.0:443        1  123,456            2  98,765,432");
  TopFlows narrow(70, 20);
  narrow.add(flow(1, 123'456, 98'765'432));
  EXPECT_EQ(lines_of(narrow.text())[0], "proto  source          destination      bytes   rev_bytes");
}

TEST(TopFlows, HasIpv6AddressesWholeAt80AndAt200Columns) {
  for (const std::size_t columns : {80U, 200U}) {
    TopFlows flows(columns, 20);
    flows.add(ipv6_flow(999'999'999));
    flows.add(flow(2, 10));
    const auto lines = lines_of(flows.text());
    EXPECT_LE(widest(lines), columns);
    ASSERT_EQ(lines.size(), columns == 80 ? 6U : 3U);
    const std::string& destination = lines[columns == 80 ? 3 : 1];
    EXPECT_NE(lines[columns == 80 ? 2 : 1].find(kSource), std::string::npos);
    EXPECT_NE(destination.find(kDestination), std::string::npos);
    if (columns == 80) {
      EXPECT_EQ(lines[2].find(kSource), destination.find(kDestination)) << "one below the other";
    }
  }
}

TEST(TopFlows, KeepsToItsLinesWhereAFlowTakesTwo) {
  TopFlows flows(80, 10);
  for (std::uint64_t i = 1; i <= 50; ++i) flows.add(ipv6_flow(i));
  const auto lines = lines_of(flows.text());
  EXPECT_LE(lines.size(), 10U);
  EXPECT_EQ(lines.back(), "and 47 other flows, 47 packets, 1,128 bytes; a pipe shows all of them");
}

TEST(TopFlows, ShowsOneFlowOnTheSmallestScreen) {
  TopFlows flows(1, 0);
  flows.add(ipv6_flow(2));
  flows.add(ipv6_flow(1));
  const std::string text = flows.text();
  EXPECT_NE(text.find(kDestination), std::string::npos) << text;
  EXPECT_NE(text.find("and 1 other flow, 1 packets, 1 bytes"), std::string::npos) << text;
}

TEST(TopFlows, HasNothingWithoutARecord) {
  EXPECT_EQ(TopFlows(80, 20).text(), "");
}

TEST(TopFile, WritesTheLargestAtTheEndAndExportsAll) {
  const test::TemporaryFolder folder;
  auto hub = ExportHub::open({"top:" + folder.path("t") + "?columns=80&lines=4"}, {});
  ASSERT_TRUE(hub) << hub.error();
  (*hub)->offer(test::numbered_batch(0, 1000), true);
  EXPECT_TRUE((*hub)->finish(std::chrono::seconds(20)).empty());
  const ExporterSnapshot end = (*hub)->snapshot()[0];
  EXPECT_TRUE(test::balanced(end));
  EXPECT_EQ(end.exported.records, 1000U);
  const auto lines = lines_of(test::content_of(folder.path("t")));
  ASSERT_EQ(lines.size(), 4U);
  EXPECT_NE(lines[1].find("10.0.0.0:999 "), std::string::npos) << "1099 octets: " << lines[1];
  EXPECT_TRUE(lines[3].starts_with("and 998 other flows, ")) << lines[3];
}

TEST(TopFile, LosesByNameWhatADeviceHasNoRoomFor) {
  auto hub = ExportHub::open({"top:/dev/full"}, {});
  ASSERT_TRUE(hub) << hub.error();
  (*hub)->offer(test::numbered_batch(0, 10), true);
  const auto failures = (*hub)->finish(std::chrono::seconds(20));
  ASSERT_EQ(failures.size(), 1U);
  EXPECT_NE(failures[0].find("No space left on device"), std::string::npos) << failures[0];
  const ExporterSnapshot end = (*hub)->snapshot()[0];
  EXPECT_TRUE(test::balanced(end));
  EXPECT_EQ(test::lost(end, ExportLoss::send_failed).records, 10U);
}

TEST(TopFlows, SaysWhichMonitorMadeARecordWhereThereAreSeveral) {
  MonitorNames names;
  names.add("all");
  names.add("pairs");
  TopFlows flows(80, 20, names);
  flows.add(flow(1, 500));
  FlowRecord second = flow(2, 900);
  second.monitor = 1;
  flows.add(second);
  const std::vector<std::string> lines = lines_of(flows.text());
  ASSERT_EQ(lines.size(), 3U);
  EXPECT_EQ(lines[0].substr(0, 16), "monitor  proto  ");
  EXPECT_EQ(lines[1].substr(0, 16), "pairs    TCP    ");
  EXPECT_EQ(lines[2].substr(0, 16), "all      TCP    ");
}

}  // namespace
}  // namespace weir::top_flows_test
