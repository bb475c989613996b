// Datagrams of v5 and v7 against octets worked out by hand from Cisco's tables of the formats.
#include "proto/encode/netflow5_encoder.h"

#include <gtest/gtest.h>

#include "tests/unit/proto/encoder_fixtures.h"

namespace weir::netflow5_encoder_test {
namespace {

using namespace test;

Netflow5Options at_base(bool version7 = false) {
  Netflow5Options options;
  options.version7 = version7;
  options.start_ns = kBase;
  options.source_id = 5;
  return options;
}

TEST(Netflow5Encoder, WritesTheOctetsOfVersion5) {
  Netflow5Encoder encoder(at_base());
  FlowRecord record = ipv4_flow();
  add_reply(record);
  record.sampling_rate = 100;
  ASSERT_EQ(encoder.add(record, kBase), Netflow5Result::added);
  const std::string expected = joined({
      "0005",     "0002",                          // version, count
      "05268310", "6553f10a", "00000000",          // uptime a day and 10 s, unix_secs, nanoseconds
      "00000000", "00",       "05",       "4064",  // sequence; engine 5; mode 1, one in 100
      "0a000001", "c0000209", "00000000", "0007",     "0000",     "00000003", "00010203", "05265c64",
      "052661dc",  // 86 400 100 and 86 401 500 ms
      "1234",     "01bb",     "00",       "1b",       "06",       "10",       "0000",     "0000",
      "00",       "00",       "0000",     "c0000209", "0a000001", "00000000", "0007",     "0000",
      "00000002", "000000c8", "05265c65", "05266240", "01bb",     "1234",     "00",       "12",
      "06",       "20",       "0000",     "0000",     "00",       "00",       "0000",
  });
  EXPECT_EQ(hex(encoder.finish(kBase + 10 * kSecond)), expected);
  ASSERT_EQ(encoder.add(record, kBase), Netflow5Result::added);
  EXPECT_EQ(hex(encoder.finish(kBase)).substr(32, 8), "00000002") << "the sequence counts records";
}

TEST(Netflow5Encoder, SendsNoSamplingWhereEveryPacketCounts) {
  Netflow5Encoder encoder(at_base());
  ASSERT_EQ(encoder.add(ipv4_flow(), kBase), Netflow5Result::added);
  EXPECT_EQ(hex(encoder.finish(kBase)).substr(44, 4), "0000") << "neither an interval nor a mode";
}

TEST(Netflow5Encoder, WritesTheOctetsOfVersion7) {
  Netflow5Encoder encoder(at_base(true));
  ASSERT_EQ(encoder.add(ipv4_flow(), kBase), Netflow5Result::added);
  const std::string expected = joined({
      "0007", "0001", "05268310", "6553f10a", "00000000", "00000000", "00000000", "0a000001", "c0000209", "00000000",
      "0007", "0000", "00000003", "00010203", "05265c64", "052661dc", "1234",     "01bb",     "00",       "1b",
      "06",   "10",   "0000",     "0000",     "00",       "00",       "0000",     "00000000",
  });
  EXPECT_EQ(hex(encoder.finish(kBase + 10 * kSecond)), expected);
}

TEST(Netflow5Encoder, HoldsThirtyRecordsOrTwentySeven) {
  for (const bool version7 : {false, true}) {
    Netflow5Encoder encoder(at_base(version7));
    std::uint32_t records = 0;
    while (encoder.add(ipv4_flow(), kBase) == Netflow5Result::added) ++records;
    EXPECT_EQ(records, version7 ? 27U : 30U);
    EXPECT_EQ(encoder.finish(kBase).size(), 24U + (version7 ? 27 * 52 : 30 * 48));
  }
  Netflow5Options small = at_base();
  small.payload_octets = 576 - 28;
  Netflow5Encoder encoder(small);
  std::uint32_t records = 0;
  while (encoder.add(ipv4_flow(), kBase) == Netflow5Result::added) ++records;
  EXPECT_EQ(records, 10U);  // (548 - 24) / 48 = 10.9
}

TEST(Netflow5Encoder, NamesWhatTheFormatHasNoPlaceFor) {
  FlowRecord record = ipv4_flow();
  record.ip_version = 6;
  Netflow5Encoder five(at_base());
  Netflow5Encoder seven(at_base(true));
  EXPECT_EQ(five.add(record, kBase), Netflow5Result::ipv6_not_in_format);
  EXPECT_EQ(seven.add(record, kBase), Netflow5Result::ipv6_not_in_format);
  record = ipv4_flow();
  record.sampling_rate = 16'383;
  EXPECT_EQ(five.add(record, kBase), Netflow5Result::added);
  EXPECT_EQ(seven.add(record, kBase), Netflow5Result::rate_not_in_format);
  record.sampling_rate = 16'384;
  EXPECT_EQ(five.add(record, kBase), Netflow5Result::rate_not_in_format);
  record.sampling_rate = 2;
  EXPECT_EQ(five.add(record, kBase), Netflow5Result::full) << "the rate is the header's";
  record = ipv4_flow();
  record.octets[kForward] = UINT64_MAX;
  EXPECT_EQ(five.add(record, kBase), Netflow5Result::count_not_in_format);
}

TEST(Netflow5Encoder, SplitsCountersOfMoreThan32BitsSoThatTheSumsStayExact) {
  FlowRecord record = ipv4_flow();
  add_reply(record);
  record.octets[kForward] = 10'000'000'001;  // three records: 4 294 967 295 is the most
  record.packets[kForward] = 7'000'000;
  Netflow5Encoder encoder(at_base());
  EXPECT_EQ(encoder.data_records(record), 4U);
  ASSERT_EQ(encoder.add(record, kBase), Netflow5Result::added);
  const auto datagram = encoder.finish(kBase);
  ASSERT_EQ(datagram.size(), 24U + 4 * 48);
  std::uint64_t packets = 0;
  std::uint64_t octets = 0;
  for (std::size_t i = 0; i < 3; ++i) {
    packets += load_be<std::uint32_t>(datagram.data() + 24 + 48 * i + 16);
    octets += load_be<std::uint32_t>(datagram.data() + 24 + 48 * i + 20);
  }
  EXPECT_EQ(packets, 7'000'000U);
  EXPECT_EQ(octets, 10'000'000'001U);
}

TEST(Netflow5Encoder, PutsIcmpTypeAndCodeIntoTheDestinationPort) {
  FlowRecord record = ipv4_flow();
  record.protocol = 1;
  record.set_icmp(kForward, 3, 4);
  record.set_icmp(kReverse, 8, 0);
  record.ingress_interface = 70'000;
  Netflow5Encoder encoder(at_base());
  ASSERT_EQ(encoder.add(record, kBase), Netflow5Result::added);
  const auto datagram = encoder.finish(kBase);
  EXPECT_EQ(hex(datagram.subspan(24 + 32, 4)), "00000304");
  EXPECT_EQ(hex(datagram.subspan(24 + 12, 2)), "0000") << "an interface number that does not fit is unknown";
}

TEST(Netflow5Encoder, SendsTheEgressInterface) {
  OwnedRecord record(ipv4_flow());
  add_reply(record.base());
  record.add<EgressSection>().interface = 9;
  for (const bool version7 : {false, true}) {
    Netflow5Encoder encoder(at_base(version7));
    ASSERT_EQ(encoder.add(record, kBase), Netflow5Result::added);
    const auto datagram = encoder.finish(kBase);
    EXPECT_EQ(hex(datagram.subspan(24 + 12, 4)), "00070009");
    EXPECT_EQ(hex(datagram.subspan(24 + (version7 ? 52 : 48) + 12, 4)), "00070009") << "likewise the way back";
  }
  record.add<EgressSection>().interface = 65'536;
  Netflow5Encoder encoder(at_base());
  ASSERT_EQ(encoder.add(record, kBase), Netflow5Result::added);
  EXPECT_EQ(hex(encoder.finish(kBase).subspan(24 + 12, 4)), "00070000") << "a number that does not fit is unknown";
}

TEST(Netflow5Encoder, TurnsTheInterfacesOfAPairRoundForTheWayBack) {
  OwnedRecord record(ipv4_flow());
  add_reply(record.base());
  record.add<EgressSection>() = {9, 7};
  for (const bool version7 : {false, true}) {
    Netflow5Encoder encoder(at_base(version7));
    ASSERT_EQ(encoder.add(record, kBase), Netflow5Result::added);
    const auto datagram = encoder.finish(kBase);
    EXPECT_EQ(hex(datagram.subspan(24 + 12, 4)), "00070009");
    EXPECT_EQ(hex(datagram.subspan(24 + (version7 ? 52 : 48) + 12, 4)), "00090007");
  }
}

TEST(Netflow5Encoder, FlagsOfVersion7SayWhatTheKeyLeavesOut) {
  OwnedRecord record(ipv4_flow());
  add_reply(record.base());
  auto& routing = record.add<RoutingSection>();
  routing.ip_version = 4;
  routing.not_in_key = kNoSourceAddress | kNoDestinationPort | kNoProtocol;
  for (const bool version7 : {false, true}) {
    Netflow5Encoder encoder(at_base(version7));
    ASSERT_EQ(encoder.add(record, kBase), Netflow5Result::added);
    const auto datagram = encoder.finish(kBase);
    // 0x01 source, 0x02 destination, 0x04 source port, 0x08 destination port, 0x10 protocol; v5 has padding there.
    EXPECT_EQ(hex(datagram.subspan(24 + 36, 1)), version7 ? "19" : "00");
    EXPECT_EQ(hex(datagram.subspan(24 + (version7 ? 52 : 48) + 36, 1)), version7 ? "16" : "00") << "the way back";
  }
}

TEST(Netflow5Encoder, SendsAsNumbersMasksAndTheNextHopOfEachWay) {
  OwnedRecord record(ipv4_flow());
  add_reply(record.base());
  auto& routing = record.add<RoutingSection>();
  routing.ip_version = 4;
  routing.source_as = 64'500;
  routing.destination_as = 65'536;  // RFC 6793: 23456 (0x5ba0) where there are 16 bits
  routing.source_net = 24;
  routing.destination_net = 16;
  store_be<std::uint32_t>(routing.next_hop[kForward], 0xc0000201);
  store_be<std::uint32_t>(routing.bgp_next_hop[kForward], 0xc0000202);
  store_be<std::uint32_t>(routing.bgp_next_hop[kReverse], 0xc0000203);
  for (const bool version7 : {false, true}) {
    Netflow5Encoder encoder(at_base(version7));
    ASSERT_EQ(encoder.add(record, kBase), Netflow5Result::added);
    const auto datagram = encoder.finish(kBase);
    const std::size_t second = 24 + (version7 ? 52 : 48);
    EXPECT_EQ(hex(datagram.subspan(24 + 8, 4)), "c0000201") << "the next hop of a prefix file goes before BGP's";
    EXPECT_EQ(hex(datagram.subspan(24 + 40, 6)), "fbf45ba01810");
    EXPECT_EQ(hex(datagram.subspan(second + 8, 4)), "c0000203");
    EXPECT_EQ(hex(datagram.subspan(second + 40, 6)), "5ba0fbf41018");
  }
}

}  // namespace
}  // namespace weir::netflow5_encoder_test
