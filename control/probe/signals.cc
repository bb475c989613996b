#include "control/probe/signals.h"

#include <pthread.h>
#include <unistd.h>

#include <array>

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
/// Ends the thread. From elsewhere it does nothing.
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
  thread_ = std::thread([this] { take_signals(); });
}

ProbeSignals::~ProbeSignals() {
  {
    const std::lock_guard lock(mutex_);
    over_ = true;
  }
  pthread_kill(thread_.native_handle(), kWake);
  thread_.join();
}

void ProbeSignals::take_signals() {
  for (;;) {
    siginfo_t info{};
    const int number = sigwaitinfo(&signals_, &info);
    const std::lock_guard lock(mutex_);
    if (over_) return;
    for (const Taken& taken : kTaken) {
      if (taken.number != number || waiting_.size() == kMostWaiting) continue;
      waiting_.push_back(taken.received);
      const bool of_process = info.si_code <= 0;  // SI_USER, SI_QUEUE, SI_TKILL: these alone name a sender
      if (of_process) waiting_.back().uid = info.si_uid;
      if (of_process) waiting_.back().pid = info.si_pid;
      changed_.notify_all();
    }
  }
}

void ProbeSignals::ask(Event event) {
  const std::lock_guard lock(mutex_);
  (event == Event::stop ? stop_asked_ : drain_asked_) = true;
  changed_.notify_all();
}

std::optional<ProbeSignals::Received> ProbeSignals::wait(std::chrono::nanoseconds limit) const {
  std::unique_lock lock(mutex_);
  if (!changed_.wait_for(lock, limit, [this] { return !waiting_.empty() || stop_asked_ || drain_asked_; })) return {};
  if (!waiting_.empty()) {
    const Received first = waiting_.front();
    waiting_.pop_front();
    return first;
  }
  const bool stop = stop_asked_;
  stop_asked_ = drain_asked_ = false;
  return stop ? Received{Event::stop, "weirctl stop", true} : Received{Event::drain, "weirctl drain", true};
}

}  // namespace weir
