// --prefixes: records of a live wire with AS numbers, masks and next hops, as nfdump reads them from NetFlow v5 and v9;
// reloads while packets come; and what `weir read` and `weir-collect` make of the same files.
#include <arpa/inet.h>
#include <gtest/gtest.h>

#include <csignal>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "tests/scenario/live_rig.h"
#include "tests/support/capture_file.h"
#include "tests/support/collectors.h"
#include "tests/support/packet_builder.h"

namespace weir::test {
namespace {

/// A prefix of the file that the scenarios use. weir-gen sends from 10.0.0.0/8 to 172.16.0.0/12.
struct Known {
  std::uint32_t address;
  unsigned length;
  unsigned as_number;
  const char* next_hop;
};
constexpr Known kKnown[] = {{0x0a000000, 8, 64'500, "192.0.2.1"},
                            {0x0a400000, 10, 64'501, "192.0.2.2"},
                            {0x0a490000, 16, 65'536, "192.0.2.3"},
                            {0xac100000, 12, 64'510, "192.0.2.4"},
                            {0xac180000, 13, 64'511, "192.0.2.5"}};

/// The longest that holds the address, by looking at each.
const Known& known_of(const std::string& address) {
  const std::uint32_t bits = ntohl(inet_addr(address.c_str()));
  const Known* longest = nullptr;
  for (const Known& known : kKnown) {
    if ((bits ^ known.address) >> (32 - known.length) != 0) continue;
    if (longest == nullptr || known.length > longest->length) longest = &known;
  }
  if (longest == nullptr) throw std::runtime_error("not an address of weir-gen: " + address);
  return *longest;
}

std::string known_text() {
  std::string text = "# of weir-gen\n";
  for (const Known& known : kKnown) {
    in_addr address{};
    address.s_addr = htonl(known.address);
    text += std::string(inet_ntoa(address)) + "/" + std::to_string(known.length) +
            " as=" + std::to_string(known.as_number) + " next_hop=" + known.next_hop +
            (known.address >> 24 == 10 ? " domain=internal\n" : "\n");
  }
  return text;
}

class Prefixes : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { setenv("TZ", "UTC", 1); }  // nfdump prints local time
  std::string path(const std::string& name) const { return folder_.path(name); }
  void write(const std::string& name, const std::string& text) const { std::ofstream(path(name)) << text; }

  TemporaryFolder folder_;
};

/// Each flow has the AS, the mask and the next hop of its addresses. Of NetFlow v5 nfdump 1.7.1 shows no masks; the
/// scenario of a capture has them by weir-collect.
void expect_routes(const json& flows, std::size_t count, bool version5) {
  EXPECT_EQ(flows.size(), count);
  const auto number = [&](const Known& known) {
    return version5 && known.as_number > 65'535 ? 23'456U : known.as_number;
  };
  for (const json& flow : flows) {
    const Known& source = known_of(flow.at("src4_addr"));
    const Known& destination = known_of(flow.at("dst4_addr"));
    ASSERT_EQ(flow.at("src_as"), number(source)) << flow;
    ASSERT_EQ(flow.at("dst_as"), number(destination)) << flow;
    ASSERT_EQ(flow.at("ip4_next_hop"), destination.next_hop) << flow;
    if (version5) continue;
    ASSERT_EQ(flow.at("src_mask"), source.length) << flow;
    ASSERT_EQ(flow.at("dst_mask"), destination.length) << flow;
  }
}

TEST_F(Prefixes, OfALiveWireAreReadByNfdumpFromNetflow5And9) {
  if (!installed("nfcapd")) GTEST_SKIP() << "no nfcapd";
  write("prefixes.txt", known_text());
  Nfcapd version5;
  Nfcapd version9;
  const Wire wire = memif();
  Probe probe(
      folder_, wire,
      {"--workers", "2", "--rss", "ports", "--prefixes", path("prefixes.txt"), "--export", version5.uri("netflow5"),
       "--export", version9.uri("netflow9"), "--export", "json:" + path("flows.json")});
  const Finished sent = run(generator(wire, {"--flows", "500", "--rate", "10000", "--packets", "10000", "--tcp", "50",
                                             "--queues", "2", "--manifest", path("manifest.jsonl")}),
                            seconds(60));
  ASSERT_EQ(sent.exit_code, 0) << sent.err;
  EXPECT_TRUE(eventually([&] { return probe.received() == 10'000; }));
  const json ledger = probe.ask_json("ledger");
  EXPECT_EQ(ledger.at("balanced"), true) << ledger.at("violations");
  probe.stop();
  for (const json& exporter : probe.ledger().at("exporters")) expect_no_loss(exporter.at("lost"));

  expect_manifest(path("manifest.jsonl"), path("flows.json"));
  std::size_t directions = 0;
  for (const json& record : json_lines(path("flows.json"))) {
    directions += (record.at("packets") != 0 ? 1U : 0U) + (record.at("rev_packets") != 0 ? 1U : 0U);
    const Known& source = known_of(record.at("src_addr"));
    const Known& destination = known_of(record.at("dst_addr"));
    ASSERT_EQ(record.at("src_as"), source.as_number) << record;
    ASSERT_EQ(record.at("dst_as"), destination.as_number) << record;
    ASSERT_EQ(record.at("src_net"), source.length) << record;
    ASSERT_EQ(record.at("dst_net"), destination.length) << record;
    ASSERT_EQ(record.at("next_hop"), destination.next_hop) << record;
    ASSERT_EQ(record.at("rev_next_hop"), source.next_hop) << record;
    ASSERT_EQ(record.at("in_type"), "internal") << record;
    ASSERT_EQ(record.at("out_type"), "external") << record;
  }
  version5.finish();
  version9.finish();
  expect_routes(version5.flows(), directions, true);
  expect_routes(version9.flows(), directions, false);
}

TEST_F(Prefixes, AreReadAgainOnSighupAndABrokenFileChangesNothing) {
  write("prefixes.txt", "10.0.0.0/8 as=1\n172.16.0.0/12 as=2\n");
  const Wire wire = memif();
  Probe probe(
      folder_, wire,
      {"--idle-timeout", "300ms", "--prefixes", path("prefixes.txt"), "--export", "json:" + path("flows.json")});
  std::uint64_t total = 0;
  const auto send = [&] {
    const Finished sent = run(generator(wire, {"--flows", "50", "--rate", "5000", "--packets", "500"}), seconds(60));
    EXPECT_EQ(sent.exit_code, 0) << sent.err;
    total += 500;
    EXPECT_TRUE(
        eventually([&] { return packets_of(probe.ask_json("ledger").at("exporters").at(0).at("exported")) == total; }));
  };
  const auto status = [&] { return probe.ask_json("status").at("prefixes"); };
  send();
  EXPECT_EQ(status().at("prefixes"), 2);
  EXPECT_EQ(status().at("loads"), 1);
  EXPECT_EQ(status().at("not_found"), 0);
  EXPECT_EQ(status().at("files").at(0).at("name"), path("prefixes.txt"));

  write("prefixes.txt", "10.0.0.0/8 as=3\n172.16.0.0/12 as=0\n");
  probe.signal(SIGHUP);
  const std::string error = path("prefixes.txt") + ":2: as='0': expected an AS number from 1 to 4294967295";
  EXPECT_TRUE(
      probe.wait_for_error_text("--prefixes: " + error + "; the prefixes loaded before stay in use", seconds(20)));
  EXPECT_EQ(status().at("error"), error);
  EXPECT_EQ(status().at("loads"), 1);
  EXPECT_NE(probe.ask({"status"}).out.find("THE LAST RELOAD FAILED"), std::string::npos);
  send();

  write("prefixes.txt", "10.0.0.0/8 as=4\n");
  probe.signal(SIGHUP);
  EXPECT_TRUE(probe.wait_for_error_text("--prefixes: 1 prefixes are loaded", seconds(20)));
  EXPECT_EQ(status().at("loads"), 2);
  EXPECT_EQ(status().value("error", ""), "");
  send();
  const json last = status();
  EXPECT_GT(last.at("not_found"), 0) << "172.16.0.0/12 is in no prefix now";
  EXPECT_EQ(last.at("lookups").get<std::uint64_t>(),
            2 * probe.ask_json("ledger").at("drained").at("records").get<std::uint64_t>());
  probe.stop();
  std::set<unsigned> sources;
  for (const json& line : json_lines(path("flows.json"))) sources.insert(line.value("src_as", 0U));
  EXPECT_EQ(sources, (std::set<unsigned>{1, 4})) << "as=3 was in the broken file";
}

TEST_F(Prefixes, OfACaptureAreTheSameInEveryFormatAndAfterTheCollector) {
  constexpr std::uint64_t kStart_ns = 1'700'000'000'000'000'000;
  write_capture(path("dns.pcap"),
                {{kStart_ns, packet().eth().ipv4("10.0.0.1", "192.0.2.53").udp(40000, 53).bytes()},
                 {kStart_ns + 1, packet().eth().ipv4("192.0.2.53", "10.0.0.1").udp(53, 40000).bytes()},
                 {kStart_ns + 2, packet().eth().ipv6("2001:db8::1", "2001:db8:9::53").udp(1, 53).bytes()}});
  write("rib.txt",
        "TABLE_DUMP2|1|B|192.0.2.9|64496|192.0.2.0/24|64496 64497 4200000000|IGP|192.0.2.9|0|0||NAG||\n"
        "TABLE_DUMP2|1|B|2001:db8::9|64496|2001:db8:9::/48|64498 64499|IGP|2001:db8::9|0|0||NAG||\n");
  write("own.txt", "10.0.0.0/8 as=64500 name=\"Our net\" domain=internal country=DE\n2001:db8::/48 as=64500\n");
  const auto weir_read = [&](const Arguments& options) {
    const Finished done = run(Arguments{kBin + "/weir", "read"} + options + Arguments{path("dns.pcap")});
    EXPECT_EQ(done.exit_code, 0) << done.err;
    return done;
  };
  const std::string files = path("rib.txt") + "," + path("own.txt");
  weir_read({"--prefixes", files, "--export", "json:" + path("a.json"), "--export", "protobuf:" + path("a.pb")});
  const std::vector<json> lines = json_lines(path("a.json"));
  ASSERT_EQ(lines.size(), 2U);
  const json& four = lines[0].at("etype") == 2048 ? lines[0] : lines[1];
  const json& six = lines[0].at("etype") == 2048 ? lines[1] : lines[0];
  EXPECT_EQ(four.at("src_as"), 64'500);
  EXPECT_EQ(four.at("dst_as"), 4'200'000'000U);
  EXPECT_EQ(four.at("as_path"), json::parse("[64496,64497,4200000000]"));
  EXPECT_EQ(four.at("bgp_next_hop"), "192.0.2.9");
  EXPECT_EQ(four.at("next_hop_as"), 64'496);
  EXPECT_EQ(four.at("src_as_name"), "Our net");
  EXPECT_EQ(four.at("src_country"), "DE");
  EXPECT_EQ(four.at("in_type"), "internal");
  EXPECT_EQ(four.at("out_type"), "external");
  EXPECT_FALSE(four.contains("next_hop"));
  EXPECT_FALSE(four.contains("rev_as_path"));
  EXPECT_EQ(six.at("src_net"), 48);
  EXPECT_EQ(six.at("bgp_next_hop"), "2001:db8::9");

  const Finished collected = run({kBin + "/weir-collect", "--json", path("a.pb")});
  std::vector<json> again;
  std::istringstream in(collected.out);
  for (std::string line; std::getline(in, line);) again.push_back(json::parse(line));
  EXPECT_EQ(again, lines);

  // Without prefix files a record has none of it, and the collector can add it later: what is there stays.
  weir_read({"--export", "protobuf:" + path("plain.pb")});
  const Finished later = run({kBin + "/weir-collect", "--json", "--prefixes", files, path("plain.pb")});
  again.clear();
  std::istringstream added(later.out);
  for (std::string line; std::getline(added, line);) again.push_back(json::parse(line));
  EXPECT_EQ(again, lines);
  write("other.txt", "0.0.0.0/0 as=1\n::/0 as=1\n");
  EXPECT_EQ(run({kBin + "/weir-collect", "--json", "--prefixes", path("other.txt"), path("a.pb")}).out, collected.out);

  // NetFlow v5 has masks, the next hop of BGP, and AS numbers of 16 bits.
  Process collector({kBin + "/weir-collect", "--listen", "netflow5://127.0.0.1:0", "--json"});
  ASSERT_TRUE(collector.wait_for_error_text("listening on")) << collector.error_text();
  weir_read(
      {"--filter", "ip", "--prefixes", files, "--export", "netflow5://127.0.0.1:" + port_in(collector.error_text())});
  collector.signal(SIGTERM);  // which takes what has come first
  std::istringstream version5(collector.wait(seconds(20)).out);
  std::vector<json> ways;
  for (std::string line; std::getline(version5, line);) ways.push_back(json::parse(line));
  ASSERT_EQ(ways.size(), 2U);
  EXPECT_EQ(ways[0].at("src_as"), 64'500);
  EXPECT_EQ(ways[0].at("dst_as"), 23'456);
  EXPECT_EQ(ways[0].at("src_net"), 8);
  EXPECT_EQ(ways[0].at("dst_net"), 24);
  EXPECT_EQ(ways[0].at("next_hop"), "192.0.2.9");
  EXPECT_EQ(ways[1].at("src_as"), 23'456);
  EXPECT_EQ(ways[1].at("src_net"), 24);
  EXPECT_FALSE(ways[1].contains("next_hop"));

  // The mask of the key wins.
  weir_read({"--prefixes", files, "--key", "src_addr/12,dst_addr/16", "--export", "json:" + path("masked.json")});
  for (const json& line : json_lines(path("masked.json"))) {
    if (line.at("etype") != 2048) continue;
    const bool inside = line.at("src_addr") == "10.0.0.0";
    EXPECT_EQ(line.at("src_net"), 12) << line;
    EXPECT_EQ(line.at("dst_net"), 16) << line;
    EXPECT_EQ(line.value("src_as", 0U), inside ? 64'500U : 0U) << "a /24 is longer than the mask: " << line;
  }
}

TEST_F(Prefixes, ThatCannotBeReadAreOneLineAndExitCode1) {
  constexpr std::uint64_t kStart_ns = 1'700'000'000'000'000'000;
  write_capture(path("one.pcap"), {{kStart_ns, packet().eth().ipv4("10.0.0.1", "192.0.2.53").udp(1, 53).bytes()}});
  write("bad.txt", "10.0.0.0/8 as=1\n10.0.0.0/99\n");
  const std::string error =
      "--prefixes: " + path("bad.txt") + ":2: '10.0.0.0/99': expected a prefix such as 192.0.2.0/24 or 2001:db8::/32";
  const Finished read = run({kBin + "/weir", "read", "--prefixes", path("bad.txt"), path("one.pcap")});
  EXPECT_EQ(read.exit_code, 1);
  EXPECT_NE(read.err.find(error), std::string::npos) << read.err;
  const Finished collect = run({kBin + "/weir-collect", "--prefixes", path("bad.txt"), path("one.pcap")});
  EXPECT_EQ(collect.exit_code, 1);
  EXPECT_NE(collect.err.find(error), std::string::npos) << collect.err;
  const Finished check = run({kBin + "/weir", "check", "--prefixes", "a,,b"});
  EXPECT_EQ(check.exit_code, 2);
  EXPECT_NE(check.err.find("a file without a name"), std::string::npos) << check.err;
}

}  // namespace
}  // namespace weir::test
