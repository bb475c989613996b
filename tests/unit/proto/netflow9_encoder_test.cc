// Datagrams against bytes worked out by hand from RFC 3954, and the rules for templates, size and time.
#include "proto/encode/netflow9_encoder.h"

#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <vector>

#include "proto/base/byte_order.h"
#include "proto/decode/flow_decoder.h"
#include "tests/unit/proto/encoder_fixtures.h"

namespace weir::netflow9_encoder_test {
namespace {

using namespace test;

constexpr std::uint64_t kDay = 86'400 * kSecond;

FlowRecord ipv4_record() {
  FlowRecord record = ipv4_flow();
  record.octets[kForward] = 0x0102030405;  // more than 32 bits
  return record;
}

FlowRecord ipv6_record() {
  FlowRecord record = ipv4_record();
  record.ip_version = 6;
  record.ether_type = 0x86dd;
  std::memset(record.source_address, 0xaa, 16);
  std::memset(record.destination_address, 0xbb, 16);
  return record;
}

Netflow9Options options_at(std::uint64_t start_ns) {
  Netflow9Options options;
  options.start_ns = start_ns;
  options.source_id = 5;
  return options;
}

std::vector<std::uint8_t> copy(std::span<const std::uint8_t> octets) {
  return {octets.begin(), octets.end()};
}

struct Header {
  std::uint32_t count, uptime_ms, unix_secs, sequence;
};
Header header_of(std::span<const std::uint8_t> datagram) {
  return {load_be<std::uint16_t>(datagram.data() + 2), load_be<std::uint32_t>(datagram.data() + 4),
          load_be<std::uint32_t>(datagram.data() + 8), load_be<std::uint32_t>(datagram.data() + 12)};
}

std::size_t template_sets(std::span<const std::uint8_t> datagram) {
  FlowMessage parsed;
  EXPECT_EQ(parse_netflow9(datagram, parsed), DecodeError::none);
  std::size_t sets = 0;
  for (const FlowSet& set : parsed.flow_sets) sets += set.id == 0;
  return sets;
}

TEST(Netflow9Encoder, WritesTheOctetsOfRfc3954) {
  Netflow9Encoder encoder(options_at(kBase));
  ASSERT_TRUE(encoder.add(ipv4_record(), kBase + 10 * kSecond));
  const std::string expected = joined({
      // Header, section 5.1
      "0009",      // version
      "0003",      // count: two templates, one data record
      "05268310",  // sysUptime: boot is a day before the start and the header 10 s after it: 86 410 000
      "6553f10a",  // unix_secs 1 700 000 010
      "00000000",  // sequence
      "00000005",  // source id
      // Template FlowSet, section 5.2
      "0000", "00a4",                      // id 0; 4 + 2 * (4 + 19 * 4) = 164
      "0100", "0013",                      // template 256, 19 fields: IPv4
      "00080004", "000c0004",              // IPV4_SRC_ADDR, IPV4_DST_ADDR
      "00010008", "00020008",              // IN_BYTES, IN_PKTS
      "00160004", "00150004",              // FIRST_SWITCHED, LAST_SWITCHED
      "000a0004", "00220004",              // INPUT_SNMP, SAMPLING_INTERVAL
      "00070002", "000b0002",              // L4_SRC_PORT, L4_DST_PORT
      "003a0002", "01000002", "00200002",  // SRC_VLAN, ethernetType, ICMP_TYPE
      "00040001", "00050001", "00060001",  // PROTOCOL, TOS, TCP_FLAGS
      "00880001", "00230001", "003c0001",  // flowEndReason, SAMPLING_ALGORITHM, IP_PROTOCOL_VERSION
      "0101", "0013",                      // template 257, 19 fields: IPv6
      "001b0010", "001c0010",              // IPV6_SRC_ADDR, IPV6_DST_ADDR
      "00010008", "00020008", "00160004", "00150004", "000a0004", "00220004", "00070002", "000b0002", "003a0002",
      "01000002", "00200002", "00040001", "00050001", "00060001", "00880001", "00230001", "003c0001",
      // Data FlowSet, section 5.3
      "0100", "003c",          // template 256; 4 + 56 = 60
      "0a000001", "c0000209",  // 10.0.0.1 to 192.0.2.9
      "0000000102030405",      // octets
      "0000000000000003",      // packets
      "05265c64",              // first: 86 400 100 ms, the fraction of a millisecond cut off
      "052661dc",              // last: 86 401 500 ms
      "00000007", "00000001",  // interface, sampling rate
      "1234", "01bb",          // ports
      "002a", "0800", "0000",  // VLAN, EtherType, ICMP of a TCP flow
      "06", "10", "1b",        // TCP, TOS, flags
      "03", "01", "04",        // end of flow, deterministic, IPv4
  });
  EXPECT_EQ(hex(encoder.finish(kBase + 10 * kSecond)), expected);
}

TEST(Netflow9Encoder, SplitsABiflowIntoTwoRecordsWithTheirOwnFields) {
  Netflow9Encoder encoder(options_at(kBase));
  FlowRecord record = ipv4_record();
  add_reply(record);
  ASSERT_TRUE(encoder.add(record, kBase));
  const auto datagram = encoder.finish(kBase + 10 * kSecond);
  EXPECT_EQ(header_of(datagram).count, 4U);
  ASSERT_EQ(datagram.size(), 20U + 164 + 4 + 2 * 56);
  const std::string expected = joined({
      "c0000209",
      "0a000001",  // addresses the other way
      "00000000000000c8",
      "0000000000000002",  // octets, packets
      "05265c65",
      "05266240",  // 86 400 101 and 86 401 600 ms
      "00000007",
      "00000001",
      "01bb",
      "1234",  // ports the other way
      "002a",
      "0800",
      "0000",
      "06",
      "20",
      "12",
      "03",
      "01",
      "04",
  });
  EXPECT_EQ(hex(datagram.last(56)), expected);
}

TEST(Netflow9Encoder, WritesOneRecordABiflowInBiflowMode) {
  Netflow9Options options = options_at(kBase);
  options.biflow = true;
  Netflow9Encoder encoder(options);
  FlowRecord record = ipv4_record();
  add_reply(record);
  ASSERT_TRUE(encoder.add(record, kBase));
  const auto datagram = encoder.finish(kBase + 10 * kSecond);
  EXPECT_EQ(header_of(datagram).count, 3U);
  const std::string expected = joined({
      "0102",
      "004c",  // template 258; 4 + 72
      "0a000001",
      "c0000209",  // initiator, responder
      "0000000102030405",
      "0000000000000003",  // IN_BYTES, IN_PKTS
      "00000000000000c8",
      "0000000000000002",  // OUT_BYTES, OUT_PKTS
      "05265c64",
      "05266240",  // least start, greatest end
      "00000007",
      "00000001",
      "1234",
      "01bb",
      "002a",
      "0800",
      "0000",
      "06",
      "10",
      "1b",  // flags of both: 1b | 12
      "03",
      "01",
      "04",
  });
  EXPECT_EQ(hex(datagram.last(76)), expected);
}

TEST(Netflow9Encoder, WritesOnlyTheDirectionThatHasPackets) {
  // After an active timeout the next record of a conversation keeps its direction, and may have replies only.
  FlowRecord record = ipv4_record();
  add_reply(record);
  record.packets[kForward] = record.octets[kForward] = record.first_ns[kForward] = record.last_ns[kForward] = 0;
  Netflow9Encoder encoder(options_at(kBase));
  ASSERT_TRUE(encoder.add(record, kBase));
  const auto datagram = encoder.finish(kBase + 10 * kSecond);
  EXPECT_EQ(header_of(datagram).count, 3U);
  EXPECT_EQ(hex(datagram.last(56).first(8)), "c00002090a000001");
  EXPECT_EQ(encoder.clamped_starts(), 0U) << "times of a direction without packets mean nothing";
}

TEST(Netflow9Encoder, WritesIcmpTypeAndCodeForIcmpOnly) {
  FlowRecord record = ipv4_record();
  record.set_icmp(kForward, 3, 4);
  const auto icmp_of = [&](std::uint8_t protocol) {
    record.protocol = protocol;
    Netflow9Encoder encoder(options_at(kBase));
    EXPECT_TRUE(encoder.add(record, kBase));
    const auto datagram = encoder.finish(kBase);
    return hex(datagram.last(8).first(2));
  };
  EXPECT_EQ(icmp_of(1), "0304");
  EXPECT_EQ(icmp_of(17), "0000");
  record.ip_version = 6;
  EXPECT_EQ(icmp_of(58), "0304");
  EXPECT_EQ(icmp_of(6), "0000");
}

TEST(Netflow9Encoder, GathersEachFamilyInOneFlowSet) {
  Netflow9Encoder encoder(options_at(kBase));
  for (int i = 0; i < 4; ++i) {
    ASSERT_TRUE(encoder.add(ipv4_record(), kBase));
    ASSERT_TRUE(encoder.add(ipv6_record(), kBase));
  }
  const auto datagram = encoder.finish(kBase);
  FlowMessage parsed;
  ASSERT_EQ(parse_netflow9(datagram, parsed), DecodeError::none);
  ASSERT_EQ(parsed.flow_sets.size(), 3U);
  EXPECT_EQ(parsed.flow_sets[1].id, 256);
  EXPECT_EQ(parsed.flow_sets[1].body.size(), 4U * 56);
  EXPECT_EQ(parsed.flow_sets[2].id, 257);
  EXPECT_EQ(parsed.flow_sets[2].body.size(), 4U * 80);
  EXPECT_EQ(parsed.header.count, 2U + 8);
  EXPECT_EQ(datagram.size() % 4, 0U);
}

TEST(Netflow9Encoder, FillsTheDatagramToItsLimitAndNoFurther) {
  Netflow9Encoder encoder(options_at(kBase));
  std::uint32_t records = 0;
  while (encoder.add(ipv4_record(), kBase)) ++records;
  // (1400 - 20 - 164 - 4) / 56 = 21.6
  EXPECT_EQ(records, 21U);
  EXPECT_EQ(encoder.flow_records(), 21U);
  EXPECT_EQ(encoder.finish(kBase).size(), 20U + 164 + 4 + 21 * 56);
  records = 0;
  while (encoder.add(ipv4_record(), kBase)) ++records;
  // No templates: (1400 - 20 - 4) / 56 = 24.6
  EXPECT_EQ(records, 24U);
}

TEST(Netflow9Encoder, KeepsBothHalvesOfABiflowInOneDatagram) {
  Netflow9Encoder encoder(options_at(kBase));
  FlowRecord both = ipv4_record();
  add_reply(both);
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(encoder.add(both, kBase));
  // 20 of 21 records are there: room for one half, none for two.
  EXPECT_FALSE(encoder.add(both, kBase));
  EXPECT_EQ(encoder.flow_records(), 10U);
  EXPECT_TRUE(encoder.add(ipv4_record(), kBase));
  EXPECT_EQ(header_of(encoder.finish(kBase)).count, 2U + 21);
}

TEST(Netflow9Encoder, TakesARecordOfEachKindIntoTheSmallestDatagram) {
  for (const bool biflow : {false, true}) {
    Netflow9Options options = options_at(kBase);
    options.biflow = biflow;
    options.payload_octets = 1;  // moved to the least
    Netflow9Encoder encoder(options);
    FlowRecord record = ipv6_record();
    add_reply(record);
    for (int i = 0; i < 3; ++i) {
      encoder.refresh_templates();
      ASSERT_TRUE(encoder.add(record, kBase));
      EXPECT_LE(encoder.finish(kBase).size(), kNetflow9MinPayload);
    }
  }
}

TEST(Netflow9Encoder, CountsDatagramsInTheSequence) {
  Netflow9Encoder encoder(options_at(kBase));
  EXPECT_TRUE(encoder.finish(kBase).empty());
  for (std::uint32_t i = 0; i < 3; ++i) {
    EXPECT_EQ(encoder.sequence(), i) << "an empty datagram takes no number";
    ASSERT_TRUE(encoder.add(ipv4_record(), kBase));
    EXPECT_EQ(header_of(encoder.finish(kBase)).sequence, i);
    EXPECT_TRUE(encoder.empty());
    EXPECT_TRUE(encoder.finish(kBase).empty());
  }
}

TEST(Netflow9Encoder, RepeatsTheTemplatesByTime) {
  Netflow9Options options = options_at(kBase);
  options.template_refresh_ns = 20 * kSecond;
  Netflow9Encoder encoder(options);
  const auto templates_at = [&](std::uint64_t now_ns) {
    EXPECT_TRUE(encoder.add(ipv4_record(), now_ns));
    return template_sets(encoder.finish(now_ns));
  };
  EXPECT_EQ(templates_at(kBase), 1U);
  EXPECT_EQ(templates_at(kBase + 20 * kSecond - 1), 0U);
  EXPECT_EQ(templates_at(kBase + 20 * kSecond), 1U);
  EXPECT_EQ(templates_at(kBase + 39 * kSecond), 0U);
  EXPECT_EQ(templates_at(kBase + 41 * kSecond), 1U);
  EXPECT_EQ(templates_at(kBase + 40 * kSecond), 1U) << "a clock set back must not put the refresh off";
  EXPECT_EQ(encoder.template_datagrams(), 4U);
}

TEST(Netflow9Encoder, RepeatsTheTemplatesByTheClockOfItsHeaders) {
  Netflow9Options options = options_at(kBase);
  options.header_time = HeaderTime::records;
  options.template_refresh_ns = 20 * kSecond;
  Netflow9Encoder encoder(options);
  std::string pattern;
  // A record that ends before the one before it does not move the clock back.
  for (const std::uint64_t seconds : {5, 24, 23, 25, 44, 45, 30, 64, 65}) {
    FlowRecord record = ipv4_flow();
    record.first_ns[kForward] = record.last_ns[kForward] = kBase + seconds * kSecond;
    EXPECT_TRUE(encoder.add(record, 2 * kBase));
    pattern += template_sets(encoder.finish(2 * kBase)) != 0 ? 'T' : '.';
  }
  EXPECT_EQ(pattern, "T..T.T..T");
}

TEST(Netflow9Encoder, RepeatsTheTemplatesByCount) {
  Netflow9Options options = options_at(kBase);
  options.template_refresh_datagrams = 3;
  Netflow9Encoder encoder(options);
  std::string pattern;
  for (int i = 0; i < 8; ++i) {
    ASSERT_TRUE(encoder.add(ipv4_record(), kBase));
    pattern += template_sets(encoder.finish(kBase)) != 0 ? 'T' : '.';
  }
  EXPECT_EQ(pattern, "T..T..T.");
  encoder.refresh_templates();
  ASSERT_TRUE(encoder.add(ipv4_record(), kBase));
  EXPECT_EQ(template_sets(encoder.finish(kBase)), 1U) << "on request";
}

TEST(Netflow9Encoder, TakesBothHeaderTimesFromOneWholeSecond) {
  Netflow9Encoder encoder(options_at(kBase + 777 * kMs));
  ASSERT_TRUE(encoder.add(ipv4_record(), kBase));
  const Header header = header_of(encoder.finish(kBase + 10 * kSecond + 900 * kMs));
  EXPECT_EQ(header.unix_secs, 1'700'000'010U);
  EXPECT_EQ(header.uptime_ms, 86'410'000U) << "boot is the whole second of the start, less a day";
}

TEST(Netflow9Encoder, NeverDatesADatagramBeforeTheEndOfARecord) {
  Netflow9Encoder live(options_at(kBase));
  ASSERT_TRUE(live.add(ipv4_record(), kBase));  // ends 1.5 s after kBase
  EXPECT_EQ(header_of(live.finish(kBase + 1'600 * kMs)).unix_secs, 1'700'000'002U);
  Netflow9Options options = options_at(kBase);
  options.header_time = HeaderTime::records;
  Netflow9Encoder by_records(options);
  ASSERT_TRUE(by_records.add(ipv4_record(), 0));
  EXPECT_EQ(header_of(by_records.finish(kBase + kDay)).unix_secs, 1'700'000'002U) << "not the caller's time";
}

FlowRecord record_at(std::uint64_t first_ns, std::uint64_t last_ns) {
  FlowRecord record = ipv4_record();
  record.first_ns[kForward] = first_ns;
  record.last_ns[kForward] = last_ns;
  return record;
}

// What a collector computes: boot = unix_secs * 1000 - sysUptime; time = boot + offset, in 64 bits.
struct Times {
  std::uint64_t first_ms, last_ms, header_ms;
};
Times times_of(std::span<const std::uint8_t> datagram) {
  const Header header = header_of(datagram);
  const std::uint64_t boot = std::uint64_t{header.unix_secs} * 1000 - header.uptime_ms;
  const auto record = datagram.last(56);
  return {boot + load_be<std::uint32_t>(record.data() + 24), boot + load_be<std::uint32_t>(record.data() + 28),
          std::uint64_t{header.unix_secs} * 1000};
}

TEST(Netflow9Encoder, ClosesTheDatagramAtTheEndsOfTheWindowWithTheTimeOfRecords) {
  Netflow9Options options = options_at(kBase);
  options.header_time = HeaderTime::records;
  const std::uint64_t boot = kBase - kDay;
  const std::uint64_t end = boot + 4'294'967 * kSecond;  // 2^32 ms, whole seconds
  struct Case {
    std::uint64_t first_ns, last_ns;
    bool fits;
  };
  for (const Case& c : {Case{boot, boot, true}, Case{boot - 1, kBase, false}, Case{end, end, true},
                        Case{end, end + 1, false}, Case{0, 0, false}, Case{UINT64_MAX, UINT64_MAX, false}}) {
    Netflow9Encoder encoder(options);
    ASSERT_TRUE(encoder.add(record_at(kBase, kBase), 0));
    EXPECT_EQ(encoder.add(record_at(c.first_ns, c.last_ns), 0), c.fits) << c.first_ns;
  }
}

TEST(Netflow9Encoder, MovesBootToTheRecordThatDidNotFitWithTheTimeOfRecords) {
  Netflow9Options options = options_at(kBase);
  options.header_time = HeaderTime::records;
  Netflow9Encoder encoder(options);
  // Decades ahead, back, to 1970, and up to the last second of 32 bits.
  std::uint32_t sequence = 0;
  for (const std::uint64_t start_s : {1'700'000'000ULL, 3'000'000'000ULL, 1'000'000'000ULL, 5ULL, 4'294'967'000ULL}) {
    const FlowRecord record = record_at(start_s * kSecond + 7 * kMs, start_s * kSecond + 9 * kMs);
    ASSERT_TRUE(encoder.add(record, 0));
    const auto datagram = copy(encoder.finish(0));
    const Times times = times_of(datagram);
    EXPECT_EQ(times.first_ms, start_s * 1000 + 7);
    EXPECT_EQ(times.last_ms, start_s * 1000 + 9);
    EXPECT_EQ(times.header_ms, start_s * 1000 + 1000);
    EXPECT_EQ(header_of(datagram).sequence, sequence++);
    EXPECT_EQ(template_sets(datagram), 1U) << "templates come with a moved boot";
    EXPECT_EQ(header_of(datagram).uptime_ms, start_s == 5 ? 6'000U : 86'401'000U) << "boot is not below 1970";
  }
  EXPECT_EQ(encoder.clamped_starts(), 0U);
}

TEST(Netflow9Encoder, UsesTheFirstRecordWhereTheStartIsUnknown) {
  Netflow9Options options;
  options.header_time = HeaderTime::records;
  Netflow9Encoder encoder(options);
  ASSERT_TRUE(encoder.add(record_at(kBase + 5 * kMs, kBase + 6 * kMs), 0));
  const auto datagram = encoder.finish(0);
  EXPECT_EQ(header_of(datagram).uptime_ms, 86'401'000U);
  EXPECT_EQ(times_of(datagram).first_ms, 1'700'000'000'005U);
}

TEST(Netflow9Encoder, ClampsTheStartOfARecordLongerThanTheWindowAndCountsIt) {
  Netflow9Options options = options_at(kBase);
  options.header_time = HeaderTime::records;
  Netflow9Encoder encoder(options);
  // 49 days fit, without the day of slack; 50 do not.
  ASSERT_TRUE(encoder.add(record_at(kBase, kBase + 49 * kDay), 0));
  Times times = times_of(encoder.finish(0));
  EXPECT_EQ(times.first_ms, 1'700'000'000'000U);
  EXPECT_EQ(times.last_ms, 1'700'000'000'000U + 49ULL * 86'400'000);
  EXPECT_EQ(encoder.clamped_starts(), 0U);

  ASSERT_TRUE(encoder.add(record_at(kBase, kBase + 50 * kDay), 0));
  times = times_of(encoder.finish(0));
  EXPECT_EQ(times.last_ms, 1'700'000'000'000U + 50ULL * 86'400'000);
  EXPECT_EQ(times.last_ms - times.first_ms, 4'294'967'000U);
  EXPECT_EQ(encoder.clamped_starts(), 1U);
}

TEST(Netflow9Encoder, KeepsLiveTimesRightPastTheWrapOfTheUptime) {
  Netflow9Encoder encoder(options_at(kBase));
  bool moved = false;
  std::uint32_t last_uptime = 0;
  for (std::uint64_t hour = 0; hour < 24 * 120; ++hour) {
    const std::uint64_t now_ns = kBase + hour * 3600 * kSecond + 250 * kMs;
    const FlowRecord record = record_at(now_ns - 300 * kSecond, now_ns - 3 * kMs);
    ASSERT_TRUE(encoder.add(record, now_ns));
    const auto datagram = encoder.finish(now_ns + kSecond);
    const Times times = times_of(datagram);
    ASSERT_EQ(times.first_ms, (now_ns - 300 * kSecond) / kMs);
    ASSERT_EQ(times.last_ms, (now_ns - 3 * kMs) / kMs);
    ASSERT_EQ(times.header_ms, (now_ns / kSecond + 1) * 1000);
    const std::uint32_t uptime = header_of(datagram).uptime_ms;
    if (uptime < last_uptime) {
      moved = true;
      ASSERT_EQ(template_sets(datagram), 1U);
    }
    last_uptime = uptime;
  }
  EXPECT_TRUE(moved);
}

TEST(Netflow9Encoder, StaysInBoundsWithTimesOutOfAllReason) {
  for (const HeaderTime header_time : {HeaderTime::now, HeaderTime::records}) {
    Netflow9Options options = options_at(kBase);
    options.header_time = header_time;
    Netflow9Encoder encoder(options);
    for (const std::uint64_t first : {std::uint64_t{0}, kBase, UINT64_MAX}) {
      for (const std::uint64_t last : {std::uint64_t{0}, kBase, UINT64_MAX}) {
        for (const std::uint64_t now : {std::uint64_t{0}, kBase, UINT64_MAX}) {
          ASSERT_TRUE(encoder.add(record_at(first, last), now));
          EXPECT_FALSE(encoder.finish(now).empty());
        }
      }
    }
  }
}

}  // namespace
}  // namespace weir::netflow9_encoder_test
