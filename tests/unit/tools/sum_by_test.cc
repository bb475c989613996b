#include "tools/collect/sum_by.h"

#include <gtest/gtest.h>

#include <cstring>

namespace weir {
namespace {

FlowRecord record_of(std::uint8_t last_octet, std::uint16_t port, std::uint64_t octets, std::uint64_t reverse_octets) {
  FlowRecord record{};
  const std::uint8_t source[4] = {192, 0, 2, last_octet};
  const std::uint8_t destination[4] = {198, 51, 100, 1};
  std::memcpy(record.source_address, source, 4);
  std::memcpy(record.destination_address, destination, 4);
  record.ip_version = 4;
  record.protocol = 6;
  record.source_port = 40'000;
  record.destination_port = port;
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
  EXPECT_EQ(*fields, (std::vector{SumBy::Field::src_addr, SumBy::Field::dst_port}));
  for (const char* wrong : {"", "src_addr,", "source", "src_addr,src_addr", ",src_addr"}) {
    const auto result = SumBy::parse(wrong);
    EXPECT_FALSE(result) << wrong;
  }
  EXPECT_NE(SumBy::parse("source").error().find("'source' is no field to sum by: src_addr, dst_addr"),
            std::string::npos);
}

TEST(SumBy, AddsUpEachDirectionForItself) {
  SumBy sums(*SumBy::parse("src_addr,dst_port"), 100);
  sums.add(record_of(1, 80, 100, 1000), nullptr);
  sums.add(record_of(1, 80, 50, 0), nullptr);
  sums.add(record_of(2, 80, 10, 0), nullptr);
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
  for (std::uint8_t i = 0; i < 5; ++i) sums.add(record_of(i, 80, 10, 0), nullptr);
  sums.add(record_of(0, 80, 10, 0), nullptr);
  EXPECT_EQ(sums.size(), 2U);
  EXPECT_EQ(sums.remainder().records, 3U);
  EXPECT_EQ(sums.remainder().octets, 30U);
  EXPECT_EQ(sums.top(0)[0].sums.octets, 20U);
}

TEST(SumBy, WritesEveryFieldBackAsItWas) {
  SumBy sums(*SumBy::parse("sampler_address,out_if,proto,ip_tos,tcp_flags,vlan_id,etype,in_if,end_reason,src_port"), 8);
  FlowRecord record = record_of(1, 80, 10, 0);
  record.ip_tos[kForward] = 8;
  record.tcp_flags[kForward] = 0x1b;
  record.vlan_id = 100;
  record.ether_type = 0x0800;
  record.ingress_interface = 0x01020304;
  record.end_reason = EndReason::end_of_flow;
  DecodedFlow flow{};
  flow.egress_interface = 7;
  const Decoded datagram;
  const RecordDetails details{"[2001:db8::1]:2055", flow, datagram};
  sums.add(record, &details);
  EXPECT_EQ(sums.top(0)[0].values,
            (std::vector<std::string>{"2001:db8::1", "7", "6", "8", "27", "100", "2048", "16909060", "3", "40000"}));
}

}  // namespace
}  // namespace weir
