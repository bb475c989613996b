// Configuration: every rule by a value on each side of it, with the whole text of the error, since that text is what
// the user gets.
#include "control/config/config.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <functional>
#include <iterator>
#include <random>
#include <string>
#include <thread>

#include "control/config/metric_list.h"
#include "proto/schema/control_socket.h"

namespace weir::config_test {
namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;

std::string error_of(const std::function<void(v1::Config&)>& change, Command command = Command::run) {
  v1::Config config;
  config.add_port("net_null0");
  change(config);
  const auto settings = validate(config, command);
  return settings ? "" : settings.error().message;
}

/// " ipip gre ...": TunnelList's tests say which there are.
std::string tunnel_names() {
  std::string names;
  for (std::size_t i = 1; i < kTunnelTypes.size(); ++i) names += " " + std::string(kTunnelTypes[i].name);
  return names;
}

TEST(Validate, TakesTheDocumentedDefaults) {
  v1::Config config;
  config.add_port("net_null0");
  const auto settings = validate(config, Command::run);
  ASSERT_TRUE(settings) << settings.error().message;
  EXPECT_EQ(settings->flow.timeouts.idle_ns, 30 * kSecond);
  EXPECT_EQ(settings->flow.timeouts.active_ns, 300 * kSecond);
  EXPECT_TRUE(settings->flow.timeouts.tcp_close);
  EXPECT_EQ(settings->flow.timeouts.linger_ns, 2 * kSecond);
  EXPECT_EQ(settings->max_reordering_ns, 10 * kSecond);
  EXPECT_EQ(settings->max_flows, 1'048'576U);
  EXPECT_EQ(settings->workers, 1U);
  EXPECT_EQ(settings->flow.when_full, WhenFull::evict);
  EXPECT_EQ(settings->overflow.max_entries, 65'536U);
  EXPECT_EQ(settings->overflow.timeout_ns, 10 * kSecond);
  EXPECT_EQ(settings->rss, RssHash::addresses);
  EXPECT_EQ(settings->idle, IdleChoice::automatic);
  EXPECT_EQ(settings->flow.parser.layer, Layer::inner);
  EXPECT_EQ(settings->flow.parser.icmp_errors, IcmpErrors::own);
  EXPECT_EQ(settings->flow.parser.tunnel_depth, 16U);
  EXPECT_EQ(settings->flow.parser.tunnels, ParserOptions::defaults().tunnels);
  EXPECT_EQ(settings->filter, "");
  EXPECT_EQ(settings->duration_ns, 0U);
  EXPECT_EQ(settings->stop_timeout_ns, 15'000'000'000U);
  EXPECT_EQ(settings->socket, default_socket_path());
}

TEST(Validate, NamesOptionValueAndWhatIsExpected) {
  using Change = std::function<void(v1::Config&)>;
  const std::pair<Change, std::string> bad[] = {
      {[](auto& c) { c.set_idle_timeout("30"); },
       "--idle-timeout 30: a unit is missing; expected a number with one of the units ns us ms s m h, such as 1.5s"},
      {[](auto& c) { c.set_metrics("tcp,rtp"); },
       "--metrics tcp,rtp: there is no metric 'rtp'; did you mean rtt?; expected all, none or names of " +
           metric_names()},
      {[](auto& c) { c.set_metrics("tcp,packets:31"); },
       "--metrics 'tcp,packets:31': 'packets:31': expected packets:N with N from 1 to 30"},
      {[](auto& c) { c.set_metrics("packets:"); },
       "--metrics 'packets:': 'packets:': expected packets:N with N from 1 to 30"},
      {[](auto& c) { c.set_metrics("dns:mdsn"); }, "--metrics 'dns:mdsn': 'dns:mdsn': expected dns:mdns|llmnr"},
      {[](auto& c) { c.set_metrics("dns:"); }, "--metrics 'dns:': 'dns:': expected dns:mdns|llmnr"},
      {[](auto& c) { c.set_metrics("quic:2018"); },
       "--metrics 'quic:2018': 'quic:2018': expected quic:2017[=PORT]|measurement-byte"},
      {[](auto& c) { c.set_metrics("quic:2017=0"); },
       "--metrics 'quic:2017=0': 'quic:2017=0': expected quic:2017[=PORT]|measurement-byte with a number from 1 to "
       "65535 after the ="},
      {[](auto& c) { c.set_metrics("quic:measurement-byte=3"); },
       "--metrics 'quic:measurement-byte=3': 'quic:measurement-byte=3': expected quic:2017[=PORT]|measurement-byte"},
      {[](auto& c) { c.set_metrics("rtt:3"); }, "--metrics 'rtt:3': 'rtt' has no parameter"},
      {[](auto& c) { c.set_key("5tuple,mac"); },
       "--key 5tuple,mac: 'mac' is not a field of the key; expected 5tuple, or names of src_addr dst_addr src_port "
       "dst_port proto, and of icmp vlan_id inner_vlan_id mpls_label tunnel_id ip_tos src_mac dst_mac src_as "
       "dst_as in_if out_if, "
       "separated by commas; src_addr/N and dst_addr/N for a prefix of IPv4, src_addr6/N and dst_addr6/N of IPv6"},
      {[](auto& c) { c.set_key("5tuple,out_if"); },
       "--key 5tuple,out_if: only ports in a pair have an egress interface; expected --pair, or a key without out_if"},
      {[](auto& c) {
         c.set_key("5tuple,src_mac");
         c.set_when_full("overflow");
       },
       "--key 5tuple,src_mac: what is summed beside a full table (--when-full overflow) has no MAC addresses and no "
       "inner VLAN; expected a key without src_mac, dst_mac and inner_vlan_id, or another --when-full"},
      {[](auto& c) { c.add_pair("net_null0"); },
       "--pair net_null0: expected two devices of --port with a comma between them, without the arguments of a vdev, "
       "such as 0000:3b:00.0,0000:3b:00.1 or net_af_packet0,net_af_packet1"},
      {[](auto& c) { c.add_pair("net_null0,net_null1"); },
       "--pair net_null0,net_null1: 'net_null1' is not among the ports; expected a device of --port"},
      {[](auto& c) { c.add_pair("net_null0,net_null0"); },
       "--pair net_null0,net_null0: expected two different devices"},
      {[](auto& c) {
         c.add_port("net_null1");
         c.add_port("net_null2,size=64");
         c.add_pair("net_null0,net_null2");
         c.add_pair("net_null1,net_null2");
       },
       "--pair net_null1,net_null2: 'net_null2' is in a pair already; expected every device once"},
      {[](auto& c) {
         c.add_port("net_null1");
         c.add_pair("net_null0,net_null1");
         c.set_sample("packets=1:10");
       },
       "--pair net_null0,net_null1: of packets that are sampled one by one, the two ports of a pair seldom show the "
       "same one; expected --sample flows=1:N, or no --sample"},
      {[](auto& c) { c.set_layer("both"); }, "--layer both: expected outer or inner"},
      {[](auto& c) { c.set_tunnels("gre=3"); },
       "--tunnels gre=3: gre has no UDP port; expected all, none, default or names of" + tunnel_names() +
           ", separated by commas, with =PORT where it is not the registered one"},
      {[](auto& c) { c.set_tunnel_depth(33); }, "--tunnel-depth 33: out of range; expected 0 to 32"},
      {[](auto& c) { c.set_icmp_errors("all"); }, "--icmp-errors all: expected own or quoted"},
      {[](auto& c) { c.set_filter(""); }, "--filter '': empty; expected a pcap filter such as 'tcp port 443'"},
      {[](auto& c) { c.set_idle_timeout("999us"); }, "--idle-timeout 999us: out of range; expected 1ms to 72h"},
      {[](auto& c) { c.set_active_timeout("73h"); }, "--active-timeout 73h: out of range; expected 1ms to 72h"},
      {[](auto& c) { c.set_active_timeout(""); }, "--active-timeout '': empty; expected a duration such as 30s"},
      {[](auto& c) { c.set_max_flows(63); }, "--max-flows 63: out of range; expected 64 to 2147483648"},
      {[](auto& c) { c.set_max_flows((1ULL << 31) + 1); },
       "--max-flows 2147483649: out of range; expected 64 to 2147483648"},
      {[](auto& c) { c.set_workers(0); }, "--workers 0: out of range; expected 1 to 64"},
      {[](auto& c) { c.set_workers(65); }, "--workers 65: out of range; expected 1 to 64"},
      {[](auto& c) { c.add_export_(""); },
       "--export '': empty; expected an export URI such as netflow9://192.0.2.1:2055"},
      {[](auto& c) { c.add_export_("json:a\nb"); },
       "--export: a control character, or octets that are not UTF-8; expected plain text"},
      {[](auto& c) { c.add_export_("json:\xff"); },
       "--export: a control character, or octets that are not UTF-8; expected plain text"},
      {[](auto& c) {
         c.add_export_("json:out");
         c.add_export_("json:out");
       },
       "--export 'json:out': given twice: every record would be sent twice; expected different exporters"},
      {[](auto& c) {
         c.add_export_("json:-");
         c.add_export_("protobuf:-");
       },
       "--export 'protobuf:-': standard output is written by json:-, too; expected a file for each exporter"},
      {[](auto& c) {
         c.add_export_("json:a?name=archive");
         c.add_export_("protobuf:b?name=archive");
       },
       "--export 'protobuf:b?name=archive': 'json:a?name=archive' has the name archive, too; expected a name for each "
       "exporter"},
      {[](auto& c) {
         c.add_export_("failover:core-1,core-2");
         c.add_export_("json:a?name=core-1");
       },
       "--export 'failover:core-1,core-2': no exporter has the name core-2; did you mean core-1?"},
      {[](auto& c) { c.add_export_("balance:a"); },
       "--export 'balance:a': a group has two members or more; expected balance:NAME,NAME..."},
      {[](auto& c) { c.add_export_("ipfix://192.0.2.1:4739?source=::1"); },
       "--export 'ipfix://192.0.2.1:4739?source=::1': source '::1' is an address of IPv6, and the collector 192.0.2.1 "
       "one of IPv4; expected one family"},
      {[](auto& c) {
         c.add_export_("json:-");
         c.set_ledger("-");
       },
       "--ledger -: standard output is written by json:-, too; expected a file of its own"},
      {[](auto& c) { c.set_ledger(""); }, "--ledger '': empty; expected a file, or - for standard output"},
      {[](auto& c) { c.add_port("eth0"); },
       "--port eth0: neither a PCI address nor a vdev; expected a PCI address such as 0000:3b:00.0, a kernel "
       "interface such as af_packet:eth0, or a vdev such as net_memif0"},
      {[](auto& c) { c.add_port("tap:a/b"); },
       "--port 'tap:a/b': no name of an interface; expected 1 to 15 characters after the colon, none of them a space, "
       "'/', ':' or '='"},
      {[](auto& c) { c.add_port("net_null0"); }, "--port net_null0: given twice; expected every port once"},
      {[](auto& c) { c.add_port("net_null0,size=64"); },
       "--port net_null0,size=64: the same device as net_null0; expected every device once"},
      {[](auto& c) {
         c.add_port("3B:00.0");
         c.add_port("0000:3b:00.0");
       },
       "--port '0000:3b:00.0': the same device as 3B:00.0; expected every device once"},
      {[](auto& c) { c.add_port("0000:3b:00.8"); },
       "--port '0000:3b:00.8': neither a PCI address nor a vdev; expected a PCI address such as 0000:3b:00.0, a "
       "kernel interface such as af_packet:eth0, or a vdev such as net_memif0"},
      {[](auto& c) { c.clear_port(); },
       "no port to take packets from; expected --port (or port: in the file) with a PCI address, as in --port "
       "0000:3b:00.0, or a kernel interface, as in --port af_packet:eth0"},
      {[](auto& c) { c.set_cores("0,2-4"); },
       "--cores 0,2-4: 4 CPUs; expected 2: the first for control, then one for each of 1 worker (--workers)"},
      {[](auto& c) {
         c.set_cores("3");
         c.set_workers(2);
       },
       "--cores 3: 1 CPU; expected 3: the first for control, then one for each of 2 workers"},
      {[](auto& c) { c.set_cores("0,x"); },
       "--cores 0,x: 'x' is not a CPU number or range; expected CPU numbers and ranges such as 0,2-4"},
      {[](auto& c) { c.set_when_full("drop"); }, "--when-full drop: expected evict, overflow or sample"},
      {[](auto& c) { c.set_overflow_entries(0); }, "--overflow-entries 0: out of range; expected 1 to 16777216"},
      {[](auto& c) { c.set_overflow_timeout("0s"); }, "--overflow-timeout 0s: out of range; expected 1ms to 72h"},
      {[](auto& c) { c.set_idle("never"); }, "--idle never: expected auto, poll, pause or sleep"},
      {[](auto& c) { c.set_rss("address"); }, "--rss address: expected addresses or ports"},
      {[](auto& c) { c.set_prometheus("127.0.0.1:x"); },
       "--prometheus '127.0.0.1:x': 'x' is not a port; expected ADDRESS:PORT such as 127.0.0.1:9101 or [::1]:9101"},
      {[](auto& c) { c.set_http("70000"); },
       "--http 70000: '70000' is not a port; expected ADDRESS:PORT such as 127.0.0.1:9101 or [::1]:9101"},
      {[](auto& c) { c.set_tunnels("none,gre"); },
       "--tunnels none,gre: 'none' cannot stand beside other names; expected all, none, default or names of" +
           tunnel_names() + ", separated by commas, with =PORT where it is not the registered one"},
      {[](auto& c) { c.set_socket("/run/weir/"); }, "--socket /run/weir/: a folder; expected a file in it"},
      {[](auto& c) { c.set_user("we ir"); },
       "--user 'we ir': no name of a user; expected the name or the number of a user other than root"},
      {[](auto& c) { c.set_user("-u"); },
       "--user -u: no name of a user; expected the name or the number of a user other than root"},
      {[](auto& c) { c.set_user("root"); },
       "--user root: root keeps every right; expected the name or the number of a user other than root"},
      {[](auto& c) { c.set_user("0"); },
       "--user 0: root keeps every right; expected the name or the number of a user other than root"},
      {[](auto& c) { c.set_duration("0s"); }, "--duration 0s: out of range; expected 1ns to 87600h"},
      {[](auto& c) { c.set_stop_timeout("0s"); }, "--stop-timeout 0s: out of range; expected 1ms to 72h"},
  };
  for (const auto& [change, error] : bad) EXPECT_EQ(error_of(change), error);
}

TEST(Validate, TakesTheEdgesOfEveryRange) {
  const std::function<void(v1::Config&)> good[] = {
      [](auto& c) { c.set_idle_timeout("1ms"); },   [](auto& c) { c.set_idle_timeout("72h"); },
      [](auto& c) { c.set_max_flows(64); },         [](auto& c) { c.set_max_flows(1ULL << 31); },
      [](auto& c) { c.set_workers(64); },           [](auto& c) { c.add_port("0000:3b:00.7"); },
      [](auto& c) { c.add_port("3b:00.0,a=b,c"); }, [](auto& c) { c.set_cores("1,0"); },
      [](auto& c) { c.set_duration("1ns"); },       [](auto& c) { c.set_eal(""); },
      [](auto& c) { c.set_socket("s\xc3\xa4"); },   [](auto& c) { c.add_port("net_memif0,role=server,socket=a b"); }};
  for (const auto& change : good) EXPECT_EQ(error_of(change), "");
}

TEST(Validate, JoinsThePortsOfAPairByTheirPlace) {
  v1::Config config;
  config.add_port("net_null0");
  config.add_port("0000:3b:00.0");
  config.add_port("net_null1,size=64");
  config.add_pair("net_null1,3b:00.0");
  config.set_key("5tuple,in_if,out_if");
  const auto settings = validate(config, Command::run);
  ASSERT_TRUE(settings) << settings.error().message;
  EXPECT_EQ(settings->flow.pairs.egress_of(1), 0U);
  EXPECT_EQ(settings->flow.pairs.egress_of(2), 3U);
  EXPECT_EQ(settings->flow.pairs.egress_of(3), 2U);
}

TEST(Validate, RefusesAUserWhoCouldNotTakeAnXdpProgramOffAgain) {
  for (const char* port : {"af_xdp:eth0", "net_af_xdp0,iface=eth0"}) {
    v1::Config config;
    config.add_port(port);
    EXPECT_TRUE(validate(config, Command::run)) << port;
    config.set_user("weir");
    const auto settings = validate(config, Command::run);
    ASSERT_FALSE(settings) << port;
    EXPECT_EQ(settings.error().exit_code, 2);
    EXPECT_NE(settings.error().message.find("its XDP program would stay on the interface"), std::string::npos)
        << settings.error().message;
  }
}

TEST(Validate, TurnsTheMetricOnThatAKeyOfMacAddressesNeeds) {
  for (const char* key : {"5tuple,src_mac,dst_mac", "5tuple,inner_vlan_id", "5tuple,in_if,ip_tos"}) {
    v1::Config config;
    config.add_port("net_null0");
    config.set_key(key);
    config.set_metrics("rtt");
    const auto settings = validate(config, Command::run);
    ASSERT_TRUE(settings) << settings.error().message;
    Metrics expected = *parse_metric_list("rtt");
    if (settings->flow.key.holds_link_facts()) expected = *parse_metric_list("layer2,rtt");
    EXPECT_EQ(settings->flow.metrics.enabled(), expected.enabled()) << key;
  }
}

TEST(Validate, MeasuresTheSocketPathAgainstSockaddrUn) {
  EXPECT_EQ(error_of([](auto& c) { c.set_socket("/" + std::string(106, 'a')); }), "");
  const std::string longer = "/" + std::string(107, 'a');
  EXPECT_EQ(error_of([&](auto& c) { c.set_socket(longer); }),
            "--socket " + longer + ": 108 octets; expected a path of at most 107");
}

TEST(Validate, PassesOnWhatTheExportersSayOfAUri) {
  const std::string error = error_of([](auto& c) { c.add_export_("carrier-pigeon://roof"); });
  EXPECT_EQ(error.rfind("--export 'carrier-pigeon://roof': ", 0), 0U) << error;
  const auto parsed = parse_config("\n export: \"netflow9://nohost\"", "w.conf").value();
  const auto settings = validate(parsed.config, Command::read, parsed.places);
  ASSERT_FALSE(settings);
  EXPECT_EQ(settings.error().message.rfind("w.conf:2:2: export 'netflow9://nohost': ", 0), 0U)
      << settings.error().message;
}

TEST(Validate, AsksReadForNoPortAndNoMatchingCores) {
  v1::Config config;
  config.set_cores("0,2-4");
  EXPECT_TRUE(validate(config, Command::read));
  EXPECT_FALSE(validate(config, Command::check));
  config.set_cores("0,2-x");
  EXPECT_FALSE(validate(config, Command::read));
  config.clear_cores();
  EXPECT_TRUE(validate(config, Command::check));
  EXPECT_FALSE(validate(config, Command::run));
}

TEST(ConfigFile, NamesLineAndColumnOfAnErrorOfTheTextForm) {
  const std::pair<const char*, const char*> bad[] = {
      {"workers: 2\nidle_timeout: 30s\n",
       "c:2:15: idle_timeout 30s: durations stand in quotes; expected a line such as idle_timeout: \"30s\""},
      {"idle_timeout: 30\n",
       "c:1:15: idle_timeout 30: durations stand in quotes; expected a line such as idle_timeout: \"30s\""},
      {"\n  idle_timeout :15s # a comment\nworkers: 2\n",
       "c:2:17: idle_timeout 15s: durations stand in quotes; expected a line such as idle_timeout: \"30s\""},
      {"layer: inner\n", "c:1:8: layer inner: texts stand in quotes; expected a line such as layer: \"inner\""},
      {"# tcp_close\ntcp_close: off\n\nworkers: 2\n", "c:2:12: tcp_close off: expected true or false"},
      {"export: [\"json:a\", \"json:b\"\nworkers: 2\n",
       "c:1:9: the list of export that begins here has no ']'; expected a ',' between two values and a ']' after the "
       "last one"},
      {"tcp_close: maybe", "c:1:12: tcp_close maybe: expected true or false"},
      {"workers: 2\n idle-timeout: \"30s\"\n", "c:2:2: no field is named \"idle-timeout\"; did you mean idle_timeout?"},
      {"\tworkers: x\n", "c:1:18: expected integer, got: x; expected a line such as workers: 4"},
      {"\ttcp_close: no\n", "c:1:20: tcp_close no: expected true or false"},
      {"idle_timeuot: \"30s\"\n", "c:1:1: no field is named \"idle_timeuot\"; did you mean idle_timeout?"},
      {"wrokers: 2\n", "c:1:1: no field is named \"wrokers\"; did you mean workers?"},
      {"threads: 2\n",
       "c:1:1: no field is named \"threads\"; expected one of input account_entries account_timeout account_others "
       "port pair cores "
       "rss idle eal socket socket_mode socket_group control prometheus http state user duration "
       "stop_timeout "
       "idle_timeout active_timeout tcp_close tcp_linger icmp_close max_reordering max_flows workers when_full "
       "overflow_entries overflow_timeout key metrics community_id_seed sample sample_key monitor layer tunnels "
       "tunnel_depth icmp_errors filter frame_filter export sampler_address prefixes interfaces interface "
       "save_rejects ledger"},
      {"workers: 1\nworkers: 2\n", "c:2:8: workers is given twice; expected a line such as workers: 4"},
      {"idle_timeout = \"5s\"\n",
       "c:1:14: idle_timeout =: a colon stands before a value; expected a line such as idle_timeout: \"30s\""},
      {"max_flows: 2M\n",
       "c:1:13: a number is digits alone; units are for the command line; expected a line such as max_flows: 1048576"},
  };
  for (const auto& [text, error] : bad) {
    const auto parsed = parse_config(text, "c");
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().message, error);
    EXPECT_EQ(parsed.error().exit_code, 2);
  }
  for (const char* text : {"workers: 5000000000", "workers: -1", "tcp_close: maybe", "export: \"a", "workers 2 }",
                           "\x01\xff", "export: [\"a\", ", "weir.v1.Config { }"}) {
    const auto parsed = parse_config(text, "c");
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().message.rfind("c:1:", 0), 0U) << parsed.error().message;
    EXPECT_EQ(parsed.error().message.find('\n'), std::string::npos);
  }
}

// Whatever is torn out of a file or put into it: one line that begins with the place, or a configuration.
TEST(ConfigFile, SaysOneLineOfAnyMutilatedText) {
  const std::string whole =
      "# weir\nidle_timeout: \"30s\"\n\ttcp_close: false max_flows: 99\nexport: \"json:-\" export: 'protobuf:a b'\n"
      "port: [\"net_null0\", \"0000:3b:00.0\"]\ncores: \"0,2-4\";\n";
  const std::string_view bits[] = {"", "-", ":", "\"", "'", "\n", "{", "}", "[", "off", "15s", "\t", "#", "\\", "\xff"};
  std::mt19937 random(7);
  unsigned refused = 0;
  for (unsigned i = 0; i < 5000; ++i) {
    std::string text = whole;
    for (unsigned change = 0; change <= i % 3; ++change) {
      text.replace(random() % (text.size() + 1), random() % 9, bits[random() % std::size(bits)]);
    }
    const auto parsed = parse_config(text, "c");
    if (parsed) continue;
    ++refused;
    EXPECT_EQ(parsed.error().message.rfind("c:", 0), 0U) << text << '\n' << parsed.error().message;
    EXPECT_EQ(parsed.error().message.find('\n'), std::string::npos) << text << '\n' << parsed.error().message;
  }
  EXPECT_GT(refused, 2500U);
}

TEST(ConfigFile, NamesTheBlockWhoseBracketIsMissing) {
  const std::pair<const char*, const char*> bad[] = {
      {"workers: 2\nmonitor {\n  name: \"a\"\n  filter: \"}\"  # }\nmonitor {\n  name: \"b\"\n}\n",
       "c:5:1: the block monitor of line 2 has no '}' before monitor; expected a line with '}' at its end"},
      {"monitor {\n  name: \"a\"\nexport: \"json:x\"\nworkers: 2\n",
       "c:4:1: the block monitor of line 1 has no '}' before workers; expected a line with '}' at its end"},
      {"monitor {\n  name: \"a\"\n",
       "c:3:1: the block monitor of line 1 has no '}' until the end of the file; expected a line with '}' at its end"},
      {"monitor {\n  name: \"a\"\n}\n}\nworkers: 2\n", "c:4:1: this '}' closes no block; expected one for each '{'"},
      {"monitor\n  name: \"a\"\n}\n",
       "c:2:3: a '{' is missing after monitor; expected a block such as monitor { name: \"wide\" key: "
       "\"src_addr/24,dst_addr/24\" }"},
      {"monitor: \"a\"\n",
       "c:1:10: a '{' is missing after monitor; expected a block such as monitor { name: \"wide\" key: "
       "\"src_addr/24,dst_addr/24\" }"},
      {"monitor {\n  nmae: \"a\"\n}\n", "c:2:3: no field is named \"nmae\"; did you mean name?"},
  };
  for (const auto& [text, error] : bad) {
    const auto parsed = parse_config(text, "c");
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().message, error);
  }
}

