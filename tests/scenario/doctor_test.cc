// `weir doctor` as a user runs it: what stands in the way, how it is mended, and that nothing was changed.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "tests/support/process.h"

namespace weir::test {
namespace {

namespace fs = std::filesystem;

const std::string kWeir = std::string(WEIR_BIN) + "/weir";

/// The findings of `weir doctor --json` with these options.
class Doctor {
 public:
  explicit Doctor(std::vector<std::string> options) {
    std::vector<std::string> words{kWeir, "doctor", "--json", "--socket", folder_.folder().string() + "/weir.sock"};
    words.insert(words.end(), options.begin(), options.end());
    done_ = run(words);
    std::istringstream lines(done_.out);
    for (std::string line; std::getline(lines, line);) findings_.push_back(nlohmann::json::parse(line));
  }
  [[nodiscard]] int exit_code() const { return done_.exit_code; }
  [[nodiscard]] std::string said() const { return done_.out + done_.err; }
  /// The first of this check that has `words` in its text; null: there is none.
  [[nodiscard]] nlohmann::json finding(const std::string& check, const std::string& words) const {
    for (const nlohmann::json& one : findings_) {
      if (one["check"] == check && one["text"].get<std::string>().find(words) != std::string::npos) return one;
    }
    return {};
  }
  [[nodiscard]] bool any_problem() const {
    return std::any_of(findings_.begin(), findings_.end(), [](const auto& one) { return one["health"] == "problem"; });
  }

 private:
  TemporaryFolder folder_;
  Finished done_;
  std::vector<nlohmann::json> findings_;
};

TEST(Doctor, AsksADeviceAndFindsNothingInTheWay) {
  const TemporaryFolder folder;
  const std::string file = folder.folder().string() + "/flows.json";
  const Doctor doctor({"--port", "net_null0", "--workers", "2", "--export", "json:" + file});
  EXPECT_EQ(doctor.exit_code(), 0) << doctor.said();
  EXPECT_FALSE(doctor.any_problem()) << doctor.said();
  EXPECT_EQ(doctor.finding("queues", "net_null0 (net_null): up to 1024 receive queues")["health"], "ok");
  EXPECT_EQ(doctor.finding("rss", "does not hash addresses")["health"], "advice");
  EXPECT_EQ(doctor.finding("file", file)["health"], "ok");
  EXPECT_FALSE(fs::exists(file));
}

TEST(Doctor, NamesWhatStandsInTheWayWithWhatMendsItAndExitsWithOne) {
  const Doctor doctor({"--port", "ffff:1f:1f.7", "--export", "protobuf+tcp://127.0.0.1:1", "--export",
                       "json:/no/such/folder/flows.json"});
  EXPECT_EQ(doctor.exit_code(), 1) << doctor.said();
  EXPECT_EQ(doctor.finding("port", "ffff:1f:1f.7: this machine has no such PCI device")["health"], "problem");
  EXPECT_EQ(doctor.finding("exporter", "127.0.0.1:1: Connection refused")["health"], "problem");
  EXPECT_EQ(doctor.finding("file", "/no/such/folder")["commands"][0], "mkdir -p /no/such/folder");
}

TEST(Doctor, LeavesTheSocketOfAMemifPortAlone) {
  const TemporaryFolder folder;
  const std::string wire = folder.folder().string() + "/wire";
  const Doctor doctor({"--port", "net_memif0,role=server,socket=" + wire + ",socket-abstract=no"});
  EXPECT_EQ(doctor.exit_code(), 0) << doctor.said();
  EXPECT_FALSE(fs::exists(wire));
}

TEST(Doctor, RefusesAnOptionThatRunDoesNotHave) {
  const Finished done = run({kWeir, "doctor", "--in-if", "3"});
  EXPECT_EQ(done.exit_code, 2);
  EXPECT_NE(done.err.find("see `weir doctor --help`"), std::string::npos) << done.err;
  EXPECT_EQ(done.out, "");
}

}  // namespace
}  // namespace weir::test
