// What an operator does to a running weir: looks on as flows end, drains it, stops it; and weirctl where weir does not
// answer. Each ends with a ledger that balances.
#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <cstdint>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "tests/scenario/live_rig.h"

namespace weir::test {
namespace {

class Operations : public ::testing::Test {
 protected:
  [[nodiscard]] std::string path(const std::string& name) const { return folder_.path(name); }
  [[nodiscard]] static Arguments ctl(const Probe& probe, const Arguments& what) {
    return Arguments{kBin + "/weirctl", "--socket", probe.socket()} + what;
  }
  static void send(const Wire& wire, const Arguments& options) {
    const Finished sent = run(generator(wire, options), seconds(60));
    ASSERT_EQ(sent.exit_code, 0) << sent.err;
  }
  static std::vector<std::string> sorted_lines(const std::string& text) {
    std::vector<std::string> lines;
    std::istringstream in(text);
    for (std::string line; std::getline(in, line);) lines.push_back(line);
    std::sort(lines.begin(), lines.end());
    return lines;
  }

  TemporaryFolder folder_;
};

TEST_F(Operations, TailShowsEveryRecordAsItIsExportedAndDrainEndsTheRunWithAnswers) {
  const Wire wire = memif();
  Probe probe(folder_, wire,
              {"--workers", "2", "--rss", "ports", "--metrics", "tcp,lengths", "--export", "json:" + path("f.json")});
  Process all(ctl(probe, {"-o", "json", "tail", "--follow"}));
  Process tcp(ctl(probe, {"-o", "csv", "tail", "--follow", "--filter", "tcp"}));
  send(wire, {"--flows", "400", "--rate", "20000", "--packets", "12000", "--tcp", "50", "--queues", "2"});
  ASSERT_TRUE(eventually([&] { return probe.received() == 12'000; }));
  EXPECT_NE(probe.ask({"status"}).out.find("longest idle"), std::string::npos);

  const Finished early = probe.ask({"self-check"});
  EXPECT_EQ(early.exit_code, 0) << early.out;
  EXPECT_NE(early.out.find("loopback    skipped"), std::string::npos) << early.out;

  const Finished drained = probe.ask({"-o", "json", "drain"});
  ASSERT_EQ(drained.exit_code, 0) << drained.err;
  const json ledger = json::parse(drained.out);
  EXPECT_EQ(ledger.at("balanced"), true);
  EXPECT_EQ(packets_of(ledger.at("received")), 12'000U);
  EXPECT_EQ(packets_of(ledger.at("drained")), 12'000U);
  EXPECT_EQ(ledger.at("drained").at("records"), 400U);
  EXPECT_EQ(json_lines(path("f.json")).size(), 400U) << "the file is whole before weir stops";

  const Finished shown = all.wait(seconds(20));
  EXPECT_EQ(shown.exit_code, 0) << shown.err;
  EXPECT_EQ(shown.err, "") << "nothing was skipped";
  EXPECT_EQ(sorted_lines(shown.out), sorted_lines(contents(path("f.json"))));
  EXPECT_EQ(sorted_lines(tcp.wait(seconds(20)).out).size(), 201U) << "and a line of names";

  EXPECT_EQ(probe.ask_json("status").at("phase"), "drained");
  EXPECT_EQ(sorted_lines(probe.ask({"-o", "json", "tail", "-n", "1000"}).out), sorted_lines(shown.out));
  EXPECT_EQ(probe.ask({"drain"}).exit_code, 0) << "again";
  const Finished checked = probe.ask({"self-check"});
  EXPECT_EQ(checked.exit_code, 0) << checked.out;
  EXPECT_NE(checked.out.find("the last 400 records came back"), std::string::npos) << checked.out;
  EXPECT_EQ(probe.ask({"-o", "json", "flows"}).out, "");
  const Finished stopped = probe.ask({"stop"});
  EXPECT_EQ(stopped.exit_code, 0) << stopped.err;
  EXPECT_NE(stopped.out.find("has stopped"), std::string::npos);
  EXPECT_EQ(probe.wait().exit_code, 0);
}

TEST_F(Operations, StopLosesNoRecordThatCanLeaveNamesTheOthersAndASignalStillStopsADrainedProbe) {
  const Wire wire = memif();
  {
    Probe probe(folder_, wire,
                {"--export", "json:" + path("stopped.json"), "--export", "protobuf+tcp://127.0.0.1:1?name=away",
                 "--stop-timeout", "500ms"});
    send(wire, {"--flows", "100", "--rate", "20000", "--packets", "2000"});
    ASSERT_TRUE(eventually([&] { return probe.received() == 2'000; }));
    const Finished stopped = probe.ask({"stop"});
    EXPECT_EQ(stopped.exit_code, 1) << "records were lost";
    EXPECT_NE(stopped.out.find("has stopped\naway: 100 records lost (not_connected)\n"), std::string::npos)
        << stopped.out << stopped.err;
    EXPECT_EQ(probe.wait().exit_code, 1);
    EXPECT_EQ(json_lines(path("stopped.json")).size(), 100U);
  }
  const Wire other = memif();
  Probe probe(folder_, other, {"--export", "json:" + path("drained.json")});
  send(other, {"--flows", "100", "--rate", "20000", "--packets", "2000"});
  ASSERT_TRUE(eventually([&] { return probe.received() == 2'000; }));
  EXPECT_EQ(probe.ask({"drain"}).exit_code, 0);
  probe.stop(SIGTERM);
  EXPECT_EQ(json_lines(path("drained.json")).size(), 100U);
}

TEST_F(Operations, AWeirThatDoesNotAnswerIsSaidSoWithinFiveSeconds) {
  const Wire wire = memif();
  Probe probe(folder_, wire, {});
  probe.signal(SIGSTOP);
  const auto begin = Clock::now();
  std::vector<std::unique_ptr<Process>> asking;
  for (const char* command : {"status", "ledger", "rss", "metrics", "monitors", "tail", "drain", "stop"}) {
    asking.push_back(std::make_unique<Process>(ctl(probe, {command})));
  }
  for (const auto& one : asking) {
    const Finished said = one->wait(seconds(20));
    EXPECT_EQ(said.exit_code, 1);
    EXPECT_EQ(said.err, "weirctl: " + probe.socket() + ": no answer in time\n");
  }
  EXPECT_LT(Clock::now() - begin, milliseconds(6500)) << "5 s, and the start of eight programs";
  probe.signal(SIGCONT);
  EXPECT_EQ(probe.ask_json("status").at("phase"), "running") << "what was not answered was not done either";
  probe.stop();
}

TEST_F(Operations, CompletionOffersCommandsOptionsAndForms) {
  const auto offered = [](const std::string& words) {
    const Finished done = run({"bash", "-c",
                               "eval \"$(" + kBin + "/weirctl completion)\"; COMP_WORDS=(weirctl " + words +
                                   "); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _weirctl; echo \"${COMPREPLY[*]}\""});
    EXPECT_EQ(done.exit_code, 0) << done.err;
    EXPECT_EQ(done.err, "");
    return done.out;
  };
  EXPECT_EQ(offered("ta"), "tail\n");
  EXPECT_EQ(offered("tail --fo"), "--follow\n");
  EXPECT_EQ(offered("-o c"), "csv\n");
  EXPECT_EQ(offered("-o csv --socket /tmp/x top --by src_addr --so"), "--socket --sort\n");
  EXPECT_EQ(offered("config ro"), "rollback\n");
  EXPECT_EQ(offered("exporters pa"), "pause\n");
  EXPECT_EQ(offered("--filter x"), "\n") << "a value";
  EXPECT_EQ(offered("log wa"), "warning\n");
  std::ofstream(path("some.conf")) << "workers: 1\n";
  EXPECT_EQ(offered("config apply " + path("so")), path("some.conf") + "\n");
  EXPECT_EQ(offered("config apply --dry-run " + path("so")), path("some.conf") + "\n");
  const std::string all = offered("''") + ' ';
  const std::string help = run({kBin + "/weirctl", "--help"}).out;
  for (const char* command : {"status", "ledger", "rss", "metrics", "monitors", "top", "flows", "flow", "tail",
                              "self-check", "drain", "stop", "completion"}) {
    EXPECT_NE(all.find(' ' + std::string(command)), std::string::npos) << command;
    EXPECT_NE(help.find(std::string("\n  ") + command + ' '), std::string::npos) << command;
  }
}

}  // namespace
}  // namespace weir::test