TEST(ConfigFile, NamesLineAndColumnOfAValueThatCannotBe) {
  const auto parsed =
      parse_config("# comment\n\n  idle_timeout: \"30\"\nexport: \"json:a\"\nexport: \"json:a\"\n", "w.conf");
  ASSERT_TRUE(parsed);
  auto settings = validate(parsed->config, Command::read, parsed->places);
  ASSERT_FALSE(settings);
  EXPECT_EQ(settings.error().message,
            "w.conf:3:3: idle_timeout 30: a unit is missing; expected a number with one of the units ns us ms s m h, "
            "such as 1.5s");
  v1::Config config = parsed->config;
  config.set_idle_timeout("30s");
  settings = validate(config, Command::read, parsed->places);
  ASSERT_FALSE(settings);
  EXPECT_EQ(settings.error().message.rfind("w.conf:5:1: export 'json:a': given twice", 0), 0U);
}

TEST(ConfigFile, TellsAFileThatCannotBeReadFromOneThatIsWrong) {
  char folder[] = "/tmp/weir-config-XXXXXX";
  ASSERT_NE(mkdtemp(folder), nullptr);
  const std::string path = std::string(folder) + "/w.conf";
  auto loaded = load_config_file(path);
  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.error().message,
            path + ": No such file or directory; expected a configuration file that can be read");
  EXPECT_EQ(loaded.error().exit_code, 1);
  loaded = load_config_file(folder);
  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.error().message,
            std::string(folder) + ": Is a directory; expected a configuration file that can be read");
  EXPECT_EQ(loaded.error().exit_code, 1);
  loaded = load_config_file("/dev/zero");
  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.error().exit_code, 2);

  std::FILE* file = std::fopen(path.c_str(), "w");
  std::fputs("workers: 3\n", file);
  std::fclose(file);
  loaded = load_config_file(path);
  ASSERT_TRUE(loaded);
  EXPECT_EQ(loaded->config.workers(), 3U);
  unlink(path.c_str());
  rmdir(folder);
}

