#include "control/run_user.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <system_error>
#include <utility>

#include "proto/base/unique_fd.h"

namespace weir {
namespace {

tl::unexpected<std::string> fault(const std::string& user, const std::string& what) {
  return tl::unexpected(fmt::format("--user {}: {}", user, what));
}

tl::unexpected<std::string> system_fault(const std::string& user, const char* what) {
  return fault(user, fmt::format("{}: {}", what, std::strerror(errno)));
}

/// The files of /proc/self belong to root after a change of the effective user, unless weir says that others of the
/// same user may look at it as at any program. weir reads its own memory there (memif).
void keep_proc_readable() {
  ::prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
}

/// What "CapEff:\t0000000000000000" in /proc/self/task/TID/status say; empty: all threads are without capabilities.
std::string capability_left() {
  std::error_code error;
  for (const auto& thread : std::filesystem::directory_iterator("/proc/self/task", error)) {
    std::ifstream status(thread.path() / "status");
    for (std::string line; std::getline(status, line);) {
      const bool counts = line.starts_with("CapInh:") || line.starts_with("CapPrm:") || line.starts_with("CapEff:") ||
                          line.starts_with("CapAmb:");
      if (counts && line.find_first_not_of("0\t ", 7) != std::string::npos) {
        return fmt::format("thread {} keeps capabilities ({})", thread.path().filename().string(), line);
      }
    }
  }
  return error ? "/proc/self/task: " + error.message() : std::string();
}

}  // namespace

AsRoot::AsRoot() : user_(::geteuid()), group_(::getegid()) {
  if (user_ == 0 || ::getuid() != 0) return;
  raised_ = ::seteuid(0) == 0;
  if (raised_) (void)::setegid(0);
}

AsRoot::~AsRoot() {
  if (!raised_) return;
  (void)::setegid(group_);
  (void)::seteuid(user_);  // RunUser::become() makes sure that nothing of root is left
  keep_proc_readable();
}

tl::expected<RunUser, std::string> RunUser::find(const std::string& user) {
  uid_t number = 0;
  const char* const end = user.data() + user.size();
  const auto parsed = std::from_chars(user.data(), end, number);
  const bool is_number = parsed.ec == std::errc() && parsed.ptr == end;
  const passwd* const entry = is_number ? ::getpwuid(number) : ::getpwnam(user.c_str());
  if (entry == nullptr) return fault(user, "there is no such user");
  if (entry->pw_uid == 0) return fault(user, "that is root by another name; name a user with fewer rights");
  if (::getuid() != 0 || ::geteuid() != 0) {
    return fault(user, "only root can become another user; start weir as root, or without --user");
  }
  return RunUser(entry->pw_name, entry->pw_uid, entry->pw_gid);
}

void RunUser::confine() const {
  ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  for (unsigned capability = 0; ::prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; ++capability) {
    ::prctl(PR_CAPBSET_DROP, capability, 0, 0, 0);
  }
  ::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3]{};
  if (::syscall(SYS_capget, &header, sets) != 0) return;
  for (auto& set : sets) set.inheritable = 0;
  (void)::syscall(SYS_capset, &header, sets);  // become() looks at what is left
}

tl::expected<void, std::string> RunUser::act() const {
  if (::initgroups(name_.c_str(), group_) != 0) return system_fault(name_, "initgroups");
  if (::setegid(group_) != 0) return system_fault(name_, "setegid");
  if (::seteuid(user_) != 0) return system_fault(name_, "seteuid");
  keep_proc_readable();
  return {};
}

tl::expected<void, std::string> RunUser::become() const {
  // glibc makes each of these calls in every thread.
  if (::seteuid(0) != 0) return system_fault(name_, "seteuid");
  if (::setresgid(group_, group_, group_) != 0) return system_fault(name_, "setresgid");
  if (::setresuid(user_, user_, user_) != 0) return system_fault(name_, "setresuid");
  keep_proc_readable();
  if (::setuid(0) == 0) return fault(name_, "root could be taken back");
  if (const std::string left = capability_left(); !left.empty()) return fault(name_, left);
  return {};
}

void RunUser::make_folder(const std::string& folder, mode_t mode) const {
  if (::mkdir(folder.c_str(), mode) == 0 || ::eaccess(folder.c_str(), W_OK) == 0 || !is_given(folder)) return;
  const AsRoot root;
  (void)::mkdir(folder.c_str(), mode);
  const UniqueFd made(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (made.valid()) (void)::fchown(made.get(), user_, group_);
}

bool RunUser::is_given(const std::string& folder) {
  namespace fs = std::filesystem;
  if (::getuid() != 0 || ::geteuid() == 0) return false;
  const AsRoot root;
  std::error_code error;
  struct stat status {};
  if (::lstat(folder.c_str(), &status) != 0) {
    return errno == ENOENT && fs::is_directory(fs::absolute(folder, error).parent_path(), error);
  }
  return S_ISDIR(status.st_mode) && status.st_uid == 0 && fs::is_empty(folder, error) && !error;
}

}  // namespace weir
