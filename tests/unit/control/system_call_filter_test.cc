// The filter of system calls, in a process of its own that it holds for ever after.
#include "control/system_call_filter.h"

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <future>
#include <string>
#include <thread>

namespace weir {
namespace {

bool fails_with(int error, long result) {
  return result == -1 && errno == error;
}

/// Calls that weir makes, with arguments that it does not use.
bool refuses_arguments() {
  winsize size{};
  return fails_with(EPERM, syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, nullptr, nullptr, nullptr, nullptr)) &&
         fails_with(ENOSYS, syscall(SYS_clone3, nullptr, 0)) && fails_with(EPERM, ioctl(0, TIOCSTI, "x")) &&
         fails_with(EPERM, syscall(SYS_ioctl, 0, (1UL << 32) | TIOCSTI, "x")) &&
         (ioctl(0, TIOCGWINSZ, &size) == 0 || errno != EPERM);
}

/// 0: the filter holds as it should in the thread that sets it, in one from before and in one from after.
int try_filter() {
  const auto refused = [] {
    errno = 0;
    execl("/bin/true", "true", nullptr);
    const bool runs_nothing = errno == EPERM;
    return runs_nothing && mount("none", "/proc", "tmpfs", 0, nullptr) == -1 && errno == EPERM;
  };
  std::promise<void> set;
  bool before = false;
  std::thread earlier([&] {
    set.get_future().wait();
    before = refused();
  });
  if (!filter_system_calls()) _exit(1);
  set.set_value();
  earlier.join();
  bool after = false;
  std::thread([&] { after = refused(); }).join();
  std::ifstream status("/proc/self/status");  // what weir does is allowed
  std::string word;
  if (!before || !after || !refused()) return 2;
  if (!refuses_arguments()) return 3;
  return (status >> word) ? 0 : 4;
}

TEST(SystemCallFilter, RefusesInEveryThreadWhatWeirDoesNotDo) {
  EXPECT_EXIT(
      {
        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        _exit(try_filter());
      },
      ::testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace weir
