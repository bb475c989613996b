// monitor { ... } blocks: what each says, what the options say for it, and what is wrong with them.
#include "control/config/monitor_blocks.h"

#include <gtest/gtest.h>

#include "control/config/config.h"
#include "control/config/sourced_config.h"

namespace weir::monitor_blocks_test {
namespace {

constexpr std::uint64_t kSecondNs = 1'000'000'000;

tl::expected<Settings, ConfigError> read(const std::string& text, Command command = Command::read) {
  auto parsed = parse_config(text, "w.conf");
  if (!parsed) return tl::make_unexpected(parsed.error());
  return validate(parsed->config, command, parsed->places);
}

std::string error_of(const std::string& text) {
  const auto settings = read(text);
  return settings ? "" : settings.error().message;
}

TEST(MonitorBlocks, WithoutABlockTheOptionsMakeOneMonitorWithoutAName) {
  const auto settings = read("key: \"src_addr/24\" idle_timeout: \"5s\" max_flows: 1000 filter: \"udp\"");
  ASSERT_TRUE(settings) << settings.error().message;
  const std::vector<MonitorPlan> plans = monitor_plans(*settings);
  ASSERT_EQ(plans.size(), 1U);
  EXPECT_EQ(plans[0].name, "");
  EXPECT_EQ(plans[0].flow.key.source_prefix4, 24U);
  EXPECT_EQ(plans[0].flow.timeouts.idle_ns, 5 * kSecondNs);
  EXPECT_EQ(plans[0].max_flows, 1000U);
  EXPECT_EQ(plans[0].filter, "udp");
  EXPECT_EQ(plans[0].capacity(3), 334U) << "rounded up, so that all workers together have room";
}

TEST(MonitorBlocks, SayWhatDiffersAndTheOptionsSayTheRest) {
  const auto settings = read(
      "idle_timeout: \"5s\" active_timeout: \"50s\" tcp_linger: \"3s\" max_flows: 1000 filter: \"udp\"\n"
      "metrics: \"tcp\" sample: \"packets=1:10\" sample_key: \"5eed5eed5eed5eed\" when_full: \"sample\"\n"
      "export: \"json:a?name=first\" export: \"json:b\"\n"
      "monitor { name: \"all\" }\n"
      "monitor {\n"
      "  name: \"wide.1-x_Y\" key: \"src_addr/24,dst_addr/24\" filter: \"tcp\" idle_timeout: \"7s\"\n"
      "  active_timeout: \"60s\" max_flows: 500 when_full: \"evict\" metrics: \"layer2\" sample: \"flows=1:4\"\n"
      "  export: \"first\"\n"
      "}\n");
  ASSERT_TRUE(settings) << settings.error().message;
  const std::vector<MonitorPlan> plans = monitor_plans(*settings);
  ASSERT_EQ(plans.size(), 2U);
  EXPECT_EQ(plans[0].name, "all");
  EXPECT_EQ(plans[0].flow.timeouts.idle_ns, 5 * kSecondNs);
  EXPECT_EQ(plans[0].flow.timeouts.active_ns, 50 * kSecondNs);
  EXPECT_EQ(plans[0].max_flows, 1000U);
  EXPECT_EQ(plans[0].filter, "udp");
  EXPECT_EQ(plans[0].flow.when_full, WhenFull::sample);
  EXPECT_EQ(plans[0].flow.sampling.one_in, 10U);
  EXPECT_EQ(plans[0].flow.metrics.enabled(), settings->flow.metrics.enabled());
  EXPECT_TRUE(plans[0].exports.empty()) << "all exporters";
  EXPECT_EQ(plans[1].name, "wide.1-x_Y");
  EXPECT_EQ(plans[1].flow.key.destination_prefix4, 24U);
  EXPECT_FALSE(plans[1].flow.key.source_port);
  EXPECT_EQ(plans[1].filter, "tcp");
  EXPECT_EQ(plans[1].flow.timeouts.idle_ns, 7 * kSecondNs);
  EXPECT_EQ(plans[1].flow.timeouts.active_ns, 60 * kSecondNs);
  EXPECT_EQ(plans[1].flow.timeouts.linger_ns, 3 * kSecondNs) << "a block has no field for it";
  EXPECT_EQ(plans[1].max_flows, 500U);
  EXPECT_EQ(plans[1].flow.when_full, WhenFull::evict);
  EXPECT_EQ(plans[1].flow.metrics.enabled(), 1U) << "layer2 alone";
  EXPECT_EQ(plans[1].flow.sampling.by, Sampling::By::flows);
  EXPECT_EQ(plans[1].flow.sampling.seed, plans[0].flow.sampling.seed);
  EXPECT_EQ(plans[1].exports, std::vector<std::string>{"first"});
  EXPECT_EQ(flows_of(plans), 1500U);
}

TEST(MonitorBlocks, PrintWhatReadsBackAsTheSame) {
  const std::string text =
      "export: \"json:a\"\n"
      "monitor { name: \"a\" key: \"src_addr\" max_flows: 500 sample: \"none\" }\n"
      "monitor { name: \"b\" metrics: \"all\" export: \"json:a\" when_full: \"overflow\" idle_timeout: \"1500ms\" }\n";
  const auto settings = read(text, Command::check);
  ASSERT_TRUE(settings) << settings.error().message;
  const v1::Config effective = effective_config(*settings);
  const std::string printed = config_text(effective);
  EXPECT_NE(printed.find("monitor {\n"
                         "  name: \"b\"\n"
                         "  # key: as the option key\n"
                         "  # filter: as the option filter\n"
                         "  idle_timeout: \"1500ms\"\n"
                         "  # active_timeout: as the option active_timeout\n"
                         "  # max_flows: as the option max_flows\n"
                         "  when_full: \"overflow\"\n"
                         "  metrics: \"all\"\n"
                         "  # sample: as the option sample\n"
                         "  export: \"json:a\"\n"
                         "}\n"),
            std::string::npos)
      << printed;
  const auto again = parse_config(printed, "again");
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(again->config.SerializeAsString(), effective.SerializeAsString());
}

TEST(MonitorBlocks, NameTheLineOfWhatIsWrong) {
  const std::pair<std::string, std::string> bad[] = {
      {"monitor { key: \"5tuple\" }",
       "w.conf:1:1: monitor '{ ... }': the block has no name; expected a line such as name: \"wide\" in it"},
      {"monitor { name: \"a\" }\nmonitor { name: \"b\" }\nmonitor { name: \"a\" }",
       "w.conf:3:11: name a: two monitors have this name; expected a name for each of them"},
      {"monitor { name: \"a b\" }",
       "w.conf:1:11: name 'a b': expected letters, digits, '.', '-' and '_', as in a name such as wide"},
      {"monitor { name: \"" + std::string(33, 'x') + "\" }",
       "w.conf:1:11: name " + std::string(33, 'x') + ": 33 characters; expected at most 32"},
      {"monitor { name: \"a\" idle_timeout: \"30\" }",
       "w.conf:1:21: idle_timeout 30: a unit is missing; expected a number with one of the units ns us ms s m h, such "
       "as 1.5s"},
      {"monitor { name: \"a\" max_flows: 5 }", "w.conf:1:21: max_flows 5: out of range; expected 64 to 2147483648"},
      {"monitor { name: \"a\" when_full: \"burst\" }",
       "w.conf:1:21: when_full burst: expected evict, overflow or sample"},
      {"export: \"json:a?name=core\"\nmonitor { name: \"a\" export: \"cor\" }",
       "w.conf:2:21: export 'cor': no exporter has this name; did you mean core?"},
      {"export: \"json:a\"\nmonitor { name: \"a\" export: \"nowhere\" }",
       "w.conf:2:21: export 'nowhere': no exporter has this name; expected the ?name= of one, or the URI of one "
       "without"},
      {"export: \"json:a\"\nmonitor { name: \"a\" export: \"json:a\" export: \"json:a\" }",
       "w.conf:2:38: export 'json:a': given twice; expected each exporter once"},
      {"export: \"json:a\"\nexport: \"json:b\"\nmonitor { name: \"a\" export: \"json:a\" }",
       "w.conf:2:1: export 'json:b': no monitor exports to it; expected its name in the export list of one"},
      {"export: \"failover:x,y?name=g\"\nexport: \"json:a?name=x\"\nexport: \"json:b?name=y\"\n"
       "monitor { name: \"a\" export: \"x\" }",
       "w.conf:4:21: export 'x': a member of the group g; expected the group's name"},
      {"export: \"failover:x,y?name=g\"\nexport: \"netflow9://192.0.2.1:1?name=x\"\n"
       "export: \"netflow9://192.0.2.1:2?name=y\"\nmonitor { name: \"a\" }\nmonitor { name: \"b\" }",
       "w.conf:2:1: export 'netflow9://192.0.2.1:1?name=x': each of its messages names one monitor, and its group g "
       "has several; expected a group for each monitor"},
      {"monitor { name: \"a\" sample: \"rate=100\" when_full: \"overflow\" }",
       "w.conf:1:21: sample rate=100: what is summed beside a full table (--when-full overflow) has one rate; expected "
       "packets=1:N or flows=1:N, or another --when-full"},
      {"monitor { name: \"a\" layer: \"outer\" }",
       "w.conf:1:21: no field is named \"layer\"; expected one of name key filter idle_timeout active_timeout "
       "max_flows "
       "when_full metrics sample export"},
  };
  for (const auto& [text, error] : bad) EXPECT_EQ(error_of(text), error);
  std::string nine;
  for (char c = 'a'; c <= 'i'; ++c) nine += std::string("monitor { name: \"") + c + "\" }\n";
  EXPECT_EQ(error_of(nine), "w.conf:9:1: monitor i: one monitor too many; expected at most 8");
}

TEST(MonitorBlocks, SayThatTheCommandLineHasReplacedTheExporterThatTheyMiss) {
  auto file = parse_config("export: \"json:a?name=core\"\nmonitor { name: \"a\" export: \"core\" }", "w.conf");
  ASSERT_TRUE(file);
  SourcedConfig line;
  line.config.add_export_("json:b");
  line.places[{"export", 0}] = "--export";
  const SourcedConfig both = merge(std::move(*file), line);
  const auto settings = validate(both.config, Command::run, both.places);
  ASSERT_FALSE(settings);
  EXPECT_EQ(settings.error().message,
            "w.conf:2:21: export 'core': no exporter has this name; expected the ?name= of one, or the URI of one "
            "without (--export takes the place of all export: lines of the file)");
}

TEST(MonitorBlocks, TheMetricIcmpOfAnyOfThemIsEnoughForIcmpClose) {
  EXPECT_EQ(error_of("icmp_close: true monitor { name: \"a\" } monitor { name: \"b\" metrics: \"icmp\" }"), "");
  EXPECT_NE(error_of("icmp_close: true monitor { name: \"a\" } monitor { name: \"b\" metrics: \"tcp\" }"), "");
}

TEST(MonitorBlocks, OnlyMonitorsThatSampleKeepNetflow7Out) {
  const std::string exports = "export: \"netflow7://192.0.2.1:1?name=old\" export: \"json:a?name=new\"\n";
  EXPECT_EQ(error_of(exports + "monitor { name: \"a\" export: \"old\" }\n"
                               "monitor { name: \"b\" export: \"new\" sample: \"packets=1:2\" }"),
            "");
  EXPECT_NE(error_of(exports + "monitor { name: \"a\" }\nmonitor { name: \"b\" sample: \"packets=1:2\" }"), "");
}

TEST(MonitorBlocks, ShowTheMetricThatAKeyTurnsOn) {
  const auto settings = read(
      "monitor { name: \"plain\" }\n"
      "monitor { name: \"macs\" key: \"src_mac,dst_mac\" }\n"
      "monitor { name: \"both\" key: \"inner_vlan_id\" metrics: \"tcp\" }\n"
      "monitor { name: \"said\" key: \"src_mac\" metrics: \"layer2,tcp\" }\n");
  ASSERT_TRUE(settings) << settings.error().message;
  std::vector<std::string> lists;
  for (const MonitorPlan& plan : monitor_plans(*settings)) lists.push_back(plan.metric_list);
  EXPECT_EQ(lists, (std::vector<std::string>{"none", "layer2", "tcp,layer2", "layer2,tcp"}));
  const auto of_option = read("key: \"5tuple,dst_mac\"");
  ASSERT_TRUE(of_option);
  EXPECT_EQ(effective_config(*of_option).metrics(), "layer2");
}

TEST(MonitorBlocks, SayWhereTheGreatestTableGotItsSize) {
  const auto named = [](const std::string& text) { return greatest_table(*read(text)); };
  EXPECT_EQ(named("max_flows: 1000"), "--max-flows");
  EXPECT_EQ(named("max_flows: 1000 monitor { name: \"a\" } monitor { name: \"b\" max_flows: 500 }"), "--max-flows");
  EXPECT_EQ(named("max_flows: 1000 monitor { name: \"a\" } monitor { name: \"b\" max_flows: 5000 }"),
            "max_flows of monitor b");
  EXPECT_EQ(named("monitor { name: \"a\" max_flows: 70 } monitor { name: \"b\" max_flows: 80 }"),
            "max_flows of monitor b");
}

TEST(MonitorBlocks, CannotSendTwoMonitorsToOneNetflow7) {
  const std::string two = "monitor { name: \"a\" } monitor { name: \"b\" ";
  EXPECT_EQ(error_of("export: \"netflow7://127.0.0.1:2055\" " + two + "}"),
            "w.conf:1:1: export 'netflow7://127.0.0.1:2055': several monitors send to it, and NetFlow v7 has no place "
            "for which of them made a record; expected export: lines in the blocks that leave it to one of them, or "
            "another kind, such as netflow9://HOST:PORT");
  EXPECT_EQ(error_of("export: \"netflow7://127.0.0.1:2055?name=x\" export: \"json:j?name=y\" "
                     "monitor { name: \"a\" export: \"x\" } monitor { name: \"b\" export: \"y\" }"),
            "");
}

TEST(MonitorBlocks, AskForAFileOfPrefixesWhereAKeyHasAsNumbers) {
  EXPECT_EQ(error_of("key: \"src_as,dst_as\""),
            "w.conf:1:1: key src_as,dst_as: only a file of prefixes says which AS an address is of; expected "
            "--prefixes FILE, or a key without src_as and dst_as");
  EXPECT_EQ(error_of("monitor { name: \"a\" key: \"src_as\" }"),
            "w.conf:1:21: key src_as: only a file of prefixes says which AS an address is of; expected --prefixes "
            "FILE, or a key without src_as and dst_as");
  EXPECT_EQ(error_of("key: \"dst_as\" prefixes: \"p.txt\" when_full: \"overflow\""),
            "w.conf:1:1: key dst_as: what is summed beside a full table (--when-full overflow) has no AS numbers; "
            "expected a key without src_as and dst_as, or another --when-full");
  EXPECT_EQ(error_of("key: \"dst_as\" prefixes: \"p.txt\""), "");
}

}  // namespace
}  // namespace weir::monitor_blocks_test
