// weir read to a Kafka broker over TLS: every record of a capture is stored, and a broker that is not believed gets
// none of them, with a line that says why.
#include <gtest/gtest.h>

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

#include "tests/support/mock_broker.h"
#include "tests/support/process.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/tls_broker.h"
#include "tests/support/tls_collector.h"

namespace weir::test {
namespace {

using nlohmann::json;

const std::string kWeir = std::string(WEIR_BIN) + "/weir";
const std::string kCapture = std::string(WEIR_CAPTURES) + "/basic/zeek_icmp-5-pings.pcap";

TEST(KafkaOverTls, StoresEveryRecordOfACaptureAndRefusesAStranger) {
  if (!std::filesystem::exists(kCapture)) GTEST_SKIP() << kCapture << " is not there";
  const TemporaryFolder folder;
  const Authority site(folder.folder(), "site");
  const Authority other(folder.folder(), "other");
  MockBroker broker;
  const TlsBroker door(site.sign("broker", "IP:127.0.0.1"), broker.port());
  const TlsBroker stranger(other.sign("stranger", "IP:127.0.0.1"), broker.port());
  const auto uri = [&](const TlsBroker& at) {
    return "kafka+tls://127.0.0.1:" + std::to_string(at.port()) + "/flows?format=json&ca=" + site.file();
  };
  const Finished sent = run({kWeir, "read", "--export", uri(door), "--ledger", folder.path("ledger.json"), kCapture});
  EXPECT_EQ(sent.exit_code, 0) << sent.err;
  const json ledger = json::parse(contents(folder.path("ledger.json")));
  EXPECT_EQ(ledger.at("balanced"), true) << ledger.at("violations");
  EXPECT_EQ(ledger.at("exporters").at(0).at("exported").at("records"), 1) << "a biflow, two messages";
  EXPECT_EQ(ledger.at("exporters").at(0).at("exported").at("packets"), 10);
  std::uint64_t packets = 0;
  const auto messages = broker.consume(2);
  EXPECT_EQ(messages.size(), 2U);
  for (const MockBroker::Message& message : messages) {
    packets += json::parse(message.value).at("packets").get<std::uint64_t>();
  }
  EXPECT_EQ(packets, 10U);

  const Finished refused = run({kWeir, "read", "--export", uri(stranger), kCapture});
  EXPECT_EQ(refused.exit_code, 1);
  EXPECT_NE(refused.err.find("no broker can be reached: the certificate of 127.0.0.1:"), std::string::npos)
      << refused.err;
  EXPECT_TRUE(broker.consume(1, 5).empty()) << "nothing more";
}

}  // namespace
}  // namespace weir::test
