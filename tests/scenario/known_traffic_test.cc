// What collectors that others wrote show of a capture whose every field is known (tests/support/known_traffic.h): `weir
// read` into nfcapd, nfacctd and tshark, in every format and profile they take.
//
// What a collector does not show is left out for it, and named:
// - NetFlow v5 and v7 have no IPv6 and no VLAN; v7 has no sampling rate either.
// - nfdump 1.7.1 shows no sampling rate of a record; in IPFIX it has no ICMPv6 type but in element 32 (profile nfdump),
//   and takes the destination port of protocols other than TCP and UDP from there, too.
// - nfacctd 1.7.7 reads uptimes (v5, and v9 but for profile=pmacct) in whole seconds that are up to one off, shows no
//   ICMP type, and in v5 has ports of TCP and UDP only.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

#include "tests/support/capture_file.h"
#include "tests/support/collectors.h"
#include "tests/support/udp.h"

namespace weir::test {
namespace {

using nlohmann::json;

const std::string kBin = WEIR_BIN;

struct Form {
  const char* name;
  const char* scheme;
  const char* options;
  Compared compared;
};

void PrintTo(const Form& form, std::ostream* out) {
  *out << form.scheme << form.options;
}

std::string name_of(const ::testing::TestParamInfo<Form>& info) {
  return info.param.name;
}

class KnownTraffic : public ::testing::TestWithParam<Form> {
 protected:
  static void SetUpTestSuite() { setenv("TZ", "UTC", 1); }  // nfdump prints local time

  void SetUp() override { known_ = write_known_traffic(capture_); }

  static bool need(const std::string& program) { return installed(program); }

  /// Reads the capture into `uri`; the ledger must balance.
  void read_into(const std::string& uri) {
    const std::string ledger = folder_.path("ledger");
    const Finished read = run({kBin + "/weir", "read", "--export", uri, "--ledger", ledger, capture_});
    std::ifstream in(ledger);
    const json account = json::parse(in);
    EXPECT_TRUE(account.at("balanced").get<bool>());
    if (GetParam().compared.ipv6) {
      EXPECT_EQ(read.exit_code, 0) << read.err;
      return;
    }
    // The conversation, the UDP flow and the router advertisement of IPv6 are lost by name.
    EXPECT_EQ(read.exit_code, 1);
    EXPECT_EQ(account.at("exporters").at(0).at("lost").at("ipv6_not_in_format").at("records"), 3) << account;
  }

  [[nodiscard]] std::string expected() const { return text_of(known_, GetParam().compared); }

