// The ring of messages of variable length: what goes in comes out once, whole and in order, wherever the end falls.
#include "dataplane/line_ring.h"

#include <gtest/gtest.h>

#include <cstring>
#include <optional>
#include <random>
#include <thread>
#include <vector>

#include "dataplane/record_ring.h"

namespace weir::line_ring_test {
namespace {

/// Word 0 is the length in lines, word 1 a number; every other word is that number, too.
struct NumberedMessage {
  static unsigned lines(const RingLine& line) { return static_cast<unsigned>(line.words[0]); }
  static void mark_skip(RingLine& line) { line.words[0] = 0; }
};
using NumberedRing = LineRing<NumberedMessage>;

/// Without publish().
bool put(NumberedRing& ring, unsigned lines, std::uint64_t number) {
  RingLine* const at = ring.claim(lines);
  if (at == nullptr) return false;
  for (unsigned i = 0; i < lines; ++i) {
    for (std::uint64_t& word : at[i].words) word = number;
  }
  at->words[0] = lines;
  ring.commit(lines);
  return true;
}

/// The number of a message all of whose words are there; nothing for one that is not whole.
std::optional<std::uint64_t> number_of(const RingLine& line) {
  const std::uint64_t number = line.words[1];
  const RingLine* const lines = &line;
  for (unsigned i = 0; i < NumberedMessage::lines(line); ++i) {
    for (unsigned word = i == 0 ? 1 : 0; word < 8; ++word) {
      if (lines[i].words[word] != number) return std::nullopt;
    }
  }
  return number;
}

std::vector<std::uint64_t> take(NumberedRing& ring, std::size_t most = SIZE_MAX) {
  std::vector<std::uint64_t> numbers;
  const std::size_t count = ring.consume(most, [&](const RingLine& line) {
    const auto number = number_of(line);
    EXPECT_TRUE(number);
    numbers.push_back(number.value_or(0));
  });
  EXPECT_EQ(count, numbers.size());
  return numbers;
}

using Numbers = std::vector<std::uint64_t>;

TEST(LineRing, HoldsItsLinesExactlyAndNoMore) {
  NumberedRing ring(5);
  EXPECT_EQ(ring.capacity_lines(), 8U);
  EXPECT_TRUE(put(ring, 3, 1));
  EXPECT_TRUE(put(ring, 3, 2));
  EXPECT_FALSE(put(ring, 3, 3)) << "two lines are left";
  EXPECT_TRUE(put(ring, 2, 4)) << "and a shorter message gets them";
  EXPECT_FALSE(put(ring, 1, 5));
  ring.publish();
  EXPECT_EQ(take(ring), (Numbers{1, 2, 4}));
  EXPECT_TRUE(put(ring, 8, 6)) << "all of it for one";
  EXPECT_FALSE(put(ring, 1, 7));
  ring.publish();
  EXPECT_EQ(take(ring), Numbers{6});
  EXPECT_TRUE(ring.empty());
}

TEST(LineRing, SkipsTheLinesAtItsEndThatAreTooFewForAMessage) {
  NumberedRing ring(8);
  EXPECT_TRUE(put(ring, 6, 1));
  ring.publish();
  EXPECT_FALSE(put(ring, 3, 2)) << "two at the end, none at the start";
  EXPECT_EQ(take(ring), Numbers{1});
  EXPECT_TRUE(put(ring, 3, 2)) << "from line 0 on: lines 6 and 7 are skipped";
  EXPECT_TRUE(put(ring, 3, 3));
  EXPECT_FALSE(put(ring, 1, 4)) << "3 + 3 lines and 2 that are skipped";
  ring.publish();
  EXPECT_EQ(take(ring), (Numbers{2, 3}));
  EXPECT_TRUE(ring.empty());
  // A claim that found no room has skipped nothing: what is shorter still gets the end.
  EXPECT_TRUE(put(ring, 1, 5));
  ring.publish();
  EXPECT_FALSE(put(ring, 8, 6));
  EXPECT_TRUE(put(ring, 1, 7));
  ring.publish();
  EXPECT_EQ(take(ring), (Numbers{5, 7}));
}

TEST(LineRing, ShowsWhatWasCommittedWhenItIsPublishedOnceForMany) {
  NumberedRing ring(16);
  EXPECT_TRUE(put(ring, 2, 1));
  EXPECT_TRUE(put(ring, 3, 2));
  EXPECT_TRUE(ring.empty());
  EXPECT_EQ(take(ring), Numbers{});
  ring.publish();
  EXPECT_FALSE(ring.empty());
  EXPECT_TRUE(put(ring, 1, 3));
  EXPECT_EQ(take(ring), (Numbers{1, 2})) << "the third waits for its own publication";
  ring.publish();
  EXPECT_EQ(take(ring), Numbers{3});
}

TEST(LineRing, GivesAsManyAsAreAskedForAndTheRestLater) {
  NumberedRing ring(16);
  for (std::uint64_t number = 1; number <= 5; ++number) EXPECT_TRUE(put(ring, 2, number));
  ring.publish();
  EXPECT_EQ(take(ring, 0), Numbers{});
  EXPECT_EQ(take(ring, 2), (Numbers{1, 2}));
  EXPECT_TRUE(put(ring, 5, 6)) << "lines 10 to 14";
  EXPECT_TRUE(put(ring, 3, 7)) << "from the start: what was taken is free again";
  EXPECT_FALSE(put(ring, 2, 8));
  ring.publish();
  EXPECT_EQ(take(ring, 3), (Numbers{3, 4, 5}));
  EXPECT_EQ(take(ring, 9), (Numbers{6, 7}));
}

TEST(LineRing, EverythingArrivesOnceAndInOrderAcrossThreads) {
  constexpr std::uint64_t kCount = 50'000;
  NumberedRing ring(64);
  std::thread producer([&] {
    std::mt19937 random(3);
    for (std::uint64_t number = 0; number < kCount; ++number) {
      const auto lines = static_cast<unsigned>(1 + random() % 6);
      while (!put(ring, lines, number)) {
        ring.publish();
        std::this_thread::yield();
      }
      if (random() % 5 == 0) ring.publish();
    }
    ring.publish();
  });
  std::uint64_t expected = 0;
  bool in_order = true;
  while (expected < kCount) {
    const std::size_t count = ring.consume(17, [&](const RingLine& line) {
      in_order = in_order && number_of(line) == expected;
      ++expected;
    });
    if (count == 0) std::this_thread::yield();
  }
  producer.join();
  EXPECT_TRUE(in_order);
  EXPECT_TRUE(ring.empty());
}

TEST(RecordRing, HasRoomForTheLongestRecordHoweverFewLinesWereAskedFor) {
  RecordRing ring(1);
  OwnedRecord longest;
  for (std::size_t i = 1; i < kSectionCount; ++i) longest.add(static_cast<Section>(i));
  ASSERT_EQ(longest.view().lines(), kMostRecordLines);
  const FlowRecord plain{};
  const auto push = [&](RecordView record) {
    RingLine* const lines = ring.claim(record.lines());
    if (lines == nullptr) return false;
    std::memcpy(lines, record.octets(), record.size());
    ring.commit(record.lines());
    ring.publish();
    return true;
  };
  // An empty ring takes it wherever its end is: two lines further on each time.
  for (std::size_t i = 0; i < ring.capacity_lines(); ++i) {
    ASSERT_TRUE(push(longest)) << i;
    ASSERT_EQ(ring.consume(2, [](const RingLine&) {}), 1U);
    ASSERT_TRUE(push(plain));
    ASSERT_EQ(ring.consume(2, [](const RingLine&) {}), 1U);
  }
}

TEST(RecordRing, TellsTheLengthOfARecordByItsFirstLine) {
  RecordRing ring(RecordRing::Exactly{ring_lines(4)});
  ASSERT_EQ(ring.capacity_lines(), 8U);
  constexpr std::uint32_t kLongLines = 6;  // in a ring of 8 lines, each lap begins at another line
  OwnedRecord longest;
  for (std::size_t i = kSectionCount - 1; i > 0; --i) {
    const auto section = static_cast<Section>(i);
    if (record_lines(longest->sections | section_bit(section)) <= kLongLines) longest.add(section);
  }
  ASSERT_EQ(record_lines(longest->sections), kLongLines);
  longest->packets[kForward] = 1;
  const std::uint32_t long_sections = longest->sections;
  OwnedRecord plain;
  plain->sections = FlowRecord::kOverflowMark;
  plain->packets[kForward] = 2;
  const auto push = [&](RecordView record) {
    RingLine* const lines = ring.claim(record.lines());
    if (lines == nullptr) return false;
    std::memcpy(lines, record.octets(), record.size());
    ring.commit(record.lines());
    ring.publish();
    return true;
  };
  Numbers packets;
  const auto pop = [&](const RingLine& line) {
    const FlowRecord& record = RecordMessage::record(line);
    packets.push_back(record.packets[kForward]);
    EXPECT_EQ(record.sections, record.packets[kForward] == 1 ? long_sections : FlowRecord::kOverflowMark);
  };
  for (int lap = 0; lap < 3; ++lap) {
    EXPECT_TRUE(push(plain));
    EXPECT_TRUE(push(longest));
    EXPECT_FALSE(push(plain));
    EXPECT_EQ(ring.consume(1, pop), 1U);
    EXPECT_FALSE(push(longest));
    EXPECT_TRUE(push(plain));
    EXPECT_EQ(ring.consume(9, pop), 2U);
    EXPECT_TRUE(push(longest)) << "lines 2 to 7";
    EXPECT_EQ(ring.consume(9, pop), 1U);
  }
  EXPECT_EQ(packets, (Numbers{2, 1, 2, 1, 2, 1, 2, 1, 2, 1, 2, 1}));
}

}  // namespace
}  // namespace weir::line_ring_test
