// Becoming another user, each time in a process of its own, since there is no way back.
#include "control/run_user.h"

#include <gtest/gtest.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <string>

#include "tests/support/temporary_folder.h"

namespace weir::test {
namespace {

TEST(RunUser, IsSomebodyElseThanRoot) {
  EXPECT_EQ(RunUser::find("no-such-user").error(), "--user no-such-user: there is no such user");
  EXPECT_EQ(RunUser::find("4294967294").error(), "--user 4294967294: there is no such user");
  EXPECT_EQ(RunUser::find("00").error(), "--user 00: that is root by another name; name a user with fewer rights");
  if (geteuid() != 0) {
    EXPECT_EQ(RunUser::find("nobody").error(),
              "--user nobody: only root can become another user; start weir as root, or without --user");
    return;
  }
  const passwd* const nobody = getpwnam("nobody");
  ASSERT_NE(nobody, nullptr);
  EXPECT_EQ(RunUser::find(std::to_string(nobody->pw_uid)).value().name(), "nobody");
}

uid_t owner_of(const std::string& file) {
  struct stat status {};
  return stat(file.c_str(), &status) == 0 ? status.st_uid : static_cast<uid_t>(-1);
}

/// 0: as it should be; else the step that is not.
int become_nobody(const std::string& folder) {
  const auto user = RunUser::find("nobody");
  if (!user) return 1;
  const uid_t id = getpwnam("nobody")->pw_uid;
  user->confine();
  if (RunUser::is_given(folder)) return 2;  // nobody acts for a user yet
  if (!user->act() || geteuid() != id || getuid() != 0) return 3;
  if (std::ofstream(folder + "/closed").is_open()) return 4;
  user->make_folder(folder + "/state", 0700);
  if (owner_of(folder + "/state") != id) return 5;
  std::ofstream(folder + "/state/own").close();
  if (owner_of(folder + "/state/own") != id) return 6;
  user->make_folder(folder + "/full", 0700);  // root's, and something is in it
  if (owner_of(folder + "/full") != 0) return 7;
  {
    const AsRoot root;
    const AsRoot again;  // one within the other
    if (geteuid() != 0) return 8;
  }
  if (geteuid() != id) return 9;
  if (!user->become() || getuid() != id || setuid(0) == 0) return 10;
  const AsRoot root;
  return geteuid() == id && !RunUser::is_given(folder) ? 0 : 11;
}

TEST(RunUser, ActsForTheUserAndThenIsThatUserForGood) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can become another user";
  const TemporaryFolder folder;
  ASSERT_EQ(chmod(folder.folder().c_str(), 0755), 0);
  ASSERT_EQ(mkdir(folder.path("full").c_str(), 0755), 0);
  std::ofstream(folder.path("full/file")).close();
  EXPECT_EXIT(_exit(become_nobody(folder.folder().string())), ::testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace weir::test
