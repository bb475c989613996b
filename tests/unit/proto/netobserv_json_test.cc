// The line of json:FILE?format=netobserv, against what the agent's own types write.
#include "proto/record/netobserv_json.h"

#include <gtest/gtest.h>

#include <cstring>
#include <string>

namespace weir::netobserv_json_test {
namespace {

std::string line_of(RecordView record, std::string_view interface) {
  std::string out(kNetobservJsonMaxOctets, '?');
  out.resize(static_cast<std::size_t>(write_netobserv_json(out.data(), record, interface) - out.data()));
  return out;
}

OwnedRecord example() {
  OwnedRecord record(FlowRecord{});
  record->ip_version = 4;
  record->ether_type = 0x0800;
  record->protocol = 6;
  const std::uint8_t source[] = {10, 0, 0, 1};
  const std::uint8_t destination[] = {10, 0, 0, 2};
  std::memcpy(record->source_address, source, 4);
  std::memcpy(record->destination_address, destination, 4);
  record->ports[kForward] = 40000;
  record->ports[kReverse] = 443;
  record->ingress_interface = 2;
  record->packets[kForward] = 2;
  record->octets[kForward] = 416;
  record->first_ns[kForward] = 1'700'000'000'000'000'123;
  record->last_ns[kForward] = 1'700'000'001'500'000'000;
  return record;
}

TEST(NetobservJson, HasTheAgentsNamesInItsOrder) {
  OwnedRecord record = example();
  const std::uint8_t mac[] = {0x02, 0, 0, 0xab, 0, 0x0a};
  std::memcpy(record.add<Layer2Section>().source_mac, mac, 6);
  record.add<Layer2Section>().destination_mac[5] = 0x0b;
  record.add<DirectionSection>().direction = 1;
  record.add<LinkSection>().octets[kForward] = 444;
  record.add<LinkSection>().start_mono_ns = 123;
  record.add<LinkSection>().end_mono_ns = 789;
  EXPECT_EQ(line_of(record, "eth0"),
            R"({"Etype":2048,"FlowDirection":1,"SrcMac":"02:00:00:ab:00:0a","DstMac":"00:00:00:00:00:0b",)"
            R"("SrcAddr":"10.0.0.1","DstAddr":"10.0.0.2","SrcPort":40000,"DstPort":443,"Proto":6,"IFIndex":2,)"
            R"("Packets":2,"Bytes":444,"StartMonoTimeNs":123,"EndMonoTimeNs":789,)"
            R"("TimeFlowStart":"2023-11-14T22:13:20.000000123Z","TimeFlowEnd":"2023-11-14T22:13:21.5Z",)"
            R"("Interface":"eth0"})"
            "\n");
}

TEST(NetobservJson, SaysOfAnyOtherRecordWhatItKnows) {
  OwnedRecord record = example();
  record->last_ns[kForward] = 1'700'000'001'000'000'000;
  EXPECT_EQ(line_of(record, ""),
            R"({"Etype":2048,"FlowDirection":0,"SrcMac":"00:00:00:00:00:00","DstMac":"00:00:00:00:00:00",)"
            R"("SrcAddr":"10.0.0.1","DstAddr":"10.0.0.2","SrcPort":40000,"DstPort":443,"Proto":6,"IFIndex":2,)"
            R"("Packets":2,"Bytes":416,"StartMonoTimeNs":0,"EndMonoTimeNs":0,)"
            R"("TimeFlowStart":"2023-11-14T22:13:20.000000123Z","TimeFlowEnd":"2023-11-14T22:13:21Z",)"
            R"("Interface":"unknown"})"
            "\n");
}

TEST(NetobservJson, HasRoomForTheLongestLine) {
  OwnedRecord record = example();
  record->ip_version = 6;
  record->ether_type = 0xffff;
  std::memset(record->source_address, 0xff, 16);
  std::memset(record->destination_address, 0xff, 16);
  record->protocol = 255;
  record->ports[kForward] = record->ports[kReverse] = 65535;
  record->ingress_interface = UINT32_MAX;
  record->packets[kForward] = UINT64_MAX;
  record->first_ns[kForward] = record->last_ns[kForward] = UINT64_MAX;
  (void)record.add<Layer2Section>();
  record.add<DirectionSection>().direction = 255;
  LinkSection& link = record.add<LinkSection>();
  link.octets[kForward] = link.start_mono_ns = link.end_mono_ns = UINT64_MAX;
  const std::string line = line_of(record, std::string(1000, '\x01'));
  EXPECT_LE(line.size(), kNetobservJsonMaxOctets);
  EXPECT_TRUE(line.ends_with("\\u0001\"}\n"));
}

}  // namespace
}  // namespace weir::netobserv_json_test
