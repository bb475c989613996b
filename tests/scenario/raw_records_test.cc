// Raw records of an eBPF agent through the real programs: a file in `weir read`, a socket in `weir run`, the agent's
// names, what weir-collect makes of them, and what is said of bad input.
#include "tests/support/raw_records.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <csignal>
#include <cstring>
#include <ctime>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "proto/base/unique_fd.h"
#include "tests/scenario/live_rig.h"
#include "tests/support/process.h"

namespace weir::test {
namespace {

std::uint64_t clock_ns(clockid_t clock) {
  timespec time{};
  clock_gettime(clock, &time);
  return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(time.tv_nsec);
}

RawOctets record(std::uint8_t host, std::uint64_t octets, std::uint64_t time_ns, std::uint32_t packets = 1) {
  RawOctets made;
  made.source[15] = host;
  made.octets = octets;
  made.packets = packets;
  made.start_ns = made.end_ns = time_ns;
  return made;
}

class RawRecords : public ::testing::Test {
 protected:
  std::string write(const std::string& octets) {
    std::ofstream(file_, std::ios::binary) << octets;
    return file_;
  }
  Finished read(const Arguments& options) {
    return run(Arguments{kBin + "/weir", "read", "--input", "records:" + file_, "--ledger", folder_.path("ledger")} +
               options);
  }

