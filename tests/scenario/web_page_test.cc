// The page of --http in headless Chromium, /metrics in the real Prometheus, and the alert rules in promtool. Long: a
// browser takes seconds to start, and Prometheus to scrape.
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <regex>
#include <string>

#include "tests/scenario/live_rig.h"
#include "tests/support/udp.h"

namespace weir::web_page_test {
namespace {

using namespace weir::test;

class WebPage : public testing::Test {
 protected:
  [[nodiscard]] std::string path(const std::string& name) const { return folder_.path(name); }
  [[nodiscard]] std::string url(const std::string& rest = "/") const {
    return "http://127.0.0.1:" + std::to_string(port_) + rest;
  }

  /// The page after its scripts ran for some seconds of the browser's clock.
  [[nodiscard]] std::string page() const {
    const Finished browser =
        run({"chromium", "--headless=new", "--no-sandbox", "--disable-gpu", "--user-data-dir=" + path("browser"),
             "--window-size=390,800", "--dump-dom", "--virtual-time-budget=4000", url()},
            seconds(90));
    EXPECT_EQ(browser.exit_code, 0) << browser.err;
    return browser.out;
  }

  TemporaryFolder folder_;
  std::uint16_t port_ = free_tcp_port();
};

/// The exact figures of the page by their names in the ledger. A figure that stands there twice says the same twice.
std::map<std::string, std::uint64_t> figures_of(const std::string& page) {
  static const std::regex figure("data-figure=\"([^\"]*)\" data-value=\"([0-9]+)\"");
  std::map<std::string, std::uint64_t> figures;
  for (std::sregex_iterator at(page.begin(), page.end(), figure), end; at != end; ++at) {
    const auto [place, is_new] = figures.emplace(at->str(1), std::stoull(at->str(2)));
    EXPECT_EQ(place->second, std::stoull(at->str(2))) << at->str(1);
  }
  return figures;
}

TEST_F(WebPage, ShowsTheFiguresOfTheLedger) {
  if (!installed("chromium")) GTEST_SKIP() << "chromium is not installed";
  const Wire wire = memif();
  const std::string refused = "netflow9://127.0.0.1:" + std::to_string(free_udp_port());
  Probe probe(folder_, wire,
              {"--http", std::to_string(port_), "--filter", "not udp", "--idle-timeout", "1s", "--export",
               "json:" + path("flows.json") + "?name=file", "--export", refused + "?name=nobody"});
  const Finished sent =
      run(generator(wire, {"--flows", "500", "--packets", "20000", "--rate", "20000", "--tcp", "70"}), seconds(60));
  ASSERT_EQ(sent.exit_code, 0) << sent.err;
  const std::uint64_t packets = json::parse(sent.out).at("packets");
  // Until nothing moves: every flow has ended and every record has left or is lost.
  json ledger;
  ASSERT_TRUE(eventually([&] {
    ledger = probe.ask_json("ledger");
    bool rests = packets_of(ledger.at("received")) == packets && packets_of(ledger.at("in_table")) == 0 &&
                 packets_of(ledger.at("in_rings")) == 0;
    for (const json& exporter : ledger.at("exporters")) rests = rests && packets_of(exporter.at("queued")) == 0;
    return rests;
  }));

  const std::string shown = page();
  auto figures = figures_of(shown);
  std::map<std::string, std::uint64_t> expected = {
      {"received", packets},
      {"counted", packets_of(ledger.at("counted"))},
      {"filtered_out", packets_of(ledger.at("filtered_out"))},
      {"drained", packets_of(ledger.at("drained"))},
      {"in_table", 0},
      {"exporters.file.drained", packets_of(ledger.at("drained"))},
      {"exporters.file.exported", packets_of(ledger.at("drained"))},
      {"exporters.nobody.lost.unreachable", packets_of(ledger.at("exporters").at(1).at("lost").at("unreachable"))},
      {"exporter.nobody.loss.unreachable", packets_of(ledger.at("exporters").at(1).at("lost").at("unreachable"))},
      {"ports.net_memif0.ipackets", packets},
  };
  for (const auto& [name, value] : expected) {
    ASSERT_TRUE(figures.contains(name)) << name;
    EXPECT_EQ(figures.at(name), value) << name;
  }
  EXPECT_GT(expected.at("filtered_out"), 0U);
  EXPECT_GT(expected.at("exporters.nobody.lost.unreachable"), 0U);
  EXPECT_EQ(figures.at("counted") + figures.at("filtered_out"), figures.at("received"));
  EXPECT_NE(shown.find("ledger balanced"), std::string::npos);
  EXPECT_NE(shown.find("refused"), std::string::npos) << "the state of the exporter that reaches nobody";
  EXPECT_NE(shown.find("The link of this port is down: net_memif0"), std::string::npos) << "the generator is gone";
  probe.signal(SIGINT);
  EXPECT_EQ(probe.wait().exit_code, 1) << "an exporter lost records";
}

TEST_F(WebPage, PrometheusScrapesTheCountsOfTheLedger) {
  if (!installed("prometheus") || !installed("promtool")) GTEST_SKIP() << "prometheus is not installed";
  const Wire wire = memif();
  Probe probe(folder_, wire, {"--http", std::to_string(port_), "--export", "json:" + path("flows.json")});
  const Finished sent = run(generator(wire, {"--flows", "500", "--packets", "5000", "--rate", "20000"}), seconds(60));
  ASSERT_EQ(sent.exit_code, 0) << sent.err;
  const std::uint64_t packets = json::parse(sent.out).at("packets");
  ASSERT_TRUE(eventually([&] { return probe.received() >= packets; }));

  const Finished checked =
      run({"sh", "-c", "curl -sS -m 10 " + url("/metrics") + " | promtool check metrics"}, seconds(20));
  EXPECT_EQ(checked.exit_code, 0) << checked.out << checked.err;
  EXPECT_EQ(checked.out + checked.err, "");

  std::ofstream(path("p.yml")) << "global: {scrape_interval: 1s}\n"
                                  "scrape_configs:\n"
                                  "  - job_name: weir\n"
                                  "    static_configs: [{targets: ['127.0.0.1:"
                               << port_ << "']}]\n";
  const std::string at = "127.0.0.1:" + std::to_string(free_tcp_port());
  Process prometheus({"prometheus", "--config.file=" + path("p.yml"), "--storage.tsdb.path=" + path("tsdb"),
                      "--web.listen-address=" + at, "--log.level=warn"});
  const auto ask = [&](const std::string& query) {
    return run({"promtool", "query", "instant", "http://" + at, query}, seconds(10)).out;
  };
  const std::string expected = "=> " + std::to_string(packets) + " @";
  EXPECT_TRUE(
      eventually([&] { return ask("weir_received_packets_total").find(expected) != std::string::npos; }, seconds(30)))
      << ask("weir_received_packets_total");
  EXPECT_NE(ask("up{job=\"weir\"}").find("=> 1 @"), std::string::npos);
  prometheus.signal(SIGTERM);
  EXPECT_EQ(prometheus.wait(seconds(20)).exit_code, 0);
  probe.stop();
}

TEST(AlertRules, FireOnWhatIsWrongAndOnNothingElse) {
  if (!installed("promtool")) GTEST_SKIP() << "promtool is not installed (Debian: prometheus)";
  const Finished tried = run({"promtool", "test", "rules", WEIR_RULES "/weir.rules.test.yml"}, seconds(60));
  EXPECT_EQ(tried.exit_code, 0) << tried.out << tried.err;
}

}  // namespace
}  // namespace weir::web_page_test
