// Records with sections, each field of which has a value that is told from all others.
#pragma once

#include <algorithm>
#include <cstring>
#include <random>
#include <string>

#include "tests/unit/proto/encoder_fixtures.h"

namespace weir::test {

inline OwnedRecord tunnelled() {
  FlowRecord base = ipv4_flow();
  add_reply(base);
  OwnedRecord record(base);
  add_tunnel(record);
  return record;
}

/// The texts of a section, whose octets are there, get the length that NetFlow v9 has. One is cut only if a field says
/// so.
inline void set_texts(std::uint8_t* section_at, Section section) {
  for (const FieldRow& row : kFieldRows) {
    if (row.section != section || row.field.form != Form::text) continue;
    const std::uint16_t place = row.field.place.offset[kForward];
    const bool marked = std::any_of(kFieldRows.begin(), kFieldRows.end(), [&](const FieldRow& other) {
      return other.section == section && other.field.place.octets == 1 && other.field.place.offset[kForward] == place;
    });
    std::uint8_t* const text = section_at + place;
    if (!marked) text[0] = 0;
    const std::size_t octets = whole_text(row.field.wire) ? row.field.wire.octets : kNetflow9TextOctets;
    put_text_at(text, std::string(reinterpret_cast<const char*>(text) + 2, octets));
  }
}

/// A value that is told from all others, for each field of a section; no octet of it is 0.
inline void fill(OwnedRecord& record, Section section, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  auto* const at = static_cast<std::uint8_t*>(record.add(section));
  for (const FieldRow& row : kFieldRows) {
    if (row.section != section || row.field.place.octets == 0) continue;
    for (const std::uint16_t offset : row.field.place.offset) {
      for (std::uint16_t i = 0; i < row.field.place.octets; ++i) {
        at[offset + i] = static_cast<std::uint8_t>(1 + random() % 255);
      }
    }
  }
  set_texts(at, section);
  if (section == Section::tunnel) {
    TunnelSection& tunnel = record.add<TunnelSection>();
    tunnel.type = TunnelType::gtp_u;
    tunnel.ip_version = 6;
  } else if (section == Section::label) {
    record.add<LabelSection>().label &= 0xfffff;
  } else if (section == Section::label_stack) {
    LabelStackSection& stack = record.add<LabelStackSection>();
    for (std::uint32_t& label : stack.labels) label = (label & 0xffffffU) & ~1U;  // the bottom is the last one alone
    stack.labels[LabelStackSection::kMost - 1] |= 1;
    stack.count = LabelStackSection::kMost;
  } else if (section == Section::layer2) {
    for (std::uint32_t& label : record.add<Layer2Section>().flow_label) label &= 0xfffff;
  } else if (section == Section::routing) {
    RoutingSection& routing = record.add<RoutingSection>();
    routing.ip_version = record->ip_version;
    for (std::uint8_t* const hop :
         {routing.next_hop[0], routing.next_hop[1], routing.bgp_next_hop[0], routing.bgp_next_hop[1]}) {
      if (record->ip_version == 4) std::memset(hop + 4, 0, 12);
    }
  } else if (section == Section::direction) {
    record.add<DirectionSection>().direction = 7;  // one that knows no way back
  } else if (section == Section::as_path) {
    for (AsPath& path : record.add<AsPathSection>().path) path.count = AsPath::kMost;
  } else if (section == Section::packets) {
    PacketsSection& packets = record.add<PacketsSection>();
    for (FirstPacket& packet : packets.packets) packet.direction &= 1;
    packets.count = PacketsSection::kMost;
  }
}

inline OwnedRecord with_sections(std::uint32_t sections, std::uint8_t ip_version = 4) {
  FlowRecord base = ipv4_flow();
  add_reply(base);
  base.ip_version = ip_version;
  OwnedRecord record(base);
  for (std::size_t i = 1; i < kSectionCount; ++i) {
    const auto section = static_cast<Section>(i);
    if ((sections & section_bit(section)) != 0) fill(record, section, i);
  }
  return record;
}

inline constexpr std::uint32_t kLayer2 = kSectionBit<Layer2Section>;
inline constexpr std::uint32_t kTcp = kSectionBit<TcpSection>;
inline constexpr std::uint32_t kStack = kSectionBit<LabelStackSection>;
inline constexpr std::uint32_t kPackets = kSectionBit<PacketsSection>;
/// Those with texts.
inline constexpr std::uint32_t kTexts = kSectionBit<DnsSection> | kSectionBit<TlsSection> |
                                        kSectionBit<TlsCertificateSection> | kSectionBit<HttpSection> |
                                        kSectionBit<QuicHelloSection>;
inline constexpr std::uint32_t kTunnel = kSectionBit<TunnelSection>;

}  // namespace weir::test
