// The Kafka exporter against librdkafka's mock cluster: a broker of its own in this process, on a port of the kernel's.
#include "control/export/kafka_exporter.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <array>
#include <map>
#include <set>
#include <string>

#include "control/export/export_hub.h"
#include "proto/record/flow_json.h"
#include "proto/record/flow_protobuf.h"
#include "tests/support/mock_broker.h"
#include "tests/unit/export/export_fixtures.h"

namespace weir::kafka_exporter_test {
namespace {

using namespace test;

std::unique_ptr<ExportHub> open_hub(const std::string& uri, const ExportContext& context = {}) {
  auto hub = ExportHub::open({uri}, context);
  EXPECT_TRUE(hub) << hub.error();
  return hub ? std::move(*hub) : nullptr;
}

RecordBatch biflows(std::uint32_t from, std::uint32_t count) {
  std::vector<FlowRecord> records = numbered_records(from, count);
  for (FlowRecord& record : records) {
    record.packets[kReverse] = 3;
    record.octets[kReverse] = 300;
    record.first_ns[kReverse] = record.first_ns[kForward];
    record.last_ns[kReverse] = record.last_ns[kForward];
  }
  return batch_of(records);
}

TEST(KafkaExporter, StoresBothDirectionsOfAConversationInOnePartition) {
  MockBroker broker;
  auto hub = open_hub(broker.uri("?compression=lz4"));
  const RecordBatch batch = biflows(0, 500);
  hub->offer(std::make_shared<RecordBatch>(batch), true);
  EXPECT_TRUE(hub->finish(std::chrono::seconds(20)).empty());
  const ExporterSnapshot snapshot = hub->snapshot()[0];
  EXPECT_EQ(snapshot.exported, totals_of_batch(batch));
  EXPECT_EQ(snapshot.datagrams, 1000U) << "messages";
  EXPECT_TRUE(balanced(snapshot));

  std::map<std::uint16_t, std::set<int>> partitions;  // of the port that tells the conversations apart
  RecordTotals stored;
  for (const MockBroker::Message& message : broker.consume(1000)) {
    const auto records = records_in(message.value);
    ASSERT_EQ(records.size(), 1U);
    EXPECT_EQ(records[0]->packets[kReverse], 0U);
    const bool forward = records[0]->destination_port() == 53;
    partitions[forward ? records[0]->source_port() : records[0]->destination_port()].insert(message.partition);
    stored.add(*records[0]);
  }
  EXPECT_EQ(stored.records, 1000U);
  EXPECT_EQ(stored.packets, snapshot.exported.packets);
  EXPECT_EQ(stored.octets, snapshot.exported.octets);
  EXPECT_EQ(partitions.size(), 500U);
  std::set<int> used;
  for (const auto& [port, where] : partitions) {
    EXPECT_EQ(where.size(), 1U) << port;
    used.insert(*where.begin());
  }
  EXPECT_EQ(used.size(), 4U) << "conversations are spread over all partitions";
}

TEST(KafkaExporter, WritesOneJsonObjectABiflowWhereThatIsAskedFor) {
  MockBroker broker;
  auto hub = open_hub(broker.uri("?format=json&uniflow=0"));
  const RecordBatch batch = biflows(7, 1);
  hub->offer(std::make_shared<RecordBatch>(batch), true);
  EXPECT_TRUE(hub->finish(std::chrono::seconds(20)).empty());
  const auto messages = broker.consume(1);
  ASSERT_EQ(messages.size(), 1U);
  std::array<char, kFlowJsonMaxOctets> line;
  char* const end = write_flow_json(line.data(), batch[0]);
  EXPECT_EQ(messages[0].value + "\n", std::string(line.data(), end));
}

TEST(KafkaExporter, NamesTheProbeInMessagesOfBothFormats) {
  ExportContext context;
  context.sampler_address = parse_ip_address("2001:db8::7").value();
  for (const char* options : {"", "?format=json"}) {
    MockBroker broker;
    auto hub = open_hub(broker.uri(options), context);
    hub->offer(std::make_shared<RecordBatch>(biflows(7, 1)), true);
    EXPECT_TRUE(hub->finish(std::chrono::seconds(20)).empty());
    const auto messages = broker.consume(2);
    ASSERT_EQ(messages.size(), 2U);
    for (const MockBroker::Message& message : messages) {
      if (*options != '\0') {
        EXPECT_TRUE(message.value.ends_with(R"(,"sampler_address":"2001:db8::7"})")) << message.value;
        continue;
      }
      const auto* const octets = reinterpret_cast<const std::uint8_t*>(message.value.data());
      OwnedRecord record;
      IpAddress sampler;
      ASSERT_TRUE(decode_flow(next_delimited({octets, message.value.size()}).message, record, &sampler));
      EXPECT_EQ(sampler, context.sampler_address);
    }
  }
}

TEST(KafkaExporter, LosesNothingWhileTheBrokerIsGoneAndSendsEverythingWhenItIsBack) {
  MockBroker broker;
  auto hub = open_hub(broker.uri());
  hub->offer(numbered_batch(0, 1000), false);
  ASSERT_TRUE(eventually([&] { return hub->snapshot()[0].exported.records == 1000; }));
  broker.down();
  for (std::uint32_t i = 1; i < 10; ++i) hub->offer(numbered_batch(1000 * i, 1000), false);
  ASSERT_TRUE(eventually([&] { return hub->snapshot()[0].state.starts_with("connecting"); }));
  EXPECT_TRUE(balanced(hub->snapshot()[0]));
  EXPECT_GT(hub->snapshot()[0].queued.records, 0U);
  broker.up();
  EXPECT_TRUE(hub->finish(std::chrono::seconds(30)).empty());
  const ExporterSnapshot snapshot = hub->snapshot()[0];
  EXPECT_EQ(snapshot.exported, totals_of_batch(*numbered_batch(0, 10'000)));
  EXPECT_EQ(snapshot.state, "up");
  // Produced = consumed: each record once.
  std::set<std::uint16_t> ports;
  RecordTotals stored;
  for (const MockBroker::Message& message : broker.consume(10'000)) {
    const RecordBatch records = records_in(message.value);
    ASSERT_EQ(records.size(), 1U);
    ports.insert(records[0]->source_port());
    stored.add(*records[0]);
  }
  EXPECT_EQ(ports.size(), 10'000U);
  EXPECT_EQ(stored, snapshot.exported);
  EXPECT_TRUE(broker.consume(1, 5).empty());
}

TEST(KafkaExporter, OfAGroupFindsTheBrokerThatIsBackWithoutRecordsToSend) {
  const TemporaryFolder folder;
  MockBroker broker;
  auto opened = ExportHub::open(
      {"failover:k,f?name=out", broker.uri("?name=k"), "protobuf:" + folder.path("f") + "?name=f"}, ExportContext{});
  ASSERT_TRUE(opened) << opened.error();
  ExportHub& hub = **opened;
  hub.offer(numbered_batch(0, 100), false);
  ASSERT_TRUE(eventually([&] { return hub.snapshot()[1].exported.records == 100; }));
  broker.down();
  ASSERT_TRUE(eventually([&] { return hub.snapshot()[1].state.starts_with("connecting"); }));
  hub.offer(numbered_batch(100, 100), false);
  ASSERT_TRUE(eventually([&] { return hub.snapshot()[2].exported.records == 100; }));
  broker.up();
  EXPECT_TRUE(eventually([&] { return hub.snapshot()[1].state == "up"; }));
  EXPECT_TRUE(hub.finish(std::chrono::seconds(30)).empty());
  for (const ExporterSnapshot& snapshot : hub.snapshot()) EXPECT_TRUE(balanced(snapshot)) << snapshot.name;
  EXPECT_EQ(hub.snapshot()[0].exported, totals_of_batch(*numbered_batch(0, 200)));
}

TEST(KafkaExporter, NamesWhatIsLeftWhenNoBrokerEverAnswers) {
  LoopbackSocket nobody(SOCK_STREAM);
  const std::string uri = fmt::format("kafka://127.0.0.1:{}/flows", nobody.port());
  nobody.close();
  auto hub = open_hub(uri);
  hub->offer(numbered_batch(0, 100), false);
  ASSERT_TRUE(eventually([&] { return hub->snapshot()[0].state.starts_with("connecting"); }));
  EXPECT_EQ(hub->finish(std::chrono::milliseconds(200)).size(), 1U);
  const ExporterSnapshot snapshot = hub->snapshot()[0];
  EXPECT_EQ(lost(snapshot, ExportLoss::not_connected), totals_of_batch(*numbered_batch(0, 100)));
  EXPECT_TRUE(balanced(snapshot));
}

TEST(KafkaExporter, NamesWhatTheBrokerRefuses) {
  MockBroker broker;
  broker.refuse(4);
  auto hub = open_hub(broker.uri());
  hub->offer(numbered_batch(0, 100), false);
  static_cast<void>(hub->finish(std::chrono::seconds(20)));
  const ExporterSnapshot snapshot = hub->snapshot()[0];
  EXPECT_GT(lost(snapshot, ExportLoss::refused).records, 0U);
  EXPECT_TRUE(balanced(snapshot));
  EXPECT_EQ(snapshot.queued, RecordTotals{});
}

}  // namespace
}  // namespace weir::kafka_exporter_test
