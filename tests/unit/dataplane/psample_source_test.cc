// Packets of the kernel's sampler through source and worker: what becomes of their facts, what is lost, and what is not
// taken. A stand-in takes the kernel's place.
#include "dataplane/input/psample_source.h"

#include <gtest/gtest.h>
#include <linux/netlink.h>
#include <net/if_arp.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <deque>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <tuple>
#include <vector>

#include "tests/support/icmp_errors.h"
#include "tests/support/packet_builder.h"
#include "tests/support/process.h"
#include "tests/support/psample_messages.h"
#include "tests/unit/dataplane/worker_fixtures.h"

namespace weir::test::psample_source_test {
namespace {

using nlohmann::json;

constexpr std::uint64_t kNow = 1'800'000'000'000'000'000;
constexpr std::uint64_t kMs = 1'000'000;

/// Datagrams that a test lays ready; an empty one stands for ENOBUFS.
class Ready final : public PsampleDatagrams {
 public:
  struct Datagram {
    Bytes octets;
    std::uint32_t sender = 0;  ///< port; 0: the kernel
    int error = 0;             ///< errno in its place
  };
  void add(Bytes octets, std::uint32_t sender = 0) { datagrams_.push_back({std::move(octets), sender, 0}); }
  void fail(int error) { datagrams_.push_back({{}, 0, error}); }

  int receive(std::span<mmsghdr> places) override {
    int count = 0;
    for (; static_cast<std::size_t>(count) < places.size() && !datagrams_.empty(); ++count) {
      const Datagram& next = datagrams_.front();
      if (next.error != 0 && count != 0) break;  // as the kernel: what came goes first
      if (next.error != 0) {
        errno = next.error;
        datagrams_.pop_front();
        return -1;
      }
      msghdr& header = places[static_cast<std::size_t>(count)].msg_hdr;
      const std::size_t octets = std::min(next.octets.size(), header.msg_iov->iov_len);
      std::memcpy(header.msg_iov->iov_base, next.octets.data(), octets);
      places[static_cast<std::size_t>(count)].msg_len = static_cast<unsigned>(octets);
      header.msg_flags = octets < next.octets.size() ? MSG_TRUNC : 0;
      sockaddr_nl from{};
      from.nl_family = AF_NETLINK;
      from.nl_pid = next.sender;
      std::memcpy(header.msg_name, &from, sizeof from);
      datagrams_.pop_front();
    }
    if (count != 0) return count;
    errno = EAGAIN;
    return -1;
  }
  void wait(int /*patience_ms*/) override {}

 private:
  std::deque<Datagram> datagrams_;
};

InterfaceTypes all_ethernet() {
  return InterfaceTypes([](std::uint32_t) { return std::optional<std::uint16_t>(ARPHRD_ETHER); });
}

/// Source and worker.
class Rig {
 public:
  explicit Rig(std::vector<std::uint32_t> groups = {}, InterfaceTypes types = all_ethernet(),
               const std::string& frame_filter = {}, WorkerOptions options = {})
      : source_(own_ready(), kPsampleFamily, std::move(groups), frame_filter, std::move(types)),
        worker_(with_samples(std::move(options)), kHash) {}

  Ready& kernel() { return *ready_; }
  PsampleSource& source() { return source_; }
  Worker& worker() { return worker_; }
  void poll(std::uint64_t now_ns = kNow) {
    while (worker_.poll(source_, now_ns) != 0) {
    }
  }
  /// Polls, ends all flows, and takes the records; the ledger has to balance.
  RecordBatch records(std::uint64_t now_ns = kNow) {
    poll(now_ns);
    worker_.stop_receiving();
    while (!worker_.settle(now_ns)) {
    }
    worker_.drain(now_ns);
    expect_balanced(worker_);
    return take_batch(worker_.records());
  }

 private:
  std::unique_ptr<PsampleDatagrams> own_ready() {
    auto ready = std::make_unique<Ready>();
    ready_ = ready.get();
    return ready;
  }
  WorkerOptions with_samples(WorkerOptions options) {
    options.capacity = 1024;
    options.samples = source_.facts();
    return options;
  }

