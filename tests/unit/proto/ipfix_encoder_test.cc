// Messages against octets worked out by hand from RFC 7011, RFC 5103 and IANA's registry.
#include "proto/encode/ipfix_encoder.h"

#include <gtest/gtest.h>

#include <vector>

#include "proto/base/byte_order.h"
#include "tests/unit/proto/encoder_fixtures.h"

namespace weir::ipfix_encoder_test {
namespace {

using namespace test;

std::uint32_t sequence_of(std::span<const std::uint8_t> message) {
  return load_be<std::uint32_t>(message.data() + 8);
}

TEST(IpfixEncoder, WritesTheOctetsOfRfc7011) {
  IpfixOptions options;
  options.domain = 5;
  IpfixEncoder encoder(options);
  ASSERT_TRUE(encoder.add(ipv4_flow(), kBase));
  const std::string expected = joined({
      "000a",
      "0058",      // version, length: 16 + 4 + 66 and 2 of padding
      "6553f10a",  // export time 1 700 000 010
      "00000000",
      "00000005",  // sequence, domain
      "0100",
      "0048",  // set 256
      "0a000001",
      "c0000209",  // addresses
      "0000000000010203",
      "0000000000000003",  // octets, packets
      "0000018bcfe56864",  // 1 700 000 000 100 ms, the fraction cut off
      "0000018bcfe56ddc",  // 1 700 000 001 500 ms
      "00000007",
      "00000001",  // interface, sampling rate
      "1234",
      "01bb",
      "002a",
      "002a",
      "0800",
      "0000",  // ports, vlanId, dot1qVlanId, EtherType, ICMP
      "06",
      "10",
      "1b",  // TCP, TOS, flags in one octet (RFC 7125 section 3)
      "03",
      "01",
      "04",  // end of flow, deterministic, IPv4
      "0000",
  });
  EXPECT_EQ(hex(encoder.finish(kBase + 10 * kSecond)), expected);
}

TEST(IpfixEncoder, AnnouncesItsTemplatesInOctetsOfRfc7011) {
  IpfixOptions options;
  options.fields = {"src_addr", "packets", "rev_packets"};
  options.biflow = true;
  IpfixEncoder encoder(options);
  EXPECT_TRUE(encoder.announcement_due(nullptr, kBase));
  ExportAccount account;
  account.messages = 1;
  account.octets = 2;
  account.flow_records = 3;
  account.observed_flows = 8;
  account.ignored_packets = 4;
  account.ignored_octets = 5;
  account.sampling_rate = 100;
  account.losses = {{"queue_full", 5, 6, 7}, {"shutdown", 0, 0, 0}};
  account.interfaces = {{1, "eth0", "up"}};
  const auto messages = encoder.announce(account, nullptr, kBase);
  ASSERT_EQ(messages.size(), 1U);
  const std::string expected = joined({
      "0002",
      "004c",  // template set
      "0100",
      "0002",
      "00080004",
      "00020008",  // 256: IPv4 uniflow
      "0101",
      "0002",
      "001b0010",
      "00020008",  // 257: IPv6 uniflow
      "0102",
      "0004",
      "00080004",
      "00020008",
      "80020008",
      "00007279",
      "00ef0001",  // 258: reverse packets (RFC 5103)
      "0103",
      "0004",
      "001b0010",
      "00020008",
      "80020008",
      "00007279",
      "00ef0001",  // 259
      // Options template sets, one each, without padding: id, fields, scopes.
      "0003",
      "0016",
      "0104",
      "0003",
      "0001",
      "00950004",
      "00220004",
      "00230001",  // 260: domain; sampling interval and algorithm
      "0003",
      "0032",
      "0105",
      "000a",
      "0001",
      "00950004",  // 261: domain; statistics
      "00290008",
      "00280008",
      "002a0008",
      "00a30008",
      "00a60008",
      "00a70008",
      "00a80008",
      "00a40008",
      "00a50008",
      "0003",
      "0016",
      "0106",
      "0003",
      "0001",
      "000a0004",
      "0052ffff",
      "0053ffff",  // 262: interface; name, description
      "0003",
      "001e",
      "0107",
      "0004",
      "0001",
      "8001ffff",
      "00007ed9",
      "00a60008",
      "00a70008",
      "00a80008",  // 263: weir's loss name
      "0104",
      "0010",
      "00000001",
      "00000064",
      "01",
      "000000",  // 100, deterministic, padding
      "0105",
      "0050",
      "00000001",
      "0000000000000001",
      "0000000000000002",
      "0000000000000003",
      "0000000000000008",  // exported, observed
      "0000000000000005",
      "0000000000000006",
      "0000000000000007",  // not sent
      "0000000000000004",
      "0000000000000005",  // ignored
      "0106",
      "0010",
      "00000001",
      "04",
      "65746830",
      "02",
      "7570",
      "0107",
      "0028",
      "0a",
      "71756575655f66756c6c",  // queue_full; shutdown is 0 and does not appear
      "0000000000000005",
      "0000000000000006",
      "0000000000000007",
      "00",
  });
  // What follows the header.
  EXPECT_EQ(hex(messages[0].octets).substr(32), expected);
  EXPECT_EQ(messages[0].data_records, 4U);
  EXPECT_EQ(sequence_of(messages[0].octets), 0U);
  EXPECT_EQ(load_be<std::uint16_t>(messages[0].octets.data() + 2), messages[0].octets.size());
}

TEST(IpfixEncoder, CountsDataRecordsInTheSequenceOptionsIncludedTemplatesNever) {
  IpfixEncoder encoder(IpfixOptions{});
  const auto announced = encoder.announce({}, nullptr, kBase);  // sampling and statistics: 2 data records
  ASSERT_EQ(announced.size(), 1U);
  FlowRecord both = ipv4_flow();
  add_reply(both);
  ASSERT_TRUE(encoder.add(both, kBase));
  ASSERT_TRUE(encoder.add(ipv4_flow(), kBase));
  EXPECT_EQ(sequence_of(encoder.finish(kBase)), 2U);
  ASSERT_TRUE(encoder.add(ipv4_flow(), kBase));
  EXPECT_EQ(sequence_of(encoder.finish(kBase)), 2U + 3);
  EXPECT_EQ(encoder.sequence(), 6U);
  encoder.restart();
  ASSERT_TRUE(encoder.add(ipv4_flow(), kBase));
  EXPECT_EQ(sequence_of(encoder.finish(kBase)), 0U) << "a new transport session";
}

TEST(IpfixEncoder, WritesBothDirectionsOfABiflowInOneRecordAndASingleOneAsAUniflow) {
  IpfixOptions options;
  options.biflow = true;
  options.fields = {"src_addr", "bytes", "tcp_flags", "rev_bytes", "rev_tcp_flags", "rev_time_start_ns"};
  IpfixEncoder encoder(options);
  FlowRecord both = ipv4_flow();
  add_reply(both);
  ASSERT_TRUE(encoder.add(both, kBase));
  FlowRecord reply_only = both;
  reply_only.packets[kForward] = reply_only.octets[kForward] = 0;
  ASSERT_TRUE(encoder.add(reply_only, kBase));
  const std::string expected = joined({
      "0100",
      "0014",
      "c0000209",
      "00000000000000c8",
      "12",
      "000000",  // a reply alone: from the responder
      "0102",
      "0024",
      "0a000001",
      "0000000000010203",
      "1b",
      "00000000000000c8",
      "0000018bcfe56865",
      "12",
      "0000",
  });
  EXPECT_EQ(hex(encoder.finish(kBase)).substr(32), expected);
}

TEST(IpfixEncoder, KeepsEveryMessageWithinItsSize) {
  std::mt19937_64 random(9);
  for (const std::uint32_t payload : {1U, 512U, 1372U, 8952U, 100'000U}) {
    for (const bool biflow : {false, true}) {
      IpfixOptions options;
      options.payload_octets = payload;
      options.biflow = biflow;
      IpfixEncoder encoder(options);
      const std::size_t limit = std::clamp(payload, kMinPayload, kMaxPayload);
      ExportAccount account;
      for (std::uint32_t i = 0; i < 50; ++i) account.interfaces.push_back({i, std::string(300, 'x'), "y"});
      const auto announced = encoder.announce(account, nullptr, kBase);
      EXPECT_GT(announced.size(), 1U);
      std::uint32_t sequence = 0;
      for (const AnnouncedMessage& one : announced) {
        EXPECT_LE(one.octets.size(), limit);
        EXPECT_EQ(sequence_of(one.octets), sequence);
        sequence += one.data_records;
      }
      EXPECT_EQ(sequence, 52U);
      for (int i = 0; i < 500; ++i) {
        const FlowRecord record = random_flow(random);
        if (encoder.add(record, kBase)) continue;
        const auto message = encoder.finish(kBase);
        EXPECT_LE(message.size(), limit);
        EXPECT_EQ(message.size(), load_be<std::uint16_t>(message.data() + 2));
        EXPECT_EQ(message.size() % 4, 0U);
        ASSERT_TRUE(encoder.add(record, kBase)) << "an empty message takes every record";
      }
    }
  }
}

TEST(IpfixEncoder, RepeatsItsTemplatesByTimeAndByNumberOfMessages) {
  IpfixOptions options;
  options.template_refresh_messages = 3;
  options.template_refresh_ns = 20 * kSecond;
  IpfixEncoder encoder(options);
  std::string pattern;
  for (int i = 0; i < 7; ++i) {
    const bool due = encoder.announcement_due(nullptr, kBase);
    pattern += due ? 'T' : '.';
    if (due) static_cast<void>(encoder.announce({}, nullptr, kBase));
    ASSERT_TRUE(encoder.add(ipv4_flow(), kBase));
    EXPECT_FALSE(encoder.announcement_due(nullptr, kBase + 100 * kSecond)) << "not in an open message";
    static_cast<void>(encoder.finish(kBase));
  }
  EXPECT_EQ(pattern, "T..T..T");
  EXPECT_FALSE(encoder.announcement_due(nullptr, kBase + 20 * kSecond - 1));
  EXPECT_TRUE(encoder.announcement_due(nullptr, kBase + 20 * kSecond));
}

/// A record of one packet, so many seconds after kBase.
FlowRecord packet_at(std::uint64_t seconds) {
  FlowRecord record = ipv4_flow();
  record.first_ns[kForward] = record.last_ns[kForward] = kBase + seconds * kSecond;
  return record;
}

TEST(IpfixEncoder, RepeatsItsTemplatesByTheClockOfItsHeaders) {
  IpfixOptions options;
  options.header_time = HeaderTime::records;
  options.start_ns = kBase;
  options.template_refresh_ns = 20 * kSecond;
  IpfixEncoder encoder(options);
  std::string pattern;
  constexpr std::uint64_t kWall = 2 * kBase;  // of today, and at rest
  // A record that ends before the one before it, as one of the active timeout may, does not move the clock back.
  for (const std::uint64_t seconds : {5, 24, 23, 25, 44, 45, 30, 64, 65}) {
    const FlowRecord record = packet_at(seconds);
    const bool due = encoder.announcement_due(&record, kWall);
    pattern += due ? 'T' : '.';
    if (due) static_cast<void>(encoder.announce({}, &record, kWall));
    ASSERT_TRUE(encoder.add(record, kWall));
    static_cast<void>(encoder.finish(kWall));
  }
  EXPECT_EQ(pattern, "T..T.T..T");
}

TEST(IpfixEncoder, DatesWhatGoesBeforeTheFirstRecordByTheFirstPacket) {
  IpfixOptions options;
  options.header_time = HeaderTime::records;
  options.start_ns = kBase + 7 * kSecond;
  IpfixEncoder encoder(options);
  EXPECT_EQ(hex(encoder.announce({}, nullptr, 2 * kBase).at(0).octets).substr(8, 8), "6553f107");
}

TEST(IpfixEncoder, AnnouncesNothingOfWeirsOwnWhereThatIsNotWanted) {
  IpfixOptions options;
  options.own_elements = false;
  options.biflow = true;
  IpfixEncoder encoder(options);
  ExportAccount account;
  account.losses = {{"queue_full", 5, 6, 7}};
  const auto messages = encoder.announce(account, nullptr, kBase);
  ASSERT_EQ(messages.size(), 1U);
  const std::string octets = hex(messages[0].octets);
  EXPECT_EQ(octets.find("00007ed9"), std::string::npos) << "no element of enterprise 32473";
  EXPECT_NE(octets.find("00007279"), std::string::npos) << "but the reverse ones of RFC 5103 (29305)";
  EXPECT_EQ(octets.find("71756575655f66756c6c"), std::string::npos) << "no loss by name";
  EXPECT_EQ(messages[0].data_records, 2U) << "sampling and statistics";
}

}  // namespace
}  // namespace weir::ipfix_encoder_test
