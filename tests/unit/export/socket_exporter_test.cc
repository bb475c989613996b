#include "control/export/socket_exporter.h"

#include <gtest/gtest.h>

#include "control/export/exporter_thread.h"
#include "tests/unit/export/export_fixtures.h"

namespace weir {
namespace {

using test::balanced;
using test::eventually;
using test::LoopbackSocket;
using test::lost;
using test::numbered_batch;
using test::read_stream;
using test::totals_of_batch;

struct Scene {
  explicit Scene(std::uint16_t port, bool reconnect = true) {
    auto own = std::make_unique<ExportQueue>("protobuf+tcp:", 1U << 20);
    const auto endpoints = resolve("127.0.0.1", port, SOCK_STREAM);
    EXPECT_TRUE(endpoints);
    SocketOptions options;
    options.reconnect = reconnect;
    options.first_backoff = std::chrono::milliseconds(2);
    options.greatest_backoff = std::chrono::milliseconds(20);
    auto exporter = std::make_unique<SocketExporter>(*endpoints, "127.0.0.1", options, *own);
    if (!reconnect) {
      const auto connected = exporter->connect_now();
      EXPECT_TRUE(connected) << connected.error();
    }
    thread = std::make_unique<ExporterThread>(std::move(own), std::move(exporter));
  }
  ExportQueue& queue() const { return thread->queue(); }
  [[nodiscard]] ExporterSnapshot snapshot() const { return queue().snapshot(); }
  ExporterSnapshot finish(std::chrono::milliseconds timeout = std::chrono::seconds(10)) const {
    queue().close(ExportClock::now() + timeout);
    thread->join();
    return snapshot();
  }

