// split(): lists of a user.
#include "proto/base/split.h"

#include <gtest/gtest.h>

namespace weir::split_test {
namespace {

using Parts = std::vector<std::string_view>;

TEST(Split, GivesThePartsInOrder) {
  EXPECT_EQ(split("tcp,rtt,layer2", ','), (Parts{"tcp", "rtt", "layer2"}));
  EXPECT_EQ(split("tcp", ','), Parts{"tcp"});
}

TEST(Split, KeepsEmptyPartsSoThatTheyCanBeRefused) {
  EXPECT_EQ(split("a,,b", ','), (Parts{"a", "", "b"}));
  EXPECT_EQ(split(",a,", ','), (Parts{"", "a", ""}));
  EXPECT_EQ(split(",", ','), (Parts{"", ""}));
}

TEST(Split, GivesOneEmptyPartOfAnEmptyText) {
  EXPECT_EQ(split("", ','), Parts{""});
}

}  // namespace
}  // namespace weir::split_test
