// Community IDs against the published ones: the test vectors of github.com/corelight/pycommunityid, the specification's
// reference, for seed 0 and seed 1.
#include "control/community_id.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>

#include <string>

namespace weir::community_id_test {
namespace {

constexpr std::uint8_t kIcmp = 1, kTcp = 6, kUdp = 17, kRsvp = 46, kIcmpv6 = 58, kSctp = 132;

FlowRecord flow(std::uint8_t protocol, const char* source, const char* destination) {
  FlowRecord record{};
  record.protocol = protocol;
  record.ip_version = std::string(source).find(':') == std::string::npos ? 4 : 6;
  const int family = record.ip_version == 4 ? AF_INET : AF_INET6;
  EXPECT_EQ(inet_pton(family, source, record.source_address), 1);
  EXPECT_EQ(inet_pton(family, destination, record.destination_address), 1);
  record.packets[kForward] = 1;
  return record;
}

FlowRecord with_ports(FlowRecord record, std::uint16_t source, std::uint16_t destination) {
  record.ports[kForward] = source;
  record.ports[kReverse] = destination;
  return record;
}

FlowRecord with_type(FlowRecord record, unsigned type, unsigned code = 0) {
  record.set_icmp(kForward, type, code);
  return record;
}

std::string id(const FlowRecord& record, std::uint16_t seed) {
  IdsSection ids{};
  CommunityIdMaker(seed).make(ids, record);
  char text[kCommunityIdTextOctets];
  return {text, write_community_id(text, ids.community_id)};
}

struct Published {
  FlowRecord record;
  std::string seed0;
  std::string seed1;
};

void expect_ids(const std::vector<Published>& all) {
  for (const Published& one : all) {
    EXPECT_EQ(id(one.record, 0), one.seed0);
    EXPECT_EQ(id(one.record, 1), one.seed1) << one.seed0;
  }
}

TEST(CommunityId, OfPortsIsThatOfBothDirections) {
  expect_ids({
      {with_ports(flow(kTcp, "128.232.110.120", "66.35.250.204"), 34855, 80),
       "1:LQU9qZlK+B5F3KDmev6m5PMibrg=", "1:3V71V58M3Ksw/yuFALMcW0LAHvc="},
      {with_ports(flow(kTcp, "66.35.250.204", "128.232.110.120"), 80, 34855),
       "1:LQU9qZlK+B5F3KDmev6m5PMibrg=", "1:3V71V58M3Ksw/yuFALMcW0LAHvc="},
      {with_ports(flow(kTcp, "10.0.0.1", "10.0.0.2"), 10, 11569),
       "1:SXBGMX1lBOwhhoDrZynfROxnhnM=", "1:HmBRGR+fUyXF4t8WEtal7Y0gEAo="},
      {with_ports(flow(kUdp, "192.168.1.52", "8.8.8.8"), 54585, 53),
       "1:d/FP5EW3wiY1vCndhwleRRKHowQ=", "1:Q9We8WO3piVF8yEQBNJF4uiSVrI="},
      {with_ports(flow(kUdp, "8.8.8.8", "192.168.1.52"), 53, 54585),
       "1:d/FP5EW3wiY1vCndhwleRRKHowQ=", "1:Q9We8WO3piVF8yEQBNJF4uiSVrI="},
      {with_ports(flow(kSctp, "192.168.170.8", "192.168.170.56"), 7, 80),
       "1:jQgCxbku+pNGw8WPbEc/TS/uTpQ=", "1:Y1/0jQg6e+I3ZwZZ9LP65DNbTXU="},
      {with_ports(flow(kSctp, "192.168.170.56", "192.168.170.8"), 80, 7),
       "1:jQgCxbku+pNGw8WPbEc/TS/uTpQ=", "1:Y1/0jQg6e+I3ZwZZ9LP65DNbTXU="},
  });
}

TEST(CommunityId, OfOtherProtocolsHasNoPorts) {
  expect_ids({
      {flow(kRsvp, "10.1.24.4", "10.1.12.1"), "1:/nQI4Rh/TtY3mf0R2gJFBkVlgS4=", "1:BK3BVW3U2eemuwVQVN3zd/GULno="},
      {flow(kRsvp, "10.1.12.1", "10.1.24.4"), "1:/nQI4Rh/TtY3mf0R2gJFBkVlgS4=", "1:BK3BVW3U2eemuwVQVN3zd/GULno="},
  });
}

TEST(CommunityId, OfIcmpIsOneForQuestionAndAnswer) {
  expect_ids({
      {with_type(flow(kIcmp, "192.168.0.89", "192.168.0.1"), 8),
       "1:X0snYXpgwiv9TZtqg64sgzUn6Dk=", "1:03g6IloqVBdcZlPyX8r0hgoE7kA="},
      {with_type(flow(kIcmp, "192.168.0.1", "192.168.0.89"), 0),
       "1:X0snYXpgwiv9TZtqg64sgzUn6Dk=", "1:03g6IloqVBdcZlPyX8r0hgoE7kA="},
      {with_type(flow(kIcmpv6, "fe80::200:86ff:fe05:80da", "fe80::260:97ff:fe07:69ea"), 135),
       "1:dGHyGvjMfljg6Bppwm3bg0LO8TY=", "1:kHa1FhMYIT6Ym2Vm2AOtoOARDzY="},
      {with_type(flow(kIcmpv6, "fe80::260:97ff:fe07:69ea", "fe80::200:86ff:fe05:80da"), 136),
       "1:dGHyGvjMfljg6Bppwm3bg0LO8TY=", "1:kHa1FhMYIT6Ym2Vm2AOtoOARDzY="},
  });
}

TEST(CommunityId, OfAnIcmpTypeWithoutAnswerDependsOnCodeAndSender) {
  expect_ids({
      {with_type(flow(kIcmp, "192.168.0.89", "192.168.0.1"), 20, 0),
       "1:3o2RFccXzUgjl7zDpqmY7yJi8rI=", "1:lCXHHxavE1Vq3oX9NH5ladQg02o="},
      {with_type(flow(kIcmp, "192.168.0.89", "192.168.0.1"), 20, 1),
       "1:tz/fHIDUHs19NkixVVoOZywde+I=", "1:Ie3wmFyxiEyikbsbcO03d2nh+PM="},
      {with_type(flow(kIcmpv6, "3ffe:507:0:1:260:97ff:fe07:69ea", "3ffe:507:0:1:200:86ff:fe05:80da"), 3),
       "1:NdobDX8PQNJbAyfkWxhtL2Pqp5w=", "1:OlOWx9psIbBFi7lOCw/4MhlKR9M="},
      {with_type(flow(kIcmpv6, "3ffe:507:0:1:200:86ff:fe05:80da", "3ffe:507:0:1:260:97ff:fe07:69ea"), 3),
       "1:/OGBt9BN1ofenrmSPWYicpij2Vc=", "1:Ij4ZxnC87/MXzhOjvH2vHu7LRmE="},
  });
}

TEST(CommunityId, OfARecordOfTheResponderAloneIsTheFlowsStill) {
  // After an active timeout only the answers came: their type is the reverse one.
  FlowRecord record = flow(kIcmp, "192.168.0.89", "192.168.0.1");
  record.packets[kForward] = 0;
  record.packets[kReverse] = 3;
  record.set_icmp(kReverse, 0, 0);
  EXPECT_EQ(id(record, 0), "1:X0snYXpgwiv9TZtqg64sgzUn6Dk=");
}

}  // namespace
}  // namespace weir::community_id_test
