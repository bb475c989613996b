// `--metrics` as a user meets it: what layer2 and tcp say in JSON arrives in every other format, agrees with tshark,
// and is what `weir metrics` and `weir fields` promise.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "tests/support/exporters.h"
#include "tests/support/process.h"

namespace weir::test {
namespace {

using nlohmann::json;

const std::string kBin = WEIR_BIN;
const std::string kWeir = kBin + "/weir";
const std::string kCaptures = WEIR_CAPTURES;

json field_table() {
  const Finished fields = run({kWeir, "fields", "-o", "json"});
  EXPECT_EQ(fields.exit_code, 0) << fields.err;
  return json::parse(fields.out);
}

/// Names of the columns that only metrics fill.
const std::set<std::string>& metric_columns() {
  static const std::set<std::string> kNames = [] {
    std::set<std::string> names;
    for (const json& field : field_table()) {
      const std::string section = field.at("section");
      if (section == "layer2" || section == "tcp" || section == "rtt" || section == "label_stack" ||
          section == "lengths" || section == "histograms" || section == "packets" || section == "icmp" ||
          section == "dns" || section == "tls" || section == "tls_certificate" || section == "http" ||
          section == "wireguard" || section == "quic" || section == "quic_hello" || section == "quic_2017" ||
          section == "ids")
        names.insert(field.at("name"));
    }
    for (const char* name :
         {"src_mac",          "ip_ttl",         "rev_ip_ttl",       "tcp_mss",           "payload_bytes",
          "rtt_handshake_ns", "mpls_labels",    "community_id",     "rev_iat_histogram", "first_packets",
          "icmp_errors",      "dns_query_name", "tls_sni",          "tls_not_after",     "http_host",
          "wireguard_sender", "quic_version",   "rev_quic_initial", "quic_sni",          "quic_packet_number"}) {
      EXPECT_EQ(names.count(name), 1U) << name;
    }
    return names;
  }();
  return kNames;
}

/// Of each record what metrics say, with the key and the packets, sorted.
std::vector<std::string> metric_lines(const std::vector<json>& records, const std::set<std::string>& without = {}) {
  std::vector<std::string> lines;
  for (const json& record : records) {
    if (!record.contains("src_addr")) continue;  // options
    json line;
    for (const char* name : {"src_addr", "dst_addr", "src_port", "dst_port", "proto", "packets", "rev_packets"}) {
      if (record.contains(name)) line[name] = record.at(name);
    }
    for (const std::string& name : metric_columns()) {
      if (record.contains(name) && without.count(name) == 0) line[name] = record.at(name);
    }
    lines.push_back(line.dump());
  }
  std::sort(lines.begin(), lines.end());
  return lines;
}

/// The two uniflow records that a biflow record becomes, as weir-collect's JSON has them.
std::vector<json> uniflows_of(const std::vector<json>& records) {
  std::vector<json> uniflows;
  for (const json& record : records) {
    for (const bool reverse : {false, true}) {
      if (record.at(reverse ? "rev_packets" : "packets") == 0) continue;
      json one;
      for (const auto& [name, value] : record.items()) {
        if (name.rfind("rev_", 0) != 0) one[name] = value;
      }
      if (reverse) {
        for (const auto& [name, value] : record.items()) {
          if (name.rfind("rev_", 0) == 0) one[name.substr(4)] = value;
        }
        for (const auto& [source, destination] :
             {std::pair{"src_addr", "dst_addr"}, {"src_port", "dst_port"}, {"src_mac", "dst_mac"}}) {
          one[source] = record.at(destination);
          one[destination] = record.at(source);
        }
      }
      one["rev_packets"] = 0;
      uniflows.push_back(one);
    }
  }
  return uniflows;
}

/// The forward columns alone: a uniflow record has no others. Of a direction that no ICMP error quotes it has none of
/// the metric icmp, whose section would be all zeros. `v9`: without what NetFlow v9 has no elements for, and with texts
/// of 64 octets at most.
std::vector<std::string> forward_lines(std::vector<json> records, bool v9 = false) {
  for (json& record : records) {
    if (record.value("icmp_errors", 0U) != 0) continue;
    for (const char* name : {"icmp_errors", "icmp_error_mtu", "icmp_error_type", "icmp_error_code"}) record.erase(name);
  }
  static const std::set<std::string> kReverse = [] {
    std::set<std::string> names;
    for (const std::string& name : metric_columns()) {
      if (name.rfind("rev_", 0) == 0) names.insert(name);
    }
    return names;
  }();
  std::set<std::string> without = kReverse;
  if (v9) without.insert("first_packets");
  constexpr std::size_t kMostOctets = 64;
  for (json& record : records) {
    if (!v9) break;
    for (const std::string& name : metric_columns()) {
      if (!record.contains(name) || !record.contains(name + "_cut") || !record.at(name).is_string()) continue;
      const auto text = record.at(name).get<std::string>();
      if (text.size() <= kMostOctets) continue;
      record[name] = text.substr(0, kMostOctets);
      record[name + "_cut"] = 1;
    }
  }
  return metric_lines(records, without);
}

TEST(MetricRecords, ArriveAsTheyAreInEveryFormat) {
  std::size_t records = 0, with_tcp = 0, with_labels = 0, with_fragments = 0, with_inner_vlan = 0, with_flow_label = 0,
              with_icmp_errors = 0;
  for (const std::string name :
       {"tcp/pcpp_one_http_stream_fin.pcap", "tcp/suricata_decode-sll2-01.pcap", "vlan/synthetic_mpls-deep.pcap",
        "tunnels/synthetic_tunnel-mix.pcap", "ipv6/pcpp_ipv6_options.pcap", "fragments/zeek_ipv6-fragmented-dns.pcap",
        "vlan/zeek_vlan-collisions.pcap", "basic/ipfixprobe_mixed.pcap", "tcp/ipfixprobe_smtp.pcap"}) {
    SCOPED_TRACE(name);
    const std::string capture = kCaptures + "/" + name;
    if (!std::filesystem::exists(capture)) continue;
    const TemporaryFolder folder;
    WeirCollect ipfix(kBin, "ipfix"), ipfix_tcp(kBin, "ipfix+tcp"), netflow9(kBin, "netflow9"), one_way(kBin, "ipfix"),
        one_way9(kBin, "netflow9");
    const Finished read = run({kWeir,       "read",
                               "--metrics", "all",
                               "--export",  "json:" + folder.path("own"),
                               "--export",  "protobuf:" + folder.path("pb"),
                               "--export",  "ipfix://" + ipfix.address() + "?uniflow=0&mtu=9000",
                               "--export",  "ipfix+tcp://" + ipfix_tcp.address() + "?uniflow=0",
                               "--export",  "netflow9://" + netflow9.address() + "?uniflow=0",
                               "--export",  "ipfix://" + one_way.address() + "?mtu=9000",
                               "--export",  "netflow9://" + one_way9.address() + "?mtu=9000",
                               "--ledger",  folder.path("ledger"),
                               capture});
    ASSERT_EQ(read.exit_code, 0) << read.err;
    EXPECT_EQ(json::parse(contents(folder.path("ledger"))).at("balanced"), true);
    const std::vector<json> own = json_lines(contents(folder.path("own")));
    for (const json& record : own) {
      ++records;
      ASSERT_TRUE(record.contains("src_mac")) << record;
      EXPECT_EQ(record.contains("payload_bytes"), record.at("proto") == 6) << record;
      with_tcp += record.contains("payload_bytes");
      with_labels += record.contains("mpls_labels");
      with_fragments += record.at("ip_fragments") != 0;
      with_inner_vlan += record.at("inner_vlan_id") != 0;
      with_flow_label += record.at("ipv6_flow_label") != 0;
      with_icmp_errors += record.contains("icmp_errors");
    }
    const std::vector<std::string> expected = metric_lines(own);
    EXPECT_EQ(metric_lines(ipfix.finish().lines), expected) << "IPFIX";
    EXPECT_EQ(metric_lines(ipfix_tcp.finish().lines), expected) << "IPFIX over TCP";
    EXPECT_EQ(forward_lines(netflow9.finish().lines), forward_lines(own, true))
        << "NetFlow v9, which has neither elements for the way back nor lists";
    EXPECT_EQ(metric_lines(json_lines(run({kBin + "/weir-collect", "--json", folder.path("pb")}).out)), expected)
        << "protobuf";
    const std::vector<std::string> uniflows = forward_lines(uniflows_of(own));
    EXPECT_EQ(forward_lines(one_way.finish().lines), uniflows) << "IPFIX, a record per direction";
    EXPECT_EQ(forward_lines(one_way9.finish().lines), forward_lines(uniflows_of(own), true))
        << "NetFlow v9, a record per direction";
  }
  if (records == 0) GTEST_SKIP() << "no captures";
  EXPECT_GT(with_tcp, 10U);
  EXPECT_GT(with_labels, 0U);
  EXPECT_GT(with_fragments, 0U);
  EXPECT_GT(with_inner_vlan, 0U);
  EXPECT_GT(with_flow_label, 0U);
  EXPECT_GT(with_icmp_errors, 0U);
}

/// A direction's values, summed from packets.
struct Measured {
  unsigned packets = 0, ttl_first = 0, ttl_min = 255, ttl_max = 0, window_first = 0, window_max = 0, zero_windows = 0,
           flags_first = 0, syn = 0, fin = 0, rst = 0;
  std::uint64_t payload = 0;
  std::string source_mac;
};

using Way = std::tuple<std::string, unsigned, std::string, unsigned>;  // from address and port to address and port

std::map<Way, Measured> tshark_measures(const std::string& capture) {
  const Finished tshark = run({"tshark",
                               "-r",
                               capture,
                               "-o",
                               "ip.defragment:FALSE",
                               "-Y",
                               "tcp && !icmp",
                               "-T",
                               "fields",
                               "-E",
                               "separator=;",
                               "-e",
                               "ip.src",
                               "-e",
                               "tcp.srcport",
                               "-e",
                               "ip.dst",
                               "-e",
                               "tcp.dstport",
                               "-e",
                               "ip.ttl",
                               "-e",
                               "tcp.window_size_value",
                               "-e",
                               "tcp.len",
                               "-e",
                               "tcp.flags",
                               "-e",
                               "eth.src"},
                              std::chrono::seconds(120));
  EXPECT_EQ(tshark.exit_code, 0) << tshark.err;
  std::map<Way, Measured> all;
  std::istringstream lines(tshark.out);
  for (std::string line; std::getline(lines, line);) {
    std::vector<std::string> values;
    std::istringstream in(line);
    for (std::string value; std::getline(in, value, ';');) values.push_back(value);
    if (values.size() != 9 || values[0].empty()) continue;
    const auto number = [&](std::size_t at) { return static_cast<unsigned>(std::stoul(values[at], nullptr, 0)); };
    Measured& way = all[{values[0], number(1), values[2], number(3)}];
    const unsigned ttl = number(4), window = number(5), flags = number(7);
    if (way.packets++ == 0) {
      way.ttl_first = ttl;
      way.window_first = window;
      way.flags_first = flags & 0xff;
      way.source_mac = values[8];
    }
    way.ttl_min = std::min(way.ttl_min, ttl);
    way.ttl_max = std::max(way.ttl_max, ttl);
    way.window_max = std::max(way.window_max, window);
    way.zero_windows += window == 0 && (flags & 4) == 0;
    way.syn += flags >> 1 & 1;
    way.fin += flags & 1;
    way.rst += flags >> 2 & 1;
    way.payload += number(6);
  }
  return all;
}

TEST(MetricRecords, SayWhatTsharkSaysOfEachDirection) {
  if (!installed("tshark")) GTEST_SKIP() << "tshark is not installed";
  unsigned compared = 0;
  for (const std::string name :
       {"tcp/ipfixprobe_smtp.pcap", "tcp/mokumokuren_github.pcap", "basic/ndpi_android.pcap"}) {
    SCOPED_TRACE(name);
    const std::string capture = kCaptures + "/" + name;
    if (!std::filesystem::exists(capture)) continue;
    // A flow is all packets of its ports: neither time nor FIN ends one.
    const Finished read = run({kWeir, "read", "--metrics", "layer2,tcp", "--tcp-close", "off", "--idle-timeout", "72h",
                               "--active-timeout", "72h", "--export", "json:-", capture});
    ASSERT_EQ(read.exit_code, 0) << read.err;
    expect_balanced(read);
    const std::map<Way, Measured> expected = tshark_measures(capture);
    std::size_t seen = 0;
    for (const json& record : json_lines(read.out)) {
      if (record.at("proto") != 6) continue;
      for (const bool reverse : {false, true}) {
        const auto value = [&](const std::string& column) { return record.at((reverse ? "rev_" : "") + column); };
        if (value("packets") == 0) continue;
        Way way{record.at("src_addr"), record.at("src_port"), record.at("dst_addr"), record.at("dst_port")};
        if (reverse) way = {record.at("dst_addr"), record.at("dst_port"), record.at("src_addr"), record.at("src_port")};
        const auto found = expected.find(way);
        ASSERT_NE(found, expected.end()) << record;
        const Measured& truth = found->second;
        SCOPED_TRACE(record.dump());
        EXPECT_EQ(value("packets"), truth.packets);
        EXPECT_EQ(value("ip_ttl"), truth.ttl_first);
        EXPECT_EQ(value("ip_ttl_min"), truth.ttl_min);
        EXPECT_EQ(value("ip_ttl_max"), truth.ttl_max);
        EXPECT_EQ(value("tcp_initial_window"), truth.window_first);
        EXPECT_EQ(value("tcp_initial_flags"), truth.flags_first);
        EXPECT_EQ(value("tcp_max_window"), truth.window_max);
        EXPECT_EQ(value("tcp_zero_window"), truth.zero_windows);
        EXPECT_EQ(value("tcp_syn_count"), truth.syn);
        EXPECT_EQ(value("tcp_fin_count"), truth.fin);
        EXPECT_EQ(value("tcp_rst_count"), truth.rst);
        EXPECT_EQ(value("payload_bytes"), truth.payload);
        EXPECT_EQ(value("outer_bytes"), value("bytes"));
        if (!reverse) {
          EXPECT_EQ(record.at("src_mac"), truth.source_mac);
        }
        ++seen;
      }
    }
    EXPECT_EQ(seen, expected.size());
    compared += static_cast<unsigned>(seen);
  }
  if (compared == 0) GTEST_SKIP() << "no captures";
  EXPECT_GT(compared, 10U);
}

/// What tshark says of the first packets of TCP between these ports: those of the capture's only conversation.
std::vector<json> tshark_packets(const std::string& capture, std::size_t most) {
  const Finished tshark = run({"tshark", "-r", capture, "-Y", "tcp", "-T", "fields", "-E", "separator=;", "-e",
                               "frame.time_epoch", "-e", "ip.src", "-e", "ip.len", "-e", "tcp.flags"},
                              std::chrono::seconds(120));
  EXPECT_EQ(tshark.exit_code, 0) << tshark.err;
  std::vector<json> packets;
  std::istringstream lines(tshark.out);
  std::string first_source;
  std::uint64_t first_ns = 0;
  for (std::string line; std::getline(lines, line) && packets.size() < most;) {
    std::vector<std::string> values;
    std::istringstream in(line);
    for (std::string value; std::getline(in, value, ';');) values.push_back(value);
    EXPECT_EQ(values.size(), 4U) << line;
    if (values.size() != 4) return {};
    const std::size_t point = values[0].find('.');
    const std::string fraction = (values[0].substr(point + 1) + "000000000").substr(0, 9);
    const std::uint64_t ns = std::stoull(values[0].substr(0, point)) * 1'000'000'000 + std::stoull(fraction);
    if (packets.empty()) first_source = values[1];
    if (packets.empty()) first_ns = ns;
    packets.push_back({{"length", std::stoul(values[2])},
                       {"time_offset_ns", ns - first_ns},
                       {"direction", values[1] == first_source ? 0 : 1},
                       {"flags", std::stoul(values[3], nullptr, 0) & 0xff}});
  }
  return packets;
}

TEST(MetricRecords, ListTheFirstPacketsThatTsharkLists) {
  const std::string capture = kCaptures + "/tcp/pcpp_one_http_stream_fin.pcap";
  if (!std::filesystem::exists(capture)) GTEST_SKIP() << "no captures";
  if (!installed("tshark")) GTEST_SKIP() << "tshark is not installed";
  for (const std::size_t most : {1U, 7U, 30U}) {
    const Finished read =
        run({kWeir, "read", "--metrics", "packets:" + std::to_string(most), "--tcp-close", "off", "--idle-timeout",
             "72h", "--active-timeout", "72h", "--filter", "tcp", "--export", "json:-", capture});
    ASSERT_EQ(read.exit_code, 0) << read.err;
    expect_balanced(read);
    const std::vector<json> records = json_lines(read.out);
    ASSERT_EQ(records.size(), 1U);
    const std::vector<json> expected = tshark_packets(capture, most);
    EXPECT_GE(expected.size(), std::min<std::size_t>(most, 10));
    EXPECT_EQ(records[0].at("first_packets"), json(expected));
  }
}

TEST(MetricRecords, AreTheSameWithOneTwoAndFourWorkers) {
  const std::string capture = kCaptures + "/basic/ipfixprobe_mixed.pcap";
  if (!std::filesystem::exists(capture)) GTEST_SKIP() << "no captures";
  std::vector<std::string> one;
  for (const char* const workers : {"1", "2", "4"}) {
    const Finished read = run({kWeir, "read", "--metrics", "all", "--workers", workers, "--export", "json:-", capture});
    ASSERT_EQ(read.exit_code, 0) << read.err;
    expect_balanced(read);
    const std::vector<std::string> lines = metric_lines(json_lines(read.out));
    if (one.empty()) one = lines;
    EXPECT_EQ(lines, one) << workers << " workers";
  }
  EXPECT_GT(one.size(), 10U);
}

TEST(MetricRecords, HaveNothingOfAMetricThatIsOff) {
  const std::string capture = kCaptures + "/tcp/pcpp_one_http_stream_fin.pcap";
  if (!std::filesystem::exists(capture)) GTEST_SKIP() << "no captures";
  const auto columns = [&](const std::vector<std::string>& options) {
    std::vector<std::string> arguments = {kWeir, "read", "--export", "json:-", capture};
    arguments.insert(arguments.begin() + 2, options.begin(), options.end());
    const Finished read = run(arguments);
    EXPECT_EQ(read.exit_code, 0) << read.err;
    expect_balanced(read);
    const std::vector<json> records = json_lines(read.out);
    EXPECT_FALSE(records.empty());
    return std::pair(records.at(0).contains("src_mac"), records.at(0).contains("payload_bytes"));
  };
  EXPECT_EQ(columns({}), std::pair(false, false));
  EXPECT_EQ(columns({"--metrics", "none"}), std::pair(false, false));
  EXPECT_EQ(columns({"--metrics", "layer2"}), std::pair(true, false));
  EXPECT_EQ(columns({"--metrics", "tcp"}), std::pair(false, true));
  EXPECT_EQ(columns({"--metrics", "tcp,layer2"}), std::pair(true, true));
  EXPECT_EQ(columns({"--metrics", "all"}), std::pair(true, true));
}

/// What stands between blanks.
std::vector<std::string> words_of(const std::string& text) {
  std::istringstream in(text);
  return {std::istream_iterator<std::string>(in), std::istream_iterator<std::string>()};
}

TEST(Metrics, AreListedWithTheirFields) {
  const Finished metrics = run({kWeir, "metrics"});
  EXPECT_EQ(metrics.exit_code, 0);
  // The fields of a metric have a line of their own, which is indented.
  std::multiset<std::string> listed;
  std::istringstream lines(metrics.out);
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with(' ')) continue;
    for (const std::string& word : words_of(line)) listed.insert(word);
  }
  for (const std::string& name : metric_columns()) {
    if (name.rfind("rev_", 0) == 0) continue;
    EXPECT_EQ(listed.count(name), 1U) << name << " in " << metrics.out;
  }
  EXPECT_NE(metrics.out.find("\nlayer2 "), std::string::npos) << metrics.out;
  EXPECT_NE(metrics.out.find("\ntcp "), std::string::npos) << metrics.out;
}

