// Pcap filters on frames of several link types.
#include "dataplane/input/pcap_filter.h"

#include <gtest/gtest.h>

#include "tests/support/packet_builder.h"

namespace weir::pcap_filter_test {
namespace {

using test::Bytes;
using test::packet;
using test::view_of;

bool matches(const char* expression, const Bytes& frame, LinkType link_type = LinkType::ethernet) {
  const auto filter = PcapFilter::compile(expression, link_type);
  if (!filter) {
    ADD_FAILURE() << expression << ": " << filter.error();
    return false;
  }
  return filter->matches(view_of(frame, 0, 0, link_type));
}

TEST(PcapFilter, says_yes_to_what_the_expression_names_and_no_to_the_rest) {
  const Bytes frame = packet().eth().vlan(7).ipv4("10.0.0.1", "10.0.0.2").tcp(1000, 443).bytes();
  EXPECT_TRUE(matches("vlan and tcp port 443", frame));
  EXPECT_FALSE(matches("vlan and udp port 443", frame));
  EXPECT_FALSE(matches("tcp port 443", frame));  // pcap-filter(7): after a tag only with "vlan"
  EXPECT_TRUE(matches("", frame));
  EXPECT_FALSE(matches("less 10", frame));
}

TEST(PcapFilter, is_compiled_for_the_link_type) {
  const Bytes raw = packet().ipv6("2001:db8::1", "2001:db8::2").udp(53, 53).bytes();
  EXPECT_TRUE(matches("ip6 and udp port 53", raw, LinkType::raw_ip));
  const Bytes cooked = packet().sll().ipv4("10.0.0.1", "10.0.0.2").udp(53, 53).bytes();
  EXPECT_TRUE(matches("udp port 53", cooked, LinkType::linux_sll));
  EXPECT_FALSE(matches("tcp", cooked, LinkType::linux_sll));
}

TEST(PcapFilter, a_frame_cut_before_what_is_asked_for_does_not_match) {
  const Bytes frame = packet().eth().ipv4("10.0.0.1", "10.0.0.2").tcp(1000, 443).cut(14 + 21).bytes();
  EXPECT_TRUE(matches("ip", frame));
  EXPECT_FALSE(matches("tcp port 443", frame));
}

TEST(PcapFilter, what_is_no_expression_is_an_error_with_libpcap_s_words) {
  EXPECT_FALSE(PcapFilter::compile("tcp port http https", LinkType::ethernet).has_value());
  EXPECT_NE(PcapFilter::compile("host 10.0.0.999", LinkType::ethernet).error(), "");
}

TEST(LinkFilter, keeps_no_packet_of_an_unknown_link_type_from_its_reject) {
  LinkFilter filter("udp");
  const Bytes frame = {1, 2, 3};
  const auto match = filter.matches(view_of(frame, 0, 0, LinkType::unknown));
  ASSERT_TRUE(match.has_value()) << match.error();
  EXPECT_TRUE(*match);
}

TEST(LinkFilter, compiles_for_every_link_type_that_comes_and_names_one_that_does_not_go) {
  LinkFilter filter("ether host 02:00:00:00:00:01");
  const Bytes frame = packet().eth().ipv4("10.0.0.1", "10.0.0.2").bytes();
  EXPECT_EQ(filter.matches(view_of(frame)), true);
  const Bytes raw = packet().ipv4("10.0.0.1", "10.0.0.2").bytes();
  const auto wrong = filter.matches(view_of(raw, 0, 0, LinkType::raw_ip));
  ASSERT_FALSE(wrong.has_value());
  EXPECT_TRUE(wrong.error().starts_with("frame filter 'ether host 02:00:00:00:00:01' on link type RAW (12): "))
      << wrong.error();
}

}  // namespace
}  // namespace weir::pcap_filter_test
