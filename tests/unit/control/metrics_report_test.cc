// The reply of `weirctl metrics` as a function of values, and its text.
#include "control/probe/metrics_report.h"

#include <gtest/gtest.h>

#include "control/config/metric_list.h"
#include "proto/schema/metrics_text.h"

namespace weir::metrics_report_test {
namespace {

std::size_t bit_of(std::string_view name) {
  std::size_t bit = 0;
  while (bit < Metrics::kCount && Metrics::kInfos[bit].name != name) ++bit;
  return bit;
}

const v1::MetricStatus& named(const v1::MetricsReply& reply, std::string_view name) {
  for (const auto& metric : reply.metrics()) {
    if (metric.name() == name) return metric;
  }
  ADD_FAILURE() << name;
  return v1::MetricStatus::default_instance();
}

/// Two workers with packets:10 and tcp on.
v1::MetricsReply example() {
  Moment moment;
  moment.wall_ns = 1'700'000'000'000'000'000;
  moment.counters.resize(2);
  moment.counters[0].emitted.records = 300;
  moment.counters[1].emitted.records = 100;
  moment.counters[0].in_table.records = 7;
  moment.counters[1].in_table.records = 8;
  moment.counters[0].records_with_metric[bit_of("tcp")] = 250;
  moment.counters[1].records_with_metric[bit_of("tcp")] = 51;
  moment.counters[0].records_with_metric[bit_of("packets")] = 300;
  moment.counters[0].pool_lines_in_use = 11;
  moment.counters[1].pool_lines_in_use = 12;
  moment.counters[0].missing_facts[static_cast<std::size_t>(MissingFact::packets_cut)] = 1;
  moment.counters[1].missing_facts[static_cast<std::size_t>(MissingFact::dns_question_cut)] = 2;
  v1::MetricsReply reply = make_metrics({Phase::running, ""});
  add_running_metrics(reply, {*parse_metric_list("tcp,packets:10"), 4000}, &moment, true);
  return reply;
}

TEST(MetricsReport, SumsOverTheWorkers) {
  const v1::MetricsReply reply = example();
  EXPECT_EQ(reply.metrics_size(), static_cast<int>(Metrics::kCount));
  EXPECT_TRUE(named(reply, "tcp").on());
  EXPECT_EQ(named(reply, "tcp").records(), 301U);
  EXPECT_EQ(named(reply, "packets:10").records(), 300U);
  EXPECT_EQ(named(reply, "packets:10").pool_octets(), 64U) << "five packets; the other five are beside the flow";
  EXPECT_FALSE(named(reply, "rtt").on());
  EXPECT_EQ(named(reply, "rtt").pool_octets(), 0U);
  EXPECT_EQ(reply.records(), 400U);
  EXPECT_EQ(reply.flows(), 15U);
  EXPECT_EQ(reply.pool_lines(), 4000U);
  EXPECT_EQ(reply.pool_lines_in_use(), 23U);
  EXPECT_EQ(reply.pool_refused(), 3U);
  EXPECT_EQ(reply.stale_since_ns(), 1'700'000'000'000'000'000U);
  EXPECT_GE(reply.flow_octets(), 64U);
  EXPECT_TRUE(reply.doing().empty());
}

TEST(MetricsReport, NamesMetricsAsTheCommandLineDoes) {
  for (const std::string list : {"dns", "dns:mdns", "dns:llmnr", "dns:mdns,dns:llmnr", "packets:30", "quic",
                                 "quic:2017", "quic:2017=4433", "quic:2017=4433,quic:measurement-byte"}) {
    v1::MetricsReply reply = make_metrics({Phase::running, ""});
    add_running_metrics(reply, {*parse_metric_list(list), 100}, nullptr, false);
    EXPECT_TRUE(named(reply, list).on());
  }
}

TEST(MetricsReport, OfAProbeThatStartsSaysWhatItIsDoing) {
  const v1::MetricsReply reply = make_metrics({Phase::starting, "starting the ports"});
  EXPECT_EQ(reply.metrics_size(), 0);
  EXPECT_NE(running_metrics_text(reply).find("weir is starting: starting the ports"), std::string::npos);
}

TEST(MetricsText, LaysOutMetricsFlowsAndPool) {
  v1::MetricsReply reply;
  auto* tcp = reply.add_metrics();
  tcp->set_name("tcp");
  tcp->set_on(true);
  tcp->set_records(301);
  tcp->set_state_octets(208);
  auto* packets = reply.add_metrics();
  packets->set_name("packets:10");
  packets->set_on(true);
  packets->set_records(400);
  packets->set_state_octets(24);
  packets->set_pool_octets(384);
  auto* rtt = reply.add_metrics();
  rtt->set_name("rtt");
  rtt->set_state_octets(128);
  reply.set_records(400);
  reply.set_flows(15);
  reply.set_flow_octets(320);
  reply.set_pool_lines(4000);
  reply.set_pool_lines_in_use(23);
  reply.set_pool_refused(3);
  EXPECT_EQ(
      running_metrics_text(reply),
      "metric           records with it    share        bytes per flow\n"
      "tcp         on               301   75.3 %                   208\n"
      "packets:10  on               400  100.0 %  24 + 384 of the pool\n"
      "rtt         off                                             128\n"
      "\n"
      "records  400 emitted since the start\n"
      "flows    15 in the table, with 320 bytes each for the metrics that are on\n"
      "pool     23 of 4,000 lines of 64 bytes\n"
      "missing  3 facts were left out, since the pool was empty; `weirctl ledger` names them, and no packet is lost by "
      "that\n");
  reply.set_pool_refused(0);
  EXPECT_NE(running_metrics_text(reply).find("missing  nothing: the pool was never empty\n"), std::string::npos);
}

TEST(MetricsText, SaysHowToTurnMetricsOnWhereNoneIs) {
  v1::MetricsReply reply;
  reply.add_metrics()->set_name("tcp");
  const std::string text = running_metrics_text(reply);
  EXPECT_NE(text.find("no metric is on; `weir run --metrics LIST` turns some on\n"), std::string::npos) << text;
  EXPECT_EQ(text.find("pool"), std::string::npos) << text;
}

}  // namespace
}  // namespace weir::metrics_report_test
