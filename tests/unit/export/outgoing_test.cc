// source=, interface= and dscp=: what their values may be, and what packets on a wire have of them. The wire is a
// network namespace of the test's own, and a packet socket sees what leaves by which device.
#include "control/export/outgoing.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <sched.h>

#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include "control/export/export_uri.h"
#include "proto/base/byte_order.h"
#include "tests/unit/export/export_fixtures.h"

namespace weir::outgoing_test {
namespace {

using test::LoopbackSocket;
using test::numbered_batch;

const std::vector<std::string> kSchemes{"netflow5", "netflow7", "netflow9", "ipfix", "ipfix+tcp", "protobuf+tcp"};

std::string error_of(const std::string& uri) {
  const auto parsed = parse_export_uri(uri);
  EXPECT_FALSE(parsed) << uri;
  const std::string begin = "export '" + uri + "': ";
  return parsed ? "" : parsed.error().substr(std::min(begin.size(), parsed.error().size()));
}

TEST(Outgoing, IsForEveryExporterThatOpensAnInternetSocket) {
  for (const std::string& scheme : kSchemes) {
    const auto uri = parse_export_uri(scheme + "://192.0.2.1:2055?source=192.0.2.9&interface=lo&dscp=ef");
    EXPECT_TRUE(uri) << uri.error();
  }
  EXPECT_EQ(error_of("protobuf+unix:///run/x?source=192.0.2.9").find("no option 'source'"), 0U);
}

TEST(Outgoing, KnowsTheNamesOfDscps) {
  // RFC 2474, 2597, 3246, 5865, 8622.
  const std::vector<std::pair<std::string, int>> known{{"0", 0},     {"63", 63},   {"cs0", 0},   {"cs1", 8},
                                                       {"cs7", 56},  {"af11", 10}, {"af23", 22}, {"af41", 34},
                                                       {"af43", 38}, {"ef", 46},   {"va", 44},   {"le", 1}};
  for (const auto& [text, value] : known) {
    OutgoingOptions options;
    ASSERT_TRUE(set_dscp(options, "dscp", text)) << text;
    EXPECT_EQ(options.dscp, value) << text;
  }
  for (const std::string bad : {"64", "256", "EF", "af44", "cs8", "af", "1e1"}) {
    EXPECT_EQ(error_of("ipfix://h:1?dscp=" + bad),
              "dscp '" + bad + "' is not a number from 0 to 63, nor one of ef, va, le, cs0 to cs7, af11 to af43");
  }
}

TEST(Outgoing, RefusesWhatCannotBeBeforeAnythingIsOpened) {
  EXPECT_EQ(error_of("ipfix://192.0.2.1:4739?source=2001:db8::9"),
            "source '2001:db8::9' is an address of IPv6, and the collector 192.0.2.1 one of IPv4; expected one family");
  EXPECT_EQ(error_of("protobuf+tcp://[2001:db8::1]:7000?source=192.0.2.9"),
            "source '192.0.2.9' is an address of IPv4, and the collector 2001:db8::1 one of IPv6; expected one family");
  EXPECT_TRUE(parse_export_uri("ipfix://collector.example:4739?source=2001:db8::9")) << "a name may have both";
  EXPECT_EQ(error_of("netflow9://h:1?source=eth0"),
            "source 'eth0' is not an address; expected one of this machine's, as in 192.0.2.9 or 2001:db8::9");
  EXPECT_EQ(error_of("netflow9://h:1?interface=no-such-if"),
            "interface 'no-such-if' is not an interface of this machine; 'ip link' lists them");
}

TEST(Outgoing, SaysWhichOptionCannotBeHad) {
  ExportContext context;
  context.mode = ExportMode::capture;
  for (const std::string& scheme : kSchemes) {
    const auto hub = ExportHub::open({scheme + "://127.0.0.1:9?source=192.0.2.9"}, context);
    ASSERT_FALSE(hub) << scheme;
    EXPECT_NE(hub.error().find("source=192.0.2.9: this machine does not have the address ('ip address' lists those"),
              std::string::npos)
        << hub.error();
    EXPECT_EQ(hub.error().find("start the collector"), std::string::npos) << hub.error();
  }
}

TEST(Outgoing, PassesOverAddressesOfTheOtherFamily) {
  const LoopbackSocket collector(SOCK_DGRAM);
  ExportContext context;
  context.mode = ExportMode::capture;
  context.resolver = [&](const std::string&, std::uint16_t port, int type) {
    auto all = resolve("::1", port, type, Names::refused);
    all->push_back((*resolve("127.0.0.1", port, type, Names::refused))[0]);
    return all;
  };
  auto hub = ExportHub::open({fmt::format("netflow5://both.example:{}?source=127.0.0.9", collector.port())}, context);
  ASSERT_TRUE(hub) << hub.error();
  (*hub)->offer(numbered_batch(0, 1), true);
  EXPECT_TRUE((*hub)->finish(std::chrono::seconds(10)).empty());
  EXPECT_FALSE(collector.receive(1000).empty());
}

/// What a packet has of the options.
struct Seen {
  std::string device;
  std::string source;
  int traffic_class = -1;
  friend bool operator==(const Seen&, const Seen&) = default;
};

void PrintTo(const Seen& seen, std::ostream* out) {
  *out << seen.device << ' ' << seen.source << ' ' << seen.traffic_class;
}

/// Sees what leaves by any device of the namespace that it was made in.
class Wire {
 public:
  Wire() : fd_(socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, htons(ETH_P_ALL))) {}

