// Where the payload of a frame is: after whatever headers the flow's IP header has before it and after it, and no octet
// beyond what any length says.
#include "dataplane/packet/payload.h"

#include <gtest/gtest.h>

#include <string>

#include "dataplane/packet/parser.h"
#include "tests/support/packet_builder.h"

namespace weir::test::payload_test {
namespace {

Bytes octets_of(const std::string& text) {
  return {text.begin(), text.end()};
}
const std::string kText = "some payload";

/// Payload octets as text; the whole length is added where it is another one.
std::string payload_of(const Bytes& frame, ParserOptions options = ParserOptions::defaults()) {
  const PacketView view{.data = frame.data(),
                        .captured_octets = static_cast<std::uint32_t>(frame.size()),
                        .frame_octets = static_cast<std::uint32_t>(frame.size()),
                        .time_ns = 1,
                        .ingress_interface = 0,
                        .link_type = LinkType::ethernet,
                        .marks = 0};
  Parser parser(std::move(options));
  ParsedPacket packet{};
  if (parser.parse(view, packet) != Reject::none) return "rejected";
  const PacketPayload payload = find_payload(view, packet, parser.flow_header_offset());
  if (payload.octets == nullptr) return "none";
  std::string text(reinterpret_cast<const char*>(payload.octets), payload.captured);
  if (payload.whole != payload.captured) text += " of " + std::to_string(payload.whole);
  return text;
}

TEST(Payload, FollowsTheTransportHeaderWhateverIsBeforeIt) {
  const Bytes text = octets_of(kText);
  EXPECT_EQ(payload_of(packet().eth().ipv4("10.0.0.1", "10.0.0.2").udp(53, 1000).payload(text).bytes()), kText);
  EXPECT_EQ(payload_of(packet().eth().ipv4("10.0.0.2", "10.0.0.1").udp(53, 1000).payload(text).bytes()), kText);
  EXPECT_EQ(payload_of(packet().eth().ipv4("10.0.0.1", "10.0.0.1").udp(53, 1000).payload(text).bytes()), kText);
  EXPECT_EQ(payload_of(packet().eth().ipv4("10.0.0.1", "10.0.0.2").options(8).tcp(53, 1).payload(text).bytes()), kText);
  EXPECT_EQ(payload_of(packet().eth().ipv4("10.0.0.1", "10.0.0.2").tcp(53, 1).timestamps(1, 2).payload(text).bytes()),
            kText);
  EXPECT_EQ(
      payload_of(packet().eth().vlan(5).vlan(6).ipv6("2001:db8::1", "2001:db8::2").udp(1, 53).payload(text).bytes()),
      kText);
  EXPECT_EQ(payload_of(packet()
                           .eth()
                           .ipv6("2001:db8::2", "2001:db8::1")
                           .hop_by_hop()
                           .routing()
                           .destination_options(16)
                           .ah()
                           .udp(1, 53)
                           .payload(text)
                           .bytes()),
            kText);
  EXPECT_EQ(payload_of(packet()
                           .eth()
                           .ipv4("192.0.2.1", "192.0.2.2")
                           .udp(40000, 4789)
                           .vxlan(7)
                           .eth()
                           .ipv4("10.0.0.1", "10.0.0.2")
                           .udp(1, 53)
                           .payload(text)
                           .bytes()),
            kText);
}

TEST(Payload, EndsWhereALengthOrTheCaptureEnds) {
  const auto frame = [] { return packet().eth().ipv4("10.0.0.1", "10.0.0.2").udp(53, 1000).payload(octets_of(kText)); };
  EXPECT_EQ(payload_of(frame().pad_to(100).bytes()), kText);
  EXPECT_EQ(payload_of(frame().cut(14 + 20 + 8 + 4).bytes()), "some of 12");
  EXPECT_EQ(payload_of(frame().cut(14 + 20 + 8).bytes()), "none");
  EXPECT_EQ(payload_of(packet().eth().ipv4("10.0.0.1", "10.0.0.2").tcp(53, 1).bytes()), "none");
  EXPECT_EQ(payload_of(packet().eth().ipv4("10.0.0.1", "10.0.0.2").tcp(53, 1).tcp_header_words(4).payload(20).bytes()),
            "none");
  EXPECT_EQ(payload_of(packet().eth().ipv4("10.0.0.1", "10.0.0.2").tcp(53, 1).flags(kSyn).bytes()), "");
}

TEST(Payload, IsThereInAFirstFragmentAndInNoLaterOne) {
  const auto frame = [](unsigned offset) {
    return packet()
        .eth()
        .ipv4("10.0.0.1", "10.0.0.2")
        .fragment(offset, true, 9)
        .udp(53, 1)
        .payload(octets_of(kText))
        .bytes();
  };
  EXPECT_EQ(payload_of(frame(0)), kText);
  EXPECT_EQ(payload_of(frame(64)), "none");
}

TEST(Payload, OfAPacketThatAnIcmpErrorQuotesIsNone) {
  Bytes quoted = packet().eth().ipv4("10.0.0.1", "10.0.0.2").udp(1000, 53).payload(octets_of(kText)).bytes();
  quoted.erase(quoted.begin(), quoted.begin() + 14);
  ParserOptions options = ParserOptions::defaults();
  options.icmp_errors = IcmpErrors::quoted;
  const auto frame = [&](const char* from, const char* to) {
    return packet().eth().ipv4(from, to).icmp(3, 3).payload(quoted).bytes();
  };
  EXPECT_EQ(payload_of(frame("10.0.0.2", "10.0.0.1"), options), "none");
  EXPECT_EQ(payload_of(frame("10.0.0.2", "10.0.0.1")), "none");
}

TEST(PayloadBuffer, KeepsWhatFitsAndRefersToIt) {
  const Bytes text = octets_of(kText);
  PayloadBuffer buffer(2);
  PacketPayload first{text.data(), 4, 12, 1}, second{text.data(), 12, 12, 2}, none{};
  buffer.keep(first);
  buffer.keep(none);
  buffer.keep(second);
  EXPECT_EQ(std::string(reinterpret_cast<const char*>(first.octets), first.captured), "some");
  EXPECT_EQ(std::string(reinterpret_cast<const char*>(second.octets), second.captured), kText);
  EXPECT_EQ(first.whole, 12U);
  EXPECT_EQ(first.wanted_by, 1U);
  EXPECT_NE(second.octets, text.data());
  EXPECT_EQ(none.octets, nullptr);
  const Bytes large(5000, 'x');
  PacketPayload third{large.data(), 5000, 5000, 1}, fourth = third;
  buffer.keep(third);
  EXPECT_EQ(third.captured, PacketPayload::kMost);
  buffer.keep(fourth);
  EXPECT_EQ(fourth.octets, nullptr) << "no room is left";
  buffer.reset();
  buffer.keep(second);
  EXPECT_EQ(std::string(reinterpret_cast<const char*>(second.octets), second.captured), kText)
      << "what was kept before may be kept again";
}

}  // namespace
}  // namespace weir::test::payload_test
