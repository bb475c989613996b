// What is said where metrics and the fields of an export do not fit.
#include "control/metric_hints.h"

#include <gtest/gtest.h>

#include "control/config/metric_list.h"

namespace weir::metric_hints_test {
namespace {

std::vector<std::string> hints(const std::string& metrics, const std::string& uri) {
  Settings settings;
  settings.metric_list = metrics;
  settings.flow.metrics = parse_metric_list(metrics).value();
  return metric_hints(settings, {uri});
}

TEST(MetricHints, NamesTheMetricOfAFieldThatIsOff) {
  EXPECT_EQ(hints("none", "table:-?fields=src_addr,tcp_mss,tcp_options"),
            (std::vector<std::string>{"export 'table:-?fields=src_addr,tcp_mss,tcp_options': tcp_mss is of the metric "
                                      "tcp, which is off, so it has no value: --metrics tcp"}));
  EXPECT_EQ(hints("layer2", "table:f?name=a&fields=tcp_mss").size(), 1U);
  EXPECT_TRUE(hints("tcp", "table:-?fields=src_addr,tcp_mss").empty());
  EXPECT_EQ(hints("none", "table:-?fields=tls_ja4").size(), 1U);
  EXPECT_TRUE(hints("quic", "table:-?fields=quic_sni,tls_ja4").empty()) << "QUIC has a ClientHello of TLS, too";
  EXPECT_TRUE(hints("none", "table:-?fields=src_addr,bytes").empty());
  EXPECT_TRUE(hints("none", "table:-").empty());
}

TEST(MetricHints, NamesAFieldOfPrefixesWhereThereAreNone) {
  const std::string uri = "table:-?fields=src_addr,dst_as";
  EXPECT_EQ(hints("none", uri), (std::vector<std::string>{"export '" + uri +
                                                          "': dst_as comes from --prefixes, which is "
                                                          "not given, so it has no value"}));
  Settings settings;
  settings.prefix_files = {"p.txt"};
  EXPECT_TRUE(metric_hints(settings, {uri}).empty());
}

TEST(MetricHints, SaysThatTheTableShowsNoneOfTheirFields) {
  ASSERT_EQ(hints("tcp", "table:-").size(), 1U);
  ASSERT_EQ(hints("tcp", "top:-").size(), 1U);
  EXPECT_NE(hints("tcp", "table:-")[0].find("shows no field of --metrics tcp"), std::string::npos);
  EXPECT_TRUE(hints("tcp", "json:-").empty());
}

}  // namespace
}  // namespace weir::metric_hints_test
