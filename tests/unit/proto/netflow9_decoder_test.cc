// The decoder: datagrams written octet by octet, a table of malformed ones, and what the encoder makes.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "proto/base/byte_order.h"
#include "proto/decode/flow_decoder.h"
#include "proto/encode/netflow9_encoder.h"

namespace weir::netflow9_decoder_test {
namespace {

using Bytes = std::vector<std::uint8_t>;

/// "00 0a ff" as octets; blanks are for the reader.
Bytes octets(std::string_view hex) {
  Bytes result;
  int high = -1;
  for (const char c : hex) {
    if (c == ' ') continue;
    const int value = c <= '9' ? c - '0' : c - 'a' + 10;
    if (high < 0) {
      high = value;
    } else {
      result.push_back(static_cast<std::uint8_t>(high * 16 + value));
      high = -1;
    }
  }
  return result;
}

struct HeaderValues {
  std::uint16_t count = 1;
  std::uint32_t uptime_ms = 10'000;
  std::uint32_t unix_secs = 1'700'000'000;
  std::uint32_t sequence = 0;
  std::uint32_t source_id = 1;
};

Bytes datagram(const HeaderValues& header, std::string_view flow_sets) {
  Bytes result(20);
  store_be<std::uint16_t>(&result[0], 9);
  store_be<std::uint16_t>(&result[2], header.count);
  store_be<std::uint32_t>(&result[4], header.uptime_ms);
  store_be<std::uint32_t>(&result[8], header.unix_secs);
  store_be<std::uint32_t>(&result[12], header.sequence);
  store_be<std::uint32_t>(&result[16], header.source_id);
  const Bytes body = octets(flow_sets);
  result.insert(result.end(), body.begin(), body.end());
  return result;
}

// Template 300: IPV4_SRC_ADDR, L4_DST_PORT, IN_BYTES of 3 octets. Records of 9 octets.
constexpr std::string_view kTemplate300 = "0000 0014 012c 0003 0008 0004 000b 0002 0001 0003";
constexpr std::string_view kData300 = "012c 0010 0a000001 01bb 010203 000000";  // one record, 3 octets of padding

TEST(Netflow9Decoder, DecodesIntegersOfAnyLengthAndSkipsPadding) {
  FlowDecoder decoder;
  Decoded out;
  ASSERT_EQ(decoder.decode("a", datagram({.count = 2}, std::string(kTemplate300) + std::string(kData300)), out),
            DecodeError::none);
  ASSERT_EQ(out.flows.size(), 1U);
  EXPECT_EQ(out.flows[0]->ip_version, 4);
  EXPECT_EQ(out.flows[0]->source_address[0], 10);
  EXPECT_EQ(out.flows[0]->source_address[3], 1);
  EXPECT_EQ(out.flows[0]->destination_port(), 443);
  EXPECT_EQ(out.flows[0]->octets[kForward], 0x010203U);
  EXPECT_EQ(out.flows[0]->packets[kForward], 0U);
  EXPECT_EQ(out.details[0].template_id, 300);
  EXPECT_EQ(decoder.totals().records, 1U);
  EXPECT_EQ(decoder.totals().templates, 1U);
  EXPECT_EQ(decoder.totals().count_mismatches, 0U);
}

TEST(Netflow9Decoder, DecodesDataByAGivenTemplateUntilTheExporterSendsItsOwn) {
  FlowDecoder decoder;
  const TemplateRecord given{300, false, {{8, 4, 0, false}, {11, 2, 0, false}, {1, 3, 0, false}}};
  decoder.give_templates({&given, 1});
  Decoded out;
  ASSERT_EQ(decoder.decode("a", datagram({.count = 1}, kData300), out), DecodeError::none);
  ASSERT_EQ(out.flows.size(), 1U);
  EXPECT_EQ(out.flows[0]->octets[kForward], 0x010203U);
  EXPECT_EQ(decoder.totals().given_template_sets, 1U);
  EXPECT_EQ(decoder.totals().unknown_template, 0U);
  MessageHeader header;
  header.source_id = 1;
  ASSERT_NE(decoder.find_template("a", header, 300), nullptr);
  EXPECT_EQ(decoder.find_template("a", header, 301), nullptr);
  // The exporter's template has packets (2) in the place of octets (1).
  const Bytes own = datagram({.count = 2, .sequence = 1},
                             "0000 0014 012c 0003 0008 0004 000b 0002 0002 0003" + std::string(kData300));
  ASSERT_EQ(decoder.decode("a", own, out), DecodeError::none);
  EXPECT_EQ(out.flows[0]->packets[kForward], 0x010203U);
  EXPECT_EQ(out.flows[0]->octets[kForward], 0U);
  EXPECT_EQ(decoder.totals().given_template_sets, 1U);
}

TEST(Netflow9Decoder, DecodesOptionsByAGivenTemplate) {
  FlowDecoder decoder;
  const TemplateRecord given[] = {{301, true, {{1, 4, 0, true}, {34, 4, 0, false}}},
                                  {300, false, {{8, 4, 0, false}, {11, 2, 0, false}, {1, 3, 0, false}}}};
  decoder.give_templates(given);
  Decoded out;
  ASSERT_EQ(decoder.decode("a", datagram({.count = 2}, "012d 000c 00000001 00000064" + std::string(kData300)), out),
            DecodeError::none);
  EXPECT_EQ(out.options.size(), 1U);
  EXPECT_EQ(out.flows[0]->sampling_rate, 100U) << "which the options say of the exporter";
}

TEST(Netflow9Decoder, KeepsElementsItHasNoPlaceForAsRawValues) {
  FlowDecoder decoder;
  Decoded out;
  // Template 256: element 65 (nameless) of 2 octets, protocol, an IPv4 address of a wrong length.
  const Bytes input =
      datagram({.count = 2}, "0000 0014 0100 0003 0041 0002 0004 0001 0008 0005 0100 000c beef 11 0102030405");
  ASSERT_EQ(decoder.decode("a", input, out), DecodeError::none);
  ASSERT_EQ(out.flows.size(), 1U);
  EXPECT_EQ(out.flows[0]->protocol, 17);
  ASSERT_EQ(out.details[0].value_count, 2U);
  const DecodedValue& first = out.values[out.details[0].first_value];
  EXPECT_EQ(first.element, 65);
  EXPECT_FALSE(first.scope);
  EXPECT_EQ(Bytes(first.octets.begin(), first.octets.end()), (Bytes{0xbe, 0xef}));
  EXPECT_EQ(out.values[out.details[0].first_value + 1].octets.size(), 5U);
}

TEST(Netflow9Decoder, TurnsUptimeIntoWallClock) {
  struct Case {
    std::uint32_t uptime_ms, first, last;
    std::uint64_t first_ms, last_ms;
  };
  const std::uint64_t header_ms = 1'700'000'000'000;
  const Case cases[] = {
      {10'000, 4'000, 9'999, header_ms - 6'000, header_ms - 1},
      {10'000, 10'000, 10'500, header_ms, header_ms + 500},                   // ended after the header's clock was read
      {10'000, 4'294'967'000, 9'000, header_ms - 10'296, header_ms - 1'000},  // began before the wrap
      {4'294'967'000, 0, 4'294'966'999, header_ms - 4'294'967'000, header_ms - 1},  // an offset 49.7 days back
  };
  for (const Case& c : cases) {
    FlowDecoder decoder;
    Decoded out;
    Bytes input = datagram({.count = 2, .uptime_ms = c.uptime_ms},
                           "0000 0010 0100 0002 0016 0004 0015 0004 0100 000c 00000000 00000000");
    store_be<std::uint32_t>(&input[input.size() - 8], c.first);
    store_be<std::uint32_t>(&input[input.size() - 4], c.last);
    ASSERT_EQ(decoder.decode("a", input, out), DecodeError::none);
    ASSERT_EQ(out.flows.size(), 1U);
    EXPECT_EQ(out.flows[0]->first_ns[kForward], c.first_ms * 1'000'000) << c.first;
    EXPECT_EQ(out.flows[0]->last_ns[kForward], c.last_ms * 1'000'000) << c.last;
  }
}

TEST(Netflow9Decoder, DecodesOptionsWithTheirScopes) {
  FlowDecoder decoder;
  Decoded out;
  // RFC 3954 section 6.1: options template 257, one scope (interface, 4 octets), options 34 and 35; 2 octets padding.
  const Bytes input = datagram({.count = 2},
                               "0001 0018 0101 0004 0008 0002 0004 0022 0004 0023 0001 0000"
                               "0101 0010 00000007 00000064 02 000000");
  ASSERT_EQ(decoder.decode("a", input, out), DecodeError::none);
  EXPECT_TRUE(out.flows.empty());
  ASSERT_EQ(out.options.size(), 1U);
  ASSERT_EQ(out.options[0].value_count, 3U);
  EXPECT_TRUE(out.values[0].scope);
  EXPECT_EQ(out.values[0].element, 2);
  EXPECT_EQ(load_be<std::uint32_t>(out.values[0].octets.data()), 7U);
  EXPECT_FALSE(out.values[1].scope);
  EXPECT_EQ(out.values[1].element, 34);
  EXPECT_EQ(load_be<std::uint32_t>(out.values[1].octets.data()), 100U);
  EXPECT_EQ(out.values[2].octets[0], 2);
  EXPECT_EQ(decoder.totals().option_records, 1U);
  EXPECT_EQ(decoder.totals().records, 0U);
}

TEST(Netflow9Decoder, KeepsTemplatesPerExporterAndSourceId) {
  FlowDecoder decoder;
  Decoded out;
  ASSERT_EQ(decoder.decode("a", datagram({.source_id = 1}, kTemplate300), out), DecodeError::none);
  const auto flows = [&](std::string_view exporter, std::uint32_t source_id) {
    EXPECT_EQ(decoder.decode(exporter, datagram({.sequence = 1, .source_id = source_id}, kData300), out),
              DecodeError::none);
    return out.flows.size();
  };
  EXPECT_EQ(flows("a", 1), 1U);
  EXPECT_EQ(flows("a", 2), 0U);
  EXPECT_EQ(flows("b", 1), 0U);
  EXPECT_EQ(decoder.totals().unknown_template, 2U);
  EXPECT_EQ(decoder.counts("a", 1).unknown_template, 0U);
  EXPECT_EQ(decoder.counts("b", 1).unknown_template, 1U);
  EXPECT_EQ(decoder.streams(), 3U);
}

TEST(Netflow9Decoder, TakesTheAddressForTheExporterAndThePortOnlyIfAsked) {
  FlowDecoder decoder;
  FlowDecoder by_port({.netflow9_by_port = true});
  Decoded out;
  for (FlowDecoder* one : {&decoder, &by_port}) {
    ASSERT_EQ(one->decode("192.0.2.1:2055", datagram({}, kTemplate300), out), DecodeError::none);
    ASSERT_EQ(one->decode("192.0.2.1:2056", datagram({.sequence = 1}, kData300), out), DecodeError::none);
    EXPECT_EQ(out.flows.size(), one == &decoder ? 1U : 0U);
    EXPECT_EQ(one->streams(), one == &decoder ? 1U : 2U);
  }
  EXPECT_EQ(decoder.counts("192.0.2.1:9", 1).records, 1U);
  EXPECT_EQ(decoder.reports()[0].exporter, "192.0.2.1");
  EXPECT_EQ(address_of_exporter("[2001:db8::1]:2055"), "2001:db8::1");
  EXPECT_EQ(address_of_exporter("2001:db8::1"), "2001:db8::1");
  EXPECT_EQ(address_of_exporter("probe"), "probe");
}

TEST(Netflow9Decoder, FollowsRedefinitionAndWithdrawal) {
  FlowDecoder decoder;
  Decoded out;
  ASSERT_EQ(decoder.decode("a", datagram({}, kTemplate300), out), DecodeError::none);
  // 300 becomes: protocol, then padding of 7 octets by an element without a place.
  ASSERT_EQ(decoder.decode("a", datagram({.sequence = 1}, "0000 0010 012c 0002 0004 0001 00d2 0008"), out),
            DecodeError::none);
  ASSERT_EQ(decoder.decode("a", datagram({.sequence = 2}, "012c 0010 06 0000000000000000 000000"), out),
            DecodeError::none);
  ASSERT_EQ(out.flows.size(), 1U);
  EXPECT_EQ(out.flows[0]->protocol, 6);
  EXPECT_EQ(out.flows[0]->ip_version, 0);
  ASSERT_EQ(decoder.decode("a", datagram({.sequence = 3}, "0000 0008 012c 0000"), out), DecodeError::none);
  ASSERT_EQ(decoder.decode("a", datagram({.sequence = 4}, kData300), out), DecodeError::none);
  EXPECT_TRUE(out.flows.empty());
  EXPECT_EQ(decoder.totals().withdrawals, 1U);
  EXPECT_EQ(decoder.totals().unknown_template, 1U);
}

TEST(Netflow9Decoder, NamesWhatIsWrongWithADatagram) {
  struct Case {
    std::string_view flow_sets;
    DecodeError error;
  };
  const Case cases[] = {
      {"0001 00", DecodeError::truncated_flow_set},
      {"0100 0004 ab", DecodeError::truncated_flow_set},
      {"0100 0000", DecodeError::flow_set_too_short},
      {"0100 0003", DecodeError::flow_set_too_short},
      {"0100 0005", DecodeError::flow_set_too_long},
      {"0000 ffff 0100 0001", DecodeError::flow_set_too_long},
      {"0000 000c 00ff 0001 0004 0001", DecodeError::bad_template_id},
      {"0001 0012 00ff 0004 0004 0001 0004 0022 0004", DecodeError::bad_template_id},
      {"0000 000c 0100 0002 0004 0001", DecodeError::truncated_template},
      {"0000 000c 0100 ffff 0004 0001", DecodeError::truncated_template},
      {"0001 000e 0100 fffc fffc 0001 0004", DecodeError::truncated_template},
      {"0000 000c 0100 0001 0004 0000", DecodeError::zero_length_record},
      {"0001 0012 0100 0004 0004 0001 0000 0022 0000", DecodeError::zero_length_record},
      {"0000 0010 0100 0002 0004 8000 0005 8000", DecodeError::record_too_long},
      {"0001 0012 0100 0003 0005 0001 0004 0022 0004", DecodeError::bad_scope_length},
      {"0000 0010 0100 0002 0004 fffe 0005 0001", DecodeError::record_too_long},
      {"0001 0008 0100 0000", DecodeError::trailing_octets},
      // A record of 9 octets, and 4 that are no padding.
      {"0000 0014 012c 0003 0008 0004 000b 0002 0001 0003 012c 0011 0a000001 01bb 010203 00000000",
       DecodeError::trailing_octets},
  };
  for (const Case& c : cases) {
    FlowDecoder decoder;
    Decoded out;
    EXPECT_EQ(decoder.decode("a", datagram({}, c.flow_sets), out), c.error) << c.flow_sets;
    EXPECT_EQ(decoder.errors(c.error), 1U) << c.flow_sets;
    EXPECT_EQ(decoder.totals().malformed, 1U);
    EXPECT_EQ(decoder.totals().datagrams, 1U);
  }
  FlowDecoder decoder;
  Decoded out;
  EXPECT_EQ(decoder.decode("a", Bytes(19), out), DecodeError::short_header);
  EXPECT_EQ(decoder.decode("a", {}, out), DecodeError::short_header);
  EXPECT_EQ(decoder.decode("a", Bytes(20), out), DecodeError::wrong_version);
  EXPECT_EQ(decoder.totals().malformed, 3U);
  EXPECT_EQ(decoder.streams(), 0U) << "what is no NetFlow v9 makes no stream";
  EXPECT_EQ(error_name(DecodeError::zero_length_record), "zero_length_record");
  EXPECT_FALSE(error_text(DecodeError::too_many_streams).empty());
}

TEST(Netflow9Decoder, StoresNothingOfAMalformedTemplateAndGoesOnWithTheRest) {
  FlowDecoder decoder;
  Decoded out;
  const Bytes input = datagram({}, "0000 000c 0100 0001 0004 0000" + std::string(kTemplate300) + std::string(kData300));
  EXPECT_EQ(decoder.decode("a", input, out), DecodeError::zero_length_record);
  EXPECT_EQ(out.flows.size(), 1U);
  EXPECT_EQ(decoder.decode("a", datagram({.sequence = 1}, "0100 0008 00000000"), out), DecodeError::none);
  EXPECT_EQ(decoder.totals().unknown_template, 1U);
}

TEST(Netflow9Decoder, TakesZerosAfterTheLastSetForPadding) {
  for (const std::string zeros :
       {"00", "0000", "000000", "00000000", "0000000000", "00000000000000000000000000000000"}) {
    FlowDecoder decoder;
    Decoded out;
    const Bytes input = datagram({.count = 2}, std::string(kTemplate300) + std::string(kData300) + zeros);
    EXPECT_EQ(decoder.decode("a", input, out), DecodeError::none) << zeros;
    EXPECT_EQ(out.flows.size(), 1U) << zeros;
    EXPECT_EQ(decoder.totals().malformed, 0U);
  }
}

TEST(Netflow9Decoder, DecodesTheSetsBeforeABadOneAndCountsIt) {
  struct Case {
    std::string_view bad;
    DecodeError error;
  };
  for (const Case& c :
       {Case{"012c", DecodeError::truncated_flow_set}, Case{"012c 0000", DecodeError::flow_set_too_short},
        Case{"012c 0003 00", DecodeError::flow_set_too_short}, Case{"012c 0020 00", DecodeError::flow_set_too_long}}) {
    FlowDecoder decoder;
    Decoded out;
    const Bytes input = datagram({.count = 2}, std::string(kTemplate300) + std::string(kData300) + std::string(c.bad));
    EXPECT_EQ(decoder.decode("a", input, out), c.error) << c.bad;
    EXPECT_EQ(out.flows.size(), 1U) << c.bad;
    EXPECT_EQ(decoder.totals().datagrams, 1U);
    EXPECT_EQ(decoder.totals().malformed, 1U);
    EXPECT_EQ(decoder.totals().records, 1U);
    EXPECT_EQ(decoder.decode("a", datagram({.sequence = 1}, kData300), out), DecodeError::none);
    EXPECT_EQ(decoder.totals().sequence_gaps, 0U);
    EXPECT_EQ(out.flows.size(), 1U) << "the template was taken";
  }
}

TEST(Netflow9Decoder, LosesNoTemplateForABadOneBeforeIt) {
  FlowDecoder decoder;
  Decoded out;
  // One set: an id below 256, records of no octets, records too long, and a good one.
  const Bytes input = datagram({.count = 2},
                               "0000 0030 00ff 0001 0004 0001 0100 0001 0004 0000 0101 0002 0004 fffe 0005 0001"
                               "012c 0003 0008 0004 000b 0002 0001 0003" +
                                   std::string(kData300));
  EXPECT_EQ(decoder.decode("a", input, out), DecodeError::bad_template_id);
  EXPECT_EQ(decoder.totals().templates, 1U);
  ASSERT_EQ(out.flows.size(), 1U);
  EXPECT_EQ(out.flows[0]->octets[kForward], 0x010203U);
  // The same of options templates, whose scope length is no multiple of 4.
  const Bytes options = datagram({.count = 2, .sequence = 1},
                                 "0001 001c 0100 0003 0005 0001 0004 0022 0004 0101 0000 0004 0022 0004"
                                 "0101 0008 00000064");
  EXPECT_EQ(decoder.decode("a", options, out), DecodeError::bad_scope_length);
  EXPECT_EQ(out.options.size(), 1U);
}

TEST(Netflow9Decoder, TakesFieldsOfNoOctets) {
  FlowDecoder decoder;
  Decoded out;
  // 4, then 98 of no octets, and 1 of no octets before 1 of two.
  const Bytes input =
      datagram({.count = 2}, "0000 0018 0100 0004 0004 0001 0062 0000 0001 0000 0001 0002 0100 0008 06 0102 00");
  ASSERT_EQ(decoder.decode("a", input, out), DecodeError::none);
  ASSERT_EQ(out.flows.size(), 1U);
  EXPECT_EQ(out.flows[0]->protocol, 6);
  EXPECT_EQ(out.flows[0]->octets[kForward], 0x0102U);
  EXPECT_EQ(out.details[0].value_count, 0U) << "what has no octets says nothing";
}

TEST(Netflow9Decoder, TakesOptionsWithoutAScopeForThoseOfTheExporter) {
  FlowDecoder decoder;
  Decoded out;
  const std::string options = "0001 0014 012d 0000 0008 0022 0004 0023 0001 0000 012d 000c 00000064 02 000000";
  ASSERT_EQ(decoder.decode("a", datagram({.count = 2}, options), out), DecodeError::none);
  ASSERT_EQ(out.options.size(), 1U);
  ASSERT_EQ(decoder.decode(
                "a", datagram({.count = 2, .sequence = 1}, std::string(kTemplate300) + std::string(kData300)), out),
            DecodeError::none);
  ASSERT_EQ(out.flows.size(), 1U);
  EXPECT_EQ(out.flows[0]->sampling_rate, 100U);
}

TEST(Netflow9Decoder, ReadsALengthOf65535AsVariable) {
  FlowDecoder decoder;
  Decoded out;
  const Bytes input =
      datagram({.count = 3}, "0000 0010 0100 0002 0004 0001 0060 ffff 0100 0010 06 04 68747470 11 03 646e73 00");
  ASSERT_EQ(decoder.decode("a", input, out), DecodeError::none);
  ASSERT_EQ(out.flows.size(), 2U);
  EXPECT_EQ(out.flows[1]->protocol, 17);
  EXPECT_EQ(out.values[1].octets.size(), 3U);
}

TEST(Netflow9Decoder, ReadsUptimesOfAnyLength) {
  struct Case {
    std::string_view lengths;
    std::string_view values;
    std::uint64_t first_ms;
  };
  const std::uint64_t header_ms = 1'700'000'000'000;
  for (const Case& c : {Case{"0016 0008 0015 0008", "0000000000000fa0 0000000000001388", header_ms - 6'000},
                        Case{"0016 0006 0015 0006", "000000000fa0 000000001388", header_ms - 6'000},
                        // The exporter is up for longer than 2^32 ms, and its header wrapped.
                        Case{"0016 0008 0015 0008", "0000000100000fa0 0000000100001388", header_ms - 6'000},
                        // Milliseconds since 1970.
                        Case{"0016 0008 0015 0008", "0000018bcfe56800 0000018bcfe56be8", header_ms}}) {
    FlowDecoder decoder;
    Decoded out;
    std::string sets = "0000 0010 0100 0002 " + std::string(c.lengths);
    const Bytes values = octets(c.values);
    sets += values.size() == 16 ? "0100 0014" : "0100 0010";
    ASSERT_EQ(decoder.decode("a", datagram({.count = 2}, sets + std::string(c.values)), out), DecodeError::none);
    ASSERT_EQ(out.flows.size(), 1U);
    EXPECT_EQ(out.flows[0]->first_ns[kForward], c.first_ms * 1'000'000) << c.values;
    EXPECT_EQ(out.flows[0]->last_ns[kForward], (c.first_ms + 1'000) * 1'000'000) << c.values;
  }
}

TEST(Netflow9Decoder, TakesNoPaddingForARecord) {
  struct Case {
    std::uint16_t count;
    std::string_view data;
    std::size_t flows;
  };
  const std::string one_octet = "0000 000c 0100 0001 0004 0001";
  for (const Case& c : {Case{2, "0100 0008 06000000", 1}, Case{3, "0100 0008 06110000", 2},
                        Case{4, "0100 0008 06110000", 3}, Case{99, "0100 0008 06110000", 2},
                        Case{99, "0100 0008 06000001", 4}, Case{99, "0100 000c 0611000000000000", 5}}) {
    FlowDecoder decoder;
    Decoded out;
    ASSERT_EQ(decoder.decode("a", datagram({.count = c.count}, one_octet + std::string(c.data)), out),
              DecodeError::none);
    EXPECT_EQ(out.flows.size(), c.flows) << c.count << ' ' << c.data;
  }
}

TEST(Netflow9Decoder, TakesShortRecordsOfVariableLengthWholeAndTheirPaddingForNone) {
  for (const bool count_is_known : {true, false}) {
    // Template 256: protocolIdentifier (4) of variable length alone; records 06, 0011 (two octets), and an empty one.
    // Then up to 3 octets of padding.
    const std::uint8_t head[] = {0, 9, 0, 4, 0, 0, 0, 1, 0x65, 0x53, 0xf1, 0, 0, 0, 0, 0, 0, 0, 0, 1};
    const std::uint8_t sets[] = {0, 0, 0, 12, 1, 0, 0, 1, 0,  4, 0xff, 0xff,  // the template
                                 1, 0, 0, 12, 1, 6, 2, 0, 17, 0, 0,    0};    // 1+1, 1+2, 1+0, and 2 of padding
    std::vector<std::uint8_t> datagram(std::begin(head), std::end(head));
    datagram.insert(datagram.end(), std::begin(sets), std::end(sets));
    if (!count_is_known) datagram[3] = 0;
    FlowDecoder decoder;
    Decoded out;
    EXPECT_EQ(decoder.decode("a", datagram, out), DecodeError::none);
    // Where the count is not known an empty record looks like padding.
    ASSERT_EQ(out.flows.size(), count_is_known ? 3U : 2U);
    ASSERT_GE(out.values.size(), 2U);
    EXPECT_EQ(out.values[0].octets.size(), 1U);
    EXPECT_EQ(out.values[1].octets.size(), 2U);
    EXPECT_EQ(out.values[1].octets[1], 17);
  }
}

TEST(Netflow9Decoder, StaysWithinItsLimits) {
  FlowDecoder decoder({.streams = 2, .templates_per_stream = 2, .fields_per_stream = 4});
  Decoded out;
  std::uint32_t sequence = 0;
  const auto take = [&](std::string_view sets) {
    return decoder.decode("a", datagram({.sequence = sequence++}, sets), out);
  };
  EXPECT_EQ(take("0000 000c 0100 0001 0004 0001"), DecodeError::none);
  EXPECT_EQ(take("0000 000c 0101 0001 0004 0001"), DecodeError::none);
  EXPECT_EQ(take("0000 000c 0102 0001 0004 0001"), DecodeError::too_many_templates);
  EXPECT_EQ(take("0000 0014 0101 0003 0004 0001 0005 0001 0006 0001"), DecodeError::none) << "4 fields in all";
  EXPECT_EQ(take("0000 0010 0100 0002 0004 0001 0005 0001"), DecodeError::too_many_templates) << "5 fields";
  EXPECT_EQ(take("0100 0005 06"), DecodeError::none);
  EXPECT_TRUE(out.flows.empty()) << "the old definition of 256 is gone";
  EXPECT_EQ(take("0000 000c 0102 0001 0004 0001"), DecodeError::none) << "its room is free again";
  EXPECT_EQ(decoder.decode("b", datagram({}, ""), out), DecodeError::none);
  EXPECT_EQ(decoder.decode("c", datagram({}, ""), out), DecodeError::none);
  EXPECT_EQ(decoder.decode("a", datagram({.source_id = 9}, ""), out), DecodeError::none);
  EXPECT_EQ(decoder.streams(), 2U);
  EXPECT_EQ(decoder.forgotten(), 2U);
}

TEST(Netflow9Decoder, CountsLossLatenessAndRestartsOfTheSequence) {
  FlowDecoder decoder;
  Decoded out;
  const auto take = [&](std::uint32_t sequence, std::uint32_t uptime_ms, std::uint32_t unix_secs) {
    EXPECT_EQ(
        decoder.decode(
            "a", datagram({.count = 0, .uptime_ms = uptime_ms, .unix_secs = unix_secs, .sequence = sequence}, ""), out),
        DecodeError::none);
    return decoder.totals();
  };
  EXPECT_EQ(take(0xfffffffe, 100'000, 1000).lost_datagrams, 0U) << "the first number is no gap";
  EXPECT_EQ(take(0xffffffff, 100'000, 1000).sequence_gaps, 0U);
  EXPECT_EQ(take(0, 100'000, 1000).sequence_gaps, 0U) << "the number wraps";
  StreamCounts counts = take(4, 101'000, 1001);
  EXPECT_EQ(counts.sequence_gaps, 1U);
  EXPECT_EQ(counts.lost_datagrams, 3U);
  counts = take(2, 101'000, 1001);
  EXPECT_EQ(counts.late_datagrams, 1U);
  EXPECT_EQ(counts.lost_datagrams, 2U);
  counts = take(5, 102'000, 1002);
  EXPECT_EQ(counts.sequence_gaps, 1U) << "a late datagram does not set the number back";
  // Back to 0 with a later boot: the exporter started again.
  counts = take(0, 1'000, 1010);
  EXPECT_EQ(counts.restarts, 1U);
  EXPECT_EQ(counts.late_datagrams, 1U);
  EXPECT_EQ(take(1, 2'000, 1011).lost_datagrams, 2U);
  // Far ahead is no loss of a thousand million datagrams.
  counts = take(0x40000000, 3'000, 1012);
  EXPECT_EQ(counts.restarts, 2U);
  EXPECT_EQ(counts.lost_datagrams, 2U);
}

TEST(Netflow9Decoder, SkipsReservedFlowSetsAndReportsAWrongCount) {
  FlowDecoder decoder;
  Decoded out;
  EXPECT_EQ(decoder.decode("a", datagram({.count = 0}, "0002 0008 deadbeef"), out), DecodeError::none);
  EXPECT_EQ(decoder.totals().reserved_flow_sets, 1U);
  EXPECT_EQ(decoder.totals().count_mismatches, 0U);
  EXPECT_EQ(decoder.decode("a", datagram({.count = 7, .sequence = 1}, kTemplate300), out), DecodeError::none);
  EXPECT_EQ(decoder.totals().count_mismatches, 1U);
}

/// A record in which every field that v9 carries is random, by the rules of flow_record.h.
FlowRecord random_record(std::mt19937_64& random) {
  FlowRecord record{};
  const auto fill = [&](std::uint8_t* at, std::size_t size) {
    for (std::size_t i = 0; i < size; ++i) at[i] = static_cast<std::uint8_t>(random());
  };
  record.ip_version = random() % 2 == 0 ? 4 : 6;
  record.ether_type = record.ip_version == 4 ? 0x0800 : 0x86dd;
  fill(record.source_address, record.ip_version == 4 ? 4 : 16);
  fill(record.destination_address, record.ip_version == 4 ? 4 : 16);
  const std::uint16_t ports[] = {static_cast<std::uint16_t>(random()), static_cast<std::uint16_t>(random())};
  record.vlan_id = static_cast<std::uint16_t>(random() % 4096);
  record.ingress_interface = static_cast<std::uint32_t>(random());
  record.sampling_rate = 1 + static_cast<std::uint32_t>(random() % 1000);
  const std::uint8_t protocols[] = {1, 6, 17, 58, 132};
  record.protocol = protocols[random() % 5];
  if (!record.is_icmp()) std::memcpy(record.ports, ports, sizeof ports);
  record.end_reason = static_cast<EndReason>(1 + random() % 5);
  const std::uint64_t directions = 1 + random() % 3;  // forward, reverse, both
  for (int way = 0; way < 2; ++way) {
    if ((directions >> way & 1) == 0) continue;
    record.first_ns[way] = random() % 4'000'000'000'000'000'000;
    record.last_ns[way] = record.first_ns[way] + random() % 300'000'000'000;
    record.packets[way] = 1 + random() % (random() % 2 == 0 ? 100 : UINT64_MAX - 1);
    record.octets[way] = random();
    record.tcp_flags[way] = static_cast<std::uint8_t>(random());
    record.ip_tos[way] = static_cast<std::uint8_t>(random());
    if (record.is_icmp()) record.ports[way] = static_cast<std::uint16_t>(random());
  }
  if (directions == 3) {  // both near each other, as in one conversation
    record.first_ns[1] = record.first_ns[0] + random() % 1'000'000'000;
    record.last_ns[1] = record.first_ns[1] + random() % 300'000'000'000;
  }
  return record;
}

void expect_direction(const FlowRecord& flow, const FlowRecord& record, Direction way) {
  const bool forward = way == kForward;
  EXPECT_EQ(std::memcmp(flow.source_address, forward ? record.source_address : record.destination_address, 16), 0);
  EXPECT_EQ(std::memcmp(flow.destination_address, forward ? record.destination_address : record.source_address, 16), 0);
  EXPECT_EQ(flow.source_port(), forward ? record.source_port() : record.destination_port());
  EXPECT_EQ(flow.destination_port(), forward ? record.destination_port() : record.source_port());
  EXPECT_EQ(flow.packets[kForward], record.packets[way]);
  EXPECT_EQ(flow.octets[kForward], record.octets[way]);
  EXPECT_EQ(flow.first_ns[kForward], record.first_ns[way] / 1'000'000 * 1'000'000);
  EXPECT_EQ(flow.last_ns[kForward], record.last_ns[way] / 1'000'000 * 1'000'000);
  EXPECT_EQ(flow.tcp_flags[kForward], record.tcp_flags[way]);
  EXPECT_EQ(flow.ip_tos[kForward], record.ip_tos[way]);
  EXPECT_EQ(flow.icmp(kForward), record.icmp(way));
  EXPECT_EQ(flow.protocol, record.protocol);
  EXPECT_EQ(flow.ip_version, record.ip_version);
  EXPECT_EQ(flow.vlan_id, record.vlan_id);
  EXPECT_EQ(flow.ether_type, record.ether_type);
  EXPECT_EQ(flow.ingress_interface, record.ingress_interface);
  EXPECT_EQ(flow.sampling_rate, record.sampling_rate);
  EXPECT_EQ(flow.end_reason, record.end_reason);
  EXPECT_EQ(flow.total_packets(), flow.packets[kForward]);
  EXPECT_EQ(flow.sections, 0U);
}

TEST(Netflow9Decoder, GivesBackWhatTheEncoderWasGiven) {
  std::mt19937_64 random(20231114);
  for (const bool narrow_times : {false, true}) {
    Netflow9Options options;
    options.header_time = HeaderTime::records;
    Netflow9Encoder encoder(options);
    FlowDecoder decoder;
    Decoded out;
    std::vector<FlowRecord> pending;
    std::uint64_t checked = 0;
    const auto flush = [&] {
      const auto octets_out = encoder.finish(0);
      const Bytes exact(octets_out.begin(), octets_out.end());
      ASSERT_EQ(decoder.decode("weir", exact, out), DecodeError::none);
      // Each family keeps its order; IPv4 comes first.
      std::stable_partition(pending.begin(), pending.end(), [](const FlowRecord& r) { return r.ip_version == 4; });
      std::size_t at = 0;
      for (const FlowRecord& record : pending) {
        for (const Direction way : {kForward, kReverse}) {
          if (record.packets[way] == 0) continue;
          ASSERT_LT(at, out.flows.size());
          EXPECT_EQ(out.details[at].value_count, 0U);
          expect_direction(*out.flows[at++], record, way);
        }
      }
      EXPECT_EQ(at, out.flows.size());
      checked += at;
      pending.clear();
    };
    for (int i = 0; i < 5'000; ++i) {
      FlowRecord record = random_record(random);
      if (narrow_times) {  // so that datagrams fill up instead of closing at the window
        for (int way = 0; way < 2; ++way) {
          if (record.packets[way] == 0) continue;
          const std::uint64_t length = record.last_ns[way] - record.first_ns[way];
          record.first_ns[way] = 1'700'000'000'000'000'000 + record.first_ns[way] % 1'000'000'000'000;
          record.last_ns[way] = record.first_ns[way] + length;
        }
      }
      if (!encoder.add(record, 0)) {
        flush();
        ASSERT_TRUE(encoder.add(record, 0));
      }
      pending.push_back(record);
    }
    flush();
    EXPECT_GT(checked, 5'000U);
    const StreamCounts totals = decoder.totals();
    EXPECT_EQ(totals.records, checked);
    EXPECT_EQ(totals.sequence_gaps + totals.late_datagrams + totals.restarts, 0U);
    EXPECT_EQ(totals.count_mismatches, 0U);
    EXPECT_EQ(totals.unknown_template, 0U);
    EXPECT_EQ(encoder.clamped_starts(), 0U);
  }
}

TEST(Netflow9Decoder, SurvivesEveryTruncationAndRandomOctets) {
  Netflow9Options options;
  options.header_time = HeaderTime::records;
  Netflow9Encoder encoder(options);
  std::mt19937_64 random(1);
  for (int i = 0; i < 4; ++i) {
    FlowRecord record = random_record(random);
    record.first_ns[0] = record.first_ns[1] = record.last_ns[0] = record.last_ns[1] = 1'700'000'000'000'000'000;
    ASSERT_TRUE(encoder.add(record, 0));
  }
  const auto whole = encoder.finish(0);
  const Bytes original(whole.begin(), whole.end());
  FlowDecoder decoder;
  Decoded out;
  for (std::size_t size = 0; size < original.size(); ++size) {
    const Bytes cut(original.begin(), original.begin() + static_cast<std::ptrdiff_t>(size));
    // What is cut between two FlowSets is well formed; everything else is an error.
    const DecodeError error = decoder.decode("a", cut, out);
    // The first octets of a template set are zeros, which at the end of a datagram are padding.
    const bool between = (size >= 20 && size <= 23) || size == 184 || (error == DecodeError::none && size > 184);
    EXPECT_EQ(error == DecodeError::none, between) << size;
  }
  for (int i = 0; i < 20'000; ++i) {
    Bytes damaged = original;
    for (int n = 0; n < 4; ++n) damaged[20 + random() % (damaged.size() - 20)] = static_cast<std::uint8_t>(random());
    (void)decoder.decode("a", damaged, out);
    ASSERT_LE(out.flows.size(), damaged.size());
  }
}

}  // namespace
}  // namespace weir::netflow9_decoder_test
