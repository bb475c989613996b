// SocketExporter over TLS: every record arrives or is lost by name, and only a collector that is believed gets any.
#include <gtest/gtest.h>

#include <set>
#include <thread>

#include "control/export/export_uri.h"
#include "control/export/exporter_thread.h"
#include "control/export/socket_exporter.h"
#include "tests/support/stream_collector.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/tls_collector.h"
#include "tests/unit/export/export_fixtures.h"

namespace weir::tls_exporter_test {
namespace {

using test::Authority;
using test::balanced;
using test::CertificateFiles;
using test::eventually;
using test::LoopbackSocket;
using test::lost;
using test::numbered_batch;
using test::protobuf_records_of;
using test::RecordIdentity;
using test::TlsCollector;
using test::totals_of_batch;

class TlsExporter : public testing::Test {
 protected:
  /// An exporter to a port of 127.0.0.1, which calls its collector `host`.
  void start(std::uint16_t port, TlsOptions tls, const std::string& host = "127.0.0.1") {
    auto own = std::make_unique<ExportQueue>("protobuf+tls:", std::size_t{1} << 26);
    SocketOptions options;
    options.first_backoff = std::chrono::milliseconds(2);
    options.greatest_backoff = std::chrono::milliseconds(20);
    options.connect_timeout = std::chrono::milliseconds(connect_timeout_ms_);
    options.tls = std::move(tls);
    options.host = host;
    auto exporter = std::make_unique<SocketExporter>(
        Lookup(*resolve("127.0.0.1", port, SOCK_STREAM, Names::refused)), host, options, *own,
        std::make_unique<RecordBuffer>(std::make_unique<ProtobufEncoding>(), 0, std::size_t{1} << 22));
    thread_ = std::make_unique<ExporterThread>(std::move(own), std::move(exporter));
  }
  [[nodiscard]] ExportQueue& queue() const { return thread_->queue(); }
  ExporterSnapshot finish(std::chrono::milliseconds timeout = std::chrono::seconds(10)) const {
    queue().close(ExportClock::now() + timeout);
    thread_->join();
    return queue().snapshot();
  }
  /// No collector is believed: the exporter says why, and nothing of the records leaves.
  void expect_refused(TlsCollector& collector, const std::string& why) {
    queue().push(numbered_batch(0, 100));
    std::thread answering([&] {
      EXPECT_FALSE(collector.accept());
      collector.close();
    });
    EXPECT_TRUE(eventually([&] { return queue().snapshot().state == "connecting: " + why; }))
        << queue().snapshot().state;
    answering.join();
    const ExporterSnapshot snapshot = finish(std::chrono::milliseconds(20));
    EXPECT_EQ(lost(snapshot, ExportLoss::not_connected), totals_of_batch(*numbered_batch(0, 100)));
    EXPECT_TRUE(balanced(snapshot));
  }

