// The Kafka exporter over TLS: the mock cluster speaks in the clear, so a door that ends TLS stands before it
// (tests/support/tls_broker.h). Every record arrives or is lost by name, and only a broker that is believed gets any.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <string>

#include "control/export/export_hub.h"
#include "tests/support/mock_broker.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/tls_broker.h"
#include "tests/support/tls_collector.h"
#include "tests/unit/export/export_fixtures.h"

namespace weir::kafka_tls_test {
namespace {

using test::Authority;
using test::balanced;
using test::CertificateFiles;
using test::eventually;
using test::LoopbackSocket;
using test::lost;
using test::MockBroker;
using test::numbered_batch;
using test::TlsBroker;
using test::totals_of_batch;

class KafkaTls : public testing::Test {
 protected:
  /// As weir's main does: librdkafka wakes its threads through pipes whose readers may be gone.
  KafkaTls() { std::signal(SIGPIPE, SIG_IGN); }

  static std::string uri(std::uint16_t port, const std::string& options, const std::string& scheme = "kafka+tls") {
    return fmt::format("{}://127.0.0.1:{}/flows{}", scheme, port, options);
  }
  static std::string at(const TlsBroker& door) { return "127.0.0.1:" + std::to_string(door.port()); }
  void open(const std::string& uri) {
    auto hub = ExportHub::open({uri}, ExportContext{});
    ASSERT_TRUE(hub) << hub.error();
    hub_ = std::move(*hub);
  }
  /// Nothing of the records leaves, the exporter says why, and the ledger names them.
  void expect_refused(const std::string& why) {
    hub_->offer(numbered_batch(0, 100), false);
    EXPECT_TRUE(eventually([&] { return hub_->snapshot()[0].state == "connecting: " + why; }))
        << hub_->snapshot()[0].state << "\nexpected " << why;
    EXPECT_EQ(hub_->finish(std::chrono::milliseconds(20)).size(), 1U);
    const ExporterSnapshot snapshot = hub_->snapshot()[0];
    EXPECT_EQ(lost(snapshot, ExportLoss::not_connected), totals_of_batch(*numbered_batch(0, 100)));
    EXPECT_TRUE(balanced(snapshot));
  }

  test::TemporaryFolder folder_;
  Authority site_{folder_.folder(), "site"};
  Authority other_{folder_.folder(), "other"};
  CertificateFiles broker_ = site_.sign("broker", "IP:127.0.0.1");
  MockBroker cluster_;
  std::unique_ptr<ExportHub> hub_;
};

TEST_F(KafkaTls, StoresEveryRecordOnceAtABrokerThatIsBelieved) {
  const TlsBroker door(broker_, cluster_.port(), site_.file());
  const CertificateFiles own = site_.sign("probe", "DNS:probe.example");
  open(uri(door.port(), "?ca=" + site_.file() + "&cert=" + own.cert + "&key=" + own.key));
  const auto batch = numbered_batch(0, 1000);
  hub_->offer(batch, true);
  EXPECT_TRUE(hub_->finish(std::chrono::seconds(20)).empty());
  const ExporterSnapshot snapshot = hub_->snapshot()[0];
  EXPECT_EQ(snapshot.exported, totals_of_batch(*batch));
  EXPECT_EQ(snapshot.state, "up");
  EXPECT_TRUE(balanced(snapshot));
  RecordTotals stored;
  for (const MockBroker::Message& message : cluster_.consume(1000)) {
    stored += totals_of_batch(test::records_in(message.value));
  }
  EXPECT_EQ(stored, snapshot.exported);
  EXPECT_GE(door.connections(), 1);
  EXPECT_EQ(door.refusals(), 0);
}

TEST_F(KafkaTls, SendsNothingToABrokerOfAnotherAuthority) {
  const TlsBroker door(other_.sign("stranger", "IP:127.0.0.1"), cluster_.port());
  open(uri(door.port(), "?ca=" + site_.file()));
  expect_refused("the certificate of " + at(door) + " is not believed: unable to get local issuer certificate");
  EXPECT_EQ(door.connections(), 0);
}

TEST_F(KafkaTls, SendsNothingToABrokerWhoseCertificateIsForAnotherName) {
  const TlsBroker door(site_.sign("elsewhere", "DNS:elsewhere.example"), cluster_.port());
  open(uri(door.port(), "?ca=" + site_.file()));
  expect_refused("the certificate of " + at(door) + " is not for 127.0.0.1");
  EXPECT_EQ(door.connections(), 0);
}

TEST_F(KafkaTls, BelievesAnybodyWhereThatIsAskedFor) {
  const TlsBroker door(other_.sign("elsewhere", "DNS:elsewhere.example"), cluster_.port());
  open(uri(door.port(), "?verify=0"));
  hub_->offer(numbered_batch(0, 100), true);
  EXPECT_TRUE(hub_->finish(std::chrono::seconds(20)).empty());
  EXPECT_EQ(hub_->snapshot()[0].exported, totals_of_batch(*numbered_batch(0, 100)));
}

TEST_F(KafkaTls, SaysThatTheBrokerWantsACertificate) {
  const TlsBroker door(broker_, cluster_.port(), site_.file());
  open(uri(door.port(), "?ca=" + site_.file()));
  expect_refused(at(door) + " wants a certificate: give cert= and key=");
}

TEST_F(KafkaTls, SaysThatTheBrokerDoesNotSpeakTls) {
  open(uri(cluster_.port(), "?ca=" + site_.file()));
  expect_refused("127.0.0.1:" + std::to_string(cluster_.port()) +
                 " does not speak TLS: give the port where it does, or kafka://");
}

TEST_F(KafkaTls, InTheClearSaysThatTheBrokerSpeaksTls) {
  const TlsBroker door(broker_, cluster_.port());
  open(uri(door.port(), "", "kafka"));
  expect_refused(at(door) + " closed the connection: it may want kafka+tls://");
}

TEST_F(KafkaTls, SaysThatNobodyListens) {
  LoopbackSocket nobody(SOCK_STREAM);
  const std::uint16_t port = nobody.port();
  nobody.close();
  open(uri(port, "?ca=" + site_.file()));
  expect_refused(fmt::format("127.0.0.1:{}: Connection refused", port));
}

TEST_F(KafkaTls, NamesTheFileThatItCannotRead) {
  const auto hub = ExportHub::open({"kafka+tls://127.0.0.1:1/flows?ca=" + folder_.path("none.pem")}, ExportContext{});
  ASSERT_FALSE(hub);
  EXPECT_NE(hub.error().find("ca=" + folder_.path("none.pem") + ": No such file or directory"), std::string::npos)
      << hub.error();
}

TEST_F(KafkaTls, OfACaptureEndsWithTheReasonAtOnce) {
  const TlsBroker door(other_.sign("stranger", "IP:127.0.0.1"), cluster_.port());
  ExportContext context;
  context.mode = ExportMode::capture;
  const auto begin = std::chrono::steady_clock::now();
  const auto hub = ExportHub::open({uri(door.port(), "?ca=" + site_.file())}, context);
  ASSERT_FALSE(hub);
  const std::string prefix = "no broker can be reached: the certificate of " + at(door);
  EXPECT_NE(hub.error().find(prefix + " is not believed: unable to get local issuer certificate"), std::string::npos)
      << hub.error();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(5));
}

}  // namespace
}  // namespace weir::kafka_tls_test
