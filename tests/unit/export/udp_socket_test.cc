// Datagrams of one length may leave in a run that the kernel cuts apart, or one by one where that is not wanted.
#include "control/export/udp_socket.h"

#include <gtest/gtest.h>

#include <set>
#include <vector>

#include "tests/support/udp.h"
#include "tests/unit/export/export_fixtures.h"

namespace weir::udp_socket_test {
namespace {

/// The numbers of the runs in which four datagrams of one length left.
std::vector<std::uint32_t> runs_of_four(bool segments) {
  const test::LoopbackSocket collector(SOCK_DGRAM);
  const auto endpoints = resolve("127.0.0.1", collector.port(), SOCK_DGRAM, Names::refused);
  EXPECT_TRUE(endpoints);
  auto socket = UdpSocket::open(*endpoints, segments);
  EXPECT_TRUE(socket) << socket.error();
  const std::vector<std::uint8_t> octets(100, 7);
  const std::vector<std::span<const std::uint8_t>> datagrams(4, octets);
  std::vector<std::uint32_t> runs(4);
  EXPECT_EQ(socket->send(datagrams, runs).count, 4U);
  for (int i = 0; i < 4; ++i) EXPECT_EQ(collector.receive(1000), octets) << "each arrives by itself";
  return runs;
}

TEST(UdpSocket, SendsDatagramsOfOneLengthInOneRun) {
  const std::vector<std::uint32_t> runs = runs_of_four(true);
  EXPECT_EQ(std::set(runs.begin(), runs.end()).size(), 1U);
}

TEST(UdpSocket, SendsThemOneByOneWhereThatIsWanted) {
  const std::vector<std::uint32_t> runs = runs_of_four(false);
  EXPECT_EQ(std::set(runs.begin(), runs.end()).size(), 4U);
}

}  // namespace
}  // namespace weir::udp_socket_test
