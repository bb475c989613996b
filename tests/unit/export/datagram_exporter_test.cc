#include "control/export/datagram_exporter.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "control/export/export_uri.h"
#include "proto/base/byte_order.h"
#include "proto/decode/flow_decoder.h"
#include "tests/unit/export/export_fixtures.h"

namespace weir::datagram_exporter_test {
namespace {

using test::balanced;
using test::batch_of;
using test::LoopbackSocket;
using test::lost;
using test::numbered_batch;
using test::totals_of_batch;

constexpr std::uint16_t kTemplateFlowSet = 0;  // RFC 3954 section 5.2

struct Datagram {
  std::uint32_t sequence = 0;
  std::size_t octets = 0;
  bool begins_with_templates = false;
};

Datagram read_header(const std::vector<std::uint8_t>& octets) {
  EXPECT_GE(octets.size(), 24U);
  if (octets.size() < 24) return {};
  EXPECT_EQ(load_be<std::uint16_t>(octets.data()), 9);
  return {load_be<std::uint32_t>(octets.data() + 12), octets.size(),
          load_be<std::uint16_t>(octets.data() + 20) == kTemplateFlowSet};
}

/// The exporter without its thread: time is the test's.
struct Scene {
  explicit Scene(std::uint16_t port, const std::string& options = "", const std::string& scheme = "netflow9",
                 const ExportContext& context = {}, bool in_group = false) {
    if (in_group) queue.join_group();
    const auto uri = parse_export_uri(fmt::format("{}://127.0.0.1:{}{}", scheme, port, options));
    EXPECT_TRUE(uri) << uri.error();
    auto opened = uri->request->open(context, queue);
    EXPECT_TRUE(opened) << opened.error();
    exporter = std::move(*opened);
  }

  /// Offers and takes everything, at time `at`.
  std::size_t give(const RecordBatch& batch, ExportTime at) {
    const auto shared = std::make_shared<const RecordBatch>(batch);
    EXPECT_TRUE(queue.push(shared));
    const std::size_t count = exporter->take(queue.wait_records(ExportTime::max(), batch.size()), at);
    queue.consumed(count);
    return count;
  }

