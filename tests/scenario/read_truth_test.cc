// `weir read` against the truth of the capture collection: the program itself, its records as a user gets them.
//
// Every record of a capture is summed per directional 5-tuple; the sums, their least and greatest times, the number of
// frames and of rejects are those of the truth file, which two independent programs agreed on. So nothing is lost,
// counted twice or misread between the file and the last byte of the output.
#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <sstream>
#include <string>
#include <tuple>
#include <vector>

#include "tests/support/process.h"
#include "tests/support/truth.h"

namespace weir::test {
namespace {

using Json = nlohmann::json;
namespace fs = std::filesystem;

const fs::path kCaptures = WEIR_CAPTURES;
const std::string kWeir = WEIR_BIN "/weir";
const std::string kCollect = WEIR_BIN "/weir-collect";

/// Records in the order of the output.
std::vector<Json> records_of(const std::string& text) {
  EXPECT_TRUE(text.empty() || text.back() == '\n') << "the last line is cut";
  std::vector<Json> records;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) {
    records.push_back(Json::parse(line, nullptr, false));
    if (!records.back().is_object()) {
      ADD_FAILURE() << "no JSON object: " << line;
      records.pop_back();
    }
  }
  return records;
}

Tuple forward_of(const Json& record) {
  return tuple_of(record.at("src_addr"), record.at("dst_addr"), record.at("src_port"), record.at("dst_port"),
                  record.at("proto"));
}

/// Sums of biflow records; of uniflow records too, whose reverse direction has no packets.
TupleSums sums_of(const std::vector<Json>& records) {
  TupleSums sums;
  for (const Json& record : records) {
    const Tuple forward = forward_of(record);
    sums[forward].add(record.at("packets"), record.at("bytes"), record.at("fwd_time_start_ns"),
                      record.at("fwd_time_end_ns"));
    if (record.at("rev_packets") == 0) {
      EXPECT_EQ(record.at("rev_bytes"), 0);
      continue;
    }
    Tuple reverse = forward;
    std::swap(reverse.source, reverse.destination);
    std::swap(reverse.source_port, reverse.destination_port);
    sums[reverse].add(record.at("rev_packets"), record.at("rev_bytes"), record.at("rev_time_start_ns"),
                      record.at("rev_time_end_ns"));
  }
  return sums;
}

/// Sums with the times in whole milliseconds, which is all that NetFlow v9 carries.
TupleSums in_milliseconds(TupleSums sums) {
  for (auto& [tuple, sum] : sums) {
    sum.first_ns = sum.first_ns / 1'000'000 * 1'000'000;
    sum.last_ns = sum.last_ns / 1'000'000 * 1'000'000;
  }
  return sums;
}

void expect_sorted(const std::vector<Json>& records) {
  const auto rank = [](const Json& record) {
    const Tuple key = forward_of(record);
    return std::make_tuple(record.at("time_flow_start_ns").get<std::uint64_t>(), key.source, key.destination,
                           key.source_port, key.destination_port, key.protocol);
  };
  EXPECT_TRUE(
      std::is_sorted(records.begin(), records.end(), [&](const Json& a, const Json& b) { return rank(a) < rank(b); }));
}

/// The ledger that --ledger wrote; nothing if it is absent or empty.
std::optional<Json> ledger_of(const std::string& path) {
  std::ifstream in(path);
  const std::string text{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  if (text.empty()) return std::nullopt;
  Json ledger = Json::parse(text, nullptr, false);
  EXPECT_TRUE(ledger.is_object()) << text;
  return ledger;
}

std::uint64_t rejected_of(const Json& ledger) {
  std::uint64_t packets = 0;
  for (const auto& [name, count] : ledger.at("rejects").items()) packets += count.at("packets").get<std::uint64_t>();
  return packets;
}

std::vector<std::string> error_lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) {
    // The one that ends the program stands alone; one after which it goes on is a line of the log.
    if (line.starts_with("weir: ") || line.find(" error ") != std::string::npos) lines.push_back(line);
  }
  return lines;
}

std::vector<std::string> read_command(const std::string& uri, const std::string& ledger,
                                      const std::vector<std::string>& captures) {
  std::vector<std::string> command{kWeir, "read", "--export", uri, "--ledger", ledger};
  command.insert(command.end(), captures.begin(), captures.end());
  return command;
}

class ReadTruth : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    if (!fs::exists(kCaptures)) GTEST_SKIP() << "no captures: the folder " << kCaptures << " is absent";
  }
};

