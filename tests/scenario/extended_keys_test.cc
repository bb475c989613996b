// `weir read --key` with MAC addresses, inner VLAN and TOS, and ip_payload_bytes, against tshark, on every capture of
// the collection without tunnels; and the same records at any number of workers. Masks and v7's flags as nfdump and
// tshark show them.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "tests/support/capture_file.h"
#include "tests/support/collectors.h"
#include "tests/support/process.h"
#include "tests/support/udp.h"

namespace weir::test {
namespace {

using Json = nlohmann::json;
namespace fs = std::filesystem;

const fs::path kCaptures = WEIR_CAPTURES;
const std::string kWeir = WEIR_BIN "/weir";

std::vector<std::string> split(const std::string& text, char at) {
  std::vector<std::string> parts;
  std::size_t from = 0;
  for (;;) {
    const std::size_t end = text.find(at, from);
    parts.push_back(text.substr(from, end - from));
    if (end == std::string::npos) return parts;
    from = end + 1;
  }
}

/// By direction of a flow, "source, source MAC > destination, destination MAC, TOS, inner VLAN": packets, and octets
/// above the IP header.
using Sums = std::map<std::string, std::array<std::uint64_t, 2>>;

std::string text_of(const Sums& sums) {
  std::string text;
  for (const auto& [key, counts] : sums) {
    text += key + ": " + std::to_string(counts[0]) + ", " + std::to_string(counts[1]) + "\n";
  }
  return text;
}

std::string key_of(const std::string& source, const std::string& source_mac, const std::string& destination,
                   const std::string& destination_mac, unsigned tos, unsigned inner_vlan) {
  return source + ' ' + source_mac + " > " + destination + ' ' + destination_mac + " tos " + std::to_string(tos) +
         " inner " + std::to_string(inner_vlan);
}

std::uint64_t sum_of(const std::string& list) {
  std::uint64_t sum = 0;
  for (const std::string& one : split(list, ',')) sum += one.empty() ? 0 : std::stoull(one, nullptr, 0);
  return sum;
}
std::string first_of(const std::string& list) {
  return list.substr(0, list.find(','));
}
unsigned number(const std::string& text) {
  return text.empty() ? 0 : static_cast<unsigned>(std::stoul(text, nullptr, 0));
}

const std::vector<std::string> kFields = {"eth.src",
                                          "eth.dst",
                                          "ieee8021ad.id",
                                          "vlan.id",
                                          "ip.src",
                                          "ip.dst",
                                          "ip.dsfield",
                                          "ip.len",
                                          "ip.hdr_len",
                                          "ipv6.src",
                                          "ipv6.dst",
                                          "ipv6.tclass",
                                          "ipv6.plen",
                                          "ipv6.hopopts.len_oct",
                                          "ipv6.dstopts.len_oct",
                                          "ipv6.routing.len_oct",
                                          "ipv6.fraghdr.offset",
                                          "ah.length",
                                          "icmpv6.type"};
enum Place {
  kSourceMac,
  kDestinationMac,
  kOuterTag,
  kTags,
  kSource4,
  kDestination4,
  kTos4,
  kLength4,
  kHeader4,
  kSource6,
  kDestination6,
  kTos6,
  kLength6,
  kHopOptions,
  kDestinationOptions,
  kRouting,
  kFragment,
  kAh,
  kIcmpv6
};

/// What tshark sees of a capture. `complete`: it names the length of every extension header.
Sums tshark_sums(const std::string& capture, bool& complete) {
  std::vector<std::string> command = {
      "tshark", "-r",     capture, "-n",           "-o", "ip.defragment:FALSE", "-o", "ipv6.defragment:FALSE",
      "-T",     "fields", "-E",    "occurrence=a", "-E", "separator=|"};
  for (const std::string& field : kFields) command.insert(command.end(), {"-e", field});
  const Finished seen = run(command);
  EXPECT_EQ(seen.exit_code, 0) << seen.err;
  Sums sums;
  complete = true;
  std::istringstream lines(seen.out);
  for (std::string line; std::getline(lines, line);) {
    const std::vector<std::string> fields = split(line, '|');
    if (fields.size() != kFields.size() || (fields[kSource4].empty() && fields[kSource6].empty())) continue;
    const std::vector<std::string> tags = split(fields[kTags], ',');
    const std::string inner = !fields[kOuterTag].empty() ? tags[0] : tags.size() > 1 ? tags[1] : std::string();
    // Of ICMP errors the quoted header comes second; of a capture that has both families, so does the other one's.
    const bool six = fields[kSource4].empty();
    if (!six && !fields[kSource6].empty()) complete = false;
    const std::string key =
        key_of(first_of(fields[six ? kSource6 : kSource4]), first_of(fields[kSourceMac]),
               first_of(fields[six ? kDestination6 : kDestination4]), first_of(fields[kDestinationMac]),
               number(first_of(fields[six ? kTos6 : kTos4])), number(inner));
    std::uint64_t octets = 0;
    if (six) {
      octets = number(first_of(fields[kLength6]));
      std::uint64_t extensions =
          sum_of(fields[kHopOptions]) + sum_of(fields[kDestinationOptions]) + sum_of(fields[kRouting]);
      if (!fields[kFragment].empty()) extensions += 8 * split(fields[kFragment], ',').size();
      if (!fields[kAh].empty() || number(first_of(fields[kIcmpv6])) - 1U < 127U) complete = false;
      octets -= std::min(octets, extensions);
    } else {
      octets = number(first_of(fields[kLength4])) - number(first_of(fields[kHeader4]));
    }
    ++sums[key][0];
    sums[key][1] += octets;
  }
  return sums;
}

std::vector<Json> read_records(const TemporaryFolder& folder, const std::vector<std::string>& options,
                               const std::string& capture) {
  std::vector<std::string> command = {kWeir, "read", "--export", "json:" + folder.path("out.json")};
  command.insert(command.end(), options.begin(), options.end());
  command.push_back(capture);
  const Finished read = run(command);
  EXPECT_EQ(read.exit_code, 0) << read.err;
  expect_balanced(read);
  std::vector<Json> records;
  std::istringstream lines(contents(folder.path("out.json")));
  for (std::string line; std::getline(lines, line);) records.push_back(Json::parse(line));
  return records;
}

Sums weir_sums(const std::vector<Json>& records) {
  Sums sums;
  for (const Json& record : records) {
    const std::string source = record.at("src_addr"), destination = record.at("dst_addr");
    const std::string source_mac = record.at("src_mac"), destination_mac = record.at("dst_mac");
    const unsigned inner = record.at("inner_vlan_id");
    const std::uint64_t packets = record.at("packets"), back = record.at("rev_packets");
    if (packets != 0) {
      auto& sum = sums[key_of(source, source_mac, destination, destination_mac, record.at("ip_tos"), inner)];
      sum[0] += packets;
      sum[1] += record.at("ip_payload_bytes").get<std::uint64_t>();
    }
    if (back != 0) {
      // One TOS for the flow, since the key has it; the forward one is 0 where only the responder was heard.
      const unsigned tos = packets != 0 ? record.at("ip_tos") : record.at("rev_ip_tos");
      auto& sum = sums[key_of(destination, destination_mac, source, source_mac, tos, inner)];
      sum[0] += back;
      sum[1] += record.at("rev_ip_payload_bytes").get<std::uint64_t>();
    }
  }
  return sums;
}

class KeysOfCaptures : public ::testing::TestWithParam<const char*> {};

TEST_P(KeysOfCaptures, AreTheFlowsThatTsharkSees) {
  if (!installed("tshark")) GTEST_SKIP() << "no tshark";
  if (!fs::exists(kCaptures / GetParam())) GTEST_SKIP() << "no captures";
  const TemporaryFolder folder;
  unsigned compared = 0;
  std::set<std::string> keys;
  for (const auto& entry : fs::directory_iterator(kCaptures / GetParam())) {
    const std::string capture = entry.path();
    if (!capture.ends_with(".pcap") && !capture.ends_with(".pcapng")) continue;
    SCOPED_TRACE(capture);
    bool complete = false;
    const Sums expected = tshark_sums(capture, complete);
    if (!complete || expected.empty()) continue;
    // Where the link layer has no MAC addresses, or tshark looks through what --layer outer does not.
    if (expected.begin()->first.find("  > ") != std::string::npos) continue;
    const std::vector<std::string> options = {
        "--layer", "outer", "--metrics", "lengths", "--key", "src_addr,dst_addr,ip_tos,src_mac,dst_mac,inner_vlan_id"};
    const std::vector<Json> records = read_records(folder, options, capture);
    EXPECT_EQ(text_of(weir_sums(records)), text_of(expected));
    for (const auto& [key, counts] : expected) keys.insert(key);
    std::vector<std::string> two_workers = options;
    two_workers.insert(two_workers.end(), {"--workers", "2"});
    std::vector<Json> again = read_records(folder, two_workers, capture);
    EXPECT_TRUE(std::is_permutation(records.begin(), records.end(), again.begin(), again.end()));
    ++compared;
  }
  EXPECT_GT(compared, 3U);
  if (std::string(GetParam()) == "vlan") {
    EXPECT_TRUE(
        std::any_of(keys.begin(), keys.end(), [](const std::string& key) { return !key.ends_with(" inner 0"); }));
  }
}

INSTANTIATE_TEST_SUITE_P(Group, KeysOfCaptures, ::testing::Values("basic", "vlan", "ipv6", "fragments", "tcp"),
                         [](const auto& one) { return std::string(one.param); });

/// A capture with one conversation: 10.1.2.3:1000 with 10.9.8.7:80, two packets there and one back.
std::string conversation(const TemporaryFolder& folder) {
  const auto frame = [](bool back) {
    Bytes octets = hex("020000000002 020000000001 0800");
    put(octets, 0x45000028, 4);
    put(octets, 0x00010000, 4);
    put(octets, 0x40060000, 4);
    put(octets, back ? 0x0a090807 : 0x0a010203, 4);
    put(octets, back ? 0x0a010203 : 0x0a090807, 4);
    put(octets, back ? 0x005003e8 : 0x03e80050, 4);
    put(octets, 1, 4);
    put(octets, 0, 4);
    put(octets, 0x50101000, 4);
    put(octets, 0, 4);
    return octets;
  };
  const std::string path = folder.path("conversation.pcap");
  constexpr std::uint64_t kStart = 1'700'000'000'000'000'000;
  write_capture(path, {{kStart, frame(false)}, {kStart + 1000, frame(true)}, {kStart + 2000, frame(false)}});
  return path;
}

TEST(Masks, AreInJsonAndInNetflowAsNfdumpShowsThem) {
  const TemporaryFolder folder;
  const std::string capture = conversation(folder);
  const std::string key = "src_addr/24,dst_addr/16,proto";
  for (const Json& record : read_records(folder, {"--key", key}, capture)) {
    const bool there = record.at("src_addr") == "10.1.2.0";
    EXPECT_EQ(record.at("src_addr"), there ? "10.1.2.0" : "10.9.8.0");
    EXPECT_EQ(record.at("dst_addr"), there ? "10.9.0.0" : "10.1.0.0");
    EXPECT_EQ(record.at("src_net"), 24);
    EXPECT_EQ(record.at("dst_net"), 16);
    EXPECT_EQ(record.at("packets"), there ? 2 : 1);
  }
  for (const Json& record : read_records(folder, {}, capture)) EXPECT_FALSE(record.contains("src_net"));
  // Where a mask and a prefix both know a length, the mask wins.
  const std::string prefixes = folder.path("prefixes");
  const std::string lines = "10.1.0.0/16 as=64500\n10.9.0.0/20 as=64501\n";
  write_file(prefixes, {reinterpret_cast<const std::uint8_t*>(lines.data()), lines.size()});
  const auto both = read_records(folder, {"--key", "src_addr/24,dst_addr/24,proto", "--prefixes", prefixes}, capture);
  ASSERT_EQ(both.size(), 1U);
  EXPECT_EQ(both[0].at("src_net"), 24);
  EXPECT_EQ(both[0].at("dst_net"), 24);
  EXPECT_EQ(both[0].at("src_as"), 64500);
  if (!installed("nfcapd")) GTEST_SKIP() << "no nfcapd";
  for (const std::string scheme : {"netflow9", "ipfix"}) {  // of v5 nfdump 1.7.1 shows no masks
    SCOPED_TRACE(scheme);
    Nfcapd collector;
    const Finished read = run({kWeir, "read", "--key", key, "--export", collector.uri(scheme, ""), capture});
    EXPECT_EQ(read.exit_code, 0) << read.err;
    collector.finish();
    const auto flows = collector.flows();
    EXPECT_EQ(flows.size(), 2U);
    for (const Json& flow : flows) {
      EXPECT_EQ(flow.at("src_mask"), 24) << flow;
      EXPECT_EQ(flow.at("dst_mask"), 16) << flow;
    }
  }
}

TEST(Masks, OfVersion5AndFlagsOfVersion7AreWhatTsharkReads) {
  if (!installed("tshark")) GTEST_SKIP() << "no tshark";
  const TemporaryFolder folder;
  const std::string capture = conversation(folder);
  const auto shown_of = [&](const std::string& scheme, const std::string& key) {
    UdpSink sink;
    const Finished read =
        run({kWeir, "read", "--key", key, "--export", scheme + "://" + sink.address() + "?rate=20000", capture});
    EXPECT_EQ(read.exit_code, 0) << read.err;
    const std::string file = folder.path("datagrams.pcap");
    write_datagram_capture(file, sink.finish(), kTsharkPort);
    const Finished shown = run({"tshark", "-r", file, "-d", "udp.port==" + std::to_string(kTsharkPort) + ",cflow", "-T",
                                "fields", "-e", "cflow.flags", "-e", "cflow.srcmask", "-e", "cflow.dstmask"});
    EXPECT_EQ(shown.exit_code, 0) << shown.err;
    return shown.out;
  };
  EXPECT_EQ(shown_of("netflow5", "src_addr/24,dst_addr/24,proto"), "\t24,24\t24,24\n");
  EXPECT_EQ(shown_of("netflow7", "5tuple"), "0x00,0x00\t0,0\t0,0\n") << "every field is valid";
  EXPECT_EQ(shown_of("netflow7", "src_addr/24,dst_addr/24,proto"), "0x0c,0x0c\t24,24\t24,24\n") << "no ports";
  EXPECT_EQ(shown_of("netflow7", "src_addr"), "0x1e,0x1e\t0,0\t0,0\n")
      << "source addresses alone, each direction a flow";
}

/// "AS 100 with AS 0": packets and IP octets, both ways together.
using BetweenNetworks = std::map<std::string, std::array<std::uint64_t, 2>>;

BetweenNetworks between_networks(const std::vector<Json>& records) {
  BetweenNetworks sums;
  for (const Json& record : records) {
    const auto [less, greater] = std::minmax(record.value("src_as", 0U), record.value("dst_as", 0U));
    auto& [packets, octets] = sums["AS " + std::to_string(less) + " with AS " + std::to_string(greater)];
    packets += record.at("packets").get<std::uint64_t>() + record.at("rev_packets").get<std::uint64_t>();
    octets += record.at("bytes").get<std::uint64_t>() + record.at("rev_bytes").get<std::uint64_t>();
  }
  return sums;
}

/// A key of AS numbers gives the sums over all flows of the 5-tuple, whose AS numbers the drain looked up.
TEST(AsKeys, AreTheSumsOfTheFlowsBetweenTheirNetworks) {
  const fs::path capture = kCaptures / "basic" / "ipfixprobe_mixed.pcap";
  if (!fs::exists(capture)) GTEST_SKIP() << "no captures";
  const TemporaryFolder folder;
  const std::string prefixes = folder.path("prefixes");
  const std::string lines = "10.0.0.0/8 as=100\n192.168.0.0/16 as=200\n128.0.0.0/1 as=300\n2000::/3 as=400\n";
  write_file(prefixes, {reinterpret_cast<const std::uint8_t*>(lines.data()), lines.size()});
  const auto plain = read_records(folder, {"--prefixes", prefixes}, capture);
  const BetweenNetworks expected = between_networks(plain);
  EXPECT_GT(expected.size(), 1U);
  for (const std::string workers : {"1", "2", "4"}) {
    const auto records =
        read_records(folder, {"--prefixes", prefixes, "--key", "src_as,dst_as", "--workers", workers}, capture);
    EXPECT_EQ(between_networks(records), expected) << workers;
    EXPECT_LT(records.size(), plain.size());
  }
  const Finished without = run({kWeir, "read", "--key", "src_as", "--export", "json:-", capture});
  EXPECT_EQ(without.exit_code, 2);
  EXPECT_NE(without.err.find("expected --prefixes FILE"), std::string::npos) << without.err;
}

TEST(Interfaces, HaveNamesInRecordsAndInOptionsData) {
  const TemporaryFolder folder;
  const std::string capture = conversation(folder);
  const std::string names = folder.path("interfaces");
  const std::string lines = "4000000000 core0 to the core\n1 lan\n";
  write_file(names, {reinterpret_cast<const std::uint8_t*>(lines.data()), lines.size()});
  const auto records = read_records(folder, {"--interface", "4000000000", "--interfaces", names}, capture);
  ASSERT_EQ(records.size(), 1U);
  EXPECT_EQ(records[0].at("in_if"), 4'000'000'000);
  EXPECT_EQ(records[0].at("in_if_name"), "core0");
  EXPECT_FALSE(records[0].contains("out_if_name"));
  for (const std::string version : {"netflow9", "ipfix"}) {
    SCOPED_TRACE(version);
    UdpSink sink;
    const Finished read = run({kWeir, "read", "--interface", "4000000000", "--interfaces", names, "--export",
                               version + "://" + sink.address(), capture});
    EXPECT_EQ(read.exit_code, 0) << read.err;
    std::string text;
    for (const Bytes& datagram : sink.finish()) text.append(datagram.begin(), datagram.end());
    const auto count = [&](const std::string& what) {
      std::size_t found = 0;
      for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) ++found;
      return found;
    };
    // In the options data, and in each of the two records.
    EXPECT_EQ(count("core0") - count("to the core"), 2U);
    EXPECT_GE(count("to the core"), 1U);
    EXPECT_EQ(count("lan"), count("to the core"));
  }
}

}  // namespace
}  // namespace weir::test
