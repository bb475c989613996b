// A worker's thread of a running weir, found, and held for a while as a scheduler might hold it.
#pragma once

#include <gtest/gtest.h>
#include <sys/ptrace.h>
#include <sys/types.h>
#include <sys/wait.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <string>

#include "tests/support/process.h"

namespace weir::test {

/// The thread of a worker of this process, by its name; -1: there is none.
inline pid_t worker_thread(int process) {
  for (const auto& task : std::filesystem::directory_iterator("/proc/" + std::to_string(process) + "/task")) {
    if (contents(task.path() / "comm").starts_with("rte-worker")) return std::stoi(task.path().filename());
  }
  return -1;
}

/// A thread of another process that stands still while this lives. Needs root.
class HeldThread {
 public:
  explicit HeldThread(pid_t thread) : thread_(thread) {
    EXPECT_EQ(ptrace(PTRACE_SEIZE, thread_, nullptr, nullptr), 0) << std::strerror(errno);
    EXPECT_EQ(ptrace(PTRACE_INTERRUPT, thread_, nullptr, nullptr), 0);
    EXPECT_EQ(waitpid(thread_, nullptr, __WALL), thread_);
  }
  HeldThread(const HeldThread&) = delete;
  HeldThread& operator=(const HeldThread&) = delete;
  ~HeldThread() { EXPECT_EQ(ptrace(PTRACE_DETACH, thread_, nullptr, nullptr), 0); }

 private:
  pid_t thread_;
};

}  // namespace weir::test
