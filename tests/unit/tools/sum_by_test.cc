#include "tools/collect/sum_by.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

namespace weir::sum_by_test {
namespace {

FlowRecord record_of(std::uint8_t last_octet, std::uint16_t port, std::uint64_t octets, std::uint64_t reverse_octets) {
  FlowRecord record{};
  const std::uint8_t source[4] = {192, 0, 2, last_octet};
  const std::uint8_t destination[4] = {198, 51, 100, 1};
  std::memcpy(record.source_address, source, 4);
  std::memcpy(record.destination_address, destination, 4);
  record.ip_version = 4;
  record.protocol = 6;
  record.ports[kForward] = 40'000;
  record.ports[kReverse] = port;
  record.packets[kForward] = 1;
  record.octets[kForward] = octets;
  if (reverse_octets != 0) {
    record.packets[kReverse] = 1;
    record.octets[kReverse] = reverse_octets;
  }
  return record;
}

TEST(SumBy, ParsesFieldsAndNamesWhatIsWrong) {
  const auto fields = SumBy::parse("src_addr,dst_port");
  ASSERT_TRUE(fields);
  ASSERT_EQ(fields->size(), 2U);
  EXPECT_EQ((*fields)[0].name(), "src_addr");
  EXPECT_FALSE((*fields)[0].is_number());
  EXPECT_EQ((*fields)[1].name(), "dst_port");
  EXPECT_TRUE((*fields)[1].is_number());
  for (const char* wrong :
       {"", "src_addr,", "source", "src_addr,src_addr", ",src_addr", "bytes", "rev_packets", "time_flow_start_ns",
        "mpls_labels", "length_histogram", "sampler_address,sampler_address"}) {
    const auto result = SumBy::parse(wrong);
    EXPECT_FALSE(result) << wrong;
  }
  EXPECT_NE(SumBy::parse("source").error().find("cannot sum by 'source', only by src_addr, dst_addr"),
            std::string::npos);
}

TEST(SumBy, TakesACommunityIdAsItsText) {
  SumBy sums(*SumBy::parse("community_id,dst_port"), 100);
  OwnedRecord with(RecordView{record_of(1, 80, 100, 0)});
  with.add<IdsSection>();
  sums.add(with, {});
  sums.add(with, {});
  sums.add(record_of(2, 81, 10, 0), {});
  const auto rows = sums.top(0);
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows[0].values, (std::vector<std::string>{"1:AAAAAAAAAAAAAAAAAAAAAAAAAAA=", "80"}));
  EXPECT_EQ(rows[0].sums.octets, 200U);
  EXPECT_EQ(rows[1].values, (std::vector<std::string>{"", "81"}));
}

TEST(SumBy, AddsUpEachDirectionForItself) {
  SumBy sums(*SumBy::parse("src_addr,dst_port"), 100);
  sums.add(record_of(1, 80, 100, 1000), {});
  sums.add(record_of(1, 80, 50, 0), {});
  sums.add(record_of(2, 80, 10, 0), {});
  const auto rows = sums.top(0);
  ASSERT_EQ(rows.size(), 3U);
  EXPECT_EQ(rows[0].values, (std::vector<std::string>{"198.51.100.1", "40000"})) << "the way back, the largest";
  EXPECT_EQ(rows[0].sums.octets, 1000U);
  EXPECT_EQ(rows[1].values, (std::vector<std::string>{"192.0.2.1", "80"}));
  EXPECT_EQ(rows[1].sums.octets, 150U);
  EXPECT_EQ(rows[1].sums.packets, 2U);
  EXPECT_EQ(rows[1].sums.records, 2U);
  EXPECT_EQ(sums.top(1).size(), 1U);
}

TEST(SumBy, SumsWhatIsPastItsBoundAsARemainder) {
  SumBy sums(*SumBy::parse("src_addr"), 2);
  for (std::uint8_t i = 0; i < 5; ++i) sums.add(record_of(i, 80, 10, 0), {});
  sums.add(record_of(0, 80, 10, 0), {});
  EXPECT_EQ(sums.size(), 2U);
  EXPECT_EQ(sums.remainder().records, 3U);
  EXPECT_EQ(sums.remainder().octets, 30U);
  EXPECT_EQ(sums.top(0)[0].sums.octets, 20U);
}

TEST(SumBy, WritesEveryFieldBackAsItWas) {
  SumBy sums(*SumBy::parse("sampler_address,out_if,proto,ip_tos,tcp_flags,vlan_id,etype,in_if,end_reason,src_port"), 8);
  OwnedRecord record(record_of(1, 80, 10, 0));
  record->ip_tos[kForward] = 8;
  record->tcp_flags[kForward] = 0x1b;
  record->vlan_id = 100;
  record->ether_type = 0x0800;
  record->ingress_interface = 0x01020304;
  record->end_reason = EndReason::end_of_flow;
  record.add<EgressSection>().interface = 7;
  sums.add(record, "2001:db8::1");
  EXPECT_EQ(sums.top(0)[0].values,
            (std::vector<std::string>{"2001:db8::1", "7", "6", "8", "27", "100", "2048", "16909060", "3", "40000"}));
}

TEST(SumBy, TakesAnyColumnOfTheTableAndTurnsItRoundForTheWayBack) {
  SumBy sums(*SumBy::parse("src_mac,tunnel_type,tunnel_src_addr,tcp_mss,rev_tcp_mss,mpls_label,icmp_type"), 8);
  OwnedRecord record(record_of(1, 80, 10, 20));
  auto& tunnel = record.add<TunnelSection>();
  tunnel.type = TunnelType::vxlan;
  tunnel.ip_version = 4;
  tunnel.source[0] = 203;
  tunnel.destination[0] = 198;
  record.add<LabelSection>().label = 16'000;
  auto& layer2 = record.add<Layer2Section>();
  layer2.source_mac[5] = 0x0a;
  layer2.destination_mac[5] = 0x0b;
  record.add<TcpSection>().mss[kForward] = 1460;
  sums.add(record, {});
  sums.add(record_of(1, 80, 1, 0), {});
  const auto rows = sums.top(0);
  ASSERT_EQ(rows.size(), 3U);
  EXPECT_EQ(rows[0].values,
            (std::vector<std::string>{"00:00:00:00:00:0b", "vxlan", "198.0.0.0", "0", "1460", "16000", "0"}));
  EXPECT_EQ(rows[0].sums.octets, 20U);
  EXPECT_EQ(rows[1].values,
            (std::vector<std::string>{"00:00:00:00:00:0a", "vxlan", "203.0.0.0", "1460", "0", "16000", "0"}));
  EXPECT_EQ(rows[2].values, (std::vector<std::string>{"00:00:00:00:00:00", "none", "", "0", "0", "0", "0"}))
      << "what a record does not have";
}

TEST(SumBy, TakesPrefixesOfAddresses) {
  SumBy sums(*SumBy::parse("src_addr/25,dst_addr/24/48,tunnel_src_addr/20"), 8);
  for (const unsigned host : {1U, 127U, 128U}) {
    sums.add(record_of(static_cast<std::uint8_t>(host), 80, 10, 0), {});
  }
  OwnedRecord six(record_of(0, 80, 5, 0));
  six->ip_version = 6;
  for (unsigned i = 0; i < 16; ++i) six->source_address[i] = six->destination_address[i] = 0xff;
  sums.add(six, {});
  const auto rows = sums.top(0);
  ASSERT_EQ(rows.size(), 3U);
  EXPECT_EQ(rows[0].values, (std::vector<std::string>{"192.0.2.0/25", "198.51.100.0/24", ""}));
  EXPECT_EQ(rows[0].sums.octets, 20U);
  EXPECT_EQ(rows[1].values, (std::vector<std::string>{"192.0.2.128/25", "198.51.100.0/24", ""}));
  EXPECT_EQ(rows[2].values,
            (std::vector<std::string>{"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "ffff:ffff:ffff::/48", ""}));
  EXPECT_EQ(SumBy::parse("src_addr/64")->at(0).ipv4_prefix, 32);
  EXPECT_EQ(SumBy::parse("src_addr/64")->at(0).ipv6_prefix, 64);
  EXPECT_EQ(SumBy::parse("src_addr/0")->at(0).ipv4_prefix, 0);
  EXPECT_EQ(SumBy::parse("src_addr/24")->at(0).name(), "src_addr");
  for (const char* wrong : {"src_addr/", "src_addr/129", "src_addr/33/64", "src_addr/24/64/1", "src_addr/x", "proto/8",
                            "src_addr/-1", "src_addr/24,src_addr/16"}) {
    EXPECT_FALSE(SumBy::parse(wrong)) << wrong;
  }
}

TEST(SumBy, ListsWhatItTakes) {
  const std::string names = SumBy::names();
  EXPECT_EQ(names.rfind("src_addr, dst_addr, src_port, dst_port, proto, time", 0), std::string::npos);
  EXPECT_EQ(names.rfind("src_addr, dst_addr, src_port, dst_port, proto, tcp_flags, ", 0), 0U) << names;
  for (std::size_t at = 0; at <= names.size();) {
    const std::size_t comma = std::min(names.find(", ", at), names.size());
    EXPECT_TRUE(SumBy::parse(names.substr(at, comma - at))) << names.substr(at, comma - at);
    at = comma + 2;
  }
}

}  // namespace
}  // namespace weir::sum_by_test
