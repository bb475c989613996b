#include "control/probe/signals.h"

#include <pthread.h>

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
/// SIGXFSZ: a file that reaches its size limit is then an error of write().
constexpr auto kIgnored = std::to_array(
    {SIGUSR1, SIGUSR2, SIGALRM, SIGVTALRM, SIGPROF, SIGPOLL, SIGPWR, SIGSTKFLT, SIGXCPU, SIGXFSZ, SIGPIPE});

}  // namespace

ProbeSignals::ProbeSignals() {
  sigemptyset(&signals_);
  for (const Taken& taken : kTaken) sigaddset(&signals_, taken.number);
  pthread_sigmask(SIG_BLOCK, &signals_, nullptr);
  for (const int number : kIgnored) std::signal(number, SIG_IGN);
  for (int number = SIGRTMIN; number <= SIGRTMAX; ++number) std::signal(number, SIG_IGN);
}

std::optional<ProbeSignals::Received> ProbeSignals::wait(std::chrono::nanoseconds limit) const {
  const timespec timeout{limit.count() / 1'000'000'000, limit.count() % 1'000'000'000};
  const int number = sigtimedwait(&signals_, nullptr, &timeout);
  for (const Taken& taken : kTaken) {
    if (taken.number == number) return taken.received;
  }
  return std::nullopt;
}

}  // namespace weir
