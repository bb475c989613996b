// IPFIX: what the decoder keeps of each exporter, and for how long: templates, data that wait for one, and the bounds
// of all of it.
#include <gtest/gtest.h>
#include <malloc.h>

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>

#include "proto/base/byte_order.h"
#include "proto/decode/flow_decoder.h"
#include "tests/unit/proto/ipfix_messages.h"

namespace weir::ipfix_streams_test {
namespace {

using test::Bytes;
using test::kRfcData;
using test::kRfcTemplate;
using test::kSecond_ns;
using test::message;
using test::put;

TEST(IpfixDecoder, DecodesDataThatCameBeforeItsTemplate) {
  // As in RFC 7011, but with sourceIPv4Prefix (44), which no record has a place for, in place of the next hop.
  constexpr std::string_view kTemplate = "0002 001c 0100 0005 0008 0004 000c 0004 002c 0004 0002 0004 0001 0004";
  FlowDecoder decoder;
  Decoded out;
  const Bytes data = message({.sequence = 0}, kRfcData);
  ASSERT_EQ(decoder.decode("a", data, out), DecodeError::none);
  EXPECT_TRUE(out.flows.empty());
  EXPECT_EQ(decoder.totals().unknown_template, 1U);
  ASSERT_EQ(decoder.decode("a", message({.sequence = 3, .domain = 2}, kTemplate), out), DecodeError::none);
  EXPECT_TRUE(out.flows.empty()) << "another domain's template is another template";
  ASSERT_EQ(decoder.decode("a", message({.sequence = 3}, kTemplate), out), DecodeError::none);
  ASSERT_EQ(out.flows.size(), 3U);
  ASSERT_FALSE(out.values.empty());
  EXPECT_EQ(out.flows[2]->octets[kForward], 6'534U);
  EXPECT_EQ(load_be<std::uint32_t>(out.values[0].octets.data()), 0xc0000201U) << "values live in what waited";
  EXPECT_EQ(decoder.totals().recovered_sets, 1U);
  ASSERT_EQ(decoder.decode("a", message({.sequence = 3}, kTemplate), out), DecodeError::none);
  EXPECT_TRUE(out.flows.empty()) << "once only";
}

TEST(IpfixDecoder, KeepsNoMoreDataWithoutATemplateThanItsBound) {
  FlowDecoder decoder({.waiting_octets_per_stream = 2 * (60 + TemplateStore::kWaitingOverhead)});
  Decoded out;
  for (int i = 0; i < 5; ++i) ASSERT_EQ(decoder.decode("a", message({}, kRfcData), out), DecodeError::none);
  EXPECT_EQ(decoder.totals().dropped_sets, 3U);
  ASSERT_EQ(decoder.decode("a", message({}, kRfcTemplate), out), DecodeError::none);
  EXPECT_EQ(out.flows.size(), 6U);
}

// Whatever one exporter sends: the heap's own account of what is held, against the bound that flow_decoder.h states.
TEST(IpfixDecoder, OneExporterHoldsNoMoreMemoryThanItsBound) {
  constexpr std::size_t kStated = 230'000, kOneMessage = 2 * 65'536;
  // A stream may have a quarter of all memory, and itself costs kStreamOctets.
  FlowDecoder decoder({.memory_octets = 4 * (kStated - FlowDecoder::kStreamOctets)});
  auto out = std::make_unique<Decoded>();
  std::uint32_t sequence = 0;
  const auto held = [] { return ::mallinfo2().uordblks; };
  const std::size_t before = held();
  std::size_t most = before;
  const auto send = [&](const Bytes& octets) {
    static_cast<void>(decoder.decode({"a", 1'700'000'000 * kSecond_ns}, octets, *out));
    out = std::make_unique<Decoded>();  // what is in the caller's hands is the caller's
    most = std::max(most, held());
  };
  // Templates of every size from 1 to 4000 fields under more ids than are kept, each of them redefined and redefined.
  for (unsigned round = 0; round < 40; ++round) {
    for (unsigned id = 256; id < 800; id += 7) {
      const unsigned fields = 1 + (id * 131 + round * 977) % 4000;
      Bytes sets;
      put(sets, 2, 2);
      put(sets, 8 + 4 * fields, 2);
      put(sets, id, 2);
      put(sets, fields, 2);
      for (unsigned i = 0; i < fields; ++i) put(sets, (1 + (i + round) % 500) << 16 | 1, 4);
      Bytes octets = message({.sequence = sequence}, "");
      octets.insert(octets.end(), sets.begin(), sets.end());
      store_be<std::uint16_t>(&octets[2], static_cast<std::uint16_t>(octets.size()));
      send(octets);
    }
    // Data without a template, small and large.
    for (unsigned id = 1000; id < 1100; ++id) {
      Bytes octets = message({.sequence = sequence}, "");
      put(octets, id, 2);
      put(octets, 4 + id % 7 * 9000, 2);
      octets.resize(octets.size() + id % 7 * 9000);
      store_be<std::uint16_t>(&octets[2], static_cast<std::uint16_t>(octets.size()));
      send(octets);
    }
    // Samplers and interfaces without end: 48 and 34, 10 and 34.
    Bytes octets = message({.sequence = sequence},
                           "0003 0012 0fff 0002 0001 0030 0004 0022 0004 0003 0012 0ffe 0002 0001 000a 0004 0022 0004");
    put(octets, 0x0fff0000 | (4 + 8 * 3000), 4);
    for (unsigned i = 0; i < 3000; ++i) put(octets, std::uint64_t{round * 3000 + i} << 32 | 10, 8);
    put(octets, 0x0ffe0000 | (4 + 8 * 3000), 4);
    for (unsigned i = 0; i < 3000; ++i) put(octets, std::uint64_t{round * 3000 + i} << 32 | 10, 8);
    store_be<std::uint16_t>(&octets[2], static_cast<std::uint16_t>(octets.size()));
    send(octets);
  }
  EXPECT_GT(decoder.totals().dropped_sets, 1000U);
  EXPECT_GT(decoder.errors(DecodeError::too_many_templates), 1000U);
  EXPECT_GT(decoder.totals().option_records, 100'000U);
  EXPECT_EQ(decoder.streams(), 1U);
  // Beside the stream: what the decoder keeps for the next message, in proportion to the longest one.
  EXPECT_LT(most - before, kStated + kOneMessage + kLongestMessageBody * 12 / 4);
}

TEST(IpfixDecoder, WithdrawsOneTemplateOrAllOfAKind) {
  FlowDecoder decoder;
  Decoded out;
  const auto take = [&](std::string_view sets) {
    EXPECT_EQ(decoder.decode({"a", 0, true}, message({}, sets), out), DecodeError::none) << sets;
    return out.flows.size() + out.options.size();
  };
  const std::string_view both =
      "0002 0014 0100 0001 0004 0001 0101 0001 0004 0001"  // 256 and 257: the protocol
      "0003 0012 0102 0002 0001 0095 0004 0022 0004";      // 258: options, by observation domain
  const std::string_view one = "0100 0005 06", two = "0101 0005 06", options = "0102 000c 00000001 00000064";
  take(both);
  EXPECT_EQ(take(one) + take(two) + take(options), 3U);
  take("0002 0008 0100 0000");  // RFC 7011 section 8.1: template 256 only
  EXPECT_EQ(take(one), 0U);
  EXPECT_EQ(take(two) + take(options), 2U);
  take("0002 0008 0002 0000");  // all templates
  EXPECT_EQ(take(two), 0U);
  EXPECT_EQ(take(options), 1U);
  take("0003 0008 0003 0000");  // all options templates
  EXPECT_EQ(take(options), 0U);
  EXPECT_EQ(decoder.totals().withdrawals, 3U);
}

TEST(IpfixDecoder, IgnoresWithdrawalsOverUdp) {
  FlowDecoder decoder;  // RFC 7011 section 8.4; and whoever forges a source address could send them
  Decoded out;
  for (const std::string_view sets : {kRfcTemplate, std::string_view("0002 0008 0100 0000"), kRfcData}) {
    ASSERT_EQ(decoder.decode("a", message({}, sets), out), DecodeError::none);
  }
  EXPECT_EQ(out.flows.size(), 3U);
  EXPECT_EQ(decoder.totals().withdrawals, 0U);
  EXPECT_EQ(decoder.totals().withdrawals_ignored, 1U);
}

TEST(IpfixDecoder, TemplatesOfASessionDoNotExpire) {
  FlowDecoder decoder({.template_lifetime_ns = 60 * kSecond_ns});
  Decoded out;
  ASSERT_EQ(decoder.decode({"a", 1'000 * kSecond_ns, true}, message({}, kRfcTemplate), out), DecodeError::none);
  ASSERT_EQ(decoder.decode({"a", 9'000 * kSecond_ns, true}, message({}, kRfcData), out), DecodeError::none);
  EXPECT_EQ(out.flows.size(), 3U);
}

TEST(IpfixDecoder, ForgetsTemplatesThatAreNotSentAgain) {
  FlowDecoder decoder({.template_lifetime_ns = 60 * kSecond_ns});
  Decoded out;
  const auto take = [&](std::uint64_t second, std::string_view sets) {
    EXPECT_EQ(decoder.decode({"a", second * kSecond_ns}, message({}, sets), out), DecodeError::none);
    return out.flows.size();
  };
  take(1'000, kRfcTemplate);
  EXPECT_EQ(take(1'060, kRfcData), 3U);
  EXPECT_EQ(take(1'061, kRfcData), 0U);
  EXPECT_EQ(decoder.totals().templates_expired, 1U);
  EXPECT_EQ(take(1'070, kRfcTemplate), 3U) << "and the data waited for it";
  EXPECT_EQ(take(1'130, kRfcData), 3U) << "it was refreshed";
  EXPECT_EQ(take(1'131, kRfcData), 0U);
  EXPECT_EQ(decoder.totals().templates_expired, 2U);
}

TEST(IpfixDecoder, KeepsTemplatesForThreeOfTheExportersOwnIntervals) {
  FlowDecoder decoder({.template_lifetime_ns = 60 * kSecond_ns});
  Decoded out;
  const auto take = [&](std::uint64_t second, std::string_view sets) {
    EXPECT_EQ(decoder.decode({"a", second * kSecond_ns}, message({}, sets), out), DecodeError::none);
    return out.flows.size();
  };
  take(1'000, kRfcTemplate);
  take(1'050, kRfcTemplate);
  EXPECT_EQ(take(1'200, kRfcData), 3U) << "three times 50 s";
  EXPECT_EQ(take(1'201, kRfcData), 0U);
  EXPECT_EQ(decoder.totals().templates_expired, 1U);

  FlowDecoder as_it_comes;  // one template a day: data go on for as long
  const auto day = [&](std::uint64_t second, std::string_view sets) {
    EXPECT_EQ(as_it_comes.decode({"a", second * kSecond_ns}, message({}, sets), out), DecodeError::none);
    return out.flows.size();
  };
  day(1'000, kRfcTemplate);
  EXPECT_EQ(day(1'000 + 86'400, kRfcData), 3U);
  EXPECT_EQ(day(1'001 + 86'400, kRfcData), 0U);
}

TEST(IpfixDecoder, TakesTemplatesAndExportersAsManyAsMemoryHolds) {
  FlowDecoder decoder;
  Decoded out;
  // 88 templates of 150 fields, as Open vSwitch sends them.
  for (unsigned id = 300; id < 388; ++id) {
    Bytes octets = message({}, "");
    put(octets, 2, 2);
    put(octets, 8 + 4 * 150, 2);
    put(octets, id, 2);
    put(octets, 150, 2);
    for (unsigned i = 0; i < 150; ++i) put(octets, (400 + i) << 16 | 4, 4);
    store_be<std::uint16_t>(&octets[2], static_cast<std::uint16_t>(octets.size()));
    EXPECT_EQ(decoder.decode("a", octets, out), DecodeError::none) << id;
  }
  EXPECT_EQ(decoder.totals().templates, 88U);
  for (unsigned i = 0; i < 10'000; ++i) {
    ASSERT_EQ(decoder.decode(("exporter " + std::to_string(i)).c_str(), message({}, kRfcTemplate), out),
              DecodeError::none);
  }
  EXPECT_EQ(decoder.streams(), 10'001U);

  FlowDecoder small({.memory_octets = 10 * FlowDecoder::kStreamOctets});
  for (unsigned i = 0; i < 20; ++i) {
    ASSERT_EQ(small.decode(("exporter " + std::to_string(i)).c_str(), message({}, kRfcTemplate), out),
              DecodeError::none);
  }
  EXPECT_EQ(small.streams(), 9U) << "nine, with a template each";
  EXPECT_EQ(small.forgotten(), 11U);
}

TEST(IpfixDecoder, CountsChangedTemplatesAndNotRepeatedOnes) {
  FlowDecoder decoder;
  Decoded out;
  for (const std::string_view sets : {kRfcTemplate, kRfcTemplate, std::string_view("0002 000c 0100 0001 0004 0001")}) {
    ASSERT_EQ(decoder.decode("a", message({}, sets), out), DecodeError::none);
  }
  EXPECT_EQ(decoder.totals().templates, 3U);
  EXPECT_EQ(decoder.totals().template_changes, 1U);
}

TEST(IpfixDecoder, AnEndedSessionTakesItsTemplatesAlongAndGivesWayFirst) {
  FlowDecoder decoder({.streams = 2});
  Decoded out;
  ASSERT_EQ(decoder.decode({"a", 0, 1}, message({}, kRfcTemplate), out), DecodeError::none);
  decoder.end_session("a", 1);
  ASSERT_EQ(decoder.decode({"a", 0, 1}, message({}, kRfcData), out), DecodeError::none);
  EXPECT_TRUE(out.flows.empty());
  ASSERT_EQ(decoder.decode({"b", 0, 2}, message({}, kRfcTemplate), out), DecodeError::none);
  decoder.end_session("a", 1);
  ASSERT_EQ(decoder.decode({"c", 0, 3}, message({}, kRfcTemplate), out), DecodeError::none);
  ASSERT_EQ(decoder.decode({"b", 0, 2}, message({}, kRfcData), out), DecodeError::none);
  EXPECT_EQ(out.flows.size(), 3U) << "b is known still";
  EXPECT_EQ(decoder.forgotten(), 0U) << "a had ended";
  EXPECT_EQ(decoder.totals().datagrams, 5U) << "counts of a forgotten stream stay in the sum";
}

TEST(IpfixDecoder, AConnectionAndDatagramsFromTheSamePortAreTwoStreams) {
  FlowDecoder decoder;
  Decoded out;
  const DatagramOrigin datagrams("192.0.2.1:4739"), connection("192.0.2.1:4739", 0, 7), next("192.0.2.1:4739", 0, 8);
  ASSERT_EQ(decoder.decode(connection, message({}, kRfcTemplate), out), DecodeError::none);
  ASSERT_EQ(decoder.decode(datagrams, message({}, kRfcData), out), DecodeError::none);
  EXPECT_TRUE(out.flows.empty()) << "the template is the connection's";
  ASSERT_EQ(decoder.decode(next, message({}, kRfcData), out), DecodeError::none);
  EXPECT_TRUE(out.flows.empty()) << "or that of another connection";
  ASSERT_EQ(decoder.decode(connection, message({}, kRfcData), out), DecodeError::none);
  EXPECT_FALSE(out.flows.empty());
  EXPECT_EQ(decoder.streams(), 3U);
}

TEST(IpfixDecoder, TheStreamThatWasSilentLongestGivesWay) {
  FlowDecoder decoder({.streams = 3});
  Decoded out;
  const auto records_of = [&](const char* exporter, std::string_view sets) {
    EXPECT_EQ(decoder.decode(exporter, message({}, sets), out), DecodeError::none);
    return out.flows.size();
  };
  for (unsigned turn = 0; turn < 2; ++turn) {
    for (const char* exporter : {"a", "b", "c"}) records_of(exporter, kRfcTemplate);
  }
  EXPECT_EQ(records_of("a", kRfcData), 3U);
  records_of("d", kRfcTemplate);  // in place of b
  EXPECT_EQ(records_of("a", kRfcData), 3U);
  EXPECT_EQ(records_of("c", kRfcData), 3U);
  EXPECT_EQ(records_of("d", kRfcData), 3U);
  EXPECT_EQ(decoder.forgotten(), 1U);
  EXPECT_EQ(records_of("b", kRfcData), 0U) << "its template is forgotten";
}

TEST(IpfixDecoder, AFloodOfForgedAddressesShutsNobodyOutAndPushesOutNobodyWhoSends) {
  FlowDecoder decoder({.memory_octets = 100 * FlowDecoder::kStreamOctets});
  Decoded out;
  const auto send = [&](const std::string& exporter, std::string_view sets) {
    EXPECT_EQ(decoder.decode({exporter, 1'700'000'000 * kSecond_ns}, message({}, sets), out), DecodeError::none);
    return out.flows.size();
  };
  send("192.0.2.1:4739", kRfcTemplate);
  EXPECT_EQ(send("192.0.2.1:4739", kRfcData), 3U);
  for (unsigned i = 0; i < 5'000; ++i)
    send("10.0." + std::to_string(i / 256) + "." + std::to_string(i % 256) + ":1", kRfcTemplate);
  EXPECT_EQ(send("192.0.2.1:4739", kRfcData), 3U) << "known still";
  send("192.0.2.2:4739", kRfcTemplate);
  EXPECT_EQ(send("192.0.2.2:4739", kRfcData), 3U) << "and a new one is taken";
  EXPECT_LE(decoder.streams(), 100U);
}

TEST(IpfixDecoder, OneAddressHasNoMoreThanItsShare) {
  FlowDecoder decoder({.memory_octets = 100 * FlowDecoder::kStreamOctets});
  Decoded out;
  const auto send = [&](const std::string& exporter, std::uint32_t domain, std::string_view sets) {
    EXPECT_EQ(decoder.decode(DatagramOrigin(exporter), message({.domain = domain}, sets), out), DecodeError::none);
    return out.flows.size();
  };
  for (unsigned i = 0; i < 60; ++i) send("192.0.2." + std::to_string(i) + ":1", 1, kRfcTemplate);
  // One address with many ports, each of them with many domains, again and again so that they are no newcomers.
  for (unsigned i = 0; i < 2'000; ++i) {
    send("10.0.0.1:" + std::to_string(i % 40), i / 40, kRfcTemplate);
    send("10.0.0.1:" + std::to_string(i % 40), i / 40, kRfcTemplate);
  }
  for (unsigned i = 0; i < 60; ++i) {
    EXPECT_EQ(send("192.0.2." + std::to_string(i) + ":1", 1, kRfcData), 3U) << i;
  }
  EXPECT_LE(decoder.streams(), 60U + 25U);
}

TEST(IpfixDecoder, ATemplatePushesOutWhoeverWasSilentLongest) {
  FlowDecoder decoder({.memory_octets = 20 * FlowDecoder::kStreamOctets});
  Decoded out;
  for (unsigned i = 0; i < 20; ++i) {
    ASSERT_EQ(decoder.decode(DatagramOrigin("192.0.2." + std::to_string(i)), message({}, kRfcTemplate), out),
              DecodeError::none);
  }
  const std::size_t before = decoder.streams();
  // 2000 fields of one octet: 56 kB and more.
  Bytes sets;
  put(sets, 2, 2);
  put(sets, 8 + 2000 * 4, 2);
  put(sets, 300, 2);
  put(sets, 2000, 2);
  for (unsigned i = 0; i < 2000; ++i) put(sets, (4U << 16) | 1, 4);
  Bytes large = message({}, "");
  large.insert(large.end(), sets.begin(), sets.end());
  large[2] = static_cast<std::uint8_t>(large.size() >> 8);
  large[3] = static_cast<std::uint8_t>(large.size());
  EXPECT_EQ(decoder.decode("192.0.2.19", large, out), DecodeError::none);
  EXPECT_LT(decoder.streams(), before);
  ASSERT_EQ(decoder.decode("192.0.2.18", message({}, kRfcData), out), DecodeError::none);
  EXPECT_EQ(out.flows.size(), 3U);
  const std::size_t after = decoder.streams();
  EXPECT_EQ(decoder.decode("192.0.2.19", large, out), DecodeError::none);
  EXPECT_EQ(decoder.streams(), after) << "sent again it takes no more room";
}

TEST(IpfixDecoder, CountsWhatWaitedWhenItsStreamEnds) {
  FlowDecoder decoder({.streams = 1});
  Decoded out;
  ASSERT_EQ(decoder.decode({"a", 1'000 * kSecond_ns, 1}, message({}, kRfcData), out), DecodeError::none);
  EXPECT_EQ(decoder.totals().dropped_sets, 0U);
  decoder.end_session("a", 1);
  EXPECT_EQ(decoder.totals().unknown_template, 1U);
  EXPECT_EQ(decoder.totals().dropped_sets, 1U);
  ASSERT_EQ(decoder.decode({"a", 1'001 * kSecond_ns, 1}, message({}, kRfcData), out), DecodeError::none);
  ASSERT_EQ(decoder.decode({"b", 1'012 * kSecond_ns}, message({}, ""), out), DecodeError::none) << "it gave way";
  EXPECT_EQ(decoder.totals().unknown_template, 2U);
  EXPECT_EQ(decoder.totals().dropped_sets, 2U);
}

}  // namespace
}  // namespace weir::ipfix_streams_test
