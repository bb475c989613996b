// The screen of `weirctl watch` as lines of text, at several sizes.
#include "tools/ctl/watch_screen.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

namespace weir::watch_screen_test {
namespace {

using ctl::Emphasis;
using ctl::ScreenLine;
using ctl::Watched;

std::size_t columns(const std::string& text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

/// One second in which 1000 packets came and an exporter lost 250.
Watched example() {
  Watched watched;
  watched.status.set_version("9.8.7");
  watched.status.set_phase("running");
  watched.status.set_uptime_s(3725);
  watched.status.set_flows(21'542);
  watched.status.set_capacity(1'048'576);
  auto& worker = *watched.status.add_workers();
  worker.set_packets_per_second(57'600);
  worker.set_frame_bits_per_second(164'000'000);
  worker.set_busy(0.5);
  watched.ledger.set_state("balanced");
  watched.ledger.set_balanced(true);
  (*watched.ledger.mutable_rejects())["ether_type_arp"].set_packets(7);
  (*watched.ledger.mutable_rejects())["ip_version"];
  auto& exporter = *watched.ledger.add_exporters();
  exporter.set_name("netflow9://192.0.2.1:2055");
  exporter.set_state("refused: nobody is there");
  (*exporter.mutable_lost())["unreachable"].set_packets(1000);
  watched.before = watched.ledger;
  (*watched.before->mutable_exporters(0)->mutable_lost())["unreachable"].set_packets(750);
  watched.seconds = 0.5;
  auto& group = *watched.top.add_groups();
  for (const char* value : {"10.0.0.1", "40000", "2001:db8::1", "443", "17"}) group.add_values(value);
  group.set_bits_per_second(1'234'567);
  group.set_bytes(999);
  watched.packets_per_second = {{0, 100, 800, 400}};
  return watched;
}

std::string text_of(const std::vector<ScreenLine>& lines) {
  std::string text;
  for (const ScreenLine& line : lines) text += line.text + "\n";
  return text;
}

TEST(WatchScreen, FitsTerminalsOfAnySize) {
  Watched watched = example();
  for (int i = 0; i < 60; ++i) *watched.top.add_groups() = watched.top.groups(0);
  for (int i = 0; i < 30; ++i) *watched.status.add_workers() = watched.status.workers(0);
  for (std::size_t width = 0; width < 220; width += 7) {
    for (std::size_t height = 0; height < 70; height += 3) {
      const auto lines = watch_screen(watched, width, height, true);
      EXPECT_LE(lines.size(), height);
      for (const ScreenLine& line : lines) EXPECT_LE(columns(line.text), width) << line.text;
    }
  }
}

TEST(WatchScreen, SumsUpInItsThirdLineAtEightyColumns) {
  const auto lines = watch_screen(example(), 80, 24, true);
  ASSERT_GT(lines.size(), 3U);
  EXPECT_EQ(lines[0].text, "weir 9.8.7, running, up 1 h 2 min; q ends");
  EXPECT_EQ(lines[1].text, "ledger balanced");
  EXPECT_EQ(lines[1].emphasis, Emphasis::good);
  EXPECT_EQ(lines[2].text, "57.6 kpkt/s 164 Mbit/s | 21.5 k of 1.05 M flows | out 0 rec/s | lost 500 pkt/s");
  EXPECT_EQ(lines[2].emphasis, Emphasis::bad);
}

TEST(WatchScreen, ShowsLossesByNameTheGreatestFirstAndNoZeros) {
  const std::string text = text_of(watch_screen(example(), 80, 24, true));
  const std::size_t unreachable = text.find("unreachable              netflow9://192.0.2.1:2055");
  const std::size_t arp = text.find("ether_type_arp           rejected");
  ASSERT_NE(unreachable, std::string::npos) << text;
  ASSERT_NE(arp, std::string::npos) << text;
  EXPECT_LT(unreachable, arp);
  EXPECT_NE(text.find("1000      500 /s"), std::string::npos) << text;
  EXPECT_EQ(text.find("ip_version"), std::string::npos);
}

TEST(WatchScreen, GivesExportersNoMoreRoomThanTheirNamesTake) {
  Watched watched = example();
  watched.ledger.mutable_exporters(0)->set_name("core");
  EXPECT_NE(text_of(watch_screen(watched, 200, 24, true)).find("\nexporter  state "), std::string::npos)
      << text_of(watch_screen(watched, 200, 24, true));
}

TEST(WatchScreen, DrawsTheHistoryOfAWorkerScaledToItsGreatest) {
  EXPECT_NE(text_of(watch_screen(example(), 80, 24, true)).find("   ▁█▄\n"), std::string::npos);
  EXPECT_NE(text_of(watch_screen(example(), 80, 24, false)).find("   .#=\n"), std::string::npos);
}

TEST(WatchScreen, NamesAFlowByItsEnds) {
  EXPECT_NE(text_of(watch_screen(example(), 80, 24, true)).find("10.0.0.1:40000 > [2001:db8::1]:443 udp  "),
            std::string::npos);
}

TEST(WatchScreen, SaysHowManyLinesFoundNoRoom) {
  Watched watched = example();
  for (int i = 0; i < 9; ++i) *watched.status.add_workers() = watched.status.workers(0);
  const std::string text = text_of(watch_screen(watched, 80, 16, true));
  EXPECT_NE(text.find("... and 6 more"), std::string::npos) << text;
}

TEST(WatchScreen, SaysFirstWhatIsWrong) {
  Watched watched = example();
  auto& port = *watched.status.add_ports();
  port.set_name("net_memif0");
  EXPECT_EQ(watch_screen(watched, 80, 24, true)[1].text, "the link of net_memif0 is down");
  watched.ledger.add_violations("1 is not 2");
  EXPECT_EQ(watch_screen(watched, 80, 24, true)[1].text, "the ledger does not balance: 1 is not 2");
  watched.status.set_phase("stopping");
  watched.status.set_doing("emptying the flow table");
  EXPECT_EQ(watch_screen(watched, 80, 24, true)[1].text, "stopping: emptying the flow table");
  watched.trouble = "nobody answers";
  EXPECT_EQ(watch_screen(watched, 80, 24, true)[1].text, "nobody answers");
}

TEST(WatchScreen, LetsNoNameMoveTheCursor) {
  Watched watched = example();
  watched.ledger.mutable_exporters(0)->set_name("a\x1b[2Jb\n");
  const std::string text = text_of(watch_screen(watched, 80, 24, true));
  EXPECT_NE(text.find("a?[2Jb?"), std::string::npos) << text;
}

TEST(WatchLine, HasTheSameFigures) {
  EXPECT_EQ(ctl::watch_line(example()),
            " 57.6 kpkt/s    164 Mbit/s     21542 flows      0 rec/s   500 pkt/s lost  ledger balanced");
}

TEST(WatchHistory, KeepsTheLastOfEachWorker) {
  Watched watched = example();
  watched.packets_per_second.clear();
  for (std::size_t i = 0; i < ctl::kMostHistory + 5; ++i) remember(watched);
  ASSERT_EQ(watched.packets_per_second.size(), 1U);
  EXPECT_EQ(watched.packets_per_second[0].size(), ctl::kMostHistory);
  EXPECT_EQ(watched.packets_per_second[0].back(), 57'600U);
}

}  // namespace
}  // namespace weir::watch_screen_test