  TemporaryFolder folder_;
  std::string capture_ = folder_.path("known.pcap");
  SeenFlows known_;
};

constexpr Compared kFixedFormat{.ipv6 = false, .vlan = false, .rate_1_as_0 = true};

using KnownTrafficNfdump = KnownTraffic;

TEST_P(KnownTrafficNfdump, ShowsEveryFieldAsItWas) {
  if (!installed("nfcapd")) GTEST_SKIP() << "no nfcapd";
  Nfcapd collector;
  read_into(collector.uri(GetParam().scheme, GetParam().options));
  collector.finish();
  SeenFlows shown;
  for (const json& flow : collector.flows()) add_nfdump_flow(shown, flow);
  EXPECT_EQ(text_of(shown, GetParam().compared), expected());
}

INSTANTIATE_TEST_SUITE_P(
    In, KnownTrafficNfdump,
    ::testing::Values(
        Form{"Version5", "netflow5", "", {.ipv6 = false, .vlan = false, .sampling_rate = false}},
        Form{"Version9", "netflow9", "", {.sampling_rate = false}},
        Form{"Version9OfProfileNfdump", "netflow9", "&profile=nfdump", {.sampling_rate = false}},
        Form{"Ipfix", "ipfix", "", {.icmp = false, .sampling_rate = false, .other_ports = false}},
        Form{"IpfixOfProfileNfdump", "ipfix", "&profile=nfdump", {.sampling_rate = false, .other_ports = false}}),
    name_of);

using KnownTrafficNfacctd = KnownTraffic;

TEST_P(KnownTrafficNfacctd, ShowsEveryFieldAsItWas) {
  if (!installed("nfacctd")) GTEST_SKIP() << "no nfacctd";
  Nfacctd collector;
  read_into(collector.uri(GetParam().scheme, GetParam().options));
  SeenFlows shown;
  for (const json& flow : collector.finish()) add_nfacctd_flow(shown, flow);
  EXPECT_EQ(text_of(shown, GetParam().compared), expected());
  EXPECT_EQ(collector.complaints(), "");
}

INSTANTIATE_TEST_SUITE_P(
    In, KnownTrafficNfacctd,
    ::testing::Values(
        Form{"Version5",
             "netflow5",
             "",
             {.ipv6 = false, .vlan = false, .icmp = false, .rate_1_as_0 = true, .other_ports = false, .times = false}},
        Form{"Version9", "netflow9", "", {.icmp = false, .times = false}},
        Form{"Version9OfProfilePmacct", "netflow9", "&profile=pmacct", {.icmp = false}},
        // It takes no TCP flags of two octets (RFC 7125).
        Form{"Ipfix", "ipfix", "", {.icmp = false, .tcp_flags = false}},
        Form{"IpfixOfProfilePmacct", "ipfix", "&profile=pmacct", {.icmp = false, .tcp_flags = false}}),
    name_of);

using KnownTrafficTshark = KnownTraffic;

/// The elements that weir documents under the enterprise number for documentation, 32473: 1 to 6; in NetFlow v9, which
/// has no enterprises, 49152 more.
bool documented(const std::string& unknown_field) {
  if (unknown_field.find("Example Enterprise Number for Documentation Use") != std::string::npos) return true;
  for (unsigned element = 49'153; element <= 49'158; ++element) {
    if (unknown_field.find(std::to_string(element)) != std::string::npos) return true;
  }
  return false;
}

TEST_P(KnownTrafficTshark, ReadsEveryFieldAsItWasAndKnowsAllButTheDocumentedOnes) {
  if (!installed("tshark")) GTEST_SKIP() << "no tshark";
  UdpSink sink;
  read_into(std::string(GetParam().scheme) + "://" + sink.address() + "?rate=20000" + GetParam().options);
  write_datagram_capture(folder_.path("datagrams.pcap"), sink.finish(), kTsharkPort);
  TsharkReading reading = tshark_reading(folder_.path("datagrams.pcap"));
  EXPECT_EQ(reading.complaints, "");
  // Only the profile rfc sends elements of weir's own.
  if (std::string_view(GetParam().options).find("profile=") == std::string_view::npos) {
    std::erase_if(reading.unknown, documented);
  }
  EXPECT_EQ(reading.unknown, std::vector<std::string>());
  EXPECT_EQ(text_of(reading.flows, GetParam().compared), expected());
  const std::string lines = expected();
  EXPECT_EQ(reading.records, static_cast<std::size_t>(std::count(lines.begin(), lines.end(), '\n')))
      << "one record a direction";
}

INSTANTIATE_TEST_SUITE_P(
    In, KnownTrafficTshark,
    ::testing::Values(Form{"Version5", "netflow5", "", kFixedFormat},
                      Form{"Version7", "netflow7", "", {.ipv6 = false, .vlan = false, .sampling_rate = false}},
                      Form{"Version9", "netflow9", "", {}},
                      Form{"Version9OfProfilePmacct", "netflow9", "&profile=pmacct", {}},
                      Form{"Version9OfProfileAkvorado", "netflow9", "&profile=akvorado", {}},
                      Form{"Version9OfProfileGoflow2", "netflow9", "&profile=goflow2", {}},
                      Form{"Ipfix", "ipfix", "", {}}, Form{"IpfixOfProfileGoflow2", "ipfix", "&profile=goflow2", {}},
                      Form{"IpfixOfProfileAkvoradoAsUniflows", "ipfix", "&profile=akvorado&uniflow=1", {}}),
    name_of);

// ---- sampling

/// What weir itself wrote as JSON, one entry for each direction. `conversations`: how many its records stand for.
SeenFlows written_flows(const std::string& file, std::uint64_t& conversations) {
  SeenFlows flows;
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);) {
    const json record = json::parse(line);
    conversations += record.at("sampling_rate").get<std::uint64_t>();
    const std::string source = record.at("src_addr"), destination = record.at("dst_addr");
    const unsigned source_port = record.at("src_port"), destination_port = record.at("dst_port");
    const auto add = [&](const Tuple& tuple, const std::string& direction) {
      if (record.at(direction + "packets") == 0) return;
      SeenFlow& seen = flows[tuple];
      seen.packets += record.at(direction + "packets").get<std::uint64_t>();
      seen.octets += record.at(direction + "bytes").get<std::uint64_t>();
      seen.sampling_rate = std::max(seen.sampling_rate, record.at("sampling_rate").get<unsigned>());
    };
    add(tuple_of(source, destination, source_port, destination_port, record.at("proto")), "");
    add(tuple_of(destination, source, destination_port, source_port, record.at("proto")), "rev_");
  }
  return flows;
}

