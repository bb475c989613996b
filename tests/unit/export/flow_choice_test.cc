// balance:'s choice: directions meet, a key makes it last, and an exporter that goes moves nobody else's flows.
#include "control/export/flow_choice.h"

#include <gtest/gtest.h>

#include <numeric>
#include <utility>

#include "tests/unit/export/export_fixtures.h"

namespace weir::flow_choice_test {
namespace {

FlowChoice::Key counted_key() {
  FlowChoice::Key key{};
  std::iota(key.begin(), key.end(), std::uint8_t{0});
  return key;
}

const std::vector<std::string> kNames{"a", "b", "c"};
const std::vector<bool> kAll{true, true, true};

FlowRecord swapped(FlowRecord record) {
  std::swap_ranges(record.source_address, record.source_address + 16, record.destination_address);
  std::swap(record.ports[0], record.ports[1]);
  return record;
}

TEST(SipHash, GivesTheReferenceVectors) {
  // The paper's appendix A (15 octets), and the first of its authors' vectors (none).
  const std::uint64_t key[2] = {0x0706050403020100, 0x0f0e0d0c0b0a0908};
  std::uint8_t octets[15];
  std::iota(std::begin(octets), std::end(octets), std::uint8_t{0});
  EXPECT_EQ(siphash(key, octets, 15), 0xa129ca6149be45e5U);
  EXPECT_EQ(siphash(key, octets, 0), 0x726fdb47dd0e0e31U);
}

TEST(FlowChoice, BothDirectionsMeet) {
  const FlowChoice choice(FlowChoice::random_key(), kNames);
  for (std::uint32_t i = 0; i < 1000; ++i) {
    FlowRecord record = test::numbered_record(i);
    EXPECT_EQ(choice.choose(record, kAll), choice.choose(swapped(record), kAll));
    record.protocol = 1;  // of ICMP the types differ by direction
    record.set_icmp(kForward, 8, 0);
    FlowRecord answer = swapped(record);
    answer.set_icmp(kForward, 0, 0);
    EXPECT_EQ(choice.choose(record, kAll), choice.choose(answer, kAll));
  }
}

TEST(FlowChoice, IsTheSameAfterARestartWithTheSameKeyAndInAnyOrderOfNames) {
  const FlowChoice one(counted_key(), kNames);
  const FlowChoice again(counted_key(), {"c", "b", "a"});
  for (std::uint32_t i = 0; i < 1000; ++i) {
    EXPECT_EQ(one.choose(test::numbered_record(i), kAll), 2 - again.choose(test::numbered_record(i), kAll));
  }
}

TEST(FlowChoice, SpreadsFlowsEvenly) {
  const FlowChoice choice(counted_key(), kNames);
  std::size_t counts[3] = {};
  for (std::uint32_t i = 0; i < 30'000; ++i) ++counts[choice.choose(test::numbered_record(i), kAll)];
  // Binomial: 10 000 each, standard deviation 82; five of them.
  for (const std::size_t count : counts) EXPECT_NEAR(static_cast<double>(count), 10'000.0, 410.0);
}

TEST(FlowChoice, MovesOnlyTheFlowsOfOneThatIsAway) {
  const FlowChoice choice(counted_key(), kNames);
  std::size_t moved = 0;
  for (std::uint32_t i = 0; i < 3000; ++i) {
    const FlowRecord record = test::numbered_record(i);
    const std::size_t before = choice.choose(record, kAll);
    const std::size_t without_b = choice.choose(record, {true, false, true});
    EXPECT_NE(without_b, 1U);
    if (before == 1) {
      ++moved;
    } else {
      EXPECT_EQ(without_b, before);
    }
  }
  EXPECT_GT(moved, 0U);
}

}  // namespace
}  // namespace weir::flow_choice_test
