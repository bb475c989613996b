// `weir doctor` as a user runs it: what stands in the way, how it is mended, and that nothing was changed.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "tests/support/process.h"
#include "tests/support/udp.h"

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
                       "json:/no/such/folder/flows.json", "--export",
                       "kafka+tls://127.0.0.1:1/flows?ca=/no/such/ca.pem"});
  EXPECT_EQ(doctor.exit_code(), 1) << doctor.said();
  EXPECT_EQ(doctor.finding("port", "ffff:1f:1f.7: this machine has no such PCI device")["health"], "problem");
  EXPECT_EQ(doctor.finding("exporter", "127.0.0.1:1: Connection refused")["health"], "problem");
  EXPECT_EQ(doctor.finding("exporter", "ca=/no/such/ca.pem: No such file or directory")["health"], "problem");
  EXPECT_EQ(doctor.finding("file", "/no/such/folder")["commands"][0], "mkdir -p /no/such/folder");
}

TEST(Doctor, LeavesTheSocketOfAMemifPortAlone) {
  const TemporaryFolder folder;
  const std::string wire = folder.folder().string() + "/wire";
  const Doctor doctor({"--port", "net_memif0,role=server,socket=" + wire + ",socket-abstract=no"});
  EXPECT_EQ(doctor.exit_code(), 0) << doctor.said();
  EXPECT_FALSE(fs::exists(wire));
}

TEST(Doctor, LooksAtWhatRunItselfWouldRefuse) {
  if (!installed("openssl")) GTEST_SKIP() << "openssl is not installed";
  const TemporaryFolder folder;
  const std::string place = folder.folder().string();
  for (const char* name : {"probe", "other"}) {
    const Finished made =
        run({"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30",
             "-subj", "/CN=probe", "-keyout", folder.path(name) + ".key", "-out", folder.path(name) + ".pem"});
    ASSERT_EQ(made.exit_code, 0) << made.err;
  }
  const auto control = [&](const std::string& key) {
    return "tls://127.0.0.1:" + std::to_string(free_tcp_port()) + "?cert=" + place + "/probe.pem&key=" + place + "/" +
           key + "&ca=" + place + "/probe.pem";
  };
  const Doctor well({"--port", "net_null0", "--control", control("probe.key"), "--state", place + "/state",
                     "--socket-group", "0", "--interfaces", place + "/probe.pem"});
  EXPECT_EQ(well.exit_code(), 0) << well.said();
  EXPECT_EQ(well.finding("control", "certificate and key belong together")["health"], "ok");
  EXPECT_EQ(well.finding("state", "can be written")["health"], "ok");
  EXPECT_EQ(well.finding("listen", "--socket-group 0")["health"], "ok");
  EXPECT_EQ(well.finding("table", "1048576 flows need")["health"], "ok");
  EXPECT_FALSE(fs::exists(place + "/state")) << "the doctor makes nothing";

  const Doctor ill({"--port", "net_null0", "--control", control("other.key"), "--state", place + "/no/state",
                    "--socket-group", "no-such-group", "--interfaces", place + "/none"});
  EXPECT_EQ(ill.exit_code(), 1) << ill.said();
  EXPECT_EQ(ill.finding("control", "other.key is not the key of")["health"], "problem");
  EXPECT_EQ(ill.finding("state", "/no: No such file")["commands"][0], "mkdir -p " + place + "/no/state");
  EXPECT_EQ(ill.finding("listen", "there is no such group")["commands"][0], "groupadd --system no-such-group");
  EXPECT_EQ(ill.finding("file", place + "/none")["health"], "problem");
}

TEST(Doctor, LooksAtFilesWithTheRightsOfTheUserWhoWillOpenThem) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can become another user";
  const TemporaryFolder folder;  // root's
  ASSERT_EQ(chmod(folder.folder().c_str(), 0755), 0);
  const Doctor doctor({"--port", "net_null0", "--user", "nobody", "--export", "json:" + folder.path("flows.json"),
                       "--state", folder.path("state")});
  EXPECT_EQ(doctor.exit_code(), 1) << doctor.said();
  EXPECT_EQ(doctor.finding("user", "--user nobody")["health"], "ok");
  EXPECT_EQ(doctor.finding("file", "json:" + folder.path("flows.json"))["health"], "problem");
  EXPECT_EQ(doctor.finding("state", "can be written")["health"], "ok") << "root makes it for the user";
  const Doctor unknown({"--port", "net_null0", "--user", "no-such-user"});
  EXPECT_EQ(unknown.finding("user", "there is no such user")["commands"][0], "useradd --system no-such-user");
}

TEST(Doctor, InANamespaceWithBrokenInterfacesNamesEachWithItsCommand) {
  if (geteuid() != 0) GTEST_SKIP() << "a network namespace needs root";
  // /sys shows the interfaces of the namespace that it was mounted in.
  const auto look = [](const std::string& port) {
    const TemporaryFolder folder;
    return run({"unshare", "--net", "--mount", "sh", "-c",
                "mount -t sysfs none /sys && ip link add front type veth peer name back && ip link set front up && "
                "exec \"$0\" doctor --socket " +
                    folder.path("weir.sock") + " --port \"$1\"",
                kWeir, port});
  };
  const Finished down = look("af_packet:lo");
  if (down.err.find("not permitted") != std::string::npos) GTEST_SKIP() << down.err;
  EXPECT_EQ(down.exit_code, 1);
  EXPECT_NE(down.out.find("problem  port      lo: the interface is down\n"), std::string::npos) << down.out << down.err;
  EXPECT_NE(down.out.find("ip link set lo up\n"), std::string::npos) << down.out;
  const Finished no_link = look("af_packet:front");
  EXPECT_NE(no_link.out.find("front: the interface has no link\n"), std::string::npos) << no_link.out << no_link.err;
  EXPECT_NE(no_link.out.find("ethtool front\n"), std::string::npos) << no_link.out;
  const Finished none = look("af_packet:eth9");
  EXPECT_NE(none.out.find("there is no interface eth9\n"), std::string::npos) << none.out << none.err;
  EXPECT_EQ(none.exit_code, 1);
}

TEST(Doctor, RefusesAnOptionThatRunDoesNotHave) {
  const Finished done = run({kWeir, "doctor", "--in-if", "3"});
  EXPECT_EQ(done.exit_code, 2);
  EXPECT_NE(done.err.find("see `weir doctor --help`"), std::string::npos) << done.err;
  EXPECT_EQ(done.out, "");
}

}  // namespace
}  // namespace weir::test
