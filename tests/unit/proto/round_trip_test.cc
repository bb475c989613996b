// Every column of the field table there and back: each section alone (the base is one), each of its fields set to a
// value of its own, through NetFlow v9, IPFIX over UDP and over TCP, protobuf and JSON.
#include <gtest/gtest.h>

#include <cstring>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "proto/decode/flow_decoder.h"
#include "proto/encode/ipfix_encoder.h"
#include "proto/encode/netflow9_encoder.h"
#include "proto/record/field_text.h"
#include "proto/record/flow_json.h"
#include "proto/record/flow_protobuf.h"
#include "proto/schema/flow.pb.h"
#include "tests/unit/proto/section_records.h"

namespace weir::round_trip_test {
namespace {

using namespace test;

/// A biflow of the family and protocol, all of whose base fields have values of their own.
FlowRecord whole_base(std::uint8_t ip_version, std::uint8_t protocol) {
  FlowRecord base{};
  for (int i = 0; i < (ip_version == 4 ? 4 : 16); ++i) {
    base.source_address[i] = static_cast<std::uint8_t>(0x21 + i);
    base.destination_address[i] = static_cast<std::uint8_t>(0x41 + i);
  }
  base.ip_version = ip_version;
  base.ether_type = ip_version == 4 ? 0x0800 : 0x86dd;
  base.protocol = protocol;
  base.ports[kForward] = 0x0801;
  base.ports[kReverse] = 0x1202;
  base.ingress_interface = 0x01020304;
  base.sampling_rate = 1000;
  base.vlan_id = 0x0abc;
  base.end_reason = EndReason::active_timeout;
  for (const Direction way : {kForward, kReverse}) {
    base.tcp_flags[way] = static_cast<std::uint8_t>(0x1b + way);
    base.ip_tos[way] = static_cast<std::uint8_t>(0x28 + way);
    base.first_ns[way] = kBase + (5 + way) * kMs;
    base.last_ns[way] = kBase + (105 + way) * kMs;
    base.packets[way] = 0x0102030405060701U + way;
    base.octets[way] = 0x1112131415161701U + way;
  }
  return base;
}

/// The record with the section, in which no octet of a value is 0 and no two values are alike.
OwnedRecord with_section(Section section, std::uint8_t ip_version = 4, std::uint8_t protocol = 6) {
  OwnedRecord record(whole_base(ip_version, protocol));
  if (section == Section::base) return record;
  std::uint8_t next = 1;
  auto* const at = static_cast<std::uint8_t*>(record.add(section));
  for (const FieldRow& row : kFieldRows) {
    if (row.section != section) continue;
    for (std::uint16_t i = 0; i < 2 * row.field.place.octets; ++i) {
      at[row.field.place.offset[i / row.field.place.octets] + i % row.field.place.octets] = next;
      next = static_cast<std::uint8_t>(next == 255 ? 1 : next + 1);
    }
  }
  set_texts(at, section);
  if (section == Section::tunnel) {
    record.add<TunnelSection>().type = TunnelType::gtp_u;
    record.add<TunnelSection>().ip_version = 6;
  } else if (section == Section::label) {
    record.add<LabelSection>().label = 0x54321;
  } else if (section == Section::label_stack) {
    auto& stack = record.add<LabelStackSection>();
    for (std::uint32_t i = 0; i < LabelStackSection::kMost; ++i) stack.labels[i] = (0x54321 + i) << 4;
    stack.count = LabelStackSection::kMost;
  } else if (section == Section::routing) {
    auto& routing = record.add<RoutingSection>();
    routing.ip_version = record->ip_version;
    for (std::uint8_t* const hop :
         {routing.next_hop[0], routing.next_hop[1], routing.bgp_next_hop[0], routing.bgp_next_hop[1]}) {
      if (record->ip_version == 4) std::memset(hop + 4, 0, 12);
    }
  } else if (section == Section::as_path) {
    for (AsPath& path : record.add<AsPathSection>().path) path.count = AsPath::kMost;
  } else if (section == Section::as_names) {  // JSON takes them for UTF-8
    auto& names = record.add<AsNamesSection>();
    for (char* const octets : {names.source_name, names.destination_name}) {
      for (std::size_t i = 0; i < AsNamesSection::kNameOctets; ++i) octets[i] = static_cast<char>('A' + octets[i] % 26);
    }
    std::memcpy(names.source_country, "DE", 2);
    std::memcpy(names.destination_country, "NZ", 2);
  } else if (section == Section::interface_names) {  // likewise
    auto& names = record.add<InterfaceNamesSection>();
    for (char* const octets : {names.ingress_name, names.egress_name}) {
      for (std::size_t i = 0; i < InterfaceNamesSection::kNameOctets; ++i) {
        octets[i] = static_cast<char>('A' + octets[i] % 26);
      }
    }
  } else if (section == Section::packets) {
    auto& packets = record.add<PacketsSection>();
    for (FirstPacket& packet : packets.packets) packet.direction &= 1;
    packets.count = PacketsSection::kMost;
  } else if (section == Section::dns) {
    record.add<DnsSection>().known = 0xf;
  } else if (section == Section::tls) {
    record.add<TlsSection>().known = 0x3f;
  } else if (section == Section::tls_certificate) {
    record.add<TlsCertificateSection>().known = 0xf;
  } else if (section == Section::http) {
    record.add<HttpSection>().known = 0x7f;
  } else if (section == Section::wireguard) {
    record.add<WireguardSection>().known = 0x3;
  } else if (section == Section::quic) {
    record.add<QuicSection>().known = 0x1;
  } else if (section == Section::quic_hello) {
    record.add<QuicHelloSection>().known = 0x7;
  } else if (section == Section::psample) {  // hexadecimal
    auto& psample = record.add<PsampleSection>();
    psample.known = 0x7;
    for (std::uint8_t& octet : psample.cookie) octet = static_cast<std::uint8_t>('a' + octet % 6);
  } else if (section == Section::rtt) {
    record.add<RttSection>().known = 0x1f;
  } else if (section == Section::layer2) {
    record.add<Layer2Section>().flow_label[kForward] = 0x12345;
    record.add<Layer2Section>().flow_label[kReverse] = 0x54321;
  }
  return record;
}

/// The column as text, of the flow seen from its responder if `way` is kReverse.
std::string text_from(const Column& column, RecordView record, Direction way) {
  const FieldRow& row = kFieldRows[column.row];
  const void* const section = record.find(row.section);
  if (section == nullptr) return "none";
  Direction side = column.side;
  if (way == kReverse && row.field.sides != Sides::flow) side = side == kForward ? kReverse : kForward;
  if (row.field.place.octets == 0) return std::to_string(row.field.computed.get(section, side));
  std::string text;
  append_field_text(text, {column.row, side}, record);
  // Text is for what is shown; what is not is compared by its octets.
  const auto* const at = static_cast<const std::uint8_t*>(section) + row.field.place.offset[side];
  return text + " " + hex({at, row.field.place.octets});
}

/// The columns of the section that came back otherwise.
std::string differences(RecordView sent, RecordView got, Section section, Direction way, bool both) {
  std::string names;
  for (const Column& column : kColumns) {
    const FieldRow& row = kFieldRows[column.row];
    if (row.section != section || (!both && column.side == kReverse)) continue;
    // Of a uniflow the flow's times are those of the direction.
    if (!both && row.field.form == Form::time_ns && row.field.sides == Sides::flow) continue;
    const std::string wanted = text_from(column, sent, way);
    const std::string came = text_from(column, got, kForward);
    if (wanted != came) names.append(column_name(column).view()).append(": " + wanted + " / " + came + "; ");
  }
  return names;
}

template <typename Encoder>
std::vector<OwnedRecord> sent_and_decoded(Encoder& encoder, RecordView record, bool session) {
  FlowDecoder decoder;
  Decoded decoded;
  std::vector<OwnedRecord> records;
  const auto take = [&](std::span<const std::uint8_t> message) {
    ASSERT_EQ(decoder.decode({"probe", kBase, session}, message, decoded), DecodeError::none);
    for (const RecordView one : decoded.flows) records.emplace_back(one);
  };
  for (const AnnouncedMessage& one : encoder.announce({}, &*record, kBase + kSecond)) take(one.octets);
  EXPECT_TRUE(encoder.add(record, kBase + kSecond));
  take(encoder.finish(kBase + kSecond));
  return records;
}

struct Case {
  Section section;
  std::uint8_t ip_version;
  std::uint8_t protocol;
};

std::vector<Case> cases() {
  std::vector<Case> all{{Section::base, 4, 6}, {Section::base, 6, 17}, {Section::base, 4, 1}, {Section::base, 6, 58}};
  for (std::size_t i = 1; i < kSectionCount; ++i) {
    all.push_back({static_cast<Section>(i), 4, 6});
    all.push_back({static_cast<Section>(i), 6, 6});
  }
  return all;
}

template <typename Encoder, typename Options>
void expect_uniflows_back(const Options& options, bool session) {
  for (const Case& one : cases()) {
    SCOPED_TRACE(std::string(kSectionNames[static_cast<std::size_t>(one.section)]) + " IPv" +
                 std::to_string(one.ip_version) + " protocol " + std::to_string(one.protocol));
    Encoder encoder(options);
    const OwnedRecord record = with_section(one.section, one.ip_version, one.protocol);
    const auto records = sent_and_decoded(encoder, record, session);
    ASSERT_EQ(records.size(), 2U);
    const bool lost = (one.section == Section::packets && std::is_same_v<Encoder, Netflow9Encoder>) ||
                      one.section == Section::as_path;  // v9 has no lists, and nothing has AS paths
    const Section of = lost ? Section::base : one.section;
    EXPECT_EQ(differences(record, records[0], of, kForward, false), "");
    EXPECT_EQ(differences(record, records[1], of, kReverse, false), "");
    EXPECT_EQ(differences(record, records[0], Section::base, kForward, false), "");
    EXPECT_EQ(differences(record, records[1], Section::base, kReverse, false), "");
    EXPECT_EQ(records[0]->sections, lost ? 0 : section_bit(one.section));
  }
}

TEST(RoundTrip, ThroughUniflowsOfNetflow9) {
  Netflow9Options options;
  options.start_ns = kBase - kSecond;
  options.announced = true;
  expect_uniflows_back<Netflow9Encoder>(options, false);
}

TEST(RoundTrip, ThroughUniflowsOfIpfix) {
  expect_uniflows_back<IpfixEncoder>(IpfixOptions{}, false);
  IpfixOptions tcp;
  tcp.payload_octets = 65'535;
  expect_uniflows_back<IpfixEncoder>(tcp, true);
}

TEST(RoundTrip, ThroughBiflowsOfIpfix) {
  for (const bool session : {false, true}) {
    for (const Case& one : cases()) {
      SCOPED_TRACE(std::string(kSectionNames[static_cast<std::size_t>(one.section)]) + " IPv" +
                   std::to_string(one.ip_version) + " protocol " + std::to_string(one.protocol));
      IpfixOptions options;
      options.biflow = true;
      IpfixEncoder encoder(options);
      const OwnedRecord record = with_section(one.section, one.ip_version, one.protocol);
      const auto records = sent_and_decoded(encoder, record, session);
      ASSERT_EQ(records.size(), 1U);
      const bool lost = one.section == Section::as_path;  // which no element carries
      const Section of = lost ? Section::base : one.section;
      EXPECT_EQ(differences(record, records[0], of, kForward, true), "");
      EXPECT_EQ(differences(record, records[0], Section::base, kForward, true), "");
      EXPECT_EQ(records[0]->sections, lost ? 0 : section_bit(one.section));
    }
  }
}

TEST(RoundTrip, ThroughProtobuf) {
  for (const Case& one : cases()) {
    SCOPED_TRACE(std::string(kSectionNames[static_cast<std::size_t>(one.section)]));
    const OwnedRecord record = with_section(one.section, one.ip_version, one.protocol);
    std::vector<std::uint8_t> octets(kFlowProtobufMaxOctets);
    octets.resize(static_cast<std::size_t>(write_flow_protobuf(octets.data(), record) - octets.data()));
    const DelimitedMessage message = next_delimited(octets);
    ASSERT_EQ(message.status, DelimitedStatus::complete);
    OwnedRecord back;
    ASSERT_TRUE(decode_flow(message.message, back));
    ASSERT_EQ(back.view().size(), record.view().size());
    EXPECT_EQ(std::memcmp(back.view().octets(), record.view().octets(), record.view().size()), 0)
        << differences(record, back, one.section, kForward, true);
  }
}

/// A list as the text form has it.
std::string list_text(const nlohmann::json& list) {
  std::string text;
  for (const auto& item : list) {
    text += text.empty() ? "" : ",";
    if (!item.is_object()) {
      text += item.dump();
      continue;
    }
    EXPECT_EQ(item.size(), 4U);
    for (const char* const name : {"length", "time_offset_ns", "direction", "flags"}) {
      text += (std::string_view(name) == "length" ? "" : "/") + item.at(name).dump();
    }
  }
  return text;
}

TEST(RoundTrip, ThroughJson) {
  for (const Case& one : cases()) {
    SCOPED_TRACE(std::string(kSectionNames[static_cast<std::size_t>(one.section)]));
    const OwnedRecord record = with_section(one.section, one.ip_version, one.protocol);
    char line[kFlowJsonMaxOctets];
    const auto parsed = nlohmann::json::parse(std::string(line, write_flow_json(line, record)));
    std::size_t shown = 0;
    for (const Column& column : kJsonColumns) {
      const Section of = kFieldRows[column.row].section;
      if (!record.view().has(of) && of != Section::base) continue;
      const std::string name(column_name(column).view());
      if (!has_column(column, record)) {
        EXPECT_FALSE(parsed.contains(name)) << name;
        continue;
      }
      ASSERT_TRUE(parsed.contains(name)) << name;
      ++shown;
      std::string wanted;
      append_field_text(wanted, column, record);
      std::string came = parsed[name].is_string() ? parsed[name].get<std::string>() : parsed[name].dump();
      if (parsed[name].is_array()) came = list_text(parsed[name]);
      EXPECT_EQ(came, wanted) << name;
    }
    EXPECT_EQ(parsed.size(), shown) << "and nothing else";
  }
}

TEST(RoundTrip, AValueThatWasNotMeasuredIsAbsentAndAMeasuredZeroIsThere) {
  OwnedRecord record(whole_base(4, 6));
  auto& rtt = record.add<RttSection>();
  rtt.known = RttSection::kServerHalf | RttSection::kServerSamples;  // of no time at all
  rtt.server_samples = 1;
  const std::set<std::string> expected = {"rtt_handshake_server_ns", "rtt_server_min_ns",  "rtt_server_mean_ns",
                                          "rtt_server_max_ns",       "rtt_server_last_ns", "rtt_client_samples",
                                          "rtt_server_samples",      "rtt_by_timestamps"};
  const auto shown = [](RecordView view) {
    char line[kFlowJsonMaxOctets];
    std::set<std::string> names;
    const auto parsed = nlohmann::json::parse(std::string(line, write_flow_json(line, view)));
    for (const auto& [name, value] : parsed.items()) {
      if (name.starts_with("rtt_") || name == "application_latency_ns") names.insert(name);
    }
    return names;
  };
  EXPECT_EQ(shown(record), expected);

  std::vector<std::uint8_t> octets(kFlowProtobufMaxOctets);
  octets.resize(static_cast<std::size_t>(write_flow_protobuf(octets.data(), record) - octets.data()));
  const DelimitedMessage message = next_delimited(octets);
  OwnedRecord back;
  ASSERT_TRUE(decode_flow(message.message, back));
  EXPECT_EQ(std::memcmp(back.view().octets(), record.view().octets(), record.view().size()), 0);
  v1::FlowRecord parsed;
  ASSERT_TRUE(parsed.ParseFromArray(message.message.data(), static_cast<int>(message.message.size())));
  EXPECT_TRUE(parsed.has_rtt_handshake_server_ns() && parsed.has_rtt_server_min_ns());
  EXPECT_FALSE(parsed.has_rtt_handshake_ns() || parsed.has_rtt_client_min_ns() || parsed.has_application_latency_ns());

  IpfixEncoder ipfix(IpfixOptions{});
  Netflow9Options options;
  options.start_ns = kBase - kSecond;
  options.announced = true;
  Netflow9Encoder netflow9(options);
  for (const auto& records : {sent_and_decoded(ipfix, record, false), sent_and_decoded(netflow9, record, false)}) {
    ASSERT_EQ(records.size(), 2U);
    EXPECT_EQ(shown(records[0]), expected);
    EXPECT_EQ(shown(records[1]), expected) << "a fact of the flow is in both of its uniflow records";
  }
}

}  // namespace
}  // namespace weir::round_trip_test