TEST_P(ReadTruth, the_records_of_every_capture_sum_to_its_truth_by_the_outer_and_by_the_inner_header) {
  const TemporaryFolder folder;
  const std::string ledger_file = folder.path("ledger.json");
  unsigned compared = 0;
  for (const fs::path& capture : captures_of(kCaptures, GetParam())) {
    for (const TruthLayer layer : {TruthLayer::inner, TruthLayer::outer}) {
      if (layer == TruthLayer::outer && !has_inner_truth(capture)) continue;  // the same, and inner is the default
      SCOPED_TRACE(capture.string() + (layer == TruthLayer::outer ? ", outer" : ", inner"));
      const Truth truth = read_truth(capture, layer);
      auto command = read_command("json:-", ledger_file, {capture.string()});
      if (layer == TruthLayer::outer) command.insert(command.end(), {"--layer", "outer"});
      const Finished done = run(command);
      ASSERT_EQ(done.exit_code, 0) << done.err;
      const std::vector<Json> records = records_of(done.out);
      expect_sorted(records);
      EXPECT_EQ(difference(truth.tuples, sums_of(records)), "");

      const auto ledger = ledger_of(ledger_file);
      ASSERT_TRUE(ledger.has_value());
      EXPECT_EQ(ledger->at("balanced"), true);
      EXPECT_EQ(ledger->at("received").at("packets"), truth.total_packets);
      EXPECT_EQ(ledger->at("counted").at("packets"), truth.ip_packets);
      EXPECT_EQ(rejected_of(*ledger), truth.non_ip_packets);
      EXPECT_EQ(ledger->at("drained").at("records"), records.size());
      EXPECT_EQ(ledger->at("exporters").at(0).at("exported").at("records"), records.size());
      ++compared;
    }
  }
  EXPECT_GT(compared, 0U);
  RecordProperty("compared", static_cast<int>(compared));
}

INSTANTIATE_TEST_SUITE_P(groups, ReadTruth,
                         testing::Values("basic", "vlan", "tunnels", "ipv6", "fragments", "tcp", "quic", "linktypes"),
                         [](const auto& group) { return group.param; });

class Read : public testing::Test {
 protected:
  void SetUp() override {
    if (!fs::exists(kCaptures)) GTEST_SKIP() << "no captures: the folder " << kCaptures << " is absent";
  }
  TemporaryFolder folder_;
  std::string ledger_file_ = folder_.path("ledger.json");
};

// In the first, time jumps back by minutes; the second spans decades. (nfsv3 is big-endian.)
TEST_F(Read, gives_the_same_bytes_with_1_2_and_4_workers) {
  for (const char* name :
       {"tcp/ndpi_avast.pcap", "ipv6/pcpp_ipv6_options.pcap", "linktypes/ndpi_nfsv3.pcap",
        "tunnels/synthetic_tunnel-frag.pcap", "fragments/synthetic_frag-reordered.pcap", "ipv6/ndpi_esp.pcapng"}) {
    const std::string capture = kCaptures / name;
    const Finished one = run({kWeir, "read", "--workers", "1", "--export", "json:-", capture});
    ASSERT_EQ(one.exit_code, 0) << one.err;
    ASSERT_FALSE(one.out.empty());
    for (const char* workers : {"2", "4"}) {
      const Finished more = run({kWeir, "read", "--workers", workers, "--export", "json:-", capture});
      EXPECT_EQ(more.exit_code, 0) << more.err;
      EXPECT_EQ(more.out, one.out) << name << " with " << workers << " workers";
    }
  }
}

/// "vlan tunnel_id src_addr src_port": packets and octets of the direction.
std::map<std::string, std::pair<std::uint64_t, std::uint64_t>> sums_by_added_fields(const std::vector<Json>& records) {
  std::map<std::string, std::pair<std::uint64_t, std::uint64_t>> sums;
  for (const Json& record : records) {
    for (const bool reverse : {false, true}) {
      const std::uint64_t packets = record.at(reverse ? "rev_packets" : "packets");
      if (packets == 0) continue;
      std::string name = std::to_string(record.at("vlan_id").get<unsigned>()) + ' ' +
                         std::to_string(record.value("tunnel_id", 0U)) + ' ' +
                         record.at(reverse ? "dst_addr" : "src_addr").get<std::string>() + ' ' +
                         std::to_string(record.at(reverse ? "dst_port" : "src_port").get<unsigned>());
      auto& sum = sums[name];
      sum.first += packets;
      sum.second += record.at(reverse ? "rev_bytes" : "bytes").get<std::uint64_t>();
    }
  }
  return sums;
}

