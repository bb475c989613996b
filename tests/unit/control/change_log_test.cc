// What has changed since the last look, as lines.
#include "control/probe/change_log.h"

#include <gtest/gtest.h>

namespace weir::change_log_test {
namespace {

using Level = LogLine::Level;
using Lines = std::vector<LogLine>;

dpdk::PortInfo port(const std::string& name, bool link_up, const std::string& problem = {}) {
  dpdk::PortInfo info;
  info.name = name;
  info.link_up = link_up;
  info.link_mbps = 100'000;
  info.problem = problem;
  return info;
}

ExporterSnapshot exporter(const std::string& state, std::uint64_t lost = 0) {
  ExporterSnapshot snapshot;
  snapshot.name = snapshot.uri = "json:f";
  snapshot.state = state;
  snapshot.lost = {{"queue_full", {lost, lost, lost}}, {"shutdown", {}}};
  return snapshot;
}

TEST(ChangeLog, SaysALinkOnceWhenItComesUpAndOnceWhenItGoesDown) {
  ChangeLog log;
  EXPECT_EQ(log.ports({port("a", true), port("b", false)}), (Lines{{Level::info, "a: link up, 100000 Mbit/s"}}));
  EXPECT_EQ(log.ports({port("a", true), port("b", false)}), Lines{});
  EXPECT_EQ(log.ports({port("a", false), port("b", true)}),
            (Lines{{Level::warning, "a: link down"}, {Level::info, "b: link up, 100000 Mbit/s"}}));
}

TEST(ChangeLog, SaysNoSpeedOfADeviceThatTellsNone) {
  ChangeLog log;
  dpdk::PortInfo virtio = port("a", true);
  virtio.link_mbps = 0;
  EXPECT_EQ(log.ports({virtio}), (Lines{{Level::info, "a: link up"}}));
}

TEST(ChangeLog, SaysAProblemOfAPortOnceAndAgainWhenItIsAnother) {
  ChangeLog log;
  EXPECT_EQ(log.ports({port("a", false, "the peer has 2 queues")}),
            (Lines{{Level::error, "a: the peer has 2 queues"}}));
  EXPECT_EQ(log.ports({port("a", false, "the peer has 2 queues")}), Lines{});
  EXPECT_EQ(log.ports({port("a", false)}), Lines{}) << "that it is over shows in the link";
  EXPECT_EQ(log.ports({port("a", false, "the peer has 4 queues")}),
            (Lines{{Level::error, "a: the peer has 4 queues"}}));
}

TEST(ChangeLog, SaysWhenAnExporterIsDownAndWhenItIsUpAgain) {
  ChangeLog log;
  EXPECT_EQ(log.exporters({exporter("up")}), Lines{}) << "that all is well need not be said";
  EXPECT_EQ(log.exporters({exporter("connecting: Connection refused")}),
            (Lines{{Level::warning, "export 'json:f': connecting: Connection refused"}}));
  EXPECT_EQ(log.exporters({exporter("connecting: Connection refused")}), Lines{});
  EXPECT_EQ(log.exporters({exporter("up")}), (Lines{{Level::info, "export 'json:f': up"}}));
}

TEST(ChangeLog, SaysWhichLossesBeginAndNotThatTheyGoOn) {
  ChangeLog log;
  EXPECT_EQ(log.exporters({exporter("up", 1)}),
            (Lines{{Level::warning, "export 'json:f': records are being lost (queue_full)"}}));
  EXPECT_EQ(log.exporters({exporter("up", 2)}), Lines{});
  EXPECT_EQ(log.exporters({exporter("failed: disk", 2)}),
            (Lines{{Level::warning, "export 'json:f': failed: disk; records are being lost (queue_full)"}}));
}

TEST(ChangeLog, NamesAWorkerThatHasNotPolledForTwoSecondsOnceAndSaysWhenItPollsAgain) {
  using std::chrono::milliseconds;
  ChangeLog log;
  EXPECT_EQ(log.workers({milliseconds(0), milliseconds(1999)}), Lines{});
  EXPECT_EQ(log.workers({milliseconds(0), milliseconds(2000)}),
            (Lines{{Level::error,
                    "worker 1 has not polled for 2.0 s: packets wait in its queue; weirctl status names its core"}}));
  EXPECT_EQ(log.workers({milliseconds(0), milliseconds(3100)}), Lines{});
  EXPECT_EQ(log.workers({milliseconds(0), milliseconds(0)}),
            (Lines{{Level::info, "worker 1 polls again, after more than 3.1 s"}}));
  EXPECT_EQ(log.workers({milliseconds(0), milliseconds(0)}), Lines{});
}

}  // namespace
}  // namespace weir::change_log_test
