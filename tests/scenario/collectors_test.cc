// What weir says to collectors that others wrote: nfcapd stores and nfdump shows what `weir read` exports, and tshark
// decodes every datagram. What the captures hold is known from their truth files; for traffic made here, and for TCP
// flags, tshark reads the capture itself.
#include "tests/support/collectors.h"

#include <gtest/gtest.h>
#include <netinet/in.h>

#include <cstdlib>
#include <nlohmann/json.hpp>
#include <ostream>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/capture_file.h"
#include "tests/support/process.h"
#include "tests/support/truth.h"
#include "tests/support/udp.h"

namespace weir::test {
namespace {

using nlohmann::json;

const std::string kBin = WEIR_BIN;
const std::string kCaptures = WEIR_CAPTURES;
constexpr std::uint64_t kMs = 1'000'000;

/// Packets, octets and times of each directional 5-tuple, and the flags of its TCP packets together.
struct Traffic {
  TupleSums sums;
  std::map<Tuple, unsigned> tcp_flags;
};

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts;
  std::istringstream in(text);
  for (std::string part; std::getline(in, part, separator);) parts.push_back(part);
  if (!text.empty() && text.back() == separator) parts.emplace_back();
  return parts;
}

/// NetFlow v9 has milliseconds: both ends rounded down.
TupleSums in_milliseconds(TupleSums sums) {
  for (auto& [tuple, sum] : sums) {
    sum.first_ns -= sum.first_ns % kMs;
    sum.last_ns -= sum.last_ns % kMs;
  }
  return sums;
}

/// The same without times.
TupleSums without_times(TupleSums sums) {
  for (auto& [tuple, sum] : sums) sum.first_ns = sum.last_ns = 0;
  return sums;
}

// ---- nfcapd and nfdump

Tuple tuple_of_flow(const json& flow) {
  const char* family = flow.contains("src4_addr") ? "4" : "6";
  return tuple_of(flow.at(std::string("src") + family + "_addr"), flow.at(std::string("dst") + family + "_addr"),
                  flow.value("src_port", 0U), flow.value("dst_port", 0U), flow.at("proto"));
}

Traffic traffic_of_flows(const json& flows) {
  Traffic traffic;
  for (const json& flow : flows) {
    const Tuple tuple = tuple_of_flow(flow);
    traffic.sums[tuple].add(flow.at("in_packets"), flow.at("in_bytes"), parse_time_ms(flow.at("first")) * kMs,
                            parse_time_ms(flow.at("last")) * kMs);
    if (tuple.protocol != IPPROTO_TCP) continue;
    // "CEUAPRSF", a dot where the flag is not set.
    const std::string text = flow.at("tcp_flags");
    unsigned flags = 0;
    for (std::size_t i = 0; i < text.size(); ++i) flags = flags << 1 | (text[i] == '.' ? 0U : 1U);
    traffic.tcp_flags[tuple] |= flags;
  }
  return traffic;
}

// ---- tshark

/// What tshark finds in a capture without tunnels: only the outermost header of each frame is asked for.
Traffic traffic_by_tshark(const std::string& capture) {
  std::vector<std::string> command{"tshark", "-n",     "-r", capture,        "-Y", "ip || ipv6",
                                   "-T",     "fields", "-E", "occurrence=f", "-E", "separator=|"};
  for (const char* field :
       {"frame.time_epoch", "ip.src", "ip.dst", "ip.len", "ip.proto", "ipv6.src", "ipv6.dst", "ipv6.plen", "ipv6.nxt",
        "tcp.srcport", "tcp.dstport", "udp.srcport", "udp.dstport", "tcp.flags"}) {
    command.insert(command.end(), {"-e", field});
  }
  Traffic traffic;
  std::istringstream lines(run(command).out);
  for (std::string line; std::getline(lines, line);) {
    const std::vector<std::string> f = split(line, '|');
    if (f.size() != 14) throw std::runtime_error("tshark: " + line);
    const bool v4 = !f[1].empty();
    const unsigned protocol = static_cast<unsigned>(std::stoul(v4 ? f[4] : f[8]));
    const auto number = [](const std::string& text) {
      return text.empty() ? 0U : static_cast<unsigned>(std::stoul(text, nullptr, 0));
    };
    const std::size_t ports = protocol == IPPROTO_TCP ? 9 : protocol == IPPROTO_UDP ? 11 : 0;
    const Tuple tuple = tuple_of(v4 ? f[1] : f[5], v4 ? f[2] : f[6], ports == 0 ? 0 : number(f[ports]),
                                 ports == 0 ? 0 : number(f[ports + 1]), protocol);
    const std::size_t dot = f[0].find('.');
    const std::uint64_t time = std::stoull(f[0].substr(0, dot)) * 1'000'000'000 + std::stoull(f[0].substr(dot + 1));
    traffic.sums[tuple].add(v4 ? number(f[3]) : number(f[7]) + 40, time);
    if (protocol == IPPROTO_TCP) traffic.tcp_flags[tuple] |= number(f[13]) & 0xff;
  }
  return traffic;
}

// ---- weir

Finished read_capture(const std::string& capture, const std::string& uri, const std::string& ledger) {
  return run({kBin + "/weir", "read", "--export", uri, "--ledger", ledger, capture});
}

class Collectors : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { setenv("TZ", "UTC", 1); }  // nfdump prints local time

