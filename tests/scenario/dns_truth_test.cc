// `weir read --metrics dns` against tshark, on every capture of the collection that holds DNS: per conversation the
// first query and its response, and how many messages there were; and the same records at any number of workers.
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

Ends ends_of(const std::string& source, const std::string& destination, unsigned source_port, unsigned destination_port,
             unsigned protocol) {
  return {tuple_of(source, destination, source_port, destination_port, protocol),
          tuple_of(destination, source, destination_port, source_port, protocol)};
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

/// A message as tshark dissects it.
struct Message {
  std::uint64_t time_ns = 0;
  unsigned id = 0;
  bool response = false;
  unsigned rcode = 0, answers = 0;
  std::string name, type, klass;  ///< of the first question; empty: there is none
  bool malformed = false;         ///< tshark says so: octets on port 53 that may be no DNS at all
};

/// A name as tshark writes it ("\\004" in octal, "\\n") as JSON has it: an octet that is no UTF-8 is its code point.
std::string unescaped(const std::string& name) {
  static const std::map<char, unsigned> kLetters = {{'a', 7},  {'b', 8},  {'t', 9}, {'n', 10},
                                                    {'v', 11}, {'f', 12}, {'r', 13}};
  if (name == "<Root>") return "";
  std::string text;
  for (std::size_t i = 0; i < name.size(); ++i) {
    if (name[i] != '\\' || i + 1 == name.size()) {
      text += name[i];
      continue;
    }
    unsigned octet = static_cast<unsigned char>(name[++i]);
    if (octet >= '0' && octet <= '3' && i + 2 < name.size()) {
      octet = static_cast<unsigned>(std::stoul(name.substr(i, 3), nullptr, 8));
      i += 2;
    } else if (const auto letter = kLetters.find(name[i]); letter != kLetters.end()) {
      octet = letter->second;
    }
    if (octet >= 0x80) text += static_cast<char>(0xc0 | octet >> 6);
    text += static_cast<char>(octet >= 0x80 ? 0x80 | (octet & 0x3f) : octet);
  }
  return text;
}

/// "1700000000.123456789", with nine decimals.
std::uint64_t nanoseconds(const std::string& seconds) {
  const std::size_t point = seconds.find('.');
  return std::stoull(seconds.substr(0, point)) * 1'000'000'000 + std::stoull(seconds.substr(point + 1, 9));
}

/// Messages of each conversation in the order of the capture.
std::map<Ends, std::vector<Message>> messages_by_tshark(const fs::path& capture) {
  const Finished tshark = run({"tshark", "-n",
                               "-r",     capture.string(),
                               "-o",     "ip.defragment:FALSE",
                               "-o",     "ipv6.defragment:FALSE",
                               "-Y",     "(dns || mdns || llmnr) && !icmp && !icmpv6 && !tcp.analysis.retransmission",
                               "-T",     "fields",
                               "-E",     "separator=;",
                               "-E",     "aggregator=|",
                               "-e",     "frame.protocols",
                               "-e",     "ip.src",
                               "-e",     "ip.dst",
                               "-e",     "ipv6.src",
                               "-e",     "ipv6.dst",
                               "-e",     "udp.srcport",
                               "-e",     "udp.dstport",
                               "-e",     "tcp.srcport",
                               "-e",     "tcp.dstport",
                               "-e",     "dns.id",
                               "-e",     "dns.flags.response",
                               "-e",     "dns.flags.rcode",
                               "-e",     "dns.count.answers",
                               "-e",     "dns.count.queries",
                               "-e",     "dns.qry.name",
                               "-e",     "dns.qry.type",
                               "-e",     "dns.qry.class",
                               "-e",     "_ws.malformed",
                               "-e",     "frame.time_epoch"},
                              std::chrono::seconds(120));
  std::map<Ends, std::vector<Message>> all;
  std::istringstream lines(tshark.out);
  for (std::string line; std::getline(lines, line);) {
    const std::vector<std::string> values = split(line, ';');
    if (values.size() != 19 || values[9].empty()) continue;
    const auto last = [&](std::size_t at) { return split(values[at], '|').back(); };
    const auto number = [](const std::string& text) {
      return text.empty() ? 0U : static_cast<unsigned>(std::stoul(text, nullptr, 0));
    };
    // The innermost IP header, and what it carries.
    const std::size_t ip = values[0].rfind(":ip:"), ipv6 = values[0].rfind(":ipv6:");
    const bool is_ipv6 = ipv6 != std::string::npos && (ip == std::string::npos || ipv6 > ip);
    const bool tcp = values[0].rfind(":tcp:") != std::string::npos;
    const Ends ends = ends_of(last(is_ipv6 ? 3 : 1), last(is_ipv6 ? 4 : 2), number(last(tcp ? 7 : 5)),
                              number(last(tcp ? 8 : 6)), tcp ? 6 : 17);
    const std::vector<std::string> ids = split(values[9], '|'), responses = split(values[10], '|'),
                                   rcodes = split(values[11], '|'), answers = split(values[12], '|'),
                                   questions = split(values[13], '|'), names = split(values[14], '|'),
                                   types = split(values[15], '|'), classes = split(values[16], '|');
    std::size_t question = 0, response = 0;
    for (std::size_t i = 0; i < ids.size() && i < responses.size(); ++i) {
      Message message;
      message.malformed = !values[17].empty();
      message.time_ns = nanoseconds(values[18]);
      message.id = number(ids[i]);
      message.response = responses[i] == "1" || responses[i] == "True";
      if (message.response && response < rcodes.size()) message.rcode = number(rcodes[response++]);
      if (i < answers.size()) message.answers = number(answers[i]);
      const unsigned count = i < questions.size() ? number(questions[i]) : 0;
      if (count != 0 && question < names.size() && question < types.size() && question < classes.size()) {
        message.name = unescaped(names[question]);
        message.type = std::to_string(number(types[question]));
        message.klass = std::to_string(number(classes[question]));
      }
      question += count;
      all[ends].push_back(message);
    }
  }
  return all;
}

/// What the metric has to say of these.
Facts facts_of(const std::vector<Message>& messages) {
  Facts facts;
  unsigned queries = 0, responses = 0, errors = 0;
  const Message* first = nullptr;
  for (const Message& message : messages) {
    ++(message.response ? responses : queries);
    errors += message.response && message.rcode != 0;
    if (first == nullptr || (first->response && !message.response)) first = &message;
  }
  facts["dns_queries"] = std::to_string(queries);
  facts["dns_responses"] = std::to_string(responses);
  facts["dns_errors"] = std::to_string(errors);
  facts["dns_id"] = std::to_string(first->id);
  if (!first->type.empty()) {
    facts["dns_query_name"] = first->name;
    facts["dns_query_type"] = first->type;
    facts["dns_query_class"] = first->klass;
  }
  const auto from = messages.begin() + (first - messages.data());
  const auto response = std::find_if(
      from, messages.end(), [&](const Message& message) { return message.response && message.id == first->id; });
  if (response != messages.end()) {
    facts["dns_rcode"] = std::to_string(response->rcode);
    facts["dns_answers"] = std::to_string(response->answers);
    if (!first->response && response->time_ns >= first->time_ns) {
      facts["dns_response_time_ns"] = std::to_string(response->time_ns - first->time_ns);
    }
  }
  return facts;
}

const std::vector<std::string> kNames = {"dns_queries",    "dns_responses",       "dns_errors",      "dns_id",
                                         "dns_query_name", "dns_query_type",      "dns_query_class", "dns_rcode",
                                         "dns_answers",    "dns_response_time_ns"};

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
      run({kWeir, "read", "--metrics", "dns:mdns,dns:llmnr", "--idle-timeout", "72h", "--active-timeout", "72h",
           "--tcp-close", "off", "--workers", std::to_string(workers), "--export", "json:-", capture.string()});
  if (read.exit_code == 0) expect_balanced(read);
  return json_lines(read.out);
}

