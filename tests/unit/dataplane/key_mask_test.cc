// What --key makes of the key: packets as they are on the wire, through the meter, at several numbers of workers.
#include "dataplane/flow/key_mask.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <random>
#include <string>
#include <thread>
#include <tuple>
#include <vector>

#include "dataplane/offline_meter.h"
#include "dataplane/worker.h"
#include "tests/support/meter.h"
#include "tests/support/packet_builder.h"
#include "tests/support/records.h"
#include "tests/support/truth.h"

namespace weir::test::key_mask_test {
namespace {

constexpr KeyFields kNothing{.source_prefix4 = 0,
                             .destination_prefix4 = 0,
                             .source_prefix6 = 0,
                             .destination_prefix6 = 0,
                             .source_port = false,
                             .destination_port = false,
                             .protocol = false};

/// The records of `frames`, one a millisecond, worker by worker: their order depends on seeds and on how many there
/// are.
RecordBatch batch_of(const std::vector<Bytes>& frames, const KeyFields& key, unsigned workers) {
  OfflineOptions options;
  options.workers = workers;
  options.max_flows = 4096;
  options.key = key;
  OfflineMeter meter(options, KeyHash(KeyHash::random_seed()));
  EXPECT_TRUE(meter.ok());
  RecordBatch records;
  std::uint64_t now_ns = kEpochNs;
  for (const Bytes& frame : frames) meter.add(view_of(frame, now_ns += 1'000'000));
  meter.finish();
  std::uint64_t counted = 0;
  for (unsigned i = 0; i < workers; ++i) {
    records.append(take_batch(meter.records(i)).span());
    const WorkerCounters counters = meter.counters(i);
    EXPECT_EQ(counters.counted.packets, counters.emitted.packets);
    EXPECT_EQ(counters.counted_ip_octets, counters.emitted.octets);
    counted += counters.counted.packets;
  }
  EXPECT_EQ(counted, frames.size());
  return records;
}

/// "10.0.0.1 1000 > 10.0.0.2 53 p17: 2 / 1", ordered by start.
std::vector<std::string> texts(std::vector<FlowRecord> records) {
  std::sort(records.begin(), records.end(),
            [](const FlowRecord& a, const FlowRecord& b) { return a.start_ns() < b.start_ns(); });
  std::vector<std::string> out;
  for (const FlowRecord& r : records) {
    Tuple tuple;
    tuple.ip_version = r.ip_version;
    std::memcpy(tuple.source.data(), r.source_address, 16);
    std::memcpy(tuple.destination.data(), r.destination_address, 16);
    char text[INET6_ADDRSTRLEN];
    const int family = r.ip_version == 4 ? AF_INET : AF_INET6;
    std::string line = inet_ntop(family, r.source_address, text, sizeof text);
    line += ' ' + std::to_string(r.source_port()) + " > ";
    line += inet_ntop(family, r.destination_address, text, sizeof text);
    line += ' ' + std::to_string(r.destination_port()) + " p" + std::to_string(r.protocol);
    for (const Direction way : {kForward, kReverse}) {
      if (!r.is_icmp()) break;
      line += way == kForward ? " type " : " and ";
      line += std::to_string(r.icmp(way) >> 8) + '.' + std::to_string(r.icmp(way) & 0xff);
    }
    if (r.vlan_id != 0) line += " v" + std::to_string(r.vlan_id);
    line += ": " + std::to_string(r.packets[kForward]) + " / " + std::to_string(r.packets[kReverse]);
    out.push_back(std::move(line));
  }
  return out;
}

using Lines = std::vector<std::string>;

/// The same records, sections included, at one worker and at three.
Lines flows(const std::vector<Bytes>& frames, const KeyFields& key) {
  const RecordBatch one = batch_of(frames, key, 1);
  const RecordBatch three = batch_of(frames, key, 3);
  EXPECT_EQ(one.size(), three.size());
  EXPECT_TRUE(octets_of(one) == octets_of(three));
  return texts(bases_of(one));
}

/// A packet of the conversation 10.0.0.1:1000 with 10.0.0.2:53, or back.
Bytes v4(PacketBuilder builder, bool back = false) {
  return back ? builder.ipv4("10.0.0.2", "10.0.0.1").udp(53, 1000).payload(20).bytes()
              : builder.ipv4("10.0.0.1", "10.0.0.2").udp(1000, 53).payload(10).bytes();
}
Bytes v6(PacketBuilder builder, bool back = false) {
  return back ? builder.ipv6("2001:db8::2", "2001:db8::1").udp(53, 1000).payload(20).bytes()
              : builder.ipv6("2001:db8::1", "2001:db8::2").udp(1000, 53).payload(10).bytes();
}

TEST(Key, VlansPartAConversationOnlyWhereTheyAreAskedFor) {
  const std::vector<Bytes> frames = {
      v4(packet().eth().vlan(10)),       v4(packet().eth().vlan(20)),       v4(packet().eth().vlan(10), true),
      v4(packet().eth().vlan(20), true), v4(packet().eth().vlan(20), true), v4(packet().eth(), true),
      v4(packet().eth().vlan(0, 3)),  // a priority tag is no VLAN (IEEE 802.1Q §9.6)
      v6(packet().eth().vlan(10)),       v6(packet().eth().vlan(20), true),
  };
  EXPECT_EQ(flows(frames, {}),
            (Lines{"10.0.0.1 1000 > 10.0.0.2 53 p17 v10: 3 / 4", "2001:db8::1 1000 > 2001:db8::2 53 p17 v10: 1 / 1"}));
  KeyFields key;
  key.vlan_id = true;
  EXPECT_EQ(flows(frames, key),
            (Lines{"10.0.0.1 1000 > 10.0.0.2 53 p17 v10: 1 / 1", "10.0.0.1 1000 > 10.0.0.2 53 p17 v20: 1 / 2",
                   "10.0.0.2 53 > 10.0.0.1 1000 p17: 1 / 1", "2001:db8::1 1000 > 2001:db8::2 53 p17 v10: 1 / 0",
                   "2001:db8::2 53 > 2001:db8::1 1000 p17 v20: 1 / 0"}));
}

TEST(Key, TopLabelsPartAConversationOnlyWhereTheyAreAskedFor) {
  std::vector<Bytes> frames;
  for (const bool back : {false, true}) {
    for (const unsigned label : {16U, 17U}) {
      frames.push_back(v4(packet().eth().mpls(label).mpls(99), back));
      frames.push_back(v6(packet().eth().mpls(label).mpls(99), back));
    }
    frames.push_back(v4(packet().eth().mpls(0), back));  // explicit null is a label, too
    frames.push_back(v4(packet().eth(), back));
  }
  EXPECT_EQ(flows(frames, {}).size(), 2U);
  KeyFields key;
  key.mpls_label = true;
  const Lines v4_flow(1, "10.0.0.1 1000 > 10.0.0.2 53 p17: 1 / 1");
  const Lines parted = flows(frames, key);
  EXPECT_EQ(parted.size(), 6U);
  EXPECT_EQ(std::count(parted.begin(), parted.end(), v4_flow[0]), 4);
  EXPECT_EQ(std::count(parted.begin(), parted.end(), "2001:db8::1 1000 > 2001:db8::2 53 p17: 1 / 1"), 2);
}

TEST(Key, TunnelsPartAConversationByIdAndKindOnlyWhereTheyAreAskedFor) {
  std::vector<Bytes> frames;
  for (const bool back : {false, true}) {
    const char* from = back ? "192.0.2.2" : "192.0.2.1";
    const char* to = back ? "192.0.2.1" : "192.0.2.2";
    for (const unsigned vni : {5U, 6U}) {
      frames.push_back(v4(packet().eth().ipv4(from, to).udp(50000, 4789).vxlan(vni).eth(), back));
      frames.push_back(v6(packet().eth().ipv4(from, to).udp(50000, 4789).vxlan(vni).eth(), back));
    }
    frames.push_back(v4(packet().eth().ipv4(from, to).gre(5), back));  // the same number, of another kind
    frames.push_back(v4(packet().eth().ipv4(from, to), back));         // IP in IP has no id
    frames.push_back(v4(packet().eth(), back));
  }
  EXPECT_EQ(flows(frames, {}).size(), 2U);
  KeyFields key;
  key.tunnel_id = true;
  const Lines parted = flows(frames, key);
  EXPECT_EQ(parted.size(), 7U);
  EXPECT_EQ(std::count(parted.begin(), parted.end(), "10.0.0.1 1000 > 10.0.0.2 53 p17: 1 / 1"), 5);
  key.mpls_label = key.vlan_id = true;
  EXPECT_EQ(flows(frames, key), parted);
}

TEST(Key, PrefixesJoinConversationsAndBothDirectionsStayOneFlow) {
  const auto frame = [](const char* from, const char* to, unsigned source, unsigned destination) {
    PacketBuilder builder = packet().eth();
    return (std::string(from).find(':') == std::string::npos ? builder.ipv4(from, to) : builder.ipv6(from, to))
        .udp(source, destination)
        .bytes();
  };
  const std::vector<Bytes> frames = {
      frame("10.0.0.200", "10.0.1.1", 1000, 53),         frame("10.0.1.77", "10.0.0.3", 53, 1000),
      frame("10.0.0.4", "10.0.1.9", 1000, 53),           frame("10.0.0.4", "10.0.1.9", 1001, 53),
      frame("2001:db8:0:1::5", "2001:db8::7", 1000, 53), frame("2001:db8::9", "2001:db8:0:1::6", 53, 1000),
  };
  KeyFields key;
  key.source_prefix4 = key.destination_prefix4 = 24;
  key.source_prefix6 = key.destination_prefix6 = 64;
  EXPECT_EQ(flows(frames, key),
            (Lines{"10.0.0.0 1000 > 10.0.1.0 53 p17: 2 / 1", "10.0.0.0 1001 > 10.0.1.0 53 p17: 1 / 0",
                   "2001:db8:0:1:: 1000 > 2001:db8:: 53 p17: 1 / 1"}));
  key.source_port = key.destination_port = false;
  EXPECT_EQ(flows(frames, key),
            (Lines{"10.0.0.0 0 > 10.0.1.0 0 p17: 3 / 1", "2001:db8:0:1:: 0 > 2001:db8:: 0 p17: 1 / 1"}));
}

TEST(Key, OneEndAloneMakesEveryDirectionAFlowOfItsOwn) {
  const std::vector<Bytes> frames = {v4(packet().eth()), v4(packet().eth(), true), v4(packet().eth())};
  KeyFields key = kNothing;
  key.source_prefix4 = 32;
  EXPECT_EQ(flows(frames, key), (Lines{"10.0.0.1 0 > 0.0.0.0 0 p0: 2 / 0", "10.0.0.2 0 > 0.0.0.0 0 p0: 1 / 0"}));
  // Both ends alike after masking: one direction.
  key.source_prefix4 = key.destination_prefix4 = 8;
  EXPECT_EQ(flows(frames, key), (Lines{"10.0.0.0 0 > 10.0.0.0 0 p0: 3 / 0"}));
}

TEST(Key, EspIsToldByItsSpiOnlyWhereBothPortsAndTheProtocolAre) {
  std::vector<Bytes> frames;
  for (const std::uint8_t spi : {std::uint8_t{1}, std::uint8_t{2}}) {
    frames.push_back(
        packet().eth().ipv4("10.0.0.1", "10.0.0.2").protocol(50).payload({0, 1, 0, spi, 0, 0, 0, 1}).bytes());
  }
  KeyFields key;
  key.vlan_id = true;
  const RecordBatch apart = batch_of(frames, key, 1);
  ASSERT_EQ(apart.size(), 2U);
  ASSERT_TRUE(apart[0].has(Section::esp) && apart[1].has(Section::esp));
  EXPECT_EQ(apart[0].find<EspSection>()->spi + apart[1].find<EspSection>()->spi, 0x10001U + 0x10002U);
  for (bool KeyFields::*field : {&KeyFields::source_port, &KeyFields::destination_port, &KeyFields::protocol}) {
    key = {};
    key.*field = false;
    const RecordBatch together = batch_of(frames, key, 1);
    ASSERT_EQ(together.size(), 1U);
    EXPECT_EQ(together[0]->ports[kForward] + together[0]->ports[kReverse] + together[0]->sections, 0U);
  }
}

/// ICMP between the same two hosts, in either direction.
PacketBuilder icmp(unsigned type, unsigned code, bool back = false) {
  return packet().eth().ipv4(back ? "10.0.0.2" : "10.0.0.1", back ? "10.0.0.1" : "10.0.0.2").icmp(type, code);
}
PacketBuilder icmp6(unsigned type, unsigned code, bool back = false) {
  return packet()
      .eth()
      .ipv6(back ? "2001:db8::2" : "2001:db8::1", back ? "2001:db8::1" : "2001:db8::2")
      .icmpv6(type, code);
}

TEST(Key, TypesAndCodesPartIcmpOnlyWhereTheyAreAskedForAndARequestIsOneFlowWithItsReply) {
  const std::vector<Bytes> frames = {
      icmp(8, 0, true).bytes(), icmp(0, 0).bytes(),         // an echo, which the host with the greater address began
      icmp(13, 0).bytes(),      icmp(14, 0, true).bytes(),  // timestamps
      icmp(17, 0).bytes(),      icmp(18, 0, true).bytes(),  // address masks
      icmp(14, 0).bytes(),                                  // nobody asked
      icmp(3, 3, true).bytes(), icmp(3, 1, true).bytes(),   // errors by code
      icmp(3, 3, true).bytes(), icmp(11, 0, true).bytes(),  // and by type
      icmp6(128, 0).bytes(),    icmp6(129, 0, true).bytes(), icmp6(1, 4, true).bytes(),
      icmp6(135, 0).bytes(),    icmp6(136, 0, true).bytes(),
  };
  EXPECT_EQ(flows(frames, {}), (Lines{"10.0.0.2 0 > 10.0.0.1 0 p1 type 8.0 and 0.0: 7 / 4",
                                      "2001:db8::1 0 > 2001:db8::2 0 p58 type 128.0 and 129.0: 2 / 3"}));
  KeyFields key;
  key.icmp = true;
  const Lines expected{
      "10.0.0.2 0 > 10.0.0.1 0 p1 type 8.0 and 0.0: 1 / 1",
      "10.0.0.1 0 > 10.0.0.2 0 p1 type 13.0 and 14.0: 2 / 1",
      "10.0.0.1 0 > 10.0.0.2 0 p1 type 17.0 and 18.0: 1 / 1",
      "10.0.0.2 0 > 10.0.0.1 0 p1 type 3.3 and 0.0: 2 / 0",
      "10.0.0.2 0 > 10.0.0.1 0 p1 type 3.1 and 0.0: 1 / 0",
      "10.0.0.2 0 > 10.0.0.1 0 p1 type 11.0 and 0.0: 1 / 0",
      "2001:db8::1 0 > 2001:db8::2 0 p58 type 128.0 and 129.0: 1 / 1",
      "2001:db8::2 0 > 2001:db8::1 0 p58 type 1.4 and 0.0: 1 / 0",
      "2001:db8::1 0 > 2001:db8::2 0 p58 type 135.0 and 0.0: 1 / 0",
      "2001:db8::2 0 > 2001:db8::1 0 p58 type 136.0 and 0.0: 1 / 0",
  };
  EXPECT_EQ(flows(frames, key), expected);
  key.vlan_id = true;
  EXPECT_EQ(flows(frames, key), expected);
  // Types and codes stay in a key that has no ports, and bring the protocol of these messages with them.
  key.source_port = key.destination_port = false;
  EXPECT_EQ(flows(frames, key), expected);
  key.protocol = false;
  EXPECT_EQ(flows(frames, key), expected);
}

TEST(Key, TypesAndCodesChangeNothingOfWhatIsNoIcmp) {
  std::vector<Bytes> frames = {v4(packet().eth()), v4(packet().eth(), true), v6(packet().eth()),
                               packet().eth().ipv4("10.0.0.1", "10.0.0.2").tcp(1000, 80).flags(kSyn).bytes()};
  KeyFields key;
  key.icmp = true;
  EXPECT_TRUE(key.holds_five_tuple());
  EXPECT_FALSE(KeyMask(key).changes()) << "the parser does it: nothing is to be done for every packet";
  EXPECT_EQ(flows(frames, key), flows(frames, {}));
  key.protocol = key.source_port = key.destination_port = false;
  frames.push_back(icmp(8, 0).bytes());
  EXPECT_EQ(flows(frames, key), (Lines{"10.0.0.1 0 > 10.0.0.2 0 p0: 2 / 1", "2001:db8::1 0 > 2001:db8::2 0 p0: 1 / 0",
                                       "10.0.0.1 0 > 10.0.0.2 0 p1 type 8.0 and 0.0: 1 / 0"}));
}

TEST(Key, LaterFragmentsHaveTheTypeOfTheirFirstAndUnknownOnesAFlowOfTheirOwn) {
  const std::vector<Bytes> frames = {
      icmp(13, 0).fragment(0, true, 7).payload(8).bytes(),
      packet().eth().ipv4("10.0.0.1", "10.0.0.2").protocol(1).fragment(16, false, 7).payload(8).bytes(),
      icmp(8, 0).bytes(),
      packet().eth().ipv4("10.0.0.1", "10.0.0.2").protocol(1).fragment(16, false, 8).payload(8).bytes(),
  };
  KeyFields key;
  key.icmp = true;
  for (const bool ports : {true, false}) {
    key.source_port = key.destination_port = ports;
    EXPECT_EQ(flows(frames, key), (Lines{"10.0.0.1 0 > 10.0.0.2 0 p1 type 13.0 and 0.0: 2 / 0",
                                         "10.0.0.1 0 > 10.0.0.2 0 p1 type 8.0 and 0.0: 1 / 0",
                                         "10.0.0.1 0 > 10.0.0.2 0 p1 type 0.0 and 0.0: 1 / 0"}));
  }
}

TEST(Key, AQuotedMessageHasTheTypeThatTheErrorQuotes) {
  Bytes quoted = icmp(13, 0).bytes();
  quoted.erase(quoted.begin(), quoted.begin() + 14);
  KeyFields key;
  key.icmp = true;
  ParserOptions options = for_key(ParserOptions::defaults(), key);
  options.icmp_errors = IcmpErrors::quoted;
  Parser parser(options);
  const Bytes frames[] = {icmp(13, 0).bytes(), icmp(11, 0, true).payload(quoted).bytes()};
  ParsedPacket asked{};
  ParsedPacket error{};
  ASSERT_EQ(parser.parse(view_of(frames[0]), asked), Reject::none);
  ASSERT_EQ(parser.parse(view_of(frames[1]), error), Reject::none);
  EXPECT_EQ(error.key, asked.key);
  EXPECT_NE(error.from, asked.from);
}

TEST(Key, FinAndRstEndAFlowOnlyWhereTheKeyTellsConnectionsApart) {
  std::vector<Bytes> frames;
  for (unsigned i = 0; i < 3; ++i) {
    frames.push_back(packet().eth().ipv4("10.0.0.1", "10.0.0.2").tcp(1000, 80).flags(kSyn).bytes());
    frames.push_back(packet().eth().ipv4("10.0.0.2", "10.0.0.1").tcp(80, 1000).flags(kRst).bytes());
  }
  KeyFields key;
  key.vlan_id = true;
  EXPECT_EQ(batch_of(frames, key, 1).size(), 3U);
  key.source_port = key.destination_port = false;
  EXPECT_EQ(flows(frames, key), (Lines{"10.0.0.1 0 > 10.0.0.2 0 p6: 3 / 3"}));
}

TEST(Key, LaterFragmentsAreMaskedOnceTheirPortsAreKnown) {
  const std::vector<Bytes> frames = {
      packet().eth().ipv4("10.0.0.1", "10.0.0.2").fragment(0, true, 7).udp(1000, 53).payload(8).bytes(),
      packet().eth().ipv4("10.0.0.1", "10.0.0.2").protocol(17).fragment(16, false, 7).payload(8).bytes(),
      v4(packet().eth(), true)};
  KeyFields key;
  key.source_prefix4 = key.destination_prefix4 = 31;
  EXPECT_EQ(flows(frames, key), (Lines{"10.0.0.0 1000 > 10.0.0.2 53 p17: 2 / 1"}));
  key = {};
  key.destination_port = false;
  EXPECT_EQ(flows(frames, key),
            (Lines{"10.0.0.1 1000 > 10.0.0.2 0 p17: 2 / 0", "10.0.0.2 53 > 10.0.0.1 0 p17: 1 / 0"}));
}

/// The mask as anybody would write it, octet by octet, on the directional tuple of the unmasked packet.
Tuple masked(const Tuple& from, const KeyFields& key) {
  Tuple to = from;
  const bool icmp = key.icmp && from.protocol == 1;  // whose type and code stand where ports would
  const auto cut = [](std::array<std::uint8_t, 16>& address, unsigned bits) {
    for (unsigned i = 0; i < 128; ++i) {
      if (i >= bits) address[i / 8] = static_cast<std::uint8_t>(address[i / 8] & ~(0x80U >> i % 8));
    }
  };
  cut(to.source, from.ip_version == 4 ? key.source_prefix4 : key.source_prefix6);
  cut(to.destination, from.ip_version == 4 ? key.destination_prefix4 : key.destination_prefix6);
  if (!key.source_port && !icmp) to.source_port = 0;
  if (!key.destination_port && !icmp) to.destination_port = 0;
  if (!key.protocol && !icmp) to.protocol = 0;
  return to;
}

Tuple directional(const ParsedPacket& packet) {
  Tuple tuple;
  tuple.ip_version = static_cast<std::uint8_t>(packet.key.version());
  const std::size_t octets = tuple.ip_version == 4 ? 4 : 16;
  const auto* addresses = reinterpret_cast<const std::uint8_t*>(packet.key.address);
  const bool high = packet.from == Side::high;
  std::memcpy(tuple.source.data(), addresses + (high ? octets : 0), octets);
  std::memcpy(tuple.destination.data(), addresses + (high ? 0 : octets), octets);
  tuple.source_port = high ? packet.key.port_high : packet.key.port_low;
  tuple.destination_port = high ? packet.key.port_low : packet.key.port_high;
  tuple.protocol = packet.key.protocol;
  return tuple;
}

/// Random packets of few addresses under random masks: the directional tuple is the masked one, and two packets have
/// the same key exactly where their tuples are the same or each other's reverse, and what was added is the same.
TEST(Key, IsTheMaskedTupleOfEitherDirectionAndNothingElse) {
  std::mt19937 random(7);
  const auto pick = [&](unsigned below) { return static_cast<unsigned>(random() % below); };
  for (unsigned turn = 0; turn < 300; ++turn) {
    KeyFields key;
    key.source_prefix4 = pick(33);
    key.destination_prefix4 = pick(2) != 0 ? key.source_prefix4 : pick(33);
    key.source_prefix6 = pick(129);
    key.destination_prefix6 = pick(2) != 0 ? key.source_prefix6 : pick(129);
    key.source_port = pick(2) != 0;
    key.destination_port = pick(2) != 0;
    key.protocol = pick(2) != 0;
    key.icmp = pick(2) != 0;
    key.vlan_id = pick(2) != 0;
    key.mpls_label = pick(2) != 0;
    key.tunnel_id = pick(2) != 0;
    const KeyMask mask(key);
    struct One {
      FlowKey key;
      Tuple tuple;
      std::tuple<unsigned, bool, unsigned, unsigned, unsigned> added;
    };
    std::vector<One> all;
    for (unsigned i = 0; i < 24; ++i) {
      ParsedPacket packet{};
      const bool six = pick(3) == 0;
      // Addresses that differ in one bit somewhere, or not at all.
      const auto address = [&] {
        Bytes octets = address_octets(six ? "2001:db8::1" : "10.0.0.1");
        if (pick(2) != 0)
          octets[pick(static_cast<unsigned>(octets.size()))] ^= static_cast<std::uint8_t>(1U << pick(8));
        char text[INET6_ADDRSTRLEN];
        return std::string(inet_ntop(six ? AF_INET6 : AF_INET, octets.data(), text, sizeof text));
      };
      const std::uint8_t protocol = std::array<std::uint8_t, 3>{6, 17, 1}[pick(3)];
      auto from = static_cast<std::uint16_t>(1 + pick(2));
      auto to = static_cast<std::uint16_t>(1 + pick(2));
      if (protocol == 1) from = to = key.icmp ? from : std::uint16_t{0};  // as the parser leaves them
      packet = flow_packet().from(address(), from).to(address(), to).vlan(static_cast<std::uint16_t>(pick(3))).packet();
      packet.key.protocol = protocol;
      packet.key.added = random();  // as a parser leaves it: anything
      packet.facts = static_cast<std::uint8_t>(pick(4));
      packet.tunnel.type = static_cast<TunnelType>(1 + pick(2));
      packet.tunnel.id = pick(2);
      packet.mpls_label = pick(2);
      const bool tunnel = key.tunnel_id && (packet.facts & kHasTunnel) != 0;
      const bool label = key.mpls_label && (packet.facts & kHasLabel) != 0;
      One one;
      one.tuple = masked(directional(packet), key);
      one.added = {key.vlan_id ? packet.vlan_id : 0U, label, label ? packet.mpls_label : 0U,
                   tunnel ? static_cast<std::uint8_t>(packet.tunnel.type) : 0U, tunnel ? packet.tunnel.id : 0U};
      if (mask.changes()) mask.apply(packet, nullptr);
      ASSERT_EQ(directional(packet), one.tuple);
      one.key = packet.key;
      all.push_back(one);
    }
    const KeyHash hash(KeyHash::random_seed());
    for (const One& a : all) {
      for (const One& b : all) {
        Tuple reverse = b.tuple;
        std::swap(reverse.source, reverse.destination);
        std::swap(reverse.source_port, reverse.destination_port);
        const bool same = (a.tuple == b.tuple || a.tuple == reverse) && a.added == b.added;
        ASSERT_EQ(a.key == b.key, same);
        ASSERT_EQ(hash(a.key) == hash(b.key), same);
      }
    }
  }
}

TEST(Key, TheTableKeepsWideKeysOfBothVersionsApartFromTheirNarrowOnes) {
  const KeyHash hash({1, 2, 3, 4, 5, 6});
  FlowTable table(100, hash);
  std::vector<FlowKey> keys;
  for (const char* address : {"10.0.0.2", "2001:db8::2"}) {
    FlowKey key = flow_packet().from(address[0] == '1' ? "10.0.0.1" : "2001:db8::1", 1).to(address, 2).packet().key;
    keys.push_back(key);
    key.ip_version |= FlowKey::kWide;
    for (const std::uint64_t added : {FlowKey::added_of(1, 0, false, 0), FlowKey::added_of(0, 0, true, 0),
                                      FlowKey::added_of(1, 1, true, 0xfffff)}) {
      key.added = added;
      keys.push_back(key);
    }
    key.vlan_id = 4095;
    keys.push_back(key);
  }
  for (unsigned turn = 0; turn < 2; ++turn) {  // the second time in entries that others had
    for (std::size_t i = 0; i < keys.size(); ++i) {
      EXPECT_EQ(table.find(keys[i], hash(keys[i])), FlowTable::kNone) << i;
      const std::uint32_t number = table.insert(keys[i], hash(keys[i]));
      EXPECT_EQ(table.key_of(number), keys[i]) << i;
    }
    for (const FlowKey& key : keys) {
      const std::uint32_t number = table.find(key, hash(key));
      ASSERT_NE(number, FlowTable::kNone);
      EXPECT_EQ(table.key_of(number), key);
    }
    for (const FlowKey& key : keys) table.erase(table.find(key, hash(key)));
    EXPECT_EQ(table.size(), 0U);
  }
}

}  // namespace
}  // namespace weir::test::key_mask_test
