// `weir run --user`: root starts it, and from then on no thread has a right of root's, while packets, collectors,
// files, changes and signals go on as ever.
#include <gtest/gtest.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "tests/scenario/live_rig.h"
#include "tests/support/stream_collector.h"

namespace weir::test {
namespace {

namespace fs = std::filesystem;

class RunUserTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "only root can become another user";
    nobody_ = getpwnam("nobody");
    ASSERT_NE(nobody_, nullptr);
    ASSERT_EQ(chown(folder_.folder().c_str(), nobody_->pw_uid, nobody_->pw_gid), 0);
  }
  std::string path(const std::string& name) const { return folder_.path(name); }

  /// What /proc says of each thread of a process.
  static std::vector<std::map<std::string, std::string>> threads_of(int pid) {
    std::vector<std::map<std::string, std::string>> threads;
    for (const auto& thread : fs::directory_iterator("/proc/" + std::to_string(pid) + "/task")) {
      std::ifstream status(thread.path() / "status");
      auto& lines = threads.emplace_back();
      for (std::string line; std::getline(status, line);) {
        const std::size_t colon = line.find(":\t");
        if (colon != std::string::npos) lines[line.substr(0, colon)] = line.substr(colon + 2);
      }
    }
    return threads;
  }
  /// Packets of both directions in the records of all files whose names begin so.
  std::uint64_t packets_in(const std::string& begin) const {
    std::uint64_t packets = 0;
    for (const auto& file : fs::directory_iterator(folder_.folder())) {
      if (!file.path().filename().string().starts_with(begin)) continue;
      for (const json& record : json_lines(file.path().string())) {
        packets += record.at("packets").get<std::uint64_t>() + record.at("rev_packets").get<std::uint64_t>();
      }
    }
    return packets;
  }

  TemporaryFolder folder_;
  const passwd* nobody_ = nullptr;
};

TEST_F(RunUserTest, NoThreadKeepsARightOfRootsAndEverythingGoesOn) {
  const Wire wire = memif();
  StreamCollector collector;
  const std::string core = "protobuf+tcp://127.0.0.1:" + std::to_string(collector.port()) + "?name=core";
  std::ofstream(path("weir.conf")) << "export: \"json:" << path("flows.json") << "\"\nexport: \"" << core
                                   << "\"\nexport: \"json:" << path("turn-%s.json")
                                   << "?rotate=1s\"\nidle_timeout: \"100ms\"\n";
  Probe probe(folder_, wire,
              {"--user", "nobody", "--config", path("weir.conf"), "--workers", "2", "--rss", "ports", "--state",
               path("state"), "--save-rejects", path("rejects.pcapng")});
  ASSERT_TRUE(probe.wait_for_error_text("runs as user nobody from now on", seconds(10)));
  const std::string id = std::to_string(nobody_->pw_uid);
  const std::string group = std::to_string(nobody_->pw_gid);
  const auto threads = threads_of(probe.pid());
  EXPECT_GT(threads.size(), 5U) << "control, two workers, exporters, gRPC";
  for (auto thread : threads) {
    const std::string name = thread["Name"];
    EXPECT_EQ(thread["Uid"], id + "\t" + id + "\t" + id + "\t" + id) << name;
    EXPECT_EQ(thread["Gid"], group + "\t" + group + "\t" + group + "\t" + group) << name;
    for (const char* set : {"CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"}) {
      EXPECT_EQ(thread[set], "0000000000000000") << name << ' ' << set;
    }
    EXPECT_EQ(thread["NoNewPrivs"], "1") << name;
    EXPECT_EQ(thread["Seccomp"], "2") << name;
  }

  std::uint64_t sent_packets = 0;
  const auto send = [&] {  // a generator of its own each time: memif's peer comes back, too
    const Finished sent =
        run(generator(wire, {"--flows", "100", "--rate", "20000", "--packets", "2000", "--queues", "2"}), seconds(20));
    EXPECT_EQ(sent.exit_code, 0) << sent.err;
    sent_packets += 2000;
    EXPECT_TRUE(eventually([&] { return probe.received() == sent_packets; })) << sent_packets;
  };
  ASSERT_TRUE(collector.accept());
  send();
  EXPECT_TRUE(collector.read(1));
  // The collector goes and comes back, and a log rotation takes a file away.
  collector.close();
  fs::rename(path("flows.json"), path("flows.json.1"));
  probe.signal(SIGHUP);
  EXPECT_TRUE(probe.wait_for_error_text("the files of --export are opened again", seconds(10)));
  EXPECT_TRUE(eventually([&] { return fs::exists(path("flows.json")); }));
  EXPECT_EQ(probe.ask({"exporters", "add", "json:" + path("late.json") + "?name=late"}).exit_code, 0);
  EXPECT_EQ(probe.ask({"exporters", "add", "json:/weir-of-nobody.json"}).exit_code, 1) << "not its folder";
  EXPECT_EQ(probe.ask({"top", "--by", "src_addr"}).exit_code, 0);
  std::thread later([&] { EXPECT_TRUE(collector.accept()); });
  send();
  later.join();
  EXPECT_EQ(probe.ask({"tail"}).exit_code, 0);
  EXPECT_TRUE(eventually([&] { return probe.ask_json("ledger").at("drained").at("packets") == sent_packets; }));
  std::thread rest([&] { collector.read_rest(); });
  EXPECT_EQ(probe.ask({"stop"}).exit_code, 0);
  const Finished ended = probe.wait();
  rest.join();
  EXPECT_EQ(ended.exit_code, 0) << ended.err;

  EXPECT_EQ(packets_of(probe.ledger().at("counted")), sent_packets);
  expect_no_loss(probe.ledger().at("lost"));
  EXPECT_EQ(packets_in("flows.json"), sent_packets) << "both files: every packet is in a record";
  EXPECT_EQ(packets_in("turn-"), sent_packets);
  EXPECT_GT(packets_in("late.json"), 0U);
  EXPECT_FALSE(protobuf_records_of(collector.streams().back()).records.empty()) << "after it came back";
  for (const char* name : {"weir.sock", "weir.sock.lock"}) EXPECT_FALSE(fs::exists(path(name))) << name;
  for (const char* name : {"flows.json", "late.json", "rejects.pcapng", "state/history", "ledger.json"}) {
    struct stat status {};
    ASSERT_EQ(stat(path(name).c_str(), &status), 0) << name;
    EXPECT_EQ(status.st_uid, nobody_->pw_uid) << name;
  }
}

