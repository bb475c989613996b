// ProbeSignals in a process of its own each: signals are the whole process's.
#include "control/probe/signals.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <optional>
#include <thread>

namespace weir::signals_test {
namespace {

using Event = ProbeSignals::Event;

constexpr std::chrono::seconds kLong{20};

/// Sends this process a signal, and waits until it is out of the kernel's hands, which would merge the next one with
/// it.
void send(int number) {
  kill(getpid(), number);
  sigset_t pending;
  do {
    std::this_thread::yield();
    sigpending(&pending);
  } while (sigismember(&pending, number) == 1);
}

/// 0, or the first step that went wrong.
int take_signals_of_a_busy_supervisor() {
  const ProbeSignals signals;
  send(SIGHUP);
  send(SIGHUP);
  send(SIGTERM);
  send(SIGTERM);
  for (const Event event : {Event::reopen, Event::reopen, Event::stop, Event::stop}) {
    const std::optional<ProbeSignals::Received> next = signals.wait(kLong);
    if (!next || next->event != event || next->asked) return 1;
    if (next->pid != getpid() || next->uid != getuid()) return 2;
  }
  return signals.wait(std::chrono::nanoseconds(0)) ? 3 : 0;
}

int take_what_was_asked() {
  ProbeSignals signals;
  signals.ask(Event::drain);
  signals.ask(Event::stop);
  const auto next = signals.wait(kLong);
  if (!next || next->event != Event::stop || !next->asked) return 1;
  if (signals.wait(std::chrono::nanoseconds(0))) return 2;  // a stop drains
  signals.ask(Event::drain);
  const auto drain = signals.wait(kLong);
  return drain && drain->event == Event::drain && drain->asked ? 0 : 3;
}

TEST(ProbeSignalsDeathTest, EverySignalCountsThatComesWhileTheSupervisorIsBusyAndNamesItsSender) {
  EXPECT_EXIT(_exit(take_signals_of_a_busy_supervisor()), testing::ExitedWithCode(0), "");
}

TEST(ProbeSignalsDeathTest, WhatIsAskedForComesOnceAndAStopTakesTheDrainWithIt) {
  EXPECT_EXIT(_exit(take_what_was_asked()), testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace weir::signals_test
