#include "control/export/record_buffer.h"

#include <gtest/gtest.h>

#include <random>

#include "proto/record/flow_json.h"
#include "tests/unit/export/export_fixtures.h"

namespace weir::record_buffer_test {
namespace {

using test::numbered_batch;
using test::numbered_record;

/// The messages that `encoding` makes of a record.
std::vector<OwnedRecord> messages_of(RecordEncoding& encoding, RecordView record) {
  std::vector<std::uint8_t> octets(encoding.longest_octets());
  octets.resize(static_cast<std::size_t>(encoding.write(octets.data(), record) - octets.data()));
  std::vector<OwnedRecord> messages;
  for (std::span<const std::uint8_t> left(octets); !left.empty();) {
    const DelimitedMessage found = next_delimited(left);
    if (found.status != DelimitedStatus::complete || !decode_flow(found.message, messages.emplace_back())) {
      ADD_FAILURE() << "malformed";
      break;
    }
    left = left.subspan(found.consumed);
  }
  return messages;
}

TEST(ProtobufEncoding, MakesOneMessageOfABiflowOrTwo) {
  FlowRecord biflow = numbered_record(5);
  biflow.ports[kForward] = 40000;
  biflow.ports[kReverse] = 53;
  biflow.packets[kReverse] = 9;
  biflow.octets[kReverse] = 900;
  biflow.first_ns[kReverse] = biflow.last_ns[kReverse] = biflow.last_ns[kForward];
  const auto one = protobuf_encoding(false, {});
  const std::vector<OwnedRecord> whole = messages_of(*one, biflow);
  ASSERT_EQ(whole.size(), 1U);
  EXPECT_EQ(whole[0]->packets[kReverse], 9U);

  const auto two = protobuf_encoding(true, {});
  const std::vector<OwnedRecord> halves = messages_of(*two, biflow);
  ASSERT_EQ(halves.size(), 2U);
  EXPECT_EQ(halves[0]->packets[kForward], biflow.packets[kForward]);
  EXPECT_EQ(halves[0]->packets[kReverse], 0U);
  EXPECT_EQ(halves[0]->source_port(), 40000);
  EXPECT_EQ(halves[1]->packets[kForward], 9U) << "as its sender sees it";
  EXPECT_EQ(halves[1]->octets[kForward], 900U);
  EXPECT_EQ(halves[1]->source_port(), 53);

  biflow.packets[kForward] = biflow.octets[kForward] = 0;
  const std::vector<OwnedRecord> reply = messages_of(*two, biflow);
  ASSERT_EQ(reply.size(), 1U);
  EXPECT_EQ(reply[0]->packets[kForward], 9U);
}

TEST(RecordBuffer, CountsARecordWhenItsLastOctetLeft) {
  RecordBuffer buffer(std::make_unique<ProtobufEncoding>());
  const auto batch = numbered_batch(0, 2);
  ASSERT_EQ(buffer.append(batch->span()), 2U);
  std::uint8_t first[kFlowProtobufMaxOctets];
  const std::size_t first_octets = static_cast<std::size_t>(write_flow_protobuf(first, numbered_record(0)) - first);
  EXPECT_EQ(buffer.advance(first_octets - 1), RecordTotals{});
  EXPECT_EQ(buffer.begun_octets(), first_octets - 1);
  RecordTotals one;
  one.add(numbered_record(0));
  EXPECT_EQ(buffer.advance(1), one);
  EXPECT_EQ(buffer.begun_octets(), 0U);
  buffer.advance(3);
  buffer.rewind();
  EXPECT_EQ(buffer.pending().size() + first_octets, [&] {
    RecordBuffer both(std::make_unique<ProtobufEncoding>());
    both.append(batch->span());
    return both.pending().size();
  }());
  RecordTotals other;
  other.add(numbered_record(1));
  EXPECT_EQ(buffer.clear(), other);
  EXPECT_TRUE(buffer.empty());
}

TEST(RecordBuffer, SeveralCoresWriteTheLinesInOrder) {
  if (!OrderedEncoding::worthwhile()) GTEST_SKIP() << "one core to run on";
  const auto batch = numbered_batch(0, 20'000);
  const IpAddress sampler = parse_ip_address("192.0.2.7").value();
  std::string expected;
  for (const RecordView record : *batch) {
    char line[kFlowJsonMaxOctets];
    expected.append(line, write_flow_json(line, record, sampler));
  }
  RecordBuffer buffer(std::make_unique<JsonEncoding>(sampler));
  std::string stream;
  RecordTotals done;
  std::size_t next = 0;
  while (next < batch->size()) {
    const std::size_t taken = buffer.append(batch->subspan(next));
    ASSERT_GE(taken, OrderedEncoding::kLeastRecords / 2) << "at " << next;
    next += taken;
    const auto pending = buffer.pending();
    stream.append(reinterpret_cast<const char*>(pending.data()), pending.size());
    done += buffer.advance(pending.size());
  }
  EXPECT_TRUE(stream == expected);  // some 8 MB: not to be printed
  RecordTotals all;
  for (const RecordView record : *batch) all.add(*record);
  EXPECT_EQ(done, all);
}

TEST(RecordBuffer, OfARunThatDoesNotFitWholeLinesAreTaken) {
  if (!OrderedEncoding::worthwhile()) GTEST_SKIP() << "one core to run on";
  RecordBatch batch;
  for (const FlowRecord& plain : test::numbered_records(0, 1024)) {  // long lines: IPv6 in IPv6, numbers of 20 digits
    OwnedRecord record(plain);
    auto& tunnel = record.add<TunnelSection>();
    tunnel.type = TunnelType::vxlan;
    record->ip_version = tunnel.ip_version = 6;
    for (auto* address : {record->source_address, record->destination_address, tunnel.source, tunnel.destination}) {
      std::memset(address, 0x2a, 16);
    }
    record->packets[kForward] = record->packets[kReverse] = ~std::uint64_t{0} >> 1;
    record->octets[kForward] = record->octets[kReverse] = ~std::uint64_t{0} >> 1;
    record->first_ns[kReverse] = record->first_ns[kForward];
    record->last_ns[kReverse] = record->last_ns[kForward];
    record.add<LabelSection>();
    record.add<EspSection>();
    batch.append(record);
  }
  std::string expected;
  for (const RecordView record : batch) {
    char line[kFlowJsonMaxOctets];
    expected.append(line, write_flow_json(line, record));
  }
  constexpr std::size_t kRoom = std::size_t{1024} * 512;
  ASSERT_GT(expected.size(), kRoom);
  RecordBuffer buffer(std::make_unique<JsonEncoding>(), kRoom);
  const std::size_t taken = buffer.append(batch.span());
  EXPECT_LT(taken, batch.size());
  const std::string stream(reinterpret_cast<const char*>(buffer.pending().data()), buffer.pending().size());
  EXPECT_TRUE(stream == expected.substr(0, stream.size()));
  EXPECT_GT(stream.size() + 1024, kRoom);
  EXPECT_EQ(stream.back(), '\n');
  EXPECT_EQ(buffer.clear().records, taken);
}

TEST(RecordBuffer, GivesTheSameStreamHoweverItLeaves) {
  std::mt19937_64 random(7);
  for (const bool json : {true, false}) {
    const auto encoding = [json]() -> std::unique_ptr<RecordEncoding> {
      if (json) return std::make_unique<JsonEncoding>();
      return std::make_unique<ProtobufEncoding>();
    };
    const auto batch = test::numbered_batch_with_sections(0, 3000);
    RecordBuffer large(encoding(), 8 * 1024 * 1024);
    ASSERT_EQ(large.append(batch->span()), batch->size());
    const std::string expected(reinterpret_cast<const char*>(large.pending().data()), large.pending().size());

    RecordBuffer small(encoding(), 5000);
    std::string stream;
    RecordTotals done;
    std::size_t next = 0;
    while (next < batch->size() || !small.empty()) {
      next += small.append(batch->subspan(next, std::min<std::size_t>(batch->size() - next, random() % 9)));
      const std::size_t count = std::min<std::size_t>(small.pending().size(), random() % 700);
      const bool breaks = random() % 10 == 0;
      stream.append(reinterpret_cast<const char*>(small.pending().data()), count);
      done += small.advance(count);
      if (breaks) {  // a connection that broke: the receiver threw away the part of a record that it has
        stream.resize(stream.size() - small.begun_octets());
        small.rewind();
      }
    }
    EXPECT_EQ(stream, expected);
    EXPECT_EQ(done, test::totals_of_batch(*batch));
  }
}

}  // namespace
}  // namespace weir::record_buffer_test
