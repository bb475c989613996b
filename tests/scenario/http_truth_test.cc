// `weir read --metrics http` against tshark, on every capture of the collection that holds HTTP: per conversation the
// first request and its response; and the same records at any number of workers.
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
constexpr std::size_t kMostText = 254;

/// Who talked, whoever began.
using Ends = std::set<Tuple>;

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

/// What tshark and weir both say of a conversation, in weir's names.
using Facts = std::map<std::string, std::string>;

std::string text(const Facts& facts) {
  std::string all;
  for (const auto& [name, value] : facts) all += name + "=" + value + " ";
  return all;
}

/// A frame in which tshark sees messages end; of several of a kind the values are in their order.
struct Frame {
  std::vector<std::string> methods, hosts, targets, agents, referers, codes, types;
};

constexpr char kBetween = '\x01';  ///< of several values of a field

/// Frames of each conversation in the order of the capture.
std::map<Ends, std::vector<Frame>> frames_by_tshark(const fs::path& capture) {
  const std::vector<std::string> fields = {
      "frame.protocols",    "ip.src",           "ip.dst",          "ipv6.src",
      "ipv6.dst",           "tcp.srcport",      "tcp.dstport",     "http.request.method",
      "http.host",          "http.request.uri", "http.user_agent", "http.referer",
      "http.response.code", "http.content_type"};
  std::vector<std::string> command = {
      "tshark", "-n",
      "-r",     capture.string(),
      "-o",     "ip.defragment:FALSE",
      "-o",     "ipv6.defragment:FALSE",
      "-o",     "http.desegment_body:FALSE",  // else it waits for the whole body
      "-d",     "tcp.port==22,http",          // by itself it looks for SSH alone there
      "-Y",     "(http.request.version || http.response.version) && !icmp && !icmpv6 && !ipcomp",
      "-T",     "fields",
      "-E",     "separator=/t",
      "-E",     std::string("aggregator=") + kBetween};
  for (const std::string& field : fields) {
    command.emplace_back("-e");
    command.push_back(field);
  }
  const Finished tshark = run(command, std::chrono::seconds(120));
  std::map<Ends, std::vector<Frame>> all;
  std::istringstream lines(tshark.out);
  for (std::string line; std::getline(lines, line);) {
    const std::vector<std::string> values = split(line, '\t');
    if (values.size() != fields.size()) continue;
    const auto each = [&](std::size_t at) {
      return values[at].empty() ? std::vector<std::string>() : split(values[at], kBetween);
    };
    const auto last = [&](std::size_t at) { return split(values[at], kBetween).back(); };
    // The innermost IP header.
    const std::size_t ip = values[0].rfind(":ip:"), ipv6 = values[0].rfind(":ipv6:");
    const bool is_ipv6 = ipv6 != std::string::npos && (ip == std::string::npos || ipv6 > ip);
    const auto port = [&](std::size_t at) { return static_cast<unsigned>(std::stoul("0" + last(at))); };
    all[ends_of(last(is_ipv6 ? 3 : 1), last(is_ipv6 ? 4 : 2), port(5), port(6))].push_back(
        {each(7), each(8), each(9), each(10), each(11), each(12), each(13)});
  }
  return all;
}

/// What the metric has to say of these.
Facts facts_of(const std::vector<Frame>& frames) {
  Facts facts;
  const auto put = [&](const char* name, const std::vector<std::string>& values) {
    if (!values.empty()) facts[name] = values[0].substr(0, kMostText);
  };
  const auto request =
      std::find_if(frames.begin(), frames.end(), [](const Frame& frame) { return !frame.methods.empty(); });
  if (request != frames.end()) {
    put("http_method", request->methods);
    put("http_host", request->hosts);
    put("http_url", request->targets);
    put("http_user_agent", request->agents);
    put("http_referer", request->referers);
  }
  // The first final response after it, else the last interim one.
  for (auto frame = request == frames.end() ? frames.begin() : request; frame != frames.end(); ++frame) {
    if (frame->codes.empty()) continue;
    const std::string code = frame->codes.back().front() == '1' ? frame->codes.back() : [&] {
      return *std::find_if(frame->codes.begin(), frame->codes.end(),
                           [](const std::string& one) { return one.front() != '1' || one == "101"; });
    }();
    facts["http_status"] = code;
    facts.erase("http_content_type");
    put("http_content_type", frame->types);
    if (code.front() != '1' || code == "101") break;
  }
  return facts;
}

