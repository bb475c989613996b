// Folders that EAL left behind: those of killed processes go, all others stay.
#include "dataplane/dpdk/runtime_folder.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>

#include "tests/support/temporary_folder.h"

namespace weir::dpdk::runtime_folder_test {
namespace {

namespace fs = std::filesystem;

/// The id of a process that has ended and was waited for.
pid_t ended_process() {
  const pid_t pid = fork();
  if (pid == 0) _exit(0);
  waitpid(pid, nullptr, 0);
  return pid;
}

/// A process that holds the lock on `file` as EAL does, until it is killed.
class Holder {
 public:
  explicit Holder(const fs::path& file) {
    int ready[2];
    if (pipe(ready) != 0) return;
    pid_ = fork();
    if (pid_ == 0) {
      struct flock lock {};
      lock.l_type = F_WRLCK;
      const int fd = open(file.c_str(), O_RDWR);
      const bool held = fcntl(fd, F_SETLK, &lock) == 0;
      if (write(ready[1], held ? "y" : "n", 1) == 1) pause();
      _exit(0);
    }
    char answer = 'n';
    held_ = read(ready[0], &answer, 1) == 1 && answer == 'y';
    close(ready[0]);
    close(ready[1]);
  }
  Holder(const Holder&) = delete;
  Holder& operator=(const Holder&) = delete;
  ~Holder() {
    if (pid_ <= 0) return;
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  [[nodiscard]] bool held() const { return held_; }

 private:
  pid_t pid_ = -1;
  bool held_ = false;
};

class RuntimeFolder : public testing::Test {
 protected:
  fs::path make(const std::string& name) {
    const fs::path folder = parent_.folder() / name;
    fs::create_directory(folder);
    std::ofstream(folder / "config") << "x";
    std::ofstream(folder / "fbarray_memzone") << "x";
    return folder;
  }
  std::set<std::string> names() const {
    std::set<std::string> found;
    for (const auto& entry : fs::directory_iterator(parent_.folder())) found.insert(entry.path().filename().string());
    return found;
  }
  test::TemporaryFolder parent_;
};

TEST_F(RuntimeFolder, OfAKilledProcessGoesAndThatOfALivingOneStays) {
  const std::string living = "weir-" + std::to_string(getpid());
  make(living);
  make("weir-" + std::to_string(ended_process()));
  fs::remove(make("weir-" + std::to_string(ended_process())) / "config");
  remove_dead_runtime_folders(parent_.folder(), "weir");
  EXPECT_EQ(names(), std::set<std::string>{living});
}

TEST_F(RuntimeFolder, StaysWhileAnyProcessHoldsItsLock) {
  const std::string name = "weir-" + std::to_string(ended_process());
  {
    const Holder holder(make(name) / "config");
    ASSERT_TRUE(holder.held());
    remove_dead_runtime_folders(parent_.folder(), "weir");
    EXPECT_EQ(names(), std::set<std::string>{name});
  }
  remove_dead_runtime_folders(parent_.folder(), "weir");
  EXPECT_EQ(names(), std::set<std::string>{});
}

TEST_F(RuntimeFolder, OfAnybodyElseStays) {
  const std::string dead = std::to_string(ended_process());
  const std::set<std::string> others{"rte",   "weir-gen-" + dead, "weir-" + dead + "x",
                                     "weir-", "weir-0",           "weir-99999999999999"};
  for (const std::string& name : others) make(name);
  std::ofstream(parent_.folder() / ("weir-0" + dead)) << "no folder";
  remove_dead_runtime_folders(parent_.folder(), "weir");
  std::set<std::string> expected = others;
  expected.insert("weir-0" + dead);
  EXPECT_EQ(names(), expected);
  remove_dead_runtime_folders(parent_.folder() / "missing", "weir");
}

}  // namespace
}  // namespace weir::dpdk::runtime_folder_test