TEST(ConfigFile, IsReadFromAFifoAndNotWaitedForWithoutEnd) {
  char folder[] = "/tmp/weir-config-XXXXXX";
  ASSERT_NE(mkdtemp(folder), nullptr);
  const std::string path = std::string(folder) + "/fifo";
  ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);
  const auto nobody = load_config_file(path, std::chrono::milliseconds(1));
  ASSERT_FALSE(nobody);
  EXPECT_EQ(nobody.error().message, path + ": nobody writes into this FIFO; expected a configuration file");
  EXPECT_EQ(nobody.error().exit_code, 1);

  std::thread writer([&] {
    std::FILE* file = std::fopen(path.c_str(), "w");
    std::fputs("workers: 3\n", file);
    std::fclose(file);
  });
  const auto loaded = load_config_file(path, std::chrono::minutes(1));
  writer.join();
  ASSERT_TRUE(loaded) << loaded.error().message;
  EXPECT_EQ(loaded->config.workers(), 3U);
  unlink(path.c_str());
  rmdir(folder);
}

TEST(Merge, LetsTheLaterSourceWinAndReplaceLists) {
  const auto file =
      parse_config("workers: 3\nidle_timeout: \"1\"\nexport: \"json:a\"\nexport: \"json:b\"\n", "f").value();
  SourcedConfig options;
  options.config.set_workers(0);  // set, although to zero
  options.config.add_export_("json:c");
  options.places[{"workers", 0}] = "--workers";
  options.places[{"export", 0}] = "--export";
  const auto merged = merge(file, options);
  EXPECT_EQ(merged.config.workers(), 0U);
  EXPECT_EQ(merged.config.idle_timeout(), "1");
  ASSERT_EQ(merged.config.export__size(), 1);
  EXPECT_EQ(merged.config.export_(0), "json:c");
  const Places expected = {
      {{"workers", 0}, "--workers"}, {{"export", 0}, "--export"}, {{"idle_timeout", 0}, "f:2:1: idle_timeout"}};
  EXPECT_EQ(merged.places, expected);
}

