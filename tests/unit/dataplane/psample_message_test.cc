// psample's messages: those that a kernel sent, decoded by others, and built ones that no kernel sends.
#include "dataplane/input/psample_message.h"

#include <gtest/gtest.h>

#include <cstring>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/support/hex.h"
#include "tests/support/process.h"
#include "tests/support/psample_messages.h"

namespace weir::test {
namespace {

using nlohmann::json;

constexpr std::uint16_t kFamily = kPsampleFamily;

std::vector<std::uint8_t> octets_of(const std::string& text) {
  return {text.begin(), text.end()};
}

Bytes bytes(std::span<const std::uint8_t> octets) {
  return {octets.begin(), octets.end()};
}

class PsampleCaptures : public ::testing::TestWithParam<const char*> {
 protected:
  static std::string path(const std::string& name) {
    return std::string(WEIR_CAPTURES) + "/../captures-psample/" + name;
  }
};

TEST_P(PsampleCaptures, AreReadAsOthersReadThem) {
  const std::string name = GetParam();
  const std::vector<std::uint8_t> octets = octets_of(contents(path(name + ".bin")));
  if (octets.empty()) GTEST_SKIP() << path(name + ".bin") << " is not there";
  std::ifstream expected(path(name + ".expected.jsonl"));
  std::span<const std::uint8_t> left(octets);
  std::size_t messages = 0;
  for (std::string line; std::getline(expected, line); ++messages) {
    SCOPED_TRACE(line);
    const json wanted = json::parse(line);
    const auto message = take_netlink_message(left);
    ASSERT_TRUE(message);
    EXPECT_EQ(message->type, wanted.at("type"));
    PsampleSample sample;
    const PsampleVerdict verdict = read_psample(*message, kFamily, sample);
    if (wanted.at("type") != kFamily || wanted.value("cmd", -1) != 0) {
      EXPECT_EQ(verdict, PsampleVerdict::other);
      continue;
    }
    ASSERT_EQ(verdict, PsampleVerdict::sample);
    EXPECT_EQ(sample.in_if, wanted.value("iifindex", 0U));
    EXPECT_EQ(sample.out_if, wanted.value("oifindex", 0U));
    EXPECT_EQ(sample.rate, wanted.at("rate"));
    EXPECT_EQ(sample.original_octets, wanted.at("origsize"));
    EXPECT_EQ(sample.group, wanted.at("group"));
    EXPECT_EQ(sample.group_sequence, wanted.at("seq"));
    EXPECT_EQ(sample.time_ns, wanted.at("ts_ns"));
    EXPECT_EQ(sample.protocol, wanted.at("proto"));
    EXPECT_EQ(sample.data.size(), wanted.at("data_len"));
    EXPECT_EQ(sample.data.data() - octets.data(), wanted.at("data_off"));
    const std::string head = wanted.at("data_head");
    EXPECT_EQ(bytes(sample.data.first(head.size() / 2)), hex(head));
    EXPECT_FALSE(sample.has_latency || sample.has_queue || sample.has_queue_octets);
  }
  EXPECT_GT(messages, 0U);
  EXPECT_TRUE(left.empty());
}

INSTANTIATE_TEST_SUITE_P(All, PsampleCaptures,
                         ::testing::Values("psample_mixed", "psample_packets_only", "psample_overrun", "psample_lo"),
                         [](const auto& one) { return std::string(one.param); });

TEST(PsampleSequence, CountsWhatAnOverrunLost) {
  const std::string file = std::string(WEIR_CAPTURES) + "/../captures-psample/psample_overrun.bin";
  const std::vector<std::uint8_t> octets = octets_of(contents(file));
  if (octets.empty()) GTEST_SKIP() << file << " is not there";
  std::span<const std::uint8_t> left(octets);
  std::map<std::uint32_t, PsampleSequence> groups;
  PsampleSample sample;
  while (const auto message = take_netlink_message(left)) {
    if (read_psample(*message, kFamily, sample) == PsampleVerdict::sample)
      groups[sample.group].add(sample.group_sequence);
  }
  ASSERT_EQ(groups.size(), 1U);
  EXPECT_EQ(groups.begin()->second.missing(), 179U) << "41 to 219";
}

TEST(PsampleSequence, TakesDuplicatesAndSmallStepsBackForNoLoss) {
  const auto missing = [](std::initializer_list<std::uint32_t> numbers) {
    PsampleSequence sequence;
    for (const std::uint32_t number : numbers) sequence.add(number);
    return sequence.missing();
  };
  EXPECT_EQ(missing({100, 101, 102}), 0U) << "what came before is nobody's loss";
  EXPECT_EQ(missing({5, 5, 6, 6, 7}), 0U);
  EXPECT_EQ(missing({5, 7, 6, 8}), 0U) << "late";
  EXPECT_EQ(missing({5, 8, 6, 9}), 1U);
  EXPECT_EQ(missing({5, 6, 5, 6, 7}), 0U) << "twice";
  EXPECT_EQ(missing({UINT32_MAX - 1, UINT32_MAX, 0, 1}), 0U);
  EXPECT_EQ(missing({UINT32_MAX, 2}), 2U);
  EXPECT_EQ(missing({5000, 5001, 0, 1, 2}), 0U) << "made anew";
  EXPECT_EQ(missing({7, 0, 1}), 0U) << "made anew";
  EXPECT_EQ(missing({5000, 3, 4, 6}), 1U) << "made anew, and the first ones were not seen";
}

/// A message that is read where it was built.
class Built : public PsampleBuilder {
 public:
  using PsampleBuilder::PsampleBuilder;
  [[nodiscard]] PsampleVerdict read(PsampleSample& sample) {
    whole_ = octets();
    std::span<const std::uint8_t> left(whole_);
    const auto message = take_netlink_message(left);
    return message ? read_psample(*message, kFamily, sample) : PsampleVerdict::malformed;
  }

