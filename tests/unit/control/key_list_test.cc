#include "control/config/key_list.h"

#include <gtest/gtest.h>

namespace weir::key_list_test {
namespace {

KeyFields key_of(std::string_view text) {
  const auto key = parse_key_list(text);
  EXPECT_TRUE(key) << text << ": " << key.error();
  return key.value_or(KeyFields{});
}

TEST(KeyList, TheFiveTupleIsTheDefaultHoweverItIsSpelt) {
  EXPECT_EQ(key_of("5tuple"), KeyFields{});
  EXPECT_EQ(key_of("proto,dst_port,src_port,dst_addr,src_addr"), KeyFields{});
  EXPECT_TRUE(KeyFields{}.holds_five_tuple());
}

TEST(KeyList, WhatIsAddedStandsBesideTheFiveTuple) {
  KeyFields expected;
  expected.vlan_id = true;
  EXPECT_EQ(key_of("5tuple,vlan_id"), expected);
  expected.mpls_label = expected.tunnel_id = true;
  EXPECT_EQ(key_of("tunnel_id,vlan_id,5tuple,mpls_label"), expected);
  expected.icmp = true;
  EXPECT_EQ(key_of("5tuple,icmp,tunnel_id,vlan_id,mpls_label"), expected);
  EXPECT_TRUE(expected.holds_five_tuple());
  EXPECT_TRUE(expected.whole_addresses());
}

TEST(KeyList, NamesOfLinkInterfaceAndServiceMakeAnExtendedKey) {
  KeyFields expected;
  EXPECT_FALSE(expected.extended());
  expected.in_if = true;
  EXPECT_EQ(key_of("5tuple,in_if"), expected);
  EXPECT_TRUE(expected.extended());
  EXPECT_FALSE(expected.holds_link_facts());
  expected.out_if = expected.ip_tos = expected.source_mac = expected.destination_mac = expected.inner_vlan_id = true;
  EXPECT_EQ(key_of("inner_vlan_id,dst_mac,src_mac,ip_tos,out_if,in_if,5tuple"), expected);
  EXPECT_TRUE(expected.holds_link_facts());
  EXPECT_TRUE(expected.holds_five_tuple());
}

TEST(KeyList, WhatIsNotNamedIsNoPartOfTheKey) {
  const KeyFields key = key_of("src_addr,dst_addr,proto");
  EXPECT_TRUE(key.whole_addresses());
  EXPECT_FALSE(key.holds_five_tuple());
  EXPECT_FALSE(key.source_port || key.destination_port);
  EXPECT_TRUE(key.protocol);
  const KeyFields none = key_of("vlan_id");
  EXPECT_EQ(none.source_prefix4 + none.source_prefix6 + none.destination_prefix4 + none.destination_prefix6, 0U);
  EXPECT_FALSE(none.protocol);
}

TEST(KeyList, APrefixShortensOneVersionAndLeavesTheOtherWhole) {
  const KeyFields key = key_of("src_addr/24,dst_addr6/64,proto");
  EXPECT_EQ(key.source_prefix4, 24U);
  EXPECT_EQ(key.source_prefix6, 128U);
  EXPECT_EQ(key.destination_prefix4, 32U);
  EXPECT_EQ(key.destination_prefix6, 64U);
  EXPECT_FALSE(key.whole_addresses());
  const KeyFields both = key_of("5tuple,src_addr/8,src_addr6/48");
  EXPECT_EQ(both.source_prefix4, 8U);
  EXPECT_EQ(both.source_prefix6, 48U);
  EXPECT_EQ(both.destination_prefix4, 32U);
  EXPECT_TRUE(both.source_port && both.destination_port && both.protocol);
}

TEST(KeyList, SaysWhatIsWrong) {
  const std::pair<const char*, const char*> bad[] = {
      {"5-tuple", "'5-tuple' is not a field of the key; did you mean 5tuple?; expected 5tuple, or names"},
      {"5tuple,", "'' is not a field of the key"},
      {"vlan_id,5tuple,vlan_id", "'vlan_id' is given twice"},
      {"src_addr/24,src_addr/16", "'src_addr' is given twice"},
      {"src_addr/0", "'src_addr/0': expected src_addr/N with a prefix length N of 1 to 32"},
      {"dst_addr/33", "'dst_addr/33': expected dst_addr/N with a prefix length N of 1 to 32"},
      {"dst_addr6/129", "'dst_addr6/129': expected dst_addr6/N with a prefix length N of 1 to 128"},
      {"src_addr6", "'src_addr6': expected src_addr6/N with a prefix length N of 1 to 128"},
      {"src_addr/", "'src_addr/': expected src_addr/N"},
      {"src_addr/2x", "'src_addr/2x': expected src_addr/N"},
      {"src_addr/-1", "'src_addr/-1': expected src_addr/N"},
      {"src_addr/99999999999999999999", "expected src_addr/N"},
      {"src_addr7/3", "'src_addr7' is not a field of the key"},
      {"proto/3", "'proto/3': only an address has a prefix length"},
      {"icmp/8", "'icmp/8': only an address has a prefix length"},
      {"in_iff", "'in_iff' is not a field of the key; did you mean in_if?"},
      {"src_mac/24", "'src_mac/24': only an address has a prefix length"},
  };
  for (const auto& [text, error] : bad) {
    const auto key = parse_key_list(text);
    ASSERT_FALSE(key) << text;
    EXPECT_NE(key.error().find(error), std::string::npos) << text << ": " << key.error();
  }
}

}  // namespace
}  // namespace weir::key_list_test
