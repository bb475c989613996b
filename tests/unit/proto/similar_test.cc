#include "proto/base/similar.h"

#include <gtest/gtest.h>

#include <array>

namespace weir::similar_test {
namespace {

constexpr auto kNames = std::to_array<std::string_view>({"src_addr", "dst_addr", "src_port", "tcp_mss", "tcp"});

TEST(Similar, CountsTheStepsFromOneWordToTheOther) {
  EXPECT_EQ(distance("", ""), 0U);
  EXPECT_EQ(distance("abc", ""), 3U);
  EXPECT_EQ(distance("tcp", "tpc"), 1U);
  EXPECT_EQ(distance("abcd", "badc"), 2U);
  EXPECT_EQ(distance("src_port", "src_prt"), 1U);
}

TEST(Similar, NamesTheNearestAndNothingThatIsFar) {
  EXPECT_EQ(did_you_mean("src_prt", kNames), "; did you mean src_port?");
  EXPECT_EQ(did_you_mean("dst-addr", kNames), "; did you mean dst_addr?");
  EXPECT_EQ(did_you_mean("tcpp", kNames), "; did you mean tcp?");
  EXPECT_EQ(did_you_mean("tcp", kNames), "; did you mean tcp?");
  EXPECT_EQ(did_you_mean("bytes", kNames), "");
  EXPECT_EQ(did_you_mean("tpc", kNames), "; did you mean tcp?");
  EXPECT_EQ(did_you_mean("tar", kNames), "") << "two steps of three letters are no likeness";
  EXPECT_EQ(did_you_mean("t", kNames), "");
  EXPECT_EQ(did_you_mean("", kNames), "");
  EXPECT_EQ(did_you_mean(std::string(100'000, 'x'), kNames), "");
  EXPECT_EQ(did_you_mean("tcp", {}), "");
}

}  // namespace
}  // namespace weir::similar_test