  void need(const std::vector<std::string>& programs) {
    for (const std::string& program : programs) {
      if (!installed(program)) GTEST_SKIP() << program << " is not installed";
    }
  }
  TemporaryFolder folder_;
};

/// `weir read` into nfcapd: nfdump's sums are those of the truth file.
void expect_nfdump_shows_the_truth(const std::string& capture, bool tcp_flags) {
  const TemporaryFolder folder;
  Nfcapd collector;
  const Finished read = read_capture(capture, collector.uri(), folder.path("ledger"));
  ASSERT_EQ(read.exit_code, 0) << read.err;
  collector.finish();
  const Traffic shown = traffic_of_flows(collector.flows());
  EXPECT_EQ(difference(in_milliseconds(read_truth(capture).tuples), shown.sums), "");
  if (!tcp_flags) return;
  const Traffic expected = traffic_by_tshark(capture);
  ASSERT_FALSE(expected.tcp_flags.empty());
  EXPECT_EQ(shown.tcp_flags, expected.tcp_flags);
}

struct Case {
  const char* name;
  const char* capture;
  bool tcp_flags;
};

void PrintTo(const Case& one, std::ostream* out) {
  *out << one.capture;
}

class CollectorsCapture : public Collectors, public ::testing::WithParamInterface<Case> {};

TEST_P(CollectorsCapture, NfdumpShowsTheFlowsPacketsOctetsTimesAndFlagsOfTheTruth) {
  need({"nfcapd", "nfdump", "tshark"});
  if (IsSkipped()) return;
  const std::string capture = kCaptures + "/" + GetParam().capture;
  if (!std::filesystem::exists(capture)) GTEST_SKIP() << capture << " is not there";
  expect_nfdump_shows_the_truth(capture, GetParam().tcp_flags);
}

INSTANTIATE_TEST_SUITE_P(
    Of, CollectorsCapture,
    ::testing::Values(Case{"Ipv4", "basic/ndpi_android.pcap", false},
                      Case{"Ipv6TcpWithReusedPorts", "tcp/synthetic_port-reuse.pcap", true},
                      Case{"TcpWithTimesThatJumpBack", "tcp/ndpi_avast.pcap", true},
                      Case{"TcpReset", "tcp/pcpp_one_tcp_rst.pcap", true},
                      Case{"IcmpOfSixteenYears", "basic/pcpp_IcmpPackets.pcap", false},
                      Case{"Icmpv6", "basic/zeek_icmp-icmp6-nd-options.pcap", false},
                      Case{"Vlan", "vlan/zeek_vlan-collisions.pcap", false},
                      Case{"QinQ", "vlan/zeek_q-in-q.pcap", false},
                      Case{"OtherProtocols", "basic/synthetic_odd-l4.pcap", false},
                      // From 1970 to 2012. v9 has 49.7 days in a datagram: weir moves the boot time from datagram to
                      // datagram, and nfdump, which adds in 64 bits, shows even the packet of the first second of 1970.
                      Case{"FourDecades", "ipv6/pcpp_ipv6_options.pcap", false}),
    [](const auto& test) { return std::string(test.param.name); });

