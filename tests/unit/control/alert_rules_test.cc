// The alert rules, the dashboard and the examples of control/README.md name only metrics that weir serves.
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <regex>
#include <set>
#include <string>

#include "control/service/prometheus.h"
#include "proto/schema/control.pb.h"

namespace weir::alert_rules_test {
namespace {

std::string contents(const std::string& file) {
  std::ifstream in(std::string(WEIR_SOURCE_FOLDER) + "/" + file);
  EXPECT_TRUE(in) << file;
  return {std::istreambuf_iterator<char>(in), {}};
}

/// Of a probe with one of everything.
std::set<std::string> served_metrics() {
  v1::StatusReply status;
  status.add_ports();
  status.add_workers();
  v1::Ledger ledger;
  (*ledger.mutable_rejects())["any"];
  (*ledger.mutable_lost())["any"];
  ledger.add_workers();
  ledger.add_ports();
  (*ledger.add_exporters()->mutable_lost())["any"];
  std::set<std::string> names;
  for (const prometheus::MetricFamily& family : prometheus_families(status, ledger)) {
    names.insert(family.name);
    if (family.type != prometheus::MetricType::Histogram) continue;
    for (const char* part : {"_bucket", "_sum", "_count"}) names.insert(family.name + part);
  }
  return names;
}

std::set<std::string> named_in(const std::string& text) {
  static const std::regex metric("\\bweir_[a-z0-9_]+");
  return {std::sregex_token_iterator(text.begin(), text.end(), metric), {}};
}

void expect_served(const std::string& file, const std::string& text) {
  const auto named = named_in(text);
  EXPECT_GT(named.size(), 1U) << file;
  const auto served = served_metrics();
  for (const std::string& name : named) EXPECT_TRUE(served.contains(name)) << file << ": " << name;
}

TEST(AlertRules, NameMetricsThatWeirServes) {
  expect_served("rules", contents("tools/packaging/prometheus/weir.rules.yml"));
}

TEST(AlertRules, HaveATestEach) {
  const std::string rules = contents("tools/packaging/prometheus/weir.rules.yml");
  const std::string tests = contents("tools/packaging/prometheus/weir.rules.test.yml");
  static const std::regex alert("alert: (\\w+)");
  int count = 0;
  for (std::sregex_iterator at(rules.begin(), rules.end(), alert), end; at != end; ++at, ++count) {
    EXPECT_NE(tests.find("alertname: " + at->str(1) + "\n        exp_alerts:\n"), std::string::npos) << at->str(1);
  }
  EXPECT_EQ(count, 14) << "as control/README.md says";
}

TEST(AlertRules, AreWhatTheReadmeShows) {
  const std::string rules = contents("tools/packaging/prometheus/weir.rules.yml");
  const std::string page = contents("control/README.md");
  static const std::regex example("\n    (rate\\(weir_[^\n]*)");
  int count = 0;
  for (std::sregex_iterator at(page.begin(), page.end(), example), end; at != end; ++at, ++count) {
    EXPECT_NE(rules.find("expr: " + at->str(1) + "\n"), std::string::npos) << at->str(1);
  }
  EXPECT_EQ(count, 2);
}

TEST(Dashboard, NamesMetricsThatWeirServes) {
  const auto dashboard = nlohmann::json::parse(contents("tools/packaging/grafana/weir.json"), nullptr, false);
  ASSERT_FALSE(dashboard.is_discarded());
  std::string expressions = dashboard.at("templating").dump();
  std::set<int> numbers;
  for (const auto& panel : dashboard.at("panels")) {
    EXPECT_TRUE(numbers.insert(panel.at("id").get<int>()).second);
    for (const auto& target : panel.at("targets")) expressions += "\n" + target.at("expr").get<std::string>();
  }
  EXPECT_GT(numbers.size(), 10U);
  expect_served("dashboard", expressions);
}

}  // namespace
}  // namespace weir::alert_rules_test
