// What weir says to more collectors that others wrote: ipfixDump (libfixbuf-tools), which reads IPFIX strictly, and ra
// (argus-client), which takes NetFlow v5 and v9. What the captures hold is known from their truth files.
#include <gtest/gtest.h>
#include <netinet/in.h>

#include <chrono>
#include <csignal>
#include <fstream>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "tests/support/collectors.h"
#include "tests/support/hex.h"
#include "tests/support/process.h"
#include "tests/support/stream_collector.h"
#include "tests/support/truth.h"
#include "tests/support/udp.h"

namespace weir::test {
namespace {

using nlohmann::json;
using std::chrono::seconds;

const std::string kBin = WEIR_BIN;
const std::string kCaptures = WEIR_CAPTURES;
constexpr std::uint64_t kMs = 1'000'000;

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts;
  std::istringstream in(text);
  for (std::string part; std::getline(in, part, separator);) parts.push_back(part);
  return parts;
}

std::string trimmed(const std::string& text) {
  const std::size_t from = text.find_first_not_of(" \t");
  return from == std::string::npos ? "" : text.substr(from, text.find_last_not_of(" \t") - from + 1);
}

/// What the truth file says, in milliseconds, rounded down as weir's IPFIX and NetFlow v9 have it.
TupleSums truth_of(const std::string& capture) {
  TupleSums sums = read_truth(capture).tuples;
  for (auto& [tuple, sum] : sums) {
    sum.first_ns -= sum.first_ns % kMs;
    sum.last_ns -= sum.last_ns % kMs;
  }
  return sums;
}

TupleSums without_times(TupleSums sums) {
  for (auto& [tuple, sum] : sums) sum.first_ns = sum.last_ns = 0;
  return sums;
}

class DebianCollectors : public ::testing::Test {
 protected:
  void need(const std::string& program, const std::string& capture) {
    if (!installed(program)) GTEST_SKIP() << program << " is not installed";
    if (!std::filesystem::exists(capture)) GTEST_SKIP() << capture << " is not there";
  }
  /// `weir read` of the capture; its ledger. `exit_code` 1: something is lost by name.
  json read_capture(const std::string& capture, const std::string& uri, int exit_code = 0) {
    const std::vector<std::string> command{kBin + "/weir",         "read", "--export", uri, "--ledger",
                                           folder_.path("ledger"), capture};
    const Finished read = run(command);
    EXPECT_EQ(read.exit_code, exit_code) << read.err;
    json ledger = json::parse(contents(folder_.path("ledger")));
    EXPECT_EQ(ledger.at("balanced"), true);
    return ledger;
  }