  /// The first UDP or TCP packet to `port`.
  [[nodiscard]] Seen first_to(std::uint16_t port) const {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (std::chrono::steady_clock::now() < end) {
      pollfd waits{fd_.get(), POLLIN, 0};
      if (poll(&waits, 1, 1000) <= 0) continue;
      std::uint8_t packet[2048];
      sockaddr_ll from{};
      socklen_t length = sizeof from;
      const ssize_t got = recvfrom(fd_.get(), packet, sizeof packet, 0, reinterpret_cast<sockaddr*>(&from), &length);
      if (got < 44 || from.sll_pkttype != PACKET_OUTGOING) continue;
      const bool six = packet[0] >> 4 == 6;
      if (load_be<std::uint16_t>(packet + (six ? 40 : 20) + 2) != port) continue;
      IpAddress source;
      source.ip_version = six ? 6 : 4;
      std::memcpy(source.octets, packet + (six ? 8 : 12), source.size());
      char name[IF_NAMESIZE] = {};
      if_indextoname(static_cast<unsigned>(from.sll_ifindex), name);
      return {name, source.text(), six ? (load_be<std::uint16_t>(packet) >> 4 & 0xff) : packet[1]};
    }
    return {};
  }

 private:
  UniqueFd fd_;
};

/// Runs `body` in a thread in a network namespace of its own, with two devices that ask nobody for MAC addresses, and
/// an address of each family on both. The routing table prefers wa. False: no right to.
template <typename Body>
bool on_a_wire(Body body) {
  bool ready = false;
  std::thread([&] {
    ready = unshare(CLONE_NEWNET) == 0 &&
            std::system(
                "{ ip link set lo up && ip link add wa type veth peer name va && "
                "ip link add wb type veth peer name vb && "
                "for i in wa va wb vb; do ip link set $i arp off up || exit 1; done && "
                "ip addr add 10.1.0.1/24 dev wa && ip addr add 10.2.0.1/24 dev wb && "
                "ip addr add 10.1.0.9/24 dev wa && "
                "ip addr add fd00:1::1/64 dev wa nodad && ip addr add fd00:2::1/64 dev wb nodad && "
                "ip route add default dev wa metric 1 && ip route add default dev wb metric 2 && "
                "ip -6 route add default dev wa metric 1 && ip -6 route add default dev wb metric 2; "
                "} >/dev/null 2>&1") == 0;
    if (ready) body();
  }).join();
  return ready;
}

/// What leaves an exporter of this URI first.
Seen sent_by(const std::string& uri, std::uint16_t port) {
  const Wire wire;
  auto hub = ExportHub::open({uri}, {});
  EXPECT_TRUE(hub) << hub.error();
  if (!hub) return {};
  (*hub)->offer(numbered_batch(0, 50), false);
  return wire.first_to(port);
}

TEST(Outgoing, SetsSourceDeviceAndDscpOfEveryExporterOnTheWire) {
  const bool ran = on_a_wire([] {
    std::uint16_t port = 9000;
    for (const std::string& scheme : kSchemes) {
      SCOPED_TRACE(scheme);
      const auto uri = [&](const char* host, const char* options) {
        return fmt::format("{}://{}:{}{}", scheme, host, ++port, options);
      };
      std::string text = uri("198.51.100.1", "");
      EXPECT_EQ(sent_by(text, port), (Seen{"wa", "10.1.0.1", 0})) << "what the system does by itself";
      text = uri("198.51.100.1", "?source=10.1.0.9");
      EXPECT_EQ(sent_by(text, port), (Seen{"wa", "10.1.0.9", 0}));
      text = uri("198.51.100.1", "?interface=wb");
      EXPECT_EQ(sent_by(text, port), (Seen{"wb", "10.2.0.1", 0}));
      text = uri("198.51.100.1", "?dscp=af41&interface=wb&source=10.2.0.1");
      EXPECT_EQ(sent_by(text, port), (Seen{"wb", "10.2.0.1", 34 << 2}));
      text = uri("[2001:db8::1]", "?dscp=46&interface=wb&source=fd00:2::1");
      EXPECT_EQ(sent_by(text, port), (Seen{"wb", "fd00:2::1", 46 << 2}));
    }
  });
  if (!ran) GTEST_SKIP() << "no right to make a network namespace, or no veth devices";
}

}  // namespace
}  // namespace weir::outgoing_test
