// Workers that hand packets over: no conversation is split, fragments find their ports, records with metrics are those
// of one worker, and what finds a ring full is lost by name.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <initializer_list>
#include <map>
#include <random>
#include <set>
#include <string>
#include <thread>

#include "dataplane/input/pcap_filter.h"
#include "tests/support/dns_message.h"
#include "tests/support/flow_packet.h"
#include "tests/support/frame_list.h"
#include "tests/support/packet_builder.h"
#include "tests/support/records.h"
#include "tests/unit/dataplane/worker_fixtures.h"

namespace weir::test::worker_handover_test {
namespace {

/// None of them receives any more, and each takes over what the others still had for it.
void stop_receiving(const std::vector<std::unique_ptr<Worker>>& all) {
  for (const auto& worker : all) worker->stop_receiving();
  for (std::size_t settled = 0, turn = 0; settled < all.size(); ++turn) {
    ASSERT_LT(turn, 10'000U) << "the workers wait for one another";
    settled = all[turn % all.size()]->settle(kEpochNs) ? settled + 1 : 0;
  }
}

/// Workers whose sources hold the packets of both directions on different workers, as a device without RSS would.
class HandOver : public ::testing::TestWithParam<unsigned> {};

TEST_P(HandOver, NoConversationIsSplitOverWorkersAndEveryPacketIsAccountedFor) {
  const unsigned workers = GetParam();
  constexpr unsigned kConversations = 400;
  constexpr unsigned kRounds = 20;
  HandoverMesh mesh(workers);
  std::vector<std::unique_ptr<Worker>> all;
  std::vector<FrameList> sources(workers);
  for (unsigned number = 0; number < workers; ++number) {
    WorkerOptions options;
    options.number = number;
    options.workers = workers;
    options.capacity = 2000;
    options.handover = &mesh;
    all.push_back(std::make_unique<Worker>(options, kHash));
  }
  std::uint64_t sent = 0;
  for (unsigned round = 0; round < kRounds; ++round) {
    for (unsigned i = 0; i < kConversations; ++i) {
      sources[(i + round) % workers].frames.push_back(
          packet().eth().ipv4("10.0.0.1", "10.0.0.2").udp(1000 + i, 53).bytes());
      sources[(i + round + 1) % workers].frames.push_back(
          packet().eth().ipv4("10.0.0.2", "10.0.0.1").udp(53, 1000 + i).bytes());
      sent += 2;
    }
  }
  std::vector<std::thread> threads;
  for (unsigned number = 0; number < workers; ++number) {
    threads.emplace_back([&, number] {
      while (!sources[number].done()) all[number]->poll(sources[number], kEpochNs);
      all[number]->stop_receiving();
      while (!all[number]->settle(kEpochNs)) std::this_thread::yield();
      all[number]->drain(kEpochNs);
    });
  }
  for (std::thread& thread : threads) thread.join();

  std::set<std::pair<std::uint16_t, std::uint16_t>> ports;
  PacketCount handed;
  PacketCount taken;
  std::uint64_t counted = 0;
  std::uint64_t dropped = 0;
  for (auto& worker : all) {
    expect_balanced(*worker);
    for (const FlowRecord& record : take(worker->records())) {
      counted += record.total_packets();
      const auto low = std::min(record.ports[kForward], record.ports[kReverse]);
      const auto high = std::max(record.ports[kForward], record.ports[kReverse]);
      EXPECT_TRUE(ports.emplace(low, high).second) << "conversation " << high << " came out twice";
    }
    handed += worker->counters().handed_over;
    taken += worker->counters().taken_over;
    dropped += worker->counters().handover_full.packets;
  }
  EXPECT_EQ(handed, taken);
  EXPECT_EQ(counted + dropped, sent);
  EXPECT_EQ(ports.size(), kConversations);
  if (workers > 1) {
    EXPECT_GT(handed.packets, 0U);
  }
}

/// --key joins what the device spreads: the owner is found by the masked key.
TEST_P(HandOver, AFlowOfManyAddressesIsOneWorkersFragmentsIncluded) {
  const unsigned workers = GetParam();
  constexpr unsigned kRounds = 50;
  HandoverMesh mesh(workers);
  std::vector<std::unique_ptr<Worker>> all;
  std::vector<FrameList> sources(workers);
  for (unsigned number = 0; number < workers; ++number) {
    WorkerOptions options;
    options.number = number;
    options.workers = workers;
    options.capacity = 2000;
    options.handover = &mesh;
    options.key.source_prefix4 = options.key.destination_prefix4 = 24;
    options.key.vlan_id = true;
    all.push_back(std::make_unique<Worker>(options, kHash));
  }
  std::mt19937 random(3);
  for (unsigned round = 0; round < kRounds; ++round) {
    for (unsigned net = 0; net < 20; ++net) {
      const auto in = [&](unsigned third) {
        return "10." + std::to_string(net) + '.' + std::to_string(third) + '.' + std::to_string(random() % 256);
      };
      std::vector<Bytes> frames = {packet().eth().vlan(1 + net % 2).ipv4(in(0), in(1)).udp(1000, 53).bytes(),
                                   packet().eth().vlan(1 + net % 2).ipv4(in(1), in(0)).udp(53, 1000).bytes()};
      const std::string from = in(0);
      const std::string to = in(1);
      const auto datagram = [&] { return packet().eth().vlan(1 + net % 2).ipv4(from, to); };
      frames.push_back(datagram().fragment(0, true, round).udp(1000, 53).payload(8).bytes());
      frames.push_back(datagram().protocol(17).fragment(16, false, round).payload(8).bytes());
      // The fragments in one queue, so that the first comes first; which one is the device's affair.
      const std::size_t queue = random() % workers;
      for (std::size_t i = 0; i < 4; ++i) {
        sources[i < 2 ? random() % workers : queue].frames.push_back(std::move(frames[i]));
      }
    }
  }
  FrameList nothing;
  for (unsigned number = 0; number < workers; ++number) {
    while (!sources[number].done()) {
      all[number]->poll(sources[number], kEpochNs);
      for (auto& worker : all) worker->poll(nothing, kEpochNs);
    }
  }
  ASSERT_NO_FATAL_FAILURE(stop_receiving(all));
  std::set<std::uint8_t> nets;
  for (auto& worker : all) {
    worker->drain(kEpochNs);
    expect_balanced(*worker);
    EXPECT_EQ(worker->counters().fragments_without_first.packets, 0U);
    EXPECT_EQ(worker->counters().handover_full.packets, 0U);
    for (const FlowRecord& record : take(worker->records())) {
      EXPECT_TRUE(nets.insert(record.source_address[1]).second) << "a flow came out twice";
      EXPECT_EQ(record.source_address[3], 0);
      EXPECT_EQ(record.total_packets(), 4 * kRounds);
      EXPECT_EQ(record.vlan_id, 1 + record.source_address[1] % 2);
      EXPECT_EQ(std::min(record.packets[0], record.packets[1]), kRounds);
    }
  }
  EXPECT_EQ(nets.size(), 20U);
}

TEST_P(HandOver, AFilterKeepsTheFragmentsOfADatagramTogetherWhicheverWorkerReceivesThem) {
  const unsigned workers = GetParam();
  constexpr unsigned kDatagrams = 300;
  const PcapFlowFilter filter(PcapFilter::compile_for_flows("udp src portrange 1000-1099").value());
  HandoverMesh mesh(workers);
  std::vector<std::unique_ptr<Worker>> all;
  std::vector<FrameList> firsts(workers);
  std::vector<FrameList> laters(workers);
  for (unsigned number = 0; number < workers; ++number) {
    WorkerOptions options;
    options.number = number;
    options.workers = workers;
    options.capacity = 2000;
    options.handover = &mesh;
    options.filter = &filter;
    all.push_back(std::make_unique<Worker>(options, kHash));
  }
  for (unsigned i = 0; i < kDatagrams; ++i) {
    const auto around = [] { return packet().eth().vlan(5).ipv4("10.0.0.1", "10.0.0.2"); };
    firsts[i % workers].frames.push_back(around().fragment(0, true, i).udp(1000 + i, 53).payload(8).bytes());
    laters[(i + 1) % workers].frames.push_back(around().protocol(17).fragment(16, false, i).payload(8).bytes());
  }
  // One whose first nobody sees: its octets have no port.
  laters[0].frames.push_back(
      packet().eth().ipv4("10.0.0.1", "10.0.0.2").protocol(17).fragment(16, false, 9999).payload(8).bytes());
  for (auto* sources : {&firsts, &laters}) {
    for (unsigned number = 0; number < workers; ++number) {
      while (!(*sources)[number].done()) all[number]->poll((*sources)[number], kEpochNs);
    }
    FrameList nothing;
    for (unsigned turn = 0; turn < 100; ++turn) all[turn % workers]->poll(nothing, kEpochNs);
  }
  ASSERT_NO_FATAL_FAILURE(stop_receiving(all));
  PacketCount counted;
  PacketCount filtered_out;
  for (auto& worker : all) {
    expect_balanced(*worker);
    counted += worker->counters().counted;
    filtered_out += worker->counters().filtered_out;
  }
  EXPECT_EQ(counted, (PacketCount{200, 100 * (18 + 36 + 18 + 28)}));
  EXPECT_EQ(filtered_out, (PacketCount{401, 200 * (18 + 36 + 18 + 28) + 14 + 28}));
}

TEST_P(HandOver, SamplingByFlowsCountsADatagramWholeOrNotAtAllWhicheverWorkerReceivesItsFragments) {
  const unsigned workers = GetParam();
  constexpr unsigned kDatagrams = 2000;
  const PcapFlowFilter udp(PcapFilter::compile_for_flows("udp").value());
  for (const auto by : {Sampling::By::flows, Sampling::By::packets}) {
    for (const FlowFilter* const filter :
         {static_cast<const FlowFilter*>(nullptr), static_cast<const FlowFilter*>(&udp)}) {
      HandoverMesh mesh(workers);
      std::vector<std::unique_ptr<Worker>> all;
      std::vector<FrameList> firsts(workers);
      std::vector<FrameList> laters(workers);
      for (unsigned number = 0; number < workers; ++number) {
        WorkerOptions options;
        options.number = number;
        options.workers = workers;
        options.capacity = 4000;
        options.handover = &mesh;
        options.filter = filter;
        options.sampling = {by, false, 4, 0, {1, 2, 3, 4, 5, 6}};
        all.push_back(std::make_unique<Worker>(options, kHash));
      }
      for (unsigned i = 0; i < kDatagrams; ++i) {
        const auto around = [] { return packet().eth().ipv4("10.0.0.1", "10.0.0.2"); };
        firsts[i % workers].frames.push_back(around().fragment(0, true, i).udp(1000 + i, 53).payload(8).bytes());
        laters[(i + 1) % workers].frames.push_back(around().protocol(17).fragment(16, false, i).payload(8).bytes());
      }
      for (auto* sources : {&firsts, &laters}) {
        for (unsigned number = 0; number < workers; ++number) {
          while (!(*sources)[number].done()) all[number]->poll((*sources)[number], kEpochNs);
        }
        FrameList nothing;
        for (unsigned turn = 0; turn < 400; ++turn) all[turn % workers]->poll(nothing, kEpochNs);
      }
      ASSERT_NO_FATAL_FAILURE(stop_receiving(all));
      std::uint64_t counted = 0;
      std::uint64_t sampled_out = 0;
      for (auto& worker : all) {
        expect_balanced(*worker);
        worker->drain(kEpochNs);
        EXPECT_EQ(worker->counters().fragments_without_first, PacketCount{});
        EXPECT_EQ(worker->counters().handover_full, PacketCount{});
        counted += worker->counters().counted.packets;
        sampled_out += worker->counters().sampled_out.packets;
        for (const FlowRecord& record : take(worker->records())) {
          EXPECT_EQ(record.sampling_rate, 4U);
          EXPECT_NE(record.source_port(), 0) << "a later fragment without its ports";
          if (by == Sampling::By::flows) {
            EXPECT_EQ(record.packets[kForward], 2U);
          }
        }
      }
      EXPECT_EQ(counted + sampled_out, 2 * kDatagrams);
      // By packets each worker takes one of each four of its own; by flows a binomial, five standard deviations.
      const double off = by == Sampling::By::packets ? 2.0 * workers : 2 * 5 * std::sqrt(kDatagrams * 0.25 * 0.75);
      EXPECT_NEAR(static_cast<double>(counted), 2 * kDatagrams / 4.0, off);
    }
  }
}

/// First fragments reach one worker and later ones another, as with a device that hashes ports where there are some.
TEST_P(HandOver, LaterFragmentsFindTheirPortsWhicheverWorkerReceivesThem) {
  const unsigned workers = GetParam();
  constexpr unsigned kDatagrams = 300;
  for (const bool together : {false, true}) {
    HandoverMesh mesh(workers);
    std::vector<std::unique_ptr<Worker>> all;
    std::vector<FrameList> firsts(workers);
    std::vector<FrameList> laters(workers);
    for (unsigned number = 0; number < workers; ++number) {
      WorkerOptions options;
      options.number = number;
      options.workers = workers;
      options.capacity = 2000;
      options.handover = &mesh;
      all.push_back(std::make_unique<Worker>(options, kHash));
    }
    for (unsigned i = 0; i < kDatagrams; ++i) {
      const auto first = packet().eth().ipv4("10.0.0.1", "10.0.0.2").fragment(0, true, i).udp(1000 + i, 53).payload(8);
      const auto later = packet().eth().ipv4("10.0.0.1", "10.0.0.2").protocol(17).fragment(16, false, i).payload(8);
      firsts[i % workers].frames.push_back(first.bytes());
      // After the first in the same queue, or in the next worker's queue a little later.
      (together ? firsts[i % workers] : laters[(i + 1) % workers]).frames.push_back(later.bytes());
    }
    for (auto* sources : {&firsts, &laters}) {
      for (unsigned number = 0; number < workers; ++number) {
        while (!(*sources)[number].done()) all[number]->poll((*sources)[number], kEpochNs);
      }
      // Each worker takes over what was meant for it before the next ones come.
      FrameList nothing;
      for (unsigned turn = 0; turn < 100; ++turn) all[turn % workers]->poll(nothing, kEpochNs);
    }
    ASSERT_NO_FATAL_FAILURE(stop_receiving(all));
    std::set<std::uint16_t> ports;
    for (auto& worker : all) {
      worker->drain(kEpochNs);
      expect_balanced(*worker);
      EXPECT_EQ(worker->counters().fragments_without_first.packets, 0U);
      for (const FlowRecord& record : take(worker->records())) {
        EXPECT_EQ(record.total_packets(), 2U);
        EXPECT_EQ(record.total_octets(), 36U + 28U);
        EXPECT_TRUE(ports.insert(record.ports[kForward]).second);
      }
    }
    EXPECT_EQ(ports.size(), kDatagrams);
  }
}

/// Frames whose facts differ from packet to packet, of conversations of several kinds.
std::vector<Bytes> frames_with_facts() {
  std::mt19937 engine(7);
  const auto random = [&] { return static_cast<unsigned>(engine()); };
  std::vector<Bytes> frames;
  for (unsigned round = 0; round < 12; ++round) {
    for (unsigned i = 0; i < 40; ++i) {
      const bool back = random() % 2 != 0;
      const unsigned ttl = random() % 256;
      const auto mac = static_cast<std::uint8_t>(random());
      const unsigned window = random() % 4 * 1000;
      const auto tcp = [&](PacketBuilder builder) {
        builder.tcp(back ? 80 : 1000 + i, back ? 1000 + i : 80)
            .window(window)
            .flags(random() % 3 == 0 ? kSyn | kAck : kAck)
            .sequence(0xffffff00 + random() % 1000)
            .acknowledgment(0xffffff00 + random() % 1000);
        const auto stamp = [&] { return static_cast<std::uint8_t>(random() % 20); };
        builder.tcp_options({2, 4, static_cast<std::uint8_t>(random()), 1, static_cast<std::uint8_t>(30 + i), 2, 8, 10,
                             0, 0, 0, stamp(), 0, 0, 0, stamp(), 1, 1});
        return builder.payload(random() % 100).bytes();
      };
      const char* const from = back ? "10.0.0.2" : "10.0.0.1";
      const char* const to = back ? "10.0.0.1" : "10.0.0.2";
      switch (i % 5) {
        case 0:
          frames.push_back(tcp(packet().eth(mac, 1).ipv4(from, to).ttl(ttl)));
          break;
        case 1:
          frames.push_back(tcp(packet()
                                   .eth(mac, 1)
                                   .qinq(5)
                                   .vlan(1 + random() % 100)
                                   .mpls(random() % 999, 3)
                                   .mpls(random() % 999)
                                   .ipv4(from, to)
                                   .ttl(ttl)));
          break;
        case 2:
          frames.push_back(tcp(packet()
                                   .eth(mac, 1)
                                   .ipv6(back ? "2001:db8::2" : "2001:db8::1", back ? "2001:db8::1" : "2001:db8::2")
                                   .ttl(ttl)
                                   .flow_label(random() % 0xfffff)));
          break;
        case 3:
          frames.push_back(tcp(packet().eth(mac, 1).ipv4("192.0.2.1", "192.0.2.2").gre().ipv4(from, to).ttl(ttl)));
          break;
        default:  // two fragments, which a device may spread
          frames.push_back(packet()
                               .eth(mac, 1)
                               .ipv4(from, to)
                               .ttl(ttl)
                               .fragment(0, true, round * 100 + i)
                               .tcp(back ? 80 : 1000 + i, back ? 1000 + i : 80)
                               .window(window)
                               .payload(60)
                               .bytes());
          frames.push_back(packet()
                               .eth(mac, 1)
                               .ipv4(from, to)
                               .ttl(ttl)
                               .protocol(6)
                               .fragment(80, false, round * 100 + i)
                               .payload(random() % 50)
                               .bytes());
      }
    }
  }
  return frames;
}

/// DNS over UDP and TCP: the payload crosses, too.
void add_dns_frames(std::vector<Bytes>& frames) {
  const auto bytes = [](const std::string& text) { return Bytes(text.begin(), text.end()); };
  for (unsigned i = 0; i < 20; ++i) {
    const unsigned port = 2000 + i;
    const std::string question = dns_question("host" + std::to_string(i) + "." + std::string(i * 3, 'x') + ".example");
    const std::string query = dns_message(i, kDnsQuery, question);
    const std::string response = dns_message(i, i % 3 == 0 ? kDnsNoSuchName : kDnsResponse, question, i % 2);
    frames.push_back(packet().eth().ipv4("10.0.0.1", "10.0.0.9").udp(port, 53).payload(bytes(query)).bytes());
    frames.push_back(packet().eth().ipv4("10.0.0.9", "10.0.0.1").udp(53, port).payload(bytes(response)).bytes());
    const std::string stream = dns_over_tcp(query) + dns_over_tcp(query);
    for (unsigned at = 0; at < stream.size(); at += 7 + i) {
      frames.push_back(packet()
                           .eth()
                           .ipv6("2001:db8::1", "2001:db8::9")
                           .tcp(port, 53)
                           .sequence(at)
                           .flags(kAck)
                           .payload(bytes(stream.substr(at, 7 + i)))
                           .bytes());
    }
    frames.push_back(packet()
                         .eth()
                         .ipv6("2001:db8::9", "2001:db8::1")
                         .tcp(53, port)
                         .sequence(1)
                         .flags(kAck)
                         .payload(bytes(dns_over_tcp(response)))
                         .bytes());
  }
}

/// The frames one after the other, each to a worker that has nothing to do with its flow. What came out, sorted.
std::vector<std::string> records_of(const std::vector<Bytes>& frames, unsigned workers) {
  HandoverMesh mesh(workers);
  std::vector<std::unique_ptr<Worker>> all;
  for (unsigned number = 0; number < workers; ++number) {
    WorkerOptions options;
    options.number = number;
    options.workers = workers;
    options.capacity = 2000;
    options.metrics = Metrics(Metrics::kAll);
    if (workers > 1) options.handover = &mesh;
    all.push_back(std::make_unique<Worker>(options, kHash));
  }
  std::uint64_t now = kEpochNs;
  FrameList nothing;
  for (std::size_t i = 0; i < frames.size(); ++i) {
    FrameList source;
    source.frames.push_back(frames[i]);
    ++now;
    all[i * 7 % workers]->poll(source, now);
    for (unsigned turn = 0; turn < 3; ++turn) {  // a later fragment crosses two rings
      for (auto& worker : all) worker->poll(nothing, now);
    }
  }
  std::vector<std::string> records;
  unsigned with_rtt = 0, with_dns = 0;
  PacketCount handed;
  for (auto& worker : all) {
    worker->drain(now);
    expect_balanced(*worker);
    EXPECT_EQ(worker->counters().handover_full.packets, 0U);
    handed += worker->counters().handed_over;
    const RecordBatch batch = take_batch(worker->records());
    for (const RecordView view : batch) {
      EXPECT_EQ(view.has(Section::tcp), view->protocol == 6);
      EXPECT_TRUE(view.has(Section::layer2) && view.has(Section::lengths) && view.has(Section::histograms) &&
                  view.has(Section::packets) && view.has(Section::ids));
      with_rtt += view.has(Section::rtt) ? 1 : 0;
      if (const auto* const dns = view.find<DnsSection>(); dns != nullptr && dns->responses == 1) {
        with_dns += dns->question_octets >= 20 ? 1 : 0;
      }
      records.emplace_back(reinterpret_cast<const char*>(view.octets()), view.size());
    }
  }
  EXPECT_EQ(handed.packets != 0, workers > 1);
  EXPECT_GE(with_rtt, 15U);
  EXPECT_EQ(with_dns, 40U);
  std::sort(records.begin(), records.end());
  return records;
}

TEST_P(HandOver, RecordsWithMetricsAreThoseOfOneWorker) {
  std::vector<Bytes> frames = frames_with_facts();
  add_dns_frames(frames);
  const std::vector<std::string> one = records_of(frames, 1);
  EXPECT_GE(one.size(), 40U);
  EXPECT_TRUE(records_of(frames, GetParam()) == one);
}

INSTANTIATE_TEST_SUITE_P(Workers, HandOver, ::testing::Values(2U, 3U, 4U));

TEST(Worker, AFullHandOverRingLosesByNameAndHoldsNothingUp) {
  HandoverMesh mesh(2);
  WorkerOptions options;
  options.workers = 2;
  options.capacity = 100;
  options.handover = &mesh;
  Worker giver(options, kHash);
  FrameList source;
  for (unsigned i = 0; i < 4 * HandoverMesh::kRingPackets; ++i) {
    source.frames.push_back(packet().eth().ipv4("10.0.0.1", "10.0.0.2").udp(i % 1000, 53).bytes());
  }
  while (!source.done()) giver.poll(source, kEpochNs);  // nobody takes
  EXPECT_EQ(giver.counters().handed_over.packets, HandoverMesh::kRingPackets);
  EXPECT_GT(giver.counters().handover_full.packets, 0U);
  expect_balanced(giver);
}

TEST(Worker, AFullHandOverRingHoldsFewerPacketsWithTheirFacts) {
  HandoverMesh mesh(2);
  WorkerOptions options;
  options.workers = 2;
  options.capacity = 100;
  options.handover = &mesh;
  options.metrics = Metrics(Metrics::kAll);
  Worker giver(options, kHash);
  options.number = 1;
  Worker taker(options, kHash);
  FrameList source;
  for (unsigned i = 0; i < 4 * HandoverMesh::kRingPackets; ++i) {
    source.frames.push_back(packet().eth().ipv4("10.0.0.1", "10.0.0.2").ttl(9).tcp(i % 90, 53).bytes());
  }
  while (!source.done()) giver.poll(source, kEpochNs);  // nobody takes
  EXPECT_EQ(giver.counters().handed_over.packets, HandoverMesh::kRingPacketsWithFacts);
  EXPECT_GT(giver.counters().handover_full.packets, 0U);
  expect_balanced(giver);
  FrameList nothing;
  while (taker.poll(nothing, kEpochNs) != 0) continue;
  EXPECT_EQ(taker.counters().taken_over, giver.counters().handed_over);
  expect_balanced(taker);
  taker.drain(kEpochNs);
  const RecordBatch batch = take_batch(taker.records());
  EXPECT_GT(batch.size(), 10U);
  for (const RecordView view : batch) {
    EXPECT_EQ(view.find<Layer2Section>()->ttl_min[kForward], 9);
    EXPECT_EQ(view.find<Layer2Section>()->ttl_max[kForward], 9);
  }
}

/// Nobody empties the record ring, as when the control side hangs.

}  // namespace
}  // namespace weir::test::worker_handover_test
