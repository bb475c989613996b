// The command line, from argv to settings or to one line of error; no process is started.
#include "control/command_line.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <cstdio>
#include <string>
#include <vector>

#include "control/config/metric_list.h"
#include "control/config/schema.h"
#include "control/export/loss.h"
#include "dataplane/icmp_quotes.h"
#include "dataplane/loss.h"
#include "dataplane/metric/missing_facts.h"
#include "dataplane/packet/reject.h"
#include "proto/schema/control_socket.h"

namespace weir::command_line_test {
namespace {

tl::expected<CommandLine, ConfigError> parse(std::vector<const char*> arguments) {
  arguments.insert(arguments.begin(), "weir");
  return parse_command_line(static_cast<int>(arguments.size()), arguments.data());
}

std::string error_of(const std::vector<const char*>& arguments) {
  const auto parsed = parse(arguments);
  if (parsed) return "";
  EXPECT_EQ(parsed.error().exit_code, 2) << parsed.error().message;
  EXPECT_EQ(parsed.error().message.find('\n'), std::string::npos) << parsed.error().message;
  return parsed.error().message;
}

/// A configuration file that is gone with the test.
class File {
 public:
  explicit File(const std::string& text) {
    char name[] = "/tmp/weir-command-XXXXXX";
    const int fd = mkstemp(name);
    EXPECT_EQ(::write(fd, text.data(), text.size()), static_cast<ssize_t>(text.size()));
    ::close(fd);
    path_ = name;
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  ~File() { ::unlink(path_.c_str()); }
  [[nodiscard]] const char* path() const { return path_.c_str(); }

 private:
  std::string path_;
};

TEST(CommandLine, TakesEveryOptionOfRun) {
  const auto parsed = parse({"run",          "--idle-timeout",
                             "1s",           "--active-timeout=2m",
                             "--tcp-close",  "off",
                             "--tcp-linger", "500ms",
                             "--max-flows",  "100",
                             "--workers",    "3",
                             "--ledger",     "-",
                             "--port",       "net_null0",
                             "--cores",      "0,2-4",
                             "--rss",        "ports",
                             "--socket",     "/tmp/s",
                             "--duration",   "1h",
                             "--eal",        "-m 64",
                             "--export",     "json:a"});
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_EQ(parsed->action, CommandLine::Action::run);
  const Settings& s = parsed->settings;
  EXPECT_EQ(s.flow.timeouts.idle_ns, 1'000'000'000U);
  EXPECT_EQ(s.flow.timeouts.active_ns, 120'000'000'000U);
  EXPECT_FALSE(s.flow.timeouts.tcp_close);
  EXPECT_EQ(s.flow.timeouts.linger_ns, 500'000'000U);
  EXPECT_EQ(s.max_flows, 100U);
  EXPECT_EQ(s.workers, 3U);
  EXPECT_EQ(s.ledger_file, "-");
  EXPECT_EQ(s.ports, std::vector<std::string>{"net_null0"});
  EXPECT_EQ(s.cores, (std::vector<unsigned>{0, 2, 3, 4}));
  EXPECT_EQ(s.rss, RssHash::ports);
  EXPECT_EQ(s.socket, "/tmp/s");
  EXPECT_EQ(s.duration_ns, 3'600'000'000'000U);
  EXPECT_EQ(s.eal_arguments, "-m 64");
  EXPECT_EQ(s.exports, std::vector<std::string>{"json:a"});
  EXPECT_EQ(parsed->effective.cores(), "0,2-4");
}

TEST(CommandLine, TakesWhatReorderingIsForCapturesAlone) {
  const auto parsed = parse({"read", "--max-reordering", "30s", "a.pcap"});
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_EQ(parsed->settings.max_reordering_ns, 30'000'000'000U);
  EXPECT_FALSE(parse({"run", "--port", "net_null0", "--max-reordering", "30s"}));
  EXPECT_EQ(error_of({"read", "--max-reordering", "0s", "a.pcap"}),
            "--max-reordering 0s: out of range; expected 1ms to 72h");
  EXPECT_EQ(error_of({"read", "--max-reordering", "73h", "a.pcap"}),
            "--max-reordering 73h: out of range; expected 1ms to 72h");
}

TEST(CommandLine, TakesTheInterfaceOfCapturesAndTheAddressOfTheProbe) {
  const auto read = parse({"read", "--interface", "65535", "--sampler-address", "2001:db8::1", "a.pcap"});
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->settings.interface, 65'535U);
  EXPECT_EQ(read->settings.sampler_address.text(), "2001:db8::1");
  const auto run = parse({"run", "--port", "net_null0", "--sampler-address", "192.0.2.1"});
  ASSERT_TRUE(run) << run.error().message;
  EXPECT_EQ(run->settings.sampler_address.text(), "192.0.2.1");
  EXPECT_FALSE(parse({"read", "a.pcap"})->settings.sampler_address.has_value());
  EXPECT_EQ(parse({"read", "a.pcap"})->settings.interface, 0U);

  EXPECT_FALSE(parse({"run", "--port", "net_null0", "--interface", "1"})) << "ports number themselves";
  EXPECT_EQ(error_of({"read", "--interface", "4294967296", "a.pcap"}),
            "--interface 4294967296: out of range; expected 0 to 4294967295");
  for (const auto& [wrong, shown] : {std::pair{"probe1", "probe1"},
                                     {"192.0.2.1:80", "'192.0.2.1:80'"},  // which would end with two colons
                                     {"192.0.2.0/24", "192.0.2.0/24"}}) {
    EXPECT_EQ(error_of({"read", "--sampler-address", wrong, "a.pcap"}),
              std::string("--sampler-address ") + shown +
                  ": expected an IPv4 or IPv6 address such as 192.0.2.1 or 2001:db8::1");
  }
}

TEST(CommandLine, TakesTheTimeThatAStopMayTake) {
  const auto parsed = parse({"run", "--port", "net_null0", "--stop-timeout", "1m"});
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_EQ(parsed->settings.stop_timeout_ns, 60'000'000'000U);
  EXPECT_NE(parse({"run", "--help"})->text.find("  --stop-timeout "), std::string::npos);
}

TEST(CommandLine, KeepsVdevStringsAndUrisWhole) {
  const auto parsed =
      parse({"run", "--port", "net_memif0,role=server,socket=w,socket-abstract=yes", "--port", "net_null1,size=64",
             "--export", "netflow9://127.0.0.1:2055?rate=50000&uniflow=1", "--export", "json:[a,b]"});
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_EQ(parsed->settings.ports,
            (std::vector<std::string>{"net_memif0,role=server,socket=w,socket-abstract=yes", "net_null1,size=64"}));
  EXPECT_EQ(parsed->settings.exports,
            (std::vector<std::string>{"netflow9://127.0.0.1:2055?rate=50000&uniflow=1", "json:[a,b]"}));
}

TEST(CommandLine, TakesEalArgumentsThatBeginWithDashes) {
  for (const auto& arguments : {std::vector<const char*>{"run", "--port", "net_null0", "--eal", "--log-level=8 -m 512"},
                                std::vector<const char*>{"run", "--port", "net_null0", "--eal=--log-level=8 -m 512"}}) {
    const auto parsed = parse(arguments);
    ASSERT_TRUE(parsed) << parsed.error().message;
    EXPECT_EQ(parsed->settings.eal_arguments, "--log-level=8 -m 512");
  }
}

TEST(CommandLine, TakesCapturesBeforeAndAfterOptions) {
  const auto parsed = parse({"read", "a.pcap", "--export", "json:-", "b,c=d.pcap", "--", "--e.pcap"});
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_EQ(parsed->action, CommandLine::Action::read);
  EXPECT_EQ(parsed->settings.captures, (std::vector<std::string>{"a.pcap", "b,c=d.pcap", "--e.pcap"}));
  EXPECT_EQ(parsed->settings.exports, std::vector<std::string>{"json:-"});
}

TEST(CommandLine, LetsOptionsOverrideTheFileAndTheFileTheDefaults) {
  const File file("workers: 3\nidle_timeout: \"7s\"\nexport: \"json:a\"\nexport: \"json:b\"\nport: \"net_null0\"\n");
  const auto parsed = parse({"run", "--config", file.path(), "--workers", "2", "--export", "json:c"});
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_EQ(parsed->settings.workers, 2U);
  EXPECT_EQ(parsed->settings.flow.timeouts.idle_ns, 7'000'000'000U);
  EXPECT_EQ(parsed->settings.flow.timeouts.active_ns, 300'000'000'000U);
  EXPECT_EQ(parsed->settings.exports, std::vector<std::string>{"json:c"});
  EXPECT_EQ(parsed->settings.ports, std::vector<std::string>{"net_null0"});
}

TEST(CommandLine, SaysInOneLineWhatIsWrongAndWhereHelpIs) {
  const std::pair<std::vector<const char*>, const char*> bad[] = {
      {{}, "a command is missing: run, read, check, doctor, metrics, fields, reasons or tunnels; see `weir --help`"},
      {{"--bogus"}, "unknown option --bogus; see `weir --help`"},
      {{"fly"},
       "'fly' is not a command; expected one of run, read, check, doctor, reasons, tunnels, fields, metrics; see `weir "
       "--help`"},
      {{"raed", "a.pcap"},
       "'raed' is not a command; did you mean read?; expected one of run, read, check, doctor, reasons, tunnels, "
       "fields, "
       "metrics; see `weir --help`"},
      {{"read", "--explain", "some", "a.pcap"},
       "--explain some: expected the number of a packet, from 1, or rejected; see `weir read --help`"},
      {{"run", "--wrokers", "2"}, "unknown option --wrokers; did you mean --workers?; see `weir run --help`"},
      {{"run", "--frobnicate=2"}, "unknown option --frobnicate; see `weir run --help`"},
      {{"run", "--port", "net_null0", "net_null1"}, "'net_null1' is not expected here; see `weir run --help`"},
      {{"read", "--rss", "ports", "a.pcap"}, "unknown option --rss: only `weir run` has it; see `weir read --help`"},
      {{"read"},
       "no capture file; expected one or more, as in weir read capture.pcap, or --input records:FILE; see `weir read "
       "--help`"},
      {{"run", "--workers", "two"}, "--workers two: expected a whole number, with k, M or G if it is large"},
      {{"run", "--workers", "1.5"}, "--workers 1.5: expected a whole number, with k, M or G if it is large"},
      {{"run", "--workers", "4294967297"}, "--workers 4294967297: out of range; expected 1 to 64"},
      {{"run", "--max-flows", "18446744073709551616"},
       "--max-flows 18446744073709551616: out of range; expected 64 to 2147483648"},
      {{"run", "--tcp-close", "yes"}, "--tcp-close yes: expected on or off"},
      {{"run", "--ledger", "--workers"},
       "--ledger --workers: a value is missing, --workers looks like an option; expected --ledger FILE"},
      {{"run", "--workers", "1", "--workers", "2"}, "--workers: given 2 times; expected once; see `weir run --help`"},
      {{"run", "--port", "net_null0", "--", "x"}, "'x' is not expected here; see `weir run --help`"},
      {{"run", "--port"}, "--port: a value is missing; see `weir run --help`"},
      {{"run"},
       "no port to take packets from; expected --port (or port: in the file) with a PCI address, as in --port "
       "0000:3b:00.0, or a kernel interface, as in --port af_packet:eth0"},
  };
  for (const auto& [arguments, error] : bad) {
    EXPECT_EQ(error_of(arguments), error);
  }
}

TEST(CommandLine, ChecksEveryValueAndListsAllThatAreWrong) {
  const auto wrong = parse({"check", "--idle-timeout", "5min", "--metrics", "tcpp", "--max-flows", "3"});
  ASSERT_FALSE(wrong);
  EXPECT_EQ(
      wrong.error().message,
      "--idle-timeout 5min: not a duration; expected a number with one of the units ns us ms s m h, such as 1.5s; "
      "did you mean 5m?");
  EXPECT_EQ(wrong.error().more, (std::vector<std::string>{
                                    "--max-flows 3: out of range; expected 64 to 2147483648",
                                    "--metrics tcpp: there is no metric 'tcpp'; did you mean tcp?; expected all, none "
                                    "or names of " +
                                        metric_names()}));
  EXPECT_EQ(wrong.error().exit_code, 2);
  // run stops at the first.
  const auto first = parse({"run", "--port", "net_null0", "--idle-timeout", "5min", "--max-flows", "3"});
  ASSERT_FALSE(first);
  EXPECT_TRUE(first.error().more.empty());
}

TEST(CommandLine, TakesLargeNumbersWithASuffix) {
  EXPECT_EQ(parse({"read", "--max-flows", "2M", "a.pcap"})->settings.max_flows, 2'000'000U);
  EXPECT_EQ(parse({"read", "--max-flows", "1.5K", "a.pcap"})->settings.max_flows, 1'500U);
}

TEST(CommandLine, TellsAMissingConfigurationFromAWrongOne) {
  const auto missing = parse({"check", "--config", "/tmp/weir-no-such-file"});
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().exit_code, 1);
  EXPECT_EQ(missing.error().message,
            "/tmp/weir-no-such-file: No such file or directory; expected a configuration file that can be read");
  const File file("idle_timeout: \"soon\"\n");
  EXPECT_EQ(error_of({"check", "--config", file.path()}),
            std::string(file.path()) +
                ":1:1: idle_timeout soon: not a duration; expected a number with one of the units ns us ms s m h, such "
                "as 1.5s");
}

TEST(CommandLine, CheckPrintsAConfigurationThatCheckPrintsAgain) {
  const auto first = parse({"check", "--workers", "2", "--export", "json:a", "--port", "net_null0,size=64", "--socket",
                            "/tmp/s", "--cores", "0-2", "--eal", "--log-level=8"});
  ASSERT_TRUE(first) << first.error().message;
  EXPECT_EQ(first->action, CommandLine::Action::print);
  EXPECT_NE(first->text.find("port: \"net_null0,size=64\"\n"), std::string::npos) << first->text;
  const File file(first->text);
  const auto second = parse({"check", "--config", file.path()});
  ASSERT_TRUE(second) << second.error().message;
  EXPECT_EQ(second->text, first->text);
}

TEST(CommandLine, CheckHintsAtFieldsWhoseMetricIsOff) {
  const auto off = parse({"check", "--metrics", "tcp", "--export", "table:-?fields=src_addr,rtt_handshake_ns"});
  ASSERT_TRUE(off) << off.error().message;
  ASSERT_EQ(off->hints.size(), 1U);
  EXPECT_NE(off->hints[0].find("rtt_handshake_ns is of the metric rtt, which is off"), std::string::npos);
  const auto on = parse({"check", "--metrics", "tcp,rtt", "--export", "table:-?fields=src_addr,rtt_handshake_ns"});
  ASSERT_TRUE(on) << on.error().message;
  EXPECT_TRUE(on->hints.empty());
}

TEST(CommandLine, MetricsAreListedAllOrByName) {
  const auto all = parse({"metrics"});
  ASSERT_TRUE(all);
  EXPECT_NE(all->text.find("tcp_mss"), std::string::npos);
  EXPECT_NE(all->text.find("dns_query_name"), std::string::npos);
  const auto dns = parse({"metrics", "dns"});
  ASSERT_TRUE(dns);
  EXPECT_EQ(dns->text.find("tcp_mss"), std::string::npos);
  EXPECT_NE(dns->text.find("personal data"), std::string::npos) << "what it records";
  const auto wrong = parse({"metrics", "dsn"});
  ASSERT_FALSE(wrong);
  EXPECT_NE(wrong.error().message.find("there is no metric 'dsn'; did you mean dns?"), std::string::npos)
      << wrong.error().message;
}

TEST(CommandLine, HelpAndVersionGoToStandardOutput) {
  const auto version_text = parse({"--version"});
  ASSERT_TRUE(version_text);
  EXPECT_EQ(version_text->text, "weir " + std::string(version()) + "\n");
  for (const char* command : {"run", "read", "check", "reasons", "tunnels", "metrics", "fields"}) {
    const auto help = parse({command, "--help"});
    ASSERT_TRUE(help) << command;
    EXPECT_NE(help->text.find("Example"), std::string::npos) << command;
    EXPECT_NE(help->text.find(std::string("weir ") + command), std::string::npos) << help->text;
  }
  const auto* type = v1::Config::descriptor();
  for (const auto& [name, command] :
       {std::pair{"run", Command::run}, {"read", Command::read}, {"check", Command::check}}) {
    const auto help = parse({name, "--help"})->text;
    for (int i = 0; i < type->field_count(); ++i) {
      if (type->field(i)->cpp_type() == google::protobuf::FieldDescriptor::CPPTYPE_MESSAGE) {
        EXPECT_NE(help.find(example_line(*type->field(i))), std::string::npos) << name << ": blocks are the file's";
        continue;
      }
      const std::string option = "  " + option_of(type->field(i)->name()) + " ";
      EXPECT_EQ(help.find(option) != std::string::npos, is_option_of(*type->field(i), command)) << name << option;
    }
  }
}

TEST(Reasons, NamesEveryRejectAndLossOnce) {
  std::string text = parse({"reasons"})->text;
  const auto quotes = text.find("\nWhat became of the quotes");  // of which one is named like a loss of packets
  ASSERT_NE(quotes, std::string::npos);
  for (const auto& quote : kIcmpQuoteTexts) {
    EXPECT_NE(text.find("\n  " + std::string(quote.name) + " ", quotes), std::string::npos) << quote.name;
  }
  const auto missing = text.find("\nWhat a metric left out", quotes);
  ASSERT_NE(missing, std::string::npos);
  for (const auto& fact : kMissingFactTexts) {
    EXPECT_NE(text.find("\n  " + std::string(fact.name) + " ", missing), std::string::npos) << fact.name;
  }
  text.resize(quotes);
  std::vector<std::string_view> names;
  for (std::size_t i = 1; i < kRejectTexts.size(); ++i) names.push_back(kRejectTexts[i].name);
  for (const auto& loss : kLossTexts) names.push_back(loss.name);
  for (const auto& loss : kExportLossTexts) names.push_back(loss.name);
  names.push_back("handover_full");
  for (const auto& name : names) {
    const std::string line = "\n  " + std::string(name) + " ";
    const auto at = text.find(line);
    ASSERT_NE(at, std::string::npos) << name;
    EXPECT_EQ(text.find(line, at + 1), std::string::npos) << name;
  }
  EXPECT_EQ(text.find("\n  none"), std::string::npos);
}

}  // namespace
}  // namespace weir::command_line_test
