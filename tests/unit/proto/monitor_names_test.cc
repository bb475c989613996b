// The name of a record's monitor in JSON and protobuf: there where the configuration names monitors, and nowhere else.
#include "proto/record/monitor_names.h"

#include <gtest/gtest.h>

#include <array>
#include <string>

#include "proto/record/flow_json.h"
#include "proto/record/flow_protobuf.h"
#include "proto/schema/flow.pb.h"

namespace weir::monitor_names_test {
namespace {

MonitorNames two() {
  MonitorNames names;
  names.add("all");
  names.add(std::string(kMostMonitorNameOctets, 'w'));
  return names;
}

FlowRecord record_of(unsigned monitor) {
  FlowRecord record{};
  record.ip_version = 4;
  record.ether_type = 0x0800;
  record.packets[kForward] = 1;
  record.sampling_rate = 1;
  record.monitor = monitor & 0xf;
  return record;
}

std::string json_of(const FlowRecord& record, std::string_view name, const IpAddress& sampler = {}) {
  std::array<char, kFlowJsonMaxOctets> line;
  return {line.data(), write_flow_json(line.data(), record, sampler, name)};
}

v1::FlowRecord message_of(const FlowRecord& record, std::string_view name) {
  std::array<std::uint8_t, kFlowProtobufMaxOctets> octets;
  const std::uint8_t* const end = write_flow_protobuf(octets.data(), record, {}, name);
  const DelimitedMessage message = next_delimited({octets.data(), static_cast<std::size_t>(end - octets.data())});
  v1::FlowRecord decoded;
  EXPECT_TRUE(decoded.ParseFromArray(message.message.data(), static_cast<int>(message.message.size())));
  return decoded;
}

TEST(MonitorNames, FollowTheNumberOfTheRecord) {
  const MonitorNames names = two();
  EXPECT_EQ(names.of(record_of(0)), "all");
  EXPECT_EQ(names.of(record_of(1)), std::string(32, 'w'));
  EXPECT_EQ(names.of(record_of(2)), "") << "a number that the configuration has no name for";
  EXPECT_EQ(MonitorNames().of(record_of(0)), "");
}

TEST(MonitorNames, StandBeforeTheSamplersAddressInJson) {
  const FlowRecord record = record_of(0);
  const std::string without = json_of(record, "");
  EXPECT_EQ(without.find("monitor"), std::string::npos);
  const std::string body = without.substr(0, without.size() - 2);
  EXPECT_EQ(json_of(record, "all"), body + ",\"monitor\":\"all\"}\n");
  IpAddress sampler;
  sampler.ip_version = 4;
  sampler.octets[0] = 192;
  EXPECT_EQ(json_of(record, "all", sampler), body + ",\"monitor\":\"all\",\"sampler_address\":\"192.0.0.0\"}\n");
}

TEST(MonitorNames, AreAFieldOfTheMessage) {
  EXPECT_EQ(message_of(record_of(0), "all").monitor(), "all");
  EXPECT_EQ(message_of(record_of(1), two().of(record_of(1))).monitor(), std::string(32, 'w'));
  EXPECT_EQ(message_of(record_of(0), "").monitor(), "");
}

}  // namespace
}  // namespace weir::monitor_names_test