// The same through IPFIX, with absolute times and by the profile, and through v5, which has no IPv6. The times of
// ndpi_avast leap from 1970 to its year, so its templates are announced again.
TEST_F(Collectors, NfdumpShowsTheTruthOfIpfixAndOfVersion5) {
  need({"nfcapd", "nfdump", "tshark"});
  if (IsSkipped()) return;
  struct Form {
    const char* scheme;
    const char* options;
    const char* capture;
    bool leaps = false;
  };
  for (const Form& form :
       {Form{"ipfix", "&template_refresh=24h", "basic/ndpi_android.pcap"},
        Form{"ipfix", "&template_refresh=24h", "tcp/ndpi_avast.pcap", true},
        Form{"ipfix", "&profile=nfdump&template_refresh=24h", "basic/zeek_icmp-icmp6-nd-options.pcap"},
        Form{"netflow9", "&profile=nfdump", "tcp/ndpi_avast.pcap"}, Form{"netflow5", "", "tcp/ndpi_avast.pcap"}}) {
    SCOPED_TRACE(std::string(form.scheme) + form.options + " " + form.capture);
    const std::string capture = kCaptures + "/" + form.capture;
    if (!std::filesystem::exists(capture)) GTEST_SKIP() << capture << " is not there";
    Nfcapd collector;
    const Finished read = read_capture(capture, collector.uri(form.scheme, form.options), folder_.path("ledger"));
    ASSERT_EQ(read.exit_code, 0) << read.err;
    collector.finish(form.leaps);
    const Traffic shown = traffic_of_flows(collector.flows());
    EXPECT_EQ(difference(in_milliseconds(read_truth(capture).tuples), shown.sums), "");
  }
}

TEST_F(Collectors, NfdumpShowsThousandsOfSyntheticFlowsAsTsharkReadsThem) {
  need({"nfcapd", "nfdump", "tshark"});
  if (IsSkipped()) return;
  const std::string capture = folder_.path("synthetic.pcap");
  const Finished made = run({kBin + "/weir-gen", "--write", capture, "--flows", "3000", "--packets", "30000", "--rate",
                             "1000", "--size", "imix", "--ipv6", "30", "--tcp", "60", "--seed", "7", "--json"});
  ASSERT_EQ(made.exit_code, 0) << made.err;
  const json sent = json::parse(made.out);
  Nfcapd collector;
  // 30 s of traffic, reported every 5 s: several records a flow.
  const Finished read = run({kBin + "/weir", "read", "--active-timeout", "5s", "--export", collector.uri(), capture});
  ASSERT_EQ(read.exit_code, 0) << read.err;
  collector.finish();
  const json flows = collector.flows();
  const Traffic shown = traffic_of_flows(flows);
  const Traffic expected = traffic_by_tshark(capture);
  EXPECT_EQ(expected.sums.size(), sent.at("flows").get<std::size_t>());
  EXPECT_GT(flows.size(), expected.sums.size());
  EXPECT_EQ(difference(in_milliseconds(expected.sums), shown.sums), "");
  EXPECT_EQ(shown.tcp_flags, expected.tcp_flags);
}

TEST_F(Collectors, NfdumpShowsBothDirectionsOfABiflowRecord) {
  need({"nfcapd", "nfdump"});
  if (IsSkipped()) return;
  const std::string capture = kCaptures + "/basic/ndpi_android.pcap";
  if (!std::filesystem::exists(capture)) GTEST_SKIP() << capture << " is not there";
  Nfcapd collector;
  const Finished read = read_capture(capture, collector.uri("netflow9", "&uniflow=0"), folder_.path("ledger"));
  ASSERT_EQ(read.exit_code, 0) << read.err;
  collector.finish();
  const json flows = collector.flows();
  const json ledger = json::parse(contents(folder_.path("ledger")));
  EXPECT_EQ(flows.size(), ledger.at("drained").at("records").get<std::size_t>());  // one record a biflow
  TupleSums shown;
  for (const json& flow : flows) {
    Tuple tuple = tuple_of_flow(flow);
    shown[tuple].add(flow.at("in_packets"), flow.at("in_bytes"), 0, 0);
    const std::uint64_t reverse_packets = flow.value("out_packets", std::uint64_t{0});
    if (reverse_packets == 0) continue;
    std::swap(tuple.source, tuple.destination);
    std::swap(tuple.source_port, tuple.destination_port);
    shown[tuple].add(reverse_packets, flow.at("out_bytes"), 0, 0);
  }
  EXPECT_EQ(difference(without_times(read_truth(capture).tuples), without_times(shown)), "");
}

