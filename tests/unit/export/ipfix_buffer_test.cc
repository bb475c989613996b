// IPFIX over TCP: what a collector that comes, goes and comes again can read.
#include "control/export/ipfix_buffer.h"

#include <gtest/gtest.h>

#include "proto/decode/flow_decoder.h"
#include "tests/unit/export/export_fixtures.h"

namespace weir::ipfix_buffer_test {
namespace {

using namespace test;

/// Decodes whole messages; the last one may be cut off.
struct Session {
  explicit Session(std::string_view stream) {
    Decoded decoded;
    const auto* at = reinterpret_cast<const std::uint8_t*>(stream.data());
    const auto* const end = at + stream.size();
    while (end - at >= 16) {
      const std::size_t length = load_be<std::uint16_t>(at + 2);
      if (length < 16 || length > static_cast<std::size_t>(end - at)) break;
      EXPECT_EQ(decoder.decode({"probe", 0}, {at, length}, decoded), DecodeError::none);
      EXPECT_TRUE(decoded.waited.empty()) << "data stood before their template";
      if (first_sequence == UINT32_MAX) first_sequence = load_be<std::uint32_t>(at + 8);
      at += length;
    }
    cut_off = at != end;
  }
  FlowDecoder decoder;
  std::uint32_t first_sequence = UINT32_MAX;
  bool cut_off = false;
};

std::string text_of(std::span<const std::uint8_t> octets) {
  return {reinterpret_cast<const char*>(octets.data()), octets.size()};
}

TEST(IpfixBuffer, BeginsEachConnectionWithTheTemplatesAndSequenceNought) {
  const TemplateOptions templates;
  ExportQueue books("ipfix", 1);
  IpfixBuffer buffer(templates, {}, books);
  EXPECT_TRUE(buffer.empty());
  buffer.begin_stream();
  const RecordBatch batch = *numbered_batch(0, 500);
  ASSERT_EQ(buffer.append(batch.span()), 500U);
  const std::string all = text_of(buffer.pending());
  {
    const Session whole(all);
    EXPECT_EQ(whole.decoder.totals().records, 500U);
    EXPECT_EQ(whole.decoder.totals().sequence_gaps, 0U);
    EXPECT_EQ(whole.decoder.totals().unknown_template, 0U);
    EXPECT_EQ(whole.first_sequence, 0U);
  }
  // The connection breaks at every place in turn; what was not taken as a whole comes again in the next one.
  for (std::size_t at = 0; at < all.size(); at += 997) {
    IpfixBuffer one(templates, {}, books);
    one.begin_stream();
    ASSERT_EQ(one.append(batch.span()), 500U);
    const std::string first = text_of(one.pending()).substr(0, at);
    RecordTotals out = one.advance(at);
    const Session before(first);
    EXPECT_EQ(before.decoder.totals().records, out.records);
    one.rewind();
    one.begin_stream();
    ASSERT_EQ(one.append(numbered_batch(500, 10)->span()), 10U);
    one.end_stream();
    const std::string second = text_of(one.pending());
    out += one.advance(second.size());
    const Session after(second);
    EXPECT_EQ(after.first_sequence, 0U);
    EXPECT_FALSE(after.cut_off);
    EXPECT_EQ(before.decoder.totals().records + after.decoder.totals().records, 510U) << at;
    EXPECT_EQ(after.decoder.totals().sequence_gaps, 0U) << at;
    EXPECT_EQ(after.decoder.totals().unknown_template, 0U) << at;
    RecordTotals expected = totals_of_batch(batch);
    expected += totals_of_batch(*numbered_batch(500, 10));
    EXPECT_EQ(out, expected);
    EXPECT_TRUE(one.empty());
  }
  EXPECT_EQ(buffer.clear(), totals_of_batch(batch));
}

TEST(IpfixBuffer, DatesItsFirstMessageOfACaptureByTheFirstPacket) {
  ExportQueue books("ipfix", 1);
  ExportContext context;
  context.mode = ExportMode::capture;
  context.capture_start_ns = 1'600'000'000'987'654'321;
  IpfixBuffer buffer(TemplateOptions(), context, books);
  buffer.begin_stream();
  ASSERT_EQ(buffer.append(numbered_batch(0, 1)->span()), 1U);
  const std::string octets = text_of(buffer.pending());
  ASSERT_GE(octets.size(), 16U);
  // RFC 7011 section 3.1: the export time, in seconds since 1970. The record ended in 2023.
  EXPECT_EQ(load_be<std::uint32_t>(reinterpret_cast<const std::uint8_t*>(octets.data()) + 4), 1'600'000'000U);
}

TEST(IpfixOverTcp, ReachesACollectorThatComesLate) {
  auto collector = std::make_unique<LoopbackSocket>(SOCK_STREAM);
  auto hub = ExportHub::open({"ipfix+tcp://127.0.0.1:" + std::to_string(collector->port())}, {});
  ASSERT_TRUE(hub) << hub.error();
  (*hub)->offer(numbered_batch(0, 3000), false);
  const UniqueFd connection = collector->accept();
  ASSERT_TRUE(connection.valid());
  std::string stream;
  std::thread reader([&] { stream = read_stream(connection.get()); });
  EXPECT_TRUE((*hub)->finish(std::chrono::seconds(20)).empty());
  reader.join();
  const Session session(stream);
  EXPECT_FALSE(session.cut_off);
  EXPECT_EQ(session.decoder.totals().records, 3000U);
  EXPECT_GT(session.decoder.totals().option_records, 1U);
  EXPECT_EQ((*hub)->snapshot()[0].exported, totals_of_batch(*numbered_batch(0, 3000)));
  EXPECT_TRUE(balanced((*hub)->snapshot()[0]));
}

/// Every third record has the section of layer 2, every fifth one that of TCP: four combinations, two of them plain.
RecordBatch mixed_batch(std::uint32_t count) {
  const std::shared_ptr<const RecordBatch> plain = numbered_batch(0, count);
  RecordBatch mixed;
  for (std::uint32_t i = 0; i < count; ++i) {
    OwnedRecord record((*plain)[i]);
    if (i % 3 == 1) record.add<Layer2Section>().ttl[kForward] = 64;
    if (i % 5 == 1) record.add<TcpSection>().mss[kForward] = 1460;
    mixed.append(record);
  }
  return mixed;
}

TEST(IpfixBuffer, StandsATemplateThatARecordNeedsBeforeItInEachConnection) {
  ExportQueue books("ipfix", 1);
  const RecordBatch batch = mixed_batch(200);
  IpfixBuffer buffer({}, {}, books);
  buffer.begin_stream();
  ASSERT_EQ(buffer.append(batch.span()), 200U);
  const std::string all = text_of(buffer.pending());
  const Session whole(all);
  EXPECT_EQ(whole.decoder.totals().records, 200U);
  EXPECT_EQ(whole.decoder.totals().unknown_template, 0U);
  EXPECT_EQ(whole.decoder.totals().sequence_gaps, 0U);
  for (std::size_t at = 0; at < all.size(); at += 97) {
    IpfixBuffer one({}, {}, books);
    one.begin_stream();
    ASSERT_EQ(one.append(batch.span()), 200U);
    const Session before(text_of(one.pending()).substr(0, at));
    static_cast<void>(one.advance(at));
    one.rewind();
    one.begin_stream();
    ASSERT_EQ(one.append(batch.span()), 200U);
    const Session after(text_of(one.pending()));
    EXPECT_EQ(before.decoder.totals().records + after.decoder.totals().records, 400U) << at;
    EXPECT_EQ(after.decoder.totals().unknown_template, 0U) << at;
    EXPECT_EQ(after.decoder.totals().sequence_gaps, 0U) << at;
  }
}

}  // namespace
}  // namespace weir::ipfix_buffer_test
