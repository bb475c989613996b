// sFlow v5: datagrams written word by word from the XDR of "sFlow Version 5".
#include "proto/decode/sflow_decoder.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "proto/base/byte_order.h"
#include "proto/decode/flow_decoder.h"
#include "proto/decode/message_dump.h"
#include "proto/decode/value_text.h"
#include "tests/support/hex.h"
#include "tests/support/sflow.h"

namespace weir::sflow_decoder_test {
namespace {

using namespace test::sflow;
using test::Bytes;
using test::hex;

constexpr std::uint64_t kReceived = 1'700'000'000'123'456'789;

// 10.0.0.1:1111 to 10.0.0.2:53, UDP, 1400 octets, TOS 0x10.
const Bytes kIpv4Sample = block(3, words({1400, 17, 0x0a000001, 0x0a000002, 1111, 53, 0, 0x10}));
const Bytes kRouter = block(1002, words({1, 0xcb007109, 24, 22}));  // next hop 203.0.113.9

/// The datagram stays, since `out` refers into it.
DecodeError decode(Bytes octets, Decoded& out) {
  static Bytes kept;
  kept = std::move(octets);
  std::uint64_t unknown = 0;
  return decode_sflow(kept, kReceived, out, unknown);
}

std::string values_of(const Decoded& out) {
  std::string text;
  append_values_json(text, FlowVersion::sflow, out.values);
  return text;
}

TEST(SflowDecoder, AFlowSampleIsOnePacketOfItsAgent) {
  Decoded out;
  ASSERT_EQ(decode(datagram(9, {flow_sample(1, {kIpv4Sample})}), out), DecodeError::none);
  EXPECT_EQ(out.header.version, FlowVersion::sflow);
  EXPECT_EQ(out.header.sequence, 9U);
  EXPECT_EQ(out.header.source_id, 7U);
  EXPECT_EQ(out.header.sys_uptime_ms, 86'400'000U);
  EXPECT_EQ(out.agent.text(), "192.0.2.99");
  ASSERT_EQ(out.flows.size(), 1U);
  const FlowRecord& flow = *out.flows[0];
  EXPECT_EQ(load_be<std::uint32_t>(flow.source_address), 0x0a000001U);
  EXPECT_EQ(load_be<std::uint32_t>(flow.destination_address), 0x0a000002U);
  EXPECT_EQ(flow.source_port(), 1111);
  EXPECT_EQ(flow.destination_port(), 53);
  EXPECT_EQ(flow.protocol, 17);
  EXPECT_EQ(flow.ip_tos[kForward], 0x10);
  EXPECT_EQ(flow.ether_type, 0x0800);
  EXPECT_EQ(flow.packets[kForward], 1U);
  EXPECT_EQ(flow.octets[kForward], 1400U);
  EXPECT_EQ(flow.sampling_rate, 512U);
  EXPECT_EQ(flow.ingress_interface, 3U);
  EXPECT_EQ(flow.first_ns[kForward], kReceived) << "sFlow has no wall clock";
  EXPECT_EQ(flow.last_ns[kForward], kReceived);
  ASSERT_NE(out.flows[0].find<EgressSection>(), nullptr);
  EXPECT_EQ(out.flows[0].find<EgressSection>()->interface, 5U);
}

TEST(SflowDecoder, AnExpandedSampleHasInterfacesOf32Bits) {
  Decoded out;
  ASSERT_EQ(decode(datagram(1, {expanded_flow_sample(1, {kIpv4Sample})}), out), DecodeError::none);
  EXPECT_EQ(out.flows[0]->ingress_interface, 70'000U);
  EXPECT_EQ(out.flows[0].find<EgressSection>()->interface, 70'001U);
  EXPECT_EQ(out.flows[0]->sampling_rate, 512U);
}

TEST(SflowDecoder, WhatIsNoInterfaceIndexIsNoInterface) {
  Decoded out;
  for (const std::uint32_t output : {0x3fffffffU, 0x40000102U, 0x80000003U, 0U}) {
    ASSERT_EQ(decode(datagram(1, {flow_sample(1, {kIpv4Sample}, 0x3fffffff, output)}), out), DecodeError::none);
    EXPECT_EQ(out.flows[0].find<EgressSection>(), nullptr) << output;
    EXPECT_EQ(out.flows[0]->ingress_interface, 0U);
  }
}

TEST(SflowDecoder, AnIpv6SampleHasItsPriorityAsTrafficClass) {
  const Bytes sample = block(4, joined({words({1500, 6}), hex("20010db8 00000000 00000000 0000000a"),
                                        hex("20010db8 00000000 00000000 0000000b"), words({2222, 80, 0x12, 8})}));
  Decoded out;
  ASSERT_EQ(decode(datagram(1, {flow_sample(1, {sample})}), out), DecodeError::none);
  const FlowRecord& flow = *out.flows[0];
  EXPECT_EQ(flow.ip_version, 6);
  EXPECT_EQ(flow.source_address[15], 0x0a);
  EXPECT_EQ(flow.destination_address[15], 0x0b);
  EXPECT_EQ(flow.tcp_flags[kForward], 0x12);
  EXPECT_EQ(flow.ip_tos[kForward], 8);
  EXPECT_EQ(flow.ether_type, 0x86dd);
}

TEST(SflowDecoder, AnEthernetSampleHasMacsAndTypeAndTheFramesOctets) {
  const Bytes sample = block(2, joined({words({64}), hex("0200000000aa0000 0200000000bb0000"), words({0x0806})}));
  Decoded out;
  ASSERT_EQ(decode(datagram(1, {flow_sample(1, {sample})}), out), DecodeError::none);
  EXPECT_EQ(out.flows[0]->ether_type, 0x0806);
  EXPECT_EQ(out.flows[0]->octets[kForward], 64U);
  const auto* const layer2 = out.flows[0].find<Layer2Section>();
  ASSERT_NE(layer2, nullptr);
  EXPECT_EQ(layer2->source_mac[5], 0xaa);
  EXPECT_EQ(layer2->destination_mac[5], 0xbb);
}

TEST(SflowDecoder, SwitchRouterAndGatewayFillTheirFields) {
  const Bytes vlans = block(1001, words({10, 1, 20, 2}));
  // Next hop 203.0.113.10; AS 64500, of the source 64501, of its peer 64502; the sequence 64510 64511 and the set
  // 64512; community 64500:100; local preference 100.
  const Bytes gateway =
      block(1003, words({1, 0xcb00710a, 64500, 64501, 64502, 2, 2, 2, 64510, 64511, 1, 1, 64512, 1, 0xfbf40064, 100}));
  Decoded out;
  // The order of records means nothing.
  ASSERT_EQ(decode(datagram(1, {flow_sample(1, {gateway, kRouter, vlans, kIpv4Sample})}), out), DecodeError::none);
  EXPECT_EQ(out.flows[0]->vlan_id, 10);
  const auto* const routing = out.flows[0].find<RoutingSection>();
  ASSERT_NE(routing, nullptr);
  EXPECT_EQ(load_be<std::uint32_t>(routing->next_hop[kForward]), 0xcb007109U);
  EXPECT_EQ(load_be<std::uint32_t>(routing->bgp_next_hop[kForward]), 0xcb00710aU);
  EXPECT_EQ(routing->source_net, 24);
  EXPECT_EQ(routing->destination_net, 22);
  EXPECT_EQ(routing->source_as, 64501U);
  EXPECT_EQ(routing->destination_as, 64512U);
  EXPECT_EQ(routing->next_adjacent_as, 64510U);
  EXPECT_EQ(routing->previous_adjacent_as, 64502U);
  const auto* const path = out.flows[0].find<AsPathSection>();
  ASSERT_NE(path, nullptr);
  EXPECT_EQ(path->path[kForward].count, 3U);
  EXPECT_EQ(path->cut[kForward], 0);
  EXPECT_EQ(values_of(out),
            R"(,"as":64500,"communities":"0xfbf40064","localpref":100,"src_vlan":10,"src_priority":1,"dst_vlan":20,)"
            R"("dst_priority":2)");
}

TEST(SflowDecoder, AnEmptyPathAndASourceAsOfZeroAreTheRoutersOwnAs) {
  const Bytes gateway = block(1003, words({1, 0, 64500, 0, 0, 0, 0, 100}));
  Decoded out;
  ASSERT_EQ(decode(datagram(1, {flow_sample(1, {kIpv4Sample, gateway})}), out), DecodeError::none);
  EXPECT_EQ(out.flows[0].find<RoutingSection>()->source_as, 64500U);
  EXPECT_EQ(out.flows[0].find<RoutingSection>()->destination_as, 64500U);
  EXPECT_EQ(out.flows[0].find<AsPathSection>(), nullptr);
}

TEST(SflowDecoder, APathLongerThan30IsCutAndItsLastAsIsTheDestinations) {
  Bytes content = words({1, 0, 64500, 0, 0, 1, 2, 40});
  for (std::uint32_t as = 1; as <= 40; ++as) test::put(content, as, 4);
  test::put(content, 0, 4);
  test::put(content, 100, 4);
  Decoded out;
  ASSERT_EQ(decode(datagram(1, {flow_sample(1, {kIpv4Sample, block(1003, content)})}), out), DecodeError::none);
  EXPECT_EQ(out.flows[0].find<AsPathSection>()->path[kForward].count, 30U);
  EXPECT_EQ(out.flows[0].find<AsPathSection>()->cut[kForward], 1);
  EXPECT_EQ(out.flows[0].find<RoutingSection>()->destination_as, 40U);
}

TEST(SflowDecoder, ANextHopOfTheOtherIpVersionStaysAValue) {
  const Bytes router = block(1002, joined({words({2}), hex("20010db8 00000000 00000000 00000001"), words({24, 22})}));
  Decoded out;
  ASSERT_EQ(decode(datagram(1, {flow_sample(1, {kIpv4Sample, router})}), out), DecodeError::none);
  EXPECT_EQ(values_of(out), R"(,"ipNextHopIPv6Address":"2001:db8::1")");
  EXPECT_EQ(out.flows[0].find<RoutingSection>()->source_net, 24);
}

TEST(SflowDecoder, ASampledHeaderIsKeptUnderIanasElements) {
  Decoded out;
  ASSERT_EQ(decode(datagram(1, {flow_sample(1, {sampled_header(hex("0102 0304 05"), 1062)})}), out), DecodeError::none);
  EXPECT_EQ(values_of(out), R"(,"dataLinkFrameSize":1062,"dataLinkFrameSection":"0x0102030405")");
  EXPECT_EQ(out.details[0].header_protocol, 1);
  ASSERT_EQ(decode(datagram(1, {flow_sample(1, {sampled_header(hex("45"), 44, 11)})}), out), DecodeError::none);
  EXPECT_EQ(values_of(out), R"(,"dataLinkFrameSize":44,"ipHeaderPacketSection":"0x45")");
}

TEST(SflowDecoder, StructuresWithoutAPlaceAreShownByTheirNamesOrInHex) {
  const Bytes user = block(1004, joined({words({3}), opaque(hex("616c696365")), words({3}), opaque({})}));
  const Bytes vendor = block(4413U << 12 | 7, hex("0102030405"));
  Decoded out;
  ASSERT_EQ(decode(datagram(1, {flow_sample(1, {kIpv4Sample, user, vendor})}), out), DecodeError::none);
  EXPECT_EQ(values_of(out), R"(,"src_charset":3,"src_user":"alice","dst_charset":3,"record_4413_7":"0x0102030405")");
}

TEST(SflowDecoder, CounterSamplesAreOptionsWithTheirSourceAsScope) {
  const Bytes vlan = block(5, words({100, 0, 123456, 1, 2, 3, 4}));
  const Bytes memory = block(1001, words({10, 20, 30, 1, 0, 0, 4096}));
  Decoded out;
  ASSERT_EQ(decode(datagram(1, {counters_sample(1, {vlan, memory, block(999, hex("61626364"))})}), out),
            DecodeError::none);
  EXPECT_TRUE(out.flows.empty());
  ASSERT_EQ(out.options.size(), 1U);
  EXPECT_EQ(values_of(out),
            R"(,"source_id_type":0,"source_id_index":3,"vlan_id":100,"octets":123456,"ucastPkts":1,"multicastPkts":2,)"
            R"("broadcastPkts":3,"discards":4,"5s_cpu":10,"1m_cpu":20,"5m_cpu":30,"total_memory":4294967296,)"
            R"("free_memory":4096,"counters_0_999":"0x61626364")");
}

TEST(SflowDecoder, SamplesOfUnknownFormatsAreSkippedAndCounted) {
  FlowDecoder decoder;
  Decoded out;
  const Bytes octets = datagram(1, {block(5, hex("7a7a7a7a")), flow_sample(1, {kIpv4Sample})});
  EXPECT_EQ(decoder.decode("192.0.2.1:50000", octets, out), DecodeError::none);
  EXPECT_EQ(out.flows.size(), 1U);
  EXPECT_EQ(decoder.totals().unknown_samples, 1U);
}

TEST(SflowDecoder, EachTruncationIsNamedAndWhatCameBeforeItIsDecoded) {
  const Bytes whole = datagram(1, {flow_sample(1, {kIpv4Sample}), flow_sample(2, {kIpv4Sample})});
  const std::size_t first_end = 28 + (whole.size() - 28) / 2;
  Decoded out;
  for (std::size_t size = 4; size < whole.size(); ++size) {
    const Bytes cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
    EXPECT_EQ(decode(cut, out), size < 28 ? DecodeError::short_header : DecodeError::truncated_sample) << size;
    EXPECT_EQ(out.flows.size(), size < first_end ? 0U : 1U) << size;
  }
  Bytes longer = whole;
  longer.push_back(0);
  EXPECT_EQ(decode(longer, out), DecodeError::octets_after_samples);
  EXPECT_EQ(out.flows.size(), 2U);
}

TEST(SflowDecoder, EachWrongLengthWithinASampleIsNamedAndLosesThatSampleAlone) {
  const Bytes good = flow_sample(2, {kIpv4Sample});
  const auto error_of = [&](const Bytes& bad) {
    Decoded out;
    const DecodeError error = decode(datagram(1, {bad, good}), out);
    EXPECT_EQ(out.flows.size(), 1U) << error_name(error);
    return error;
  };
  EXPECT_EQ(error_of(block(1, words({1, 3, 512}))), DecodeError::short_sample);
  EXPECT_EQ(error_of(block(2, words({1}))), DecodeError::short_sample);
  EXPECT_EQ(error_of(flow_sample(1, {block(3, words({1400, 17}))})), DecodeError::short_sample_record);
  EXPECT_EQ(error_of(flow_sample(1, {block(1, words({1, 64, 4, 0xffffffff}))})), DecodeError::short_sample_record);
  EXPECT_EQ(error_of(flow_sample(1, {block(1003, words({3, 0, 0}))})), DecodeError::short_sample_record);
  EXPECT_EQ(error_of(counters_sample(1, {block(1, words({1, 2, 3}))})), DecodeError::short_sample_record);
  // A count of four thousand million records, and a record that is longer than its sample.
  EXPECT_EQ(error_of(block(1, words({1, 3, 512, 1, 0, 3, 5, 0xffffffff}))), DecodeError::truncated_sample_record);
  EXPECT_EQ(error_of(block(1, words({1, 3, 512, 1, 0, 3, 5, 1, 1, 0xfffffff0}))), DecodeError::truncated_sample_record);
}

TEST(SflowDecoder, AnAgentOfNoKnownAddressIsRefused) {
  Bytes octets = datagram(1, {flow_sample(1, {kIpv4Sample})});
  octets[7] = 3;
  FlowDecoder decoder;
  Decoded out;
  EXPECT_EQ(decoder.decode("192.0.2.1:50000", octets, out), DecodeError::bad_agent_address);
  EXPECT_EQ(decoder.streams(), 0U);
  EXPECT_EQ(decoder.errors(DecodeError::bad_agent_address), 1U);
}

TEST(SflowDecoder, TheSequenceIsFollowedForEachAgentAndSubAgent) {
  FlowDecoder decoder;
  Decoded out;
  const auto take = [&](const char* from, std::uint32_t sequence, std::uint32_t sub_agent) {
    Bytes octets = datagram(sequence, {flow_sample(1, {kIpv4Sample})});
    store_be<std::uint32_t>(&octets[12], sub_agent);
    EXPECT_EQ(decoder.decode(from, octets, out), DecodeError::none);
  };
  take("192.0.2.1:50000", 100, 7);
  take("192.0.2.1:50001", 101, 7);    // the sender's port means nothing
  take("198.51.100.1:6343", 102, 7);  // nor does its address: it passes on what the agent sent
  take("192.0.2.1:50000", 1, 8);
  EXPECT_EQ(decoder.totals().sequence_gaps, 0U);
  EXPECT_EQ(decoder.streams(), 2U);
  take("192.0.2.1:50000", 106, 7);
  EXPECT_EQ(decoder.counts("192.0.2.99", 7).sequence_gaps, 1U);
  EXPECT_EQ(decoder.counts("192.0.2.99", 7).lost_datagrams, 3U);
  EXPECT_EQ(decoder.counts("192.0.2.99", 8).lost_datagrams, 0U);
  take("192.0.2.1:50000", 104, 7);
  EXPECT_EQ(decoder.counts("192.0.2.99", 7).late_datagrams, 1U);
  EXPECT_EQ(decoder.counts("192.0.2.99", 7).lost_datagrams, 2U);
}

TEST(SflowDecoder, ADumpNamesEverySampleRecordAndField) {
  const Bytes vendor = block(4413U << 12 | 7, hex("0102"));
  const Bytes octets =
      datagram(9, {flow_sample(1, {kIpv4Sample, kRouter, vendor}, 3, 0x40000102),
                   counters_sample(4, {block(5, words({100, 0, 5, 1, 2, 3, 4}))}), block(5, hex("7a7a7a7a"))});
  EXPECT_EQ(dump_message(octets, [](const MessageHeader&, std::uint16_t) { return nullptr; }),
            "sFlow v5, sub-agent 7, sequence 9, 3 samples, uptime 86400.000 s, agent 192.0.2.99\n"
            "  flow sample, sequence 1, source 0:3, sampling 1:512, pool 5120, drops 0, input 3, output discarded, "
            "reason 258\n"
            "    sampled_ipv4: length=1400, protocol=17, src_ip=10.0.0.1, dst_ip=10.0.0.2, src_port=1111, dst_port=53, "
            "tcp_flags=0, tos=16\n"
            "    extended_router: nexthop=203.0.113.9, src_mask_len=24, dst_mask_len=22\n"
            "    record_4413_7: 0x0102\n"
            "  counters sample, sequence 4, source 0:3\n"
            "    vlan_counters: vlan_id=100, octets=5, ucastPkts=1, multicastPkts=2, broadcastPkts=3, discards=4\n"
            "  sample of format 0:5, 4 octets: 0x7a7a7a7a\n");
}

}  // namespace
}  // namespace weir::sflow_decoder_test
