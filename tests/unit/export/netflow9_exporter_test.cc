#include "control/export/netflow9_exporter.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "proto/byte_order.h"
#include "tests/unit/export/export_fixtures.h"

namespace weir {
namespace {

using test::balanced;
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
  explicit Scene(std::uint16_t port, const std::string& options = "") {
    const auto uri = parse_export_uri(fmt::format("netflow9://127.0.0.1:{}{}", port, options));
    EXPECT_TRUE(uri) << uri.error();
    auto opened = Netflow9Exporter::open(*uri, {}, queue);
    EXPECT_TRUE(opened) << opened.error();
    exporter = std::move(*opened);
  }

  /// Offers and takes everything, at time `at`.
  std::size_t give(const RecordBatch& batch, ExportTime at) {
    const auto shared = std::make_shared<const RecordBatch>(batch);
    EXPECT_EQ(queue.push(shared, 0), batch.size());
    const std::size_t count = exporter->take(queue.wait_records(ExportTime::max(), batch.size()), at);
    queue.consumed(count);
    return count;
  }

  ExportQueue queue{"netflow9:", 1U << 20};
  std::unique_ptr<Netflow9Exporter> exporter;
  ExportTime now = ExportClock::now();
};

TEST(Netflow9Exporter, HoldsADatagramBackForTwoHundredMillisecondsAtMost) {
  const LoopbackSocket collector(SOCK_DGRAM);
  Scene scene(collector.port());
  EXPECT_EQ(scene.exporter->due(), ExportTime::max());
  scene.give(*numbered_batch(0, 1), scene.now);
  EXPECT_EQ(scene.exporter->due(), scene.now + std::chrono::milliseconds(200));
  scene.give(*numbered_batch(1, 1), scene.now + std::chrono::milliseconds(150));
  EXPECT_EQ(scene.exporter->due(), scene.now + std::chrono::milliseconds(200));
  EXPECT_EQ(scene.queue.snapshot().queued, totals_of_batch(*numbered_batch(0, 2)));
  EXPECT_TRUE(collector.receive(0).empty());

  scene.exporter->tick(scene.now + std::chrono::milliseconds(200));
  EXPECT_FALSE(collector.receive(1000).empty());
  EXPECT_EQ(scene.queue.snapshot().exported, totals_of_batch(*numbered_batch(0, 2)));
  EXPECT_EQ(scene.queue.snapshot().queued, RecordTotals{});
  EXPECT_EQ(scene.exporter->due(), ExportTime::max());
}

TEST(Netflow9Exporter, SendsDatagramsThatFitTheMtuWithoutAGapInTheSequence) {
  const LoopbackSocket collector(SOCK_DGRAM);
  Scene scene(collector.port(), "?mtu=700");
  scene.give(*numbered_batch(0, 300), scene.now);
  EXPECT_TRUE(scene.exporter->drain(scene.now));
  const ExporterSnapshot snapshot = scene.queue.snapshot();
  EXPECT_EQ(snapshot.exported, totals_of_batch(*numbered_batch(0, 300)));
  std::uint64_t datagrams = 0;
  std::uint64_t octets = 0;
  for (auto datagram = collector.receive(0); !datagram.empty(); datagram = collector.receive(0)) {
    const Datagram header = read_header(datagram);
    EXPECT_EQ(header.sequence, datagrams);
    EXPECT_LE(header.octets, 700U - 28U);  // IPv4 and UDP headers
    EXPECT_EQ(header.begins_with_templates, datagrams == 0);
    ++datagrams;
    octets += datagram.size();
  }
  EXPECT_GT(datagrams, 10U);
  EXPECT_EQ(snapshot.datagrams, datagrams);
  EXPECT_EQ(snapshot.wire_octets, octets);
}

TEST(Netflow9Exporter, KnowsWhatACollectorThatIsNotThereDidNotGet) {
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

TEST(Netflow9Exporter, GivesACollectorThatComesBackTheTemplatesFirst) {
  auto collector = std::make_unique<LoopbackSocket>(SOCK_DGRAM);
  const std::uint16_t port = collector->port();
  Scene scene(port);
  const auto send = [&](std::uint32_t from) {
    scene.give(*numbered_batch(from, 10), scene.now);
    scene.exporter->tick(scene.now);
  };
  send(0);
  EXPECT_TRUE(read_header(collector->receive(1000)).begins_with_templates);
  send(10);
  EXPECT_FALSE(read_header(collector->receive(1000)).begins_with_templates);
  collector.reset();
  send(20);  // does not arrive; the next call of send() says so
  collector = std::make_unique<LoopbackSocket>(SOCK_DGRAM, port);
  send(30);
  EXPECT_TRUE(read_header(collector->receive(1000)).begins_with_templates);
  send(40);
  EXPECT_FALSE(read_header(collector->receive(1000)).begins_with_templates);
  EXPECT_TRUE(scene.exporter->drain(scene.now));

  const ExporterSnapshot snapshot = scene.queue.snapshot();
  EXPECT_EQ(lost(snapshot, ExportLoss::unreachable), totals_of_batch(*numbered_batch(20, 10)));
  RecordTotals arrived = totals_of_batch(*numbered_batch(0, 20));
  arrived += totals_of_batch(*numbered_batch(30, 20));
  EXPECT_EQ(snapshot.exported, arrived);
  EXPECT_TRUE(balanced(snapshot));
}

TEST(Netflow9Exporter, SendsAFullDatagramAgainInTwoWhenTheTemplatesNeedRoom) {
  auto collector = std::make_unique<LoopbackSocket>(SOCK_DGRAM);
  const std::uint16_t port = collector->port();
  Scene scene(port);
  scene.give(*numbered_batch(0, 1), scene.now);
  scene.exporter->tick(scene.now);
  collector.reset();
  scene.give(*numbered_batch(1, 1), scene.now);
  scene.exporter->tick(scene.now);
  collector = std::make_unique<LoopbackSocket>(SOCK_DGRAM, port);
  // Enough for two datagrams: the first is full, and was made without templates.
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

TEST(Netflow9Exporter, KeepsToTheRateAndCountsTheDataRecordsOfABiflow) {
  const LoopbackSocket collector(SOCK_DGRAM);
  Scene scene(collector.port(), "?rate=1000");
  RecordBatch biflows = *numbered_batch(0, 100);
  for (FlowRecord& record : biflows) {
    record.packets[kReverse] = 1;
    record.octets[kReverse] = 40;
    record.first_ns[kReverse] = record.last_ns[kReverse] = record.first_ns[kForward];
  }
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

TEST(Netflow9Exporter, LosesWhatItHoldsWhenAbandoned) {
  const LoopbackSocket collector(SOCK_DGRAM);
  Scene scene(collector.port());
  scene.give(*numbered_batch(0, 3), scene.now);
  scene.exporter->abandon(ExportLoss::shutdown);
  EXPECT_EQ(lost(scene.queue.snapshot(), ExportLoss::shutdown), totals_of_batch(*numbered_batch(0, 3)));
  EXPECT_TRUE(collector.receive(0).empty());
}

}  // namespace
}  // namespace weir
