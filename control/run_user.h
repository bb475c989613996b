// RunUser: the user of --user, whom `weir run` becomes once root has started it.
//
//   confine()           before any thread: nothing that weir ever runs gains rights again
//   act()               files are opened with the user's rights from now on, as they are opened again later
//     AsRoot root;      a scope in which weir is root again: devices, and ports below 1024
//   become()            when it has started: for good
//
// Files are opened as the user from the start, so that a file that could not be opened again (SIGHUP, rotation, a
// change) keeps weir from starting, and nobody who may write in a folder can lead root to another file by a link there.
#pragma once

#include <sys/types.h>

#include <string>
#include <tl/expected.hpp>

namespace weir {

/// Root again within a scope, after RunUser::act(). Changes nothing in a process that is not acting for a user.
class AsRoot {
 public:
  AsRoot();
  AsRoot(const AsRoot&) = delete;
  AsRoot& operator=(const AsRoot&) = delete;
  ~AsRoot();

 private:
  uid_t user_;
  gid_t group_;
  bool raised_ = false;
};

class RunUser {
 public:
  /// By name or number. Error: one line; no such user, root itself, or this process may not become another user.
  static tl::expected<RunUser, std::string> find(const std::string& user);

  /// For this thread and those that it starts: no rights by execve() (PR_SET_NO_NEW_PRIVS), nothing in the bounding and
  /// the inheritable set of capabilities.
  void confine() const;
  /// The user's groups, and its rights in all threads; root can be taken back by AsRoot. Error: one line.
  [[nodiscard]] tl::expected<void, std::string> act() const;
  /// The user in all threads, and no capability in any of them. There is no way back. Error: one line.
  [[nodiscard]] tl::expected<void, std::string> become() const;

  /// Makes the folder if only it is missing. What root has to make, or has left empty, is given to the user. Called
  /// after act(). What stands in the way is found by whoever uses the folder.
  void make_folder(const std::string& folder, mode_t mode) const;

  /// Whether make_folder() gives this folder to the user. False for everybody who does not act for a user.
  [[nodiscard]] static bool is_given(const std::string& folder);

  [[nodiscard]] const std::string& name() const { return name_; }

 private:
  RunUser(std::string name, uid_t user, gid_t group) : name_(std::move(name)), user_(user), group_(group) {}

  std::string name_;
  uid_t user_;
  gid_t group_;
};

}  // namespace weir