  TemporaryFolder folder_;
  std::string file_ = folder_.path("agent.bin");
};

TEST_F(RawRecords, OfAFileAreAccountedForByKeyAsTheAgentDoes) {
  // The published example: at most two keys; the third one makes the other two leave.
  write(raw_file({record(1, 123, 123), record(2, 456, 456), record(1, 321, 789), record(3, 100, 900)}));
  const std::string lines = folder_.path("flows.json");
  const Finished done = read({"--account-entries", "2", "--export", "json:" + lines});
  EXPECT_EQ(done.exit_code, 0) << done.err;
  expect_balanced(done);
  const std::vector<json> flows = json_lines(lines);
  ASSERT_EQ(flows.size(), 3U);
  const auto expect = [&](const json& flow, const char* source, int packets, int link_octets, int start, int end) {
    EXPECT_EQ(flow.at("src_addr"), source);
    EXPECT_EQ(flow.at("dst_addr"), "10.0.0.2");
    EXPECT_EQ(flow.at("packets"), packets);
    EXPECT_EQ(flow.at("link_bytes"), link_octets);
    EXPECT_EQ(flow.at("bytes"), link_octets - 14 * packets);
    EXPECT_EQ(flow.at("start_mono_ns"), start);
    EXPECT_EQ(flow.at("end_mono_ns"), end);
    EXPECT_EQ(flow.at("in_if"), 2);
    EXPECT_EQ(flow.at("flow_direction"), 0);
    EXPECT_EQ(flow.at("src_mac"), "02:00:00:00:00:0a");
  };
  expect(flows[0], "10.0.0.1", 2, 444, 123, 789);
  expect(flows[1], "10.0.0.2", 1, 456, 456, 456);
  expect(flows[2], "10.0.0.3", 1, 100, 900, 900);
  const json ledger = json::parse(contents(folder_.path("ledger")));
  EXPECT_TRUE(ledger.at("balanced"));
  EXPECT_EQ(ledger.at("received").at("packets"), 4);
  EXPECT_EQ(ledger.at("received").at("octets"), 1000);
  EXPECT_EQ(ledger.at("counted_ip").at("octets"), 1000 - 4 * 14);
  EXPECT_EQ(ledger.at("drained").at("records"), 3);
  EXPECT_EQ(ledger.at("input").at("records"), 4);
}

TEST_F(RawRecords, HaveTimesOnTheWallOfThisMachine) {
  const std::uint64_t wall = clock_ns(CLOCK_REALTIME);
  const std::uint64_t mono = clock_ns(CLOCK_MONOTONIC);
  const std::uint64_t hour = std::uint64_t{3600} * 1'000'000'000;
  write(raw_file({record(1, 100, mono - std::min(hour, mono / 2)), record(2, 100, mono + hour)}));
  const std::string lines = folder_.path("flows.json");
  const Finished done = read({"--export", "json:" + lines});
  EXPECT_EQ(done.exit_code, 0) << done.err;
  const std::vector<json> flows = json_lines(lines);
  ASSERT_EQ(flows.size(), 2U);
  constexpr double kSlew = 50e6;  // what a clock may have been set meanwhile
  EXPECT_NEAR(flows[0].at("time_flow_start_ns").get<double>(), static_cast<double>(wall - std::min(hour, mono / 2)),
              kSlew);
  EXPECT_GE(flows[1].at("time_flow_start_ns"), wall) << "the moment of leaving, not an hour later";
  EXPECT_LE(flows[1].at("time_flow_start_ns"), clock_ns(CLOCK_REALTIME));
  EXPECT_NE(done.err.find("2 times lie in the future"), std::string::npos) << done.err;
}

TEST_F(RawRecords, ReachACollectorWithWhatTheAgentSaid) {
  RawOctets made = record(1, 300, clock_ns(CLOCK_MONOTONIC), 3);
  made.direction = 1;
  write(raw_file({made}));
  const std::string protobuf = folder_.path("flows.pb");
  const std::string lines = folder_.path("flows.json");
  ASSERT_EQ(read({"--export", "protobuf:" + protobuf, "--export", "json:" + lines}).exit_code, 0);
  const Finished collected = run({kBin + "/weir-collect", "--json", protobuf});
  EXPECT_EQ(collected.exit_code, 0) << collected.err;
  EXPECT_EQ(json::parse(collected.out), json_lines(lines).at(0));
  EXPECT_EQ(json::parse(collected.out).at("flow_direction"), 1);
  EXPECT_EQ(json::parse(collected.out).at("link_bytes"), 300);
}

TEST_F(RawRecords, ThatAreNotOfIpAreKeptByEtherTypeWhereAsked) {
  const auto other = [](std::uint16_t ether_type, std::uint64_t time_ns) {
    RawOctets made = record(1, 60, time_ns);
    made.ether_type = ether_type;
    made.source = made.destination = {};
    made.source_port = made.destination_port = 0;
    made.protocol = 0;
    return made;
  };
  write(raw_file({other(0x0806, 100), other(0x88cc, 200), other(0x0806, 300), record(1, 100, 400)}));
  const std::string protobuf = folder_.path("flows.pb");
  const std::string ipfix = folder_.path("flows.ipfix");
  const std::string lines = folder_.path("flows.json");
  const Finished done = read({"--account-others", "on", "--export", "protobuf:" + protobuf, "--export", "json:" + lines,
                              "--export", "ipfix:" + ipfix});
  EXPECT_EQ(done.exit_code, 0) << done.err;
  expect_balanced(done);
  const auto expect_all = [](const std::vector<json>& flows) {
    std::map<int, int> packets;  // by EtherType
    for (const json& flow : flows) {
      packets[flow.at("etype")] += flow.at("packets").get<int>();
      if (flow.at("etype") == 2048) continue;
      EXPECT_EQ(flow.at("src_addr"), "0.0.0.0");
      EXPECT_EQ(flow.at("proto"), 0);
      EXPECT_EQ(flow.at("src_mac"), "02:00:00:00:00:0a");
      EXPECT_EQ(flow.at("bytes"), flow.at("link_bytes").get<int>() - 14 * flow.at("packets").get<int>());
    }
    EXPECT_EQ(flows.size(), 3U);
    EXPECT_EQ(packets, (std::map<int, int>{{0x0806, 2}, {0x88cc, 1}, {0x0800, 1}}));
  };
  expect_all(json_lines(lines));
  for (const std::string& file : {protobuf, ipfix}) {
    const Finished collected = run({kBin + "/weir-collect", "--json", file});
    EXPECT_EQ(collected.exit_code, 0) << collected.err;
    std::vector<json> flows;
    std::istringstream in(collected.out);
    for (std::string line; std::getline(in, line);) flows.push_back(json::parse(line));
    expect_all(flows);
  }
  const json ledger = json::parse(contents(folder_.path("ledger")));
  EXPECT_EQ(ledger.at("counted").at("packets"), 4);
}

TEST_F(RawRecords, HaveTheAgentsNamesWhereTheFormatIsItsOwn) {
  RawOctets made = record(1, 300, clock_ns(CLOCK_MONOTONIC), 3);
  made.direction = 1;
  write(raw_file({made}));
  const Finished done = read({"--export", "json:-?format=netobserv"});
  EXPECT_EQ(done.exit_code, 0) << done.err;
  json flow = json::parse(done.out);
  for (const char* name : {"TimeFlowStart", "TimeFlowEnd"}) {
    EXPECT_TRUE(flow.at(name).get<std::string>().ends_with("Z"));
    flow.erase(name);
  }
  EXPECT_EQ(flow, json::parse(R"({"Etype":2048,"FlowDirection":1,"SrcMac":"02:00:00:00:00:0a",
      "DstMac":"02:00:00:00:00:0b","SrcAddr":"10.0.0.1","DstAddr":"10.0.0.2","SrcPort":40000,"DstPort":443,"Proto":6,
      "IFIndex":2,"Packets":3,"Bytes":300,"StartMonoTimeNs":)" +
                              std::to_string(made.start_ns) + R"(,"EndMonoTimeNs":)" + std::to_string(made.end_ns) +
                              R"(,"Interface":"unknown"})"));
}

TEST_F(RawRecords, HaveTheInterfacesNamesThatAFileGivesThem) {
  write(raw_file({record(1, 300, 1)}));
  const std::string names = folder_.path("interfaces.txt");
  std::ofstream(names) << "2 uplink\n";
  const std::string lines = folder_.path("flows.json");
  const Finished done =
      read({"--interfaces", names, "--export", "json:-?format=netobserv", "--export", "json:" + lines});
  EXPECT_EQ(done.exit_code, 0) << done.err;
  EXPECT_EQ(json::parse(done.out).at("Interface"), "uplink");
  EXPECT_EQ(json_lines(lines).at(0).at("in_if_name"), "uplink");
}

TEST_F(RawRecords, BadInputIsNamed) {
  struct Case {
    Arguments words;
    int exit_code;
    std::string says;
  };
  write(raw_file({record(1, 100, 1), record(2, 100, 2)}).substr(0, 100));
  const std::string input = "records:" + file_;
  const std::vector<Case> cases = {
      {{"read", "--input", input, "--export", "json:/dev/null"},
       1,
       file_ + ": the raw record at offset 84 is cut: 16 of its 84 octets are there; what was read up to there is "
               "exported"},
      {{"read", "--input", "records:/nowhere"}, 1, "/nowhere: No such file or directory"},
      {{"read", "--input", "agent.bin"},
       2,
       "--input 'agent.bin': no such input; expected records+unix:PATH or psample"},
      {{"read", "--input", "records:"}, 2, "no file; expected records:FILE"},
      {{"read", "--input", "records+unix:/tmp/a"}, 2, "a socket is for `run`; expected records:FILE"},
      {{"run", "--input", input}, 2, "a file is for `read`; expected records+unix:PATH"},
      {{"run", "--input", "records+unix:/tmp/"}, 2, "no path of a socket"},
      {{"read", "--input", input, "x.pcap"}, 2, "expected records, or captures"},
      {{"read", "--input", input, "--explain", "1"}, 2, "--explain shows packets"},
      {{"read", "--input", input, "--metrics", "tcp"}, 2, "so --metrics would do nothing"},
      {{"run", "--input", "records+unix:/tmp/a", "--port", "3b:00.0"}, 2, "so --port would do nothing"},
      {{"check", "--input", "records+unix:/tmp/a", "--filter", "tcp"}, 2, "so --filter would do nothing"},
      {{"run", "--input", "records+unix:/tmp/a", "--workers", "2"}, 2, "so --workers would do nothing"},
      {{"check", "--input", input, "--sample", "flows=1:2"}, 2, "so --sample would do nothing"},
      {{"read", "--input", input, "--account-entries", "0"}, 2, "--account-entries 0: "},
      {{"read", "--account-entries", "5", input.substr(input.find(':') + 1)},
       2,
       "--account-entries 5: it is for raw records; expected --input records:FILE (`read`)"},
      {{"run", "--input", "records+unix:/nowhere/a", "--socket", folder_.path("c")}, 1, "/nowhere/a: bind: No such"},
      {{"read", "--input", input, "--export", "json:" + file_}, 1, "that is the input " + file_ + " itself"},
      {{"read", "--input", input, "--export", "json:-?format=other"}, 2, "weir, netobserv"},
  };
  for (const Case& one : cases) {
    SCOPED_TRACE(one.says);
    const Finished done = run(Arguments{kBin + "/weir"} + one.words);
    EXPECT_EQ(done.exit_code, one.exit_code) << done.err;
    EXPECT_NE(done.err.find(one.says), std::string::npos) << done.err;
  }
}

TEST_F(RawRecords, OfASocketAreTakenAccountedForAndShown) {
  const std::string socket_path = folder_.path("agent.sock");
  const std::string control = folder_.path("control.sock");
  const std::string lines = folder_.path("flows.json");
  const std::string ledger = folder_.path("ledger");
  Process weir({kBin + "/weir", "run", "--input", "records+unix:" + socket_path, "--account-timeout", "200ms",
                "--socket", control, "--export", "json:" + lines, "--export",
                "json:" + folder_.path("names.json") + "?format=netobserv", "--ledger", ledger});
  ASSERT_TRUE(weir.wait_for_error_text("raw records at " + socket_path)) << weir.error_text();
  const UniqueFd agent(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, socket_path.c_str(), sizeof address.sun_path - 1);
  ASSERT_EQ(connect(agent.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  const auto send = [&](const std::string& octets) {
    ASSERT_EQ(::write(agent.get(), octets.data(), octets.size()), static_cast<ssize_t>(octets.size()));
  };
  const std::uint64_t now = clock_ns(CLOCK_MONOTONIC);
  RawOctets loopback = record(1, 100, now);
  loopback.interface = 1;
  send(raw_file({loopback, loopback, record(2, 200, now)}));
  EXPECT_TRUE(eventually([&] { return json_lines(lines).size() == 2; })) << "the timeout lets them go";
  send(raw_file({loopback}).substr(0, 84));
  send(raw_file({loopback}).substr(0, 21));
  const auto status = [&] {
    return json::parse(run({kBin + "/weirctl", "--socket", control, "-o", "json", "status"}).out);
  };
  EXPECT_TRUE(eventually([&] { return status().at("input").at("records") == 4; }));
  const json shown = status();
  EXPECT_EQ(shown.at("input").at("open_connections"), 1);
  EXPECT_EQ(shown.at("capacity"), 5000);
  EXPECT_TRUE(shown.at("balanced"));
  EXPECT_NE(
      run({kBin + "/weirctl", "--socket", control, "status"}).out.find(": 4 raw records, 1 of 1 connections open"),
      std::string::npos);
  EXPECT_NE(run({kBin + "/weirctl", "--socket", control, "rss"}).out.find("there are no ports"), std::string::npos);

  weir.signal(SIGTERM);
  const Finished ended = weir.wait();
  EXPECT_EQ(ended.exit_code, 0) << ended.err;
  EXPECT_NE(ended.err.find("the raw record at offset 336 is cut: 21 of its 84 octets came: weir stopped"),
            std::string::npos)
      << ended.err;
  const std::vector<json> flows = json_lines(lines);
  ASSERT_EQ(flows.size(), 3U);
  EXPECT_EQ(flows[0].at("packets"), 2);
  EXPECT_EQ(flows[1].at("packets"), 1);
  const std::vector<json> names = json_lines(folder_.path("names.json"));
  ASSERT_EQ(names.size(), 3U);
  EXPECT_EQ(names[0].at("Interface"), "lo") << "interface 1 of every network namespace";
  const json said = json::parse(contents(ledger));
  EXPECT_TRUE(said.at("balanced"));
  EXPECT_EQ(said.at("received").at("packets"), 4);
  EXPECT_EQ(said.at("drained").at("packets"), 4);
  EXPECT_EQ(said.at("input").at("partial_records"), 1);
}

}  // namespace
}  // namespace weir::test