TEST_F(RunUserTest, WhatTheUserMayNotWriteIsRefusedOrNamedAtTheStart) {
  const TemporaryFolder of_root;
  ASSERT_EQ(chmod(of_root.folder().c_str(), 0755), 0);
  const auto weir = [&](const Arguments& more) {
    return run(Arguments{kBin + "/weir", "run", "--port", "net_null0", "--user", "nobody", "--socket",
                         path("weir.sock"), "--duration", "1ms"} +
                   more,
               seconds(20));
  };
  const Finished closed = weir({"--export", "json:" + of_root.path("flows.json")});
  EXPECT_EQ(closed.exit_code, 1);
  EXPECT_NE(closed.err.find("cannot write file '" + of_root.path("flows.json") + "': Permission denied"),
            std::string::npos)
      << closed.err;
  // A file of its own in a folder that is not.
  std::ofstream(of_root.path("given.json")).close();
  ASSERT_EQ(chown(of_root.path("given.json").c_str(), nobody_->pw_uid, nobody_->pw_gid), 0);
  const Finished warned = weir({"--export", "json:" + of_root.path("given.json"), "--ledger", path("ledger.json"),
                                "--state", of_root.path("state")});
  EXPECT_EQ(warned.exit_code, 0) << warned.err;
  EXPECT_NE(warned.err.find("the user may not write in " + of_root.folder().string()), std::string::npos) << warned.err;
  EXPECT_EQ(json::parse(contents(path("ledger.json"))).at("balanced"), true);
  struct stat status {};
  ASSERT_EQ(stat(of_root.path("state").c_str(), &status), 0);
  EXPECT_EQ(status.st_uid, nobody_->pw_uid) << "root made it, for the user";
  const Finished nobody = weir({"--user", "no-such-user"});
  EXPECT_EQ(nobody.exit_code, 2) << "given twice";
  const Finished unknown = run({kBin + "/weir", "run", "--port", "net_null0", "--user", "no-such-user"}, seconds(20));
  EXPECT_EQ(unknown.exit_code, 1);
  EXPECT_EQ(unknown.err, "weir: --user no-such-user: there is no such user\n");
}

}  // namespace
}  // namespace weir::test