  ExportQueue queue{"netflow9:", kQueueOctets};
  std::unique_ptr<Exporter> exporter;
  ExportTime now = ExportClock::now();
};

TEST(DatagramExporter, HoldsADatagramBackForTwoHundredMillisecondsAtMost) {
  const LoopbackSocket collector(SOCK_DGRAM);
  Scene scene(collector.port());
  EXPECT_EQ(scene.exporter->due(), ExportTime::max());
  scene.give(*numbered_batch(0, 1), scene.now);
  EXPECT_EQ(scene.exporter->due(), scene.now + std::chrono::milliseconds(200));
  scene.give(*numbered_batch(1, 1), scene.now + std::chrono::milliseconds(150));
  EXPECT_EQ(scene.exporter->due(), scene.now + std::chrono::milliseconds(200));
  EXPECT_EQ(scene.queue.snapshot().queued, totals_of_batch(*numbered_batch(0, 2)));
  EXPECT_TRUE(read_header(collector.receive(1000)).begins_with_templates) << "which wait for nothing";
  EXPECT_TRUE(collector.receive(0).empty());

  scene.exporter->tick(scene.now + std::chrono::milliseconds(200));
  EXPECT_FALSE(collector.receive(1000).empty());
  EXPECT_EQ(scene.queue.snapshot().exported, totals_of_batch(*numbered_batch(0, 2)));
  EXPECT_EQ(scene.queue.snapshot().queued, RecordTotals{});
  EXPECT_EQ(scene.exporter->due(), ExportTime::max());
}

TEST(DatagramExporter, SendsDatagramsThatFitTheMtuWithoutAGapInTheSequence) {
  const LoopbackSocket collector(SOCK_DGRAM);
  Scene scene(collector.port(), "?mtu=700");
  scene.give(*numbered_batch(0, 300), scene.now);
  EXPECT_TRUE(scene.exporter->drain(scene.now));
  const ExporterSnapshot snapshot = scene.queue.snapshot();
  EXPECT_EQ(snapshot.exported, totals_of_batch(*numbered_batch(0, 300)));
  std::uint64_t datagrams = 0;
  std::uint64_t octets = 0;
  std::uint64_t templates = 0;
  for (auto datagram = collector.receive(0); !datagram.empty(); datagram = collector.receive(0)) {
    const Datagram header = read_header(datagram);
    EXPECT_EQ(header.sequence, datagrams);
    EXPECT_LE(header.octets, 700U - 28U);  // IPv4 and UDP headers
    // Ahead of everything, and with the last account at the end.
    templates += header.begins_with_templates;
    EXPECT_TRUE(datagrams != 0 || header.begins_with_templates);
    ++datagrams;
    octets += datagram.size();
  }
  EXPECT_GT(datagrams, 10U);
  EXPECT_EQ(templates, 2U);
  EXPECT_EQ(snapshot.datagrams, datagrams);
  EXPECT_EQ(snapshot.wire_octets, octets);
}

TEST(DatagramExporter, KnowsWhatACollectorThatIsNotThereDidNotGet) {
  LoopbackSocket collector(SOCK_DGRAM);
  const std::uint16_t port = collector.port();
  collector.close();
  Scene scene(port);
  for (std::uint32_t i = 0; i < 5; ++i) {
    scene.give(*numbered_batch(i * 10, 10), scene.now);
    scene.exporter->tick(scene.now);
    EXPECT_TRUE(balanced(scene.queue.snapshot()));
  }
  EXPECT_TRUE(scene.exporter->drain(scene.now));
  const ExporterSnapshot snapshot = scene.queue.snapshot();
  EXPECT_EQ(lost(snapshot, ExportLoss::unreachable), totals_of_batch(*numbered_batch(0, 50)));
  EXPECT_EQ(snapshot.exported, RecordTotals{});
  EXPECT_TRUE(balanced(snapshot));
}

TEST(DatagramExporter, SaysThatACollectorRefusesUntilItHasTakenDatagramsForTwoSeconds) {
  using std::chrono::milliseconds;
  constexpr const char* kRefused = "refused: nothing listens on the collector's port (ICMP port unreachable)";
  auto collector = std::make_unique<LoopbackSocket>(SOCK_DGRAM);
  const std::uint16_t port = collector->port();
  Scene scene(port);
  const auto send = [&](std::uint32_t from, ExportTime at) {
    scene.give(*numbered_batch(from, 10), at);
    scene.exporter->tick(at + milliseconds(200));
  };
  send(0, scene.now);
  EXPECT_EQ(scene.queue.snapshot().state, "up");
  collector.reset();
  send(10, scene.now + milliseconds(1000));
  EXPECT_EQ(scene.queue.snapshot().state, kRefused);
  EXPECT_EQ(scene.exporter->due(), ExportTime::max()) << "silence says nothing as long as nothing is sent";

  collector = std::make_unique<LoopbackSocket>(SOCK_DGRAM, port);
  send(20, scene.now + milliseconds(5000));
  EXPECT_EQ(scene.queue.snapshot().state, kRefused) << "its host may have kept the refusal back";
  const ExportTime due = scene.exporter->due();
  EXPECT_GE(due, scene.now + milliseconds(7000));
  EXPECT_LE(due, scene.now + milliseconds(7200));
  scene.exporter->tick(due);
  EXPECT_EQ(scene.queue.snapshot().state, "up");

  // Gone again while weir waits for silence: it goes on being refused.
  collector.reset();
  send(30, scene.now + milliseconds(8000));
  send(40, scene.now + milliseconds(11'000));
  scene.exporter->tick(scene.now + milliseconds(20'000));
  EXPECT_EQ(scene.queue.snapshot().state, kRefused);
  EXPECT_TRUE(balanced(scene.queue.snapshot()));
}

TEST(DatagramExporter, ProbesACollectorThatRefusesWhereAGroupGivesItNoRecords) {
  using std::chrono::milliseconds;
  for (const char* const scheme : {"netflow9", "ipfix", "netflow5", "netflow7"}) {
    SCOPED_TRACE(scheme);
    auto collector = std::make_unique<LoopbackSocket>(SOCK_DGRAM);
    const std::uint16_t port = collector->port();
    collector.reset();
    Scene scene(port, "", scheme, {}, true);
    scene.give(*numbered_batch(0, 10), scene.now);
    scene.exporter->tick(scene.now + milliseconds(200));
    const ExporterSnapshot before = scene.queue.snapshot();
    EXPECT_EQ(before.state.find("refused: "), 0U);
    EXPECT_EQ(lost(before, ExportLoss::unreachable).records, 10U);
    // Nobody is there yet: refused again, and another probe two seconds later.
    ExportTime at = scene.exporter->due();
    EXPECT_EQ(at, scene.now + milliseconds(2200));
    scene.exporter->tick(at);
    EXPECT_EQ(scene.exporter->due(), at + milliseconds(2000));

    collector = std::make_unique<LoopbackSocket>(SOCK_DGRAM, port);
    at = scene.exporter->due();
    scene.exporter->tick(at);
    EXPECT_EQ(scene.queue.snapshot().state.find("refused: "), 0U) << "silence says nothing yet";
    EXPECT_EQ(scene.exporter->due(), at + milliseconds(2000));
    pollfd waits{collector->fd(), POLLIN, 0};
    EXPECT_EQ(poll(&waits, 1, 1000), 1) << "the probe arrived";
    scene.exporter->tick(at + milliseconds(2000));
    const ExporterSnapshot after = scene.queue.snapshot();
    EXPECT_EQ(after.state, "up");
    EXPECT_EQ(after.exported, before.exported);
    EXPECT_EQ(after.lost, before.lost) << "a refused probe is nobody's record";
    EXPECT_TRUE(balanced(after));
  }
}

TEST(DatagramExporter, GivesACollectorThatComesBackTheTemplatesFirst) {
  auto collector = std::make_unique<LoopbackSocket>(SOCK_DGRAM);
  const std::uint16_t port = collector->port();
  Scene scene(port);
  const auto send = [&](std::uint32_t from) {
    scene.give(*numbered_batch(from, 10), scene.now);
    scene.exporter->tick(scene.now);
  };
  const auto templates_next = [&] { return read_header(collector->receive(1000)).begins_with_templates; };
  send(0);
  EXPECT_TRUE(templates_next());
  EXPECT_FALSE(templates_next());
  send(10);
  EXPECT_FALSE(templates_next());
  collector.reset();
  send(20);  // does not arrive, and loopback says so at once
  collector = std::make_unique<LoopbackSocket>(SOCK_DGRAM, port);
  send(30);
  EXPECT_TRUE(templates_next());
  EXPECT_FALSE(templates_next());
  send(40);
  EXPECT_FALSE(templates_next());
  EXPECT_TRUE(scene.exporter->drain(scene.now));

  const ExporterSnapshot snapshot = scene.queue.snapshot();
  EXPECT_EQ(lost(snapshot, ExportLoss::unreachable), totals_of_batch(*numbered_batch(20, 10)));
  RecordTotals arrived = totals_of_batch(*numbered_batch(0, 20));
  arrived += totals_of_batch(*numbered_batch(30, 20));
  EXPECT_EQ(snapshot.exported, arrived);
  EXPECT_TRUE(balanced(snapshot));
}

TEST(DatagramExporter, SendsABatchBehindTheTemplatesWhenTheOneBeforeWasRefused) {
  auto collector = std::make_unique<LoopbackSocket>(SOCK_DGRAM);
  const std::uint16_t port = collector->port();
  Scene scene(port);
  scene.give(*numbered_batch(0, 1), scene.now);
  scene.exporter->tick(scene.now);
  collector.reset();
  scene.give(*numbered_batch(1, 1), scene.now);
  scene.exporter->tick(scene.now);
  collector = std::make_unique<LoopbackSocket>(SOCK_DGRAM, port);
  // Enough for several datagrams.
  scene.give(*numbered_batch(2, 80), scene.now);
  EXPECT_TRUE(scene.exporter->drain(scene.now));
  EXPECT_TRUE(read_header(collector->receive(1000)).begins_with_templates);
  const ExporterSnapshot snapshot = scene.queue.snapshot();
  RecordTotals arrived = totals_of_batch(*numbered_batch(0, 1));
  arrived += totals_of_batch(*numbered_batch(2, 80));
  EXPECT_EQ(snapshot.exported, arrived);
  EXPECT_EQ(lost(snapshot, ExportLoss::unreachable), totals_of_batch(*numbered_batch(1, 1)));
  EXPECT_TRUE(balanced(snapshot));
}

RecordBatch numbered_biflows(std::uint32_t count) {
  std::vector<FlowRecord> records = test::numbered_records(0, count);
  for (FlowRecord& record : records) {
    record.packets[kReverse] = 1;
    record.octets[kReverse] = 40;
    record.first_ns[kReverse] = record.last_ns[kReverse] = record.first_ns[kForward];
  }
  return batch_of(records);
}

TEST(DatagramExporter, KeepsToTheRateAndCountsTheDataRecordsOfABiflow) {
  const LoopbackSocket collector(SOCK_DGRAM);
  Scene scene(collector.port(), "?rate=1000");
  const RecordBatch biflows = numbered_biflows(100);
  // The burst of a rate of 1000 is 30 data records: 15 biflows; then two a millisecond... each needs two.
  ExportTime now = scene.now + std::chrono::seconds(1);
  EXPECT_EQ(scene.give(biflows, now), 15U);
  EXPECT_GT(scene.exporter->ready(), now + std::chrono::microseconds(1990));
  EXPECT_LE(scene.exporter->ready(), now + std::chrono::microseconds(2000));
  now = scene.exporter->ready();
  const std::size_t more = scene.exporter->take(scene.queue.wait_records(ExportTime::max(), 100), now);
  EXPECT_EQ(more, 1U);
  scene.queue.consumed(more);

  Scene one_record(collector.port(), "?rate=1000&uniflow=0");
  EXPECT_EQ(one_record.give(biflows, one_record.now + std::chrono::seconds(1)), 30U);
}

TEST(DatagramExporter, SendsOneDataRecordOfABiflowOrTwoAsTheProfileWantsItForTheProtocol) {
  struct Case {
    const char* scheme;
    const char* options;
    std::uint64_t data_records;
  };
  for (const auto& [scheme, options, data_records] : {Case{"netflow9", "", 2},
                                                      {"netflow9", "?profile=akvorado", 2},
                                                      {"netflow9", "?uniflow=0", 1},
                                                      {"ipfix", "", 2},
                                                      {"ipfix", "?profile=akvorado", 1},
                                                      {"ipfix", "?profile=nfdump", 2},
                                                      {"ipfix", "?profile=nfdump&uniflow=0", 1}}) {
    SCOPED_TRACE(std::string(scheme) + options);
    const LoopbackSocket collector(SOCK_DGRAM);
    Scene scene(collector.port(), options, scheme);
    scene.give(numbered_biflows(1), scene.now);
    EXPECT_TRUE(scene.exporter->drain(scene.now));
    FlowDecoder decoder;
    Decoded decoded;
    for (auto octets = collector.receive(0); !octets.empty(); octets = collector.receive(0)) {
      EXPECT_EQ(decoder.decode({"probe", 0}, octets, decoded), DecodeError::none);
    }
    EXPECT_EQ(decoder.totals().records, data_records);
    EXPECT_TRUE(balanced(scene.queue.snapshot()));
  }
}

TEST(DatagramExporter, LosesWhatItHoldsWhenAbandoned) {
  const LoopbackSocket collector(SOCK_DGRAM);
  Scene scene(collector.port());
  scene.give(*numbered_batch(0, 3), scene.now);
  scene.exporter->abandon(ExportLoss::shutdown);
  EXPECT_EQ(lost(scene.queue.snapshot(), ExportLoss::shutdown), totals_of_batch(*numbered_batch(0, 3)));
  EXPECT_TRUE(read_header(collector.receive(1000)).begins_with_templates);
  EXPECT_TRUE(collector.receive(0).empty());
}

TEST(DatagramExporter, KnowsEveryDatagramOfABatchThatNobodyTook) {
  // Batches of many datagrams of different lengths: some are sent as one by the kernel, and are refused as one.
  for (const char* const scheme : {"netflow9", "ipfix", "netflow5"}) {
    LoopbackSocket collector(SOCK_DGRAM);
    const std::uint16_t port = collector.port();
    Scene scene(port, "?mtu=800", scheme);
    scene.give(*numbered_batch(0, 500), scene.now);
    scene.exporter->tick(scene.now + std::chrono::seconds(1));
    EXPECT_EQ(scene.queue.snapshot().exported, totals_of_batch(*numbered_batch(0, 500))) << scheme;
    collector.close();
    std::vector<FlowRecord> records = test::numbered_records(500, 3000);
    for (std::size_t i = 0; i < records.size() && std::string(scheme) != "netflow5"; i += 3) {
      records[i].ip_version = 6;
      records[i].ether_type = 0x86dd;
    }
    const RecordBatch batch = batch_of(records);
    scene.give(batch, scene.now);
    EXPECT_TRUE(balanced(scene.queue.snapshot()));
    EXPECT_TRUE(scene.exporter->drain(scene.now));
    const ExporterSnapshot snapshot = scene.queue.snapshot();
    EXPECT_EQ(lost(snapshot, ExportLoss::unreachable), totals_of_batch(batch)) << scheme;
    EXPECT_EQ(snapshot.queued, RecordTotals{}) << scheme;
    EXPECT_TRUE(balanced(snapshot)) << scheme;
  }
}

TEST(DatagramExporter, NumbersDatagramsWithoutAGapWhateverWasPutBetweenThem) {
  for (const char* const scheme : {"netflow9", "ipfix"}) {
    auto collector = std::make_unique<LoopbackSocket>(SOCK_DGRAM);
    const std::uint16_t port = collector->port();
    Scene scene(port, "?mtu=800", scheme);
    scene.give(*numbered_batch(0, 10), scene.now);
    scene.exporter->tick(scene.now + std::chrono::seconds(1));
    collector.reset();
    scene.give(*numbered_batch(10, 10), scene.now);
    scene.exporter->tick(scene.now + std::chrono::seconds(1));
    collector = std::make_unique<LoopbackSocket>(SOCK_DGRAM, port);
    scene.give(*numbered_batch(20, 200), scene.now);
    EXPECT_TRUE(scene.exporter->drain(scene.now));
    FlowDecoder decoder;
    Decoded decoded;
    for (auto octets = collector->receive(0); !octets.empty(); octets = collector->receive(0)) {
      // The first datagram that arrives after the gap sets the sequence; none after it may differ.
      EXPECT_EQ(decoder.decode({"probe", 0}, octets, decoded), DecodeError::none) << scheme;
    }
    EXPECT_EQ(decoder.totals().records, 200U) << scheme;
    EXPECT_EQ(decoder.totals().sequence_gaps, 0U) << scheme;
    EXPECT_EQ(decoder.totals().unknown_template, 0U) << scheme;
  }
}

TEST(DatagramExporter, NamesWhatNetflow5CannotSay) {
  const LoopbackSocket collector(SOCK_DGRAM);
  Scene scene(collector.port(), "", "netflow5");
  std::vector<FlowRecord> records = test::numbered_records(0, 6);
  records[1].ip_version = 6;
  records[2].sampling_rate = 20'000;
  records[3].octets[kForward] = std::uint64_t{1} << 60;
  scene.give(batch_of(records), scene.now);
  EXPECT_TRUE(scene.exporter->drain(scene.now));
  const ExporterSnapshot snapshot = scene.queue.snapshot();
  const auto one = [&](std::size_t i) { return totals_of_batch(batch_of(std::vector{records[i]})); };
  EXPECT_EQ(lost(snapshot, ExportLoss::ipv6_not_in_format), one(1));
  EXPECT_EQ(lost(snapshot, ExportLoss::rate_not_in_format), one(2));
  EXPECT_EQ(lost(snapshot, ExportLoss::count_not_in_format), one(3));
  EXPECT_EQ(snapshot.exported.records, 3U);
  EXPECT_TRUE(balanced(snapshot));
  EXPECT_EQ(collector.receive(1000).size(), 24U + 3 * 48);
}

TEST(DatagramExporter, MeasuresHowLateEachRecordLeaves) {
  const LoopbackSocket collector(SOCK_DGRAM);
  Scene scene(collector.port());
  const std::uint64_t now_ns = exporter_clock_ns();
  std::vector<FlowRecord> records = test::numbered_records(0, 5);
  // By idle: last packet 35 s ago, 5 s late. By age: first packet 309 s ago, 9 s late. Not yet due: 0. Forced: none.
  records[0].last_ns[kForward] = now_ns - 35'000'000'000;
  records[0].set_deadline_ns(records[0].last_ns[kForward] + 30'000'000'000);
  records[1].end_reason = EndReason::active_timeout;
  records[1].first_ns[kForward] = now_ns - 309'000'000'000;
  records[1].last_ns[kForward] = now_ns - 10'000'000'000;
  records[1].set_deadline_ns(records[1].first_ns[kForward] + 300'000'000'000);
  records[2].last_ns[kForward] = now_ns;
  records[2].set_deadline_ns(now_ns + 30'000'000'000);
  records[3].end_reason = EndReason::forced_end;
  records[3].last_ns[kForward] = now_ns - 35'000'000'000;
  records[4].end_reason = EndReason::end_of_flow;
  records[4].last_ns[kForward] = now_ns - 2'100'000'000;
  records[4].set_deadline_ns(records[4].last_ns[kForward] + 2'000'000'000);
  scene.give(batch_of(records), scene.now);
  EXPECT_TRUE(scene.exporter->drain(scene.now));
  const Lateness lateness = scene.queue.snapshot().lateness;
  std::uint64_t all = 0;
  for (const std::uint64_t count : lateness.counts) all += count;
  EXPECT_EQ(all, 4U);
  EXPECT_EQ(lateness.counts[0], 1U);
  EXPECT_EQ(lateness.counts[7], 1U) << "64 to 128 ms";
  EXPECT_EQ(lateness.counts[13], 1U) << "4096 to 8192 ms";
  EXPECT_EQ(lateness.counts[14], 1U) << "8192 to 16384 ms";
  EXPECT_GE(lateness.greatest_ns, 9'000'000'000U);
}

}  // namespace
}  // namespace weir::datagram_exporter_test
