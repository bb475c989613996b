// weir-collect as a translator: what came as NetFlow v5, v9 or IPFIX goes on as NetFlow v9, IPFIX, JSON, protobuf and
// to Kafka, and every field of every record is still what it was in the capture (tests/support/known_traffic.h).
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/support/capture_file.h"
#include "tests/support/exporters.h"
#include "tests/support/known_traffic.h"
#include "tests/support/mock_broker.h"
#include "tests/support/process.h"

namespace weir::test {
namespace {

using nlohmann::json;

const std::string kBin = WEIR_BIN;

class Reexport : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    known_ = write_known_traffic(folder_.path("known.pcap"));
    const std::string scheme = GetParam();
    // What the fixed format has no room for.
    if (scheme == "netflow5") {
      std::erase_if(known_, [](const auto& entry) { return entry.first.ip_version == 6; });
      for (auto& [tuple, flow] : known_) flow.vlan = 0;
    }
    const auto datagrams = datagrams_of([&](const std::string& address) {
      static_cast<void>(
          run({kBin + "/weir", "read", "--export", scheme + "://" + address, folder_.path("known.pcap")}));
    });
    ASSERT_FALSE(datagrams.empty());
    write_datagram_capture(stream_, datagrams, 2055);
  }

  /// weir-collect reads the stream and sends it on; all exporters of one run.
  void send_on(const std::vector<std::string>& uris) {
    std::vector<std::string> command{kBin + "/weir-collect", stream_};
    for (const std::string& uri : uris) command.insert(command.end(), {"--export", uri});
    const Finished sent = run(command);
    EXPECT_EQ(sent.exit_code, 0) << sent.err;
    EXPECT_EQ(sent.out, "") << "records that go on are not shown";
  }

  TemporaryFolder folder_;
  std::string stream_ = folder_.path("stream.pcap");
  SeenFlows known_;
};

TEST_P(Reexport, KeepsEveryFieldInEveryFormat) {
  WeirCollect netflow9(kBin, "netflow9"), ipfix(kBin, "ipfix"), biflows(kBin, "ipfix");
  MockBroker broker;
  send_on({"netflow9://" + netflow9.address() + "?rate=20000", "ipfix://" + ipfix.address() + "?rate=20000",
           "ipfix://" + biflows.address() + "?rate=20000&uniflow=0", "json:" + folder_.path("out.json"),
           "protobuf:" + folder_.path("out.pb"), broker.uri("?format=json&compression=zstd")});
  const std::string expected = text_of(known_);
  // NetFlow v5 says nothing where every packet counts: JSON shows that nobody said, formats with the field have 1.
  const std::string as_said = text_of(known_, {.rate_1_as_0 = std::string(GetParam()) == "netflow5"});
  EXPECT_EQ(text_of(seen_flows(netflow9.finish().lines)), expected);
  EXPECT_EQ(text_of(seen_flows(ipfix.finish().lines)), expected);
  EXPECT_EQ(text_of(seen_flows(biflows.finish().lines)), expected);
  EXPECT_EQ(text_of(seen_flows(json_lines(contents(folder_.path("out.json"))))), as_said);
  const Finished protobuf = run({kBin + "/weir-collect", "--json", folder_.path("out.pb")});
  EXPECT_EQ(protobuf.exit_code, 0) << protobuf.err;
  EXPECT_EQ(text_of(seen_flows(json_lines(protobuf.out))), expected);
  std::string messages;
  for (const MockBroker::Message& message : broker.consume(known_.size())) messages += message.value + '\n';
  EXPECT_EQ(text_of(seen_flows(json_lines(messages))), as_said);
  EXPECT_TRUE(broker.consume(1, 5).empty()) << "a record more than there were";
}

TEST_P(Reexport, NamesWhatAFixedFormatHasNoRoomFor) {
  WeirCollect last(kBin, "netflow5");
  const Finished sent = run({kBin + "/weir-collect", stream_, "--export", "netflow5://" + last.address()});
  const SeenFlows all = known_;
  std::erase_if(known_, [](const auto& entry) { return entry.first.ip_version == 6; });
  const Compared compared{.ipv6 = false, .vlan = false, .rate_1_as_0 = true};
  EXPECT_EQ(text_of(seen_flows(last.finish().lines), compared), text_of(known_, compared));
  if (known_.size() == all.size()) {
    EXPECT_EQ(sent.exit_code, 0) << sent.err;
  } else {
    EXPECT_EQ(sent.exit_code, 1);
    EXPECT_NE(sent.err.find("ipv6_not_in_format 4"), std::string::npos) << sent.err;
  }
}

INSTANTIATE_TEST_SUITE_P(Of, Reexport, ::testing::Values("netflow5", "netflow9", "ipfix"),
                         [](const auto& test) { return std::string(test.param); });

}  // namespace
}  // namespace weir::test
