// Durations and the exact reading of numbers with units under them. Expected values are worked out by hand.
#include "proto/base/duration.h"

#include <gtest/gtest.h>

#include <utility>

namespace weir::duration_test {
namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;

TEST(Duration, ReadsEveryUnitAndDecimals) {
  const std::pair<const char*, std::uint64_t> good[] = {{"1ns", 1},
                                                        {"7us", 7'000},
                                                        {"250ms", 250'000'000},
                                                        {"1500ms", 1'500'000'000},
                                                        {"30s", 30 * kSecond},
                                                        {"5m", 300 * kSecond},
                                                        {"1.5m", 90 * kSecond},
                                                        {"72h", 259'200 * kSecond},
                                                        {"1.5s", 1'500'000'000},
                                                        {"0.000000001s", 1},
                                                        {"0.5ms", 500'000},
                                                        {"1.50s", 1'500'000'000},
                                                        {"007s", 7 * kSecond},
                                                        {"0s", 0},
                                                        {"0.25h", 900 * kSecond}};
  for (const auto& [text, ns] : good) {
    const auto parsed = parse_duration(text);
    ASSERT_TRUE(parsed) << text << ": " << parsed.error();
    EXPECT_EQ(*parsed, ns) << text;
  }
}

TEST(Duration, IsExactWhereFloatingPointWouldRound) {
  EXPECT_EQ(parse_duration("0.1s").value(), 100'000'000U);
  EXPECT_EQ(parse_duration("9007199.254740993s").value(), 9'007'199'254'740'993U);  // 2^53 + 1
  EXPECT_EQ(parse_duration("0.0000000000025h").value(), 9U);                        // 2.5e-12 of 3.6e12 ns
}

TEST(Duration, RefusesWhatIsNoNumberWithAUnit) {
  for (const char* text : {"", "s", ".5s", "1.s", "1..5s", "1.5.5s", "-1s", "+1s", " 1s", "1s ", "1d", "min", "1..5min",
                           "1e3s", "0x10s", "nans", "infs", "1s2", "."}) {
    const auto parsed = parse_duration(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error(), "not a duration; expected a number with one of the units ns us ms s m h, such as 1.5s");
  }
}

TEST(Duration, NamesWhatAUnitInWordsStandsFor) {
  const auto meant = [](const char* text) {
    const std::string error = parse_duration(text).error();
    const std::size_t at = error.find("; did you mean ");
    return at == std::string::npos ? std::string() : error.substr(at + 15);
  };
  EXPECT_EQ(meant("5min"), "5m?");
  EXPECT_EQ(meant("15sec"), "15s?");
  EXPECT_EQ(meant("1.5 hours"), "1.5h?");
  EXPECT_EQ(meant("1 s"), "1s?");
  EXPECT_EQ(meant("1S"), "1s?");
  EXPECT_EQ(meant("1d"), "");
}

TEST(Duration, SaysWhatElseIsWrong) {
  EXPECT_EQ(parse_duration("30").error(),
            "a unit is missing; expected a number with one of the units ns us ms s m h, such as 1.5s");
  EXPECT_EQ(parse_duration("1.5").error(),
            "a unit is missing; expected a number with one of the units ns us ms s m h, such as 1.5s");
  for (const char* text : {"0.5ns", "1.0000000001s", "0.12345678901234567890s"}) {
    EXPECT_EQ(parse_duration(text).error(), "finer than a nanosecond; expected at most that") << text;
  }
  for (const char* text : {"99999999999999999999s", "18446744073709551615h", "18446744073709551616ns"}) {
    EXPECT_EQ(parse_duration(text).error(), "too long; expected less than 584 years") << text;
  }
}

TEST(Duration, ReadsTheGreatestThatFitsAndNothingAboveIt) {
  EXPECT_EQ(parse_duration("18446744073709551615ns").value(), UINT64_MAX);
  EXPECT_EQ(parse_duration("18446744073.709551615s").value(), UINT64_MAX);
  EXPECT_FALSE(parse_duration("18446744073.709551616s"));
}

TEST(Duration, StaysWithinItsRange) {
  EXPECT_EQ(parse_duration("1ms", 1'000'000, kSecond).value(), 1'000'000U);
  EXPECT_EQ(parse_duration("1s", 1'000'000, kSecond).value(), kSecond);
  EXPECT_EQ(parse_duration("999us", 1'000'000, kSecond).error(), "out of range; expected 1ms to 1s");
  EXPECT_EQ(parse_duration("1001ms", 1'000'000, kSecond).error(), "out of range; expected 1ms to 1s");
  EXPECT_EQ(parse_duration("1", 1, 2).error(), parse_duration("1").error());
}

TEST(Duration, TextReadsBackAsTheSameTime) {
  const std::pair<std::uint64_t, const char*> texts[] = {{30 * kSecond, "30s"},
                                                         {300 * kSecond, "300s"},
                                                         {600 * kSecond, "10m"},
                                                         {3600 * kSecond, "1h"},
                                                         {1'500'000'000, "1500ms"},
                                                         {1, "1ns"},
                                                         {1'001'000, "1001us"},
                                                         {0, "0s"},
                                                         {UINT64_MAX, "18446744073709551615ns"}};
  for (const auto& [ns, text] : texts) {
    EXPECT_EQ(duration_text(ns), text);
    EXPECT_EQ(parse_duration(text).value(), ns);
  }
}

TEST(Duration, IsShortForTheEye) {
  EXPECT_EQ(short_duration_text(0), "0 s");
  EXPECT_EQ(short_duration_text(812), "812 ns");
  EXPECT_EQ(short_duration_text(12'345), "12 us");
  EXPECT_EQ(short_duration_text(999'999'999), "999 ms");
  EXPECT_EQ(short_duration_text(1'204'000'000), "1.204 s");
  EXPECT_EQ(short_duration_text(1'004'000'000), "1.004 s");
  EXPECT_EQ(short_duration_text(187'000'000'000), "3m07s");
  EXPECT_EQ(short_duration_text(7'500'000'000'000), "2h05m");
}

}  // namespace
}  // namespace weir::duration_test
