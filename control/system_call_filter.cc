#include "control/system_call_filter.h"

#include <fmt/format.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <memory>

namespace weir {
namespace {

struct Release {
  void operator()(void* filter) const { seccomp_release(filter); }
};

using Filter = std::unique_ptr<void, Release>;

/// Names, since an architecture does not have them all. libseccomp knows the number of each.
constexpr auto kAllowed = std::to_array<const char*>(
    {// memory: flow tables, buffers, memif regions; filters of an applied configuration, compiled to machine code
     "brk", "mmap", "munmap", "mremap", "mprotect", "madvise", "mbind", "get_mempolicy", "set_mempolicy",
     "memfd_create", "ftruncate", "fallocate",
     // threads: exporters that are added, gRPC's, those of look-ups
     "clone3", "exit", "exit_group", "futex", "set_robust_list", "get_robust_list", "rseq", "set_tid_address", "gettid",
     "getpid", "getppid", "sched_yield", "sched_getaffinity", "sched_setaffinity", "sched_getparam",
     "sched_getscheduler", "sched_get_priority_max", "sched_get_priority_min", "getcpu", "membarrier", "prctl",
     "restart_syscall",
     // time, where the vDSO does not tell it; DPDK's alarms
     "clock_gettime", "clock_getres", "clock_nanosleep", "nanosleep", "gettimeofday", "time", "timerfd_create",
     "timerfd_settime",
     // signals: those of operators, those of weir to itself, an abort
     "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "rt_sigtimedwait", "sigaltstack", "kill", "tgkill",
     // files: outputs and their rotation, configurations, prefixes, names of hosts
     "open", "openat", "close", "read", "pread64", "readv", "write", "pwrite64", "writev", "lseek", "fsync",
     "fdatasync", "flock", "fcntl", "dup", "dup2", "dup3", "stat", "fstat", "lstat", "newfstatat", "statx", "statfs",
     "fstatfs", "access", "faccessat", "faccessat2", "getdents64", "readlink", "readlinkat", "getcwd", "rename",
     "renameat2", "link", "unlink", "unlinkat", "fadvise64", "pipe", "pipe2",
     // waiting
     "poll", "ppoll", "select", "pselect6", "epoll_create", "epoll_create1", "epoll_ctl", "epoll_wait", "epoll_pwait",
     "eventfd2",
     // sockets: exporters, weirctl, browsers, ports
     "socket", "socketpair", "bind", "listen", "accept", "accept4", "connect", "shutdown", "getsockname", "getpeername",
     "getsockopt", "setsockopt", "sendto", "recvfrom", "sendmsg", "recvmsg", "sendmmsg", "recvmmsg", "ioctl",
     // the process and the machine
     "getuid", "geteuid", "getgid", "getegid", "getresuid", "getresgid", "getgroups", "getrandom", "getrusage",
     "getrlimit", "prlimit64", "sysinfo", "uname"});

constexpr std::uint64_t kNamespaces =
    CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP;

tl::unexpected<std::string> fault(const char* what, int result) {
  return tl::unexpected(fmt::format("the filter of system calls: {}: {}", what, std::strerror(-result)));
}

tl::expected<void, std::string> load(const Filter& filter) {
  if (const int result = seccomp_attr_set(filter.get(), SCMP_FLTATR_CTL_TSYNC, 1); result != 0) {
    return fault("this kernel cannot set it for all threads", result);
  }
  // Search the list by halves.
  (void)seccomp_attr_set(filter.get(), SCMP_FLTATR_CTL_OPTIMIZE, 2);
  if (const int result = seccomp_load(filter.get()); result != 0) return fault("the kernel refuses it", result);
  return {};
}

/// Of calls on the list: what is refused by its arguments. Nothing of this is logged, since each new thread is tried by
/// clone3 first. A filter cannot see clone3's flags; without it the C library uses clone.
tl::expected<void, std::string> filter_arguments() {
  const Filter filter(seccomp_init(SCMP_ACT_ALLOW));
  if (filter == nullptr) return fault("no memory", -ENOMEM);
  int result = seccomp_rule_add(filter.get(), SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
  for (const std::uint64_t command : {TIOCSTI, TIOCLINUX}) {
    if (result != 0) break;
    const scmp_arg_cmp is_command = SCMP_A1(SCMP_CMP_MASKED_EQ, UINT32_MAX, command);  // the kernel takes 32 bits
    result = seccomp_rule_add_array(filter.get(), SCMP_ACT_ERRNO(EPERM), SCMP_SYS(ioctl), 1, &is_command);
  }
  if (result != 0) return fault("arguments", result);
  return load(filter);
}

}  // namespace

tl::expected<void, std::string> filter_system_calls() {
  if (auto filtered = filter_arguments(); !filtered) return filtered;
  const Filter filter(seccomp_init(SCMP_ACT_ERRNO(EPERM)));
  if (filter == nullptr) return fault("no memory", -ENOMEM);
  // A kernel before 4.14 cannot log what it refuses.
  (void)seccomp_attr_set(filter.get(), SCMP_FLTATR_CTL_LOG, 1);
  for (const char* const name : kAllowed) {
    const int number = seccomp_syscall_resolve_name(name);
    if (number == __NR_SCMP_ERROR) continue;  // newer than libseccomp, so weir does not make it
    if (const int result = seccomp_rule_add(filter.get(), SCMP_ACT_ALLOW, number, 0); result != 0) {
      return fault(name, result);
    }
  }
  const scmp_arg_cmp no_namespace = SCMP_A0(SCMP_CMP_MASKED_EQ, kNamespaces, 0);
  if (const int result = seccomp_rule_add_array(filter.get(), SCMP_ACT_ALLOW, SCMP_SYS(clone), 1, &no_namespace);
      result != 0) {
    return fault("clone", result);
  }
  return load(filter);
}

}  // namespace weir
