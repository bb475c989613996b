// Sections of records out of templates: each section of the field table by itself, templates that have a part of one,
// what other exporters send of the same elements, and ports that ICMP has no room for.
#include <gtest/gtest.h>

#include <cstring>
#include <initializer_list>
#include <string>
#include <vector>

#include "proto/base/byte_order.h"
#include "proto/decode/flow_decoder.h"
#include "proto/decode/value_text.h"
#include "proto/element/information_elements.h"
#include "proto/record/field_text.h"

namespace weir {
namespace {

using Bytes = std::vector<std::uint8_t>;

/// A template, and one record by it, put together field by field.
struct Message {
  FlowVersion version = FlowVersion::ipfix;
  Bytes fields;
  Bytes values;
  std::uint16_t count = 0;

  static void put(Bytes& out, std::uint64_t value, unsigned octets) {
    while (octets-- > 0) out.push_back(static_cast<std::uint8_t>(value >> (8 * octets)));
  }
  void add(std::uint16_t element, std::uint32_t enterprise, const Bytes& value) {
    put(fields, element | (enterprise != 0 ? 0x8000U : 0U), 2);
    put(fields, value.size(), 2);
    if (enterprise != 0) put(fields, enterprise, 4);
    values.insert(values.end(), value.begin(), value.end());
    ++count;
  }
  void add(std::uint16_t element, std::uint64_t value, unsigned octets) {
    Bytes bytes;
    put(bytes, value, octets);
    add(element, 0, bytes);
  }

