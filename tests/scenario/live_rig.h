// What scenarios with a live probe share: the wire, weir on one end of it, weir-gen on the other, weir-collect after
// it, and the comparison of records with the generator's manifest. Included by one test program each, which knows
// WEIR_BIN.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/process.h"
#include "tests/support/truth.h"

namespace weir::test {

using nlohmann::json;
using std::chrono::milliseconds;
using std::chrono::seconds;
using Clock = std::chrono::steady_clock;
using Arguments = std::vector<std::string>;

inline const std::string kBin = WEIR_BIN;
inline constexpr unsigned kForcedEnd = 4;  // RFC 5102 flowEndReason

/// Asks `condition` every 20 ms until it holds; false when that takes longer than `limit`.
template <typename Condition>
bool eventually(Condition condition, seconds limit = seconds(20)) {
  const auto deadline = Clock::now() + limit;
  while (!condition()) {
    if (Clock::now() >= deadline) return false;
    std::this_thread::sleep_for(milliseconds(20));
  }
  return true;
}

inline Arguments operator+(Arguments a, const Arguments& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

/// JSON lines. A last line that is cut off, or any that is no JSON, is a failure of the test.
inline std::vector<json> json_lines(const std::string& file) {
  const std::string text = contents(file);
  EXPECT_TRUE(text.empty() || text.back() == '\n') << file << " ends within a line";
  std::vector<json> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) {
    lines.push_back(json::parse(line, nullptr, false));
    EXPECT_FALSE(lines.back().is_discarded()) << file << " line " << lines.size() << ": " << line;
  }
  return lines;
}

inline Tuple tuple_of_record(const json& record) {
  return tuple_of(record.at("src_addr"), record.at("dst_addr"), record.at("src_port"), record.at("dst_port"),
                  record.at("proto"));
}

inline std::uint64_t packets_of(const json& count) {
  return count.at("packets");
}
inline std::uint64_t octets_of(const json& count) {
  return count.at("octets");
}

/// The UDP port of loopback that weir-collect chose.
inline std::string port_in(const std::string& text) {
  const std::string mark = "127.0.0.1:";
  const std::size_t at = text.find(mark);
  if (at == std::string::npos) return {};
  const std::size_t from = at + mark.size();
  return text.substr(from, text.find_first_not_of("0123456789", from) - from);
}

/// Where weir and weir-gen meet.
struct Wire {
  std::string weir_port;
  std::string gen_port;
  Arguments weir_prefix;  ///< of the command: the namespace it runs in
  Arguments gen_prefix;
};

/// A memif on an abstract socket of its own. Queue counts are the programs' options.
inline Wire memif() {
  static std::atomic<unsigned> number{0};
  const std::string name = "weir-test-" + std::to_string(getpid()) + "-" + std::to_string(number++);
  const std::string socket = ",socket=" + name + ",socket-abstract=yes,rsize=11";
  return {"net_memif0,role=server" + socket, "net_memif0,role=client" + socket, {}, {}};
}

/// weir-collect on a port of its own.
class Collect {
 public:
  explicit Collect(const std::string& summary, const Arguments& prefix = {})
      : summary_(summary),
        process_(prefix + Arguments{kBin + "/weir-collect", "--listen", "netflow9://127.0.0.1:0", "--quiet",
                                    "--summary", summary}) {
    EXPECT_TRUE(process_.wait_for_error_text("listening on")) << process_.error_text();
    port_ = port_in(process_.error_text());
  }
  [[nodiscard]] std::string uri(const std::string& options = {}) const {
    return "netflow9://127.0.0.1:" + port_ + "?rate=50000" + options;
  }
  [[nodiscard]] const std::string& port() const { return port_; }
  json finish() {
    process_.signal(SIGTERM);
    const Finished ended = process_.wait(seconds(20));
    EXPECT_EQ(ended.exit_code, 0) << ended.err;
    return json::parse(contents(summary_));
  }