  std::unique_ptr<ExporterThread> thread;
};

TEST(SocketExporter, SendsEveryRecord) {
  const LoopbackSocket listener(SOCK_STREAM);
  const Scene scene(listener.port());
  const UniqueFd peer = listener.accept();
  const auto batch = numbered_batch(0, 5000);
  scene.queue().push(batch, 0);
  std::string stream;
  std::thread reader([&] { stream = read_stream(peer.get()); });
  const ExporterSnapshot snapshot = scene.finish();
  reader.join();
  const RecordBatch records = test::records_in(stream);
  EXPECT_TRUE(test::same_records(records.span(), batch->span()));
  EXPECT_EQ(snapshot.exported, totals_of_batch(*batch));
  EXPECT_EQ(snapshot.wire_octets, stream.size());
  EXPECT_TRUE(balanced(snapshot));
}

TEST(SocketExporter, WaitsForACollectorThatIsNotThereYet) {
  std::uint16_t port = 0;
  {
    const LoopbackSocket listener(SOCK_STREAM);
    port = listener.port();
  }
  const Scene scene(port);
  const auto batch = numbered_batch(0, 100);
  scene.queue().push(batch, 0);
  EXPECT_TRUE(eventually([&] { return scene.snapshot().state == "connecting: Connection refused"; }));
  EXPECT_EQ(scene.snapshot().queued, totals_of_batch(*batch));
  const LoopbackSocket listener(SOCK_STREAM, port);
  const UniqueFd peer = listener.accept();
  EXPECT_TRUE(eventually([&] { return scene.snapshot().exported.records == 100; }));
  EXPECT_EQ(scene.snapshot().state, "up");
  EXPECT_TRUE(balanced(scene.finish()));
  EXPECT_EQ(test::records_in(read_stream(peer.get())).size(), 100U);
}

TEST(SocketExporter, NamesWhatWasLeftWithoutAConnection) {
  std::uint16_t port = 0;
  {
    const LoopbackSocket listener(SOCK_STREAM);
    port = listener.port();
  }
  const Scene scene(port);
  const auto batch = numbered_batch(0, 100);
  scene.queue().push(batch, 0);
  const ExporterSnapshot snapshot = scene.finish(std::chrono::milliseconds(20));
  EXPECT_EQ(lost(snapshot, ExportLoss::not_connected), totals_of_batch(*batch));
  EXPECT_TRUE(balanced(snapshot));
}

TEST(SocketExporter, EndsAtOnceWithoutAConnectionWhenThereIsNothingToSend) {
  std::uint16_t port = 0;
  {
    const LoopbackSocket listener(SOCK_STREAM);
    port = listener.port();
  }
  const Scene scene(port);
  const auto before = std::chrono::steady_clock::now();
  scene.finish(std::chrono::hours(1));
  EXPECT_LT(std::chrono::steady_clock::now() - before, std::chrono::minutes(1));
}

TEST(SocketExporter, BeginsANewConnectionWithAWholeMessage) {
  const LoopbackSocket listener(SOCK_STREAM);
  const Scene scene(listener.port());
  const auto batch = numbered_batch(0, 100'000);  // 12 MB: more than the kernel buffers, so it stops within a message
  std::string received;
  {
    UniqueFd first = listener.accept();
    const int octets = 4096;
    setsockopt(first.get(), SOL_SOCKET, SO_RCVBUF, &octets, sizeof octets);
    scene.queue().push(batch, 0);
    received = read_stream(first.get(), 100'001);
    // Until the kernel takes no more: the writer stands somewhere in a record.
    EXPECT_TRUE(eventually([&] { return scene.snapshot().exported.records > 1000; }));
  }  // closed with unread octets: a reset
  const UniqueFd second = listener.accept();
  std::string stream;
  std::thread reader([&] { stream = read_stream(second.get()); });
  const ExporterSnapshot snapshot = scene.finish();
  reader.join();
  // Everything on the second connection is whole, in order, and goes to the end; together with what was handed to the
  // kernel for the first connection it is everything, with nothing twice.
  const RecordBatch records = test::records_in(stream);
  ASSERT_FALSE(records.empty());
  ASSERT_LT(records.size(), batch->size());
  EXPECT_TRUE(test::same_records(records.span(), batch->subspan(batch->size() - records.size())));
  EXPECT_EQ(snapshot.exported, totals_of_batch(*batch));
  EXPECT_TRUE(balanced(snapshot));
}

TEST(SocketExporter, NoticesACollectorThatClosedBeforeItWritesToIt) {
  const LoopbackSocket listener(SOCK_STREAM);
  const Scene scene(listener.port());
  UniqueFd first = listener.accept();
  EXPECT_TRUE(eventually([&] { return scene.snapshot().state == "up"; }));
  first.reset();
  const auto batch = numbered_batch(0, 50);
  scene.queue().push(batch, 0);
  const UniqueFd second = listener.accept();
  ASSERT_TRUE(second.valid());
  EXPECT_EQ(scene.finish().exported, totals_of_batch(*batch));
  EXPECT_EQ(test::records_in(read_stream(second.get())).size(), 50U);
}

TEST(SocketExporter, FailsForGoodWithoutReconnectionWhenTheCollectorCloses) {
  const LoopbackSocket listener(SOCK_STREAM);
  const Scene scene(listener.port(), false);
  UniqueFd peer = listener.accept();
  peer.reset();
  const auto batch = numbered_batch(0, 50);
  scene.queue().push(batch, 0);
  EXPECT_TRUE(eventually([&] { return scene.queue().failed(); }));
  EXPECT_EQ(scene.queue().push_waiting(batch, 0, ExportClock::duration::max()), 50U);  // does not hang
  const ExporterSnapshot snapshot = scene.finish();
  EXPECT_EQ(snapshot.state, "failed: 127.0.0.1: the collector closed the connection");
  EXPECT_EQ(lost(snapshot, ExportLoss::not_connected).records, 100U);
  EXPECT_TRUE(balanced(snapshot));
}

TEST(SocketExporter, DoesNotWaitForACollectorThatDoesNotRead) {
  const LoopbackSocket listener(SOCK_STREAM);
  const Scene scene(listener.port());
  const UniqueFd peer = listener.accept();
  const auto batch = numbered_batch(0, 200'000);
  scene.queue().push(batch, 0);
  EXPECT_TRUE(eventually([&] { return scene.snapshot().exported.records > 1000; }));
  const ExporterSnapshot snapshot = scene.finish(std::chrono::milliseconds(20));
  EXPECT_GT(lost(snapshot, ExportLoss::shutdown).records, 0U);
  EXPECT_EQ(snapshot.queued, RecordTotals{});
  EXPECT_TRUE(balanced(snapshot));
}

}  // namespace
}  // namespace weir
