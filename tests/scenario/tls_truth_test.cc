// `weir read --metrics tls` against tshark and openssl, on every capture of the collection that holds TLS over TCP: per
// conversation what the hellos say, and the certificate; and the same records at any number of workers.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "tests/support/exporters.h"
#include "tests/support/process.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/truth.h"

namespace weir::test {
namespace {

using Json = nlohmann::json;
namespace fs = std::filesystem;

const fs::path kCaptures = WEIR_CAPTURES;
const std::string kWeir = WEIR_BIN "/weir";

/// Who talked, whoever began.
using Ends = std::set<Tuple>;
/// In weir's names.
using Facts = std::map<std::string, std::string>;

Ends ends_of(const std::string& source, const std::string& destination, unsigned source_port,
             unsigned destination_port) {
  return {tuple_of(source, destination, source_port, destination_port, 6),
          tuple_of(destination, source, destination_port, source_port, 6)};
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

unsigned number(const std::string& text) {
  return text.empty() ? 0U : static_cast<unsigned>(std::stoul(text, nullptr, 0));
}

/// The greatest of them that RFC 8701 does not reserve.
unsigned greatest_version(const std::vector<std::string>& versions) {
  unsigned greatest = 0;
  for (const std::string& text : versions) {
    const unsigned version = number(text);
    if ((version & 0x0f0f) != 0x0a0a) greatest = std::max(greatest, version);
  }
  return greatest;
}

/// "emailAddress=x,CN=the name,C=DE" of openssl's -nameopt RFC2253,sep_multiline: a line for each, the last CN first.
std::string common_name(const std::string& text, const std::string& title) {
  std::istringstream lines(text);
  bool inside = false;
  for (std::string line; std::getline(lines, line);) {
    if (line.rfind(title, 0) == 0) {
      inside = true;
      continue;
    }
    if (inside && line.rfind("    ", 0) != 0) return "";
    if (inside && line.rfind("    CN=", 0) == 0) return line.substr(7);
  }
  return "";
}

/// What openssl says of a certificate, which tshark gives in hexadecimal digits.
void add_certificate(Facts& facts, const std::string& hex) {
  const TemporaryFolder folder;
  const std::string path = folder.path("certificate.der");
  std::ofstream file(path, std::ios::binary);
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    file.put(static_cast<char>(std::stoul(hex.substr(i, 2), nullptr, 16)));
  }
  file.close();
  const Finished openssl =
      run({"openssl", "x509", "-inform", "DER", "-in", path, "-noout", "-subject", "-issuer", "-dates", "-dateopt",
           "iso_8601", "-nameopt", "utf8,sep_multiline,dn_rev,sname", "-text"},
          std::chrono::seconds(30));
  ASSERT_EQ(openssl.exit_code, 0) << openssl.err;
  facts["tls_subject_cn"] = common_name(openssl.out, "subject=");
  facts["tls_issuer_cn"] = common_name(openssl.out, "issuer=");
  const auto after = [&](const std::string& title) {
    const std::size_t at = openssl.out.find(title);
    if (at == std::string::npos) return std::string();
    const std::size_t from = at + title.size();
    return openssl.out.substr(from, openssl.out.find('\n', from) - from);
  };
  const auto seconds = [&](const std::string& title) {
    std::tm time{};
    const std::string text = after(title);
    EXPECT_NE(strptime(text.c_str(), "%Y-%m-%d %H:%M:%SZ", &time), nullptr) << text;
    return std::to_string(timegm(&time));
  };
  facts["tls_not_before"] = seconds("notBefore=");
  facts["tls_not_after"] = seconds("notAfter=");
  facts["tls_public_key"] = after("Public Key Algorithm: ");
}

/// What the metric has to say of each conversation.
std::map<Ends, Facts> facts_by_tshark(const fs::path& capture) {
  const Finished tshark = run({"tshark", "-n",
                               "-r",     capture.string(),
                               "-o",     "ip.defragment:FALSE",
                               "-o",     "ipv6.defragment:FALSE",
                               "-o",     "tcp.reassemble_out_of_order:TRUE",
                               "-Y",     "tcp && !icmp && !icmpv6 && tls.handshake.type",
                               "-T",     "fields",
                               "-E",     "separator=;",
                               "-E",     "aggregator=|",
                               "-e",     "frame.protocols",
                               "-e",     "ip.src",
                               "-e",     "ip.dst",
                               "-e",     "ipv6.src",
                               "-e",     "ipv6.dst",
                               "-e",     "tcp.srcport",
                               "-e",     "tcp.dstport",
                               "-e",     "tls.handshake.type",
                               "-e",     "tls.handshake.version",
                               "-e",     "tls.handshake.extensions.supported_version",
                               "-e",     "tls.handshake.ciphersuite",
                               "-e",     "tls.handshake.extensions_server_name",
                               "-e",     "tls.handshake.extensions_alpn_str",
                               "-e",     "tls.handshake.ja3",
                               "-e",     "tls.handshake.certificate"},
                              std::chrono::seconds(120));
  std::map<Ends, Facts> all;
  std::istringstream lines(tshark.out);
  for (std::string line; std::getline(lines, line);) {
    const std::vector<std::string> values = split(line, ';');
    if (values.size() != 15) continue;
    const auto last = [&](std::size_t at) { return split(values[at], '|').back(); };
    // The innermost IP header.
    const std::size_t ip = values[0].rfind(":ip:"), ipv6 = values[0].rfind(":ipv6:");
    const bool is_ipv6 = ipv6 != std::string::npos && (ip == std::string::npos || ipv6 > ip);
    Facts& facts = all[ends_of(last(is_ipv6 ? 3 : 1), last(is_ipv6 ? 4 : 2), number(last(5)), number(last(6)))];
    const std::vector<std::string> types = split(values[7], '|'), versions = split(values[9], '|');
    const unsigned version = number(split(values[8], '|').front());
    const std::string alpn = split(values[12], '|').front();
    if (types.front() == "1" && facts.count("tls_client_version") == 0) {
      facts["tls_client_version"] = std::to_string(values[9].empty() ? version : greatest_version(versions));
      facts["tls_ja3"] = values[13];
      if (!values[11].empty()) facts["tls_sni"] = values[11];
      if (!alpn.empty()) facts.emplace("tls_alpn", alpn);
    } else if (types.front() == "2" && facts.count("tls_server_version") == 0) {
      facts["tls_server_version"] = std::to_string(values[9].empty() ? version : number(versions.front()));
      facts["tls_cipher"] = std::to_string(number(values[10]));
      if (!alpn.empty()) facts["tls_alpn"] = alpn;
    }
    if (!values[14].empty() && facts.count("tls_server_version") == 1 && facts.count("tls_not_after") == 0) {
      add_certificate(facts, split(values[14], '|').front());
    }
  }
  for (auto found = all.begin(); found != all.end();) {  // of connections that were open before, other messages
    found = found->second.empty() ? all.erase(found) : std::next(found);
  }
  return all;
}

const std::vector<std::string> kNames = {
    "tls_client_version", "tls_server_version", "tls_cipher",     "tls_sni",        "tls_alpn",     "tls_ja3",
    "tls_subject_cn",     "tls_issuer_cn",      "tls_public_key", "tls_not_before", "tls_not_after"};

Facts facts_of(const Json& record) {
  Facts facts;
  for (const std::string& name : kNames) {
    if (!record.contains(name)) continue;
    facts[name] = record.at(name).is_string() ? record.at(name).get<std::string>() : record.at(name).dump();
  }
  return facts;
}

std::string text(const Facts& facts) {
  std::string all;
  for (const auto& [name, value] : facts) all += name + "=" + value + " ";
  return all;
}

std::vector<Json> records_of(const fs::path& capture, unsigned workers) {
  // A conversation is one record: neither time nor FIN ends one.
  const Finished read =
      run({kWeir, "read", "--metrics", "tls", "--idle-timeout", "72h", "--active-timeout", "72h", "--tcp-close", "off",
           "--workers", std::to_string(workers), "--export", "json:-", capture.string()});
  if (read.exit_code == 0) expect_balanced(read);
  return json_lines(read.out);
}

/// A folder of the collection.
class TlsTruth : public testing::TestWithParam<const char*> {};

TEST_P(TlsTruth, IsWhatTsharkAndOpensslSayOfEachConversation) {
  if (!installed("tshark") || !installed("openssl")) GTEST_SKIP() << "tshark or openssl is not installed";
  const fs::path folder = kCaptures / GetParam();
  if (!fs::exists(folder)) GTEST_SKIP() << "no captures";
  unsigned conversations = 0, certificates = 0;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (!entry.is_regular_file() || entry.path().extension() == ".jsonl") continue;
    SCOPED_TRACE(entry.path().filename().string());
    // Its acknowledgments carry octets that are not of the streams; tshark takes them for the streams' beginnings.
    if (entry.path().filename() == "ndpi_heuristic_tcp_ack_payload.pcap") continue;
    const std::map<Ends, Facts> expected = facts_by_tshark(entry.path());
    const std::vector<Json> records = records_of(entry.path(), 1);
    std::map<Ends, Facts> got;
    unsigned with_tls = 0;
    for (const Json& record : records) {
      Facts facts = facts_of(record);
      if (facts.empty()) continue;
      ++with_tls;
      Facts& known =
          got[ends_of(record.at("src_addr"), record.at("dst_addr"), record.at("src_port"), record.at("dst_port"))];
      EXPECT_TRUE(known.empty()) << "two records: " << record;
      known = std::move(facts);
      EXPECT_EQ(record.contains("tls_ja4"), record.contains("tls_ja3"));
    }
    for (const auto& [ends, facts] : expected) {
      // Of a ClientHello that the capture cut weir has the name, and tshark nothing.
      if (facts.count("tls_client_version") == 0) got[ends].erase("tls_sni");
      EXPECT_EQ(text(got[ends]), text(facts)) << "port " << ends.begin()->source_port;
      ++conversations;
      certificates += facts.count("tls_not_after") == 1 ? 1 : 0;
    }
    for (const auto& [ends, facts] : got) {
      EXPECT_TRUE(facts.empty() || expected.count(ends) == 1) << "tshark sees no hello in " << text(facts);
    }
    for (const unsigned workers : {2U, 4U}) {
      if (with_tls == 0) break;
      std::vector<std::string> one, several;
      for (const Json& record : records) one.push_back(record.dump());
      for (const Json& record : records_of(entry.path(), workers)) several.push_back(record.dump());
      std::sort(one.begin(), one.end());
      std::sort(several.begin(), several.end());
      EXPECT_EQ(one, several) << workers << " workers";
    }
  }
  RecordProperty("conversations", std::to_string(conversations));
  RecordProperty("certificates", std::to_string(certificates));
  const std::string name = GetParam();
  if (name == "basic" || name == "tunnels") {
    EXPECT_GT(conversations, 0U);
    EXPECT_GT(certificates, 0U);
  }
}

INSTANTIATE_TEST_SUITE_P(Captures, TlsTruth,
                         testing::Values("basic", "vlan", "tunnels", "ipv6", "fragments", "tcp", "quic", "linktypes",
                                         "malformed"),
                         [](const auto& folder) { return std::string(folder.param); });

}  // namespace
}  // namespace weir::test
