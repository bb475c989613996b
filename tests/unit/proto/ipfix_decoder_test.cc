// IPFIX: the examples of RFC 7011 appendix A and RFC 5103 appendix A octet by octet, and what goes wrong on the way.
#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "proto/base/byte_order.h"
#include "proto/decode/flow_decoder.h"
#include "tests/unit/proto/ipfix_messages.h"

namespace weir::ipfix_decoder_test {
namespace {

using test::Bytes;
using test::hex;
using test::kRfcData;
using test::kRfcTemplate;
using test::kSecond_ns;
using test::message;
using test::put;

std::string text_of(const DecodedValue& value) {
  return {value.octets.begin(), value.octets.end()};
}

TEST(IpfixDecoder, DecodesTheTemplateAndDataOfRfc7011) {
  FlowDecoder decoder;
  Decoded out;
  const Bytes octets = message({}, std::string(kRfcTemplate) + std::string(kRfcData));  // `out` points into it
  ASSERT_EQ(decoder.decode("a", octets, out), DecodeError::none);
  ASSERT_EQ(out.flows.size(), 3U);
  EXPECT_EQ(out.flows[0]->ip_version, 4);
  EXPECT_EQ(load_be<std::uint32_t>(out.flows[0]->source_address), 0xc000020cU);
  EXPECT_EQ(load_be<std::uint32_t>(out.flows[0]->destination_address), 0xc00002feU);
  EXPECT_EQ(out.flows[0]->packets[kForward], 5009U);
  EXPECT_EQ(out.flows[0]->octets[kForward], 5'344'385U);
  EXPECT_EQ(out.flows[1]->packets[kForward], 748U);
  EXPECT_EQ(out.flows[1]->octets[kForward], 388'934U);
  EXPECT_EQ(out.flows[2]->packets[kForward], 5U);
  EXPECT_EQ(out.flows[2]->octets[kForward], 6'534U);
  EXPECT_EQ(out.details[2].value_count, 0U);
  const auto* const routing = out.flows[2].find<RoutingSection>();
  ASSERT_NE(routing, nullptr);
  EXPECT_EQ(routing->ip_version, 4);
  EXPECT_EQ(load_be<std::uint32_t>(routing->next_hop[kForward]), 0xc0000203U);
  EXPECT_EQ(out.header.version, FlowVersion::ipfix);
  EXPECT_EQ(out.header.unix_secs, 1'700'000'000U);
  EXPECT_EQ(out.header.source_id, 1U);
}

TEST(IpfixDecoder, DecodesTheOptionsOfRfc7011) {
  FlowDecoder decoder;
  Decoded out;
  // Appendix A.4: lineCardId (141) is the scope, exportedMessageTotalCount (41), exportedFlowRecordTotalCount (42).
  const Bytes octets = message({},
                               "0003 0018 0102 0003 0001 008d 0004 0029 0002 002a 0002 0000"
                               "0102 0014 00000001 0159 27d9 00000002 02b2 4fb2");  // `out` points into it
  ASSERT_EQ(decoder.decode("a", octets, out), DecodeError::none);
  EXPECT_TRUE(out.flows.empty());
  ASSERT_EQ(out.options.size(), 2U);
  const auto value = [&](std::size_t record, std::size_t i) -> const DecodedValue& {
    return out.values[out.options[record].first_value + i];
  };
  ASSERT_EQ(out.options[1].value_count, 3U);
  EXPECT_TRUE(value(1, 0).scope);
  EXPECT_EQ(value(1, 0).element, 141);
  EXPECT_FALSE(value(1, 1).scope);
  EXPECT_EQ(load_be<std::uint16_t>(value(0, 1).octets.data()), 345);
  EXPECT_EQ(load_be<std::uint16_t>(value(0, 2).octets.data()), 10201);
  EXPECT_EQ(load_be<std::uint16_t>(value(1, 1).octets.data()), 690);
  EXPECT_EQ(load_be<std::uint16_t>(value(1, 2).octets.data()), 20402);
  EXPECT_EQ(decoder.totals().option_records, 2U);
}

TEST(IpfixDecoder, DecodesFieldsOfVariableLength) {
  // Template 300: interfaceName (82) of variable length, packets; RFC 7011 appendix A.5: a length in one octet, and in
  // three octets for 255 and more.
  Bytes sets = hex("0002 0010 012c 0002 0052 ffff 0002 0004");
  Bytes data = hex("05 68656c6c6f 00000007  00 00000008  ff 03e8");
  data.insert(data.end(), 1000, 'x');
  put(data, 9, 4);
  put(data, 0, 3);  // padding shorter than the shortest record, which is 5 octets
  put(sets, 300, 2);
  put(sets, data.size() + 4, 2);
  sets.insert(sets.end(), data.begin(), data.end());
  Bytes input = message({}, "");
  input.insert(input.end(), sets.begin(), sets.end());
  store_be<std::uint16_t>(&input[2], static_cast<std::uint16_t>(input.size()));

  FlowDecoder decoder;
  Decoded out;
  ASSERT_EQ(decoder.decode("a", input, out), DecodeError::none);
  ASSERT_EQ(out.flows.size(), 3U);
  EXPECT_EQ(text_of(out.values[0]), "hello");
  EXPECT_EQ(out.flows[0]->packets[kForward], 7U);
  EXPECT_EQ(text_of(out.values[1]), "");
  EXPECT_EQ(out.flows[1]->packets[kForward], 8U);
  EXPECT_EQ(text_of(out.values[2]), std::string(1000, 'x'));
  EXPECT_EQ(out.flows[2]->packets[kForward], 9U);
}

TEST(IpfixDecoder, KeepsEnterpriseElementsApartFromIanas) {
  FlowDecoder decoder;
  Decoded out;
  // Appendix A.2.2's form: element 15 of enterprise 0x2a2b and IANA's element 1, then octets of both.
  ASSERT_EQ(decoder.decode("a",
                           message({},
                                   "0002 0014 0101 0002 8001 0004 00002a2b 0001 0004"
                                   "0101 000c 00000005 00000006"),
                           out),
            DecodeError::none);
  ASSERT_EQ(out.flows.size(), 1U);
  EXPECT_EQ(out.flows[0]->octets[kForward], 6U);
  ASSERT_EQ(out.details[0].value_count, 1U);
  EXPECT_EQ(out.values[0].enterprise, 0x2a2bU);
  EXPECT_EQ(out.values[0].element, 1);
}

TEST(IpfixDecoder, DecodesEnterpriseElementsAsInAppendixAOfRfc7011) {
  FlowDecoder decoder;
  Decoded out;
  // A.2.2: source, destination, protocol and then element 15 of an enterprise, octets and packets.
  const Bytes data = message({},
                             "0002 0024 0101 0006 0008 0004 000c 0004 0004 0001 800f 0004 00002a2b 0002 0004 0001 0004"
                             "0101 0019 c0000201 c0000202 06 cafe0001 00000005 00001986");
  ASSERT_EQ(decoder.decode("a", data, out), DecodeError::none);
  ASSERT_EQ(out.flows.size(), 1U);
  EXPECT_EQ(out.flows[0]->packets[kForward], 5U);
  EXPECT_EQ(out.flows[0]->octets[kForward], 6'534U);
  EXPECT_EQ(out.flows[0]->protocol, 6);
  ASSERT_EQ(out.details[0].value_count, 1U);
  EXPECT_EQ(out.values[0].enterprise, 0x2a2bU);
  EXPECT_EQ(out.values[0].element, 15) << "not IANA's ipNextHopIPv4Address";
  EXPECT_EQ(load_be<std::uint32_t>(out.values[0].octets.data()), 0xcafe0001U);

  // A.4.3: an options template whose scope is an enterprise's, and A.4.5's form of data.
  const Bytes options = message({.sequence = 1},
                                "0003 001c 0103 0003 0001 807b 0002 00002a2b 0029 0002 002a 0002 0000"
                                "0103 0010 0001 0159 27d9 0002 02b2 4fb2");
  ASSERT_EQ(decoder.decode("a", options, out), DecodeError::none);
  ASSERT_EQ(out.options.size(), 2U);
  const DecodedValue& scope = out.values[out.options[1].first_value];
  EXPECT_TRUE(scope.scope);
  EXPECT_EQ(scope.enterprise, 0x2a2bU);
  EXPECT_EQ(scope.element, 123);
  EXPECT_EQ(load_be<std::uint16_t>(scope.octets.data()), 2);
  EXPECT_EQ(load_be<std::uint16_t>(out.values[out.options[1].first_value + 2].octets.data()), 20402);
}

TEST(IpfixDecoder, JoinsReverseElementsIntoABiflow) {
  // After RFC 5103 appendix A: flowStartSeconds and its reverse, addresses, ports, protocol, octets and packets both
  // ways; 29305 is 0x7279.
  const std::string_view sets =
      "0002 0040 0100 000b 0096 0004 8096 0004 00007279 0008 0004 000c 0004 0007 0002 000b 0002 0004 0001"
      "0001 0004 8001 0004 00007279 0002 0004 8002 0004 00007279"
      "0100 0029 43e0f0f0 43e0f0f1 c0000202 c0000203 8002 0050 06 00004650 0001f400 00000041 0000006e";
  FlowDecoder decoder;
  Decoded out;
  ASSERT_EQ(decoder.decode("a", message({}, sets), out), DecodeError::none);
  ASSERT_EQ(out.flows.size(), 1U);
  const FlowRecord& flow = *out.flows[0];
  EXPECT_EQ(out.details[0].value_count, 0U);
  EXPECT_EQ(flow.first_ns[kForward], 0x43e0f0f0 * kSecond_ns);
  EXPECT_EQ(flow.first_ns[kReverse], 0x43e0f0f1 * kSecond_ns);
  EXPECT_EQ(flow.source_port(), 32770);
  EXPECT_EQ(flow.destination_port(), 80);
  EXPECT_EQ(flow.octets[kForward], 18'000U);
  EXPECT_EQ(flow.octets[kReverse], 128'000U);
  EXPECT_EQ(flow.packets[kForward], 65U);
  EXPECT_EQ(flow.packets[kReverse], 110U);
}

TEST(IpfixDecoder, ReadsTimesInEveryUnit) {
  struct Case {
    std::string_view fields;  // of start and end
    std::string_view data;
    std::uint64_t first_ns, last_ns;
  };
  const std::uint64_t second = 1'700'000'000;
  // NTP: 1 700 000 000 + 2 208 988 800 = 3 908 988 800 = 0xe8fe6f80, and half a second is 0x80000000.
  const Case cases[] = {
      {"0096 0004 0097 0004", "6553f100 6553f105", second * kSecond_ns, (second + 5) * kSecond_ns},
      {"0098 0008 0099 0008", "0000018bcfe56800 0000018bcfe56801", second * kSecond_ns,
       second * kSecond_ns + 1'000'000},
      {"009a 0008 009b 0008", "e8fe6f8000000000 e8fe6f8080000000", second * kSecond_ns,
       second * kSecond_ns + 500'000'000},
      {"009c 0008 009d 0008", "e8fe6f8080000000 e8fe6f8140000000", second * kSecond_ns + 500'000'000,
       (second + 1) * kSecond_ns + 250'000'000},
      // Plain nanoseconds where NTP stamps belong, as VPP sends them: 1 699 999 990 000 000 001.
      {"009c 0008 009d 0008", "17979cfbe21e1c01 17979cfbe21e1c01", 1'699'999'990'000'000'001,
       1'699'999'990'000'000'001},
      // flowStartDeltaMicroseconds, flowEndDeltaMicroseconds: before the export time.
      {"009e 0004 009f 0004", "000f4240 00000001", (second - 1) * kSecond_ns, second * kSecond_ns - 1'000},
      // flowStartMilliseconds and flowDurationMilliseconds.
      {"0098 0008 00a1 0004", "0000018bcfe56800 000003e8", second * kSecond_ns, (second + 1) * kSecond_ns},
      // flowStartSysUpTime with systemInitTimeMilliseconds in the record.
      {"0016 0004 00a0 0008", "000003e8 0000018bcfe56800", (second + 1) * kSecond_ns, (second + 1) * kSecond_ns},
      // An event: observationTimeMilliseconds, and protocol.
      {"0143 0008 0004 0001", "0000018bcfe56800 11", second * kSecond_ns, second * kSecond_ns},
  };
  for (const Case& c : cases) {
    FlowDecoder decoder;
    Decoded out;
    Bytes data = hex(c.data);
    std::string sets = "0002 0010 0100 0002 " + std::string(c.fields) + "0100 00";
    sets += "0123456789abcdef"[(data.size() + 4) / 16];
    sets += "0123456789abcdef"[(data.size() + 4) % 16];
    ASSERT_EQ(decoder.decode("a", message({}, sets + std::string(c.data)), out), DecodeError::none) << c.fields;
    ASSERT_EQ(out.flows.size(), 1U);
    EXPECT_EQ(out.flows[0]->first_ns[kForward], c.first_ns) << c.fields;
    EXPECT_EQ(out.flows[0]->last_ns[kForward], c.last_ns) << c.fields;
  }
}

TEST(IpfixDecoder, CountsDataRecordsInTheSequence) {
  FlowDecoder decoder;
  Decoded out;
  const auto take = [&](std::uint32_t sequence, std::string_view sets) {
    EXPECT_EQ(decoder.decode("a", message({.sequence = sequence}, sets), out), DecodeError::none);
    return decoder.totals();
  };
  take(10, std::string(kRfcTemplate) + std::string(kRfcData));  // templates do not count
  EXPECT_EQ(take(13, kRfcData).sequence_gaps, 0U);
  StreamCounts counts = take(20, kRfcData);
  EXPECT_EQ(counts.sequence_gaps, 1U);
  EXPECT_EQ(counts.lost_records, 4U);
  EXPECT_EQ(counts.lost_datagrams, 0U) << "IPFIX does not tell";
  counts = take(16, kRfcData);
  EXPECT_EQ(counts.late_datagrams, 1U);
  EXPECT_EQ(counts.lost_records, 1U);
  // Unknown records make the next number unknown: no gap is claimed.
  take(23, "0200 0008 00000000");
  EXPECT_EQ(take(99, kRfcData).sequence_gaps, 1U);
  EXPECT_EQ(take(102, kRfcData).sequence_gaps, 1U);
}

TEST(IpfixDecoder, RecognisesASequenceThatCountsItsOwnRecords) {
  FlowDecoder decoder;  // softflowd 1.1: the first message of 3 records says 3
  Decoded out;
  ASSERT_EQ(decoder.decode("a", message({.sequence = 3}, std::string(kRfcTemplate) + std::string(kRfcData)), out),
            DecodeError::none);
  const std::string_view one_record = "0100 0018 c000020c c00002fe c0000201 00001391 00518c81";
  ASSERT_EQ(decoder.decode("a", message({.sequence = 4}, one_record), out), DecodeError::none);
  ASSERT_EQ(decoder.decode("a", message({.sequence = 7}, kRfcData), out), DecodeError::none);
  // With options, which it does not count.
  ASSERT_EQ(decoder.decode(
                "a",
                message({.sequence = 8}, "0003 0012 0200 0002 0001 0095 0004 0022 0004 0200 000c 00000001 00000064" +
                                             std::string(one_record)),
                out),
            DecodeError::none);
  ASSERT_EQ(decoder.decode("a", message({.sequence = 9}, one_record), out), DecodeError::none);
  EXPECT_EQ(decoder.totals().sequence_gaps, 0U);
  EXPECT_EQ(decoder.totals().late_datagrams, 0U);
  EXPECT_EQ(decoder.totals().sequence_own, 4U);
}

TEST(IpfixDecoder, TakesATemplateThatCameLateForNoHabitOfTheSequence) {
  FlowDecoder decoder;
  Decoded out;
  const auto take = [&](std::uint32_t sequence, std::string_view sets) {
    EXPECT_EQ(decoder.decode("a", message({.sequence = sequence}, sets), out), DecodeError::none);
  };
  const std::string_view protocol_template = "0002 000c 0100 0001 0004 0001";
  take(100, protocol_template);
  take(100, "0100 000e 06060606060606060606");  // ten records
  take(100, protocol_template);                 // sent before them
  take(110, "0100 0005 06");
  EXPECT_EQ(decoder.totals().late_datagrams, 1U);
  EXPECT_EQ(decoder.totals().sequence_own, 0U);
  EXPECT_EQ(decoder.totals().sequence_gaps, 0U);
  EXPECT_EQ(decoder.totals().lost_records, 0U);
}

TEST(IpfixDecoder, NamesWhatIsWrongWithAMessage) {
  struct Case {
    std::string_view sets;
    DecodeError error;
  };
  const Case cases[] = {
      {"0002 00", DecodeError::truncated_flow_set},
      {"0100 0003", DecodeError::flow_set_too_short},
      {"0100 0005", DecodeError::flow_set_too_long},
      {"0002 000c 00ff 0001 0004 0001", DecodeError::bad_template_id},
      {"0002 0008 0003 0000", DecodeError::bad_template_id},  // withdraws all options templates, in a template set
      {"0002 000c 0100 0002 0004 0001", DecodeError::truncated_template},
      {"0002 000c 0100 ffff 0004 0001", DecodeError::truncated_template},
      {"0002 000c 0100 0001 8004 0001", DecodeError::truncated_template},           // no room for the enterprise number
      {"0002 0010 0100 0002 8004 0001 00000001", DecodeError::truncated_template},  // which took that of the next field
      {"0002 000c 0100 0001 0004 0000", DecodeError::zero_length_record},
      {"0002 0010 0100 0002 0052 fff0 0053 fff0", DecodeError::record_too_long},
      {"0003 000a 0100 0001 0000", DecodeError::truncated_template},
      {"0003 000e 0100 0001 0002 0095 0004", DecodeError::bad_scope_count},
      {"0003 0008 0100 0001", DecodeError::truncated_template},
      {"0002 000c 0100 0001 0052 ffff 0100 0006 05 61", DecodeError::bad_variable_length},
      {"0002 000c 0100 0001 0052 ffff 0100 0007 ff 00 01", DecodeError::bad_variable_length},
      {"0002 000c 0100 0001 0052 ffff 0100 0006 ff 00", DecodeError::bad_variable_length},
      {"0003 0010 0100 0001 0001 0095 ffff 0000 0100 0006 05 61", DecodeError::bad_variable_length},
  };
  for (const Case& c : cases) {
    FlowDecoder decoder;
    Decoded out;
    EXPECT_EQ(decoder.decode("a", message({}, c.sets), out), c.error) << c.sets;
    EXPECT_EQ(decoder.errors(c.error), 1U) << c.sets;
    EXPECT_EQ(decoder.totals().malformed, 1U);
  }
  FlowDecoder decoder;
  Decoded out;
  Bytes input = message({}, kRfcTemplate);
  input[3] += 1;
  EXPECT_EQ(decoder.decode("a", input, out), DecodeError::bad_message_length);
  input[3] = 15;
  EXPECT_EQ(decoder.decode("a", input, out), DecodeError::bad_message_length);
  input.resize(15);
  EXPECT_EQ(decoder.decode("a", input, out), DecodeError::short_header);
  EXPECT_EQ(decoder.streams(), 0U) << "what is no message makes no stream";
}

TEST(IpfixDecoder, DecodesAMessageWithOctetsAfterIt) {
  FlowDecoder decoder;
  Decoded out;
  for (const std::size_t more : {1U, 3U, 100U}) {
    Bytes input = message({.sequence = 0}, std::string(kRfcTemplate) + std::string(kRfcData));
    input.resize(input.size() + more, 0xab);
    EXPECT_EQ(decoder.decode(std::to_string(more).c_str(), input, out), DecodeError::none) << more;
    EXPECT_EQ(out.flows.size(), 3U) << more;
  }
}

TEST(IpfixDecoder, GivesRecordsTheSamplingRateThatTheOptionsTold) {
  FlowDecoder decoder;
  Decoded out;
  // 256: protocol and ingressInterface. 257: protocol and selectorId. 258: protocol, 34, 50 and 305, 306.
  const auto take = [&](std::string_view sets) {
    EXPECT_EQ(decoder.decode("a", message({}, sets), out), DecodeError::none) << sets;
    return out.flows.empty() ? 0 : out.flows[0]->sampling_rate;
  };
  take(
      "0002 0010 0100 0002 0004 0001 000a 0004"
      "0002 0010 0101 0002 0004 0001 012e 0001"
      "0002 001c 0102 0005 0004 0001 0022 0004 0032 0004 0131 0004 0132 0004");
  EXPECT_EQ(take("0100 0009 06 00000007"), 0U);
  // 512: the whole domain (149): 34. 513: an interface as the scope: 34. 514: a selector as the scope: 305 and 306.
  take("0003 0012 0200 0002 0001 0095 0004 0022 0004 0200 000c 00000001 00000064");
  EXPECT_EQ(take("0100 0009 06 00000007"), 100U);
  take("0003 0012 0201 0002 0001 000a 0004 0022 0004 0201 000c 00000007 000000c8");
  EXPECT_EQ(take("0100 0009 06 00000007"), 200U);
  EXPECT_EQ(take("0100 0009 06 00000008"), 100U);
  take("0003 0016 0202 0003 0001 012e 0001 0131 0004 0132 0004 0202 000d 05 00000001 000003e7");
  EXPECT_EQ(take("0101 0006 06 05"), 1000U);
  // A record's own rate comes first, by the rule of sampling_rate.h.
  EXPECT_EQ(take("0102 0015 06 00000002 00000003 00000004 0000000c"), 4U);
  EXPECT_EQ(take("0102 0015 06 00000002 00000003 00000000 00000000"), 3U);
  EXPECT_EQ(take("0102 0015 06 00000002 00000000 00000000 00000000"), 2U);
  EXPECT_EQ(take("0102 0015 06 00000002 00000003 00000005 00000000"), 5U);
}

TEST(IpfixDecoder, TakesTheRateOfTheElementsThatAreMeantInOptionsAndInRecords) {
  FlowDecoder decoder;
  Decoded out;
  const auto take = [&](std::string_view sets) {
    EXPECT_EQ(decoder.decode("a", message({}, sets), out), DecodeError::none) << sets;
    return out.flows.empty() ? 0 : out.flows[0]->sampling_rate;
  };
  // Options as IOS XR has them: selector 1, 305 = 1, 304 = 3 (random n out of N), 309 = 1, 310 = 256.
  take(
      "0003 001e 0200 0005 0001 012e 0004 0131 0004 0130 0002 0135 0004 0136 0004"
      "0200 0016 00000001 00000001 0003 00000001 00000100"
      "0002 0010 0100 0002 0004 0001 012e 0004");
  EXPECT_EQ(take("0100 0009 11 00000001"), 256U);
  // A template of records with the same elements, and one with 311, of 8 octets and of 4: 2^-6.
  take(
      "0002 001c 0101 0005 0004 0001 0131 0004 0130 0002 0135 0004 0136 0004"
      "0002 0010 0102 0002 0004 0001 0137 0008"
      "0002 0010 0103 0002 0004 0001 0137 0004");
  EXPECT_EQ(take("0101 0013 11 00000001 0003 00000001 00000100"), 256U);
  EXPECT_EQ(take("0102 000d 11 3f90000000000000"), 64U);
  EXPECT_EQ(take("0103 0009 11 3c800000"), 64U);
  // And options of the whole domain with 311.
  take(
      "0003 0012 0201 0002 0001 0095 0004 0137 0008 0201 0010 00000001 3f80000000000000"
      "0002 000c 0104 0001 0004 0001");
  EXPECT_EQ(take("0104 0005 11"), 128U);
}

TEST(IpfixDecoder, GivesARateToTheRecordsThatItsScopeNamesAlone) {
  FlowDecoder decoder;
  Decoded out;
  const auto take = [&](std::string_view sets) {
    EXPECT_EQ(decoder.decode("a", message({}, sets), out), DecodeError::none) << sets;
    return out.flows.empty() ? 0 : out.flows[0]->sampling_rate;
  };
  // 256: protocol, ingressInterface, egressInterface. The scopes: egress interface 7: 34 = 100.
  take("0002 0014 0100 0003 0004 0001 000a 0004 000e 0004");
  take("0003 0012 0200 0002 0001 000e 0004 0022 0004 0200 000c 00000007 00000064");
  EXPECT_EQ(take("0100 000d 06 00000001 00000007"), 100U);
  EXPECT_EQ(take("0100 000d 06 00000007 00000001"), 0U);
  // An ingress interface's rate goes before an egress interface's.
  take("0003 0012 0201 0002 0001 000a 0004 0022 0004 0201 000c 00000001 000000c8");
  EXPECT_EQ(take("0100 000d 06 00000001 00000007"), 200U);
  // Domain 7 (149) is not this message's, which is 1; 0 is none, so that the whole stream is meant.
  take("0003 0012 0202 0002 0001 0095 0004 0022 0004 0202 000c 00000007 0000012c");
  EXPECT_EQ(take("0100 000d 06 00000002 00000002"), 0U);
  take("0202 000c 00000000 00000190");
  EXPECT_EQ(take("0100 000d 06 00000002 00000002"), 400U);
}

TEST(IpfixDecoder, TakesCountersOfUpToSixteenOctetsWhoseValueFits) {
  FlowDecoder decoder;
  Decoded out;
  const auto take = [&](std::string_view sets) {
    EXPECT_EQ(decoder.decode("a", message({}, sets), out), DecodeError::none) << sets;
  };
  take("0002 0014 0100 0003 0004 0001 0002 0010 0001 000c");
  take("0100 0021 06 00000000000000000000000000000005 00000000 0000000000000064");
  ASSERT_EQ(out.flows.size(), 1U);
  EXPECT_EQ(out.flows[0]->packets[kForward], 5U);
  EXPECT_EQ(out.flows[0]->octets[kForward], 100U);
  EXPECT_TRUE(out.values.empty());
  // What does not fit is 0, and shown as it came.
  take("0100 0021 06 00000000000000010000000000000005 00000000 0000000000000064");
  ASSERT_EQ(out.flows.size(), 1U);
  EXPECT_EQ(out.flows[0]->packets[kForward], 0U);
  EXPECT_EQ(out.flows[0]->octets[kForward], 100U);
  ASSERT_EQ(out.values.size(), 1U);
  EXPECT_EQ(out.values[0].element, 2);
}

TEST(IpfixDecoder, ComparesTheExportersClockWithItsOwn) {
  FlowDecoder decoder;
  Decoded out;
  const std::uint64_t second_ns = 1'700'000'000 * kSecond_ns;
  ASSERT_EQ(decoder.decode({"a", second_ns + 300'000'000}, message({}, ""), out), DecodeError::none);
  ASSERT_EQ(decoder.decode({"a", second_ns - 2 * kSecond_ns}, message({}, ""), out), DecodeError::none);
  const auto reports = decoder.reports();
  ASSERT_EQ(reports.size(), 1U);
  EXPECT_TRUE(reports[0].skew.known);
  EXPECT_EQ(reports[0].skew.last_ms, -2000);
  EXPECT_EQ(reports[0].skew.least_ms, -2000);
  EXPECT_EQ(reports[0].skew.greatest_ms, 300);
}

TEST(IpfixDecoder, TakesTheFamilyThatIsNotZeroWhereATemplateHasBoth) {
  FlowDecoder decoder;
  Decoded out;
  ASSERT_EQ(decoder.decode("a",
                           message({},
                                   "0002 0010 0100 0002 0008 0004 001b 0010"
                                   "0100 002c c0000201 00000000000000000000000000000000"
                                   "00000000 20010db8000000000000000000000001"),
                           out),
            DecodeError::none);
  ASSERT_EQ(out.flows.size(), 2U);
  EXPECT_EQ(out.flows[0]->ip_version, 4);
  EXPECT_EQ(out.flows[0]->source_address[0], 192);
  EXPECT_EQ(out.flows[1]->ip_version, 6);
  EXPECT_EQ(out.flows[1]->source_address[0], 0x20);
}

}  // namespace
}  // namespace weir::ipfix_decoder_test
