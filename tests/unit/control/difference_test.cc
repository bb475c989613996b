// In which fields two configurations differ, and what of it a running weir can take.
#include "control/config/difference.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "control/config/config.h"
#include "control/config/file.h"

namespace weir {
namespace {

/// The effective configuration of a file.
v1::Config effective(const std::string& text) {
  const auto config = parse_config(text, "text");
  EXPECT_TRUE(config) << text;
  const auto settings = validate(config->config, Command::check, config->places);
  EXPECT_TRUE(settings) << settings.error().message;
  return effective_config(*settings);
}

std::vector<std::string> texts(const std::string& before, const std::string& after) {
  std::vector<std::string> out;
  for (const ConfigDifference& one : differences(effective(before), effective(after))) {
    out.push_back((one.effect == v1::HOT ? "hot " : "restart ") + one.text() + (one.why.empty() ? "" : "; " + one.why));
  }
  return out;
}

using Texts = std::vector<std::string>;

TEST(Differences, AreNoneWhereTheDefaultIsSaid) {
  EXPECT_EQ(texts("", "idle_timeout: \"30s\" workers: 1 tcp_close: true"), Texts());
  EXPECT_EQ(texts("idle_timeout: \"30s\"", "idle_timeout: \"30000ms\""), Texts());
}

TEST(Differences, NameOldAndNewValueAndWhenTheyTakeEffect) {
  EXPECT_EQ(texts("idle_timeout: \"5s\"", "workers: 2 filter: \"udp\" tcp_close: false"),
            (Texts{"hot idle_timeout: 5s -> 30s", "hot tcp_close: on -> off", "restart workers: 1 -> 2",
                   "hot filter: (none) -> udp"}));
  EXPECT_EQ(texts("export: \"json:a\" export: \"json:b\"", "export: \"json:b\""),
            (Texts{"hot export: json:a, json:b -> json:b"}));
}

TEST(Differences, CompareMonitorsOfTheSameNames) {
  const std::string wide = "monitor { name: \"wide\" ";
  EXPECT_EQ(texts(wide + "}", wide + "idle_timeout: \"5s\" key: \"src_addr\" }"),
            (Texts{"hot key of monitor wide: (none) -> src_addr", "hot idle_timeout of monitor wide: (none) -> 5s"}));
  EXPECT_EQ(texts(wide + "}", wide + "} monitor { name: \"all\" }"), (Texts{"restart monitor: wide -> wide, all"}));
}

TEST(Differences, OfKeyMetricsSizeAndSamplingByRateTakeEffectWhileWeirRuns) {
  EXPECT_EQ(texts("sample: \"rate=1000\"", "key: \"src_addr\" metrics: \"tcp\" max_flows: 5000"),
            (Texts{"hot max_flows: 1048576 -> 5000", "hot key: 5tuple -> src_addr", "hot metrics: none -> tcp",
                   "hot sample: rate=1000 -> none"}));
}

TEST(Differences, SayWhyAChangeBesideAFullTableWaits) {
  EXPECT_EQ(texts("", "sample: \"packets=1:10\""), (Texts{"hot sample: none -> packets=1:10"}));
  EXPECT_EQ(
      texts("when_full: \"overflow\"",
            "when_full: \"overflow\" sample: \"flows=1:10\" key: \"src_addr\" metrics: \"tcp\""),
      (Texts{"restart key: 5tuple -> src_addr; what is summed beside a full table has one key (when_full: overflow)",
             "hot metrics: none -> tcp",
             "restart sample: none -> flows=1:10; what is summed beside a full table has one rate (when_full: "
             "overflow)"}));
  // A monitor that says its own sampling does not go by the option.
  const std::string own = "monitor { name: \"a\" when_full: \"overflow\" sample: \"packets=1:2\" }";
  EXPECT_EQ(texts(own, own + " sample: \"rate=1000\""), (Texts{"hot sample: none -> rate=1000"}));
}

TEST(Differences, ShowNoKeys) {
  const std::string hex(64, 'a');
  const std::string other(64, 'b');
  const auto uri = [](const std::string& key) { return "export: \"json:a?anonymise=" + key + "\""; };
  const Texts found = texts(uri(hex), uri(other));
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].find("aaaa"), std::string::npos) << found[0];
  EXPECT_NE(found[0].find("(another key)"), std::string::npos) << found[0];
}

TEST(Differences, OfWhichOneWaitsLetAllWait) {
  const auto both = differences(effective(""), effective("idle_timeout: \"5s\" workers: 2 layer: \"outer\""));
  EXPECT_FALSE(all_hot(both));
  EXPECT_EQ(restart_text(both), "needs a restart: workers, layer");
  const auto hot = differences(effective(""), effective("idle_timeout: \"5s\""));
  EXPECT_TRUE(all_hot(hot));
  EXPECT_EQ(restart_text(hot), "");
}

}  // namespace
}  // namespace weir
