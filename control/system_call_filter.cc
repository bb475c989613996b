#include "control/system_call_filter.h"

#include <fmt/format.h>
#include <seccomp.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <memory>

namespace weir {
namespace {

struct Release {
  void operator()(void* filter) const { seccomp_release(filter); }
};

/// Names, since an architecture does not have them all. libseccomp knows the number of each.
constexpr auto kAllowed = std::to_array<const char*>({
    // memory: flow tables of an applied configuration, buffers, memif regions; filters compiled to machine code
    "brk",
    "mmap",
    "munmap",
    "mremap",
    "mprotect",
    "madvise",
    "mbind",
    "get_mempolicy",
    "set_mempolicy",
    "mlock",
    "munlock",
    "memfd_create",
    "ftruncate",
    "fallocate",
    // threads: exporters that are added, gRPC's, those of look-ups
    "clone",
    "clone3",
    "exit",
    "exit_group",
    "futex",
    "set_robust_list",
    "get_robust_list",
    "rseq",
    "set_tid_address",
    "gettid",
    "getpid",
    "getppid",
    "sched_yield",
    "sched_getaffinity",
    "sched_setaffinity",
    "sched_getparam",
    "sched_getscheduler",
    "sched_get_priority_max",
    "sched_get_priority_min",
    "getcpu",
    "membarrier",
    "prctl",
    "arch_prctl",
    "restart_syscall",
    // time
    "clock_gettime",
    "clock_getres",
    "clock_nanosleep",
    "nanosleep",
    "gettimeofday",
    "time",
    "adjtimex",
    "clock_adjtime",
    "timerfd_create",
    "timerfd_settime",
    "timerfd_gettime",
    // signals: those of operators, those of weir to itself, an abort
    "rt_sigaction",
    "rt_sigprocmask",
    "rt_sigreturn",
    "rt_sigtimedwait",
    "rt_sigpending",
    "sigaltstack",
    "kill",
    "tgkill",
    // files: outputs and their rotation, configurations, prefixes, names of hosts
    "open",
    "openat",
    "close",
    "close_range",
    "read",
    "pread64",
    "readv",
    "preadv",
    "write",
    "pwrite64",
    "writev",
    "pwritev",
    "lseek",
    "fsync",
    "fdatasync",
    "flock",
    "fcntl",
    "dup",
    "dup2",
    "dup3",
    "stat",
    "fstat",
    "lstat",
    "newfstatat",
    "statx",
    "statfs",
    "fstatfs",
    "access",
    "faccessat",
    "faccessat2",
    "getdents64",
    "readlink",
    "readlinkat",
    "getcwd",
    "rename",
    "renameat",
    "renameat2",
    "link",
    "linkat",
    "unlink",
    "unlinkat",
    "mkdir",
    "mkdirat",
    "rmdir",
    "chmod",
    "fchmod",
    "fchmodat",
    "umask",
    "fadvise64",
    "ioctl",
    "pipe",
    "pipe2",
    // waiting
    "poll",
    "ppoll",
    "select",
    "pselect6",
    "epoll_create",
    "epoll_create1",
    "epoll_ctl",
    "epoll_wait",
    "epoll_pwait",
    "epoll_pwait2",
    "eventfd2",
    // sockets: exporters, weirctl, browsers, ports
    "socket",
    "socketpair",
    "bind",
    "listen",
    "accept",
    "accept4",
    "connect",
    "shutdown",
    "getsockname",
    "getpeername",
    "getsockopt",
    "setsockopt",
    "sendto",
    "recvfrom",
    "sendmsg",
    "recvmsg",
    "sendmmsg",
    "recvmmsg",
    // the process and the machine
    "getuid",
    "geteuid",
    "getgid",
    "getegid",
    "getresuid",
    "getresgid",
    "getgroups",
    "getrandom",
    "getrusage",
    "getrlimit",
    "prlimit64",
    "sysinfo",
    "uname",
    "capget",
});

tl::unexpected<std::string> fault(const char* what, int result) {
  return tl::unexpected(fmt::format("the filter of system calls: {}: {}", what, std::strerror(-result)));
}

}  // namespace

tl::expected<void, std::string> filter_system_calls() {
  const std::unique_ptr<void, Release> filter(seccomp_init(SCMP_ACT_ERRNO(EPERM)));
  if (filter == nullptr) return fault("no memory", -ENOMEM);
  if (const int result = seccomp_attr_set(filter.get(), SCMP_FLTATR_CTL_TSYNC, 1); result != 0) {
    return fault("this kernel cannot set it for all threads", result);
  }
  // A kernel before 4.14 cannot log what it refuses.
  (void)seccomp_attr_set(filter.get(), SCMP_FLTATR_CTL_LOG, 1);
  // Search the list by halves.
  (void)seccomp_attr_set(filter.get(), SCMP_FLTATR_CTL_OPTIMIZE, 2);
  for (const char* const name : kAllowed) {
    const int number = seccomp_syscall_resolve_name(name);
    if (number == __NR_SCMP_ERROR) continue;  // newer than libseccomp, so weir does not make it
    if (const int result = seccomp_rule_add(filter.get(), SCMP_ACT_ALLOW, number, 0); result != 0) {
      return fault(name, result);
    }
  }
  if (const int result = seccomp_load(filter.get()); result != 0) return fault("the kernel refuses it", result);
  return {};
}

}  // namespace weir
