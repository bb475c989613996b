// One direction of a biflow: each section by hand, and then every field of the table.
#include "control/export/one_way.h"

#include <gtest/gtest.h>

#include <random>

#include "proto/record/fields.h"
#include "tests/unit/export/export_fixtures.h"

namespace weir::one_way_test {
namespace {

OwnedRecord biflow() {
  OwnedRecord record(test::numbered_record(7));
  record->source_address[0] = 10;
  record->destination_address[0] = 192;
  record->ports[kForward] = 40'000;
  record->ports[kReverse] = 443;
  record->protocol = 6;
  record->ingress_interface = 3;
  record->vlan_id = 12;
  for (const Direction side : {kForward, kReverse}) {
    record->tcp_flags[side] = static_cast<std::uint8_t>(0x10 + side);
    record->ip_tos[side] = static_cast<std::uint8_t>(0x20 + side);
    record->first_ns[side] = 5'000'000'000 + side;
    record->packets[side] = 30U + side;
    record->octets[side] = 4000U + side;
  }
  record->last_ns[kForward] = 9'000'000'000;
  record->last_ns[kReverse] = 8'000'000'000;
  return record;
}

TEST(OneWay, OfTheBaseIsWhatItsSenderSent) {
  const OwnedRecord whole = biflow();
  const OwnedRecord forward = one_way(whole, kForward);
  EXPECT_EQ(forward->source_address[0], 10);
  EXPECT_EQ(forward->destination_address[0], 192);
  EXPECT_EQ(forward->source_port(), 40'000);
  EXPECT_EQ(forward->destination_port(), 443);
  EXPECT_EQ(forward->tcp_flags[kForward], 0x10);
  EXPECT_EQ(forward->ip_tos[kForward], 0x20);
  EXPECT_EQ(forward->packets[kForward], 30U);
  EXPECT_EQ(forward->octets[kForward], 4000U);
  EXPECT_EQ(forward->start_ns(), 5'000'000'000U);
  EXPECT_EQ(forward->end_ns(), 9'000'000'000U);
  const OwnedRecord reverse = one_way(whole, kReverse);
  EXPECT_EQ(reverse->source_address[0], 192);
  EXPECT_EQ(reverse->destination_address[0], 10);
  EXPECT_EQ(reverse->source_port(), 443);
  EXPECT_EQ(reverse->destination_port(), 40'000);
  EXPECT_EQ(reverse->tcp_flags[kForward], 0x11);
  EXPECT_EQ(reverse->ip_tos[kForward], 0x21);
  EXPECT_EQ(reverse->packets[kForward], 31U);
  EXPECT_EQ(reverse->octets[kForward], 4001U);
  EXPECT_EQ(reverse->start_ns(), 5'000'000'001U);
  EXPECT_EQ(reverse->end_ns(), 8'000'000'000U);
  for (const OwnedRecord& one : {forward, reverse}) {
    EXPECT_EQ(one->packets[kReverse], 0U);
    EXPECT_EQ(one->octets[kReverse], 0U);
    EXPECT_EQ(one->tcp_flags[kReverse], 0);
    EXPECT_EQ(one->ip_tos[kReverse], 0);
    EXPECT_EQ(one->first_ns[kReverse], 0U);
    EXPECT_EQ(one->last_ns[kReverse], 0U);
    EXPECT_EQ(one->ingress_interface, 3U) << "of the flow";
    EXPECT_EQ(one->vlan_id, 12);
    EXPECT_EQ(one->sections, 0U);
  }
}

TEST(OneWay, OfIcmpHasTheTypeOfItsDirection) {
  OwnedRecord whole = biflow();
  whole->protocol = 1;
  whole->set_icmp(kForward, 8, 1);
  whole->set_icmp(kReverse, 0, 2);
  const OwnedRecord forward = one_way(whole, kForward);
  EXPECT_EQ(forward->icmp(kForward), 8 * 256 + 1);
  EXPECT_EQ(forward->icmp(kReverse), 0);
  const OwnedRecord reverse = one_way(whole, kReverse);
  EXPECT_EQ(reverse->icmp(kForward), 2);
  EXPECT_EQ(reverse->icmp(kReverse), 0);
  EXPECT_EQ(reverse->source_port(), 0);
}

TEST(OneWay, KeepsTheDeadlineOfTheFlow) {
  OwnedRecord whole = biflow();
  EXPECT_EQ(one_way(whole, kReverse)->deadline_ns(), 0U) << "not measured";
  whole->set_deadline_ns(39'000'000'000);
  EXPECT_EQ(one_way(whole, kForward)->deadline_ns(), 39'000'000'000U);
  EXPECT_EQ(one_way(whole, kReverse)->deadline_ns(), 39'000'000'000U) << "31 s after its own last packet";
}

TEST(OneWay, OfATunnelAndOfLayer2HasTheSendersAddressesFirst) {
  OwnedRecord whole = biflow();
  whole.add<TunnelSection>() = {
      .source = {1}, .destination = {2}, .id = 77, .type = TunnelType::gre, .ip_version = 4, .depth = 1, .reserved = 0};
  whole.add<Layer2Section>() = {.source_mac = {1, 2, 3, 4, 5, 6},
                                .destination_mac = {11, 12, 13, 14, 15, 16},
                                .inner_vlan_id = 9,
                                .ttl = {64, 65},
                                .ttl_min = {60, 61},
                                .ttl_max = {70, 71},
                                .fragment_id = {150, 151},
                                .flow_label = {100, 101},
                                .fragments = {200, 201},
                                .reserved = 0,
                                .outer_octets = {300, 301}};
  const OwnedRecord forward = one_way(whole, kForward);
  EXPECT_EQ(forward.view().find<TunnelSection>()->source[0], 1);
  EXPECT_EQ(forward.view().find<Layer2Section>()->source_mac[5], 6);
  EXPECT_EQ(forward.view().find<Layer2Section>()->ttl[kForward], 64);
  EXPECT_EQ(forward.view().find<Layer2Section>()->outer_octets[kReverse], 0U);
  const OwnedRecord reverse = one_way(whole, kReverse);
  const TunnelSection& tunnel = *reverse.view().find<TunnelSection>();
  EXPECT_EQ(tunnel.source[0], 2);
  EXPECT_EQ(tunnel.destination[0], 1);
  EXPECT_EQ(tunnel.id, 77U);
  EXPECT_EQ(tunnel.type, TunnelType::gre);
  EXPECT_EQ(tunnel.depth, 1);
  const Layer2Section& layer2 = *reverse.view().find<Layer2Section>();
  EXPECT_EQ(layer2.source_mac[0], 11);
  EXPECT_EQ(layer2.source_mac[5], 16);
  EXPECT_EQ(layer2.destination_mac[0], 1);
  EXPECT_EQ(layer2.destination_mac[5], 6);
  EXPECT_EQ(layer2.inner_vlan_id, 9);
  EXPECT_EQ(layer2.ttl[kForward], 65);
  EXPECT_EQ(layer2.ttl_min[kForward], 61);
  EXPECT_EQ(layer2.ttl_max[kForward], 71);
  EXPECT_EQ(layer2.fragment_id[kForward], 151U);
  EXPECT_EQ(layer2.flow_label[kForward], 101U);
  EXPECT_EQ(layer2.fragments[kForward], 201U);
  EXPECT_EQ(layer2.outer_octets[kForward], 301U);
  EXPECT_EQ(layer2.ttl[kReverse] + layer2.ttl_min[kReverse] + layer2.ttl_max[kReverse], 0);
  EXPECT_EQ(layer2.flow_label[kReverse] + layer2.fragments[kReverse] + layer2.outer_octets[kReverse], 0U);
}

TEST(OneWay, OfTcpHasTheFactsOfItsSender) {
  OwnedRecord whole = biflow();
  whole.add<TcpSection>() = {.payload_octets = {1, 2},
                             .stream_octets = {29, 30},
                             .retransmitted_octets = {31, 32},
                             .options = {3, 4},
                             .retransmitted = {33, 34},
                             .out_of_order = {35, 36},
                             .duplicate_acks = {37, 38},
                             .keep_alives = {39, 40},
                             .zero_windows = {5, 6},
                             .zero_window_episodes = {41, 42},
                             .syn_count = {7, 8},
                             .fin_count = {9, 10},
                             .rst_count = {11, 12},
                             .initial_window = {13, 14},
                             .max_window = {15, 16},
                             .mss = {17, 18},
                             .syn_octets = {19, 20},
                             .initial_flags = {21, 22},
                             .window_scale = {23, 24},
                             .sack_permitted = {25, 26},
                             .timestamps = {27, 28},
                             .sequence_cut = {43, 44},
                             .reserved = {}};
  const TcpSection expected{.payload_octets = {2, 0},
                            .stream_octets = {30, 0},
                            .retransmitted_octets = {32, 0},
                            .options = {4, 0},
                            .retransmitted = {34, 0},
                            .out_of_order = {36, 0},
                            .duplicate_acks = {38, 0},
                            .keep_alives = {40, 0},
                            .zero_windows = {6, 0},
                            .zero_window_episodes = {42, 0},
                            .syn_count = {8, 0},
                            .fin_count = {10, 0},
                            .rst_count = {12, 0},
                            .initial_window = {14, 0},
                            .max_window = {16, 0},
                            .mss = {18, 0},
                            .syn_octets = {20, 0},
                            .initial_flags = {22, 0},
                            .window_scale = {24, 0},
                            .sack_permitted = {26, 0},
                            .timestamps = {28, 0},
                            .sequence_cut = {44, 0},
                            .reserved = {}};
  const OwnedRecord reverse = one_way(whole, kReverse);
  EXPECT_EQ(std::memcmp(reverse.view().find<TcpSection>(), &expected, sizeof expected), 0);
  const OwnedRecord forward = one_way(whole, kForward);
  EXPECT_EQ(forward.view().find<TcpSection>()->mss[kForward], 17);
  EXPECT_EQ(forward.view().find<TcpSection>()->mss[kReverse], 0);
}

TEST(OneWay, HasTheFactsOfTheFlowBothWays) {
  OwnedRecord whole = biflow();
  whole.add<LabelSection>().label = 5;
  whole.add<EspSection>().spi = 6;
  auto& stack = whole.add<LabelStackSection>();
  stack.count = 2;
  stack.labels[0] = 0x123450;
  stack.labels[1] = 0x67891;
  whole.add<EgressSection>().interface = 8;
  for (const Direction way : {kForward, kReverse}) {
    const OwnedRecord one = one_way(whole, way);
    EXPECT_EQ(one->sections, whole->sections);
    EXPECT_EQ(one.view().find<LabelSection>()->label, 5U);
    EXPECT_EQ(one.view().find<EspSection>()->spi, 6U);
    EXPECT_EQ(one.view().find<LabelStackSection>()->count, 2U);
    EXPECT_EQ(one.view().find<LabelStackSection>()->labels[1], 0x67891U);
    EXPECT_EQ(one.view().find<EgressSection>()->interface, 8U);
  }
}

/// For sections to come: nobody has to think of a test of theirs here.
TEST(OneWay, TurnsEveryFieldOfEverySectionAsItsRowSays) {
  OwnedRecord whole = biflow();
  std::mt19937_64 random(4);
  for (std::size_t i = 1; i < kSectionCount; ++i) {
    auto* const octets = static_cast<std::uint8_t*>(whole.add(static_cast<Section>(i)));
    for (std::size_t k = 0; k < kSectionOctets[i]; ++k) octets[k] = static_cast<std::uint8_t>(1 + random() % 255);
  }
  ASSERT_EQ(whole->sections, kAllSections);
  whole.add<EgressSection>().reverse_interface = 0;  // else the interfaces are turned round, which have no row for it
  for (const Direction way : {kForward, kReverse}) {
    const OwnedRecord one = one_way(whole, way);
    for (const FieldRow& row : kFieldRows) {
      const Field& field = row.field;
      const auto* const before = static_cast<const std::uint8_t*>(whole.view().find(row.section));
      const auto* const after = static_cast<const std::uint8_t*>(one.view().find(row.section));
      // "end_reason" and such have a place of the flow; times of the flow are computed from those of the direction.
      if (field.place.octets == 0) continue;
      const Direction from = field.sides == Sides::flow ? kForward : way;
      EXPECT_EQ(
          std::memcmp(after + field.place.offset[kForward], before + field.place.offset[from], field.place.octets), 0)
          << field.name;
      if (field.sides == Sides::sided) {
        for (std::size_t k = 0; k < field.place.octets; ++k) {
          EXPECT_EQ(after[field.place.offset[kReverse] + k], 0) << field.name;
        }
      }
    }
  }
}

TEST(OneWay, TheWayBackComesInWhereTheOtherLeaves) {
  OwnedRecord whole = biflow();
  whole->ingress_interface = 1;
  whole.add<EgressSection>() = {2, 1};
  const OwnedRecord forward = one_way(whole, kForward);
  EXPECT_EQ(forward->ingress_interface, 1U);
  EXPECT_EQ(forward.view().find<EgressSection>()->interface, 2U);
  const OwnedRecord reverse = one_way(whole, kReverse);
  EXPECT_EQ(reverse->ingress_interface, 2U);
  EXPECT_EQ(reverse.view().find<EgressSection>()->interface, 1U);
  whole.add<EgressSection>() = {2, 0};  // as an exporter said it of the flow
  const OwnedRecord as_said = one_way(whole, kReverse);
  EXPECT_EQ(as_said->ingress_interface, 1U);
  EXPECT_EQ(as_said.view().find<EgressSection>()->interface, 2U);
}

}  // namespace
}  // namespace weir::one_way_test