TEST(Metrics, AreChosenByOptionAndFileAndChecked) {
  const TemporaryFolder folder;
  const Finished by_option = run({kWeir, "check", "--metrics", "layer2,tcp"});
  EXPECT_EQ(by_option.exit_code, 0) << by_option.err;
  EXPECT_NE(by_option.out.find("metrics: \"layer2,tcp\"\n"), std::string::npos) << by_option.out;
  std::ofstream(folder.path("weir.conf")) << "metrics: \"tcp\"\n";
  const Finished by_file = run({kWeir, "check", "--config", folder.path("weir.conf")});
  EXPECT_EQ(by_file.exit_code, 0) << by_file.err;
  EXPECT_NE(by_file.out.find("metrics: \"tcp\"\n"), std::string::npos) << by_file.out;
  const Finished both = run({kWeir, "check", "--config", folder.path("weir.conf"), "--metrics", "none"});
  EXPECT_NE(both.out.find("metrics: \"none\"\n"), std::string::npos) << both.out;

  for (const std::string wrong : {"rtp", "tcp,rtp", "tcp,", ",", "TCP", "tcp layer2", "tcp,all"}) {
    const Finished refused = run({kWeir, "check", "--metrics", wrong});
    EXPECT_EQ(refused.exit_code, 2) << wrong;
    EXPECT_NE(refused.err.find("layer2, tcp, rtt"), std::string::npos) << refused.err;
    EXPECT_EQ(std::count(refused.err.begin(), refused.err.end(), '\n'), 1) << refused.err;
  }
  EXPECT_EQ(run({kWeir, "check", "--metrics", ""}).exit_code, 2);
  std::ofstream(folder.path("wrong.conf")) << "\nmetrics: \"rtp\"\n";
  const Finished refused = run({kWeir, "check", "--config", folder.path("wrong.conf")});
  EXPECT_EQ(refused.exit_code, 2);
  EXPECT_NE(refused.err.find("wrong.conf:2"), std::string::npos) << refused.err;
  EXPECT_NE(refused.err.find("layer2, tcp"), std::string::npos) << refused.err;
}

