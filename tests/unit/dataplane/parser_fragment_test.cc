// Fragments: what the parser notes on first ones, and what later ones take from a FragmentCache.
#include <gtest/gtest.h>

#include <cstring>

#include "dataplane/packet/fragment_cache.h"
#include "tests/support/parsed_text.h"

namespace weir::parser_fragment_test {
namespace {

using test::Bytes;
using test::packet;
using test::PacketBuilder;

constexpr const char* kA4 = "10.0.0.1";
constexpr const char* kB4 = "10.0.0.2";
constexpr const char* kA6 = "2001:db8::1";
constexpr const char* kB6 = "2001:db8::2";
// Digits of pi: a seed as random as one that is drawn.
constexpr KeyHash::Seed kSeed = {0x243f6a8885a308d3, 0x13198a2e03707344, 0xa4093822299f31d0,
                                 0x082efa98ec4e6c89, 0x452821e638d01377, 0xbe5466cf34e90c6c};
constexpr std::uint64_t kSecond = 1'000'000'000;

/// Parser and cache as a worker has them.
class ParserFragment : public testing::Test {
 protected:
  std::string seen(const PacketBuilder& builder, std::uint64_t at_ns = 0) {
    const Bytes frame = builder.bytes();
    ParsedPacket result;
    std::memset(static_cast<void*>(&result), 0xee, sizeof result);
    if (parser_.parse(test::view_of(frame), result) != Reject::none) return "rejected";
    if ((result.facts & kFirstFragment) != 0) {
      for (unsigned i = 0; i < parser_.notes().count; ++i) cache_.learn(parser_.notes().notes[i], at_ns);
    }
    found_ = true;
    if ((result.facts & kLaterFragment) != 0) found_ = cache_.resolve(result, at_ns);
    EXPECT_EQ(result.facts & kLaterFragment, 0);
    return test::key_text(result);
  }
  static PacketBuilder first4(unsigned id, unsigned source_port = 1, unsigned destination_port = 2) {
    return packet().eth().ipv4(kA4, kB4).fragment(0, true, id).udp(source_port, destination_port).payload(8);
  }
  static PacketBuilder later4(unsigned id) {
    return packet().eth().ipv4(kA4, kB4).protocol(17).fragment(16, false, id).payload(8);
  }
  static PacketBuilder first6(unsigned id) {
    return packet().eth().ipv6(kA6, kB6).fragment(0, true, id).destination_options().udp(1, 2).payload(8);
  }
  static PacketBuilder later6(unsigned id) {
    return packet().eth().ipv6(kA6, kB6).fragment(24, false, id).protocol(60).payload(8);
  }

