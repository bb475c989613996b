// The metrics of a scrape against the replies that they are made of, and the address they are served at.
#include "control/service/prometheus.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
#include <optional>
#include <string>

#include "control/export/loss.h"
#include "control/ledger/ledger_report.h"
#include "dataplane/loss.h"
#include "dataplane/metric/missing_facts.h"
#include "dataplane/packet/reject.h"
#include "tests/support/udp.h"

namespace weir::prometheus_test {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

const ClientMetric* find(const std::vector<MetricFamily>& families, const std::string& name, const std::string& label,
                         const std::string& value) {
  for (const MetricFamily& family : families) {
    if (family.name != name) continue;
    for (const ClientMetric& metric : family.metric) {
      if (label.empty()) return &metric;
      for (const auto& one : metric.label) {
        if (one.name == label && one.value == value) return &metric;
      }
    }
  }
  return nullptr;
}

double counter(const std::vector<MetricFamily>& families, const std::string& name, const std::string& label = {},
               const std::string& value = {}) {
  const ClientMetric* const metric = find(families, name, label, value);
  EXPECT_NE(metric, nullptr) << name << " " << value;
  return metric == nullptr ? -1 : metric->counter.value;
}

/// A ledger of one worker in which every reject and every loss has a count of its own.
v1::Ledger ledger_of_everything() {
  WorkerAccount account;
  for (std::size_t i = 1; i < kRejectCount; ++i) account.counters.rejects[i] = {i, 100 * i};
  for (std::size_t i = 0; i < kLossCount; ++i) account.counters.lost[i] = {1000 + i, 2000 + i, 3000 + i};
  for (std::size_t i = 0; i < kMissingFactCount; ++i) account.counters.missing_facts[i] = 80 + i;
  account.counters.received = {4711, 4712};
  ExporterSnapshot exporter;
  exporter.name = "netflow9://192.0.2.1:2055";
  exporter.state = "up";
  for (std::size_t i = 0; i < kExportLossCount; ++i) {
    exporter.lost.emplace_back(std::string(kExportLossTexts[i].name), RecordTotals{50 + i, 60 + i, 70 + i});
  }
  exporter.lateness.add(1, 400'001);          // 0.4 ms
  exporter.lateness.add(1, 3'000'000'001);    // 3 s
  exporter.lateness.add(1, 100'000'000'001);  // 100 s
  return make_ledger({account}, {exporter}, {}, false);
}

TEST(Prometheus, HasEveryRejectAndEveryLossByItsName) {
  const auto families = prometheus_families({}, ledger_of_everything());
  for (std::size_t i = 1; i < kRejectCount; ++i) {
    const std::string name(kRejectTexts[i].name);
    EXPECT_EQ(counter(families, "weir_rejected_packets_total", "reason", name), i);
    EXPECT_EQ(counter(families, "weir_rejected_octets_total", "reason", name), 100 * i);
  }
  for (std::size_t i = 0; i < kLossCount; ++i) {
    const std::string name(kLossTexts[i].name);
    EXPECT_EQ(counter(families, "weir_lost_records_total", "reason", name), 1000 + i);
    EXPECT_EQ(counter(families, "weir_lost_packets_total", "reason", name), 2000 + i);
    EXPECT_EQ(counter(families, "weir_lost_octets_total", "reason", name), 3000 + i);
  }
  for (std::size_t i = 0; i < kExportLossCount; ++i) {
    const std::string name(kExportLossTexts[i].name);
    EXPECT_EQ(counter(families, "weir_exporter_lost_records_total", "reason", name), 50 + i);
  }
  for (std::size_t i = 0; i < kMissingFactCount; ++i) {
    const std::string name(kMissingFactTexts[i].name);
    EXPECT_EQ(counter(families, "weir_missing_facts_total", "fact", name), 80 + i);
  }
  EXPECT_EQ(counter(families, "weir_received_packets_total"), 4711);
  EXPECT_EQ(counter(families, "weir_worker_received_octets_total", "worker", "0"), 4712);
}

TEST(Prometheus, LabelsWhatAMonitorCountsWithItsName) {
  MonitorAccount all{"all", {WorkerAccount{}}, {}};
  all.workers[0].counters.received = {20, 2000};
  all.workers[0].counters.counted = {20, 2000};
  MonitorAccount wide = all;
  wide.name = "wide";
  wide.workers[0].counters.counted = {5, 500};
  wide.workers[0].counters.filtered_out = {15, 1500};
  wide.workers[0].counters.lost[0] = {1, 2, 3};
  v1::StatusReply status;
  v1::MonitorStatus& shown = *status.add_monitors();
  shown.set_name("wide");
  shown.set_capacity(64);
  const auto families = prometheus_families(status, make_monitors_ledger({all, wide}, {}, {}, false));
  EXPECT_EQ(counter(families, "weir_received_packets_total"), 20) << "a frame is received once";
  EXPECT_EQ(counter(families, "weir_counted_packets_total", "monitor", "all"), 20);
  EXPECT_EQ(counter(families, "weir_counted_packets_total", "monitor", "wide"), 5);
  EXPECT_EQ(counter(families, "weir_filtered_out_octets_total", "monitor", "wide"), 1500);
  const ClientMetric* const lost = find(families, "weir_lost_packets_total", "monitor", "wide");
  ASSERT_NE(lost, nullptr);
  EXPECT_EQ(lost->label.size(), 2U) << "and the reason";
  const ClientMetric* const capacity = find(families, "weir_monitor_capacity_flows", "monitor", "wide");
  ASSERT_NE(capacity, nullptr);
  EXPECT_EQ(capacity->gauge.value, 64);
}

TEST(Prometheus, MarksTheMembersOfAGroup) {
  ExporterSnapshot member;
  member.name = "a";
  member.group = "out";
  ExporterSnapshot group;
  group.name = "out";
  group.members = {"a", "b"};
  const auto families = prometheus_families({}, make_ledger({}, {member, group}, {}, false));
  EXPECT_NE(find(families, "weir_exporter_drained_records_total", "group", "out"), nullptr);
  const ClientMetric* const whole = find(families, "weir_exporter_drained_records_total", "exporter", "out");
  ASSERT_NE(whole, nullptr);
  EXPECT_EQ(whole->label.size(), 1U) << "so that sums can leave the members out";
}

double gauge(const std::vector<MetricFamily>& families, const std::string& name) {
  const ClientMetric* const metric = find(families, name, {}, {});
  EXPECT_NE(metric, nullptr) << name;
  return metric == nullptr ? -1 : metric->gauge.value;
}

TEST(Prometheus, TellsOfThePrefixFiles) {
  v1::StatusReply status;
  EXPECT_EQ(find(prometheus_families(status, {}), "weir_prefixes", "", ""), nullptr);
  v1::PrefixStatus& prefixes = *status.mutable_prefixes();
  v1::PrefixFile& file = *prefixes.add_files();
  file.set_name("bgp.txt");
  file.set_form("bgpdump");
  file.set_prefixes(7);
  prefixes.set_prefixes(9);
  prefixes.set_loads(3);
  prefixes.set_loaded_ns(1'700'000'000'500'000'000);
  prefixes.set_lookups(100);
  prefixes.set_not_found(4);
  prefixes.set_error("bgp.txt:3: wrong");
  const auto families = prometheus_families(status, {});
  EXPECT_EQ(find(families, "weir_prefix_file_prefixes", "file", "bgp.txt")->gauge.value, 7);
  EXPECT_EQ(find(families, "weir_prefixes", "", "")->gauge.value, 9);
  EXPECT_EQ(find(families, "weir_prefixes_loaded_seconds", "", "")->gauge.value, 1'700'000'000.5);
  EXPECT_EQ(find(families, "weir_prefix_reload_failed", "", "")->gauge.value, 1);
  EXPECT_EQ(counter(families, "weir_prefix_loads_total"), 3);
  EXPECT_EQ(counter(families, "weir_prefix_lookups_total"), 100);
  EXPECT_EQ(counter(families, "weir_prefix_lookups_not_found_total"), 4);
}

TEST(Prometheus, TellsOfTheInputWhereRecordsComeIn) {
  v1::Ledger ledger = ledger_of_everything();
  EXPECT_EQ(find(prometheus_families({}, ledger), "weir_input_raw_records_total", "", ""), nullptr);
  v1::InputLedger& input = *ledger.mutable_input();
  input.set_name("records+unix:/a");
  input.set_records(11);
  input.set_partial_records(12);
  input.set_times_clamped(13);
  input.set_connections(14);
  input.set_open_connections(15);
  const auto families = prometheus_families({}, ledger);
  EXPECT_EQ(counter(families, "weir_input_raw_records_total", "input", "records+unix:/a"), 11);
  EXPECT_EQ(counter(families, "weir_input_raw_records_cut_total", "input", "records+unix:/a"), 12);
  EXPECT_EQ(counter(families, "weir_input_times_clamped_total", "input", "records+unix:/a"), 13);
  EXPECT_EQ(counter(families, "weir_input_connections_total", "input", "records+unix:/a"), 14);
  const ClientMetric* const open = find(families, "weir_input_open_connections", "input", "records+unix:/a");
  ASSERT_NE(open, nullptr);
  EXPECT_EQ(open->gauge.value, 15);
}

TEST(Prometheus, TellsOfTheGroupsWhereTheKernelSamples) {
  v1::Ledger ledger = ledger_of_everything();
  v1::InputLedger& input = *ledger.mutable_input();
  input.set_name("psample");
  input.set_samples_packets(true);
  input.set_overruns(1);
  input.set_malformed(2);
  input.set_other_groups(3);
  input.set_groups_left_out(4);
  v1::SampleGroup& group = *input.add_groups();
  group.set_group(70'000);
  group.set_rate(100);
  group.mutable_samples()->set_packets(5);
  group.mutable_samples()->set_octets(600);
  group.set_missing(7);
  const auto families = prometheus_families({}, ledger);
  EXPECT_EQ(counter(families, "weir_input_overruns_total", "input", "psample"), 1);
  EXPECT_EQ(counter(families, "weir_input_malformed_messages_total", "input", "psample"), 2);
  EXPECT_EQ(counter(families, "weir_input_other_groups_packets_total", "input", "psample"), 3);
  EXPECT_EQ(counter(families, "weir_input_groups_left_out_packets_total", "input", "psample"), 4);
  EXPECT_EQ(counter(families, "weir_input_group_packets_total", "group", "70000"), 5);
  EXPECT_EQ(counter(families, "weir_input_group_octets_total", "group", "70000"), 600);
  EXPECT_EQ(counter(families, "weir_input_group_missing_packets_total", "group", "70000"), 7);
  const ClientMetric* const rate = find(families, "weir_input_group_sampling_rate", "group", "70000");
  ASSERT_NE(rate, nullptr);
  EXPECT_EQ(rate->gauge.value, 100);
  EXPECT_EQ(find(families, "weir_input_raw_records_total", "input", "psample"), nullptr);
}

TEST(Prometheus, TellsStaleCountsFromUnbalancedOnes) {
  v1::Ledger ledger = ledger_of_everything();
  ledger.set_balanced(true);
  EXPECT_EQ(gauge(prometheus_families({}, ledger), "weir_ledger_stale"), 0);
  EXPECT_EQ(gauge(prometheus_families({}, ledger), "weir_ledger_stale_since_seconds"), 0);
  ledger.set_state("stale");
  ledger.set_stale_since_ns(1'700'000'000'500'000'000);
  const auto families = prometheus_families({}, ledger);
  EXPECT_EQ(gauge(families, "weir_ledger_balanced"), 1);
  EXPECT_EQ(gauge(families, "weir_ledger_stale"), 1);
  EXPECT_DOUBLE_EQ(gauge(families, "weir_ledger_stale_since_seconds"), 1'700'000'000.5);
}

TEST(Prometheus, SaysWhatAProbeThatStartsIsDoing) {
  v1::StatusReply status;
  status.set_phase("starting");
  status.set_doing("touching the flow table's memory, 25 % of 1.00 GB");
  const auto families = prometheus_families(status, make_empty_ledger());
  const ClientMetric* const metric = find(families, "weir_phase", "phase", "starting");
  ASSERT_NE(metric, nullptr);
  EXPECT_EQ(metric->gauge.value, 1);
  EXPECT_EQ(find(families, "weir_phase", "doing", "touching the flow table's memory, 25 % of 1.00 GB"), metric);
  EXPECT_EQ(counter(families, "weir_received_packets_total"), 0);
}

TEST(Prometheus, CountsLatenessCumulativelyInSeconds) {
  const auto families = prometheus_families({}, ledger_of_everything());
  const ClientMetric* const metric =
      find(families, "weir_exporter_lateness_seconds", "exporter", "netflow9://192.0.2.1:2055");
  ASSERT_NE(metric, nullptr);
  const ClientMetric::Histogram& histogram = metric->histogram;
  EXPECT_EQ(histogram.sample_count, 3U);
  EXPECT_DOUBLE_EQ(histogram.sample_sum, 103.0);
  ASSERT_EQ(histogram.bucket.size(), Lateness::kBuckets);
  EXPECT_EQ(histogram.bucket[0].upper_bound, 0.001);
  EXPECT_EQ(histogram.bucket[0].cumulative_count, 1U);
  EXPECT_EQ(histogram.bucket[11].upper_bound, 2.048);
  EXPECT_EQ(histogram.bucket[11].cumulative_count, 1U);
  EXPECT_EQ(histogram.bucket[12].upper_bound, 4.096);
  EXPECT_EQ(histogram.bucket[12].cumulative_count, 2U);
  EXPECT_TRUE(std::isinf(histogram.bucket.back().upper_bound));
  EXPECT_EQ(histogram.bucket.back().cumulative_count, 3U);
}

class NoStatus : public StatusSource {
 public:
  v1::StatusReply status() override { return {}; }
  v1::Ledger ledger() override { return {}; }
  v1::RssReply rss() override { return {}; }
  v1::MetricsReply metrics() override { return {}; }
};

TEST(Prometheus, StopsServingAtOnce) {
  NoStatus source;
  for (const char* const host : {"127.0.0.1", "0.0.0.0"}) {
    auto service = PrometheusService::start(std::string(host) + ":" + std::to_string(test::free_tcp_port()), source);
    ASSERT_TRUE(service) << service.error();
    const auto begin = std::chrono::steady_clock::now();
    service->reset();
    EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(1)) << "the HTTP server's own clock: 2 s";
  }
}

}  // namespace
}  // namespace weir::prometheus_test
