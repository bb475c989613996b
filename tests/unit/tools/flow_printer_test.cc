#include "tools/collect/flow_printer.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "proto/base/unique_fd.h"
#include "proto/record/record_batch.h"
#include "tests/support/numbered_record.h"

namespace weir::flow_printer_test {
namespace {

TEST(FlowPrinterTexts, NameEndpointsWithPortsWhereTheProtocolHasThem) {
  const std::uint8_t ipv4[16] = {192, 0, 2, 1};
  const std::uint8_t ipv6[16] = {0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
  EXPECT_EQ(endpoint_text(ipv4, 4, 443, 6), "192.0.2.1:443");
  EXPECT_EQ(endpoint_text(ipv6, 6, 443, 17), "[2001:db8::1]:443");
  EXPECT_EQ(endpoint_text(ipv6, 6, 0, 58), "2001:db8::1");
}

/// What is printed of a record of each of these monitors, a line each.
std::vector<std::string> lines_of(const std::vector<std::string_view>& monitors) {
  std::array<int, 2> ends{};
  EXPECT_EQ(pipe(ends.data()), 0);
  const UniqueFd out(ends[0]);
  {
    const UniqueFd in(ends[1]);
    FlowPrinter printer(FlowPrinter::Format::table, in.get());
    for (const std::string_view monitor : monitors) {
      const OwnedRecord record(test::numbered_record(1));
      printer.print(record, nullptr, {}, monitor);
    }
    EXPECT_TRUE(printer.flush());
  }
  std::vector<std::string> lines(1);
  for (char c = 0; read(out.get(), &c, 1) == 1;) {
    if (c == '\n') {
      lines.emplace_back();
    } else {
      lines.back() += c;
    }
  }
  lines.pop_back();
  return lines;
}

TEST(FlowPrinterTable, HasAColumnForTheMonitorFromTheFirstRecordOfAnotherOneOn) {
  const auto one = lines_of({"wide", "wide"});
  ASSERT_EQ(one.size(), 3U);
  EXPECT_TRUE(one[0].starts_with("START (UTC)"));
  const auto several = lines_of({"wide", "pairs", "wide", ""});
  ASSERT_EQ(several.size(), 6U);
  EXPECT_TRUE(several[0].starts_with("START (UTC)"));
  EXPECT_TRUE(several[1].starts_with("2023-")) << "nobody knows yet that there are others";
  EXPECT_TRUE(several[2].starts_with("MONITOR  START (UTC)"));
  EXPECT_TRUE(several[3].starts_with("pairs    2023-"));
  EXPECT_TRUE(several[4].starts_with("wide     2023-"));
  EXPECT_TRUE(several[5].starts_with("-        2023-"));
}

}  // namespace
}  // namespace weir::flow_printer_test