  [[nodiscard]] Bytes octets() const {
    Bytes message;
    const bool ipfix = version == FlowVersion::ipfix;
    put(message, ipfix ? 10 : 9, 2);
    put(message, 2, 2);  // v9: two records; IPFIX: the length, below
    if (!ipfix) put(message, 10'000, 4);
    put(message, 1'700'000'000, 4);
    put(message, 0, 4);
    put(message, 1, 4);
    put(message, ipfix ? 2 : 0, 2);
    put(message, 8 + fields.size(), 2);
    put(message, 256, 2);
    put(message, count, 2);
    message.insert(message.end(), fields.begin(), fields.end());
    put(message, 256, 2);
    put(message, 4 + values.size(), 2);
    message.insert(message.end(), values.begin(), values.end());
    if (ipfix) store_be<std::uint16_t>(&message[2], static_cast<std::uint16_t>(message.size()));
    return message;
  }
};

/// A flow of TCP from 192.0.2.1:4660 to 192.0.2.2:443, 3 packets there and, if `reply`, 2 back.
Message base_message(FlowVersion version, bool reply, std::uint8_t protocol = 6) {
  Message message;
  message.version = version;
  message.add(8, 0xc0000201, 4);
  message.add(12, 0xc0000202, 4);
  message.add(4, protocol, 1);
  message.add(2, 3, 8);
  message.add(1, 300, 8);
  if (reply && version == FlowVersion::ipfix) {
    message.add(2, kReverseEnterprise, Bytes{0, 2});
    message.add(1, kReverseEnterprise, Bytes{0, 200});
  } else if (reply) {
    message.add(24, 2, 2);
    message.add(23, 200, 2);
  }
  return message;
}

Bytes value_octets(const FieldRow& row, Direction side) {
  const unsigned octets = row.field.wire.octets != 0 ? row.field.wire.octets : row.field.place.octets;
  if (row.field.form == Form::text) return {'a', 0, 0xff, 'z'};
  // Of an address of the flow's IP version, which is 4 here.
  const bool address4 = row.field.form == Form::address && row.field.wire.rule == WireRule::by_family;
  Bytes value(address4 ? 4 : octets);
  for (unsigned i = 0; i < value.size(); ++i) {
    value[i] = static_cast<std::uint8_t>(row.field.wire.element * 7 + i * 3 + side * 100 + 1);
  }
  if (octets > row.field.place.octets) value[0] = 0;  // sent longer than it is
  if (row.field.form == Form::tunnel) value = {static_cast<std::uint8_t>(TunnelType::vxlan)};
  return value;
}

Bytes bin_octets(const FieldRow& row, Direction side, unsigned bin) {
  return {1, static_cast<std::uint8_t>(row.field.wire.element), static_cast<std::uint8_t>(side),
          static_cast<std::uint8_t>(bin)};
}

/// A basicList (RFC 6313 section 4.5.1), ordered, of weir's element `element`.
Bytes list_octets(unsigned element, std::uint16_t value_octets, const std::vector<Bytes>& values) {
  Bytes list{4};
  for (const unsigned value :
       {0x8000U | element, unsigned{value_octets}, kExampleEnterprise >> 16, kExampleEnterprise & 0xffffU}) {
    list.push_back(static_cast<std::uint8_t>(value >> 8));
    list.push_back(static_cast<std::uint8_t>(value));
  }
  for (const Bytes& value : values) list.insert(list.end(), value.begin(), value.end());
  return list;
}

/// The fact of the packet with this number; the first of 300 octets.
Bytes fact_octets(std::size_t fact, std::uint8_t packet) {
  switch (fact) {
    case 0:
      return {0, 0, 1, static_cast<std::uint8_t>(44 + packet)};
    case 1:
      return {0, packet, 0, 0, 0, 7};  // more than 32 bits
    case 2:
      return {static_cast<std::uint8_t>(packet % 2)};
    default:
      return {static_cast<std::uint8_t>(0x10 + packet)};
  }
}
constexpr std::uint8_t kPackets = 3;

/// Adds every field of the section as weir sends it.
void add_section(Message& message, Section section, bool reverse) {
  const bool v9 = message.version == FlowVersion::netflow9;
  for (const FieldRow& row : kFieldRows) {
    const Wire& wire = row.field.wire;
    if (row.section != section || wire.rule == WireRule::none) continue;
    const bool own = wire.enterprise == kOwnElement;
    const auto number = [&](unsigned element) {
      return static_cast<std::uint16_t>(element + (own && v9 ? kWeirNetflow9Elements : 0));
    };
    const std::uint32_t enterprise = own && !v9 ? kExampleEnterprise : 0;
    if (wire.rule == WireRule::label_stack) {
      for (unsigned i = 0; i < 10; ++i) {
        message.add(number(wire.element + i), 0,
                    i < 3 ? Bytes{0x01, static_cast<std::uint8_t>(0x20 + i), i == 2 ? std::uint8_t{1} : std::uint8_t{0}}
                          : Bytes{0, 0, 0});
      }
      continue;
    }
    if (wire.rule == WireRule::packet_lists) {
      for (std::size_t fact = 0; fact < 4 && !v9; ++fact) {
        std::vector<Bytes> values;
        for (std::uint8_t i = 0; i < kPackets; ++i) values.push_back(fact_octets(fact, i));
        message.add(291, 0,
                    list_octets(static_cast<unsigned>(wire.element + fact),
                                static_cast<std::uint16_t>(values[0].size()), values));
      }
      continue;
    }
    if (wire.rule == WireRule::histogram && !v9) {
      for (const Direction side : {kForward, kReverse}) {
        std::vector<Bytes> bins;
        for (unsigned i = 0; i < kHistogramBins; ++i) bins.push_back(bin_octets(row, side, i));
        if (side == kReverse && !reverse) continue;
        message.add(291, 0, list_octets(wire.element + (side == kReverse ? 4096U : 0U), 4, bins));
      }
      continue;
    }
    if (wire.rule == WireRule::histogram) {
      for (unsigned i = 0; i < kHistogramBins; ++i) {
        message.add(number(wire.element + i), enterprise, bin_octets(row, kForward, i));
        if (reverse) {
          message.add(number(wire.element + i + kWeirReverseElements), enterprise, bin_octets(row, kReverse, i));
        }
      }
      continue;
    }
    message.add(number(wire.element), enterprise, value_octets(row, kForward));
    if (!reverse || row.field.sides != Sides::sided) continue;
    if (own) {
      message.add(number(wire.element + kWeirReverseElements), enterprise, value_octets(row, kReverse));
    } else if (!v9) {  // v9 has no reverse elements of IANA's
      message.add(wire.element, kReverseEnterprise, value_octets(row, kReverse));
    }
  }
}

struct Decoding {
  FlowDecoder decoder;
  Decoded out;

  RecordView decode(const Message& message) {
    octets = message.octets();
    EXPECT_EQ(decoder.decode("probe", octets, out), DecodeError::none);
    EXPECT_EQ(out.flows.size(), 1U);
    return out.flows[0];
  }
  /// The values that have no place in the record, as "name=text".
  [[nodiscard]] std::vector<std::string> raw() const {
    std::vector<std::string> texts;
    const FlowDetails& details = out.details.at(0);
    for (std::uint32_t i = 0; i < details.value_count; ++i) {
      const DecodedValue& value = out.values[details.first_value + i];
      std::string text = field_name(out.header.version, value) + "=";
      append_value_text(text, out.header.version, value);
      texts.push_back(text);
    }
    return texts;
  }
  Bytes octets;
};

std::uint64_t number_of(const Bytes& octets) {
  std::uint64_t value = 0;
  for (const std::uint8_t octet : octets) value = value << 8 | octet;
  return value;
}

void expect_row(const FieldRow& row, Direction side, const void* section) {
  if (row.field.form == Form::histogram) {
    for (unsigned i = 0; i < kHistogramBins; ++i) {
      const auto* const at = static_cast<const std::uint8_t*>(section) + row.field.place.offset[side];
      EXPECT_EQ(histogram_bin(at, i), number_of(bin_octets(row, side, i))) << row.field.name << ' ' << i;
    }
    return;
  }
  if (row.field.form == Form::packets) {
    const auto& packets = *static_cast<const PacketsSection*>(section);
    ASSERT_EQ(packets.count, kPackets);
    for (std::uint8_t i = 0; i < kPackets; ++i) {
      EXPECT_EQ(packets.packets[i].ip_octets, 300U + i);
      EXPECT_EQ(packets.packets[i].offset_ns(), (std::uint64_t{i} << 32) + 7);
      EXPECT_EQ(packets.packets[i].direction, i % 2);
      EXPECT_EQ(packets.packets[i].tcp_flags, 0x10 + i);
    }
    return;
  }
  const Bytes sent = value_octets(row, side);
  if (row.field.form == Form::text) {
    const auto* const text = static_cast<const std::uint8_t*>(section) + row.field.place.offset[side];
    EXPECT_EQ(text_at(text), std::string(sent.begin(), sent.end()));
    return;
  }
  const auto* const at = static_cast<const std::uint8_t*>(section) + row.field.place.offset[side];
  if (row.field.form == Form::mac || row.field.form == Form::address || row.field.form == Form::community_id ||
      row.field.form == Form::characters) {
    EXPECT_EQ(std::memcmp(at, sent.data(), sent.size()), 0) << row.field.name;
  } else if (row.field.wire.rule == WireRule::label) {
    EXPECT_EQ(field_number(row.field, side, section), number_of(sent) >> 4) << row.field.name;
  } else {
    EXPECT_EQ(field_number(row.field, side, section), number_of(sent)) << row.field.name << " side " << int{side};
  }
}

TEST(SectionDecoder, FillsEachSectionFromATemplateThatHasAllOfIt) {
  for (std::size_t i = 1; i < kSectionCount; ++i) {
    const auto section = static_cast<Section>(i);
    for (const FlowVersion version : {FlowVersion::netflow9, FlowVersion::ipfix}) {
      if (section == Section::packets && version == FlowVersion::netflow9) continue;  // which has no lists
      if (section == Section::as_path) continue;                                      // which no element carries
      for (const bool reply : {false, true}) {
        SCOPED_TRACE(std::string(kSectionNames[i]) + " " + std::string(version_name(version)) +
                     (reply ? " biflow" : " uniflow"));
        Message message = base_message(version, reply);
        add_section(message, section, reply);
        Decoding decoding;
        const RecordView record = decoding.decode(message);
        ASSERT_EQ(record->sections, section_bit(section));
        EXPECT_EQ(record->packets[kForward], 3U);
        EXPECT_EQ(record->packets[kReverse], reply ? 2U : 0U);
        if (section == Section::label_stack) {
          const auto& stack = *record.find<LabelStackSection>();
          EXPECT_EQ(stack.count, 3U);
          EXPECT_EQ(stack.labels[0], 0x012000U);
          EXPECT_EQ(stack.labels[2], 0x012201U);
          continue;
        }
        for (const FieldRow& row : kFieldRows) {
          if (row.section != section) continue;
          expect_row(row, kForward, record.find(section));
          const bool v9_has_none = version == FlowVersion::netflow9 && row.field.wire.enterprise == 0;
          if (reply && row.field.sides == Sides::sided && !v9_has_none) expect_row(row, kReverse, record.find(section));
        }
      }
    }
  }
}

TEST(SectionDecoder, KeepsListsThatAreNoneOfWeirsOwnAsTheyCame) {
  const Bytes bin{0, 0, 0, 1};
  Message message = base_message(FlowVersion::ipfix, false);
  message.add(291, 0, Bytes{3, 0, 7, 0, 2, 0, 80, 1, 187});                   // ports
  message.add(291, 0, list_octets(60, 4, std::vector<Bytes>(9, bin)));        // a bin too many
  message.add(291, 0, list_octets(82, 1, {Bytes{2}}));                        // a direction that is none
  message.add(291, 0, list_octets(83, 1, std::vector<Bytes>(31, Bytes{2})));  // a packet too many
  message.add(291, 0, list_octets(60, 0, {}));                                // values of no octets
  message.add(291, 0, Bytes{4, 0x80});                                        // cut
  Decoding decoding;
  EXPECT_EQ(decoding.decode(message)->sections, 0U);
  const std::vector<std::string> raw = decoding.raw();
  ASSERT_EQ(raw.size(), 6U);
  for (const std::string& text : raw) EXPECT_EQ(text.rfind("basicList=", 0), 0U) << text;
}

TEST(SectionDecoder, TakesOwnListsBesideForeignOnes) {
  Message message = base_message(FlowVersion::ipfix, false);
  message.add(291, 0, Bytes{3, 0, 7, 0, 2, 0, 80, 1, 187});
  message.add(291, 0, list_octets(60, 2, {Bytes{1, 2}, Bytes{0, 3}}));  // shorter values, fewer bins
  Decoding decoding;
  const RecordView record = decoding.decode(message);
  ASSERT_EQ(record->sections, kSectionBit<HistogramsSection>);
  const auto& histograms = *record.find<HistogramsSection>();
  EXPECT_EQ(histograms.length[kForward][0], 258U);
  EXPECT_EQ(histograms.length[kForward][1], 3U);
  EXPECT_EQ(histograms.length[kForward][2], 0U);
  EXPECT_EQ(decoding.raw().size(), 1U);
}

TEST(SectionDecoder, TakesWhatOtherExportersSayOfRoutingAndNothingOfAnotherIpVersion) {
  for (const FlowVersion version : {FlowVersion::netflow9, FlowVersion::ipfix}) {
    SCOPED_TRACE(std::string(version_name(version)));
    Message message = base_message(version, false);
    message.add(16, 64'500, 2);  // Cisco: two octets
    message.add(17, 4'200'000'000, 4);
    message.add(62, 0, Bytes(16, 0x20));  // RFC 8950: a next hop of IPv6 for a flow of IPv4
    message.add(18, 0xc00002fe, 4);
    message.add(13, 24, 1);
    message.add(29, 64, 1);
    message.add(61, 1, 1);
    Decoding decoding;
    const RecordView record = decoding.decode(message);
    ASSERT_EQ(record->sections, kSectionBit<RoutingSection> | kSectionBit<DirectionSection>);
    EXPECT_EQ(record.find<DirectionSection>()->direction, 1);
    const RoutingSection& routing = *record.find<RoutingSection>();
    EXPECT_EQ(routing.ip_version, 4);
    EXPECT_EQ(routing.source_as, 64'500U);
    EXPECT_EQ(routing.destination_as, 4'200'000'000U);
    EXPECT_EQ(load_be<std::uint32_t>(routing.bgp_next_hop[kForward]), 0xc00002feU);
    EXPECT_EQ(load_be<std::uint32_t>(routing.next_hop[kForward]), 0U);
    EXPECT_EQ(routing.destination_net, 24);
    EXPECT_EQ(routing.source_net, 0);
    EXPECT_EQ(decoding.raw(), (std::vector<std::string>{"ipNextHopIPv6Address=2020:2020:2020:2020:2020:2020:2020:2020",
                                                        "sourceIPv6PrefixLength=64"}));
  }
}

TEST(SectionDecoder, HasSeveralSectionsOneAfterTheOther) {
  Message message = base_message(FlowVersion::ipfix, true);
  add_section(message, Section::tcp, true);
  add_section(message, Section::tunnel, false);
  add_section(message, Section::layer2, true);
  message.add(14, 9, 4);
  Decoding decoding;
  const RecordView record = decoding.decode(message);
  EXPECT_EQ(record->sections, kSectionBit<TcpSection> | kSectionBit<TunnelSection> | kSectionBit<Layer2Section> |
                                  kSectionBit<EgressSection>);
  EXPECT_EQ(record.find<EgressSection>()->interface, 9U);
  for (const FieldRow& row : kFieldRows) {
    if (row.section != Section::tcp && row.section != Section::layer2) continue;
    expect_row(row, kForward, record.find(row.section));
    if (row.field.sides == Sides::sided) expect_row(row, kReverse, record.find(row.section));
  }
  EXPECT_TRUE(decoding.raw().empty());
}

TEST(SectionDecoder, LeavesOutASectionThatSaysNothing) {
  Message message = base_message(FlowVersion::ipfix, false);
  add_section(message, Section::layer2, false);
  add_section(message, Section::esp, false);
  message.add(14, 0, 4);
  message.add(70, 0, 3);
  std::fill(message.values.begin() + 25, message.values.end(), std::uint8_t{0});
  Decoding decoding;
  EXPECT_EQ(decoding.decode(message)->sections, 0U);
}

TEST(SectionDecoder, KeepsAPartOfASectionAsRawValues) {
  Message message = base_message(FlowVersion::ipfix, false);
  message.add(56, 0x020000000001, 6);
  message.add(192, 64, 1);
  message.add(186, 65'535, 2);
  Decoding decoding;
  EXPECT_EQ(decoding.decode(message)->sections, 0U);
  EXPECT_EQ(decoding.raw(),
            (std::vector<std::string>{"sourceMacAddress=02:00:00:00:00:01", "ipTTL=64", "tcpWindowSize=65535"}));
}

TEST(SectionDecoder, TakesLabelsAndIndexesFromAnybodyAndKeepsTheirOctets) {
  Message message = base_message(FlowVersion::netflow9, false, 50);
  message.add(70, 0x05dc11, 3);
  message.add(295, 0xdeadbeef, 4);
  Decoding decoding;
  const RecordView record = decoding.decode(message);
  EXPECT_EQ(record->sections, kSectionBit<LabelSection> | kSectionBit<EspSection>);
  EXPECT_EQ(record.find<LabelSection>()->label, 24'001U);
  EXPECT_EQ(record.find<EspSection>()->spi, 0xdeadbeefU);
  EXPECT_EQ(decoding.raw(), (std::vector<std::string>{"mplsTopLabelStackSection=0x05dc11", "IPSecSPI=3735928559"}));
}

TEST(SectionDecoder, KnowsTheFamilyOfATunnelsAddresses) {
  for (const bool v4 : {false, true}) {
    Message message = base_message(FlowVersion::ipfix, false);
    Bytes address(16, 0);
    address[15] = 7;
    if (v4) address[10] = address[11] = 0xff;
    message.add(2, kExampleEnterprise, Bytes{static_cast<std::uint8_t>(TunnelType::gre)});
    message.add(4, kExampleEnterprise, address);
    Decoding decoding;
    const auto* const tunnel = decoding.decode(message).find<TunnelSection>();
    ASSERT_NE(tunnel, nullptr);
    EXPECT_EQ(tunnel->ip_version, v4 ? 4 : 6);
    EXPECT_EQ(tunnel->source[v4 ? 3 : 15], 7);
  }
}

TEST(SectionDecoder, KeepsPortsOfIcmpThatAreNotItsTypeAndCode) {
  struct Case {
    std::uint16_t source, destination;
    int type_and_code;  // of element 32; negative: it is not in the template
    std::uint16_t icmp;
    std::vector<std::string> raw;
  };
  const Case cases[] = {
      {0, 0x0800, -1, 0x0800, {}},
      {0, 0x0800, 0x0800, 0x0800, {}},
      {0, 0x0000, 0x0301, 0x0301, {}},
      {0, 0x0123, 0x0800, 0x0800, {"destinationTransportPort=291"}},
      {5, 0x0800, -1, 0x0000, {"sourceTransportPort=5", "destinationTransportPort=2048"}},
      {5, 0x0000, 0x0800, 0x0800, {"sourceTransportPort=5"}},
  };
  for (const Case& one : cases) {
    Message message = base_message(FlowVersion::netflow9, false, 1);
    message.add(7, one.source, 2);
    message.add(11, one.destination, 2);
    if (one.type_and_code >= 0) message.add(32, static_cast<std::uint64_t>(one.type_and_code), 2);
    Decoding decoding;
    const RecordView record = decoding.decode(message);
    EXPECT_EQ(record->icmp(kForward), one.icmp) << one.source << ' ' << one.destination;
    EXPECT_EQ(record->icmp(kReverse), 0U);
    EXPECT_EQ(decoding.raw(), one.raw) << one.source << ' ' << one.destination;
  }
}

TEST(SectionDecoder, ShowsWhatStandsAboveTheTcpFlags) {
  Message message = base_message(FlowVersion::ipfix, false);
  message.add(6, 0x5012, 2);
  message.add(35, 2, 1);
  Decoding decoding;
  EXPECT_EQ(decoding.decode(message)->tcp_flags[kForward], 0x12);
  EXPECT_EQ(decoding.out.details[0].tcp_control_bits, 0x5012);
  EXPECT_EQ(decoding.out.details[0].sampling_algorithm, 2);
}

TEST(SectionDecoder, HasNoTimesNorFlagsInADirectionWithoutPackets) {
  Message message = base_message(FlowVersion::ipfix, false);
  message.add(152, 1'700'000'000'000, 8);
  message.add(153, 1'700'000'001'000, 8);
  message.add(6, kReverseEnterprise, Bytes{0x12});
  message.add(5, kReverseEnterprise, Bytes{0x20});
  Decoding decoding;
  const RecordView record = decoding.decode(message);
  EXPECT_EQ(record->first_ns[kForward], 1'700'000'000'000'000'000U);
  EXPECT_EQ(record->first_ns[kReverse], 0U);
  EXPECT_EQ(record->tcp_flags[kReverse], 0);
  EXPECT_EQ(record->ip_tos[kReverse], 0);
  Message reply = base_message(FlowVersion::ipfix, true);
  reply.add(152, 1'700'000'000'000, 8);
  reply.add(153, 1'700'000'001'000, 8);
  Decoding both;
  const RecordView answered = both.decode(reply);
  EXPECT_EQ(answered->first_ns[kReverse], 1'700'000'000'000'000'000U) << "one pair of times is that of both directions";
  EXPECT_EQ(answered->last_ns[kReverse], 1'700'000'001'000'000'000U);
}

/// A template with the addresses of both families, then `version` (0: without element 60).
Message both_families(std::uint8_t version, std::uint32_t ipv4, std::uint8_t ipv6_last) {
  Message message;
  Bytes address(16, 0);
  message.add(8, ipv4, 4);
  message.add(12, ipv4 == 0 ? 0 : ipv4 + 1, 4);
  address[15] = ipv6_last;
  message.add(27, 0, address);
  message.add(28, 0, address);
  if (version != 0) message.add(60, version, 1);
  message.add(4, 17, 1);
  return message;
}

TEST(SectionDecoder, TakesTheFamilyThatTheRecordSaysAndNeverAMix) {
  Decoding four, six, only_four, only_six, untold;
  RecordView record = four.decode(both_families(4, 0x0a000001, 7));
  EXPECT_EQ(record->ip_version, 4);
  EXPECT_EQ(record->ether_type, 0x0800);
  EXPECT_EQ(load_be<std::uint32_t>(record->source_address), 0x0a000001U);
  EXPECT_EQ(record->destination_address[15], 0);
  EXPECT_EQ(four.raw(), (std::vector<std::string>{"sourceIPv6Address=::7", "destinationIPv6Address=::7"}));
  record = six.decode(both_families(6, 0x0a000001, 7));
  EXPECT_EQ(record->ip_version, 6);
  EXPECT_EQ(record->source_address[0], 0);
  EXPECT_EQ(record->source_address[15], 7);
  EXPECT_EQ(six.raw(), (std::vector<std::string>{"sourceIPv4Address=10.0.0.1", "destinationIPv4Address=10.0.0.2"}));
  record = only_four.decode(both_families(0, 0x0a000001, 0));
  EXPECT_EQ(record->ip_version, 4);
  EXPECT_TRUE(only_four.raw().empty());
  record = only_six.decode(both_families(0, 0, 7));
  EXPECT_EQ(record->ip_version, 6);
  EXPECT_TRUE(only_six.raw().empty());
  EXPECT_EQ(untold.decode(both_families(0, 0, 0))->ip_version, 0);
}

/// Outer IPv6 header, then the inner one, with protocol and ports of both.
Message two_headers(std::uint8_t outer_protocol, std::uint16_t outer_port, std::uint32_t inner_source) {
  Message message;
  message.add(27, 0, Bytes{0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1});
  message.add(28, 0, Bytes{0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2});
  message.add(2, 3, 4);
  message.add(7, 0, 2);
  message.add(11, outer_port, 2);
  message.add(4, outer_protocol, 1);
  message.add(8, inner_source, 4);
  message.add(12, inner_source == 0 ? 0 : 0xc0000202, 4);
  message.add(7, inner_source == 0 ? 0 : 1111, 2);
  message.add(11, inner_source == 0 ? 0 : 2222, 2);
  message.add(4, inner_source == 0 ? 0 : 6, 1);
  return message;
}

TEST(SectionDecoder, TakesTheInnerOfTwoHeadersForTheFlowAndTheOuterForItsTunnel) {
  Decoding srv6, vxlan, plain;
  RecordView record = srv6.decode(two_headers(4, 0, 0xc0000201));
  EXPECT_EQ(record->ip_version, 4);
  EXPECT_EQ(load_be<std::uint32_t>(record->source_address), 0xc0000201U);
  EXPECT_EQ(record->source_port(), 1111);
  EXPECT_EQ(record->destination_port(), 2222);
  EXPECT_EQ(record->protocol, 6);
  EXPECT_EQ(record->packets[kForward], 3U);
  const auto* tunnel = record.find<TunnelSection>();
  ASSERT_NE(tunnel, nullptr);
  EXPECT_EQ(tunnel->type, TunnelType::ipip);
  EXPECT_EQ(tunnel->ip_version, 6);
  EXPECT_EQ(tunnel->source[15], 1);
  EXPECT_EQ(tunnel->destination[15], 2);
  EXPECT_EQ(srv6.raw(),
            (std::vector<std::string>{"sourceTransportPort=0", "destinationTransportPort=0", "protocolIdentifier=4"}))
      << "what a tunnel does not have of its header";
  tunnel = vxlan.decode(two_headers(17, 4789, 0xc0000201)).find<TunnelSection>();
  ASSERT_NE(tunnel, nullptr);
  EXPECT_EQ(tunnel->type, TunnelType::vxlan);
  record = plain.decode(two_headers(17, 53, 0));
  EXPECT_EQ(record->sections, 0U) << "no inner header: the outer one is the flow";
  EXPECT_EQ(record->ip_version, 6);
  EXPECT_EQ(record->source_address[15], 1);
  EXPECT_EQ(record->destination_port(), 53);
  EXPECT_EQ(record->protocol, 17);
  for (const std::string& text : plain.raw()) EXPECT_NE(text, "protocolIdentifier=17");
}

TEST(SectionDecoder, KeepsAValueThatIsTooLargeForItsPlace) {
  Message message = base_message(FlowVersion::ipfix, false, 6);
  message.add(7, 70'000, 4);  // a port has two octets
  message.add(11, 80, 4);
  message.add(10, 0x1'0000'0005, 8);  // an interface four
  Decoding decoding;
  const RecordView record = decoding.decode(message);
  EXPECT_EQ(record->source_port(), 0) << "not 4464";
  EXPECT_EQ(record->destination_port(), 80);
  EXPECT_EQ(record->ingress_interface, 0U);
  EXPECT_EQ(decoding.raw(), (std::vector<std::string>{"sourceTransportPort=70000", "ingressInterface=4294967301"}));
}

TEST(SectionDecoder, AnUptimeWithoutTheTimeOfBootTakesNoPlace) {
  Message message = base_message(FlowVersion::ipfix, false, 6);
  message.add(22, 1'000, 4);  // flowStartSysUpTime before flowStartSeconds: without element 160 it is no instant
  message.add(21, 2'000, 4);
  message.add(150, 1'600'000'000, 4);
  message.add(151, 1'600'000'007, 4);
  Decoding decoding;
  const RecordView record = decoding.decode(message);
  EXPECT_EQ(record->first_ns[kForward], 1'600'000'000'000'000'000U);
  EXPECT_EQ(record->last_ns[kForward], 1'600'000'007'000'000'000U);
  EXPECT_EQ(decoding.raw(), (std::vector<std::string>{"flowStartSysUpTime=1000", "flowEndSysUpTime=2000"}));
}

TEST(SectionDecoder, AnUptimeOf34YearsIsAnInstant) {
  Message message = base_message(FlowVersion::ipfix, false, 6);
  message.add(22, 1'699'999'990'123, 8);  // as NX-OS has them: milliseconds since 1970
  message.add(21, 1'699'999'995'456, 8);
  Decoding decoding;
  const RecordView record = decoding.decode(message);
  EXPECT_EQ(record->first_ns[kForward], 1'699'999'990'123'000'000U);
  EXPECT_EQ(record->last_ns[kForward], 1'699'999'995'456'000'000U);
}

TEST(SectionDecoder, TellsAnIcmpv6TypeAloneFromTypeAndCode) {
  for (const auto& [port, icmp] : {std::pair{135, 135 << 8}, {0x8700, 0x8700}, {0x0101, 0x0101}}) {
    Message message = base_message(FlowVersion::ipfix, false, 58);
    message.add(7, 0, 2);
    message.add(11, static_cast<std::uint64_t>(port), 2);
    Decoding decoding;
    EXPECT_EQ(decoding.decode(message)->icmp(kForward), icmp) << port;
  }
  Message message = base_message(FlowVersion::ipfix, false, 1);
  message.add(11, 3, 2);
  Decoding decoding;
  EXPECT_EQ(decoding.decode(message)->icmp(kForward), 3) << "in ICMP type 0 is the echo reply";
}

TEST(SectionDecoder, GivesARecordWithoutATimeThatOfItsMessage) {
  constexpr std::uint64_t kExported_ns = 1'700'000'000'000'000'000;
  Decoding none, uptimes, duration, ended;
  RecordView record = none.decode(base_message(FlowVersion::ipfix, false));
  EXPECT_EQ(record->first_ns[kForward], kExported_ns);
  EXPECT_EQ(record->last_ns[kForward], kExported_ns);
  EXPECT_EQ(record->first_ns[kReverse], 0U);
  Message message = base_message(FlowVersion::ipfix, true);
  message.add(22, 3'590'000, 4);  // of an exporter that did not say when it booted
  message.add(21, 3'595'000, 4);
  record = uptimes.decode(message);
  EXPECT_EQ(record->first_ns[kForward], kExported_ns - 5'000'000'000);
  EXPECT_EQ(record->last_ns[kForward], kExported_ns);
  EXPECT_EQ(record->last_ns[kReverse], kExported_ns);
  message = base_message(FlowVersion::ipfix, false);
  message.add(161, 2'000, 4);
  record = duration.decode(message);
  EXPECT_EQ(record->first_ns[kForward], kExported_ns - 2'000'000'000);
  EXPECT_EQ(record->last_ns[kForward], kExported_ns);
  message = base_message(FlowVersion::ipfix, false);
  message.add(151, 1'600'000'000, 4);
  record = ended.decode(message);
  EXPECT_EQ(record->first_ns[kForward], 1'600'000'000'000'000'000U) << "one time is enough";
}

}  // namespace
}  // namespace weir
