// What a record gets of the prefix files: by direction, by IP version, by what it says already, and by the key.
#include "control/enrich/enricher.h"

#include <gtest/gtest.h>

#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "proto/record/sections.h"

namespace weir::enricher_test {
namespace {

struct Known {
  const char* prefix;
  std::uint32_t as_number = 0;
  std::vector<std::uint32_t> path = {};
  const char* name = "";
  const char* next_hop = nullptr;
  const char* bgp_next_hop = nullptr;
  Domain domain = Domain::unknown;
};

/// A map of these prefixes.
RouteMaps maps_of(const std::vector<Known>& known, const LongestPrefix& source = {},
                  const LongestPrefix& destination = {}) {
  RouteMapBuilder builder;
  FilePrefixes file;
  for (const Known& one : known) {
    const std::string text = one.prefix;
    const IpAddress address = parse_ip_address(text.substr(0, text.find('/'))).value();
    const auto hop = [&](const char* of) {
      return of == nullptr ? 0 : builder.add_hop(parse_ip_address(std::string(of)).value());
    };
    Route route;
    route.as_number = one.as_number;
    route.as_path = builder.add_path(one.path);
    route.name = builder.add_name(one.name);
    route.next_hop = hop(one.next_hop);
    route.bgp_next_hop = hop(one.bgp_next_hop);
    route.domain = one.domain;
    file.prefixes[address.ip_version == 4 ? 0 : 1].push_back(
        {AddressBits::of(address.octets, address.size()), builder.add_route(route), 0,
         static_cast<std::uint8_t>(std::stoi(text.substr(text.find('/') + 1)))});
  }
  EXPECT_TRUE(RouteMapBuilder::sort(file));
  return {{builder.build({&file, 1}, source).value(), builder.build({&file, 1}, destination).value()}};
}

OwnedRecord record_between(const std::string& source, const std::string& destination) {
  OwnedRecord record;
  const IpAddress from = parse_ip_address(source).value();
  const IpAddress to = parse_ip_address(destination).value();
  record->ip_version = from.ip_version;
  std::memcpy(record->source_address, from.octets, 16);
  std::memcpy(record->destination_address, to.octets, 16);
  record->packets[kForward] = 1;
  return record;
}

OwnedRecord enriched(const OwnedRecord& record, const RouteMaps& maps, const KeyBits& bits = {}) {
  Enricher enricher(bits);
  RecordBatch in;
  RecordBatch out;
  in.append(record);
  enricher.enrich(in.span(), maps, out);
  EXPECT_EQ(out.size(), 1U);
  return OwnedRecord(out[0]);
}

std::string hop_text(const std::uint8_t (&hop)[16], std::uint8_t version) {
  IpAddress address;
  address.ip_version = version;
  std::memcpy(address.octets, hop, version == 4 ? 4 : 16);
  return address.text();
}

TEST(Enricher, FillsBothEndsAndTheHopsOfBothWays) {
  const RouteMaps maps =
      maps_of({{"10.0.0.0/8", 64'500, {64'496, 64'500}, "Inside", "192.0.2.1", "192.0.2.2"},
               {"198.51.100.0/24", 4'200'000'000, {64'497, 64'498, 4'200'000'000}, "Far", "192.0.2.3"}});
  const OwnedRecord record = enriched(record_between("10.1.2.3", "198.51.100.7"), maps);
  const auto* const routing = record.view().find<RoutingSection>();
  ASSERT_NE(routing, nullptr);
  EXPECT_EQ(routing->ip_version, 4);
  EXPECT_EQ(routing->source_as, 64'500U);
  EXPECT_EQ(routing->destination_as, 4'200'000'000U);
  EXPECT_EQ(routing->source_net, 8);
  EXPECT_EQ(routing->destination_net, 24);
  EXPECT_EQ(routing->next_adjacent_as, 64'497U);
  EXPECT_EQ(routing->previous_adjacent_as, 64'496U);
  EXPECT_EQ(hop_text(routing->next_hop[kForward], 4), "192.0.2.3");
  EXPECT_EQ(hop_text(routing->next_hop[kReverse], 4), "192.0.2.1");
  EXPECT_EQ(hop_text(routing->bgp_next_hop[kForward], 4), "0.0.0.0");
  EXPECT_EQ(hop_text(routing->bgp_next_hop[kReverse], 4), "192.0.2.2");
  EXPECT_EQ(routing->in_type, 0) << "no file draws a border";
  const auto* const paths = record.view().find<AsPathSection>();
  ASSERT_NE(paths, nullptr);
  EXPECT_EQ(paths->path[kForward].size(), 3U);
  EXPECT_EQ(paths->path[kForward].numbers[0], 64'497U);
  EXPECT_EQ(paths->path[kReverse].size(), 2U);
  const auto* const names = record.view().find<AsNamesSection>();
  ASSERT_NE(names, nullptr);
  EXPECT_STREQ(names->source_name, "Inside");
  EXPECT_STREQ(names->destination_name, "Far");
}

TEST(Enricher, ARecordOfWhichNothingIsKnownStaysAsItIs) {
  const RouteMaps maps = maps_of({{"10.0.0.0/8", 1}, {"2001:db8::/32", 2}});
  for (const auto& [source, destination] :
       {std::pair{"11.0.0.1", "12.0.0.1"}, std::pair{"2001:db9::1", "2001:dba::1"}}) {
    const OwnedRecord record = record_between(source, destination);
    const OwnedRecord out = enriched(record, maps);
    ASSERT_EQ(out.view().size(), record.view().size());
    EXPECT_EQ(std::memcmp(out.view().octets(), record.view().octets(), record.view().size()), 0);
  }
  const OwnedRecord ipv6 = enriched(record_between("2001:db8::1", "2001:db9::1"), maps);
  EXPECT_EQ(ipv6.view().find<RoutingSection>()->source_as, 2U);
  EXPECT_EQ(ipv6.view().find<RoutingSection>()->source_net, 32U);
  EXPECT_EQ(ipv6.view().find<RoutingSection>()->ip_version, 6U);
  EXPECT_EQ(ipv6.view().find<AsPathSection>(), nullptr) << "no file has paths";
}

TEST(Enricher, WhatIsNotNamedInternalIsExternal) {
  const RouteMaps maps = maps_of({{"10.0.0.0/8", 0, {}, "", nullptr, nullptr, Domain::internal}, {"192.0.2.0/24", 5}});
  const auto types = [&](const char* source, const char* destination) {
    const OwnedRecord out = enriched(record_between(source, destination), maps);
    const auto* const routing = out.view().find<RoutingSection>();
    return std::string(domain_name(routing->in_type)) + " " + std::string(domain_name(routing->out_type));
  };
  EXPECT_EQ(types("10.0.0.1", "192.0.2.1"), "internal external");
  EXPECT_EQ(types("203.0.113.1", "10.0.0.1"), "external internal");
  EXPECT_EQ(types("203.0.113.1", "203.0.113.2"), "external external");
  EXPECT_EQ(types("2001:db8::1", "2001:db8::2"), "external external");
}

TEST(Enricher, WhatTheRecordSaysStays) {
  const RouteMaps maps = maps_of({{"10.0.0.0/8", 1, {7, 1}, "ten", "192.0.2.1"}, {"11.0.0.0/8", 2, {8, 2}, "eleven"}});
  OwnedRecord record = record_between("10.0.0.1", "11.0.0.1");
  auto& said = record.add<RoutingSection>();
  said.ip_version = 4;
  said.source_as = 64'500;
  said.source_net = 12;
  said.next_hop[kReverse][0] = 9;
  record.add<PacketsSection>().count = 3;
  record.add<LabelSection>().label = 77;
  const OwnedRecord out = enriched(record, maps);
  const auto& routing = *out.view().find<RoutingSection>();
  EXPECT_EQ(routing.source_as, 64'500U);
  EXPECT_EQ(routing.source_net, 12);
  EXPECT_EQ(hop_text(routing.next_hop[kReverse], 4), "9.0.0.0");
  EXPECT_EQ(routing.destination_as, 2U) << "and what it does not say is filled in";
  EXPECT_EQ(routing.destination_net, 8);
  EXPECT_EQ(routing.next_adjacent_as, 8U);
  EXPECT_STREQ(out.view().find<AsNamesSection>()->source_name, "ten");
  EXPECT_EQ(out.view().find<LabelSection>()->label, 77U);
  EXPECT_EQ(out.view().find<PacketsSection>()->count, 3U) << "sections before and after keep their octets";
}

TEST(Enricher, TheMaskOfTheKeyWinsOverThePrefix) {
  KeyBits bits;
  bits.ipv4 = {24, 16};
  const RouteMaps maps =
      maps_of({{"10.0.0.0/8", 1}, {"10.1.2.0/25", 2}, {"11.0.0.0/24", 3}, {"11.0.0.0/12", 4}}, {24, 128}, {16, 128});
  const OwnedRecord out = enriched(record_between("10.1.2.0", "11.0.0.0"), maps, bits);
  const auto& routing = *out.view().find<RoutingSection>();
  EXPECT_EQ(routing.source_net, 24);
  EXPECT_EQ(routing.destination_net, 16);
  EXPECT_EQ(routing.source_as, 1U) << "a /25 would speak of half of the addresses";
  EXPECT_EQ(routing.destination_as, 4U);
  const OwnedRecord unknown = enriched(record_between("172.16.0.0", "172.17.0.0"), maps, bits);
  EXPECT_EQ(unknown.view().find<RoutingSection>()->source_net, 24) << "in no prefix, but the mask is known";
}

TEST(Enricher, AnAddressThatIsNoPartOfTheKeyIsNotLookedUp) {
  KeyBits bits;
  bits.ipv4 = {0, 32};
  const RouteMaps maps = maps_of({{"0.0.0.0/0", 1}, {"11.0.0.0/8", 2}});
  Enricher enricher(bits);
  RecordBatch in;
  RecordBatch out;
  in.append(record_between("0.0.0.0", "11.0.0.1"));
  enricher.enrich(in.span(), maps, out);
  const auto& routing = *out[0].find<RoutingSection>();
  EXPECT_EQ(routing.source_as, 0U);
  EXPECT_EQ(routing.source_net, 0);
  EXPECT_EQ(routing.destination_as, 2U);
  EXPECT_EQ(enricher.lookups(), 1U);
}

TEST(Enricher, ARecordSaysWhatItsKeyLeavesOutWithoutAnyPrefix) {
  const RouteMaps maps = maps_of({});
  EXPECT_FALSE(KeyBits().any());
  KeyBits bits;
  bits.not_in_key = kNoSourcePort | kNoDestinationPort;
  EXPECT_TRUE(bits.any());
  const OwnedRecord portless = enriched(record_between("10.1.2.0", "11.0.0.0"), maps, bits);
  EXPECT_EQ(portless.view().find<RoutingSection>()->not_in_key, kNoSourcePort | kNoDestinationPort);
  bits = {};
  bits.ipv4 = {24, 0};
  EXPECT_TRUE(bits.any());
  const OwnedRecord masked = enriched(record_between("10.1.2.0", "0.0.0.0"), maps, bits);
  const auto& routing = *masked.view().find<RoutingSection>();
  EXPECT_EQ(routing.source_net, 24);
  EXPECT_EQ(routing.destination_net, 0);
  EXPECT_EQ(routing.not_in_key, kNoDestinationAddress);
  EXPECT_EQ(routing.source_as, 0U);
}

TEST(Enricher, KeepsAllRecordsInTheirOrderAndCountsWhatItFoundNot) {
  const RouteMaps maps = maps_of({{"10.0.0.0/9", 1}, {"2001:db8::/33", 2}});
  std::mt19937 random(3);
  RecordBatch in;
  std::uint64_t not_found = 0;
  for (std::uint32_t i = 0; i < 1000; ++i) {
    const bool ipv6 = random() % 3 == 0;
    const bool inside = random() % 2 == 0;
    OwnedRecord record = ipv6 ? record_between(inside ? "2001:db8::1" : "2001:db8:8000::1", "2001:db8::2")
                              : record_between(inside ? "10.0.0.1" : "10.128.0.1", "10.0.0.2");
    not_found += inside ? 0 : 1;
    record->octets[kForward] = i;
    if (random() % 4 == 0) record.add<PacketsSection>().count = 1;
    if (random() % 4 == 0) record.add<TunnelSection>().id = i;
    in.append(record);
  }
  Enricher enricher;
  RecordBatch out;
  enricher.enrich(in.span(), maps, out);
  ASSERT_EQ(out.size(), 1000U);
  for (std::uint32_t i = 0; i < 1000; ++i) {
    ASSERT_EQ(out[i]->octets[kForward], i);
    ASSERT_EQ(out[i]->sections, in[i]->sections | kSectionBit<RoutingSection>);
    const auto* const tunnel = out[i].find<TunnelSection>();
    ASSERT_EQ(tunnel == nullptr ? i : tunnel->id, i);
    ASSERT_EQ(out[i].find<RoutingSection>()->destination_as, in[i]->ip_version == 4 ? 1U : 2U);
  }
  EXPECT_EQ(enricher.lookups(), 2000U);
  EXPECT_EQ(enricher.not_found(), not_found);
}

TEST(Enricher, LeavesTheAsOfAKeyAsItWasCounted) {
  const RouteMaps maps = maps_of({{.prefix = "10.0.0.0/8", .as_number = 7}, {.prefix = "10.1.0.0/16", .as_number = 8}});
  OwnedRecord record = record_between("10.0.0.1", "10.1.0.1");
  record.add<RoutingSection>().source_as = 5;  // the map of then said so, and nothing of the other end
  KeyBits bits;
  bits.as_in_key = {true, true};
  const OwnedRecord out = enriched(record, maps, bits);
  EXPECT_EQ(out.view().find<RoutingSection>()->source_as, 5U);
  EXPECT_EQ(out.view().find<RoutingSection>()->destination_as, 0U);
  EXPECT_EQ(out.view().find<RoutingSection>()->destination_net, 16U);
  EXPECT_EQ(enriched(record, maps).view().find<RoutingSection>()->destination_as, 8U);
}

TEST(Enricher, TellsWhichWayAFlowPassesTheBorder) {
  const RouteMaps maps = maps_of({{.prefix = "10.0.0.0/8", .domain = Domain::internal}});
  const auto direction = [&](const std::string& from, const std::string& to, const KeyBits& bits = {}) {
    const OwnedRecord out = enriched(record_between(from, to), maps, bits);
    const auto* const section = out.view().find<DirectionSection>();
    return section == nullptr ? -1 : int{section->direction};
  };
  EXPECT_EQ(direction("10.0.0.1", "192.0.2.1"), 1);
  EXPECT_EQ(direction("192.0.2.1", "10.0.0.1"), 0);
  EXPECT_EQ(direction("10.0.0.1", "10.0.0.2"), -1);
  EXPECT_EQ(direction("192.0.2.1", "192.0.2.2"), -1);
  KeyBits one_end;
  one_end.ipv4[kReverse] = 0;
  EXPECT_EQ(direction("10.0.0.1", "192.0.2.1", one_end), -1) << "where it went to is not known";
  OwnedRecord said = record_between("10.0.0.1", "192.0.2.1");
  said.add<DirectionSection>().direction = 0;
  EXPECT_EQ(enriched(said, maps).view().find<DirectionSection>()->direction, 0);
}

}  // namespace
}  // namespace weir::enricher_test
