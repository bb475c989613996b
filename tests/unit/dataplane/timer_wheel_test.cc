// The wheel against a plain map from index to tick.
#include "dataplane/flow/timer_wheel.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <vector>

namespace weir::timer_wheel_test {
namespace {

std::vector<std::uint32_t> fired(TimerWheel& wheel, std::uint64_t tick, std::size_t budget = ~std::size_t{0}) {
  std::vector<std::uint32_t> out;
  wheel.advance(
      tick, budget, [](std::uint32_t) {}, [&](auto indices) { out.insert(out.end(), indices.begin(), indices.end()); });
  return out;
}

TEST(TimerWheel, ATimeOnATickFiresThereAndOnePastItAtTheNext) {
  EXPECT_EQ(TimerWheel::tick_after(5 * TimerWheel::kTickNs), 5U);
  EXPECT_EQ(TimerWheel::tick_after(5 * TimerWheel::kTickNs + 1), 6U);
}

TEST(TimerWheel, AnEntryFiresAtItsTickAndNotBefore) {
  for (const std::uint64_t delay :
       {1ULL, 2ULL, 255ULL, 256ULL, 257ULL, 65535ULL, 65536ULL, 65537ULL, 1000000ULL, 16711680ULL}) {
    for (const std::uint64_t start : {0ULL, 1ULL, 255ULL, 256ULL, 65535ULL, 16777215ULL, 16777216ULL + 77ULL}) {
      TimerWheel wheel(4);
      wheel.start(start);
      wheel.schedule(2, start + delay);
      // Entries in higher levels are visited on the way, to be put where they belong: as the shard does.
      std::uint64_t fired_at = 0;
      for (std::uint64_t now = start; fired_at == 0 && now <= start + delay + 70000; now += delay < 70000 ? 1 : 32768) {
        wheel.advance(
            now, 100, [](std::uint32_t) {},
            [&](auto indices) {
              ASSERT_EQ(indices.size(), 1U);
              EXPECT_EQ(indices[0], 2U);
              if (now >= start + delay) {
                fired_at = now;
              } else {
                wheel.schedule(indices[0], start + delay);
              }
            });
      }
      EXPECT_GE(fired_at, start + delay);
      EXPECT_LE(fired_at, start + delay + (delay < 70000 ? 0 : 32768)) << "start " << start << " delay " << delay;
    }
  }
}

TEST(TimerWheel, ACancelledEntryDoesNotFire) {
  TimerWheel wheel(8);
  for (std::uint32_t i = 0; i < 5; ++i) wheel.schedule(i, 10);
  wheel.cancel(2);  // in the middle of the list
  wheel.cancel(4);  // its head
  wheel.cancel(0);  // its end
  EXPECT_EQ(fired(wheel, 20), (std::vector<std::uint32_t>{3, 1}));
}

TEST(TimerWheel, AnEntryCanBeCancelledWhileItsSlotIsBeingWorkedOff) {
  TimerWheel wheel(8);
  for (std::uint32_t i = 0; i < 5; ++i) wheel.schedule(i, 10);
  EXPECT_EQ(fired(wheel, 20, 2).size(), 2U);
  wheel.cancel(1);
  EXPECT_EQ(fired(wheel, 20), (std::vector<std::uint32_t>{2, 0}));
}

TEST(TimerWheel, TheBudgetBoundsTheEntriesOfOneCall) {
  TimerWheel wheel(1000);
  for (std::uint32_t i = 0; i < 1000; ++i) wheel.schedule(i, 300);
  std::size_t total = 0;
  for (unsigned call = 0; call < 200 && total < 1000; ++call) {
    const std::size_t count = fired(wheel, 400, 7).size();
    EXPECT_LE(count, 7U);
    total += count;
  }
  EXPECT_EQ(total, 1000U);
}

TEST(TimerWheel, AJumpOfDecadesVisitsEveryEntryOnce) {
  TimerWheel wheel(300);
  wheel.start(101'000'000'000);
  for (std::uint32_t i = 0; i < 300; ++i) wheel.schedule(i, 101'000'000'000 + i * std::uint64_t{50'000});
  const std::uint64_t decades = std::uint64_t{30} * 365 * 86400 * 1'000'000'000 / TimerWheel::kTickNs;
  EXPECT_EQ(fired(wheel, 101'000'000'000 + decades).size(), 300U);
  EXPECT_EQ(wheel.current_tick(), 101'000'000'000 + decades);
}

TEST(TimerWheel, RandomOperationsAgreeWithAMapOfDeadlines) {
  for (unsigned seed = 1; seed <= 8; ++seed) {
    std::mt19937_64 random(seed);
    constexpr std::uint32_t kCount = 500;
    TimerWheel wheel(kCount);
    std::uint64_t now = random() % 100'000'000;
    wheel.start(now);
    std::map<std::uint32_t, std::uint64_t> deadlines;  // what is in the wheel, and the true deadline of each
    for (unsigned step = 0; step < 20000; ++step) {
      const auto index = static_cast<std::uint32_t>(random() % kCount);
      static constexpr std::uint64_t kReach[] = {10, 300, 70'000, 15'000'000};
      const std::uint64_t deadline = now + 1 + random() % kReach[random() % 4];
      if (deadlines.contains(index)) {
        if (random() % 2 == 0) {
          wheel.cancel(index);
          deadlines.erase(index);
        } else {
          // Lazy: only the deadline moves on, the wheel is not told.
          deadlines[index] = std::max(deadlines[index], deadline);
        }
      } else {
        wheel.schedule(index, deadline);
        deadlines[index] = deadline;
      }
      if (random() % 16 != 0) continue;
      now += random() % kReach[random() % 4];
      const std::size_t budget = random() % 4 == 0 ? random() % 20 : ~std::size_t{0};
      const std::size_t visited = wheel.advance(
          now, budget, [](std::uint32_t) {},
          [&](auto indices) {
            for (const std::uint32_t due : indices) {
              ASSERT_TRUE(deadlines.contains(due));
              if (deadlines[due] <= now) {
                deadlines.erase(due);
              } else {
                wheel.schedule(due, deadlines[due]);
              }
            }
          });
      if (visited < budget) {
        for (const auto& [left, when] : deadlines) {
          ASSERT_GT(when, now) << "entry " << left << " should have fired, seed " << seed << " step " << step;
        }
      }
    }
  }
}

}  // namespace
}  // namespace weir::timer_wheel_test
