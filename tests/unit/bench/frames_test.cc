#include "bench/frames.h"

#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <map>
#include <string>

#include "dataplane/packet/parser.h"

namespace weir::bench::frames_test {
namespace {

struct Seen {
  std::map<std::string, std::array<unsigned, 2>> flows;  ///< packets of each side by key
  std::map<std::uint32_t, unsigned> sizes;
  unsigned tcp = 0;
};

Seen parse_all(FrameSet& frames) {
  Seen seen;
  for (std::size_t i = 0; i < frames.size(); ++i) {
    const std::uint32_t octets = frames.octets(i);
    ParsedPacket packet{};
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(frames.frame(i)) % 64, 0U);
    EXPECT_EQ(Parser().parse({frames.frame(i), octets, octets, kStartNs, 1, LinkType::ethernet, 0}, packet),
              Reject::none);
    const bool is_ack = octets == 60 && packet.key.protocol == 6;  // 40 octets of IP, and padding
    EXPECT_EQ(packet.ip_octets, is_ack ? 40 : octets - 14);
    std::string key(sizeof packet.key, '\0');
    std::memcpy(key.data(), &packet.key, key.size());
    ++seen.flows[key][static_cast<unsigned>(packet.from)];
    ++seen.sizes[octets];
    seen.tcp += packet.key.protocol == 6 ? 1U : 0U;
  }
  return seen;
}

class Frames : public testing::Test {
 protected:
  void SetUp() override { use_few_frames(); }  // 32768 of them
};

TEST_F(Frames, EveryFlowHasTheSameNumberOfFramesAndBothDirections) {
  for (const Mix mix : {Mix::uniform, Mix::ipv6, Mix::background}) {
    FrameSet frames(mix, 1000);
    const Seen seen = parse_all(frames);
    ASSERT_EQ(seen.flows.size(), 1000U);
    for (const auto& [key, packets] : seen.flows) {
      EXPECT_NEAR(packets[0] + packets[1], 32768 / 1000, 1);
      EXPECT_GT(packets[0], 0U);
      EXPECT_GT(packets[1], 0U);
    }
    EXPECT_NEAR(seen.tcp, 32768 * 0.8, 40);
    ASSERT_EQ(seen.sizes.size(), 1U);
    EXPECT_EQ(seen.sizes.begin()->first, mix == Mix::ipv6 ? 74U : 60U);
  }
}

TEST_F(Frames, ImixHasItsThreeSizesSevenToFourToOne) {
  FrameSet frames(Mix::imix, 1000);
  const Seen seen = parse_all(frames);
  EXPECT_EQ(seen.flows.size(), 1000U);
  ASSERT_EQ(seen.sizes.size(), 3U);
  const double twelfth = static_cast<double>(frames.size()) / 12;
  EXPECT_NEAR(seen.sizes.at(60), 7 * twelfth, twelfth * 0.3);
  EXPECT_NEAR(seen.sizes.at(590), 4 * twelfth, twelfth * 0.3);
  EXPECT_NEAR(seen.sizes.at(1514), twelfth, twelfth * 0.2);
}

TEST_F(Frames, ZipfsFirstFlowHasAsManyFramesAsItsRankSays) {
  FrameSet frames(Mix::zipf, 1000);
  const Seen seen = parse_all(frames);
  unsigned most = 0;
  for (const auto& [key, packets] : seen.flows) most = std::max(most, packets[0] + packets[1]);
  // 1 / H(1000) with H(1000) = 7.485.
  EXPECT_NEAR(most, 32768 / 7.485, 300);
}

TEST_F(Frames, ASweepMakesEachFlowOnceAndTheSameFlowsAsTheSet) {
  FrameSet frames(Mix::uniform, 1000);
  const Seen set = parse_all(frames);
  FlowSweep sweep(1000, FrameFields{});
  std::map<std::string, unsigned> swept;
  std::array<PacketView, 32> views;
  while (!sweep.done()) {
    const std::size_t count = sweep.receive(views, kStartNs);
    ASSERT_NE(count, 0U);
    for (std::size_t i = 0; i < count; ++i) {
      ParsedPacket packet{};
      ASSERT_EQ(Parser().parse(views[i], packet), Reject::none);
      std::string key(sizeof packet.key, '\0');
      std::memcpy(key.data(), &packet.key, key.size());
      ++swept[key];
      EXPECT_TRUE(set.flows.contains(key));
    }
  }
  ASSERT_EQ(swept.size(), 1000U);
  for (const auto& [key, times] : swept) EXPECT_EQ(times, 1U);
}

}  // namespace
}  // namespace weir::bench::frames_test