/// A folder of the collection.
class DnsTruth : public testing::TestWithParam<const char*> {};

TEST_P(DnsTruth, IsWhatTsharkSaysOfEachConversation) {
  if (!installed("tshark")) GTEST_SKIP() << "tshark is not installed";
  const fs::path folder = kCaptures / GetParam();
  if (!fs::exists(folder)) GTEST_SKIP() << "no captures";
  unsigned conversations = 0;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (!entry.is_regular_file() || entry.path().extension() == ".jsonl") continue;
    const std::string name = entry.path().filename().string();
    if (name.rfind("synthetic_", 0) == 0) continue;  // random octets on random ports, which tshark calls DNS on port 53
    SCOPED_TRACE(name);
    const std::map<Ends, std::vector<Message>> expected = messages_by_tshark(entry.path());
    const std::vector<Json> records = records_of(entry.path(), 1);
    std::map<Ends, Facts> got;
    unsigned with_dns = 0;
    for (const Json& record : records) {
      const Ends ends = ends_of(record.at("src_addr"), record.at("dst_addr"), record.at("src_port"),
                                record.at("dst_port"), record.at("proto"));
      Facts facts = facts_of(record);
      Facts& known = got[ends];
      if (facts.empty()) continue;
      EXPECT_TRUE(known.empty()) << "two records: " << record;
      known = std::move(facts);
      ++with_dns;
    }
    for (const auto& [ends, messages] : expected) {
      if (std::any_of(messages.begin(), messages.end(), [](const Message& one) { return one.malformed; })) continue;
      if (got.count(ends) == 0) continue;  // weir rejects the frames: other tests hold which ones
      const Facts facts = facts_of(messages);
      EXPECT_EQ(text(got[ends]), text(facts))
          << "port " << ends.begin()->source_port << " to " << ends.begin()->destination_port;
      ++conversations;
    }
    for (const auto& [ends, facts] : got) {
      EXPECT_TRUE(facts.empty() || expected.count(ends) == 1) << "tshark sees no DNS in " << text(facts);
    }
    for (const unsigned workers : {2U, 4U}) {
      if (with_dns == 0) break;
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

INSTANTIATE_TEST_SUITE_P(Folders, DnsTruth,
                         testing::Values("basic", "fragments", "ipv6", "linktypes", "malformed", "quic", "tcp",
                                         "tunnels", "vlan"),
                         [](const auto& folder) { return std::string(folder.param); });

}  // namespace
}  // namespace weir::test