// Expected: tshark -T fields -E occurrence=f -e vlan.id -e ip.src -e tcp.srcport -e ip.len, and for the tunnels
// occurrence=l with geneve.vni, summed with awk.
TEST_F(Read, vlans_and_tunnels_part_flows_where_key_says_so) {
  using Sums = std::map<std::string, std::pair<std::uint64_t, std::uint64_t>>;
  struct Case {
    const char* capture;
    const char* key;
    std::size_t records;
    Sums sums;
  };
  const Case cases[] = {
      {"vlan/zeek_vlan-collisions.pcap",
       "5tuple,vlan_id",
       3,
       {{"0 0 141.142.228.5 59856", {7, 512}},
        {"0 0 192.150.187.43 80", {7, 5379}},
        {"10 0 141.142.228.5 59856", {7, 512}},
        {"10 0 192.150.187.43 80", {7, 5379}},
        {"42 0 141.142.228.5 59856", {7, 512}},
        {"42 0 192.150.187.43 80", {7, 5379}}}},
      {"vlan/zeek_vlan-collisions.pcap",
       "src_addr,dst_addr,proto",
       1,
       {{"0 0 141.142.228.5 0", {21, 1536}}, {"0 0 192.150.187.43 0", {21, 16137}}}},
      {"tunnels/tcpdump_geneve.pcap",
       "5tuple,tunnel_id",
       4,
       {{"0 10 30.0.0.1 0", {3, 252}},
        {"0 11 30.0.0.2 0", {3, 252}},
        {"0 10 30.0.0.1 22", {16, 3407}},
        {"0 11 30.0.0.2 51225", {17, 2721}}}},
  };
  for (const Case& one : cases) {
    for (const char* workers : {"1", "3"}) {
      SCOPED_TRACE(std::string(one.capture) + ' ' + one.key + ' ' + workers);
      auto command = read_command("json:-", ledger_file_, {kCaptures / one.capture});
      command.insert(command.end(), {"--key", one.key, "--workers", workers});
      const Finished done = run(command);
      ASSERT_EQ(done.exit_code, 0) << done.err;
      const auto records = records_of(done.out);
      EXPECT_EQ(records.size(), one.records);
      EXPECT_EQ(sums_by_added_fields(records), one.sums);
      EXPECT_EQ(ledger_of(ledger_file_)->at("balanced"), true);
    }
  }
  const Finished refused = run({kWeir, "read", "--key", "5tuple,mac", kCaptures / cases[0].capture});
  EXPECT_EQ(refused.exit_code, 2);
  EXPECT_NE(refused.err.find("--key 5tuple,mac: 'mac' is not a field of the key; expected 5tuple"), std::string::npos)
      << refused.err;
}

TEST_F(Read, names_the_link_type_that_it_does_not_know) {
  const fs::path capture = kCaptures / "malformed" / "tcpdump_unsupported-link-type-160.pcap";
  const Finished done = run(read_command("json:-", ledger_file_, {capture.string()}));
  EXPECT_EQ(done.exit_code, 1);
  EXPECT_EQ(done.out, "");
  EXPECT_EQ(std::count(done.err.begin(), done.err.end(), '\n'), 1) << done.err;
  EXPECT_NE(done.err.find(capture.string() + ": link type "), std::string::npos) << done.err;
  EXPECT_NE(done.err.find("(160) is not supported"), std::string::npos) << done.err;
}

TEST_F(Read, takes_every_malformed_capture_to_its_end_or_says_why_not) {
  const auto captures = captures_of(kCaptures, "malformed");
  EXPECT_EQ(captures.size(), 88U);
  for (const fs::path& capture : captures) {
    SCOPED_TRACE(capture.string());
    fs::remove(ledger_file_);
    const Finished done = run(read_command("json:-", ledger_file_, {capture.string()}), std::chrono::seconds(20));
    EXPECT_FALSE(done.timed_out);
    const auto errors = error_lines_of(done.err);
    if (done.exit_code == 0) {
      EXPECT_EQ(errors, std::vector<std::string>{});
    } else {
      EXPECT_EQ(done.exit_code, 1) << done.err;
      ASSERT_EQ(errors.size(), 1U) << done.err;
      EXPECT_NE(errors[0].find(capture.string() + ": "), std::string::npos) << errors[0];
    }
    const auto ledger = ledger_of(ledger_file_);
    if (!ledger) {  // not one packet
      EXPECT_EQ(done.exit_code, 1);
      EXPECT_EQ(done.out, "");
      continue;
    }
    EXPECT_EQ(ledger->at("balanced"), true);
    std::uint64_t packets = 0;
    for (const auto& [tuple, sum] : sums_of(records_of(done.out))) packets += sum.packets;
    EXPECT_EQ(ledger->at("counted").at("packets"), packets);
    EXPECT_EQ(ledger->at("received").at("packets"), packets + rejected_of(*ledger));
  }
}

