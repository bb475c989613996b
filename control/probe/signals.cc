#include "control/probe/signals.h"

#include <pthread.h>
#include <unistd.h>

#include <array>
#include <ctime>

namespace weir {
namespace {

struct Taken {
  int number;
  ProbeSignals::Received received;
};
constexpr auto kTaken = std::to_array<Taken>({
    {SIGINT, {ProbeSignals::Event::stop, "SIGINT"}},
    {SIGTERM, {ProbeSignals::Event::stop, "SIGTERM"}},
    {SIGQUIT, {ProbeSignals::Event::stop, "SIGQUIT"}},
    {SIGHUP, {ProbeSignals::Event::reopen, "SIGHUP"}},
});
/// Ends a wait for signals, since something was asked for. From elsewhere it does no more than that.
constexpr int kWake = SIGUSR1;
/// SIGXFSZ: a file that reaches its size limit is then an error of write().
constexpr auto kIgnored =
    std::to_array({SIGUSR2, SIGALRM, SIGVTALRM, SIGPROF, SIGPOLL, SIGPWR, SIGSTKFLT, SIGXCPU, SIGXFSZ, SIGPIPE});

}  // namespace

ProbeSignals::ProbeSignals() {
  sigemptyset(&signals_);
  for (const Taken& taken : kTaken) sigaddset(&signals_, taken.number);
  sigaddset(&signals_, kWake);
  pthread_sigmask(SIG_BLOCK, &signals_, nullptr);
  for (const int number : kIgnored) std::signal(number, SIG_IGN);
  for (int number = SIGRTMIN; number <= SIGRTMAX; ++number) std::signal(number, SIG_IGN);
}

void ProbeSignals::ask(Event event) {
  (event == Event::stop ? stop_asked_ : drain_asked_).store(true, std::memory_order_release);
  kill(getpid(), kWake);
}

std::optional<ProbeSignals::Received> ProbeSignals::take_asked() const {
  const bool drain = drain_asked_.exchange(false, std::memory_order_acquire);
  if (stop_asked_.exchange(false, std::memory_order_acquire)) return Received{Event::stop, "weirctl stop", true};
  if (drain) return Received{Event::drain, "weirctl drain", true};
  return std::nullopt;
}

std::optional<ProbeSignals::Received> ProbeSignals::wait(std::chrono::nanoseconds limit) const {
  const timespec timeout{limit.count() / 1'000'000'000, limit.count() % 1'000'000'000};
  const int number = sigtimedwait(&signals_, nullptr, &timeout);
  for (const Taken& taken : kTaken) {
    if (taken.number == number) return taken.received;
  }
  return take_asked();
}

}  // namespace weir
