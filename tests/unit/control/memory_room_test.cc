// How much memory there is, read from made-up trees, and the decision whether a flow table fits.
#include "control/probe/memory_room.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "tests/support/process.h"

namespace weir::memory_room_test {
namespace {

constexpr std::uint64_t kGiB = std::uint64_t{1} << 30;

class MemoryRoomTest : public testing::Test {
 protected:
  MemoryRoomTest() {
    write("/proc/meminfo", "MemTotal:       16777216 kB\nMemFree:         1000 kB\nMemAvailable:    8388608 kB\n");
  }
  void write(const std::string& file, const std::string& text) {
    const std::string path = root() + file;
    std::filesystem::create_directories(std::filesystem::path(path).parent_path());
    std::ofstream(path) << text;
  }
  [[nodiscard]] std::string root() const { return folder_.folder().string(); }
  [[nodiscard]] MemoryRoom room() const { return read_memory_room(root()); }

  test::TemporaryFolder folder_;
};

TEST_F(MemoryRoomTest, IsWhatTheMachineHasAvailable) {
  EXPECT_EQ(room().octets, 8 * kGiB);
  EXPECT_EQ(room().source, "MemAvailable of /proc/meminfo");
}

TEST_F(MemoryRoomTest, IsTheLeastOfAllGroupsAboveInVersion2) {
  write("/proc/self/cgroup", "0::/system.slice/weir.service\n");
  write("/sys/fs/cgroup/system.slice/weir.service/memory.max", "max\n");
  write("/sys/fs/cgroup/system.slice/weir.service/memory.current", "1000000\n");
  EXPECT_EQ(room().octets, 8 * kGiB) << "no limit";
  write("/sys/fs/cgroup/system.slice/memory.max", "4294967296\n");
  write("/sys/fs/cgroup/system.slice/memory.current", "3221225472\n");
  EXPECT_EQ(room().octets, kGiB);
  EXPECT_EQ(room().source, "the memory limit of cgroup /system.slice");
  write("/sys/fs/cgroup/system.slice/memory.stat", "anon 5\nfile 7\ninactive_file 1073741824\n");
  EXPECT_EQ(room().octets, 2 * kGiB) << "the pages of files are given up first";
  write("/sys/fs/cgroup/system.slice/weir.service/memory.max", "500000\n");
  EXPECT_EQ(room().octets, 0U) << "more is used than the limit";
}

TEST_F(MemoryRoomTest, KnowsVersion1AndTheRootOfAContainer) {
  // The path is the host's; in the container the group's files are at the root.
  write("/proc/self/cgroup", "9:name=systemd:/\n5:cpu,cpuacct:/docker/0123\n4:memory:/docker/0123\n0::/\n");
  write("/sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
  write("/sys/fs/cgroup/memory/memory.usage_in_bytes", "1073741824\n");
  EXPECT_EQ(room().octets, 8 * kGiB) << "what the kernel writes for no limit";
  write("/sys/fs/cgroup/memory/memory.limit_in_bytes", "2147483648\n");
  EXPECT_EQ(room().octets, kGiB);
  EXPECT_EQ(room().source, "the memory limit of cgroup /");
  write("/sys/fs/cgroup/memory/memory.stat", "inactive_file 1\ntotal_inactive_file 536870912\n");
  EXPECT_EQ(room().octets, kGiB + kGiB / 2);
}

TEST_F(MemoryRoomTest, IsUnknownWhereNothingSaysIt) {
  std::filesystem::remove_all(root() + "/proc");
  EXPECT_EQ(room().octets, UINT64_MAX);
  EXPECT_TRUE(check_memory({1, UINT64_MAX, 0}, room()));
}

TEST(CheckMemory, LeavesAReserve) {
  // A sixteenth of 16 GiB is kept: 15 GiB are for the table.
  const MemoryRoom room{16 * kGiB, "test"};
  EXPECT_TRUE(check_memory({1000, 15 * kGiB, 0}, room));
  EXPECT_FALSE(check_memory({1000, 15 * kGiB + 1, 0}, room));
  EXPECT_TRUE(check_memory({1000, 25 * kGiB, 10 * kGiB}, room)) << "huge pages are there already";
  EXPECT_TRUE(check_memory({1000, 36 << 20, 0}, {100 << 20, "test"}));
  EXPECT_FALSE(check_memory({1000, 37 << 20, 0}, {100 << 20, "test"})) << "64 MiB at least";
}

TEST(CheckMemory, SaysWhatWouldFit) {
  // 15 GiB of 150 GiB: a tenth of the flows.
  const auto refused = check_memory({1'234'000'000, 150 * kGiB, 0}, {16 * kGiB, "MemAvailable of /proc/meminfo"});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error(),
            "--max-flows 1234000000: the flow table needs 161 GB, and 17.2 GB are left (MemAvailable of "
            "/proc/meminfo): --max-flows 120000000 would fit");
  const auto with_huge = check_memory({1000, 3 * kGiB, kGiB}, {kGiB, "test"});
  ASSERT_FALSE(with_huge);
  EXPECT_EQ(with_huge.error(),
            "--max-flows 1000: the flow table needs 2.15 GB besides 1.07 GB of huge pages, and 1.07 GB are left "
            "(test): --max-flows 460 would fit");
  EXPECT_EQ(check_memory({1000, kGiB, 0}, {1 << 20, "test"}).error(),
            "--max-flows 1000: the flow table needs 1.07 GB, and 1.05 MB are left (test): there is no room for a "
            "table");
  EXPECT_EQ(check_memory({1000, 3 * kGiB, kGiB, "max_flows of monitor wide"}, {kGiB, "test"}).error(),
            "1000 flows of all monitors: their tables need 2.15 GB besides 1.07 GB of huge pages, and 1.07 GB are left "
            "(test): 460 flows in all would fit: lower max_flows of monitor wide");
}

}  // namespace
}  // namespace weir::memory_room_test