TEST(Validate, TakesFiltersThatOnlyAnotherLinkTypeKnowsForCapturesAlone) {
  v1::Config config;
  config.add_port("net_null0");
  config.set_frame_filter("type mgt");  // 802.11
  EXPECT_TRUE(validate(config, Command::read));
  const auto live = validate(config, Command::run);
  ASSERT_FALSE(live);
  EXPECT_TRUE(live.error().message.starts_with("--frame-filter 'type mgt': ")) << live.error().message;
  EXPECT_TRUE(live.error().message.ends_with("; expected a pcap filter such as 'vlan 5' (man pcap-filter)"))
      << live.error().message;
}

TEST(Validate, RefusesAFilterOfFlowsThatAsksForTheLinkLayerAndNamesTheOptionThatSeesIt) {
  for (const char* filter : {"ether host 02:00:00:00:00:01", "vlan 5", "tcp and ether[0] & 1 != 0", "link [0] = 1",
                             "type mgt", "mpls 100 and tcp", "pppoes"}) {
    v1::Config config;
    config.set_filter(filter);
    const auto refused = validate(config, Command::read);
    ASSERT_FALSE(refused) << filter;
    EXPECT_TRUE(refused.error().message.starts_with("--filter '" + std::string(filter) + "': "))
        << refused.error().message;
    EXPECT_NE(refused.error().message.find("give it to --frame-filter"), std::string::npos) << refused.error().message;
    EXPECT_EQ(refused.error().exit_code, 2);
  }
  v1::Config config;
  config.set_filter("tcp[0:2] = 443 and ip[8] < 10 and portrange 1-1023");
  EXPECT_TRUE(validate(config, Command::read));
}

