// ip_payload_bytes: the octets above the IP header and its extension headers, of frames on the wire.
#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

#include "dataplane/offline_meter.h"
#include "tests/support/packet_builder.h"
#include "tests/support/records.h"

namespace weir::test::ip_payload_test {
namespace {

/// Of both directions of the one flow that `frames` are.
std::vector<std::uint64_t> payload_octets(const std::vector<Bytes>& frames, Layer layer = Layer::inner) {
  OfflineOptions options;
  options.max_flows = 64;
  options.metrics = Metrics().with<Lengths>();
  options.parser.layer = layer;
  OfflineMeter meter(options, KeyHash(KeyHash::random_seed()));
  for (const Bytes& frame : frames) meter.add(view_of(frame, 1'700'000'000'000'000'000));
  meter.finish();
  const RecordBatch records = take_batch(meter.records(0));
  EXPECT_EQ(records.size(), 1U);
  if (records.empty()) return {};
  const auto* const lengths = records[0].find<LengthsSection>();
  EXPECT_NE(lengths, nullptr);
  if (lengths == nullptr) return {};
  return {lengths->ip_payload_octets[kForward], lengths->ip_payload_octets[kReverse]};
}
using Octets = std::vector<std::uint64_t>;

PacketBuilder v4(bool back = false) {
  return back ? packet().eth().ipv4("10.0.0.2", "10.0.0.1") : packet().eth().ipv4("10.0.0.1", "10.0.0.2");
}
PacketBuilder v6() {
  return packet().eth().ipv6("2001:db8::1", "2001:db8::2");
}

TEST(IpPayload, IsWhatLiesAboveThePlainHeadersOfEachDirection) {
  EXPECT_EQ(payload_octets({v4().udp(1000, 53).payload(10).bytes(), v4().udp(1000, 53).bytes(),
                            v4(true).udp(53, 1000).payload(100).bytes()}),
            (Octets{26, 108}));
  EXPECT_EQ(payload_octets({v6().tcp(1000, 80).payload(7).bytes()}), (Octets{27, 0}));
}

TEST(IpPayload, HoldsNoOptionsOfIpv4) {
  EXPECT_EQ(payload_octets({v4().options(12).udp(1000, 53).payload(10).bytes(),
                            v4().options(40).udp(1000, 53).payload(1).bytes(),
                            packet().eth().vlan(5).ipv4("10.0.0.1", "10.0.0.2").options(4).udp(1000, 53).bytes(),
                            v4().udp(1000, 53).bytes()}),
            (Octets{18 + 9 + 8 + 8, 0}));
}

TEST(IpPayload, HoldsNoExtensionHeadersOfIpv6) {
  EXPECT_EQ(payload_octets({v6().hop_by_hop(16).routing(24).destination_options(8).udp(1000, 53).payload(10).bytes(),
                            v6().udp(1000, 53).payload(3).bytes()}),
            (Octets{18 + 11, 0}));
}

TEST(IpPayload, OfAFragmentIsWhatItCarries) {
  EXPECT_EQ(payload_octets({v4().fragment(0, true, 7).udp(1000, 53).payload(8).bytes(),
                            v4().protocol(17).options(8).fragment(16, false, 7).payload(24).bytes()}),
            (Octets{16 + 24, 0}));
  EXPECT_EQ(payload_octets({v6().fragment(0, true, 7).udp(1000, 53).payload(8).bytes(),
                            v6().destination_options(8).fragment(16, false, 7).protocol(17).payload(24).bytes()}),
            (Octets{16 + 24, 0}));
}

TEST(IpPayload, IsOfTheHeaderThatCounts) {
  const Bytes tunnelled =
      v4().options(8).udp(1, 4789).vxlan(1).eth().ipv4("10.1.0.1", "10.1.0.2").options(4).udp(5, 6).payload(3).bytes();
  EXPECT_EQ(payload_octets({tunnelled}), (Octets{11, 0}));
  EXPECT_EQ(payload_octets({tunnelled}, Layer::outer), (Octets{8 + 8 + 14 + 24 + 11, 0}));
}

TEST(IpPayload, IsCountedUpToTheLongestHeaders) {
  EXPECT_EQ(payload_octets({v6().destination_options(2048).destination_options(2048).udp(1000, 53).payload(1).bytes()}),
            (Octets{9, 0}));
}

}  // namespace
}  // namespace weir::test::ip_payload_test
