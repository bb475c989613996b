#include "proto/base/quantity.h"

#include <gtest/gtest.h>

#include <array>

#include "proto/base/number_text.h"

namespace weir::quantity_test {
namespace {

TEST(Quantity, NamesEachKindOfFault) {
  constexpr auto kUnits = std::to_array<QuantityUnit>({{"m", 100}, {"cm", 1}});
  EXPECT_EQ(parse_quantity("1.75m", kUnits).value(), 175U);
  EXPECT_EQ(parse_quantity("1.755m", kUnits).error(), QuantityError::too_fine);
  EXPECT_EQ(parse_quantity("175", kUnits).error(), QuantityError::unit_missing);
  EXPECT_EQ(parse_quantity("175km", kUnits).error(), QuantityError::not_a_number);
  EXPECT_EQ(parse_quantity("", kUnits).error(), QuantityError::not_a_number);
  EXPECT_EQ(parse_quantity("-1m", kUnits).error(), QuantityError::not_a_number);
  EXPECT_EQ(parse_quantity("184467440737095517m", kUnits).error(), QuantityError::too_great);
  EXPECT_EQ(parse_quantity("184467440737095516.16m", kUnits).error(), QuantityError::too_great);  // 2^64
  EXPECT_EQ(parse_quantity("184467440737095516.15m", kUnits).value(), UINT64_MAX);
}

TEST(Size, CountsInPowersOf1024) {
  EXPECT_EQ(parse_size("65536").value(), 65'536U);
  EXPECT_EQ(parse_size("64k").value(), 65'536U);
  EXPECT_EQ(parse_size("64K").value(), 65'536U);
  EXPECT_EQ(parse_size("100M").value(), 104'857'600U);
  EXPECT_EQ(parse_size("1.5G").value(), 1'610'612'736U);
  EXPECT_EQ(parse_size("0").value(), 0U);
  EXPECT_EQ(parse_size("17179869183G").value(), 18'446'744'072'635'809'792U);  // (2^34 - 1) * 2^30
}

TEST(Size, SaysWhatIsWrongWithOne) {
  for (const char* text : {"", "M", "1T", "1 M", "-1", "1e6", "0x10"}) {
    EXPECT_EQ(parse_size(text).error(),
              "not a number of octets; expected a number, with k, M or G if it is large, such as 100M")
        << text;
  }
  EXPECT_EQ(parse_size("0.5").error(),
            "not a whole number of octets; expected a number, with k, M or G if it is large, such as 100M");
  EXPECT_EQ(parse_size("17179869184G").error(),
            "more than 64 bits can hold; expected a number, with k, M or G if it is large, such as 100M");
}

TEST(Count, CountsInPowersOf1000) {
  EXPECT_EQ(parse_count("250000").value(), 250'000U);
  EXPECT_EQ(parse_count("250k").value(), 250'000U);
  EXPECT_EQ(parse_count("250K").value(), 250'000U);
  EXPECT_EQ(parse_count("1.5M").value(), 1'500'000U);
  EXPECT_EQ(parse_count("2G").value(), 2'000'000'000U);
}

TEST(Count, SaysWhatIsWrongWithOne) {
  for (const char* text : {"", "fast", "1T", "1e6"}) {
    EXPECT_EQ(parse_count(text).error(), "not a number; expected a number, with k, M or G if it is large, such as 1.5M")
        << text;
  }
  EXPECT_EQ(parse_count("0.0001k").error(),
            "not a whole number; expected a number, with k, M or G if it is large, such as 1.5M");
}

TEST(NumberText, GroupsDigitsByThree) {
  EXPECT_EQ(grouped(0), "0");
  EXPECT_EQ(grouped(999), "999");
  EXPECT_EQ(grouped(1000), "1,000");
  EXPECT_EQ(grouped(12'345'678), "12,345,678");
  EXPECT_EQ(grouped(18446744073709551615ULL), "18,446,744,073,709,551,615");
}

TEST(NumberText, ScalesToThreeDigits) {
  EXPECT_EQ(scaled(0, "pps"), "0 pps");
  EXPECT_EQ(scaled(999, "pps"), "999 pps");
  EXPECT_EQ(scaled(1000, "pps"), "1.00 kpps");
  EXPECT_EQ(scaled(9'999, "pps"), "10.0 kpps");
  EXPECT_EQ(scaled(99'990, "pps"), "100 kpps");
  EXPECT_EQ(scaled(999'900, "pps"), "1.00 Mpps");
  EXPECT_EQ(scaled(0, "B"), "0 B");
  EXPECT_EQ(scaled(1'500, "B"), "1.50 kB");
  EXPECT_EQ(scaled(12'345'678, "B"), "12.3 MB");
  EXPECT_EQ(scaled(999'499, "B"), "999 kB");
  EXPECT_EQ(scaled(999'500, "B"), "1.00 MB");
  EXPECT_EQ(scaled(18446744073709551615.0, "B"), "18.4 EB");
}

}  // namespace
}  // namespace weir::quantity_test
