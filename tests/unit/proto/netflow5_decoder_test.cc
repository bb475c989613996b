// NetFlow v1, v5 and v7: datagrams written octet by octet from Cisco's field tables.
#include "proto/decode/netflow5_decoder.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "proto/base/byte_order.h"
#include "proto/decode/flow_decoder.h"
#include "tests/support/hex.h"

namespace weir::netflow5_decoder_test {
namespace {

using test::Bytes;
using test::hex;

// Version 5, 1 record, uptime 10 000 ms, 1 700 000 000 s and 250 000 000 ns, sequence 7, engine 1/2, sampling mode 1
// and interval 100 (0x4064).
constexpr std::string_view kHeader5 = "0005 0001 00002710 6553f100 0ee6b280 00000007 01 02 4064";
// 192.0.2.1:1234 to 198.51.100.2:80 by 192.0.2.254, interfaces 3 and 4, 10 packets, 1500 octets, from 4 000 to 9 999
// ms, TCP with flags 0x1b, TOS 0x28, AS 64500 and 64501, masks 24 and 16.
constexpr std::string_view kRecord5 =
    "c0000201 c6336402 c00002fe 0003 0004 0000000a 000005dc 00000fa0 0000270f 04d2 0050 00 1b 06 28 fbf4 fbf5 18 10 "
    "0000";

std::uint64_t value_of(const Decoded& out, std::uint16_t element) {
  for (const DecodedValue& value : out.values) {
    if (value.element != element) continue;
    std::uint64_t number = 0;
    for (const std::uint8_t octet : value.octets) number = number << 8 | octet;
    return number;
  }
  return UINT64_MAX;
}

TEST(Netflow5Decoder, DecodesEveryFieldOfVersion5) {
  Decoded out;
  const Bytes input = hex(std::string(kHeader5) + std::string(kRecord5));
  ASSERT_EQ(decode_netflow5(input, out), DecodeError::none);
  EXPECT_EQ(out.header.version, FlowVersion::netflow5);
  EXPECT_EQ(out.header.sequence, 7U);
  EXPECT_EQ(out.header.source_id, 0x0102U);
  EXPECT_EQ(out.header.unix_nsecs, 250'000'000U);
  ASSERT_EQ(out.flows.size(), 1U);
  const FlowRecord& flow = *out.flows[0];
  EXPECT_EQ(load_be<std::uint32_t>(flow.source_address), 0xc0000201U);
  EXPECT_EQ(load_be<std::uint32_t>(flow.destination_address), 0xc6336402U);
  EXPECT_EQ(flow.ip_version, 4);
  EXPECT_EQ(flow.ether_type, 0x0800);
  EXPECT_EQ(flow.source_port(), 1234);
  EXPECT_EQ(flow.destination_port(), 80);
  EXPECT_EQ(flow.ingress_interface, 3U);
  ASSERT_NE(out.flows[0].find<EgressSection>(), nullptr);
  EXPECT_EQ(out.flows[0].find<EgressSection>()->interface, 4U);
  EXPECT_EQ(flow.packets[kForward], 10U);
  EXPECT_EQ(flow.octets[kForward], 1500U);
  EXPECT_EQ(flow.first_ns[kForward], 1'699'999'994'250'000'000U);  // 6 s before the header
  EXPECT_EQ(flow.last_ns[kForward], 1'700'000'000'249'000'000U);
  EXPECT_EQ(flow.protocol, 6);
  EXPECT_EQ(flow.tcp_flags[kForward], 0x1b);
  EXPECT_EQ(flow.ip_tos[kForward], 0x28);
  EXPECT_EQ(flow.sampling_rate, 100U);
  EXPECT_EQ(out.details[0].sampling_algorithm, 1);
  const auto* const routing = out.flows[0].find<RoutingSection>();
  ASSERT_NE(routing, nullptr);
  EXPECT_EQ(routing->ip_version, 4);
  EXPECT_EQ(load_be<std::uint32_t>(routing->next_hop[kForward]), 0xc00002feU);
  EXPECT_EQ(routing->source_as, 64500U);
  EXPECT_EQ(routing->destination_as, 64501U);
  EXPECT_EQ(routing->source_net, 24U);
  EXPECT_EQ(routing->destination_net, 16U);
}

TEST(Netflow5Decoder, ARecordThatSaysNothingOfRoutingHasNoSectionOfIt) {
  Bytes input = hex(std::string(kHeader5) + std::string(kRecord5));
  for (const std::size_t at : {8U, 9U, 10U, 11U, 40U, 41U, 42U, 43U, 44U, 45U}) input[24 + at] = 0;
  Decoded out;
  ASSERT_EQ(decode_netflow5(input, out), DecodeError::none);
  EXPECT_EQ(out.flows[0].find<RoutingSection>(), nullptr);
}

TEST(Netflow5Decoder, DecodesVersion7WithItsRouter) {
  Bytes input = hex(std::string(kHeader5) + std::string(kRecord5) + "c0000263");
  input[1] = 7;
  Decoded out;
  ASSERT_EQ(decode_netflow5(input, out), DecodeError::none);
  ASSERT_EQ(out.flows.size(), 1U);
  EXPECT_EQ(out.flows[0]->octets[kForward], 1500U);
  EXPECT_EQ(out.flows[0]->sampling_rate, 0U) << "v7's header has no sampling";
  EXPECT_EQ(out.header.source_id, 0U) << "nor an engine";
  EXPECT_EQ(value_of(out, 43), 0xc0000263U);
}

// Version 1, 1 record, uptime 10 000 ms, 1 700 000 000 s and 250 000 000 ns; a record of the same flow, less AS numbers
// and masks.
constexpr std::string_view kHeader1 = "0001 0001 00002710 6553f100 0ee6b280";
constexpr std::string_view kRecord1 =
    "c0000201 c6336402 c00002fe 0003 0004 0000000a 000005dc 00000fa0 0000270f 04d2 0050 0000 06 28 1b 000000 00000000";

TEST(Netflow5Decoder, DecodesVersion1WithRecordsOf48And52Octets) {
  for (const std::string more : {"", "00000000"}) {
    Decoded out;
    const std::string record = std::string(kRecord1) + more;
    Bytes input = hex(std::string(kHeader1) + record + record);
    input[3] = 2;
    ASSERT_EQ(decode_netflow5(input, out), DecodeError::none);
    EXPECT_EQ(out.header.version, FlowVersion::netflow1);
    EXPECT_EQ(out.header.sequence, 0U) << "it has none";
    EXPECT_EQ(out.header.unix_nsecs, 250'000'000U);
    ASSERT_EQ(out.flows.size(), 2U);
    const FlowRecord& flow = *out.flows[1];
    EXPECT_EQ(load_be<std::uint32_t>(flow.source_address), 0xc0000201U);
    EXPECT_EQ(flow.destination_port(), 80);
    EXPECT_EQ(flow.ingress_interface, 3U);
    EXPECT_EQ(out.flows[1].find<EgressSection>()->interface, 4U);
    EXPECT_EQ(flow.packets[kForward], 10U);
    EXPECT_EQ(flow.octets[kForward], 1500U);
    EXPECT_EQ(flow.first_ns[kForward], 1'699'999'994'250'000'000U);
    EXPECT_EQ(flow.protocol, 6);
    EXPECT_EQ(flow.ip_tos[kForward], 0x28);
    EXPECT_EQ(flow.tcp_flags[kForward], 0x1b);
    EXPECT_EQ(flow.sampling_rate, 0U);
    const auto* const routing = out.flows[1].find<RoutingSection>();
    ASSERT_NE(routing, nullptr);
    EXPECT_EQ(load_be<std::uint32_t>(routing->next_hop[kForward]), 0xc00002feU);
    EXPECT_EQ(routing->source_as, 0U);
    input.pop_back();
    EXPECT_EQ(decode_netflow5(input, out), DecodeError::bad_record_count);
  }
}

TEST(Netflow5Decoder, Version1HasNoSequenceToFollow) {
  FlowDecoder decoder;
  Decoded out;
  const Bytes input = hex(std::string(kHeader1) + std::string(kRecord1));
  for (int i = 0; i < 3; ++i) EXPECT_EQ(decoder.decode("192.0.2.1:2055", input, out), DecodeError::none);
  EXPECT_EQ(decoder.totals().records, 3U);
  EXPECT_EQ(decoder.totals().sequence_gaps + decoder.totals().late_datagrams + decoder.totals().restarts, 0U);
}

TEST(Netflow5Decoder, ReadsIcmpFromTheDestinationPort) {
  Bytes input = hex(std::string(kHeader5) + std::string(kRecord5));
  input[24 + 38] = 1;                                // ICMP
  store_be<std::uint16_t>(&input[24 + 34], 0x0301);  // port unreachable is 3/3, this is host unreachable 3/1
  Decoded out;
  ASSERT_EQ(decode_netflow5(input, out), DecodeError::none);
  EXPECT_EQ(out.flows[0]->icmp(kForward), 3 * 256 + 1);
  EXPECT_EQ(out.flows[0]->source_port(), 0);
  EXPECT_EQ(out.flows[0]->destination_port(), 0);
}

TEST(Netflow5Decoder, TakesAFlowFromBeforeTheUptimeWrapped) {
  Bytes input = hex(std::string(kHeader5) + std::string(kRecord5));
  store_be<std::uint32_t>(&input[24 + 24], 4'294'967'000U);  // 296 ms before the wrap: 10 296 ms before the header
  Decoded out;
  ASSERT_EQ(decode_netflow5(input, out), DecodeError::none);
  EXPECT_EQ(out.flows[0]->first_ns[kForward], 1'700'000'000'250'000'000U - 10'296'000'000U);
}

TEST(Netflow5Decoder, RefusesALengthThatIsNotThatOfTheRecords) {
  const Bytes whole = hex(std::string(kHeader5) + std::string(kRecord5));
  Decoded out;
  for (std::size_t size = 0; size < whole.size() + 60; ++size) {
    Bytes input = whole;
    input.resize(size);
    const DecodeError wanted = size < 24              ? DecodeError::short_header
                               : size == whole.size() ? DecodeError::none
                                                      : DecodeError::bad_record_count;
    EXPECT_EQ(decode_netflow5(input, out), wanted) << size;
  }
  Bytes six = whole;
  six[1] = 6;
  EXPECT_EQ(decode_netflow5(six, out), DecodeError::wrong_version);
}

TEST(Netflow5Decoder, CountsFlowsInTheSequence) {
  FlowDecoder decoder;
  Decoded out;
  const auto take = [&](std::uint32_t sequence) {
    Bytes input = hex(std::string(kHeader5) + std::string(kRecord5) + std::string(kRecord5));
    input[3] = 2;
    store_be<std::uint32_t>(&input[16], sequence);
    EXPECT_EQ(decoder.decode("a", input, out), DecodeError::none);
    return decoder.totals();
  };
  take(0);
  EXPECT_EQ(take(2).sequence_gaps, 0U);
  const StreamCounts counts = take(34);
  EXPECT_EQ(counts.sequence_gaps, 1U);
  EXPECT_EQ(counts.lost_records, 30U);
  EXPECT_EQ(counts.records, 6U);
  EXPECT_EQ(decoder.counts("a", 0x0102).datagrams, 3U);
}

}  // namespace
}  // namespace weir::netflow5_decoder_test
