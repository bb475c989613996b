#include "tools/collect/collector.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdint>
#include <fstream>
#include <string>
#include <vector>

#include "tests/support/process.h"
#include "tests/support/sflow.h"
#include "tools/collect/summary.h"

namespace weir::collector_test {
namespace {

using Octets = std::vector<std::uint8_t>;

void put16(Octets& out, unsigned value) {
  out.push_back(static_cast<std::uint8_t>(value >> 8));
  out.push_back(static_cast<std::uint8_t>(value));
}
void put32(Octets& out, std::uint32_t value) {
  put16(out, value >> 16);
  put16(out, value & 0xffff);
}

/// The header of RFC 3954 section 5.1.
Octets header(unsigned count, std::uint32_t sequence, std::uint32_t source_id) {
  Octets out;
  put16(out, 9);
  put16(out, count);
  put32(out, 10'000);         // sysUptime: 10 s
  put32(out, 1'700'000'000);  // unix_secs
  put32(out, sequence);
  put32(out, source_id);
  return out;
}

/// Template 256: IPV4_SRC_ADDR (8), IPV4_DST_ADDR (12), IN_PKTS (2), IN_BYTES (1), FIRST_SWITCHED (22), PROTOCOL (4).
void put_template(Octets& out) {
  put16(out, 0);
  put16(out, 4 + 4 + 6 * 4);
  put16(out, 256);
  put16(out, 6);
  for (const auto& [element, octets] : {std::pair{8, 4}, {12, 4}, {2, 4}, {1, 4}, {22, 4}, {4, 1}}) {
    put16(out, static_cast<unsigned>(element));
    put16(out, static_cast<unsigned>(octets));
  }
}

void put_data(Octets& out, std::uint32_t packets, std::uint32_t octets) {
  put16(out, 256);
  put16(out, 4 + 21 + 3);  // one record and padding to four octets
  put32(out, 0x0a000001);
  put32(out, 0x0a000002);
  put32(out, packets);
  put32(out, octets);
  put32(out, 9'000);  // one second before the header's sysUptime
  out.push_back(17);
  out.insert(out.end(), 3, 0);
}

class CollectorTest : public ::testing::Test {
 protected:
  FlowTotals totals_;
  FlowPrinter printer_{FlowPrinter::Format::none, STDOUT_FILENO};
  Collector collector_{totals_, printer_};
};

TEST_F(CollectorTest, SumsTheRecordsOfADatagram) {
  Octets datagram = header(2, 0, 1);
  put_template(datagram);
  put_data(datagram, 3, 300);
  collector_.take_datagram("192.0.2.1:2055", datagram);
  EXPECT_EQ(totals_.records(), 1U);
  EXPECT_EQ(totals_.packets(), 3U);
  EXPECT_EQ(totals_.octets(), 300U);
  const auto top = totals_.top(1);
  ASSERT_EQ(top.size(), 1U);
  EXPECT_EQ(top[0].sums.first_ns, 1'699'999'999'000'000'000U);
  EXPECT_EQ(top[0].tuple.protocol, 17);
}

TEST_F(CollectorTest, KeepsTemplatesPerExporterAndSourceId) {
  Octets with_template = header(1, 0, 1);
  put_template(with_template);
  collector_.take_datagram("192.0.2.1:2055", with_template);
  Octets other_source = header(1, 0, 2);
  put_data(other_source, 3, 300);
  collector_.take_datagram("192.0.2.1:2055", other_source);
  Octets data = header(1, 1, 1);
  put_data(data, 3, 300);
  collector_.take_datagram("192.0.2.9:2055", data);  // another exporter
  EXPECT_EQ(totals_.records(), 0U);
  collector_.take_datagram("192.0.2.1:2055", data);
  EXPECT_EQ(totals_.records(), 1U);
  EXPECT_EQ(collector_.decoder().streams(), 3U);
  EXPECT_NE(summary_text(collector_, totals_).find("2 data sets dropped"), std::string::npos);
}

TEST_F(CollectorTest, SummaryTellsLostDatagramsOfEachStream) {
  Octets first = header(1, 0, 7);
  put_template(first);
  collector_.take_datagram("192.0.2.1:2055", first);
  Octets later = header(1, 4, 7);  // 1, 2 and 3 are missing
  put_data(later, 1, 100);
  collector_.take_datagram("192.0.2.1:2055", later);
  const std::string text = summary_text(collector_, totals_);
  EXPECT_NE(text.find("192.0.2.1 NetFlow v9 source id 7: 2 datagrams, 1 record, 1 sequence gap, 3 datagrams lost"),
            std::string::npos)
      << text;
  const std::string json = summary_json(collector_, totals_);
  EXPECT_NE(json.find(R"("sequence_gaps":1,"lost_datagrams":3)"), std::string::npos) << json;
}

TEST_F(CollectorTest, SumsSflowByItsAgentAndTellsItsGaps) {
  using test::sflow::block;
  using test::sflow::words;
  // 10.0.0.1 to 10.0.0.2, UDP, 1400 octets.
  const Octets sample = block(3, words({1400, 17, 0x0a000001, 0x0a000002, 1111, 53, 0, 0}));
  for (const std::uint32_t sequence : {10U, 13U}) {
    collector_.take_datagram(
        "198.51.100.1:50000",
        test::sflow::datagram(sequence, {test::sflow::flow_sample(1, {sample}), test::sflow::counters_sample(1, {})}));
  }
  EXPECT_EQ(totals_.records(), 2U);
  EXPECT_EQ(totals_.octets(), 2800U);
  const std::string text = summary_text(collector_, totals_);
  EXPECT_NE(text.find("192.0.2.99 sFlow v5 sub-agent 7: 2 datagrams, 2 records, 1 sequence gap, 2 datagrams lost, 2 "
                      "counter samples\n"),
            std::string::npos)
      << text;
  const std::string json = summary_json(collector_, totals_);
  EXPECT_NE(json.find(R"({"exporter":"192.0.2.99","format":"sFlow v5","version":5,"source_id":7,)"), std::string::npos)
      << json;
}

TEST_F(CollectorTest, NamesWhatWasMalformed) {
  Octets six = header(1, 0, 1);
  six[1] = 6;
  collector_.take_datagram("192.0.2.1:2055", six);
  collector_.take_datagram("192.0.2.1:2055", Octets{0, 9, 0});
  const std::string text = summary_text(collector_, totals_);
  EXPECT_NE(text.find("malformed: 1 wrong_version: "), std::string::npos) << text;
  EXPECT_NE(text.find("malformed: 1 short_header: "), std::string::npos) << text;
  EXPECT_EQ(collector_.counts().datagrams, 2U);
  EXPECT_EQ(totals_.records(), 0U);
}

TEST_F(CollectorTest, SaysHowToReadACompressedFile) {
  const test::TemporaryFolder folder;
  const std::string path = folder.path("records");
  const auto fault_of = [&](const std::string& beginning) {
    std::ofstream(path, std::ios::binary) << beginning << std::string(500, '\xff');
    const auto outcome = collector_.read_file(path, -1);
    return outcome ? std::string("none") : outcome.error();
  };
  EXPECT_NE(fault_of("\x28\xb5\x2f\xfd").find("'zstd -dc FILE | weir-collect -'"), std::string::npos);
  EXPECT_NE(fault_of("\x04\x22\x4d\x18").find("'lz4 -dc FILE | weir-collect -'"), std::string::npos);
  EXPECT_NE(fault_of("\x1f\x8b\x08").find("'gzip -dc FILE | weir-collect -'"), std::string::npos);
  EXPECT_NE(fault_of("what").find("a FILE is a capture"), std::string::npos);
}

}  // namespace
}  // namespace weir::collector_test
