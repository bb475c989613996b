// AllSignalsBlocked: threads that are made while it exists never take a signal.
//
// Threads inherit the mask of their maker: blocked around the making, it holds from the thread's first instruction.
#pragma once

#include <pthread.h>

#include <csignal>

namespace weir {

class AllSignalsBlocked {
 public:
  AllSignalsBlocked() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  AllSignalsBlocked(const AllSignalsBlocked&) = delete;
  AllSignalsBlocked& operator=(const AllSignalsBlocked&) = delete;
  ~AllSignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

 private:
  sigset_t before_{};
};

}  // namespace weir
