// weir run exports over TLS: the collector whose certificate is believed gets every record, the one of another
// authority gets none, and the ledger says so by name and balances at every poll.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "proto/base/unique_fd.h"
#include "tests/scenario/live_rig.h"
#include "tests/support/stream_collector.h"
#include "tests/support/tls_collector.h"

namespace weir::test {
namespace {

TEST(TlsExport, ReachesTheCollectorThatIsBelievedAndNamesWhyNotTheOther) {
  const TemporaryFolder folder;
  const Authority site(folder.folder(), "site");
  const Authority other(folder.folder(), "other");
  TlsCollector collector(site.sign("collector", "IP:127.0.0.1"), site.file());
  TlsCollector stranger(other.sign("stranger", "IP:127.0.0.1"));
  const CertificateFiles own = site.sign("probe", "DNS:probe.example");
  const std::string memif = ",socket=weir-tls-" + std::to_string(getpid()) + ",socket-abstract=yes,rsize=11";
  const std::string ca = "?ca=" + site.file();
  std::string stream;
  std::thread reader([&] {
    ASSERT_TRUE(collector.accept());
    stream = collector.read();
  });
  std::atomic<bool> over{false};
  std::thread refused([&] {
    while (!over) EXPECT_FALSE(stranger.accept());
  });

  Process weir({kBin + "/weir", "run", "--port", "net_memif0,role=server" + memif, "--socket", folder.path("weir.sock"),
                "--ledger", folder.path("ledger.json"), "--idle-timeout", "1s", "--stop-timeout", "1s", "--export",
                "ipfix+tls://127.0.0.1:" + std::to_string(collector.port()) + ca + "&cert=" + own.cert +
                    "&key=" + own.key + "&uniflow=0&name=good",
                "--export", "protobuf+tls://127.0.0.1:" + std::to_string(stranger.port()) + ca + "&name=bad"});
  ASSERT_TRUE(weir.wait_for_error_text("control socket", seconds(40))) << weir.error_text();
  const Finished sent = run({kBin + "/weir-gen", "--port", "net_memif0,role=client" + memif, "--json", "--flows", "500",
                             "--tcp", "0", "--packets", "5000", "--rate", "20000"});
  ASSERT_EQ(sent.exit_code, 0) << sent.err;
  json bad;
  EXPECT_TRUE(eventually([&] {
    const Finished answer = run({kBin + "/weirctl", "--socket", folder.path("weir.sock"), "-o", "json", "ledger"});
    const json ledger = json::parse(answer.out);
    EXPECT_EQ(ledger.at("balanced"), true) << ledger.at("violations");
    bad = ledger.at("exporters").at(1);
    return packets_of(ledger.at("exporters").at(0).at("exported")) == 5000;
  }));
  EXPECT_EQ(bad.at("exported").at("records"), 0);
  EXPECT_EQ(bad.at("state"),
            "connecting: the collector's certificate is not believed: unable to get local issuer certificate");
  weir.signal(SIGTERM);
  const Finished ended = weir.wait(seconds(30));
  EXPECT_EQ(ended.exit_code, 1) << ended.err;
  reader.join();
  over = true;
  const UniqueFd last(socket(AF_INET, SOCK_STREAM, 0));  // so that accept() ends
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(stranger.port());
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ASSERT_EQ(connect(last.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(shutdown(last.get(), SHUT_RDWR), 0);
  refused.join();

  const StreamRecords records = ipfix_records_of(stream);
  EXPECT_EQ(records.fault, "");
  EXPECT_EQ(records.records.size(), 500U);
  EXPECT_TRUE(collector.was_told());
  const json ledger = json::parse(contents(folder.path("ledger.json")));
  EXPECT_EQ(ledger.at("balanced"), true) << ledger.at("violations");
  EXPECT_EQ(ledger.at("exporters").at(0).at("exported").at("records"), 500);
  EXPECT_EQ(packets_of(ledger.at("exporters").at(1).at("lost").at("not_connected")), 5000U);
}

}  // namespace
}  // namespace weir::test
