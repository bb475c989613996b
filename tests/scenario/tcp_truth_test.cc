// `weir read --metrics tcp,rtt` against the truth of the capture collection about TCP: NAME.rtt.jsonl beside NAME, one
// line per stream (one incarnation of a 5-tuple). Handshake times are exact to the nanosecond on every stream that is
// not ambiguous, and what the sequence numbers tell is exact on every stream.
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

#include "tests/support/process.h"
#include "tests/support/truth.h"

namespace weir::test {
namespace {

using Json = nlohmann::json;
namespace fs = std::filesystem;

const fs::path kCaptures = WEIR_CAPTURES;
const std::string kWeir = WEIR_BIN "/weir";

std::vector<Json> json_lines(std::istream& in) {
  std::vector<Json> lines;
  for (std::string line; std::getline(in, line);) lines.push_back(Json::parse(line));
  return lines;
}

/// The captures that have a truth about TCP.
std::vector<fs::path> captures() {
  std::vector<fs::path> found;
  if (!fs::exists(kCaptures)) return found;
  for (const auto& entry : fs::recursive_directory_iterator(kCaptures)) {
    const std::string path = entry.path().string();
    if (const std::size_t end = path.rfind(".rtt.jsonl"); end != std::string::npos)
      found.push_back(path.substr(0, end));
  }
  std::sort(found.begin(), found.end());
  return found;
}

std::vector<Json> truth_of(const fs::path& capture) {
  std::ifstream in(capture.string() + ".rtt.jsonl");
  return json_lines(in);
}

std::vector<Json> records_of(const fs::path& capture, const std::vector<std::string>& options) {
  std::vector<std::string> arguments = {kWeir, "read", "--metrics", "tcp,rtt", "--layer", "outer"};
  arguments.insert(arguments.end(), options.begin(), options.end());
  arguments.insert(arguments.end(), {"--export", "json:-", capture.string()});
  const Finished read = run(arguments);
  EXPECT_EQ(read.exit_code, 0) << read.err;
  std::istringstream in(read.out);
  std::vector<Json> records = json_lines(in);
  std::erase_if(records, [](const Json& record) { return record.at("proto") != 6; });
  std::stable_sort(records.begin(), records.end(), [](const Json& a, const Json& b) {
    return a.at("time_flow_start_ns").get<std::uint64_t>() < b.at("time_flow_start_ns").get<std::uint64_t>();
  });
  return records;
}

/// Who talked, whoever began.
using Ends = std::set<Tuple>;

Ends ends_of(const Json& stream) {
  Tuple one = tuple_of(stream.at("client_addr"), stream.at("server_addr"), stream.at("client_port"),
                       stream.at("server_port"), 6);
  Tuple other = tuple_of(stream.at("server_addr"), stream.at("client_addr"), stream.at("server_port"),
                         stream.at("client_port"), 6);
  return {one, other};
}
Ends ends_of_record(const Json& record) {
  return {tuple_of(record.at("src_addr"), record.at("dst_addr"), record.at("src_port"), record.at("dst_port"), 6),
          tuple_of(record.at("dst_addr"), record.at("src_addr"), record.at("dst_port"), record.at("src_port"), 6)};
}
bool client_is_source(const Json& stream, const Json& record) {
  return stream.at("client_addr") == record.at("src_addr") && stream.at("client_port") == record.at("src_port");
}

/// The record's value of a direction of the stream.
std::uint64_t value_of(const Json& record, bool forward, const std::string& name) {
  return record.at(forward ? name : "rev_" + name);
}

/// "" if the record says what the truth says of the handshake.
std::string handshake_difference(const Json& stream, const Json& record) {
  std::string text;
  const std::pair<const char*, const char*> names[] = {{"rtt_handshake_server_ns", "server_rtt_ns"},
                                                       {"rtt_handshake_client_ns", "client_rtt_ns"},
                                                       {"rtt_handshake_ns", "handshake_rtt_ns"}};
  for (const auto& [field, fact] : names) {
    const Json expected = stream.at("ambiguous") ? Json() : stream.at(fact);
    const Json got = record.contains(field) ? record.at(field) : Json();
    if (got != expected) text += std::string(field) + " " + got.dump() + ", truth " + expected.dump() + "; ";
  }
  return text;
}

std::string sequence_difference(const Json& stream, const Json& record) {
  std::string text;
  for (const bool client : {true, false}) {
    const std::string way = client ? "_fwd" : "_rev";
    const auto fact = [&](const std::string& name) { return stream.at(name + way).get<std::uint64_t>(); };
    const bool forward = client == client_is_source(stream, record);
    const std::pair<const char*, std::uint64_t> expected[] = {
        {"packets", fact("packets")},
        {"tcp_retransmitted_packets", fact("again") + fact("partial")},
        {"tcp_out_of_order", fact("late") + fact("partial")},
        {"tcp_keep_alives", fact("keep_alive")},
        {"tcp_zero_window", fact("zero_window")},
        {"tcp_rst_count", fact("rst")},
        {"tcp_fin_count", fact("fin")},
        {"tcp_sequence_cut", 0},
    };
    for (const auto& [name, wanted] : expected) {
      const std::uint64_t got = value_of(record, forward, name);
      if (got != wanted) text += name + way + " " + std::to_string(got) + ", truth " + std::to_string(wanted) + "; ";
    }
    // Each octet of the payload is either new, or sent again, or one of a keep-alive, or of an RST.
    const std::uint64_t accounted =
        value_of(record, forward, "tcp_stream_bytes") + value_of(record, forward, "tcp_retransmitted_bytes");
    const std::uint64_t payload = value_of(record, forward, "payload_bytes");
    if (accounted > payload) text += "more stream than payload; ";
    if (fact("rst") == 0 && payload - accounted > fact("keep_alive")) text += "payload that is nowhere; ";
  }
  return text;
}

TEST(TcpTruth, HandshakesAndSequenceFactsAreThoseOfEveryStream) {
  const std::vector<fs::path> all = captures();
  if (all.empty()) GTEST_SKIP() << "no captures";
  unsigned streams = 0, handshakes = 0, absent = 0, facts = 0;
  for (const fs::path& capture : all) {
    SCOPED_TRACE(capture.filename().string());
    // A stream is one record however long it is silent, and the next SYN after its end opens another.
    const std::vector<Json> records = records_of(capture, {"--idle-timeout", "72h", "--active-timeout", "72h",
                                                           "--tcp-linger", "72h", "--max-reordering", "72h"});
    std::map<Ends, std::vector<Json>> by_ends;
    for (const Json& record : records) by_ends[ends_of_record(record)].push_back(record);
    std::map<Ends, std::size_t> next;
    for (const Json& stream : truth_of(capture)) {
      SCOPED_TRACE("stream " + stream.at("stream").dump());
      const std::vector<Json>& of_stream = by_ends[ends_of(stream)];
      const std::size_t at = next[ends_of(stream)]++;
      ASSERT_LT(at, of_stream.size()) << "no record of the stream";
      EXPECT_EQ(handshake_difference(stream, of_stream[at]), "");
      EXPECT_EQ(sequence_difference(stream, of_stream[at]), "");
      ++streams;
      if (!stream.at("ambiguous")) ++(stream.at("handshake_rtt_ns").is_null() ? absent : handshakes);
      for (const char* name : {"again_fwd", "late_fwd", "partial_fwd", "again_rev", "late_rev", "partial_rev"}) {
        facts += stream.at(name) != 0;
      }
    }
    for (const auto& [ends, of_stream] : by_ends) {
      if (next.count(ends) == 0) continue;
      EXPECT_EQ(next[ends], of_stream.size()) << "records that are no stream";
    }
  }
  EXPECT_GT(streams, 100U);
  EXPECT_GT(handshakes, 70U);
  EXPECT_GT(absent, 10U);
  EXPECT_GT(facts, 40U);
}

TEST(TcpTruth, WithTheTimeoutsAsTheyAreEachHandshakeIsInOneRecord) {
  const std::vector<fs::path> all = captures();
  if (all.empty()) GTEST_SKIP() << "no captures";
  unsigned compared = 0;
  for (const fs::path& capture : all) {
    SCOPED_TRACE(capture.filename().string());
    const std::vector<Json> records = records_of(capture, {});
    std::map<Ends, std::multiset<std::uint64_t>> expected, got;
    for (const Json& stream : truth_of(capture)) {
      if (stream.at("ambiguous") || stream.at("handshake_rtt_ns").is_null()) continue;
      expected[ends_of(stream)].insert(stream.at("handshake_rtt_ns").get<std::uint64_t>());
      ++compared;
    }
    for (const Json& record : records) {
      if (record.contains("rtt_handshake_ns")) {
        got[ends_of_record(record)].insert(record.at("rtt_handshake_ns").get<std::uint64_t>());
      }
    }
    EXPECT_EQ(got, expected);
  }
  EXPECT_GT(compared, 70U);
}

TEST(TcpTruth, TheHandshakeOfMokumokurensCaptureIsWhatItsProjectSays) {
  const fs::path capture = kCaptures / "tcp" / "mokumokuren_github.pcap";
  if (!fs::exists(capture)) GTEST_SKIP() << "no captures";
  unsigned found = 0;
  for (const Json& record : records_of(capture, {})) {
    if (record.at("src_port") != 56248) continue;
    EXPECT_EQ(record.at("rtt_handshake_ns"), 207'915'000);
    ++found;
  }
  EXPECT_EQ(found, 1U);
}

}  // namespace
}  // namespace weir::test