  Parser parser_;
  FragmentCache cache_{KeyHash(kSeed)};
  bool found_ = false;
};

TEST_F(ParserFragment, a_later_one_takes_the_ports_of_its_first) {
  EXPECT_EQ(seen(first4(7)), "10.0.0.1 1 > 10.0.0.2 2 p17 o36");
  EXPECT_EQ(seen(later4(7)), "10.0.0.1 1 > 10.0.0.2 2 p17 o28");
  EXPECT_EQ(seen(later4(7)), "10.0.0.1 1 > 10.0.0.2 2 p17 o28");
  EXPECT_TRUE(found_);
}

TEST_F(ParserFragment, ipv6_takes_the_final_protocol_as_well) {
  EXPECT_EQ(seen(first6(7)), "2001:db8::1 1 > 2001:db8::2 2 p17 o72");
  EXPECT_EQ(seen(later6(7)), "2001:db8::1 1 > 2001:db8::2 2 p17 o56");
  EXPECT_EQ(seen(later6(8)), "2001:db8::1 0 > 2001:db8::2 0 p60 o56");
  EXPECT_FALSE(found_);
}

TEST_F(ParserFragment, one_that_comes_before_its_first_has_ports_0) {
  EXPECT_EQ(seen(later4(7)), "10.0.0.1 0 > 10.0.0.2 0 p17 o28");
  EXPECT_FALSE(found_);
  EXPECT_EQ(seen(first4(7)), "10.0.0.1 1 > 10.0.0.2 2 p17 o36");
  EXPECT_EQ(seen(later4(7)), "10.0.0.1 1 > 10.0.0.2 2 p17 o28");
}

TEST_F(ParserFragment, identification_protocol_and_direction_tell_datagrams_apart) {
  (void)seen(first4(7));
  EXPECT_EQ(seen(later4(8)), "10.0.0.1 0 > 10.0.0.2 0 p17 o28");
  EXPECT_EQ(seen(packet().eth().ipv4(kA4, kB4).protocol(6).fragment(16, false, 7).payload(8)),
            "10.0.0.1 0 > 10.0.0.2 0 p6 o28");
  EXPECT_EQ(seen(packet().eth().ipv4(kB4, kA4).protocol(17).fragment(16, false, 7).payload(8)),
            "10.0.0.2 0 > 10.0.0.1 0 p17 o28");
  (void)seen(packet().eth().ipv4(kB4, kA4).fragment(0, true, 7).udp(5, 6));
  EXPECT_EQ(seen(packet().eth().ipv4(kB4, kA4).protocol(17).fragment(16, false, 7).payload(8)),
            "10.0.0.2 5 > 10.0.0.1 6 p17 o28");
  EXPECT_EQ(seen(later4(7)), "10.0.0.1 1 > 10.0.0.2 2 p17 o28");
}

TEST_F(ParserFragment, the_latest_first_one_wins) {
  (void)seen(first4(7, 1, 2));
  (void)seen(first4(7, 3, 4));
  EXPECT_EQ(seen(later4(7)), "10.0.0.1 3 > 10.0.0.2 4 p17 o28");
}

TEST_F(ParserFragment, between_equal_addresses_the_ports_say_who_sends) {
  (void)seen(packet().eth().ipv4(kA4, kA4).fragment(0, true, 7).udp(9, 3));
  EXPECT_EQ(seen(packet().eth().ipv4(kA4, kA4).protocol(17).fragment(8, false, 7).payload(8)),
            "10.0.0.1 9 > 10.0.0.1 3 p17 o28");
}

TEST_F(ParserFragment, after_60_seconds_it_is_forgotten) {
  (void)seen(first4(7), 100 * kSecond);
  EXPECT_EQ(seen(later4(7), 160 * kSecond), "10.0.0.1 1 > 10.0.0.2 2 p17 o28");
  EXPECT_EQ(seen(later4(7), 160 * kSecond + 1), "10.0.0.1 0 > 10.0.0.2 0 p17 o28");
}

TEST_F(ParserFragment, an_atomic_fragment_and_a_whole_packet_are_no_first_ones) {
  (void)seen(packet().eth().ipv6(kA6, kB6).fragment(0, false, 7).destination_options().udp(1, 2));
  EXPECT_EQ(seen(later6(7)), "2001:db8::1 0 > 2001:db8::2 0 p60 o56");
  (void)seen(packet().eth().ipv4(kA4, kB4).fragment(0, false, 7).udp(1, 2));
  EXPECT_EQ(seen(later4(7)), "10.0.0.1 0 > 10.0.0.2 0 p17 o28");
}

TEST_F(ParserFragment, a_tunnel_packet_counts_inside_and_its_later_fragments_outside) {
  const auto first = packet().eth().ipv4(kA4, kB4).fragment(0, true, 7).udp(50000, 4789).vxlan(5).eth();
  EXPECT_EQ(seen(PacketBuilder(first).ipv4("192.0.2.1", "192.0.2.2").tcp(3, 4)), "192.0.2.1 3 > 192.0.2.2 4 p6 o40");
  EXPECT_EQ(seen(later4(7)), "10.0.0.1 50000 > 10.0.0.2 4789 p17 o28");
}

TEST_F(ParserFragment, fragments_inside_a_tunnel_find_their_first_there) {
  const auto tunnel = packet().eth().ipv6(kA6, kB6).gre();
  EXPECT_EQ(seen(PacketBuilder(tunnel).ipv4(kA4, kB4).fragment(0, true, 9).udp(3, 4)),
            "10.0.0.1 3 > 10.0.0.2 4 p17 o28");
  EXPECT_EQ(seen(PacketBuilder(tunnel).ipv4(kA4, kB4).protocol(17).fragment(8, false, 9).payload(4)),
            "10.0.0.1 3 > 10.0.0.2 4 p17 o24");
}

TEST_F(ParserFragment, of_many_datagrams_the_latest_8192_at_least_are_kept_within_their_sets) {
  // Four times as many as there is room for: every set is overwritten several times, and nothing goes wrong.
  const std::size_t most = 4 * FragmentCache::kSets * FragmentCache::kWays;
  for (std::size_t id = 0; id < most; ++id) {
    (void)seen(first4(static_cast<unsigned>(id % 65536), static_cast<unsigned>(id % 60000)), id);
  }
  unsigned found = 0;
  for (std::size_t id = most - 1000; id < most; ++id) {
    (void)seen(later4(static_cast<unsigned>(id % 65536)), most);
    found += found_ ? 1 : 0;
  }
  EXPECT_GT(found, 990u);
}

TEST_F(ParserFragment, at_time_0_a_datagram_takes_a_free_line_before_that_of_another) {
  // 500 datagrams in 2048 sets of four: many share a set, none has five under this seed.
  for (unsigned id = 0; id < 500; ++id) (void)seen(first4(id), 0);
  for (unsigned id = 0; id < 500; ++id) {
    (void)seen(later4(id), 0);
    EXPECT_TRUE(found_) << id;
  }
}

}  // namespace
}  // namespace weir::parser_fragment_test