TEST(ConfigText, PrintsEveryFieldAndReadsBackAsTheSame) {
  const std::string text =
      "# input: packets of --port\n"
      "account_entries: 5000\n"
      "account_timeout: \"5s\"\n"
      "account_others: false\n"
      "# port: none, `run` needs one or --input\n"
      "# pair: none: every port by itself\n"
      "# cores: chosen at start\n"
      "rss: \"addresses\"\n"
      "idle: \"auto\"\n"
      "# eal: none\n"
      "socket: \"/s\"\n"
      "socket_mode: \"0660\"\n"
      "# socket_group: that of weir's process\n"
      "# control: off\n"
      "# prometheus: off\n"
      "# http: off\n"
      "# state: none: the history of changes ends with weir\n"
      "# user: that of weir's process\n"
      "# duration: until SIGINT or SIGTERM\n"
      "stop_timeout: \"15s\"\n"
      "idle_timeout: \"30s\"\n"
      "active_timeout: \"300s\"\n"
      "tcp_close: true\n"
      "tcp_linger: \"2s\"\n"
      "icmp_close: false\n"
      "max_reordering: \"10s\"\n"
      "max_flows: 1048576\n"
      "workers: 1\n"
      "when_full: \"evict\"\n"
      "overflow_entries: 65536\n"
      "overflow_timeout: \"10s\"\n"
      "key: \"5tuple\"\n"
      "metrics: \"none\"\n"
      "community_id_seed: 0\n"
      "sample: \"none\"\n"
      "# sample_key: random\n"
      "# monitor: one, which the options make\n"
      "layer: \"inner\"\n"
      "tunnels: \"default\"\n"
      "tunnel_depth: 16\n"
      "icmp_errors: \"own\"\n"
      "# filter: none, every packet is counted\n"
      "# frame_filter: none, every frame is parsed\n"
      "# export: none, records are counted and dropped\n"
      "# sampler_address: none\n"
      "# prefixes: none\n"
      "# interfaces: none\n"
      "interface: 0\n"
      "# save_rejects: not saved\n"
      "# ledger: not written\n";
  v1::Config config;
  config.set_socket("/s");
  EXPECT_EQ(config_text(effective_config(validate(config, Command::check).value())), text);

  const auto full =
      parse_config(
          "idle_timeout: \"1.5s\" active_timeout: \"90s\" tcp_close: false tcp_linger: \"90s\" max_reordering: \"1m\"\n"
          "icmp_close: true "
          "max_flows: 99 workers: 3\n"
          "export: \"json:-\" export: \"protobuf:a b\" ledger: \"l\\\"\\\\x\"\n"
          "port: \"net_memif0,role=server,socket=x\" port: \"0000:3b:00.0\" cores: \"0,2-4\" rss: \"ports\"\n"
          "idle: \"pause\" when_full: \"overflow\" overflow_entries: 7 overflow_timeout: \"2s\" "
          "key: \"5tuple,vlan_id,src_addr/24\" metrics: \"layer2,tcp,icmp\" layer: \"outer\" tunnels: "
          "\"default,vxlan=8472\" tunnel_depth: 4 "
          "icmp_errors: \"quoted\" "
          "filter: \"tcp port 443\" frame_filter: \"vlan 5\" sampler_address: \"2001:DB8::1\" interface: 65535 "
          "save_rejects: \"r.pcapng?max=100M\" "
          "socket: \"/s\\303\\244\" socket_mode: \"0600\" socket_group: \"netops\" "
          "control: \"tls://127.0.0.1:7443?cert=c&key=k&ca=a\" prometheus: \"127.0.0.1:9101\" http: \"8080\" state: "
          "\"/var/lib/weir\" user: \"weir\" duration: "
          "\"10m\" "
          "stop_timeout: \"90s\" eal: "
          "\"--log-level=8 -m 512\"\n",
          "f")
          .value();
  const auto settings = validate(full.config, Command::run, full.places);
  ASSERT_TRUE(settings) << settings.error().message;
  const auto effective = effective_config(*settings);
  EXPECT_EQ(effective.idle_timeout(), "1500ms");
  EXPECT_EQ(effective.sampler_address(), "2001:db8::1");
  EXPECT_EQ(effective.http(), "127.0.0.1:8080") << "a port alone is one of loopback";
  const auto again = parse_config(config_text(effective), "again");
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(again->config.SerializeAsString(), effective.SerializeAsString());
  EXPECT_EQ(config_text(effective_config(validate(again->config, Command::run).value())), config_text(effective));
}

