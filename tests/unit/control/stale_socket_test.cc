// Sockets that a killed process left, and what must not be mistaken for one; which ports have a socket file at all.
#include "control/stale_socket.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cstring>
#include <filesystem>
#include <fstream>

#include "control/probe/memif_socket.h"
#include "proto/base/unique_fd.h"
#include "tests/support/process.h"

namespace weir::stale_socket_test {
namespace {

class StaleSocket : public testing::Test {
 protected:
  /// A socket at path_; closed, its file stays.
  UniqueFd bind_socket(int type, bool listening) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strcpy(address.sun_path, path_.c_str());
    UniqueFd fd(socket(AF_UNIX, type | SOCK_CLOEXEC, 0));
    EXPECT_EQ(bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(listening ? listen(fd.get(), 1) : 0, 0);
    return fd;
  }
  [[nodiscard]] bool exists() const { return std::filesystem::exists(std::filesystem::symlink_status(path_)); }

  test::TemporaryFolder folder_;
  const std::string path_ = folder_.path("s.sock");
};

TEST_F(StaleSocket, ThatNobodyServesIsRemoved) {
  for (const int type : {SOCK_STREAM, SOCK_SEQPACKET, SOCK_DGRAM}) {
    { const UniqueFd gone = bind_socket(type, type != SOCK_DGRAM); }
    ASSERT_TRUE(exists());
    const auto removed = remove_stale_socket(path_);
    EXPECT_TRUE(removed) << type << ": " << removed.error();
    EXPECT_FALSE(exists());
  }
}

TEST_F(StaleSocket, ThatSomebodyServesIsLeftAlone) {
  for (const int type : {SOCK_STREAM, SOCK_SEQPACKET, SOCK_DGRAM}) {
    {
      const UniqueFd served = bind_socket(type, type != SOCK_DGRAM);
      const auto removed = remove_stale_socket(path_);
      ASSERT_FALSE(removed) << type;
      EXPECT_EQ(removed.error(), path_ + " belongs to another program");
      EXPECT_TRUE(exists());
    }
    std::filesystem::remove(path_);
  }
}

TEST_F(StaleSocket, ThatIsNoSocketIsLeftAlone) {
  std::ofstream(path_) << "precious";
  const auto removed = remove_stale_socket(path_);
  ASSERT_FALSE(removed);
  EXPECT_EQ(removed.error(), path_ + " exists and is not a socket; remove it");
  EXPECT_EQ(test::contents(path_), "precious");
  std::filesystem::remove(path_);
  std::filesystem::create_symlink("elsewhere", path_);
  EXPECT_FALSE(remove_stale_socket(path_)) << "a link is not followed";
}

TEST_F(StaleSocket, ThatIsNotThereIsNoObstacle) {
  EXPECT_TRUE(remove_stale_socket(path_));
}

TEST(MemifServerFile, IsThatOfAServerWhoseSocketIsNotAbstract) {
  EXPECT_EQ(memif_server_file("net_memif0,role=server,socket=/tmp/w,socket-abstract=no"), "/tmp/w");
  EXPECT_EQ(memif_server_file("net_memif7,socket-abstract=no,rsize=11,socket=/a/b.sock,role=server"), "/a/b.sock");
  EXPECT_EQ(memif_server_file("net_memif0,role=master,socket-abstract=no"), "/run/memif.sock")
      << "the driver's default";
}

TEST(MemifServerFile, IsNoneForClientsAbstractSocketsAndOtherDevices) {
  for (const char* device :
       {"net_memif0", "net_memif0,role=server", "net_memif0,role=server,socket=x",
        "net_memif0,role=client,socket=/tmp/w,socket-abstract=no", "net_memif0,socket=/tmp/w,socket-abstract=no",
        "net_memif0,role=server,socket=/tmp/w,socket-abstract=yes",
        "net_pcap0,role=server,socket=/tmp/w,socket-abstract=no", "0000:3b:00.0", ""}) {
    EXPECT_EQ(memif_server_file(device), std::nullopt) << device;
  }
}

TEST(MemifSocket, IsAbstractUnlessItSaysOtherwise) {
  EXPECT_TRUE(memif_is_abstract("net_memif0,role=server,socket=wire"));
  EXPECT_TRUE(memif_is_abstract("net_memif0,role=client,socket=wire,socket-abstract=yes"));
  EXPECT_FALSE(memif_is_abstract("net_memif0,role=server,socket=/tmp/w,socket-abstract=no"));
  EXPECT_FALSE(memif_is_abstract("af_packet:eth0"));
}

}  // namespace
}  // namespace weir::stale_socket_test