 private:
  std::string summary_;
  Process process_;
  std::string port_;
};

/// `weir run`, ready.
class Probe {
 public:
  Probe(const TemporaryFolder& folder, const Wire& wire, const Arguments& options)
      : socket_(folder.path("weir.sock")),
        ledger_file_(folder.path("ledger.json")),
        process_(wire.weir_prefix +
                 Arguments{kBin + "/weir", "run", "--port", wire.weir_port, "--socket", socket_, "--ledger",
                           ledger_file_, "--max-flows", "200000"} +
                 options) {
    EXPECT_TRUE(process_.wait_for_error_text("control socket", seconds(40))) << process_.error_text();
  }

  Finished ask(const Arguments& what) {
    return run(Arguments{kBin + "/weirctl", "--socket", socket_} + what, seconds(15));
  }
  json ask_json(const std::string& what) {
    const Finished answer = ask({"-o", "json", what});
    EXPECT_EQ(answer.exit_code, 0) << answer.err << answer.out;
    return json::parse(answer.out, nullptr, false);
  }
  std::uint64_t received() {
    const json ledger = ask_json("ledger");
    return ledger.is_discarded() ? 0 : packets_of(ledger.at("received"));
  }
  void signal(int number) { process_.signal(number); }
  [[nodiscard]] int pid() const { return process_.pid(); }
  bool wait_for_error_text(const std::string& text, seconds limit) { return process_.wait_for_error_text(text, limit); }
  /// Its end; the ledger that it wrote, which must balance.
  Finished wait() {
    Finished ended = process_.wait(seconds(60));
    EXPECT_FALSE(ended.timed_out) << ended.err;
    ledger_ = json::parse(contents(ledger_file_), nullptr, false);
    EXPECT_FALSE(ledger_.is_discarded()) << ended.err;
    if (!ledger_.is_discarded()) {
      EXPECT_EQ(ledger_.at("balanced"), true) << ledger_.at("violations");
      EXPECT_EQ(packets_of(ledger_.at("in_table")), 0U);
      EXPECT_EQ(packets_of(ledger_.at("in_rings")), 0U);
    }
    return ended;
  }
  void stop(int number = SIGINT) {
    signal(number);
    const Finished ended = wait();
    EXPECT_EQ(ended.exit_code, 0) << ended.err;
  }
  [[nodiscard]] const json& ledger() const { return ledger_; }
  [[nodiscard]] const std::string& socket() const { return socket_; }

 private:
  std::string socket_;
  std::string ledger_file_;
  Process process_;
  json ledger_;
};

inline Arguments generator(const Wire& wire, const Arguments& options) {
  return wire.gen_prefix + Arguments{kBin + "/weir-gen", "--port", wire.gen_port, "--json"} + options;
}

inline void expect_no_loss(const json& lost) {
  for (const auto& [name, count] : lost.items()) EXPECT_EQ(packets_of(count), 0U) << "lost: " << name;
}

/// The records of `file` are those of the manifest: one a biflow, the same counts in the same direction.
inline void expect_manifest(const std::string& manifest, const std::string& file) {
  using Counts = std::array<std::uint64_t, 4>;
  const auto counts = [](const json& one) {
    return Counts{one.at("packets"), one.at("bytes"), one.at("rev_packets"), one.at("rev_bytes")};
  };
  std::map<Tuple, Counts> expected;
  for (const json& biflow : json_lines(manifest)) expected[tuple_of_record(biflow)] = counts(biflow);
  ASSERT_FALSE(expected.empty());
  const std::vector<json> records = json_lines(file);
  EXPECT_EQ(records.size(), expected.size()) << "a conversation was split, or is missing";
  unsigned wrong = 0;
  for (const json& record : records) {
    const auto found = expected.find(tuple_of_record(record));
    if (found != expected.end() && found->second == counts(record)) {
      expected.erase(found);
    } else if (++wrong <= 5) {
      ADD_FAILURE() << "not as in the manifest: " << record;
    }
  }
  EXPECT_EQ(wrong, 0U);
  EXPECT_TRUE(expected.empty()) << expected.size() << " biflows of the manifest have no record";
}

}  // namespace weir::test
