// Text for a reader who stops and comes back: nobody waits, and what is missing is said.
#include "control/lossy_output.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <csignal>
#include <string>

namespace weir::lossy_output_test {
namespace {

/// Both ends of a pipe or a pair of sockets; the reading one does not block.
struct Ends {
  UniqueFd read;
  UniqueFd write;
};

Ends pipe_ends() {
  int fds[2];
  EXPECT_EQ(pipe2(fds, O_CLOEXEC), 0);
  EXPECT_EQ(fcntl(fds[0], F_SETFL, O_NONBLOCK), 0);
  return {UniqueFd(fds[0]), UniqueFd(fds[1])};
}

Ends socket_ends() {
  int fds[2];
  EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
  EXPECT_EQ(fcntl(fds[0], F_SETFL, O_NONBLOCK), 0);
  return {UniqueFd(fds[0]), UniqueFd(fds[1])};
}

std::string read_all(int fd) {
  std::string text;
  char part[65536];
  for (ssize_t got = 0; (got = read(fd, part, sizeof part)) > 0;) text.append(part, static_cast<std::size_t>(got));
  return text;
}

class LossyOutputTest : public testing::TestWithParam<Ends (*)()> {};

TEST_P(LossyOutputTest, PassesEverythingOnWhileItIsRead) {
  const Ends ends = GetParam()();
  LossyOutput output(ends.write.get());
  output.put("one\n");
  output.put("two\n");
  EXPECT_FALSE(output.waiting());
  EXPECT_EQ(read_all(ends.read.get()), "one\ntwo\n");
}

TEST_P(LossyOutputTest, KeepsSomeDropsTheRestAndSaysHowManyWhenTheReaderComesBack) {
  const Ends ends = GetParam()();
  LossyOutput output(ends.write.get(), 1000);
  const std::string message = std::string(99, 'x') + "\n";
  unsigned put = 0;
  for (; !output.waiting(); ++put) output.put(message);  // until the kernel takes no more
  for (int i = 0; i < 50; ++i, ++put) output.put(message);

  std::string text = read_all(ends.read.get());
  while (!output.pump()) text += read_all(ends.read.get());
  text += read_all(ends.read.get());
  const std::size_t line = text.find("weir: ");
  ASSERT_NE(line, std::string::npos) << "the last thing that is said";
  EXPECT_EQ(line % message.size(), 0U) << "whole messages only";
  const std::size_t read = line / message.size();
  EXPECT_EQ(text.substr(line),
            "weir: " + std::to_string(put - read) + " messages are missing here: nobody read standard error\n");
  EXPECT_GE(put - read, 40U) << "of the 50, 1000 octets are kept";

  output.put("and on\n");
  EXPECT_EQ(read_all(ends.read.get()), "and on\n");
}

TEST_P(LossyOutputTest, ForgetsWhatNobodyCanRead) {
  Ends ends = GetParam()();
  signal(SIGPIPE, SIG_IGN);
  LossyOutput output(ends.write.get());
  ends.read.reset();
  output.put("nobody\n");
  EXPECT_FALSE(output.waiting());
}

INSTANTIATE_TEST_SUITE_P(OfEachKind, LossyOutputTest, testing::Values(&pipe_ends, &socket_ends));

TEST(LossyOutput, LeavesTheFlagsOfTheSharedDescriptionAlone) {
  const Ends ends = pipe_ends();
  const LossyOutput output(ends.write.get());
  EXPECT_EQ(fcntl(ends.write.get(), F_GETFL) & O_NONBLOCK, 0);
}

}  // namespace
}  // namespace weir::lossy_output_test