 private:
  Bytes whole_;
};

PsampleVerdict verdict_of(const PsampleBuilder& built) {
  const Bytes octets = built.octets();
  std::span<const std::uint8_t> left(octets);
  PsampleSample sample;
  return read_psample(*take_netlink_message(left), kFamily, sample);
}

TEST(PsampleMessage, ReadsWhatOnlySwitchesAndNewKernelsSay) {
  PsampleSample sample;
  Built built;
  built.number<std::uint32_t>(0, 70'000)
      .number<std::uint32_t>(1, 70'001)
      .number<std::uint32_t>(2, 1514)
      .add(6, {1, 2, 3, 4, 5})
      .number<std::uint16_t>(10, 7)
      .number<std::uint64_t>(11, 123'456'789'012)
      .number<std::uint64_t>(12, 5'000'000'000)
      .add(15, {0xca, 0xfe})
      .add(0x8000 | 8, {12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x12, 0x34})  // nested: id 0x1234 in network order
      .number<std::uint64_t>(77, 1);
  ASSERT_EQ(built.read(sample), PsampleVerdict::sample);
  EXPECT_EQ(sample.in_if, 70'000U) << "four octets";
  EXPECT_EQ(sample.out_if, 70'001U);
  EXPECT_EQ(sample.original_octets, 1514U);
  EXPECT_EQ(bytes(sample.data), hex("0102030405")) << "without the padding";
  EXPECT_TRUE(sample.has_queue && sample.has_queue_octets && sample.has_latency);
  EXPECT_FALSE(sample.has_time);
  EXPECT_EQ(sample.queue, 7);
  EXPECT_EQ(sample.queue_octets, 123'456'789'012U);
  EXPECT_EQ(sample.latency_ns, 5'000'000'000U);
  EXPECT_EQ(sample.tunnel_id, 0x1234U);
  EXPECT_EQ(bytes(sample.user_cookie), hex("cafe"));
  EXPECT_EQ(sample.rate, 0U) << "absent";
}

TEST(PsampleMessage, TakesAProbabilityForARateWhereTheFlagSaysSo) {
  const auto rate = [](std::uint32_t value, bool probability) {
    PsampleSample sample;
    Built built;
    built.number<std::uint32_t>(5, value).add(6, {1});
    if (probability) built.add(16, {});
    EXPECT_EQ(built.read(sample), PsampleVerdict::sample);
    return sample.rate;
  };
  EXPECT_EQ(rate(100, false), 100U);
  EXPECT_EQ(rate(UINT32_MAX, true), 1U);
  EXPECT_EQ(rate(UINT32_MAX / 100, true), 100U);
  EXPECT_EQ(rate(0, true), 0U);
}

TEST(PsampleMessage, IsOnlyTheKernelsAndOnlyASample) {
  PsampleSample sample;
  EXPECT_EQ(verdict_of(PsampleBuilder(3).add(6, {1})), PsampleVerdict::other) << "a group that is removed";
  EXPECT_EQ(verdict_of(PsampleBuilder().add(6, {1}).from(4711)), PsampleVerdict::other) << "anybody's";
  const auto octets = PsampleBuilder().add(6, {1}).octets();
  std::span<const std::uint8_t> left(octets);
  EXPECT_EQ(read_psample(*take_netlink_message(left), kFamily + 1, sample), PsampleVerdict::other);
}

TEST(PsampleMessage, ThatDoesNotFitIsMalformed) {
  PsampleSample sample;
  EXPECT_EQ(verdict_of(PsampleBuilder().number<std::uint32_t>(5, 1)), PsampleVerdict::malformed) << "no packet";
  const std::vector<std::uint8_t> good = PsampleBuilder().number<std::uint32_t>(5, 9).add(6, {1, 2, 3, 4}).octets();
  for (std::size_t cut = 0; cut < good.size(); ++cut) {
    std::vector<std::uint8_t> octets(good.begin(), good.begin() + static_cast<std::ptrdiff_t>(cut));
    std::span<const std::uint8_t> left(octets);
    EXPECT_FALSE(take_netlink_message(left)) << cut;
    EXPECT_EQ(left.size(), cut);
    if (cut < 16) continue;
    const auto length = static_cast<std::uint32_t>(cut);  // a header that says so
    std::memcpy(octets.data(), &length, sizeof length);
    left = octets;
    const auto message = take_netlink_message(left);
    ASSERT_TRUE(message);
    EXPECT_EQ(read_psample(*message, kFamily, sample), PsampleVerdict::malformed) << cut;
  }
  for (const std::uint16_t length : {std::uint16_t{0}, std::uint16_t{3}, std::uint16_t{13}, std::uint16_t{0xffff}}) {
    std::vector<std::uint8_t> octets = good;
    std::memcpy(octets.data() + 28, &length, sizeof length);  // of the second attribute
    std::span<const std::uint8_t> left(octets);
    EXPECT_EQ(read_psample(*take_netlink_message(left), kFamily, sample), PsampleVerdict::malformed) << length;
  }
  Built nested;
  nested.add(8, {200, 0, 0, 0, 1, 2, 3, 4}).add(6, {1});
  EXPECT_EQ(nested.read(sample), PsampleVerdict::malformed);
}

TEST(PsampleMessage, OfOddLengthsIsReadByThem) {
  PsampleSample sample;
  Built built;
  built.add(0, {7}).add(1, {}).add(3, {1, 2, 3}).add(4, {1, 2, 3, 4, 5, 6, 7, 8, 9}).add(2, {1}).add(6, {1, 2, 3});
  ASSERT_EQ(built.read(sample), PsampleVerdict::sample);
  EXPECT_EQ(sample.in_if, 7U);
  EXPECT_EQ(sample.out_if, 0U);
  EXPECT_EQ(sample.group, 0x030201U);
  EXPECT_EQ(sample.group_sequence, 0U) << "no integer";
  EXPECT_EQ(sample.original_octets, 3U) << "no frame is shorter than what is there of it";
}

}  // namespace
}  // namespace weir::test