// ---- datagrams

std::uint64_t sum_of(const std::string& list) {
  std::uint64_t sum = 0;
  for (const std::string& value : split(list, ',')) sum += std::stoull(value);
  return sum;
}

/// Reads `captures` into a socket and has tshark look at what came.
void expect_tshark_decodes(const std::string& folder, const std::vector<std::string>& captures,
                           const std::string& scheme, const std::string& options, std::size_t least_datagrams) {
  UdpSink sink;
  std::vector<std::string> command{kBin + "/weir", "read",
                                   "--export",     scheme + "://" + sink.address() + "?rate=20000" + options,
                                   "--ledger",     folder + "/ledger"};
  command.insert(command.end(), captures.begin(), captures.end());
  const Finished read = run(command);
  ASSERT_EQ(read.exit_code, 0) << read.err;
  const std::vector<Bytes>& datagrams = sink.finish();
  const json ledger = json::parse(contents(folder + "/ledger"));
  EXPECT_EQ(datagrams.size(), ledger.at("exporters").at(0).at("datagrams").get<std::size_t>());
  ASSERT_GE(datagrams.size(), least_datagrams);
  const std::string capture = folder + "/datagrams.pcap";
  write_datagram_capture(capture, datagrams, kTsharkPort);

  EXPECT_TRUE(tshark_fields(capture, "_ws.malformed", {"frame.number"}).empty());
  // tshark warns of gaps in the sequence, of unknown templates and of lengths that do not fit, too.
  const auto warnings = tshark_fields(capture, "_ws.expert", {"frame.number", "_ws.expert.message"});
  EXPECT_TRUE(warnings.empty()) << warnings.size() << ", the first: frame " << warnings[0][0] << ": " << warnings[0][1];

  const auto rows = tshark_fields(capture, "",
                                  {"cflow.version", "cflow.sequence", "cflow.count", "cflow.flowset_id",
                                   "cflow.template_field_count", "cflow.packets", "cflow.octets"});
  ASSERT_EQ(rows.size(), datagrams.size());
  std::uint64_t packets = 0;
  std::uint64_t octets = 0;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    SCOPED_TRACE("datagram " + std::to_string(i));
    ASSERT_EQ(rows[i].size(), 7U);
    const std::string& flow_sets = rows[i][3];
    const std::string& templates = rows[i][4];
    if (scheme == "netflow9") {
      EXPECT_EQ(rows[i][0], "9");
      EXPECT_EQ(std::stoull(rows[i][1]), i);
      // RFC 3954 section 5.1: the number of records. An announcement holds templates and options data (of an MTU of 576
      // it takes two datagrams, the second with options data only), the rest flows only.
      if (templates.empty() && !rows[i][5].empty()) {
        EXPECT_EQ(std::stoull(rows[i][2]), split(rows[i][5], ',').size());
      }
    } else {
      // RFC 7011 section 3.1: the data records before this message; whether they are, tshark checks itself.
      EXPECT_EQ(rows[i][0], "10");
      EXPECT_EQ(rows[i][2], "") << "a count is NetFlow's";
    }
    if (i == 0) {
      EXPECT_EQ(split(flow_sets, ',')[0], scheme == "netflow9" ? "0" : "2") << "no template in the first datagram";
      EXPECT_FALSE(templates.empty());
    }
    packets += sum_of(rows[i][5]);
    octets += sum_of(rows[i][6]);
  }
  EXPECT_EQ(packets, ledger.at("counted_ip").at("packets").get<std::uint64_t>());
  EXPECT_EQ(octets, ledger.at("counted_ip").at("octets").get<std::uint64_t>());
}

TEST_F(Collectors, TsharkReadsTunnelsFromTemplatesOfTheirOwn) {
  need({"tshark"});
  if (IsSkipped()) return;
  const std::string capture = kCaptures + "/tunnels/ndpi_vxlan.pcap";
  if (!std::filesystem::exists(capture)) GTEST_SKIP() << capture << " is not there";
  for (const char* scheme : {"netflow9", "ipfix"}) {
    SCOPED_TRACE(scheme);
    expect_tshark_decodes(folder_.folder().string(), {capture}, scheme, "", 2);
    // tshark -r ndpi_vxlan.pcap -T fields -e vxlan.vni: 1111 in all 127 frames. IANA 351: 1 (VXLAN) << 56 | VNI.
    std::size_t records = 0;
    for (const auto& row : tshark_fields(folder_.path("datagrams.pcap"), "cflow.layer2_segment_id",
                                         {"cflow.layer2_segment_id", "cflow.packets"})) {
      for (const std::string& id : split(row[0], ',')) EXPECT_EQ(std::stoull(id), (std::uint64_t{1} << 56) + 1111);
      records += split(row[1], ',').size();
    }
    EXPECT_EQ(records, 8U);
  }
}

