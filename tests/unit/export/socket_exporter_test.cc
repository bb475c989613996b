#include "control/export/socket_exporter.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <set>

#include "control/export/exporter_thread.h"
#include "control/export/ipfix_buffer.h"
#include "tests/support/stream_collector.h"
#include "tests/unit/export/export_fixtures.h"

namespace weir::socket_exporter_test {
namespace {

using test::balanced;
using test::eventually;
using test::ipfix_records_of;
using test::LoopbackSocket;
using test::lost;
using test::numbered_batch;
using test::protobuf_records_of;
using test::read_stream;
using test::RecordIdentity;
using test::StreamCollector;
using test::StreamRecords;
using test::totals_of_batch;

struct Scene {
  explicit Scene(std::uint16_t port, bool reconnect = true) {
    auto own = std::make_unique<ExportQueue>("protobuf+tcp:", kQueueOctets);
    const auto endpoints = resolve("127.0.0.1", port, SOCK_STREAM, Names::refused);
    EXPECT_TRUE(endpoints);
    SocketOptions options;
    options.reconnect = reconnect;
    options.first_backoff = std::chrono::milliseconds(2);
    options.greatest_backoff = std::chrono::milliseconds(20);
    auto exporter = std::make_unique<SocketExporter>(Lookup(*endpoints), "127.0.0.1", options, *own);
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
  scene.queue().push(batch);
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
  scene.queue().push(batch);
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
  scene.queue().push(batch);
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

/// What a peer that died had acknowledged and not read is all that can be missing without a name.
struct Account {
  std::set<RecordIdentity> received;
  std::uint64_t missing = 0;  ///< acknowledged on a connection that ended, and never read
  std::uint64_t twice = 0;    ///< read, and not acknowledged when the connection ended: sent again
};
Account account_of(const std::vector<std::string>& streams, const std::vector<ConnectionCount>& connections,
                   StreamRecords (*parse)(const std::string&)) {
  Account account;
  EXPECT_EQ(streams.size(), connections.size());
  for (std::size_t i = 0; i < std::min(streams.size(), connections.size()); ++i) {
    SCOPED_TRACE("connection " + std::to_string(connections[i].first));
    const StreamRecords read = parse(streams[i]);
    EXPECT_EQ(read.fault, "");
    EXPECT_EQ(read.first_sequence, 0U);
    account.received.insert(read.records.begin(), read.records.end());
    account.missing += without(connections[i].exported.records, read.records.size());
    account.twice += without(read.records.size(), connections[i].exported.records);
  }
  return account;
}

/// The books of one instant: they balance, and each record that is exported was acknowledged on some connection.
bool adds_up(const ExporterSnapshot& snapshot) {
  RecordTotals acknowledged;
  for (const ConnectionCount& connection : snapshot.connections) acknowledged += connection.exported;
  return balanced(snapshot) && acknowledged == snapshot.exported;
}

struct Transport {
  const char* name;
  bool is_unix;
  bool is_ipfix;
};

class SocketExporterOver : public testing::TestWithParam<Transport> {
 protected:
  static constexpr std::uint32_t kRecords = 60'000;  // of some 60 octets and more: several MB

  SocketExporterOver() : collector_(GetParam().is_unix ? folder_.path("socket") : std::string()) {
    auto own = std::make_unique<ExportQueue>("peer", kQueueOctets);
    SocketOptions options;
    options.first_backoff = std::chrono::milliseconds(2);
    options.greatest_backoff = std::chrono::milliseconds(20);
    std::vector<Endpoint> endpoints{unix_endpoint(folder_.path("socket"))};
    if (!GetParam().is_unix) endpoints = *resolve("127.0.0.1", collector_.port(), SOCK_STREAM, Names::refused);
    std::unique_ptr<StreamBuffer> buffer;
    if (GetParam().is_ipfix) {
      buffer = std::make_unique<IpfixBuffer>(TemplateOptions{}, ExportContext{}, *own);
    } else {
      buffer = std::make_unique<RecordBuffer>(std::make_unique<ProtobufEncoding>(), 0, std::size_t{1} << 22);
    }
    auto exporter = std::make_unique<SocketExporter>(Lookup(endpoints), "peer", options, *own, std::move(buffer));
    thread_ = std::make_unique<ExporterThread>(std::move(own), std::move(exporter));
    for (std::uint32_t i = 0; i < kRecords; i += 4000) queue().push(numbered_batch(i, 4000));
  }
  [[nodiscard]] ExportQueue& queue() const { return thread_->queue(); }
  [[nodiscard]] ExporterSnapshot snapshot() const {
    ExporterSnapshot snapshot = queue().snapshot();
    EXPECT_TRUE(adds_up(snapshot));
    return snapshot;
  }
  /// The collector lets the exporter wait, and dies with data unread; `for_good`: there is no other one.
  void read_some_and_die(std::size_t octets, bool for_good = false) {
    ASSERT_TRUE(collector_.accept());
    ASSERT_TRUE(collector_.read(octets));
    ASSERT_TRUE(collector_.wait_for_unread(1000));
    const ExporterSnapshot before = snapshot();
    EXPECT_TRUE(before.connections.back().open);
    EXPECT_GT(before.queued.records, 0U);
    EXPECT_EQ(before.state, "up");
    if (for_good) {
      collector_.stop_listening();
      std::filesystem::remove(folder_.path("socket"));
    }
    collector_.close();
  }
  [[nodiscard]] Account account(const ExporterSnapshot& snapshot) const {
    return account_of(collector_.streams(), snapshot.connections,
                      GetParam().is_ipfix ? ipfix_records_of : protobuf_records_of);
  }

  test::TemporaryFolder folder_;
  StreamCollector collector_;
  std::unique_ptr<ExporterThread> thread_;
};

TEST_P(SocketExporterOver, SendsAgainWhatADeadCollectorHadNotAcknowledged) {
  for (const std::size_t octets : {1U, 100'000U, 33'333U, 250'001U}) read_some_and_die(octets);
  ASSERT_TRUE(collector_.accept());
  std::thread reader([this] { collector_.read_rest(); });
  queue().close(ExportClock::now() + std::chrono::seconds(20));
  thread_->join();
  reader.join();
  const ExporterSnapshot end = snapshot();
  EXPECT_EQ(end.exported.records, kRecords) << "nothing is lost by name";
  EXPECT_EQ(end.queued, RecordTotals{});
  ASSERT_EQ(end.connections.size(), 5U);
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_FALSE(end.connections[i].open);
    EXPECT_NE(end.connections[i].ended, "");
    EXPECT_GT(end.connections[i].unacknowledged.records, 0U);
  }
  EXPECT_EQ(end.connections[4].ended, "");
  EXPECT_EQ(end.connections[4].unacknowledged, RecordTotals{});
  const Account account = this->account(end);
  EXPECT_EQ(account.received.size() + account.missing, kRecords);
  // By its own kernel's account each dead peer had a buffer full, and no more than that is missing.
  EXPECT_LT(account.missing, 4U * 10'000U);
  if (GetParam().is_unix) {
    EXPECT_EQ(account.missing, 0U) << "a unix socket acknowledges what was read";
  }
}

TEST_P(SocketExporterOver, NamesWhatWasSentInVainWhenNoOtherConnectionComes) {
  read_some_and_die(50'000, true);
  ASSERT_TRUE(eventually([&] { return snapshot().state.starts_with("connecting: "); }));
  queue().close(ExportClock::now());
  thread_->join();
  const ExporterSnapshot end = snapshot();
  ASSERT_EQ(end.connections.size(), 1U);
  const ConnectionCount& first = end.connections[0];
  EXPECT_EQ(lost(end, ExportLoss::connection_lost), first.unacknowledged);
  EXPECT_GT(first.unacknowledged.records, 0U);
  EXPECT_GT(lost(end, ExportLoss::not_connected).records, 0U) << "what was never sent";
  EXPECT_EQ(end.queued, RecordTotals{});
  EXPECT_EQ(end.exported.records + lost(end, ExportLoss::connection_lost).records +
                lost(end, ExportLoss::not_connected).records,
            kRecords);
}

TEST_P(SocketExporterOver, CountsWhatAStalledCollectorDoesNotTakeAsQueuedAndThenAsShutdown) {
  ASSERT_TRUE(collector_.accept());
  ASSERT_TRUE(collector_.wait_for_unread(1000));
  const ExporterSnapshot stalled = snapshot();
  EXPECT_EQ(stalled.state, "up");
  EXPECT_GT(stalled.queued.records, kRecords / 2);
  queue().close(ExportClock::now());
  thread_->join();
  const ExporterSnapshot end = snapshot();
  EXPECT_EQ(end.exported.records + lost(end, ExportLoss::shutdown).records, kRecords);
  EXPECT_GT(lost(end, ExportLoss::shutdown).records, 0U);
}

INSTANTIATE_TEST_SUITE_P(Every, SocketExporterOver,
                         testing::Values(Transport{"ProtobufTcp", false, false}, Transport{"IpfixTcp", false, true},
                                         Transport{"ProtobufUnix", true, false}),
                         [](const auto& test) { return std::string(test.param.name); });

/// With more connections than the books keep, the first entry stands for all before it.
TEST(ExportQueue, SumsUpOldConnections) {
  ExportQueue queue("peer", kQueueOctets);
  queue.push(numbered_batch(0, 10));
  for (std::uint32_t i = 0; i < 10; ++i) {
    queue.connection_began();
    queue.exported(totals_of_batch(*numbered_batch(i, 1)), 1, 100);
    queue.connection_ended({2, 3, 4}, "gone");
  }
  const ExporterSnapshot snapshot = queue.snapshot();
  ASSERT_EQ(snapshot.connections.size(), 8U);
  EXPECT_EQ(snapshot.connections[0].first, 1U);
  EXPECT_EQ(snapshot.connections[0].last, 3U);
  EXPECT_EQ(snapshot.connections[0].exported, totals_of_batch(*numbered_batch(0, 3)));
  EXPECT_EQ(snapshot.connections[0].unacknowledged, (RecordTotals{6, 9, 12}));
  EXPECT_EQ(snapshot.connections[7].first, 10U);
  EXPECT_EQ(snapshot.connections[7].ended, "gone");
  EXPECT_EQ(snapshot.state, "connecting: gone");
  EXPECT_TRUE(adds_up(snapshot));
}

TEST(SocketExporter, NoticesACollectorThatClosedBeforeItWritesToIt) {
  const LoopbackSocket listener(SOCK_STREAM);
  const Scene scene(listener.port());
  UniqueFd first = listener.accept();
  EXPECT_TRUE(eventually([&] { return scene.snapshot().state == "up"; }));
  first.reset();
  const auto batch = numbered_batch(0, 50);
  scene.queue().push(batch);
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
  scene.queue().push(batch);
  EXPECT_TRUE(eventually([&] { return scene.queue().failed(); }));
  EXPECT_TRUE(scene.queue().push_waiting(batch, ExportClock::duration::max()));  // does not hang
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
  scene.queue().push(batch);
  EXPECT_TRUE(eventually([&] { return scene.snapshot().exported.records > 1000; }));
  const ExporterSnapshot snapshot = scene.finish(std::chrono::milliseconds(20));
  EXPECT_GT(lost(snapshot, ExportLoss::shutdown).records, 0U);
  EXPECT_EQ(snapshot.queued, RecordTotals{});
  EXPECT_TRUE(balanced(snapshot));
}

}  // namespace
}  // namespace weir::socket_exporter_test
