// The table of `weir metrics --measure`, from given figures.
#include "control/metric_measure.h"

#include <gtest/gtest.h>

#include <optional>

namespace weir::metric_measure_test {
namespace {

TEST(MetricMeasureTest, ShowsWhatEachMetricAddsToNone) {
  const std::string text = measured_text({"a processor", {{"none", 10.0, 20.0}, {"tcp", 12.5, 31.0}}});
  EXPECT_NE(text.find("one core of a processor"), std::string::npos) << text;
  EXPECT_NE(text.find("none             10.0  +0.0       20.0   +0.0"), std::string::npos) << text;
  EXPECT_NE(text.find("tcp              12.5  +2.5       31.0  +11.0"), std::string::npos) << text;
}

TEST(MetricMeasureTest, SaysWhereThereWasNoMemoryAndShowsNoTime) {
  const std::string text = measured_text({"a processor", {{"none", 10.0, std::nullopt}, {"tcp", 12.5, std::nullopt}}});
  EXPECT_NE(text.find("none             10.0  +0.0  no memory\n"), std::string::npos) << text;
  EXPECT_NE(text.find("tcp              12.5  +2.5  no memory\n"), std::string::npos) << text;
}

}  // namespace
}  // namespace weir::metric_measure_test