TEST_F(Collectors, TsharkDecodesEveryDatagramOfRealCaptures) {
  need({"tshark"});
  if (IsSkipped()) return;
  std::vector<std::string> captures;
  std::uint64_t packets = 0;
  for (const char* name : {"basic/ndpi_android.pcap", "basic/ndpi_zoom.pcap", "basic/zeek_icmp-icmp6-nd-options.pcap",
                           "ipv6/pcpp_ipv6_options.pcap", "tcp/ndpi_avast.pcap"}) {
    captures.push_back(kCaptures + "/" + name);
    if (!std::filesystem::exists(captures.back())) GTEST_SKIP() << captures.back() << " is not there";
    packets += read_truth(captures.back()).ip_packets;
  }
  for (const char* scheme : {"netflow9", "ipfix"}) {
    SCOPED_TRACE(scheme);
    expect_tshark_decodes(folder_.folder().string(), captures, scheme, "", 5);
    const json ledger = json::parse(contents(folder_.path("ledger")));
    EXPECT_EQ(ledger.at("counted_ip").at("packets").get<std::uint64_t>(), packets);
  }
}

TEST_F(Collectors, TsharkDecodesThousandsOfRecordsInDatagramsOfEverySize) {
  need({"tshark"});
  if (IsSkipped()) return;
  const std::string capture = folder_.path("synthetic.pcap");
  const Finished made = run({kBin + "/weir-gen", "--write", capture, "--flows", "2000", "--packets", "20000", "--size",
                             "imix", "--ipv6", "50", "--tcp", "50", "--json"});
  ASSERT_EQ(made.exit_code, 0) << made.err;
  const json sent = json::parse(made.out);
  const std::pair<const char*, const char*> forms[] = {
      {"netflow9", "&mtu=576"}, {"netflow9", ""}, {"netflow9", "&mtu=9000"}, {"ipfix", "&mtu=600"}, {"ipfix", ""}};
  for (const auto& [scheme, options] : forms) {
    SCOPED_TRACE(std::string(scheme) + options);
    // 4000 records of 50 octets and more, in datagrams of 9000 and less.
    expect_tshark_decodes(folder_.folder().string(), {capture}, scheme, options, 4000 * 50 / 9000);
    const json ledger = json::parse(contents(folder_.path("ledger")));
    EXPECT_EQ(ledger.at("counted_ip").at("octets"), sent.at("octets"));
  }
}

TEST_F(Collectors, WeirCollectDumpsEveryRecordOfAProtobufFile) {
  const std::string capture = folder_.path("synthetic.pcap");
  const Finished made = run({kBin + "/weir-gen", "--write", capture, "--flows", "50", "--packets", "500"});
  ASSERT_EQ(made.exit_code, 0) << made.err;
  const std::string ledger = folder_.path("ledger");
  const Finished read = read_capture(capture, "protobuf:" + folder_.path("records"), ledger);
  ASSERT_EQ(read.exit_code, 0) << read.err;
  EXPECT_TRUE(json::parse(contents(ledger)).at("balanced").get<bool>());
  const Finished dumped = run({kBin + "/weir-collect", "--dump", folder_.path("records")});
  ASSERT_EQ(dumped.exit_code, 0) << dumped.err;
  std::istringstream lines(dumped.out);
  std::uint64_t records = 0;
  std::uint64_t packets = 0;
  for (std::string line; std::getline(lines, line);) {
    const json record = json::parse(line.substr(line.find('{')));
    packets += record.at("packets").get<std::uint64_t>() + record.at("rev_packets").get<std::uint64_t>();
    ++records;
  }
  EXPECT_EQ(records, 50U);
  EXPECT_EQ(packets, 500U);
}

}  // namespace
}  // namespace weir::test