TEST(Fields, AreListedEachOnceInASectionAndHoldEveryColumnOfARecord) {
  const json table = field_table();
  std::set<std::pair<std::string, std::string>> rows;
  std::set<std::string> names;
  for (const json& field : table) {
    EXPECT_TRUE(rows.emplace(field.at("section"), field.at("name")).second) << field;
    names.insert(field.at("name").get<std::string>());
    EXPECT_FALSE(field.at("type").get<std::string>().empty()) << field;
    EXPECT_FALSE(field.at("meaning").get<std::string>().empty()) << field;
  }
  const Finished text = run({kWeir, "fields"});
  EXPECT_EQ(text.exit_code, 0);
  EXPECT_EQ(static_cast<std::size_t>(std::count(text.out.begin(), text.out.end(), '\n')), table.size() + 1);
  std::set<std::string> listed;  // the second column
  std::istringstream lines(text.out);
  for (std::string line; std::getline(lines, line);) {
    const std::vector<std::string> words = words_of(line);
    ASSERT_GE(words.size(), 3U) << line;
    listed.insert(words[1]);
  }
  EXPECT_EQ(listed.erase("field"), 1U) << "of the heading";
  EXPECT_EQ(listed, names);
  EXPECT_EQ(run({kWeir, "fields", "-o", "xml"}).exit_code, 2);

  std::size_t columns = 0;
  for (const std::string name : {"vlan/synthetic_mpls-deep.pcap", "tunnels/synthetic_tunnel-mix.pcap",
                                 "ipv6/ndpi_esp.pcapng", "basic/ipfixprobe_mixed.pcap"}) {
    const std::string capture = kCaptures + "/" + name;
    if (!std::filesystem::exists(capture)) continue;
    const Finished read = run({kWeir, "read", "--metrics", "all", "--export", "json:-", capture});
    ASSERT_EQ(read.exit_code, 0) << read.err;
    expect_balanced(read);
    for (const json& record : json_lines(read.out)) {
      for (const auto& [column, value] : record.items()) {
        ++columns;
        EXPECT_EQ(names.count(column), 1U) << column;
      }
    }
  }
  if (columns == 0) GTEST_SKIP() << "no captures: the columns of records were not compared";
}

}  // namespace
}  // namespace weir::test