const std::vector<std::string> kNames = {"http_method",  "http_host",   "http_url",         "http_user_agent",
                                         "http_referer", "http_status", "http_content_type"};

Facts facts_of(const Json& record) {
  Facts facts;
  for (const std::string& name : kNames) {
    if (!record.contains(name)) continue;
    facts[name] = record.at(name).is_string() ? record.at(name).get<std::string>() : record.at(name).dump();
  }
  return facts;
}

std::vector<Json> records_of(const fs::path& capture, unsigned workers) {
  // A conversation is one record: neither time nor FIN ends one.
  const Finished read =
      run({kWeir, "read", "--metrics", "http", "--idle-timeout", "72h", "--active-timeout", "72h", "--tcp-close", "off",
           "--workers", std::to_string(workers), "--export", "json:-", capture.string()});
  if (read.exit_code == 0) expect_balanced(read);
  return json_lines(read.out);
}

/// A folder of the collection.
class HttpTruth : public testing::TestWithParam<const char*> {};

TEST_P(HttpTruth, IsWhatTsharkSaysOfEachConversation) {
  if (!installed("tshark")) GTEST_SKIP() << "tshark is not installed";
  const fs::path folder = kCaptures / GetParam();
  if (!fs::exists(folder)) GTEST_SKIP() << "no captures";
  unsigned conversations = 0;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (!entry.is_regular_file() || entry.path().extension() == ".jsonl") continue;
    SCOPED_TRACE(entry.path().filename().string());
    const std::map<Ends, std::vector<Frame>> expected = frames_by_tshark(entry.path());
    const std::vector<Json> records = records_of(entry.path(), 1);
    std::map<Ends, Facts> got;
    unsigned with_http = 0;
    for (const Json& record : records) {
      if (record.at("proto") != 6) continue;
      Facts& known =
          got[ends_of(record.at("src_addr"), record.at("dst_addr"), record.at("src_port"), record.at("dst_port"))];
      Facts facts = facts_of(record);
      if (facts.empty()) continue;
      EXPECT_TRUE(known.empty()) << "two records: " << record;
      known = std::move(facts);
      ++with_http;
    }
    for (const auto& [ends, frames] : expected) {
      if (got.count(ends) == 0) continue;  // weir rejects the frames: other tests hold which ones
      EXPECT_EQ(text(got[ends]), text(facts_of(frames)))
          << "port " << ends.begin()->source_port << " to " << ends.begin()->destination_port;
      ++conversations;
    }
    // Its clients send two octets of something else first, and then the request at the same sequence number: tshark
    // takes the first for the stream, weir the one that is HTTP.
    const bool overlaps = entry.path().filename() == "ndpi_heuristic_tcp_ack_payload.pcap";
    for (const auto& [ends, facts] : got) {
      if (overlaps) break;
      EXPECT_TRUE(facts.empty() || expected.count(ends) == 1) << "tshark sees no HTTP in " << text(facts);
    }
    for (const unsigned workers : {2U, 4U}) {
      if (with_http == 0) break;
      std::vector<std::string> one, several;
      for (const Json& record : records) one.push_back(record.dump());
      for (const Json& record : records_of(entry.path(), workers)) several.push_back(record.dump());
      std::sort(one.begin(), one.end());
      std::sort(several.begin(), several.end());
      EXPECT_EQ(one, several) << workers << " workers";
    }
  }
  RecordProperty("conversations", std::to_string(conversations));
  if (std::string(GetParam()) == "basic") {
    EXPECT_GT(conversations, 0U);
  }
}

INSTANTIATE_TEST_SUITE_P(Folders, HttpTruth,
                         testing::Values("basic", "fragments", "ipv6", "linktypes", "malformed", "quic", "tcp",
                                         "tunnels", "vlan"),
                         [](const auto& folder) { return std::string(folder.param); });

}  // namespace
}  // namespace weir::test
