// What one thread leaves for another: taken once, whole, in order, and freed when it is not needed any more.
#include "dataplane/mailbox.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <thread>
#include <vector>

namespace weir::test::mailbox_test {
namespace {

/// Counts how many of it are alive.
struct Setting {
  explicit Setting(unsigned which) : number(which) { ++alive; }
  Setting(const Setting& other) : number(other.number) { ++alive; }
  Setting& operator=(const Setting&) = delete;
  ~Setting() { --alive; }

  unsigned number;
  static inline std::atomic<int> alive{0};
};

unsigned take(ConfigurationSlot<Setting>& slot) {
  unsigned number = 0;
  slot.take([&](const Setting& setting) { number = setting.number; });
  return number;
}

TEST(ConfigurationSlot, AnOfferIsTakenOnce) {
  ConfigurationSlot<Setting> slot;
  EXPECT_TRUE(slot.taken()) << "nothing was offered";
  EXPECT_EQ(take(slot), 0U);
  slot.offer(std::make_unique<const Setting>(1));
  EXPECT_FALSE(slot.taken());
  EXPECT_EQ(take(slot), 1U);
  EXPECT_TRUE(slot.taken());
  EXPECT_EQ(take(slot), 0U);
}

TEST(ConfigurationSlot, TheOldValueLivesUntilTheNewOneIsTaken) {
  {
    ConfigurationSlot<Setting> slot;
    slot.offer(std::make_unique<const Setting>(1));
    EXPECT_EQ(take(slot), 1U);
    slot.offer(std::make_unique<const Setting>(2));
    EXPECT_FALSE(slot.taken());
    EXPECT_EQ(Setting::alive, 2) << "the worker still uses the first one";
    EXPECT_EQ(take(slot), 2U);
    EXPECT_TRUE(slot.taken());
    EXPECT_EQ(Setting::alive, 1);
  }
  EXPECT_EQ(Setting::alive, 0);
}

TEST(ConfigurationSlot, ANewOfferTakesThePlaceOfOneThatNobodyTook) {
  ConfigurationSlot<Setting> slot;
  slot.offer(std::make_unique<const Setting>(1));
  slot.offer(std::make_unique<const Setting>(2));
  EXPECT_EQ(Setting::alive, 1);
  EXPECT_EQ(take(slot), 2U);
  EXPECT_FALSE(slot.withdraw()) << "the worker has it";
  slot.offer(std::make_unique<const Setting>(3));
  EXPECT_TRUE(slot.withdraw());
  EXPECT_EQ(take(slot), 0U);
  EXPECT_TRUE(slot.taken());
}

TEST(ConfigurationSlot, PublishSaysHowManyWorkersHaveItWhenTheTimeIsOver) {
  ConfigurationSlot<Setting> polled;
  ConfigurationSlot<Setting> stuck;
  std::atomic<bool> stop{false};
  std::thread worker([&] {
    while (!stop) {
      (void)take(polled);
      std::this_thread::yield();
    }
  });
  const std::vector<ConfigurationSlot<Setting>*> slots{&polled, &stuck};
  EXPECT_EQ(publish<Setting>(slots, Setting(1), std::chrono::seconds(1)), 1U);
  EXPECT_EQ(take(stuck), 1U) << "later, when it polls again";
  stop = true;
  worker.join();
}

TEST(ConfigurationSlot, WhateverTheTimingAWorkerSeesOffersInOrderAndTheLastOne) {
  ConfigurationSlot<Setting> slot;
  constexpr unsigned kOffers = 20'000;
  std::atomic<bool> stop{false};
  std::vector<unsigned> seen;
  std::thread worker([&] {
    while (!stop) {
      if (const unsigned number = take(slot); number != 0) seen.push_back(number);
    }
  });
  for (unsigned number = 1; number <= kOffers; ++number) {
    slot.offer(std::make_unique<const Setting>(number));
    if (number % 7 == 0) (void)slot.withdraw();
    if (number % 64 == 0) std::this_thread::yield();
  }
  slot.offer(std::make_unique<const Setting>(kOffers + 1));
  while (!slot.taken()) std::this_thread::yield();
  stop = true;
  worker.join();
  EXPECT_TRUE(std::is_sorted(seen.begin(), seen.end()));
  EXPECT_EQ(seen.back(), kOffers + 1);
}

}  // namespace
}  // namespace weir::test::mailbox_test