TEST_F(Read, counts_what_the_filter_keeps_out_and_gives_the_records_of_the_rest) {
  const fs::path capture = kCaptures / "basic" / "ndpi_android.pcap";
  const auto filtered = [&](const char* filter) {
    auto command = read_command("json:-", ledger_file_, {capture.string()});
    command.insert(command.end(), {"--filter", filter});
    return run(command);
  };
  const TupleSums all = read_truth(capture).tuples;
  TupleSums expected;
  std::uint64_t packets = 0;
  for (const auto& [tuple, sum] : all) {
    if (tuple.source_port != 443 && tuple.destination_port != 443) continue;
    expected.emplace(tuple, sum);
    packets += sum.packets;
  }
  ASSERT_FALSE(expected.empty());
  ASSERT_LT(expected.size(), all.size());
  const Finished done = filtered("port 443");
  EXPECT_EQ(done.exit_code, 0) << done.err;
  EXPECT_EQ(difference(expected, sums_of(records_of(done.out))), "");
  const auto ledger = ledger_of(ledger_file_);
  ASSERT_TRUE(ledger.has_value());
  EXPECT_EQ(ledger->at("balanced"), true);
  EXPECT_EQ(ledger->at("counted").at("packets"), packets);
  const Truth truth = read_truth(capture);
  EXPECT_EQ(ledger->at("filtered_out").at("packets"), truth.total_packets - truth.non_ip_packets - packets);
  EXPECT_NE(
      done.err.find(std::to_string(truth.total_packets - truth.non_ip_packets - packets) + " filtered out (--filter)"),
      std::string::npos)
      << done.err;

  const Finished wrong = filtered("prot 443");
  EXPECT_EQ(wrong.exit_code, 2);
  EXPECT_NE(wrong.err.find("--filter 'prot 443': "), std::string::npos) << wrong.err;
}

TEST_F(Read, a_tunnelled_flow_names_its_tunnel_in_json_and_protobuf) {
  const fs::path capture = kCaptures / "tunnels" / "zeek_tunnels-gtp-gtp7_ipv6.pcap";
  const std::string file = folder_.path("records.pb");
  const Finished done = run({kWeir, "read", "--export", "json:-", "--export", "protobuf:" + file, capture.string()});
  ASSERT_EQ(done.exit_code, 0) << done.err;
  const auto records = records_of(done.out);
  ASSERT_FALSE(records.empty());
  for (const Json& record : records) {
    EXPECT_EQ(record.at("tunnel_type"), "gtp-u");
    EXPECT_EQ(record.at("tunnel_depth"), 1);
    EXPECT_EQ(record.at("etype"), 0x86dd);
    EXPECT_NE(record.at("tunnel_id"), 0);
    EXPECT_EQ(record.at("tunnel_src_addr").get<std::string>().find(':'), std::string::npos);
  }
  // Both times the ends of the tunnel are those of the outer truth.
  const TupleSums outer = read_truth(capture, TruthLayer::outer).tuples;
  EXPECT_TRUE(
      outer.contains(tuple_of(records[0].at("tunnel_src_addr"), records[0].at("tunnel_dst_addr"), 2152, 2152, 17)));
  const Finished decoded = run({kCollect, "--json", file});
  EXPECT_EQ(decoded.exit_code, 0) << decoded.err;
  EXPECT_NE(decoded.out.find("\"tunnel_type\":\"gtp-u\""), std::string::npos) << decoded.out;
}

