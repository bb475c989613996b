// `weir read --metrics quic` against tshark, on every capture of the collection that holds QUIC: per conversation the
// version, connection IDs, packets by type and what the ClientHello says; the header of 2017 against what its project
// published; and the same records at any number of workers.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "tests/support/exporters.h"
#include "tests/support/process.h"
#include "tests/support/truth.h"

namespace weir::test {
namespace {

using Json = nlohmann::json;
namespace fs = std::filesystem;

const fs::path kCaptures = WEIR_CAPTURES;
const std::string kWeir = WEIR_BIN "/weir";

/// Who talked, whoever began.
using Ends = std::set<Tuple>;
/// In weir's names, those of a direction with the sender's port after them.
using Facts = std::map<std::string, std::string>;

Ends ends_of(const std::string& source, const std::string& destination, unsigned source_port,
             unsigned destination_port) {
  return {tuple_of(source, destination, source_port, destination_port, 17),
          tuple_of(destination, source, destination_port, source_port, 17)};
}

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
std::vector<std::string> values_of(const std::string& text) {
  return text.empty() ? std::vector<std::string>() : split(text, '|');
}
std::uint32_t number(const std::string& text) {
  return text.empty() ? 0U : static_cast<std::uint32_t>(std::stoul(text, nullptr, 0));
}
void add(Facts& facts, const std::string& name, std::size_t count = 1) {
  std::string& value = facts[name];
  value = std::to_string((value.empty() ? 0 : std::stoul(value)) + count);
}

/// What tshark says of a datagram.
struct Datagram {
  std::string from_port;
  std::vector<std::string> versions, types, types_of_2, source_ids, destination_ids;
  std::size_t short_headers = 0;
};

void add_packets(Facts& facts, const Datagram& datagram) {
  const std::string from = " from " + datagram.from_port;
  bool negotiates = false, retries = false;
  for (const std::string& text : datagram.versions) {
    const std::uint32_t version = number(text);
    negotiates |= version == 0;
    if (version != 0 && ((version & 0x0f0f0f0f) != 0x0a0a0a0a || facts.count("quic_version") == 0)) {
      facts["quic_version"] = std::to_string(version);
    }
  }
  const auto add_types = [&](const std::vector<std::string>& types, const std::vector<std::string>& names) {
    for (const std::string& type : types) {
      const std::string& name = names[number(type)];
      retries |= name == "quic_retry";
      add(facts, name == "quic_retry" || name == "quic_0rtt" ? name : name + from);
    }
  };
  add_types(datagram.types, {"quic_initial", "quic_0rtt", "quic_handshake", "quic_retry"});
  add_types(datagram.types_of_2, {"quic_retry", "quic_initial", "quic_0rtt", "quic_handshake"});
  if (negotiates) add(facts, "quic_version_negotiation");
  if (datagram.short_headers != 0) add(facts, "quic_short" + from, datagram.short_headers);
  if (negotiates || retries || datagram.source_ids.empty()) return;
  facts.insert({"quic_scid_length" + from, datagram.source_ids[0]});
  facts.insert({"quic_dcid_length" + from, datagram.destination_ids[0]});
}

/// Where tshark takes the last packet of a datagram for what fills it, though it has the datagram's connection ID.
void correct(const fs::path& capture, std::map<Ends, Facts>& all) {
  if (capture.filename() != "zeek_quic-quicv2-echo-443.pcap") return;
  ASSERT_EQ(all.size(), 1U);
  add(all.begin()->second, "quic_short from 49320");  // of frame 5: 0x52, 90abcdf8
}

/// What the metric has to say of each conversation.
std::map<Ends, Facts> facts_by_tshark(const fs::path& capture) {
  const std::vector<std::string> fields = {"frame.protocols",
                                           "ip.src",
                                           "ip.dst",
                                           "ipv6.src",
                                           "ipv6.dst",
                                           "udp.srcport",
                                           "udp.dstport",
                                           "quic.version",
                                           "quic.long.packet_type",
                                           "quic.long.packet_type_v2",
                                           "quic.scil",
                                           "quic.dcil",
                                           "quic.short",
                                           "tls.handshake.type",
                                           "tls.handshake.extensions_server_name",
                                           "tls.handshake.extensions_alpn_str",
                                           "tls.handshake.ja3",
                                           "gquic.tag.sni"};
  std::vector<std::string> command = {"tshark", "-n",     "-r", capture.string(), "-Y", "quic && !icmp && !icmpv6",
                                      "-T",     "fields", "-E", "separator=;",    "-E", "aggregator=|"};
  for (const std::string& field : fields) {
    command.push_back("-e");
    command.push_back(field);
  }
  const Finished tshark = run(command, std::chrono::seconds(120));
  std::map<Ends, Facts> all;
  std::istringstream lines(tshark.out);
  for (std::string line; std::getline(lines, line);) {
    const std::vector<std::string> values = split(line, ';');
    if (values.size() != fields.size()) continue;
    const auto last = [&](std::size_t at) { return split(values[at], '|').back(); };
    const std::size_t ip = values[0].rfind(":ip:"), ipv6 = values[0].rfind(":ipv6:");
    const bool is_ipv6 = ipv6 != std::string::npos && (ip == std::string::npos || ipv6 > ip);
    Facts& facts = all[ends_of(last(is_ipv6 ? 3 : 1), last(is_ipv6 ? 4 : 2), number(last(5)), number(last(6)))];
    Datagram datagram;
    datagram.from_port = last(5);
    datagram.versions = values_of(values[7]);
    datagram.types = values_of(values[8]);
    datagram.types_of_2 = values_of(values[9]);
    datagram.source_ids = values_of(values[10]);
    datagram.destination_ids = values_of(values[11]);
    datagram.short_headers = values_of(values[12]).size();
    add_packets(facts, datagram);
    const auto first = [&](const char* name, std::size_t at) {
      if (!values[at].empty()) facts.insert({name, values_of(values[at])[0]});
    };
    first("quic_sni", 17);
    const std::vector<std::string> messages = values_of(values[13]);
    if (std::find(messages.begin(), messages.end(), "1") == messages.end()) continue;  // no ClientHello
    first("quic_sni", 14);
    first("quic_alpn", 15);
    first("tls_ja3", 16);
  }
  return all;
}

Facts facts_of(const Json& record) {
  Facts facts;
  const auto put = [&](const std::string& name, const std::string& key) {
    if (!record.contains(name)) return;
    const Json& value = record.at(name);
    const std::string text = value.is_string() ? value.get<std::string>() : value.dump();
    // A count of nothing is nothing; a connection ID may have no octet.
    if (text != "0" || name.find("cid_length") != std::string::npos) facts[key] = text;
  };
  for (const char* name :
       {"quic_version", "quic_0rtt", "quic_retry", "quic_version_negotiation", "quic_sni", "quic_alpn", "tls_ja3"}) {
    put(name, name);
  }
  for (const std::string name :
       {"quic_initial", "quic_handshake", "quic_short", "quic_scid_length", "quic_dcid_length"}) {
    put(name, name + " from " + record.at("src_port").dump());
    put("rev_" + name, name + " from " + record.at("dst_port").dump());
  }
  return facts;
}

/// tshark says nothing of the IDs of a side without a long header, weir 0. And it does not open what a client sends
/// after version negotiation: then nothing says what the ClientHello has to be.
void drop_unknown(Facts& got, const Facts& expected) {
  const bool opened = expected.count("quic_alpn") != 0 || expected.count("quic_sni") != 0;
  const bool negotiated = expected.count("quic_version_negotiation") != 0;
  for (auto fact = got.begin(); fact != got.end();) {
    const std::string& name = fact->first;
    const bool no_ids =
        name.find("cid_length") != std::string::npos && expected.count(name) == 0 && fact->second == "0";
    const bool of_hello = name == "quic_sni" || name == "quic_alpn" || name == "tls_ja3";
    fact = no_ids || (of_hello && negotiated && !opened) ? got.erase(fact) : std::next(fact);
  }
}

std::string text(const Facts& facts) {
  std::string all;
  for (const auto& [name, value] : facts) all += name + "=" + value + "\n";
  return all;
}

std::vector<Json> records_of(const fs::path& capture, unsigned workers, const std::string& metrics = "quic") {
  // A conversation is one record.
  const Finished read = run({kWeir, "read", "--metrics", metrics, "--idle-timeout", "72h", "--active-timeout", "72h",
                             "--workers", std::to_string(workers), "--export", "json:-", capture.string()});
  if (read.exit_code == 0) expect_balanced(read);
  return json_lines(read.out);
}

void expect_same_records(const fs::path& capture, const std::vector<Json>& records, const std::string& metrics) {
  for (const unsigned workers : {2U, 4U}) {
    std::vector<std::string> one, several;
    for (const Json& record : records) one.push_back(record.dump());
    for (const Json& record : records_of(capture, workers, metrics)) several.push_back(record.dump());
    std::sort(one.begin(), one.end());
    std::sort(several.begin(), several.end());
    EXPECT_EQ(one, several) << workers << " workers";
  }
}

/// A folder of the collection.
class QuicTruth : public testing::TestWithParam<const char*> {};

TEST_P(QuicTruth, IsWhatTsharkSaysOfEachConversation) {
  if (!installed("tshark")) GTEST_SKIP() << "tshark is not installed";
  const fs::path folder = kCaptures / GetParam();
  if (!fs::exists(folder)) GTEST_SKIP() << "no captures";
  unsigned conversations = 0, names = 0;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (!entry.is_regular_file() || entry.path().extension() == ".jsonl") continue;
    SCOPED_TRACE(entry.path().filename().string());
    std::map<Ends, Facts> expected = facts_by_tshark(entry.path());
    correct(entry.path(), expected);
    const std::vector<Json> records = records_of(entry.path(), 1);
    std::map<Ends, Facts> got;
    for (const Json& record : records) {
      if (record.at("proto") != 17) continue;
      const Ends ends =
          ends_of(record.at("src_addr"), record.at("dst_addr"), record.at("src_port"), record.at("dst_port"));
      Facts facts = facts_of(record);
      Facts& known = got[ends];
      if (facts.empty()) continue;
      EXPECT_TRUE(known.empty()) << "two records: " << record;
      known = std::move(facts);
    }
    for (const auto& [ends, facts] : expected) {
      if (got.count(ends) == 0) continue;  // weir rejects the frames: other tests hold which ones
      drop_unknown(got[ends], facts);
      EXPECT_EQ(text(got[ends]), text(facts));
      ++conversations;
      names += facts.count("quic_sni") != 0 ? 1 : 0;
    }
    for (const auto& [ends, facts] : got) {
      EXPECT_TRUE(facts.empty() || expected.count(ends) == 1) << "tshark sees no QUIC in " << text(facts);
    }
    if (!expected.empty()) expect_same_records(entry.path(), records, "quic");
  }
  RecordProperty("conversations", std::to_string(conversations));
  if (std::string(GetParam()) == "quic") {
    EXPECT_GE(conversations, 13U);
    EXPECT_GE(names, 11U);
  }
}

INSTANTIATE_TEST_SUITE_P(Folders, QuicTruth,
                         testing::Values("basic", "fragments", "ipv6", "linktypes", "malformed", "quic", "tcp",
                                         "tunnels", "vlan"),
                         [](const auto& folder) { return std::string(folder.param); });

TEST(Quic2017, HasTheHandshakesThatItsProjectPublished) {
  const fs::path capture = kCaptures / "quic" / "mokumokuren_bunchaquic.pcap";
  if (!fs::exists(capture)) GTEST_SKIP() << "no captures";
  EXPECT_EQ(records_of(capture, 1).at(0).count("quic_version"), 0U) << "only where it is asked for";
  for (const std::string metrics : {"quic:2017", "quic:2017=4433"}) {
    SCOPED_TRACE(metrics);
    std::map<unsigned, std::uint64_t> handshakes;
    const std::vector<Json> records = records_of(capture, 1, metrics);
    for (const Json& record : records) {
      if (!record.contains("quic_handshake_rtt_ns")) continue;
      EXPECT_EQ(record.at("quic_version"), 0xff000007);
      EXPECT_EQ(record.at("quic_truncated"), 0);
      EXPECT_EQ(record.at("quic_unknown_types"), 0);
      handshakes[record.at("src_port").get<unsigned>()] = record.at("quic_handshake_rtt_ns").get<std::uint64_t>();
    }
    const std::map<unsigned, std::uint64_t> expected = {{52550, 230'483'000}, {52551, 81'776'000}, {52552, 97'955'000}};
    EXPECT_EQ(handshakes, expected);
    expect_same_records(capture, records, metrics);
  }
  // Packets by type, numbers and the last octet after a header, counted by hand.
  for (const Json& record : records_of(capture, 1, "quic:2017,quic:measurement-byte")) {
    if (record.at("src_port") != 52550) continue;
    EXPECT_EQ(record.at("quic_initial"), 1);
    EXPECT_EQ(record.at("quic_handshake"), 2);
    EXPECT_EQ(record.at("rev_quic_handshake"), 3);
    EXPECT_EQ(record.at("quic_short"), 12);
    EXPECT_EQ(record.at("rev_quic_short"), 0);
    EXPECT_EQ(record.at("quic_packet_number"), 0x60b69e82);
    EXPECT_EQ(record.at("rev_quic_packet_number"), 0x1f42);
    EXPECT_EQ(record.at("quic_key_phase"), 0);
    EXPECT_EQ(record.at("rev_quic_key_phase"), 255);
    EXPECT_EQ(record.at("quic_measurement_byte"), 0x0e);
  }
}

}  // namespace
}  // namespace weir::test
