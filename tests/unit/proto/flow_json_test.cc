#include "proto/record/flow_json.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>

#include <cstring>
#include <random>
#include <string>

#include "proto/base/address_text.h"

namespace weir::flow_json_test {
namespace {

std::string line_of(RecordView record) {
  char out[kFlowJsonMaxOctets];
  return {out, write_flow_json(out, record)};
}

std::string text_of(const std::uint8_t* address, std::uint8_t ip_version) {
  char out[kAddressTextMaxOctets];
  return {out, write_address_text(out, address, ip_version)};
}

FlowRecord tcp_biflow() {
  FlowRecord record{};
  const std::uint8_t source[] = {192, 0, 2, 1};
  const std::uint8_t destination[] = {198, 51, 100, 200};
  std::memcpy(record.source_address, source, 4);
  std::memcpy(record.destination_address, destination, 4);
  record.ip_version = 4;
  record.ether_type = 0x0800;
  record.ports[kForward] = 50000;
  record.ports[kReverse] = 443;
  record.protocol = 6;
  record.first_ns[kForward] = 1'700'000'000'000'000'001;
  record.last_ns[kForward] = 1'700'000'001'000'000'000;
  record.first_ns[kReverse] = 1'700'000'000'500'000'000;
  record.last_ns[kReverse] = 1'700'000'002'999'999'999;
  record.packets[kForward] = 10;
  record.packets[kReverse] = 8;
  record.octets[kForward] = 1000;
  record.octets[kReverse] = 123456789;
  record.tcp_flags[kForward] = 0x1b;
  record.tcp_flags[kReverse] = 0x1a;
  record.ip_tos[kForward] = 0xb8;
  record.ip_tos[kReverse] = 0x28;
  record.vlan_id = 100;
  record.ingress_interface = 2;
  record.sampling_rate = 1;
  record.end_reason = EndReason::end_of_flow;
  return record;
}

TEST(FlowJson, WritesABiflowAsOneLine) {
  EXPECT_EQ(line_of(tcp_biflow()),
            R"({"src_addr":"192.0.2.1","dst_addr":"198.51.100.200","src_port":50000,"dst_port":443,"proto":6,)"
            R"("packets":10,"bytes":1000,"rev_packets":8,"rev_bytes":123456789,)"
            R"("time_flow_start_ns":1700000000000000001,"time_flow_end_ns":1700000002999999999,)"
            R"("tcp_flags":27,"rev_tcp_flags":26,"ip_tos":184,"vlan_id":100,"etype":2048,"in_if":2,)"
            R"("end_reason":3,"sampling_rate":1,"rev_ip_tos":40,)"
            R"("fwd_time_start_ns":1700000000000000001,"fwd_time_end_ns":1700000001000000000,)"
            R"("rev_time_start_ns":1700000000500000000,"rev_time_end_ns":1700000002999999999})"
            "\n");
}

TEST(FlowJson, WritesATextWithItsOddOctetsOneByOne) {
  OwnedRecord record;
  record.base() = tcp_biflow();
  auto& dns = record.add<DnsSection>();
  dns.known = DnsSection::kName;
  dns.queries = 1;
  const auto name_of = [&](std::string_view name) {
    put_text_at(record.add<DnsSection>().name, name);
    const std::string line = line_of(record);
    const std::size_t at = line.find("\"dns_query_name\":\"");
    EXPECT_NE(at, std::string::npos) << line;
    return line.substr(at + 18, line.find(",\"dns_query_name_cut\"") - at - 19);
  };
  EXPECT_EQ(name_of("www.example.org"), "www.example.org");
  EXPECT_EQ(name_of("\xc3\xa4"), "\xc3\xa4") << "UTF-8";
  EXPECT_EQ(name_of("a\"\\\n\xff"), R"(a\u0022\u005c\u000a\u00ff)");
  EXPECT_EQ(name_of(std::string(254, '\xff')).size(), 254U * 6);
  EXPECT_EQ(name_of(""), "");
}

TEST(FlowJson, WritesIcmpFieldsForIcmpv6AndZeroTimesForADirectionWithoutPackets) {
  FlowRecord record{};
  inet_pton(AF_INET6, "2001:db8::1", record.source_address);
  inet_pton(AF_INET6, "ff02::1:ff00:1", record.destination_address);
  record.ip_version = 6;
  record.ether_type = 0x86dd;
  record.protocol = 58;
  record.set_icmp(kForward, 135, 0);
  record.packets[kForward] = 1;
  record.octets[kForward] = 72;
  record.first_ns[kForward] = record.last_ns[kForward] = 5;
  record.first_ns[kReverse] = 1;  // means nothing: there are no packets
  record.sampling_rate = 1;
  record.end_reason = EndReason::idle_timeout;
  EXPECT_EQ(line_of(record),
            R"({"src_addr":"2001:db8::1","dst_addr":"ff02::1:ff00:1","src_port":0,"dst_port":0,"proto":58,)"
            R"("packets":1,"bytes":72,"rev_packets":0,"rev_bytes":0,"time_flow_start_ns":5,"time_flow_end_ns":5,)"
            R"("tcp_flags":0,"rev_tcp_flags":0,"ip_tos":0,"vlan_id":0,"etype":34525,"in_if":0,)"
            R"("end_reason":1,"sampling_rate":1,"icmp_type":135,"icmp_code":0,"rev_ip_tos":0,)"
            R"("fwd_time_start_ns":5,"fwd_time_end_ns":5,"rev_time_start_ns":0,"rev_time_end_ns":0})"
            "\n");
}

TEST(FlowJson, FitsTheStatedRoomWithEveryFieldAtItsGreatest) {
  FlowRecord record;
  std::memset(&record, 0xff, sizeof record);
  record.ip_version = 6;
  record.protocol = 58;
  record.sections = 0;
  EXPECT_LE(line_of(record).size(), 1056U);
  OwnedRecord whole{RecordView(record)};
  for (std::size_t i = 1; i < kSectionCount; ++i) {
    std::memset(whole.add(static_cast<Section>(i)), 0xff, kSectionOctets[i]);
  }
  EXPECT_LE(line_of(whole).size(), kFlowJsonMaxOctets);
}

TEST(FlowJson, HasOfRoutingWhatIsKnown) {
  OwnedRecord record;
  record->ip_version = 4;
  auto& routing = record.add<RoutingSection>();
  routing.ip_version = 4;
  routing.source_as = 4'200'000'000;
  routing.destination_net = 24;
  routing.next_hop[kReverse][0] = 10;
  routing.in_type = 1;
  routing.out_type = 2;
  auto& paths = record.add<AsPathSection>();
  paths.path[kForward].count = 2;
  paths.path[kForward].numbers[0] = 64'500;
  paths.path[kForward].numbers[1] = 64'501;
  std::memcpy(record.add<AsNamesSection>().destination_name, "A\"B", 3);
  std::memcpy(record.add<AsNamesSection>().source_country, "DE", 2);
  const std::string line = line_of(record);
  EXPECT_EQ(line.substr(line.find("\"rev_time_end_ns\":0") + 19),
            R"(,"src_as":4200000000,"dst_net":24,"rev_next_hop":"10.0.0.0","in_type":"internal","out_type":"external",)"
            R"("as_path":[64500,64501],"dst_as_name":"A\u0022B","src_country":"DE"})"
            "\n");
}

TEST(FlowJson, NamesTheTunnelTheLabelAndTheSpiOfFlowsThatHaveThem) {
  OwnedRecord record;
  record->ip_version = 4;
  const auto behind_base = [&] {
    const std::string line = line_of(record);
    return line.substr(line.find("\"rev_time_end_ns\":0") + 19);
  };
  EXPECT_EQ(behind_base(), "}\n");  // no section
  record.add<TunnelSection>().type = TunnelType::gtp_u;
  record.add<TunnelSection>().depth = 2;
  record.add<TunnelSection>().id = 4294967295;
  EXPECT_EQ(behind_base(), R"(,"tunnel_type":"gtp-u","tunnel_id":4294967295,"tunnel_depth":2})"
                           "\n");
  record.add<TunnelSection>().ip_version = 4;
  record.add<TunnelSection>().source[0] = 10;
  record.add<TunnelSection>().destination[3] = 1;
  record.add<LabelSection>().label = 1048575;
  record.add<EspSection>().spi = 7;
  EXPECT_EQ(behind_base(),
            R"(,"tunnel_type":"gtp-u","tunnel_id":4294967295,"tunnel_depth":2,)"
            R"("tunnel_src_addr":"10.0.0.0","tunnel_dst_addr":"0.0.0.1","mpls_label":1048575,"esp_spi":7})"
            "\n");
  record.remove(Section::label);
  record.remove(Section::esp);
  record.add<TunnelSection>().type = static_cast<TunnelType>(200);
  EXPECT_NE(line_of(record).find(R"("tunnel_type":"unknown")"), std::string::npos);
}

TEST(FlowJson, WritesMacAddressesAndListsOfLabels) {
  OwnedRecord record;
  record->ip_version = 4;
  record.add<LabelStackSection>() = {.labels = {16'000U << 4 | 0xe, 24U << 4 | 1}, .count = 2, .reserved = 0};
  const std::uint8_t mac[] = {0x02, 0x00, 0x5e, 0x0a, 0xbc, 0xde};
  std::memcpy(record.add<Layer2Section>().destination_mac, mac, 6);
  record.add<EgressSection>().interface = 9;
  const std::string line = line_of(record);
  EXPECT_NE(line.find(R"(,"mpls_label":16000,"mpls_labels":[16000,24],"src_mac":"00:00:00:00:00:00",)"
                      R"("dst_mac":"02:00:5e:0a:bc:de",)"),
            std::string::npos)
      << line;
  EXPECT_NE(line.find(R"(,"out_if":9})"), std::string::npos) << line;
}

TEST(FlowJson, WritesAddressesAsRfc5952Says) {
  const auto canonical = [](const char* text) {
    std::uint8_t address[16];
    EXPECT_EQ(inet_pton(AF_INET6, text, address), 1);
    return text_of(address, 6);
  };
  EXPECT_EQ(canonical("2001:0db8:0:0:0:0:0002:0001"), "2001:db8::2:1");
  EXPECT_EQ(canonical("2001:db8:0:1:1:1:1:1"), "2001:db8:0:1:1:1:1:1");  // section 4.2.2: not for one group
  EXPECT_EQ(canonical("2001:0:0:1:0:0:0:1"), "2001:0:0:1::1");           // section 4.2.3: the longest run
  EXPECT_EQ(canonical("2001:db8:0:0:1:0:0:1"), "2001:db8::1:0:0:1");     // the first of equals
  EXPECT_EQ(canonical("2001:DB8::AAAA"), "2001:db8::aaaa");              // section 4.3: lower case
  EXPECT_EQ(canonical("::"), "::");
  EXPECT_EQ(canonical("::1"), "::1");
  EXPECT_EQ(canonical("fe80::"), "fe80::");
  EXPECT_EQ(canonical("::ffff:192.0.2.128"), "::ffff:192.0.2.128");
}

TEST(FlowJson, WritesAddressesAsInetNtopDoes) {
  std::mt19937_64 random(1);
  for (int round = 0; round < 20000; ++round) {
    std::uint8_t address[16];
    const std::uint64_t zeros = random();  // half of the groups are zero, so that runs of all lengths occur
    for (int i = 0; i < 16; ++i) {
      address[i] = static_cast<std::uint8_t>((zeros >> (i / 2) & 1) != 0 ? 0 : (random() & 0xff) >> (random() % 8));
    }
    char expected[INET6_ADDRSTRLEN];
    inet_ntop(AF_INET6, address, expected, sizeof expected);
    ASSERT_EQ(text_of(address, 6), expected);
    inet_ntop(AF_INET, address, expected, sizeof expected);
    ASSERT_EQ(text_of(address, 4), expected);
  }
}

TEST(FlowJson, NamesTheProbeLastWhereItsAddressIsKnown) {
  const FlowRecord record = tcp_biflow();
  const std::string without = line_of(record);
  EXPECT_EQ(without.find("sampler_address"), std::string::npos);
  for (const std::string address : {"192.0.2.1", "2001:db8::1", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"}) {
    char out[kFlowJsonMaxOctets];
    const std::string line(out, write_flow_json(out, record, parse_ip_address(address).value()));
    EXPECT_EQ(line, without.substr(0, without.size() - 2) + ",\"sampler_address\":\"" + address + "\"}\n");
  }
}

}  // namespace
}  // namespace weir::flow_json_test