TEST(Input, OfRecordsStandsInAFileBesideWhatPacketsNeedButNotBesideWhatSaysWhichCount) {
  const auto error_of = [](const std::string& text, Command command) {
    const auto config = parse_config(text, "f").value();
    const auto settings = validate(config.config, command, config.places);
    return settings ? std::string() : settings.error().message;
  };
  const std::string socket = "input: \"records+unix:/run/a.sock\"\n";
  const std::string file = "input: \"records:a.bin\"\n";
  const std::string harmless = "idle_timeout: \"15s\" workers: 4 max_flows: 99 cores: \"0-4\"\n";
  for (const Command command : {Command::run, Command::check}) {
    EXPECT_EQ(error_of(socket + harmless, command), "");
    EXPECT_EQ(error_of(socket + "port: \"3b:00.0\"", command),
              "f:1:1: input 'records+unix:/run/a.sock': the agent has made the flows, so f:2:1: port would do nothing; "
              "expected one of the two");
    EXPECT_NE(error_of(socket + "filter: \"tcp\"", command), "");
    EXPECT_NE(error_of(socket + "monitor { name: \"a\" }", command), "");
  }
  EXPECT_EQ(error_of(file + harmless + "port: \"3b:00.0\"", Command::read), "") << "which `run` uses";
  EXPECT_NE(error_of(file + "metrics: \"tcp\"", Command::read), "");
  // What the other command uses has no effect.
  EXPECT_EQ(error_of(socket + "filter: \"tcp\"", Command::read), "");
  EXPECT_EQ(error_of(file + "port: \"3b:00.0\" filter: \"tcp\"", Command::run), "");
  EXPECT_NE(error_of(file, Command::run).find("no port to take packets from"), std::string::npos);
}