TEST_F(Read, explains_a_packet_layer_by_layer) {
  const fs::path tunnel = kCaptures / "tunnels" / "suricata_bug-6402-01.pcap";
  const Finished inside = run({kWeir, "read", "--explain", "3", tunnel.string()});
  EXPECT_EQ(inside.exit_code, 0) << inside.err;
  for (const char* line : {": packet 3, ", "       0      14  Ethernet", "  GENEVE: VNI ", "  GRE: type 0x",
                           "  key: ", "  tunnel: gre, id ", "  flow: "}) {
    EXPECT_NE(inside.out.find(line), std::string::npos) << line << "\n" << inside.out;
  }
  const fs::path arp = kCaptures / "basic" / "ipfixprobe_arp.pcap";
  const Finished rejected = run({kWeir, "read", "--explain", "1", arp.string()});
  EXPECT_EQ(rejected.exit_code, 0) << rejected.err;
  EXPECT_NE(rejected.out.find("  rejected: ether_type_arp (ARP or RARP)\n"), std::string::npos) << rejected.out;
  const Finished beyond = run({kWeir, "read", "--explain", "46", arp.string()});
  EXPECT_EQ(beyond.exit_code, 1);
  EXPECT_NE(beyond.err.find("has only 45 packets"), std::string::npos) << beyond.err;
  EXPECT_EQ(run({kWeir, "read", "--explain", "0", arp.string()}).exit_code, 2);
}

// The captures are from 2017 and 2022; the sums over both are the sums of each, and one that is absent between them is
// named and costs nothing but itself.
TEST_F(Read, takes_several_captures_as_one_and_goes_on_behind_one_that_is_absent) {
  const fs::path first = kCaptures / "tcp" / "ndpi_avast.pcap";
  const fs::path second = kCaptures / "linktypes" / "ndpi_nfsv3.pcap";
  TupleSums expected = read_truth(first).tuples;
  for (const auto& [tuple, sum] : read_truth(second).tuples) {
    expected[tuple].add(sum.packets, sum.octets, sum.first_ns, sum.last_ns);
  }
  const std::string absent = folder_.path("absent.pcap");
  const Finished both = run(read_command("json:-", ledger_file_, {first.string(), second.string()}));
  EXPECT_EQ(both.exit_code, 0) << both.err;
  EXPECT_EQ(difference(expected, sums_of(records_of(both.out))), "");
  const Finished three = run(read_command("json:-", ledger_file_, {first.string(), absent, second.string()}));
  EXPECT_EQ(three.exit_code, 1);
  EXPECT_EQ(three.out, both.out);
  const auto errors = error_lines_of(three.err);
  ASSERT_EQ(errors.size(), 1U) << three.err;
  EXPECT_NE(errors[0].find(absent + ": No such file or directory"), std::string::npos) << errors[0];
}

TEST_F(Read, writes_protobuf_that_the_collector_decodes_to_the_same_sums) {
  for (const char* name : {"tcp/ndpi_avast.pcap", "ipv6/pcpp_ipv6_options.pcap"}) {
    const fs::path capture = kCaptures / name;
    const std::string file = folder_.path("records.pb");
    const Finished done = run(read_command("protobuf:" + file, ledger_file_, {capture.string()}));
    ASSERT_EQ(done.exit_code, 0) << done.err;
    EXPECT_EQ(done.out, "");
    const Finished decoded = run({kCollect, "--json", file});
    EXPECT_EQ(decoded.exit_code, 0) << decoded.err;
    EXPECT_EQ(difference(read_truth(capture).tuples, sums_of(records_of(decoded.out))), "") << name;
  }
}

TEST_F(Read, sends_netflow9_that_the_collector_decodes_to_the_same_sums) {
  const fs::path capture = kCaptures / "tcp" / "ndpi_avast.pcap";
  const Truth truth = read_truth(capture);
  Process collector({kCollect, "--json", "--listen", "netflow9://127.0.0.1:0"});
  ASSERT_TRUE(collector.wait_for_error_text("\n")) << "the collector does not say where it listens";
  const std::string said = collector.error_text();
  const std::size_t at = said.find("127.0.0.1:");
  ASSERT_NE(at, std::string::npos) << said;
  const std::string port = std::to_string(std::stoi(said.substr(at + 10)));
  const Finished done = run(read_command("netflow9://127.0.0.1:" + port, ledger_file_, {capture.string()}));
  ASSERT_EQ(done.exit_code, 0) << done.err;
  // The datagrams are in the collector's socket by now; it empties that before it ends.
  collector.signal(SIGTERM);
  const Finished collected = collector.wait();
  EXPECT_EQ(collected.exit_code, 0) << collected.err;
  EXPECT_EQ(difference(in_milliseconds(truth.tuples), in_milliseconds(sums_of(records_of(collected.out)))), "");
}

}  // namespace
}  // namespace weir::test
