#include "proto/record/flow_protobuf.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "proto/schema/flow.pb.h"

namespace weir::flow_protobuf_test {
namespace {

std::vector<std::uint8_t> encode(RecordView record) {
  std::vector<std::uint8_t> out(kFlowProtobufMaxOctets);
  out.resize(static_cast<std::size_t>(write_flow_protobuf(out.data(), record) - out.data()));
  return out;
}

std::string message_of(const std::vector<std::uint8_t>& delimited) {
  const DelimitedMessage found = next_delimited(delimited);
  EXPECT_EQ(found.status, DelimitedStatus::complete);
  EXPECT_EQ(found.consumed, delimited.size());
  return {reinterpret_cast<const char*>(found.message.data()), found.message.size()};
}

std::span<const std::uint8_t> octets_of(const std::string& text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

/// The record by the generated class: another implementation of the same schema.
v1::FlowRecord by_generated_class(RecordView view) {
  const FlowRecord& record = *view;
  v1::FlowRecord message;
  const std::size_t length = record.ip_version == 4 ? 4 : 16;
  message.set_sampling_rate(record.sampling_rate);
  message.set_src_addr(record.source_address, length);
  message.set_dst_addr(record.destination_address, length);
  message.set_bytes(record.octets[0]);
  message.set_packets(record.packets[0]);
  message.set_in_if(record.ingress_interface);
  message.set_proto(record.protocol);
  message.set_src_port(record.source_port());
  message.set_dst_port(record.destination_port());
  message.set_ip_tos(record.ip_tos[0]);
  message.set_tcp_flags(record.tcp_flags[0]);
  message.set_vlan_id(record.vlan_id);
  message.set_src_vlan(record.vlan_id);
  message.set_time_received_ns(record.end_ns());
  message.set_etype(record.ether_type);
  message.set_icmp_type(record.icmp(kForward) >> 8);
  message.set_icmp_code(record.icmp(kForward) & 0xff);
  message.set_time_flow_start_ns(record.start_ns());
  message.set_time_flow_end_ns(record.end_ns());
  message.set_end_reason(static_cast<std::uint32_t>(record.end_reason));
  message.set_fwd_time_start_ns(record.first_ns[0]);
  message.set_fwd_time_end_ns(record.last_ns[0]);
  if (record.packets[1] != 0) {
    message.set_rev_packets(record.packets[1]);
    message.set_rev_bytes(record.octets[1]);
    message.set_rev_tcp_flags(record.tcp_flags[1]);
    message.set_rev_ip_tos(record.ip_tos[1]);
    message.set_rev_icmp_type(record.icmp(kReverse) >> 8);
    message.set_rev_icmp_code(record.icmp(kReverse) & 0xff);
    message.set_rev_time_start_ns(record.first_ns[1]);
    message.set_rev_time_end_ns(record.last_ns[1]);
  }
  if (const auto* const label = view.find<LabelSection>()) message.add_mpls_label(label->label);
  if (const auto* const tunnel = view.find<TunnelSection>()) {
    message.set_tunnel_type(static_cast<v1::FlowRecord::TunnelType>(tunnel->type));
    message.set_tunnel_id(tunnel->id);
    message.set_tunnel_depth(tunnel->depth);
    const std::size_t octets = tunnel->ip_version == 4 ? 4 : 16;
    if (tunnel->ip_version != 0) {
      message.set_tunnel_src_addr(tunnel->source, octets);
      message.set_tunnel_dst_addr(tunnel->destination, octets);
    }
  }
  if (const auto* const esp = view.find<EspSection>()) message.set_esp_spi(esp->spi);
  return message;
}

/// A record in which whatever can be set is, with numbers of all sizes.
OwnedRecord random_record(std::mt19937_64& random) {
  OwnedRecord owned;
  FlowRecord& record = owned.base();
  const auto number = [&] { return random() >> (random() % 64); };
  record.ip_version = random() % 2 == 0 ? 4 : 6;
  record.ether_type = record.ip_version == 4 ? 0x0800 : 0x86dd;
  for (int i = 0; i < (record.ip_version == 4 ? 4 : 16); ++i) {
    record.source_address[i] = static_cast<std::uint8_t>(random());
    record.destination_address[i] = static_cast<std::uint8_t>(random());
  }
  const int directions = random() % 3 == 0 ? 1 : 2;
  for (int i = 0; i < directions; ++i) {
    record.packets[i] = number() | 1;
    record.octets[i] = number();
    record.first_ns[i] = number() | 1;
    record.last_ns[i] = number();
    record.tcp_flags[i] = static_cast<std::uint8_t>(number());
    record.ip_tos[i] = static_cast<std::uint8_t>(number());
  }
  record.vlan_id = static_cast<std::uint16_t>(number());
  record.ingress_interface = static_cast<std::uint32_t>(number());
  record.sampling_rate = static_cast<std::uint32_t>(number()) | 1;
  record.protocol = random() % 4 == 0 ? 58 : static_cast<std::uint8_t>(number());
  record.ports[kForward] = static_cast<std::uint16_t>(number());
  // Where they are ICMP's, those of a direction without packets are 0.
  record.ports[kReverse] =
      record.is_icmp() && directions == 1 ? std::uint16_t{0} : static_cast<std::uint16_t>(number());
  record.end_reason = static_cast<EndReason>(1 + random() % 5);
  const std::uint64_t sections = random() % 8;
  if ((sections & 1) != 0) {
    auto& tunnel = owned.add<TunnelSection>();
    tunnel.type = static_cast<TunnelType>(1 + random() % (kTunnelTypes.size() - 1));
    tunnel.id = static_cast<std::uint32_t>(number());
    tunnel.depth = static_cast<std::uint8_t>(1 + random() % 16);
    constexpr std::uint8_t kVersions[] = {0, 4, 6};
    tunnel.ip_version = kVersions[random() % 3];
    const int octets = tunnel.ip_version == 0 ? 0 : tunnel.ip_version == 4 ? 4 : 16;
    for (int i = 0; i < octets; ++i) {
      tunnel.source[i] = static_cast<std::uint8_t>(random());
      tunnel.destination[i] = static_cast<std::uint8_t>(random());
    }
  }
  if ((sections & 2) != 0) owned.add<LabelSection>().label = random() % (1 << 20);
  if ((sections & 4) != 0) owned.add<EspSection>().spi = static_cast<std::uint32_t>(number());
  return owned;
}

TEST(FlowProtobuf, WritesTheFirstPacketsAsTheGeneratedClassDoesAndReadsThemBack) {
  std::mt19937_64 random(7);
  for (std::uint32_t count = 1; count <= PacketsSection::kMost; ++count) {
    OwnedRecord record;
    record->ip_version = 4;
    record->ether_type = 0x0800;
    record->sampling_rate = 1;
    auto& packets = record.add<PacketsSection>();
    packets.count = count;
    v1::FlowRecord expected = by_generated_class(record);
    for (std::uint32_t i = 0; i < count; ++i) {
      FirstPacket& packet = packets.packets[i];
      packet.ip_octets = static_cast<std::uint32_t>(random() >> (32 + random() % 32));
      packet.set_offset_ns(random() >> (16 + random() % 48));
      packet.direction = random() % 2;
      packet.tcp_flags = static_cast<std::uint8_t>(random() % 3 == 0 ? 0 : random());
      v1::FirstPacket& one = *expected.add_first_packets();
      one.set_length(packet.ip_octets);
      one.set_time_offset_ns(packet.offset_ns());
      one.set_direction(packet.direction);
      one.set_flags(packet.tcp_flags);
    }
    const std::string message = message_of(encode(record));
    EXPECT_EQ(message, expected.SerializeAsString());
    OwnedRecord back;
    ASSERT_TRUE(decode_flow(octets_of(message), back));
    EXPECT_EQ(std::memcmp(back.view().octets(), record.view().octets(), record.view().size()), 0) << count;
  }
}

TEST(FlowProtobuf, WritesTextsAsTheGeneratedClassDoesAndReadsThemBack) {
  for (const std::size_t octets : {0U, 1U, 127U, 128U, 254U}) {
    OwnedRecord record;
    record->ip_version = 4;
    record->ether_type = 0x0800;
    record->sampling_rate = 1;
    auto& dns = record.add<DnsSection>();
    dns.known = DnsSection::kName;
    dns.queries = 1;
    const std::string text(octets, '\xff');
    put_text_at(dns.name, text);
    v1::FlowRecord expected = by_generated_class(record);
    expected.set_dns_query_name(text);
    expected.set_dns_queries(1);
    const std::string message = message_of(encode(record));
    EXPECT_EQ(message, expected.SerializeAsString());
    OwnedRecord back;
    ASSERT_TRUE(decode_flow(octets_of(message), back));
    EXPECT_EQ(std::memcmp(back.view().octets(), record.view().octets(), record.view().size()), 0) << octets;
    expected.set_dns_query_name(std::string(255, 'x'));
    EXPECT_FALSE(decode_flow(octets_of(expected.SerializeAsString()), back)) << "one octet too many";
  }
}

TEST(FlowProtobuf, RefusesFirstPacketsThatDoNotFit) {
  OwnedRecord record;
  record->ip_version = 4;
  const auto decodes = [&](auto&& change, int count = 1) {
    v1::FlowRecord message = by_generated_class(record);
    for (int i = 0; i < count; ++i) change(*message.add_first_packets());
    OwnedRecord back;
    return decode_flow(octets_of(message.SerializeAsString()), back);
  };
  EXPECT_TRUE(decodes([](v1::FirstPacket& packet) { packet.set_flags(255); }, 30));
  EXPECT_FALSE(decodes([](v1::FirstPacket& packet) { packet.set_flags(255); }, 31));
  EXPECT_FALSE(decodes([](v1::FirstPacket& packet) { packet.set_flags(256); }));
  EXPECT_FALSE(decodes([](v1::FirstPacket& packet) { packet.set_direction(2); }));
  EXPECT_FALSE(decodes([](v1::FirstPacket& packet) { packet.set_time_offset_ns(std::uint64_t{1} << 48); }));
}

TEST(FlowProtobuf, WritesNumbersOfEveryLengthAsTheGeneratedClassDoes) {
  FlowRecord record = FlowRecord{};
  record.ip_version = 4;
  record.sampling_rate = 1;
  for (unsigned bit = 0; bit < 64; ++bit) {
    const std::uint64_t power = std::uint64_t{1} << bit;
    for (const std::uint64_t number : {power - 1, power, power | 1, power | (power - 1)}) {
      record.octets[kForward] = number;
      record.packets[kForward] = std::max<std::uint64_t>(number, 1);
      EXPECT_EQ(message_of(encode(record)), by_generated_class(record).SerializeAsString()) << number;
    }
  }
}

TEST(FlowProtobuf, MakesTheOctetsThatTheEncodingSpecificationGives) {
  FlowRecord record{};
  const std::uint8_t source[] = {10, 0, 0, 1};
  const std::uint8_t destination[] = {10, 0, 0, 2};
  std::memcpy(record.source_address, source, 4);
  std::memcpy(record.destination_address, destination, 4);
  record.ip_version = 4;
  record.ether_type = 0x0800;
  record.ports[kForward] = 300;
  record.ports[kReverse] = 53;
  record.protocol = 17;
  record.packets[kForward] = 1;
  record.octets[kForward] = 150;
  record.first_ns[kForward] = record.last_ns[kForward] = 1;
  record.sampling_rate = 1;
  record.end_reason = EndReason::idle_timeout;
  // Computed by hand: tag = field << 3 | wire type, then the value; both varints. Fields in ascending order.
  const std::vector<std::uint8_t> expected = {
      51,                            // length
      0x18, 1,                       // sampling_rate = 3, varint
      0x32, 4,    10,   0,    0, 1,  // src_addr = 6, length-delimited
      0x3a, 4,    10,   0,    0, 2,  // dst_addr = 7
      0x48, 0x96, 0x01,              // bytes = 9: 150
      0x50, 1,                       // packets = 10
      0xa0, 0x01, 17,                // proto = 20: 160 = 0x20 | 0x80, 1
      0xa8, 0x01, 0xac, 0x02,        // src_port = 21: 300
      0xb0, 0x01, 53,                // dst_port = 22
      0xf0, 0x01, 0x80, 0x10,        // etype = 30: 2048
      0xf0, 0x06, 1,                 // time_received_ns = 110: 880
      0xf8, 0x06, 1,                 // time_flow_start_ns = 111: 888
      0x80, 0x07, 1,                 // time_flow_end_ns = 112: 896
      0xd8, 0x3e, 1,                 // end_reason = 1003: 8024
      0xf8, 0x3e, 1,                 // fwd_time_start_ns = 1007: 8056
      0x80, 0x3f, 1,                 // fwd_time_end_ns = 1008: 8064
  };
  EXPECT_EQ(encode(record), expected);
}

TEST(FlowProtobuf, MakesTheOctetsThatTheGeneratedClassMakes) {
  std::mt19937_64 random(2);
  for (int round = 0; round < 5000; ++round) {
    const OwnedRecord record = random_record(random);
    ASSERT_EQ(message_of(encode(record)), by_generated_class(record).SerializeAsString());
  }
}

TEST(FlowProtobuf, DecodesWhatItEncodes) {
  std::mt19937_64 random(3);
  for (int round = 0; round < 5000; ++round) {
    const OwnedRecord record = random_record(random);
    OwnedRecord back;
    ASSERT_TRUE(decode_flow(octets_of(message_of(encode(record))), back));
    ASSERT_EQ(record.view().size(), back.view().size());
    ASSERT_EQ(std::memcmp(record.view().octets(), back.view().octets(), record.view().size()), 0);
  }
}

TEST(FlowProtobuf, FitsTheStatedRoomWithEveryFieldAtItsGreatest) {
  FlowRecord record;
  std::memset(&record, 0xff, sizeof record);
  record.ip_version = 6;
  record.sections = 0;
  EXPECT_LE(encode(record).size(), 341U);
  OwnedRecord whole{RecordView(record)};
  for (std::size_t i = 1; i < kSectionCount; ++i) {
    std::memset(whole.add(static_cast<Section>(i)), 0xff, kSectionOctets[i]);
  }
  EXPECT_LE(encode(whole).size(), kFlowProtobufMaxOctets);
}

TEST(FlowProtobuf, TakesTheTimesOfTheFlowWhereTheDirectionsHaveNone) {
  v1::FlowRecord message;
  message.set_src_addr("\x0a\x00\x00\x01", 4);
  message.set_dst_addr("\x0a\x00\x00\x02", 4);
  message.set_packets(2);
  message.set_time_flow_start_ns(100);
  message.set_time_flow_end_ns(200);
  OwnedRecord record;
  ASSERT_TRUE(decode_flow(octets_of(message.SerializeAsString()), record));
  EXPECT_EQ(record->start_ns(), 100U);
  EXPECT_EQ(record->end_ns(), 200U);
  EXPECT_EQ(record->ip_version, 4);
  EXPECT_EQ(record->ether_type, 0x0800);
  EXPECT_EQ(record->sampling_rate, 1U);
}

TEST(FlowProtobuf, GivesADirectionWithoutPacketsNoTimes) {
  v1::FlowRecord message;
  message.set_src_addr("\x0a\x00\x00\x01", 4);
  message.set_dst_addr("\x0a\x00\x00\x02", 4);
  message.set_time_flow_start_ns(100);
  message.set_time_flow_end_ns(200);
  OwnedRecord record;
  ASSERT_TRUE(decode_flow(octets_of(message.SerializeAsString()), record));
  EXPECT_EQ(record->first_ns[kForward], 100U) << "without any packet they are the forward direction's";
  EXPECT_EQ(record->last_ns[kForward], 200U);

  message.set_rev_packets(3);
  ASSERT_TRUE(decode_flow(octets_of(message.SerializeAsString()), record));
  EXPECT_EQ(record->first_ns[kForward], 0U);
  EXPECT_EQ(record->last_ns[kForward], 0U);
  EXPECT_EQ(record->start_ns(), 100U);
  EXPECT_EQ(record->end_ns(), 200U);
}

TEST(FlowProtobuf, GivesADirectionWithoutPacketsNoFlagsEither) {
  v1::FlowRecord message;
  message.set_src_addr("\x0a\x00\x00\x01", 4);
  message.set_dst_addr("\x0a\x00\x00\x02", 4);
  message.set_rev_tcp_flags(0x12);
  message.set_rev_ip_tos(8);
  OwnedRecord record;
  ASSERT_TRUE(decode_flow(octets_of(message.SerializeAsString()), record));
  EXPECT_EQ(record->tcp_flags[kReverse], 0);
  EXPECT_EQ(record->ip_tos[kReverse], 0);
  message.set_rev_packets(1);
  ASSERT_TRUE(decode_flow(octets_of(message.SerializeAsString()), record));
  EXPECT_EQ(record->tcp_flags[kReverse], 0x12);
  EXPECT_EQ(record->ip_tos[kReverse], 8);
}

TEST(FlowProtobuf, SkipsFieldsThatItDoesNotKnow) {
  v1::FlowRecord message;
  message.set_src_addr("\x0a\x00\x00\x01", 4);
  message.set_dst_addr("\x0a\x00\x00\x02", 4);
  message.set_src_port(7);
  std::string octets = message.SerializeAsString();
  octets += std::string(
      "\xc2\x3e\x03"
      "abc",
      6);                                                                 // field 1000 as text, not as a number
  octets += std::string("\xe1\x01\x01\x02\x03\x04\x05\x06\x07\x08", 10);  // field 28, fixed64
  octets += std::string("\x25\x01\x02\x03\x04", 5);                       // field 4, fixed32
  octets += std::string("\x20\x05", 2);                                   // field 4, varint
  OwnedRecord record;
  ASSERT_TRUE(decode_flow(octets_of(octets), record));
  EXPECT_EQ(record->source_port(), 7);
  EXPECT_EQ(record->packets[kReverse], 0U);
}

TEST(FlowProtobuf, RefusesValuesThatDoNotFit) {
  v1::FlowRecord good;
  good.set_src_addr("\x0a\x00\x00\x01", 4);
  good.set_dst_addr("\x0a\x00\x00\x02", 4);
  OwnedRecord record;
  ASSERT_TRUE(decode_flow(octets_of(good.SerializeAsString()), record));
  const auto refused = [&](auto change) {
    v1::FlowRecord message = good;
    change(message);
    return !decode_flow(octets_of(message.SerializeAsString()), record);
  };
  EXPECT_TRUE(refused([](auto& message) { message.set_src_port(65536); }));
  EXPECT_TRUE(refused([](auto& message) { message.set_proto(256); }));
  EXPECT_TRUE(refused([](auto& message) { message.set_end_reason(256); }));
  EXPECT_TRUE(refused([](auto& message) { message.set_src_addr("12345"); }));
  EXPECT_TRUE(refused([](auto& message) { message.set_src_addr(std::string(16, 'x')); }));  // IPv6 to IPv4
  EXPECT_TRUE(refused([](auto& message) { message.clear_dst_addr(); }));
  EXPECT_FALSE(refused([](auto& message) { message.add_mpls_label((1 << 20) - 1); }));
  EXPECT_TRUE(refused([](auto& message) { message.add_mpls_label(1 << 20); }));
  EXPECT_FALSE(decode_flow({}, record));
}

TEST(FlowProtobuf, RefusesEveryTruncationInsideAField) {
  std::mt19937_64 random(4);
  const std::string whole = message_of(encode(random_record(random)));
  v1::FlowRecord parsed;
  for (std::size_t length = 0; length < whole.size(); ++length) {
    const std::string part = whole.substr(0, length);
    OwnedRecord record;
    const bool by_hand = decode_flow(octets_of(part), record);
    // The generated class knows where fields end; addresses are the one thing that weir wants besides.
    const bool acceptable = parsed.ParseFromString(part) && !parsed.src_addr().empty() && !parsed.dst_addr().empty();
    EXPECT_EQ(by_hand, acceptable) << length;
  }
}

TEST(FlowProtobuf, SurvivesAnyOctets) {
  std::mt19937_64 random(5);
  for (int round = 0; round < 20000; ++round) {
    std::vector<std::uint8_t> octets = encode(random_record(random));
    for (int change = 0; change < 3; ++change) octets[random() % octets.size()] = static_cast<std::uint8_t>(random());
    const DelimitedMessage found = next_delimited(octets);
    if (found.status != DelimitedStatus::complete) continue;
    ASSERT_LE(found.consumed, octets.size());
    OwnedRecord record;
    static_cast<void>(decode_flow(found.message, record));
  }
}

TEST(FlowProtobuf, FindsMessagesInAStreamThatArrivesOctetByOctet) {
  std::mt19937_64 random(6);
  const std::vector<std::uint8_t> one = encode(random_record(random));
  for (std::size_t length = 0; length < one.size(); ++length) {
    EXPECT_EQ(next_delimited({one.data(), length}).status, DelimitedStatus::need_more) << length;
  }
  EXPECT_EQ(next_delimited(one).status, DelimitedStatus::complete);
}

TEST(FlowProtobuf, GivesUpOnALengthThatNoRecordHas) {
  const std::uint8_t too_long[] = {0x81, 0x40};  // 8193
  EXPECT_EQ(next_delimited(too_long).status, DelimitedStatus::malformed);
  const std::uint8_t longest[] = {0x80, 0x40};  // 8192
  EXPECT_EQ(next_delimited(longest).status, DelimitedStatus::need_more);
  const std::vector<std::uint8_t> no_end(10, 0xff);
  EXPECT_EQ(next_delimited(no_end).status, DelimitedStatus::malformed);
}

/// Records with and without sections, of both address families.
std::vector<OwnedRecord> records_of_all_kinds() {
  std::vector<OwnedRecord> records(3);
  for (OwnedRecord& record : records) {
    record->ip_version = 4;
    record->ether_type = 0x0800;
    record->source_address[3] = 1;
    record->destination_address[3] = 2;
    record->protocol = 17;
    record->sampling_rate = 1;
    record->packets[kForward] = 7;
    record->octets[kForward] = 700;
  }
  records[1]->ip_version = 6;
  records[1]->ether_type = 0x86dd;
  records[2].add<LabelSection>().label = 16'000;
  return records;
}

TEST(FlowProtobuf, NamesTheProbeByTheOctetsThatTheGeneratedClassMakes) {
  for (const std::string text : {"192.0.2.1", "255.255.255.255", "2001:db8::ff", "::"}) {
    const IpAddress sampler = parse_ip_address(text).value();
    for (const OwnedRecord& record : records_of_all_kinds()) {
      std::vector<std::uint8_t> out(kFlowProtobufMaxOctets);
      out.resize(static_cast<std::size_t>(write_flow_protobuf(out.data(), record, sampler) - out.data()));
      v1::FlowRecord expected;
      ASSERT_TRUE(expected.ParseFromString(message_of(encode(record))));
      expected.set_sampler_address(sampler.octets, sampler.ip_version == 4 ? 4 : 16);
      EXPECT_EQ(message_of(out), expected.SerializeAsString()) << text;
      OwnedRecord back;
      IpAddress named;
      ASSERT_TRUE(decode_flow(octets_of(message_of(out)), back, &named));
      EXPECT_EQ(named, sampler);
      EXPECT_EQ(encode(back), encode(record)) << "the record itself is the same";
    }
  }
}

TEST(FlowProtobuf, KnowsNoProbeWhereTheMessageNamesNoneOrNoAddress) {
  v1::FlowRecord message;
  ASSERT_TRUE(message.ParseFromString(message_of(encode(records_of_all_kinds()[0]))));
  for (const std::size_t octets : {0, 3, 5, 15, 17}) {
    message.set_sampler_address(std::string(octets, 'x'));
    OwnedRecord record;
    IpAddress named = parse_ip_address("192.0.2.1").value();
    ASSERT_TRUE(decode_flow(octets_of(message.SerializeAsString()), record, &named)) << octets;
    EXPECT_FALSE(named.has_value()) << octets;
    EXPECT_EQ(record->packets[kForward], 7U);
  }
}

}  // namespace
}  // namespace weir::flow_protobuf_test