TEST(Input, OfSamplesTakesGroupsAndStandsBesideWhatMakesFlows) {
  const auto settings_of = [](const std::string& text, Command command = Command::run) {
    const auto config = parse_config(text, "f").value();
    return validate(config.config, command, config.places);
  };
  const auto named =
      settings_of("input: \"psample:7,0,4294967295\" key: \"src_addr,out_if\" filter: \"tcp\" workers: 4");
  ASSERT_TRUE(named) << named.error().message;
  EXPECT_EQ(named->input_source.groups, (std::vector<std::uint32_t>{7, 0, 4294967295}));
  ASSERT_TRUE(settings_of("input: \"psample\""));
  EXPECT_TRUE(settings_of("input: \"psample\"")->input_source.groups.empty());
  const std::string expected = "expected numbers of groups, each once, as in psample:1,7";
  const std::pair<const char*, std::string> wrong[] = {
      {"input: \"psample:\"", "'' is no group of 0 to 4294967295; " + expected},
      {"input: \"psample:1,\"", "'' is no group of 0 to 4294967295; " + expected},
      {"input: \"psample:4294967296\"", "'4294967296' is no group of 0 to 4294967295; " + expected},
      {"input: \"psample:-1\"", "'-1' is no group of 0 to 4294967295; " + expected},
      {"input: \"psample:1,7,1\"", "group 1 is there twice; " + expected},
      {"input: \"psamples\"", "no such input; expected records+unix:PATH or psample (`run`), or records:FILE (`read`)"},
      {"input: \"psample\" port: \"3b:00.0\"", "so f:1:18: port would do nothing; expected one of the two"},
      {"input: \"psample\" when_full: \"overflow\"", "(--when-full overflow) has one rate"},
      {"input: \"psample\" sample: \"rate=1000\"", "the kernel's rates change without --sample rate"},
      {"input: \"psample\" export: \"netflow7://127.0.0.1:9\"", "NetFlow v7 has no place for the rates"},
  };
  for (const auto& [text, error] : wrong) {
    const auto settings = settings_of(text);
    ASSERT_FALSE(settings) << text;
    EXPECT_NE(settings.error().message.find(error), std::string::npos) << settings.error().message;
  }
  EXPECT_TRUE(settings_of("input: \"psample\"", Command::check));
  EXPECT_TRUE(settings_of("input: \"psample\"", Command::read)) << "which `run` uses";
}