  TemporaryFolder folder_;
};

// ---- ipfixDump

/// A data record: the values of its elements by name, in order.
using DumpedRecord = std::vector<std::pair<std::string, std::string>>;

std::string value_of(const DumpedRecord& record, const std::string& name) {
  for (const auto& [element, value] : record) {
    if (element == name) return value;
  }
  return {};
}

std::uint64_t number_of(const DumpedRecord& record, const std::string& name) {
  const std::string value = value_of(record, name);
  return value.empty() ? 0 : std::stoull(value);
}

/// "2020-02-23 10:46:19.631", UTC.
std::uint64_t time_of(const DumpedRecord& record, const std::string& name) {
  std::string text = value_of(record, name);
  if (text.empty()) return 0;
  text.at(10) = 'T';
  return parse_time_ms(text) * kMs;
}

/// What ipfixDump makes of messages; it must have nothing to complain of.
std::vector<DumpedRecord> dump(const std::string& file) {
  const Finished dumped = run({"ipfixDump", "--in", file, "--data"});
  EXPECT_EQ(dumped.exit_code, 0);
  EXPECT_EQ(dumped.err, "");
  std::vector<DumpedRecord> records;
  for (const std::string& line : split(dumped.out, '\n')) {
    if (line.starts_with("--- data record ")) records.emplace_back();
    const std::size_t colon = line.find(" : ");
    if (records.empty() || !line.starts_with("\t(") || colon == std::string::npos) continue;
    const std::string left = trimmed(line.substr(0, colon));
    records.back().emplace_back(left.substr(left.find_last_of(" \t") + 1), trimmed(line.substr(colon + 3)));
  }
  return records;
}

bool is_flow(const DumpedRecord& record) {
  return !value_of(record, "packetDeltaCount").empty();
}

/// The directions of the flows among `records`.
TupleSums sums_of(const std::vector<DumpedRecord>& records) {
  TupleSums sums;
  for (const DumpedRecord& record : records) {
    if (!is_flow(record)) continue;
    const std::string family = value_of(record, "sourceIPv4Address").empty() ? "IPv6Address" : "IPv4Address";
    const auto port = [&](const std::string& side) {
      return static_cast<unsigned>(number_of(record, side + "TransportPort"));
    };
    Tuple tuple =
        tuple_of(value_of(record, "source" + family), value_of(record, "destination" + family), port("source"),
                 port("destination"), static_cast<unsigned>(number_of(record, "protocolIdentifier")));
    sums[tuple].add(number_of(record, "packetDeltaCount"), number_of(record, "octetDeltaCount"),
                    time_of(record, "flowStartMilliseconds"), time_of(record, "flowEndMilliseconds"));
    if (number_of(record, "reversePacketDeltaCount") == 0) continue;
    std::swap(tuple.source, tuple.destination);
    std::swap(tuple.source_port, tuple.destination_port);
    sums[tuple].add(number_of(record, "reversePacketDeltaCount"), number_of(record, "reverseOctetDeltaCount"),
                    time_of(record, "reverseFlowStartMilliseconds"), time_of(record, "reverseFlowEndMilliseconds"));
  }
  return sums;
}

class IpfixDump : public DebianCollectors {
 protected:
  enum class Way { udp, tcp, file };
  /// The messages of `weir read`, one after the other in a file, as RFC 5655 has it: what came over TCP or UDP, or its
  /// own file.
  json messages_of(const std::string& capture, Way way, const std::string& options) {
    if (way == Way::file) return read_capture(capture, "ipfix:" + folder_.path("messages") + "?name=file" + options);
    std::ofstream file(folder_.path("messages"), std::ios::binary);
    if (way == Way::tcp) {
      StreamCollector collector;
      std::thread reader([&] {
        EXPECT_TRUE(collector.accept());
        collector.read_rest();
      });
      json ledger =
          read_capture(capture, "ipfix+tcp://127.0.0.1:" + std::to_string(collector.port()) + "?name=tcp" + options);
      reader.join();
      file << collector.streams().at(0);
      return ledger;
    }
    UdpSink sink;
    json ledger = read_capture(capture, "ipfix://" + sink.address() + "?rate=20000" + options);
    for (const Bytes& datagram : sink.finish()) {
      file.write(reinterpret_cast<const char*>(datagram.data()), static_cast<std::streamsize>(datagram.size()));
    }
    return ledger;
  }
  std::vector<DumpedRecord> dumped() { return dump(folder_.path("messages")); }
};

TEST_F(IpfixDump, ReadsUniflowsAndBiflowsAsTheTruthHasThem) {
  for (const char* name : {"basic/ndpi_android.pcap", "basic/zeek_icmp-icmp6-nd-options.pcap", "tcp/ndpi_avast.pcap"}) {
    const std::string capture = kCaptures + "/" + name;
    need("ipfixDump", capture);
    if (IsSkipped()) return;
    for (const Way way : {Way::udp, Way::tcp, Way::file}) {
      for (const bool biflow : {false, true}) {
        SCOPED_TRACE(std::string(name) +
                     (way == Way::tcp   ? ", TCP"
                      : way == Way::udp ? ", UDP"
                                        : ", file") +
                     (biflow ? ", biflows" : ", uniflows"));
        const json ledger = messages_of(capture, way, biflow ? "&uniflow=0" : "");
        const std::vector<DumpedRecord> records = dumped();
        EXPECT_EQ(difference(truth_of(capture), sums_of(records)), "");
        const auto flows = static_cast<std::uint64_t>(std::count_if(records.begin(), records.end(), is_flow));
        if (biflow) {
          EXPECT_EQ(flows, ledger.at("drained").at("records").get<std::uint64_t>());
        } else {
          EXPECT_GE(flows, ledger.at("drained").at("records").get<std::uint64_t>());
        }
      }
    }
  }
}

TEST_F(IpfixDump, ReadsWhatOptionsDataSayOfTheProbe) {
  const std::string capture = kCaptures + "/basic/ndpi_android.pcap";
  need("ipfixDump", capture);
  if (IsSkipped()) return;
  for (const Way way : {Way::tcp, Way::file}) {
    const json ledger = messages_of(capture, way, "&source_id=7");
    const std::vector<DumpedRecord> records = dumped();
    bool rate = false;
    const DumpedRecord* account = nullptr;
    for (const DumpedRecord& record : records) {
      if (is_flow(record)) continue;
      EXPECT_EQ(value_of(record, "observationDomainId"), "7");
      if (value_of(record, "samplingInterval") == "1") rate = true;
      if (!value_of(record, "exportedFlowRecordTotalCount").empty()) account = &record;
    }
    EXPECT_TRUE(rate);
    ASSERT_NE(account, nullptr);
    // The last account stands after all records.
    const json& exporter = ledger.at("exporters").at(0);
    EXPECT_EQ(number_of(*account, "observedFlowTotalCount"), exporter.at("drained").at("records").get<std::uint64_t>());
    EXPECT_EQ(number_of(*account, "exportedFlowRecordTotalCount"),
              exporter.at("exported").at("records").get<std::uint64_t>());
    EXPECT_EQ(value_of(*account, "notSentFlowTotalCount"), "0");
  }
}

TEST_F(IpfixDump, ReadsTunnelsFromTemplatesOfTheirOwn) {
  const std::string capture = kCaptures + "/tunnels/ndpi_vxlan.pcap";
  need("ipfixDump", capture);
  if (IsSkipped()) return;
  for (const std::string options : {"", "&own_elements=0"}) {
    SCOPED_TRACE(options);
    messages_of(capture, Way::udp, options);
    std::size_t flows = 0;
    for (const DumpedRecord& record : dumped()) {
      if (!is_flow(record)) continue;
      ++flows;
      // tshark -r ndpi_vxlan.pcap -T fields -e vxlan.vni: 1111 in all frames. IANA 351: 1 (VXLAN) << 56 | VNI.
      EXPECT_EQ(number_of(record, "layer2SegmentId"), (std::uint64_t{1} << 56) + 1111);
      // An element of weir's own has no name there.
      EXPECT_EQ(value_of(record, "_alienInformationElement").empty(), !options.empty());
    }
    EXPECT_EQ(flows, 8U);
  }
}

TEST_F(IpfixDump, NamesElementsOfCertAsWeirCollectDoes) {
  if (!installed("ipfixDump")) GTEST_SKIP() << "no ipfixDump";
  // Template 400: addresses, packets, and CERT's elements 14 and its reverse (RFC 7011 section 3.2: the enterprise
  // bit).
  const Bytes message =
      hex("000a 004c 6553f100 00000000 00000001"
          "0002 0024 0190 0005 0008 0004 000c 0004 0002 0008 800e 0002 00001ad7 c00e 0002 00001ad7"
          "0190 0018 c0000201 c0000202 0000000000000003 0002 0012");
  write_file(folder_.path("messages"), message);
  const Finished dumped = run({"ipfixDump", "--yaf", "--in", folder_.path("messages"), "--data"});
  const Finished collected = run({kBin + "/weir-collect", "--json", folder_.path("messages")});
  ASSERT_EQ(collected.exit_code, 0) << collected.err;
  const json record = json::parse(collected.out);
  for (const auto& [name, value] : {std::pair{"initialTCPFlags", 2}, {"reverseInitialTCPFlags", 18}}) {
    EXPECT_NE(dumped.out.find(std::string(name) + " : " + std::to_string(value)), std::string::npos) << dumped.out;
    EXPECT_EQ(record.at(name), value);
  }
}

// ---- ra

/// ra shows the two sides of a conversation as its own rules of ports have it: the sums of a tuple are those of the
/// unordered pair.
TupleSums of_pairs(const TupleSums& sums) {
  TupleSums pairs;
  for (const auto& [directed, sum] : sums) {
    Tuple tuple = directed;
    if (tuple.protocol != IPPROTO_TCP && tuple.protocol != IPPROTO_UDP) tuple.source_port = tuple.destination_port = 0;
    if (std::tie(tuple.destination, tuple.destination_port) < std::tie(tuple.source, tuple.source_port)) {
      std::swap(tuple.source, tuple.destination);
      std::swap(tuple.source_port, tuple.destination_port);
    }
    pairs[tuple].add(sum.packets, sum.octets, sum.first_ns, sum.last_ns);
  }
  return pairs;
}

TupleSums only_ipv4(TupleSums sums) {
  std::erase_if(sums, [](const auto& one) { return one.first.ip_version != 4; });
  return sums;
}

/// "1582454779.631000"
std::uint64_t ra_time_ns(const std::string& text) {
  const std::size_t dot = text.find('.');
  return (std::stoull(text.substr(0, dot)) * 1'000'000 + std::stoull(text.substr(dot + 1))) * 1000;
}

class Ra : public DebianCollectors {
 protected:
  /// What ra shows of the capture, sent as `scheme`.
  TupleSums shown_of(const std::string& capture, const std::string& scheme) {
    const std::uint16_t port = free_udp_port();
    const std::string address = "127.0.0.1:" + std::to_string(port);
    Process ra({"ra", "-C", address, "-nn", "-u", "-p", "6", "-c", "|", "-s", "saddr", "daddr", "sport", "dport",
                "proto", "pkts", "bytes", "stime", "ltime"});
    wait_for([&] { return udp_socket_state(port).found; });
    // NetFlow v5 loses IPv6 by name.
    read_capture(capture, scheme + "://" + address + "?rate=20000", scheme == "netflow5" ? 1 : 0);
    wait_for([&] { return udp_socket_state(port).unread == 0; });
    EXPECT_EQ(udp_socket_state(port).drops, 0U);
    ra.signal(SIGTERM);
    const Finished ended = ra.wait();
    EXPECT_EQ(ended.err, "");
    TupleSums sums;
    for (const std::string& line : split(ended.out, '\n')) {
      const std::vector<std::string> field = split(line, '|');
      if (field.size() < 9 || field[0] == "SrcAddr") continue;
      const auto protocol = static_cast<unsigned>(std::stoul(field[4]));
      const bool ports = protocol == IPPROTO_TCP || protocol == IPPROTO_UDP;
      const auto number = [&](const std::string& text) {
        return ports ? static_cast<unsigned>(std::stoul(trimmed(text), nullptr, 0)) : 0U;
      };
      sums[tuple_of(trimmed(field[0]), trimmed(field[1]), number(field[2]), number(field[3]), protocol)].add(
          std::stoull(field[5]), std::stoull(field[6]), ra_time_ns(trimmed(field[7])), ra_time_ns(trimmed(field[8])));
    }
    return sums;
  }
  static void wait_for(const std::function<bool()>& condition) {
    const auto end = std::chrono::steady_clock::now() + seconds(20);
    while (!condition() && std::chrono::steady_clock::now() < end) {
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    EXPECT_TRUE(condition());
  }
};

TEST_F(Ra, ShowsTheTruthOfVersion9) {
  for (const char* name : {"basic/ndpi_android.pcap", "tcp/synthetic_port-reuse.pcap"}) {
    SCOPED_TRACE(name);
    const std::string capture = kCaptures + "/" + name;
    need("ra", capture);
    if (IsSkipped()) return;
    EXPECT_EQ(difference(of_pairs(truth_of(capture)), of_pairs(shown_of(capture, "netflow9"))), "");
  }
}

TEST_F(Ra, ShowsTheTruthOfVersion5WithoutItsTimes) {
  const std::string capture = kCaptures + "/basic/ndpi_android.pcap";
  need("ra", capture);
  if (IsSkipped()) return;
  // ra rounds the uptime of v5 to whole seconds before it subtracts: a time is up to a second off, to both sides.
  // (nfdump has them to the millisecond from the same datagrams.)
  const TupleSums shown = of_pairs(shown_of(capture, "netflow5"));
  const TupleSums expected = of_pairs(only_ipv4(truth_of(capture)));
  EXPECT_EQ(difference(without_times(expected), without_times(shown)), "");
  const auto apart = [](std::uint64_t a, std::uint64_t b) { return a > b ? a - b : b - a; };
  for (const auto& [tuple, sum] : expected) {
    const auto found = shown.find(tuple);
    if (found == shown.end()) continue;
    EXPECT_LE(apart(sum.first_ns, found->second.first_ns), 1000 * kMs);
    EXPECT_LE(apart(sum.last_ns, found->second.last_ns), 1000 * kMs);
  }
}

}  // namespace
}  // namespace weir::test
