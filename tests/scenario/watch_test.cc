// `weirctl watch` on a terminal of two sizes, made by tmux, and without one.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>

#include "tests/scenario/live_rig.h"
#include "tests/support/temporary_folder.h"

namespace weir::watch_test {
namespace {

using namespace weir::test;

class Watch : public testing::Test {
 protected:
  [[nodiscard]] Arguments tmux(const Arguments& what) const {
    return Arguments{"env", "LC_ALL=C.UTF-8", "tmux", "-S", folder_.path("tmux")} + what;
  }

  /// The screen of that size once it shows so many flows; then q, after which the command has ended.
  std::string screen(const Probe& probe, const std::string& width, const std::string& height, std::size_t flows) {
    EXPECT_EQ(run(tmux({"-f", "/dev/null", "new-session", "-d", "-x", width, "-y", height,
                        kBin + "/weirctl --socket " + probe.socket() + " watch"}))
                  .exit_code,
              0);
    std::string shown;
    EXPECT_TRUE(eventually([&] {
      shown = run(tmux({"capture-pane", "-p"})).out;
      std::size_t found = 0;
      for (std::size_t at = 0; (at = shown.find(" > ", at)) != std::string::npos; ++at) ++found;
      return found >= flows;
    })) << shown;
    EXPECT_EQ(run(tmux({"send-keys", "q"})).exit_code, 0);
    EXPECT_TRUE(eventually([&] { return run(tmux({"has-session"})).exit_code != 0; })) << "q ends it";
    return shown;
  }

  TemporaryFolder folder_;
};

TEST_F(Watch, ShowsTheLedgerOnSmallAndLargeTerminalsAndAsLines) {
  if (!installed("tmux")) GTEST_SKIP() << "tmux is not installed";
  const Wire wire = memif();
  Probe probe(folder_, wire, {"--export", "json:" + folder_.path("flows.json")});
  const Finished sent = run(generator(wire, {"--flows", "500", "--packets", "5000", "--rate", "20000"}), seconds(60));
  ASSERT_EQ(sent.exit_code, 0) << sent.err;
  const std::uint64_t packets = json::parse(sent.out).at("packets");
  ASSERT_TRUE(eventually([&] { return probe.received() >= packets; }));

  const std::string small = screen(probe, "80", "24", 8);
  EXPECT_NE(small.find("the link of net_memif0 is down"), std::string::npos) << small;
  EXPECT_NE(small.find("| 500 of 200 k flows |"), std::string::npos) << small;
  EXPECT_NE(small.find("dropped or lost"), std::string::npos) << small;
  EXPECT_NE(small.find("json:"), std::string::npos) << small;
  screen(probe, "200", "60", 40);  // as many as there is room for

  const Finished plain = probe.ask({"watch", "-n", "2"});
  EXPECT_EQ(plain.exit_code, 0) << plain.err;
  EXPECT_EQ(std::count(plain.out.begin(), plain.out.end(), '\n'), 2) << plain.out;
  EXPECT_NE(plain.out.find(" 500 flows "), std::string::npos) << plain.out;
  EXPECT_EQ(probe.ask({"-o", "json", "watch"}).exit_code, 2);
  probe.stop();
  EXPECT_EQ(probe.ask({"watch"}).exit_code, 1) << "nobody answers";
}

}  // namespace
}  // namespace weir::watch_test
