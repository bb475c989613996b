// Columns as text: what tables and sums show, and how columns are named on a command line.
#include "proto/record/field_text.h"

#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <utility>

#include "proto/base/time_text.h"
#include "proto/record/sections.h"

namespace weir::field_text_test {
namespace {

Column column(std::string_view name) {
  const auto columns = parse_columns(name);
  EXPECT_TRUE(columns) << name << ": " << (columns ? "" : columns.error());
  return columns ? columns->front() : Column{};
}

std::string error_of(std::string_view list) {
  auto columns = parse_columns(list);
  return columns ? "" : std::move(columns).error();
}

std::string text(std::string_view name, RecordView record, TextForm form = TextForm::plain) {
  std::string out;
  append_field_text(out, column(name), record, form);
  return out;
}

OwnedRecord tcp_flow() {
  OwnedRecord record;
  const std::uint8_t source[] = {192, 0, 2, 1};
  const std::uint8_t destination[] = {198, 51, 100, 200};
  std::memcpy(record->source_address, source, 4);
  std::memcpy(record->destination_address, destination, 4);
  record->ip_version = 4;
  record->protocol = 6;
  record->ports[kForward] = 50'000;
  record->ports[kReverse] = 443;
  record->packets[kForward] = 3;
  record->octets[kForward] = 18'446'744'073'709'551'615U;
  record->first_ns[kForward] = 1'700'000'000'123'456'789;
  record->last_ns[kForward] = 1'700'000'001'000'000'000;
  return record;
}

TEST(FieldText, ShowsTheBaseAsJsonDoes) {
  const OwnedRecord record = tcp_flow();
  EXPECT_EQ(text("src_addr", record), "192.0.2.1");
  EXPECT_EQ(text("dst_addr", record), "198.51.100.200");
  EXPECT_EQ(text("src_port", record), "50000");
  EXPECT_EQ(text("dst_port", record), "443");
  EXPECT_EQ(text("bytes", record), "18446744073709551615");
  EXPECT_EQ(text("rev_bytes", record), "0");
  EXPECT_EQ(text("time_flow_start_ns", record), "1700000000123456789");
  EXPECT_EQ(text("time_flow_start_ns", record, TextForm::people), "2023-11-14T22:13:20.123Z");
  EXPECT_EQ(text("packets", record, TextForm::people), "3");
}

TEST(FieldText, ShowsNothingWhereTheRecordDoesNotHaveTheColumn) {
  const OwnedRecord record = tcp_flow();
  for (const char* name : {"icmp_type", "tunnel_type", "tunnel_src_addr", "mpls_label", "mpls_labels", "esp_spi",
                           "src_mac", "tcp_mss", "rev_tcp_mss", "out_if"}) {
    EXPECT_FALSE(has_column(column(name), record)) << name;
    EXPECT_EQ(text(name, record), "") << name;
  }
  EXPECT_TRUE(has_column(column("rev_bytes"), record));
}

TEST(FieldText, ShowsSectionsByTheirForms) {
  OwnedRecord record = tcp_flow();
  auto& tunnel = record.add<TunnelSection>();
  tunnel.type = TunnelType::vxlan;
  tunnel.id = 0x0a0b0c;
  EXPECT_EQ(text("tunnel_type", record), "vxlan");
  EXPECT_EQ(text("tunnel_id", record), "658188");
  EXPECT_FALSE(has_column(column("tunnel_src_addr"), record)) << "no IP header carries it";
  tunnel.ip_version = 6;
  tunnel.source[0] = 0x20;
  tunnel.source[1] = 0x01;
  tunnel.source[15] = 1;
  EXPECT_EQ(text("tunnel_src_addr", record), "2001::1");

  const std::uint8_t mac[] = {0x02, 0x00, 0x5e, 0xab, 0xcd, 0xef};
  std::memcpy(record.add<Layer2Section>().source_mac, mac, 6);
  EXPECT_EQ(text("src_mac", record), "02:00:5e:ab:cd:ef");
  EXPECT_EQ(text("dst_mac", record), "00:00:00:00:00:00");

  record.add<TcpSection>().mss[kReverse] = 1460;
  EXPECT_EQ(text("tcp_mss", record), "0");
  EXPECT_EQ(text("rev_tcp_mss", record), "1460");
}

TEST(FieldText, FindsAColumnInWhicheverSectionHasIt) {
  OwnedRecord one = tcp_flow();
  one.add<LabelSection>().label = 16'000;
  EXPECT_EQ(text("mpls_label", one), "16000");
  EXPECT_EQ(text("mpls_labels", one), "");
  OwnedRecord stack = tcp_flow();
  stack.add<LabelStackSection>() = {.labels = {16'000U << 4, 24U << 4 | 1}, .count = 2, .reserved = 0};
  EXPECT_EQ(text("mpls_label", stack), "16000");
  EXPECT_EQ(text("mpls_labels", stack), "16000,24");
}

TEST(FieldText, ShowsIcmpOfIcmpOnly) {
  OwnedRecord record = tcp_flow();
  record->protocol = 1;
  record->set_icmp(kForward, 8, 3);
  EXPECT_EQ(text("icmp_type", record), "8");
  EXPECT_EQ(text("icmp_code", record), "3");
  EXPECT_EQ(text("src_port", record), "0");
}

TEST(FieldText, ParsesListsOfColumnsAndNamesWhatIsWrong) {
  const auto columns = parse_columns("src_addr,dst_port,tcp_mss,rev_tcp_mss");
  ASSERT_TRUE(columns);
  ASSERT_EQ(columns->size(), 4U);
  EXPECT_EQ(column_name((*columns)[2]).view(), "tcp_mss");
  EXPECT_EQ(column_name((*columns)[3]).view(), "rev_tcp_mss");
  EXPECT_TRUE(column_is_number((*columns)[1]));
  EXPECT_FALSE(column_is_number((*columns)[0]));
  for (const char* wrong : {"", "src_addr,", ",src_addr", "source", "src_addr ", "src_addr,src_addr"}) {
    EXPECT_FALSE(parse_columns(wrong)) << wrong;
  }
  const std::string error = error_of("dst_port,sport");
  EXPECT_EQ(error, "'sport' is not a field; `weir fields` lists them");
  EXPECT_EQ(error_of("src_adr"), "'src_adr' is not a field; did you mean src_addr?; `weir fields` lists them");
  EXPECT_EQ(error_of("dst_port,dst_port"), "'dst_port' is there twice");
  EXPECT_FALSE(parse_columns("ip_version")) << "it is sent, and not shown";
  EXPECT_FALSE(parse_columns("rev_icmp_type"));
}

TEST(FieldText, EveryColumnOfJsonCanBeNamed) {
  for (const Column& one : kJsonColumns) EXPECT_TRUE(parse_columns(column_name(one).view()));
}

TEST(FieldText, WritesInstantsWithTheDecimalsAskedFor) {
  EXPECT_EQ(iso_time(1'700'000'000'123'456'789, 0), "2023-11-14T22:13:20Z");
  EXPECT_EQ(iso_time(1'700'000'000'123'456'789, 6), "2023-11-14T22:13:20.123456Z");
  EXPECT_EQ(iso_time(0, 3), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(iso_time(UINT64_MAX, 9), "2554-07-21T23:34:33.709551615Z");
  EXPECT_EQ(time_text(1'700'000'000'123'456'789), "2023-11-14 22:13:20.123");  // date -u -d @1700000000
}

}  // namespace
}  // namespace weir::field_text_test
