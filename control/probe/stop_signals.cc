#include "control/probe/stop_signals.h"

#include <pthread.h>

#include <ctime>

namespace weir {

StopSignals::StopSignals() {
  sigemptyset(&signals_);
  sigaddset(&signals_, SIGINT);
  sigaddset(&signals_, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals_, nullptr);
}

std::optional<int> StopSignals::wait(std::chrono::nanoseconds limit) const {
  const timespec timeout{limit.count() / 1'000'000'000, limit.count() % 1'000'000'000};
  const int signal = sigtimedwait(&signals_, nullptr, &timeout);
  if (signal <= 0) return std::nullopt;
  return signal;
}

}  // namespace weir
