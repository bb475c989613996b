#include "proto/base/counts.h"

#include <gtest/gtest.h>

namespace weir::counts_test {
namespace {

TEST(PacketCount, CountsPacketsWithTheirOctets) {
  PacketCount count;
  count.add(60);
  count.add(1514);
  EXPECT_EQ(count, (PacketCount{2, 1574}));
  count += {3, 26};
  EXPECT_EQ(count, (PacketCount{5, 1600}));
  EXPECT_EQ(count - (PacketCount{1, 600}), (PacketCount{4, 1000}));
}

TEST(PacketCount, DiffersByEitherOfItsNumbers) {
  EXPECT_FALSE((PacketCount{1, 60}) == (PacketCount{1, 61}));
  EXPECT_FALSE((PacketCount{1, 60}) == (PacketCount{2, 60}));
}

struct TwoWays {
  [[nodiscard]] std::uint64_t total_packets() const { return 3 + 4; }
  [[nodiscard]] std::uint64_t total_octets() const { return 300 + 40; }
};

TEST(RecordTotals, SumsRecordsBothDirectionsTogether) {
  RecordTotals totals;
  totals.add(TwoWays{});
  totals.add(TwoWays{});
  EXPECT_EQ(totals, (RecordTotals{2, 14, 680}));
  totals += {1, 1, 20};
  EXPECT_EQ(totals, (RecordTotals{3, 15, 700}));
  totals -= {3, 15, 700};
  EXPECT_EQ(totals, RecordTotals{});
}

TEST(RecordTotals, LeavesTheWholeAloneWhenAPartIsTakenFromACopy) {
  const RecordTotals whole{10, 100, 1000};
  EXPECT_EQ(whole - (RecordTotals{1, 2, 3}), (RecordTotals{9, 98, 997}));
  EXPECT_EQ(whole, (RecordTotals{10, 100, 1000}));
}

TEST(Counts, ADifferenceOfTwoMomentsIsNeverBelowZero) {
  EXPECT_EQ(without(std::uint64_t{7}, std::uint64_t{3}), 4U);
  EXPECT_EQ(without(std::uint64_t{3}, std::uint64_t{7}), 0U);
  EXPECT_EQ(without(PacketCount{5, 100}, PacketCount{2, 300}), (PacketCount{3, 0})) << "each number by itself";
  EXPECT_EQ(without(RecordTotals{5, 100, 9}, RecordTotals{6, 30, 9}), (RecordTotals{0, 70, 0}));
}

}  // namespace
}  // namespace weir::counts_test