// A table that is nearly full takes one new flow in N, and the record says N. So records of many rates stand side by
// side in a datagram, and the conversations that they stand for are those that were there.
TEST(SampledTraffic, EachFlowHasItsRateInEveryFormatForNfacctdAndTshark) {
  if (!installed("nfacctd") || !installed("tshark")) GTEST_SKIP() << "no nfacctd or no tshark";
  constexpr double kConversations = 3000;
  const TemporaryFolder folder;
  const std::string capture = folder.path("many.pcap");
  const Finished made = run({kBin + "/weir-gen", "--write", capture, "--flows", "3000", "--packets", "30000", "--rate",
                             "10000", "--tcp", "60", "--seed", "7"});
  ASSERT_EQ(made.exit_code, 0) << made.err;
  for (const std::string scheme : {"netflow5", "netflow9", "ipfix"}) {
    SCOPED_TRACE(scheme);
    const Compared compared{
        .vlan = false, .icmp = false, .tcp_flags = false, .rate_1_as_0 = scheme == "netflow5", .times = false};
    Nfacctd collector;
    UdpSink sink;
    const Finished read = run({kBin + "/weir", "read", "--when-full", "sample", "--max-flows", "1000", "--export",
                               collector.uri(scheme), "--export", scheme + "://" + sink.address() + "?rate=20000",
                               "--export", "json:" + folder.path("json"), "--ledger", folder.path("ledger"), capture});
    ASSERT_EQ(read.exit_code, 0) << read.err;
    std::ifstream ledger(folder.path("ledger"));
    EXPECT_TRUE(json::parse(ledger).at("balanced").get<bool>());

    std::uint64_t conversations = 0;
    const SeenFlows written = written_flows(folder.path("json"), conversations);
    // Each run draws its own seed, and one estimate has a standard deviation of 290: the mean of nine has 100.
    constexpr int kRuns = 9;
    std::uint64_t of_all_runs = conversations;
    for (int more = 1; more < kRuns; ++more) {
      const Finished again = run({kBin + "/weir", "read", "--when-full", "sample", "--max-flows", "1000", "--export",
                                  "json:" + folder.path("again"), "--ledger", folder.path("ledger"), capture});
      ASSERT_EQ(again.exit_code, 0) << again.err;
      std::ifstream account(folder.path("ledger"));
      EXPECT_TRUE(json::parse(account).at("balanced").get<bool>());
      written_flows(folder.path("again"), of_all_runs);
    }
    EXPECT_NEAR(static_cast<double>(of_all_runs) / kRuns, kConversations, 0.25 * kConversations);
    std::set<unsigned> rates;
    for (const auto& [tuple, flow] : written) rates.insert(flow.sampling_rate);
    EXPECT_GT(rates.size(), 3U) << "the table was not full enough to see anything";

    SeenFlows shown;
    for (const json& flow : collector.finish()) add_nfacctd_flow(shown, flow);
    EXPECT_EQ(text_of(shown, compared), text_of(written, compared));
    write_datagram_capture(folder.path("datagrams.pcap"), sink.finish(), kTsharkPort);
    const TsharkReading reading = tshark_reading(folder.path("datagrams.pcap"));
    EXPECT_EQ(reading.complaints, "");
    EXPECT_EQ(text_of(reading.flows, compared), text_of(written, compared));
  }
}

}  // namespace
}  // namespace weir::test
