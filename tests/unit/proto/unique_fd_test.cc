#include "proto/base/unique_fd.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <utility>

namespace weir::unique_fd_test {
namespace {

int new_descriptor() {
  return ::open("/dev/null", O_RDONLY | O_CLOEXEC);
}
bool is_open(int fd) {
  return ::fcntl(fd, F_GETFD) >= 0;
}

TEST(UniqueFd, ClosesWhatItOwnsWhenItGoes) {
  int fd = -1;
  {
    const UniqueFd owner(new_descriptor());
    fd = owner.get();
    ASSERT_TRUE(owner.valid());
    EXPECT_TRUE(is_open(fd));
  }
  EXPECT_FALSE(is_open(fd));
}

TEST(UniqueFd, IsMovedAndHasThenNothing) {
  UniqueFd first(new_descriptor());
  const int fd = first.get();
  UniqueFd second(std::move(first));
  EXPECT_FALSE(first.valid());  // NOLINT(bugprone-use-after-move): that is the question
  EXPECT_EQ(second.get(), fd);
  UniqueFd third(new_descriptor());
  const int before = third.get();
  third = std::move(second);
  EXPECT_FALSE(is_open(before));
  EXPECT_EQ(third.get(), fd);
  EXPECT_TRUE(is_open(fd));
}

TEST(UniqueFd, GivesItsDescriptorAway) {
  int fd = -1;
  {
    UniqueFd owner(new_descriptor());
    fd = owner.release();
    EXPECT_FALSE(owner.valid());
  }
  ASSERT_TRUE(is_open(fd));
  ::close(fd);
}

TEST(UniqueFd, KeepsErrnoWhenItClosesSoThatTheErrorBeforeCanBeReported) {
  UniqueFd owner(new_descriptor());
  errno = ENOSPC;
  owner.reset();
  EXPECT_EQ(errno, ENOSPC);
  UniqueFd bad(1'000'000);  // close() fails on it
  errno = ENOENT;
  bad.reset();
  EXPECT_EQ(errno, ENOENT);
}

TEST(UniqueFd, OfAFailedCallOwnsNothing) {
  UniqueFd none(-1);
  EXPECT_FALSE(none.valid());
  none.reset();
  EXPECT_EQ(none.get(), -1);
}

}  // namespace
}  // namespace weir::unique_fd_test
