#include "tools/collect/units.h"

#include <gtest/gtest.h>

#include "tools/collect/flow_printer.h"

namespace weir {
namespace {

TEST(Units, ReadsDurationsWithEveryUnit) {
  EXPECT_EQ(parse_duration_ns("7ns"), 7U);
  EXPECT_EQ(parse_duration_ns("7us"), 7'000U);
  EXPECT_EQ(parse_duration_ns("250ms"), 250'000'000U);
  EXPECT_EQ(parse_duration_ns("10s"), 10'000'000'000U);
  EXPECT_EQ(parse_duration_ns("1.5m"), 90'000'000'000U);
  EXPECT_EQ(parse_duration_ns("2h"), 7'200'000'000'000U);
}

TEST(Units, RefusesDurationsWithoutNumberOrUnitOrBeyondMeaning) {
  for (const char* text : {"", "s", "10", "10 s", "-1s", "1d", "1e3s", "nans", "infs", "1s2", "99999999999h"}) {
    EXPECT_FALSE(parse_duration_ns(text)) << text;
  }
}

TEST(Units, WritesDurationsInTheUnitThatFits) {
  EXPECT_EQ(duration_text(0), "0 s");
  EXPECT_EQ(duration_text(812), "812 ns");
  EXPECT_EQ(duration_text(12'345), "12 us");
  EXPECT_EQ(duration_text(999'999'999), "999 ms");
  EXPECT_EQ(duration_text(1'204'000'000), "1.204 s");
  EXPECT_EQ(duration_text(187'000'000'000), "3m07s");
  EXPECT_EQ(duration_text(7'500'000'000'000), "2h05m");
}

TEST(Units, WritesOctetsWithThreeDigits) {
  EXPECT_EQ(octets_text(0), "0 B");
  EXPECT_EQ(octets_text(999), "999 B");
  EXPECT_EQ(octets_text(1'500), "1.50 kB");
  EXPECT_EQ(octets_text(12'345'678), "12.3 MB");
  EXPECT_EQ(octets_text(999'499), "999 kB");
  EXPECT_EQ(octets_text(999'500), "1.00 MB");
  EXPECT_EQ(octets_text(UINT64_MAX), "18.4 EB");
}

TEST(Units, GroupsDigitsAndWritesTime) {
  EXPECT_EQ(grouped(0), "0");
  EXPECT_EQ(grouped(999), "999");
  EXPECT_EQ(grouped(1'000), "1,000");
  EXPECT_EQ(grouped(12'345'678), "12,345,678");
  EXPECT_EQ(time_text(1'700'000'000'123'456'789), "2023-11-14 22:13:20.123");  // date -u -d @1700000000
}

TEST(FlowPrinterTexts, NameProtocolsEndpointsAndFlags) {
  const std::uint8_t ipv4[16] = {192, 0, 2, 1};
  const std::uint8_t ipv6[16] = {0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
  EXPECT_EQ(endpoint_text(ipv4, 4, 443, 6), "192.0.2.1:443");
  EXPECT_EQ(endpoint_text(ipv6, 6, 443, 17), "[2001:db8::1]:443");
  EXPECT_EQ(endpoint_text(ipv6, 6, 0, 58), "2001:db8::1");
  EXPECT_EQ(protocol_text(6), "TCP");
  EXPECT_EQ(protocol_text(89), "89");
  EXPECT_EQ(tcp_flags_text(0x12), "AS");  // ACK 0x10, SYN 0x02
  EXPECT_EQ(tcp_flags_text(0xff), "CEUAPRSF");
  EXPECT_EQ(tcp_flags_text(0), "-");
}

}  // namespace
}  // namespace weir