  test::TemporaryFolder folder_;
  Authority site_{folder_.folder(), "site"};
  Authority other_{folder_.folder(), "other"};
  CertificateFiles collector_ = site_.sign("collector", "IP:127.0.0.1,DNS:collector.example");
  int connect_timeout_ms_ = 5000;
  std::unique_ptr<ExporterThread> thread_;
};

TEST_F(TlsExporter, SendsEveryRecordAndSaysGoodbye) {
  TlsCollector collector(collector_);
  start(collector.port(), {.ca = site_.file()}, "collector.example");
  const auto batch = numbered_batch(0, 5000);
  queue().push(batch);
  std::string stream;
  std::thread reader([&] {
    ASSERT_TRUE(collector.accept());
    stream = collector.read();
  });
  const ExporterSnapshot snapshot = finish();
  reader.join();
  EXPECT_TRUE(test::same_records(test::records_in(stream).span(), batch->span()));
  EXPECT_EQ(snapshot.exported, totals_of_batch(*batch));
  EXPECT_GT(snapshot.wire_octets, stream.size()) << "TLS adds to it";
  EXPECT_TRUE(balanced(snapshot));
  EXPECT_TRUE(collector.was_told());
  EXPECT_EQ(collector.version(), "TLSv1.3");
  EXPECT_EQ(collector.asked_for(), "collector.example");
}

TEST_F(TlsExporter, ShowsItsCertificateToACollectorThatAsksForOne) {
  TlsCollector collector(collector_, site_.file());
  const CertificateFiles own = site_.sign("probe", "DNS:probe.example");
  start(collector.port(), {.ca = site_.file(), .cert = own.cert, .key = own.key});
  queue().push(numbered_batch(0, 100));
  std::string stream;
  std::thread reader([&] {
    ASSERT_TRUE(collector.accept());
    stream = collector.read();
  });
  EXPECT_TRUE(balanced(finish()));
  reader.join();
  EXPECT_EQ(protobuf_records_of(stream).records.size(), 100U);
  EXPECT_EQ(collector.asked_for(), "") << "an address is no name to ask for (RFC 6066 section 3)";
}

TEST_F(TlsExporter, WithoutOneSaysThatTheCollectorWantsIt) {
  TlsCollector collector(collector_, site_.file());
  start(collector.port(), {.ca = site_.file()});
  queue().push(numbered_batch(0, 100));
  // By TLS 1.3 the client is through before the collector has looked at what it did not get.
  std::thread answering([&] {
    EXPECT_FALSE(collector.accept());
    collector.close();
  });
  EXPECT_TRUE(eventually([&] {
    return queue().snapshot().state.find("the collector wants a certificate: give cert= and key=") != std::string::npos;
  })) << queue().snapshot().state;
  answering.join();
  const ExporterSnapshot snapshot = finish(std::chrono::milliseconds(20));
  EXPECT_EQ(snapshot.exported.records + lost(snapshot, ExportLoss::not_connected).records +
                lost(snapshot, ExportLoss::connection_lost).records + lost(snapshot, ExportLoss::shutdown).records,
            100U);
  EXPECT_TRUE(balanced(snapshot));
}

TEST_F(TlsExporter, BelievesNoCertificateOfAnotherAuthority) {
  TlsCollector collector(other_.sign("stranger", "IP:127.0.0.1"));
  start(collector.port(), {.ca = site_.file()});
  expect_refused(collector, "the collector's certificate is not believed: unable to get local issuer certificate");
}

TEST_F(TlsExporter, BelievesNoCertificateForAnotherName) {
  TlsCollector collector(collector_);
  start(collector.port(), {.ca = site_.file()}, "elsewhere.example");
  expect_refused(collector, "the collector's certificate is not for elsewhere.example");
}

TEST_F(TlsExporter, BelievesNoCertificateThatHasExpired) {
  TlsCollector collector(site_.sign("old", "IP:127.0.0.1", -2));
  start(collector.port(), {.ca = site_.file()});
  expect_refused(collector, "the collector's certificate is not believed: certificate has expired");
}

TEST_F(TlsExporter, TakesTheNameThatIsGivenForThatOfTheHost) {
  TlsCollector collector(site_.sign("inside", "DNS:flows.internal"));
  start(collector.port(), {.ca = site_.file(), .hostname = "flows.internal"});
  std::thread answering([&] { EXPECT_TRUE(collector.accept()); });
  EXPECT_TRUE(eventually([&] { return queue().snapshot().state == "up"; }));
  answering.join();
  EXPECT_TRUE(balanced(finish()));
}

TEST_F(TlsExporter, BelievesAnybodyWhenToldTo) {
  TlsCollector collector(other_.sign("stranger", "DNS:elsewhere.example", -2));
  start(collector.port(), {.verify = false});
  std::thread answering([&] { EXPECT_TRUE(collector.accept()); });
  EXPECT_TRUE(eventually([&] { return queue().snapshot().state == "up"; }));
  answering.join();
  EXPECT_TRUE(balanced(finish()));
}

TEST_F(TlsExporter, NamesACollectorThatSpeaksNoTlsAndOneThatSaysNothing) {
  const LoopbackSocket listener(SOCK_STREAM);
  connect_timeout_ms_ = 50;
  start(listener.port(), {.ca = site_.file()});
  const UniqueFd silent = listener.accept();
  EXPECT_TRUE(eventually([&] { return queue().snapshot().state == "connecting: TLS handshake: Connection timed out"; }))
      << queue().snapshot().state;
  const UniqueFd plain = listener.accept();
  const std::string answer = "HTTP/1.1 400 Bad Request\r\n\r\n";
  EXPECT_EQ(send(plain.get(), answer.data(), answer.size(), MSG_NOSIGNAL), static_cast<ssize_t>(answer.size()));
  EXPECT_TRUE(eventually([&] { return queue().snapshot().state == "connecting: the collector does not speak TLS"; }))
      << queue().snapshot().state;
  EXPECT_TRUE(balanced(finish(std::chrono::milliseconds(20))));
}

TEST_F(TlsExporter, SendsAgainWhatACollectorThatDiedHadNotAcknowledged) {
  constexpr std::uint32_t kRecords = 60'000;
  TlsCollector collector(collector_);
  start(collector.port(), {.ca = site_.file()});
  for (std::uint32_t i = 0; i < kRecords; i += 4000) queue().push(numbered_batch(i, 4000));
  ASSERT_TRUE(collector.accept());
  std::vector<std::string> streams{collector.read(100'000)};
  ASSERT_TRUE(collector.wait_for_unread(1000));
  collector.close();
  std::thread reader([&] {
    ASSERT_TRUE(collector.accept());
    streams.push_back(collector.read());
  });
  const ExporterSnapshot snapshot = finish();
  reader.join();
  EXPECT_TRUE(balanced(snapshot));
  EXPECT_EQ(snapshot.exported.records, kRecords);
  // All but what the collector's host had acknowledged and the collector never read.
  std::set<RecordIdentity> received;
  std::uint64_t never_read = 0;
  ASSERT_EQ(snapshot.connections.size(), 2U);
  for (std::size_t i = 0; i < streams.size(); ++i) {
    const auto read = protobuf_records_of(streams[i]);
    EXPECT_EQ(read.fault, "");
    received.insert(read.records.begin(), read.records.end());
    never_read += without(snapshot.connections[i].exported.records, read.records.size());
  }
  EXPECT_GE(received.size() + never_read, kRecords);
  EXPECT_LT(never_read, 5000U) << "no more than the receive buffer holds";
}

/// A client and a server of TLS on a connection of the test's own, which the client's octets are carried to by hand.
TEST_F(TlsExporter, KeepsNoMoreThanWhatWaitsWhereTheSocketTakesOnlyAPart) {
  TlsCollector collector(collector_);
  auto client = TlsClient::make({.ca = site_.file()}, "127.0.0.1");
  ASSERT_TRUE(client) << client.error();
  TlsClient& tls = **client;
  const auto endpoints = *resolve("127.0.0.1", collector.port(), SOCK_STREAM, Names::refused);
  const UniqueFd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  ASSERT_EQ(connect(fd.get(), endpoints[0].get(), endpoints[0].length), 0);
  std::uint64_t carried = 0;
  const auto carry = [&](std::size_t most) {
    const auto pending = tls.pending().first(std::min(most, tls.pending().size()));
    ASSERT_EQ(send(fd.get(), pending.data(), pending.size(), MSG_NOSIGNAL), static_cast<ssize_t>(pending.size()));
    tls.sent(pending.size());
    carried += pending.size();
  };
  std::string stream;
  std::thread reader([&] {
    ASSERT_TRUE(collector.accept());
    stream = collector.read();
  });
  while (tls.advance() == TlsClient::State::handshake) {
    carry(SIZE_MAX);
    std::uint8_t came[4096];
    const ssize_t got = recv(fd.get(), came, sizeof came, 0);
    if (got <= 0) break;
    tls.received({came, static_cast<std::size_t>(got)});
  }
  ASSERT_EQ(tls.state(), TlsClient::State::open) << tls.error();
  carry(SIZE_MAX);
  const std::vector<std::uint8_t> part(TlsClient::kMostInRecord, 'x');
  constexpr std::size_t kParts = 500;
  std::size_t most = 0;
  for (std::size_t i = 0; i < kParts; ++i) {
    ASSERT_EQ(tls.write(part), part.size());
    while (tls.pending().size() > 10'000) carry(5'000);  // never all of it
    most = std::max(most, tls.pending_capacity());
  }
  EXPECT_LT(most, 256U * 1024) << "8 MB went through";
  tls.close();
  carry(SIZE_MAX);
  ASSERT_EQ(shutdown(fd.get(), SHUT_WR), 0);
  reader.join();
  EXPECT_EQ(stream.size(), kParts * part.size());
  EXPECT_EQ(tls.acknowledged(carried), kParts * part.size());
}

TEST(TlsUri, WantsACertificateWithItsKeyAndFilesThatAreThere) {
  const auto half = parse_export_uri("ipfix+tls://192.0.2.1:4740?cert=/a.pem");
  ASSERT_FALSE(half);
  EXPECT_EQ(half.error(),
            "export 'ipfix+tls://192.0.2.1:4740?cert=/a.pem': 'cert' is given without 'key'; expected both or none");
  const auto empty = parse_export_uri("ipfix+tls://192.0.2.1:4740?ca=");
  ASSERT_FALSE(empty);
  const auto absent = TlsClient::make({.ca = "/no/such/file.pem"}, "192.0.2.1");
  ASSERT_FALSE(absent);
  EXPECT_EQ(absent.error(), "ca=/no/such/file.pem: No such file or directory");
}

}  // namespace
}  // namespace weir::tls_exporter_test
