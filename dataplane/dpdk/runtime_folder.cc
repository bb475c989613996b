#include "dataplane/dpdk/runtime_folder.h"

#include <fcntl.h>
#include <rte_eal.h>
#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <optional>
#include <string_view>
#include <system_error>
#include <vector>

#include "proto/base/unique_fd.h"

namespace weir::dpdk {
namespace {

namespace fs = std::filesystem;

std::optional<fs::path> runtime_folder() {
  const char* const folder = rte_eal_get_runtime_dir();
  if (folder == nullptr) return std::nullopt;
  return fs::path(folder);
}

/// The process id in "weir-4711"; 0: it is no such name.
pid_t process_of(std::string_view name, const std::string& program) {
  if (!name.starts_with(program + "-")) return 0;
  const std::string_view digits = name.substr(program.size() + 1);
  pid_t pid = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), pid);
  return error == std::errc() && end == digits.data() + digits.size() && pid > 0 ? pid : 0;
}

/// Whether a process holds the lock on `config`, which EAL takes as it starts. A process of another container is seen
/// by it, although its id says nothing here.
bool is_locked(const fs::path& folder) {
  const UniqueFd fd(::open((folder / "config").c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (!fd.valid()) return errno != ENOENT;
  struct flock lock {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  return ::fcntl(fd.get(), F_GETLK, &lock) != 0 || lock.l_type != F_UNLCK;
}

}  // namespace

std::string own_runtime_folder(const std::string& program) {
  return program + "-" + std::to_string(getpid());
}

void remove_runtime_folder(const std::string& name) {
  const auto runtime = runtime_folder();
  if (!runtime || runtime->filename() != name) return;
  std::error_code ignored;
  fs::remove_all(*runtime, ignored);
}

void remove_dead_runtime_folders(const fs::path& parent, const std::string& program) {
  std::error_code error;
  std::vector<fs::path> dead;
  for (fs::directory_iterator at(parent, error), end; !error && at != end; at.increment(error)) {
    const pid_t pid = process_of(at->path().filename().string(), program);
    std::error_code unknown;
    if (pid == 0 || !at->is_directory(unknown) || at->is_symlink(unknown)) continue;
    if (::kill(pid, 0) == 0 || errno != ESRCH || is_locked(at->path())) continue;
    dead.push_back(at->path());
  }
  for (const fs::path& folder : dead) fs::remove_all(folder, error);
}

void remove_dead_runtime_folders(const std::string& program) {
  const auto runtime = runtime_folder();
  if (runtime && runtime->filename() == own_runtime_folder(program)) {
    remove_dead_runtime_folders(runtime->parent_path(), program);
  }
}

}  // namespace weir::dpdk