  Ready* ready_ = nullptr;
  PsampleSource source_;
  Worker worker_;
};

Bytes request() {
  return packet().eth().ipv4("10.0.0.1", "10.0.0.2").udp(4000, 53).payload(30).bytes();
}
Bytes reply() {
  return packet().eth().ipv4("10.0.0.2", "10.0.0.1").udp(53, 4000).payload(90).bytes();
}

std::string capture(const char* name) {
  return std::string(WEIR_CAPTURES) + "/../captures-psample/" + name;
}

TEST(PsampleSource, CountsTheOriginalOctetsInTheKernelsTime) {
  Rig rig;
  // Cut behind the headers by `trunc`.
  Bytes head = packet().eth().ipv4("10.0.0.1", "10.0.0.2").udp(4000, 53).payload(1400).bytes();
  head.resize(64);
  KernelSample first{head, 7, 0, 100, 3, 1442, kNow - 5 * kMs};
  rig.kernel().add(first.message());
  KernelSample second{reply(), 7, 1, 100, 4, 0, kNow - 2 * kMs};
  rig.kernel().add(second.message());
  const RecordBatch records = rig.records();
  ASSERT_EQ(records.size(), 1U);
  const RecordView record = *records.begin();
  EXPECT_EQ(rig.worker().counters().received, (PacketCount{2, 1442 + 132}));
  EXPECT_EQ(record->octets[kForward], 1428U) << "of the IP header";
  EXPECT_EQ(record->octets[kReverse], 118U);
  EXPECT_EQ(record->first_ns[kForward], kNow - 5 * kMs);
  EXPECT_EQ(record->first_ns[kReverse], kNow - 2 * kMs);
  EXPECT_EQ(record->ingress_interface, 3U);
  EXPECT_EQ(record->sampling_rate, 100U);
  EXPECT_EQ(record->sampling_algorithm, 2) << "random";
  ASSERT_NE(record.find<PsampleSection>(), nullptr);
  EXPECT_EQ(record.find<PsampleSection>()->group, 7U);
  EXPECT_EQ(record.find<PsampleSection>()->known, 0);
  EXPECT_EQ(record.find<EgressSection>(), nullptr);
}

TEST(PsampleSource, KeepsAFutureTimeFromEndingFlows) {
  Rig rig;
  rig.kernel().add(KernelSample{request(), 1, 0, 1, 2, 0, kNow + 3'600'000 * kMs}.message());
  rig.poll();
  rig.kernel().add(KernelSample{request(), 1, 1, 1, 2, 0, kNow + kMs}.message());
  const RecordBatch records = rig.records(kNow + 2 * kMs);
  ASSERT_EQ(records.size(), 1U);
  EXPECT_EQ((*records.begin())->first_ns[kForward], kNow);
  EXPECT_EQ((*records.begin())->last_ns[kForward], kNow + kMs);
}

TEST(PsampleSource, HasTheGroupInTheKeySoThatTwoGroupsDoNotEndEachOthersRecords) {
  Rig rig;
  for (std::uint32_t i = 0; i < 3; ++i) {
    rig.kernel().add(KernelSample{request(), 1, i, 10}.message());
    rig.kernel().add(KernelSample{request(), 70'000, i, 1000, 5}.message());
    rig.kernel().add(KernelSample{reply(), 70'000, i, 1000, 6}.message());
  }
  std::map<std::uint32_t, std::tuple<std::uint64_t, std::uint64_t, std::uint32_t, std::uint32_t>> by_group;
  for (const RecordView record : rig.records()) {
    EXPECT_TRUE(by_group
                    .emplace(record.find<PsampleSection>()->group,
                             std::tuple(record->packets[kForward], record->packets[kReverse], record->sampling_rate,
                                        record->ingress_interface))
                    .second);
  }
  EXPECT_EQ(by_group.size(), 2U);
  EXPECT_EQ(by_group[1], std::tuple(3, 0, 10, 2));
  EXPECT_EQ(by_group[70'000], std::tuple(3, 3, 1000, 5));
}

TEST(PsampleSource, EndsARecordWhereTheRateChangesAndKeepsItsDirection) {
  Rig rig;
  rig.kernel().add(KernelSample{request(), 1, 0, 100}.message());
  rig.kernel().add(KernelSample{reply(), 1, 1, 100}.message());
  rig.kernel().add(KernelSample{reply(), 1, 2, 200}.message());
  rig.kernel().add(KernelSample{request(), 1, 3, 200}.message());
  const RecordBatch batch = rig.records();
  const std::vector<FlowRecord> records = bases_of(batch);
  ASSERT_EQ(records.size(), 2U);
  EXPECT_EQ(records[0].sampling_rate, 100U);
  EXPECT_EQ(records[1].sampling_rate, 200U);
  for (const FlowRecord& record : records) {
    EXPECT_EQ(record.packets[kForward], 1U);
    EXPECT_EQ(record.packets[kReverse], 1U);
    EXPECT_EQ(record.source_port(), 4000);
  }
  EXPECT_EQ(records[0].end_reason, EndReason::active_timeout) << "it goes on in the next record";
}

TEST(PsampleSource, MultipliesTheKernelsRateByItsOwnSampling) {
  WorkerOptions options;
  options.sampling = {.by = Sampling::By::packets, .deterministic = true, .one_in = 2};
  Rig rig({}, all_ethernet(), {}, options);
  for (std::uint32_t i = 0; i < 10; ++i) rig.kernel().add(KernelSample{request(), 1, i, 3'000'000'000}.message());
  const std::vector<FlowRecord> records = bases_of(rig.records());
  ASSERT_EQ(records.size(), 1U);
  EXPECT_EQ(records[0].packets[kForward], 5U);
  EXPECT_EQ(records[0].sampling_rate, UINT32_MAX) << "as much as there is room for";
}

TEST(PsampleSource, TellsWhatOnlySwitchesKnowByDirection) {
  Rig rig;
  const auto add = [&](const Bytes& frame, std::uint64_t latency_ns, std::uint16_t queue, std::uint64_t fill,
                       std::uint32_t out_if) {
    PsampleBuilder built = KernelSample{frame, 1, 0, 1, 3}.built();
    built.number(kAttributeOutIf, out_if)
        .number(kAttributeLatency, latency_ns)
        .number(kAttributeQueue, queue)
        .number(kAttributeQueueOctets, fill)
        .add(kAttributeCookie, {0xde, 0xad, 0x01})
        .add(kAttributeTunnel, {12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x12, 0x34});
    rig.kernel().add(built.octets());
  };
  add(request(), 100, 4, 5000, 70'001);
  add(request(), 400, 0, 3000, 70'001);
  add(reply(), 1000, 7, 10, 9);
  const RecordBatch records = rig.records();
  ASSERT_EQ(records.size(), 1U);
  const RecordView record = *records.begin();
  const auto& psample = *record.find<PsampleSection>();
  EXPECT_EQ(psample.latency_min_ns[kForward], 100U);
  EXPECT_EQ(psample.latency_mean_ns[kForward], 250U);
  EXPECT_EQ(psample.latency_max_ns[kForward], 400U);
  EXPECT_EQ(psample.latency_mean_ns[kReverse], 1000U);
  EXPECT_EQ(psample.queue[kForward], 0) << "of the last packet";
  EXPECT_EQ(psample.queue[kReverse], 7);
  EXPECT_EQ(psample.queue_octets_max[kForward], 5000U);
  EXPECT_EQ(psample.queue_octets_max[kReverse], 10U);
  EXPECT_EQ(psample.known, PsampleSection::kLatency | PsampleSection::kQueue | PsampleSection::kQueueOctets);
  EXPECT_EQ(psample.tunnel_id, 0x1234U);
  EXPECT_STREQ(reinterpret_cast<const char*>(psample.cookie), "dead01");
  ASSERT_NE(record.find<EgressSection>(), nullptr);
  EXPECT_EQ(record.find<EgressSection>()->interface, 70'001U);
  EXPECT_EQ(record->ingress_interface, 3U);
}

TEST(PsampleSource, HasBothInterfacesForAKeyThatNamesThem) {
  WorkerOptions options;
  options.key.in_if = options.key.out_if = true;
  Rig rig({}, all_ethernet(), {}, options);
  const auto add = [&](const Bytes& frame, std::uint16_t in_if, std::uint16_t out_if) {
    rig.kernel().add(KernelSample{frame, 1, 0, 1, in_if}.built().number(kAttributeOutIf, out_if).octets());
  };
  add(request(), 3, 4);
  add(reply(), 4, 3);
  add(request(), 3, 5);
  std::map<std::uint32_t, std::uint64_t> packets;  // by egress
  for (const RecordView record : rig.records()) {
    EXPECT_EQ(record->ingress_interface, 3U);
    packets[record.find<EgressSection>()->interface] += record->total_packets();
    EXPECT_EQ(record.find<EgressSection>()->reverse_interface, record->packets[kReverse] != 0 ? 3U : 0U);
  }
  EXPECT_EQ(packets, (std::map<std::uint32_t, std::uint64_t>{{4, 2}, {5, 1}}));
}

TEST(PsampleSource, TellsAFlowOfItsOwnGroupOfTheErrorThatQuotesIt) {
  WorkerOptions options;
  for (std::size_t i = 0; i < Metrics::kCount; ++i) {
    if (Metrics::kInfos[i].name == "icmp") options.metrics = Metrics(std::uint32_t{1} << i);
  }
  Rig rig({}, all_ethernet(), {}, options);
  const Bytes quoted = packet().ipv4("10.0.0.1", "10.0.0.2").udp(4000, 53).payload(30).bytes();
  const Bytes error = icmp_error_frame({.from = "10.0.0.2", .to = "10.0.0.1"}, quoted);
  rig.kernel().add(KernelSample{request(), 1, 0}.message());
  rig.kernel().add(KernelSample{request(), 2, 0}.message());
  rig.kernel().add(KernelSample{error, 2, 1}.message());
  rig.kernel().add(KernelSample{error, 3, 0}.message());
  std::map<std::uint32_t, std::uint32_t> errors;  // by group
  for (const RecordView record : rig.records()) {
    if (const auto* const icmp = record.find<IcmpSection>()) {
      errors[record.find<PsampleSection>()->group] += icmp->errors[kForward];
    }
  }
  EXPECT_EQ(errors, (std::map<std::uint32_t, std::uint32_t>{{2, 1}}));
  EXPECT_EQ(rig.worker().counters().icmp_quotes[static_cast<std::size_t>(IcmpQuote::no_flow)], 1U);
}

TEST(PsampleSource, LosesByNameWhereItFallsBehindAndGoesOn) {
  Rig rig;
  for (const std::uint32_t number : {20U, 21U, 40U}) rig.kernel().add(KernelSample{request(), 3, number}.message());
  rig.kernel().fail(ENOBUFS);
  for (const std::uint32_t number : {220U, 221U}) rig.kernel().add(KernelSample{request(), 3, number}.message());
  rig.kernel().add(KernelSample{request(), 4, 9}.message());
  EXPECT_EQ((*rig.records().begin())->packets[kForward], 5U);
  const PsampleTotals totals = rig.source().totals();
  EXPECT_EQ(totals.overruns, 1U);
  EXPECT_EQ(totals.error, 0);
  ASSERT_EQ(totals.groups.size(), 2U);
  EXPECT_EQ(totals.groups[0].group, 3U);
  EXPECT_EQ(totals.groups[0].missing, 18U + 179U);
  EXPECT_EQ(totals.groups[0].samples, 5U);
  EXPECT_EQ(totals.groups[1].missing, 0U);
}

TEST(PsampleSource, RemembersAnErrorThatIsNoLoss) {
  Rig rig;
  rig.kernel().fail(ENOMEM);
  rig.kernel().fail(EINTR);
  rig.poll();
  EXPECT_EQ(rig.source().totals().error, ENOMEM);
  EXPECT_EQ(rig.source().totals().overruns, 0U);
}

TEST(PsampleSource, TakesAnyNumberOfMessagesOfADatagram) {
  Rig rig;
  Bytes datagram;
  for (std::uint32_t i = 0; i < 100; ++i) datagram = joined(datagram, KernelSample{request(), 1, i}.message());
  rig.kernel().add(joined(datagram, PsampleBuilder(3).octets()));  // a group that is removed: no packet
  rig.kernel().add(KernelSample{request(), 1, 100}.message());
  const std::vector<FlowRecord> records = bases_of(rig.records());
  ASSERT_EQ(records.size(), 1U);
  EXPECT_EQ(records[0].packets[kForward], 101U);
  EXPECT_EQ(rig.source().totals().malformed, 0U);
  EXPECT_EQ(rig.source().totals().groups[0].missing, 0U);
}

TEST(PsampleSource, TakesNothingThatIsNotTheKernels) {
  Rig rig;
  rig.kernel().add(KernelSample{request()}.message(), 4711);
  rig.kernel().add(KernelSample{request()}.built().from(4711).octets());
  EXPECT_EQ(rig.records().size(), 0U);
  EXPECT_EQ(rig.worker().counters().received, PacketCount{});
  EXPECT_EQ(rig.source().totals().malformed, 0U);
}

TEST(PsampleSource, CountsMessagesThatDoNotHoldWhatTheySay) {
  Rig rig;
  rig.kernel().add(PsampleBuilder().number<std::uint32_t>(kAttributeGroup, 1).octets());  // no packet
  Bytes cut = KernelSample{request(), 1}.message();
  cut.resize(cut.size() - 8);
  rig.kernel().add(joined(KernelSample{request(), 1, 0}.message(), cut));
  rig.kernel().add(Bytes(PsampleSource::kDatagramOctets + 1));  // longer than the place for it
  rig.kernel().add({1, 2, 3});
  rig.kernel().add(KernelSample{request(), 1, 1}.message());
  EXPECT_EQ((*rig.records().begin())->packets[kForward], 2U);
  EXPECT_EQ(rig.source().totals().malformed, 4U);
}

TEST(PsampleSource, TakesTheGroupsThatAreNamedAndAtMost255) {
  Rig named({9, 1});
  for (const std::uint32_t group : {1U, 2U, 9U, 2U}) named.kernel().add(KernelSample{request(), group}.message());
  EXPECT_EQ(named.records().size(), 2U);
  EXPECT_EQ(named.source().totals().other_groups, 2U);
  EXPECT_EQ(named.worker().counters().received.packets, 2U);

  Rig many;
  for (std::uint32_t group = 0; group < 257; ++group) many.kernel().add(KernelSample{request(), group}.message());
  EXPECT_EQ(many.records().size(), 255U);
  EXPECT_EQ(many.source().totals().groups_left_out, 2U);
  EXPECT_EQ(many.source().totals().groups.size(), 255U);
}

TEST(PsampleSource, CountsAPacketWithoutIpAsANamedReject) {
  Rig rig;
  rig.kernel().add(KernelSample{packet().eth().ether_type(0x0806).payload(28).bytes()}.message());
  EXPECT_EQ(rig.records().size(), 0U);
  EXPECT_EQ(rig.worker().counters().rejects[static_cast<std::size_t>(Reject::ether_type_arp)].packets, 1U);
}

TEST(PsampleSource, CountsWhatTheFrameFilterKeepsOut) {
  Rig rig({}, all_ethernet(), "udp dst port 53");
  rig.kernel().add(KernelSample{request(), 1, 0}.message());
  rig.kernel().add(KernelSample{reply(), 1, 1}.message());
  EXPECT_EQ(rig.records().size(), 1U);
  EXPECT_EQ(rig.worker().counters().frame_filtered_out.packets, 1U);
}

TEST(PsampleSource, ReadsDevicesWithoutEthernetByTheirType) {
  const Bytes ip = packet().ipv4("10.0.0.1", "10.0.0.2").udp(4000, 53).payload(30).bytes();
  Rig rig({}, InterfaceTypes([](std::uint32_t number) -> std::optional<std::uint16_t> {
            if (number == 8) return ARPHRD_NONE;
            return std::nullopt;  // nobody knows 9
          }));
  rig.kernel().add(KernelSample{ip, 1, 0, 1, 8}.message());
  rig.kernel().add(KernelSample{ip, 1, 1, 1, 9}.message());
  rig.kernel().add(KernelSample{request(), 1, 2, 1, 9}.message());
  const std::vector<FlowRecord> records = bases_of(rig.records());
  ASSERT_EQ(records.size(), 1U);
  EXPECT_EQ(records[0].packets[kForward], 3U);
  EXPECT_EQ(records[0].octets[kForward], 3U * 58);
}

TEST(InterfaceTypes, AreAskedForAgainAfterAWhile) {
  unsigned asked = 0;
  InterfaceTypes types([&asked](std::uint32_t) {
    ++asked;
    return std::optional<std::uint16_t>(asked == 1 ? ARPHRD_ETHER : ARPHRD_PPP);
  });
  const Bytes octets = request();
  for (int i = 0; i < 3; ++i) EXPECT_EQ(types.link_type(2, 0x0800, octets, kNow), LinkType::ethernet);
  EXPECT_EQ(asked, 1U);
  EXPECT_EQ(types.link_type(2, 0x0800, octets, kNow + 11'000 * kMs), LinkType::raw_ip);
  EXPECT_EQ(asked, 2U);
}

TEST(InterfaceTypes, OfThisMachineAreTheKernels) {
  EXPECT_EQ(InterfaceTypes::hardware_type(1), ARPHRD_LOOPBACK);
  EXPECT_EQ(InterfaceTypes::hardware_type(0x7ffffff0), std::nullopt);
}

/// What a kernel sent, as others decoded it.
TEST(PsampleSource, AccountsForEverySampleThatAKernelSent) {
  const std::string octets = contents(capture("psample_mixed.bin"));
  if (octets.empty()) GTEST_SKIP() << capture("psample_mixed.bin") << " is not there";
  Rig rig;
  std::span<const std::uint8_t> left(reinterpret_cast<const std::uint8_t*>(octets.data()), octets.size());
  while (!left.empty()) {  // the kernel sent a datagram for each message
    const std::uint8_t* const begin = left.data();
    ASSERT_TRUE(take_netlink_message(left));
    const std::uint8_t* const end =
        left.empty() ? reinterpret_cast<const std::uint8_t*>(octets.data()) + octets.size() : left.data();
    rig.kernel().add(Bytes(begin, end));
  }
  std::ifstream expected(capture("psample_mixed.expected.jsonl"));
  std::uint64_t samples = 0;
  std::uint64_t frame_octets = 0;
  std::map<std::uint32_t, std::uint32_t> rates;
  for (std::string line; std::getline(expected, line);) {
    const json one = json::parse(line);
    if (one.value("cmd", -1) != 0) continue;
    ++samples;
    frame_octets += one.at("origsize").get<std::uint64_t>();
    rates[one.at("group")] = one.at("rate");
  }
  std::uint64_t counted = 0;
  std::map<std::uint32_t, std::uint32_t> rates_found;
  const RecordBatch records = rig.records();
  for (const RecordView record : records) {
    counted += record->total_packets();
    const auto [place, fresh] = rates_found.emplace(record.find<PsampleSection>()->group, record->sampling_rate);
    EXPECT_EQ(place->second, record->sampling_rate);
  }
  EXPECT_EQ(samples, 77U);
  EXPECT_EQ(rig.worker().counters().received, (PacketCount{samples, frame_octets}));
  EXPECT_EQ(counted, rig.worker().counters().counted.packets);
  EXPECT_GE(counted, 70U);
  EXPECT_EQ(rates_found, rates);
  EXPECT_EQ(rig.source().totals().malformed, 0U);
}

TEST(PsampleFamily, IsReadFromTheReplyOfAKernel) {
  const std::string octets = contents(capture("ctrl_getfamily_reply.bin"));
  if (octets.empty()) GTEST_SKIP() << capture("ctrl_getfamily_reply.bin") << " is not there";
  const Bytes reply(octets.begin(), octets.end());
  const auto family = read_family(reply);
  ASSERT_TRUE(family);
  EXPECT_EQ(family->number, 32);
  EXPECT_EQ(family->packets_group, 10U);
  for (std::size_t cut = 0; cut < reply.size(); ++cut) {
    EXPECT_FALSE(read_family(std::span(reply).first(cut))) << cut;
  }
  Bytes other = reply;
  const auto name = std::search(other.begin(), other.end(), std::begin("packets"), std::end("packets") - 1);
  ASSERT_NE(name, other.end());
  *name = 'q';
  ASSERT_TRUE(read_family(other));
  EXPECT_FALSE(read_family(other)->packets_group) << "no group of this name";
}

}  // namespace
}  // namespace weir::test::psample_source_test