TEST(Input, IsPrintedByCheckInAFormThatIsTakenAgain) {
  v1::Config config;
  config.set_input("records+unix:///run/a.sock");
  config.set_account_entries(7);
  const auto settings = validate(config, Command::run);
  ASSERT_TRUE(settings) << settings.error().message;
  EXPECT_EQ(settings->input_source.path, "/run/a.sock");
  EXPECT_EQ(settings->account.max_entries, 7U);
  EXPECT_EQ(settings->account.timeout_ns, 5'000'000'000U);
  const auto again = parse_config(config_text(effective_config(*settings)), "again");
  ASSERT_TRUE(again) << again.error().message;
  const auto taken = validate(again->config, Command::run, again->places);
  ASSERT_TRUE(taken) << taken.error().message;
  EXPECT_EQ(config_text(effective_config(*taken)), config_text(effective_config(*settings)));
}

TEST(DefaultSocket, DependsOnUserAndRuntimeFolder) {
  EXPECT_EQ(default_socket_path(0, "/run/user/0"), "/run/weir/weir.sock");
  EXPECT_EQ(default_socket_path(1000, "/run/user/1000"), "/run/user/1000/weir.sock");
  EXPECT_EQ(default_socket_path(1000, ""), "/tmp/weir-1000/weir.sock");
  EXPECT_EQ(default_socket_path(1000, "relative"), "/tmp/weir-1000/weir.sock");
}

}  // namespace
}  // namespace weir::config_test
