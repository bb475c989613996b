// What --key makes of interfaces, TOS, inner VLANs and MAC addresses: packets as they are on the wire, through the
// meter at several numbers of workers, and through workers that hand packets over.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "dataplane/flow/key_mask.h"
#include "dataplane/offline_meter.h"
#include "dataplane/packet/parser.h"
#include "tests/support/frame_list.h"
#include "tests/support/packet_builder.h"
#include "tests/support/records.h"
#include "tests/unit/dataplane/worker_fixtures.h"

namespace weir::test::extended_key_test {
namespace {

struct Frame {
  Bytes octets;
  std::uint32_t interface = 0;
};
using Lines = std::vector<std::string>;

/// The records of `frames`, one a millisecond.
RecordBatch batch_of(const std::vector<Frame>& frames, const FlowSettings& flow, unsigned workers) {
  OfflineOptions options;
  static_cast<FlowSettings&>(options) = flow;
  options.workers = workers;
  options.max_flows = 4096;
  OfflineMeter meter(options, KeyHash(KeyHash::random_seed()));
  EXPECT_TRUE(meter.ok());
  std::uint64_t now_ns = 1'700'000'000'000'000'000;
  for (const Frame& frame : frames) {
    PacketView view = view_of(frame.octets, now_ns += 1'000'000);
    view.ingress_interface = frame.interface;
    meter.add(view);
  }
  meter.finish();
  RecordBatch records;
  for (unsigned i = 0; i < workers; ++i) records.append(take_batch(meter.records(i)).span());
  return records;
}

/// "10.0.0.1:1000 > 10.0.0.2:53 in 1: 2 / 1", ordered by start; with the metric layer2 its MAC addresses and inner
/// VLAN, too.
std::string text_of(RecordView record) {
  const auto end = [&](const std::uint8_t* address, std::uint16_t port) {
    return std::to_string(address[0]) + '.' + std::to_string(address[3]) + ':' + std::to_string(port);
  };
  std::string line = end(record->source_address, record->source_port()) + " > " +
                     end(record->destination_address, record->destination_port());
  if (record->ingress_interface != 0) line += " in " + std::to_string(record->ingress_interface);
  if (record->ip_tos[kForward] != 0) line += " tos " + std::to_string(record->ip_tos[kForward]);
  if (const auto* const layer2 = record.find<Layer2Section>()) {
    line += " mac " + std::to_string(layer2->source_mac[5]) + '>' + std::to_string(layer2->destination_mac[5]);
    if (layer2->inner_vlan_id != 0) line += " inner " + std::to_string(layer2->inner_vlan_id);
  }
  return line + ": " + std::to_string(record->packets[kForward]) + " / " + std::to_string(record->packets[kReverse]);
}
Lines texts(const RecordBatch& batch) {
  std::vector<RecordView> records(batch.begin(), batch.end());
  std::sort(records.begin(), records.end(), [](RecordView a, RecordView b) { return a->start_ns() < b->start_ns(); });
  Lines lines;
  for (const RecordView record : records) lines.push_back(text_of(record));
  return lines;
}

/// The flows at one worker; the same records, sections included, come from three.
Lines flows(const std::vector<Frame>& frames, const KeyFields& key) {
  FlowSettings flow;
  flow.key = key;
  flow.metrics = for_key(Metrics(), key);
  const RecordBatch one = batch_of(frames, flow, 1);
  EXPECT_TRUE(octets_of(one) == octets_of(batch_of(frames, flow, 3)));
  return texts(one);
}

/// A packet of the conversation 10.0.0.1:1000 with 10.0.0.2:53, or back.
Bytes v4(PacketBuilder builder, bool back = false, unsigned tos = 0) {
  return back ? builder.ipv4("10.0.0.2", "10.0.0.1").tos(tos).udp(53, 1000).payload(20).bytes()
              : builder.ipv4("10.0.0.1", "10.0.0.2").tos(tos).udp(1000, 53).payload(10).bytes();
}

TEST(ExtendedKey, InterfacesPartAConversationOnlyWhereTheyAreAskedFor) {
  const std::vector<Frame> frames = {{v4(packet().eth()), 1},
                                     {v4(packet().eth()), 2},
                                     {v4(packet().eth(), true), 2},
                                     {v4(packet().eth(), true), 1},
                                     {v4(packet().eth(), true), 1}};
  EXPECT_EQ(flows(frames, {}), (Lines{"10.1:1000 > 10.2:53 in 1: 2 / 3"}));
  KeyFields key;
  key.in_if = true;
  EXPECT_EQ(flows(frames, key), (Lines{"10.1:1000 > 10.2:53 in 1: 1 / 2", "10.1:1000 > 10.2:53 in 2: 1 / 1"}));
}

TEST(ExtendedKey, ServicesPartAConversationOnlyWhereTheyAreAskedFor) {
  const std::vector<Frame> frames = {{v4(packet().eth(), false, 0xb8)},
                                     {v4(packet().eth())},
                                     {v4(packet().eth(), true, 0xb8)},
                                     {v4(packet().eth(), true)},
                                     {v4(packet().eth())}};
  EXPECT_EQ(flows(frames, {}), (Lines{"10.1:1000 > 10.2:53 tos 184: 3 / 2"}));
  KeyFields key;
  key.ip_tos = true;
  EXPECT_EQ(flows(frames, key), (Lines{"10.1:1000 > 10.2:53 tos 184: 1 / 1", "10.1:1000 > 10.2:53: 2 / 1"}));
}

TEST(ExtendedKey, AMacAddressBelongsToItsEndAsTheIpAddressDoes) {
  const std::vector<Frame> frames = {{v4(packet().eth(1, 2))},
                                     {v4(packet().eth(2, 1), true)},
                                     {v4(packet().eth(3, 2))},
                                     {v4(packet().eth(2, 3), true)},
                                     {v4(packet().eth(2, 1), true)}};
  KeyFields key;
  key.source_mac = key.destination_mac = true;
  EXPECT_EQ(flows(frames, key), (Lines{"10.1:1000 > 10.2:53 mac 1>2: 1 / 2", "10.1:1000 > 10.2:53 mac 3>2: 1 / 1"}));
  key.destination_mac = false;  // an end that does not send has no MAC address: each direction is a flow
  EXPECT_EQ(flows(frames, key), (Lines{"10.1:1000 > 10.2:53 mac 1>2: 1 / 0", "10.2:53 > 10.1:1000 mac 2>1: 3 / 0",
                                       "10.1:1000 > 10.2:53 mac 3>2: 1 / 0"}));
}

TEST(ExtendedKey, OfNothingButMacAddressesJoinsWhatTwoStationsSay) {
  KeyFields key{.source_prefix4 = 0,
                .destination_prefix4 = 0,
                .source_prefix6 = 0,
                .destination_prefix6 = 0,
                .source_port = false,
                .destination_port = false,
                .protocol = false};
  key.source_mac = key.destination_mac = true;
  const std::vector<Frame> frames = {
      {packet().eth(9, 2).ipv4("10.0.0.1", "10.0.0.2").tcp(1000, 80).flags(kSyn | kAck).bytes()},
      {v4(packet().eth(2, 9), true)},
      {packet().eth(9, 2).ipv4("10.0.0.7", "10.0.0.8").udp(1, 2).bytes()},
      {v4(packet().eth(9, 3))}};
  // The SYN/ACK goes to the initiator.
  EXPECT_EQ(flows(frames, key), (Lines{"0.0:0 > 0.0:0 mac 2>9: 1 / 2", "0.0:0 > 0.0:0 mac 9>3: 1 / 0"}));
}

TEST(ExtendedKey, InnerVlansPartAConversationOnlyWhereTheyAreAskedFor) {
  const std::vector<Frame> frames = {{v4(packet().eth().qinq(10).vlan(5))},
                                     {v4(packet().eth().qinq(10).vlan(6))},
                                     {v4(packet().eth().qinq(10).vlan(5), true)},
                                     {v4(packet().eth().vlan(10))}};
  EXPECT_EQ(flows(frames, {}), (Lines{"10.1:1000 > 10.2:53: 3 / 1"}));
  KeyFields key;
  key.inner_vlan_id = true;
  EXPECT_EQ(flows(frames, key),
            (Lines{"10.1:1000 > 10.2:53 mac 1>2 inner 5: 1 / 1", "10.1:1000 > 10.2:53 mac 1>2 inner 6: 1 / 0",
                   "10.1:1000 > 10.2:53 mac 1>2: 1 / 0"}));
}

TEST(ExtendedKey, StandsBesideATunnelAndAnIpv6Address) {
  const auto tunnelled = [](unsigned vni, unsigned tos) {
    return packet()
        .eth()
        .ipv4("192.0.2.1", "192.0.2.2")
        .udp(1, 4789)
        .vxlan(vni)
        .eth()
        .ipv6("2001:db8::1", "2001:db8::2")
        .tos(tos)
        .udp(1000, 53)
        .payload(9)
        .bytes();
  };
  KeyFields key;
  key.tunnel_id = key.ip_tos = true;
  const std::vector<Frame> frames = {{tunnelled(1, 8)}, {tunnelled(1, 16)}, {tunnelled(2, 8)}, {tunnelled(2, 8)}};
  EXPECT_EQ(flows(frames, key), (Lines{"32.184:1000 > 32.184:53 tos 8: 1 / 0", "32.184:1000 > 32.184:53 tos 16: 1 / 0",
                                       "32.184:1000 > 32.184:53 tos 8: 2 / 0"}));
}

TEST(ExtendedKey, LaterFragmentsHaveThePortsOfTheirFirstAndFactsOfTheirOwn) {
  const std::vector<Frame> frames = {
      {packet().eth(1, 2).ipv4("10.0.0.1", "10.0.0.2").fragment(0, true, 7).udp(1000, 53).payload(8).bytes(), 1},
      {packet().eth(1, 2).ipv4("10.0.0.1", "10.0.0.2").protocol(17).fragment(16, false, 7).payload(8).bytes(), 1},
      {packet().eth(3, 2).ipv4("10.0.0.1", "10.0.0.2").fragment(0, true, 8).udp(1000, 53).payload(8).bytes(), 1}};
  KeyFields key;
  key.source_mac = key.destination_mac = key.in_if = true;
  EXPECT_EQ(flows(frames, key),
            (Lines{"10.1:1000 > 10.2:53 in 1 mac 1>2: 2 / 0", "10.1:1000 > 10.2:53 in 1 mac 3>2: 1 / 0"}));
}

TEST(ExtendedKey, InterfacesOfAPairAreTheEndsOfOneFlow) {
  FlowSettings flow;
  flow.pairs.join(1, 2);
  flow.key.in_if = flow.key.out_if = true;
  const std::vector<Frame> frames = {{v4(packet().eth()), 1},
                                     {v4(packet().eth(), true), 2},
                                     {v4(packet().eth()), 2},
                                     {v4(packet().eth()), 3},
                                     {v4(packet().eth(), true), 3}};
  // Port 3 is in no pair: both directions come in there, and where they leave is not known.
  EXPECT_EQ(
      texts(batch_of(frames, flow, 1)),
      (Lines{"10.1:1000 > 10.2:53 in 1: 1 / 1", "10.1:1000 > 10.2:53 in 2: 1 / 0", "10.1:1000 > 10.2:53 in 3: 1 / 1"}));
  flow.key.out_if = false;
  EXPECT_EQ(
      texts(batch_of(frames, flow, 1)),
      (Lines{"10.1:1000 > 10.2:53 in 1: 1 / 0", "10.2:53 > 10.1:1000 in 2: 1 / 1", "10.1:1000 > 10.2:53 in 3: 1 / 1"}));
}

TEST(ExtendedKey, AnIcmpErrorFindsTheFlowByTheServiceThatItQuotesAndTheWayThatItCame) {
  FlowSettings flow;
  flow.key.ip_tos = flow.key.in_if = true;
  flow.metrics = Metrics().with<Icmp>();
  const auto asked = [](unsigned tos) { return v4(packet().eth(), false, tos); };
  Bytes quoted = asked(8);
  quoted.erase(quoted.begin(), quoted.begin() + 14);
  const Bytes error = packet().eth(2, 1).ipv4("10.0.0.2", "10.0.0.1").icmp(3, 3).payload(quoted).bytes();
  const auto errors_of = [&](std::uint32_t error_at) {
    Lines lines;
    for (const RecordView record : batch_of({{asked(8), 1}, {asked(16), 1}, {error, error_at}}, flow, 1)) {
      if (record->protocol != 17) continue;
      const auto* const icmp = record.find<IcmpSection>();
      const bool told = icmp != nullptr && icmp->errors[kForward] + icmp->errors[kReverse] != 0;
      lines.push_back(text_of(record) + (told ? " told" : ""));
    }
    return lines;
  };
  EXPECT_EQ(errors_of(1),
            (Lines{"10.1:1000 > 10.2:53 in 1 tos 8: 1 / 0 told", "10.1:1000 > 10.2:53 in 1 tos 16: 1 / 0"}));
  EXPECT_EQ(errors_of(2), (Lines{"10.1:1000 > 10.2:53 in 1 tos 8: 1 / 0", "10.1:1000 > 10.2:53 in 1 tos 16: 1 / 0"}));
  flow.pairs.join(1, 2);  // what went in at port 1 comes back at port 2
  EXPECT_EQ(errors_of(2),
            (Lines{"10.1:1000 > 10.2:53 in 1 tos 8: 1 / 0 told", "10.1:1000 > 10.2:53 in 1 tos 16: 1 / 0"}));
}

/// Random packets of few values under random keys: as many flows as there are different keys, written as anybody would,
/// each with its packets; through workers that hand over, one of which receives each packet at random.
TEST(ExtendedKey, IsTheSameFlowsWhicheverWorkerReceivesAPacket) {
  std::mt19937 random(11);
  const auto pick = [&](unsigned below) { return static_cast<unsigned>(random() % below); };
  for (unsigned turn = 0; turn < 12; ++turn) {
    WorkerOptions options;
    options.key.in_if = pick(2) != 0;
    options.key.ip_tos = pick(2) != 0;
    options.key.source_mac = options.key.destination_mac = pick(2) != 0;
    options.key.inner_vlan_id = pick(2) != 0;
    options.key.vlan_id = pick(2) != 0;
    options.metrics = for_key(Metrics(), options.key);
    const KeyFields& key = options.key;
    using Ends = std::pair<std::array<unsigned, 2>, std::array<unsigned, 2>>;
    std::map<std::tuple<Ends, unsigned, unsigned, unsigned, unsigned>, std::uint64_t> model;
    constexpr unsigned kWorkers = 3;
    HandoverMesh mesh(kWorkers);
    std::vector<std::unique_ptr<Worker>> all;
    std::vector<FrameList> sources(kWorkers);
    for (unsigned number = 0; number < kWorkers; ++number) {
      options.number = number;
      options.workers = kWorkers;
      options.capacity = 4000;
      options.handover = &mesh;
      all.push_back(std::make_unique<Worker>(options, kHash));
      sources[number].ingress_interface = number + 1;
    }
    for (unsigned i = 0; i < 600; ++i) {
      const unsigned worker = pick(kWorkers);
      const std::array<unsigned, 2> from{1 + pick(3), pick(2)};
      const std::array<unsigned, 2> to{4 + pick(3), pick(2)};
      const unsigned tos = 4 * pick(2);
      const unsigned outer = 1 + pick(2);
      const unsigned inner = pick(3);
      const bool back = pick(2) != 0;
      const auto address = [](unsigned last) { return "10.0.0." + std::to_string(last); };
      const std::array<unsigned, 2>& source = back ? to : from;
      const std::array<unsigned, 2>& destination = back ? from : to;
      PacketBuilder builder =
          packet().eth(static_cast<std::uint8_t>(source[1]), static_cast<std::uint8_t>(destination[1]));
      builder.vlan(outer);
      if (inner != 0) builder.vlan(inner);
      sources[worker].frames.push_back(
          builder.ipv4(address(source[0]), address(destination[0])).tos(tos).udp(7, 7).payload(4).bytes());
      const auto end = [&](std::array<unsigned, 2> whole) {
        if (!key.source_mac) whole[1] = 0;
        return whole;
      };
      ++model[{Ends{end(from), end(to)}, key.in_if ? worker : 0, key.ip_tos ? tos : 0, key.vlan_id ? outer : 0,
               key.inner_vlan_id ? inner : 0}];
    }
    for (unsigned round = 0; round < 300; ++round) {
      for (unsigned number = 0; number < kWorkers; ++number)
        all[number]->poll(sources[number], 1'700'000'000'000'000'000);
    }
    std::vector<std::uint64_t> expected;
    for (const auto& [flow, packets] : model) expected.push_back(packets);
    std::vector<std::uint64_t> seen;
    std::uint64_t handed_over = 0;
    for (unsigned number = 0; number < kWorkers; ++number) {
      ASSERT_TRUE(sources[number].done());
      all[number]->drain(1'700'000'000'000'000'000);
      expect_balanced(*all[number]);
      for (const FlowRecord& record : take(all[number]->records())) seen.push_back(record.total_packets());
      handed_over += all[number]->counters().handed_over.packets;
    }
    std::sort(expected.begin(), expected.end());
    std::sort(seen.begin(), seen.end());
    EXPECT_EQ(seen, expected) << "turn " << turn;
    EXPECT_GT(handed_over, 0U);
  }
}

TEST(ExtendedKey, ATableThatGrowsKeepsItsFlowsApart) {
  FlowSettings flow;
  flow.key.ip_tos = flow.key.in_if = true;
  std::vector<Frame> frames;
  for (unsigned round = 0; round < 2; ++round) {
    for (unsigned tos = 0; tos < 256; ++tos) {
      for (unsigned interface = 1; interface <= 8; ++interface) {
        frames.push_back({v4(packet().eth(), round == 1, tos), interface});
      }
    }
  }
  const RecordBatch records = batch_of(frames, flow, 1);
  EXPECT_EQ(records.size(), 2048U);
  for (const RecordView record : records) {
    EXPECT_EQ(record->packets[kForward], 1U);
    EXPECT_EQ(record->packets[kReverse], 1U);
  }
}

}  // namespace
}  // namespace weir::test::extended_key_test
