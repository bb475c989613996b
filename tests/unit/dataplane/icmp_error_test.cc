// What the parser reads of an ICMP error: which packet it quotes, of which side, and why.
#include "dataplane/packet/icmp_error.h"

#include <gtest/gtest.h>

#include <string>

#include "dataplane/packet/parser.h"
#include "tests/support/flow_packet.h"
#include "tests/support/icmp_errors.h"
#include "tests/support/packet_builder.h"

namespace weir::test::icmp_error_test {
namespace {

/// What the parser notes of a frame, as text; empty: it is no ICMP error.
std::string noted(const Bytes& frame, IcmpErrors counts_for = IcmpErrors::own) {
  ParserOptions options = ParserOptions::defaults();
  options.note_icmp_errors = true;
  options.icmp_errors = counts_for;
  Parser parser(options);
  ParsedPacket packet{};
  EXPECT_EQ(parser.parse(view_of(frame, kEpochNs), packet), Reject::none);
  if ((packet.facts & kIcmpError) == 0) return {};
  const IcmpError& error = parser.icmp_error();
  std::string text = std::to_string(error.type) + '/' + std::to_string(error.code);
  if (error.mtu != 0) text += " mtu " + std::to_string(error.mtu);
  if (!error.readable) return text + " unreadable";
  const FlowKey& key = error.quoted.key;
  const bool low = error.quoted.from == Side::low;
  text += " v" + std::to_string(key.version()) + " protocol " + std::to_string(key.protocol);
  text += " ports " + std::to_string(low ? key.port_low : key.port_high) + '>' +
          std::to_string(low ? key.port_high : key.port_low);
  if (key.version() != 4) return text;
  const auto* address = reinterpret_cast<const std::uint8_t*>(key.address);
  return text + " hosts " + std::to_string(address[low ? 3 : 7]) + '>' + std::to_string(address[low ? 7 : 3]);
}

TEST(IcmpError, SaysWhichPacketItQuotesAndWhy) {
  const Bytes udp = packet().ipv4("10.0.0.1", "10.0.0.2").udp(1000, 53).payload(40).bytes();
  const Bytes back = packet().ipv4("10.0.0.2", "10.0.0.1").tcp(80, 4000).payload(900).bytes();
  const Bytes udp6 = packet().ipv6("2001:db8::1", "2001:db8::2").hop_by_hop().udp(1000, 53).bytes();
  const ErrorFrame v4{"10.9.9.9", "10.0.0.1"};
  const ErrorFrame v6{"2001:db8::9", "2001:db8::1"};
  const auto with = [](ErrorFrame error, unsigned type, unsigned code, std::uint32_t mtu = 0) {
    error.type = type;
    error.code = code;
    error.mtu = mtu;
    return error;
  };
  const std::vector<std::tuple<std::string, Bytes, std::string>> cases = {
      {"port unreachable", icmp_error_frame(with(v4, 3, 3), udp), "3/3 v4 protocol 17 ports 1000>53 hosts 1>2"},
      {"of the packet back", icmp_error_frame(with(v4, 11, 0), back), "11/0 v4 protocol 6 ports 80>4000 hosts 2>1"},
      {"fragmentation needed", icmp_error_frame(with(v4, 3, 4, 1400), back),
       "3/4 mtu 1400 v4 protocol 6 ports 80>4000 hosts 2>1"},
      {"the MTU has 16 bits", icmp_error_frame(with(v4, 3, 4, 0xabcd0578), udp),
       "3/4 mtu 1400 v4 protocol 17 ports 1000>53 hosts 1>2"},
      {"only too big has one", icmp_error_frame(with(v4, 12, 0, 1400), udp),
       "12/0 v4 protocol 17 ports 1000>53 hosts 1>2"},
      {"the least quote of RFC 792", icmp_error_frame(with(v4, 3, 1), cut_to(udp, 28)),
       "3/1 v4 protocol 17 ports 1000>53 hosts 1>2"},
      {"ports alone", icmp_error_frame(with(v4, 3, 1), cut_to(udp, 24)), "3/1 v4 protocol 17 ports 1000>53 hosts 1>2"},
      {"cut in the ports", icmp_error_frame(with(v4, 3, 1), cut_to(udp, 23)), "3/1 unreadable"},
      {"cut in the address", icmp_error_frame(with(v4, 3, 1), cut_to(udp, 19)), "3/1 unreadable"},
      {"quotes nothing", icmp_error_frame(with(v4, 3, 1), {}), "3/1 unreadable"},
      {"quotes IPv6", icmp_error_frame(with(v4, 3, 1), udp6), "3/1 unreadable"},
      {"quotes a later fragment",
       icmp_error_frame(with(v4, 11, 1),
                        packet().ipv4("10.0.0.1", "10.0.0.2").protocol(17).fragment(80, false, 5).payload(40).bytes()),
       "11/1 unreadable"},
      {"quotes a ping", icmp_error_frame(with(v4, 11, 0), packet().ipv4("10.0.0.1", "10.0.0.2").icmp(8, 0).bytes()),
       "11/0 v4 protocol 1 ports 0>0 hosts 1>2"},
      {"is a ping", packet().eth().ipv4("10.0.0.1", "10.0.0.2").icmp(8, 0).payload(udp).bytes(), ""},
      {"too big", icmp_error_frame(with(v6, 2, 0, 1280), udp6), "2/0 mtu 1280 v6 protocol 17 ports 1000>53"},
      {"its MTU has 32 bits", icmp_error_frame(with(v6, 2, 0, 70'000), udp6),
       "2/0 mtu 70000 v6 protocol 17 ports 1000>53"},
      {"no route", icmp_error_frame(with(v6, 1, 0, 9), udp6), "1/0 v6 protocol 17 ports 1000>53"},
      {"parameter problem", icmp_error_frame(with(v6, 4, 1, 40), udp6), "4/1 v6 protocol 17 ports 1000>53"},
      {"informs", icmp_error_frame(with(v6, 128, 0), udp6), ""},
  };
  for (const auto& [name, frame, expected] : cases) {
    EXPECT_EQ(noted(frame), expected) << name;
    EXPECT_EQ(noted(frame, IcmpErrors::quoted), expected) << name << ", whatever the error counts for";
  }
}

/// How packets reach the workers.

}  // namespace
}  // namespace weir::test::icmp_error_test
