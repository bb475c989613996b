#include "tools/collect/ipfix_stream.h"

#include <gtest/gtest.h>

#include "tests/support/hex.h"

namespace weir::ipfix_stream_test {
namespace {

using test::Bytes;
using test::hex;

const Bytes kTwoMessages =
    hex("000a 0010 6553f100 00000000 00000001"
        "000a 0014 6553f100 00000000 00000001 0100 0004");

TEST(IpfixStream, FindsMessagesInPiecesOfAnySize) {
  for (std::size_t piece = 1; piece <= kTwoMessages.size(); ++piece) {
    IpfixStream stream;
    std::vector<std::size_t> sizes;
    for (std::size_t at = 0; at < kTwoMessages.size(); at += piece) {
      const auto octets = std::span(kTwoMessages).subspan(at, std::min(piece, kTwoMessages.size() - at));
      ASSERT_TRUE(stream.feed(octets, [&](std::span<const std::uint8_t> message) { sizes.push_back(message.size()); }));
    }
    EXPECT_EQ(sizes, (std::vector<std::size_t>{16, 20})) << piece;
    EXPECT_TRUE(stream.finish());
  }
}

TEST(IpfixStream, NamesThePlaceWhereItIsOutOfStep) {
  IpfixStream stream;
  Bytes octets = kTwoMessages;
  octets[17] = 9;  // the second message's version
  const auto fed = stream.feed(octets, [](std::span<const std::uint8_t>) {});
  ASSERT_FALSE(fed);
  EXPECT_EQ(fed.error(), "message 2 at octet 16 is no IPFIX");
  octets[17] = 10;
  octets[19] = 15;  // a length below that of the header
  IpfixStream other;
  EXPECT_FALSE(other.feed(octets, [](std::span<const std::uint8_t>) {}));
}

TEST(IpfixStream, TellsThatItEndedWithinAMessage) {
  IpfixStream stream;
  ASSERT_TRUE(stream.feed(std::span(kTwoMessages).first(30), [](std::span<const std::uint8_t>) {}));
  ASSERT_FALSE(stream.finish());
  EXPECT_EQ(stream.finish().error(), "message 2 at octet 16 is cut off after 14 octets");
}

}  // namespace
}  // namespace weir::ipfix_stream_test
