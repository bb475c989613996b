// What weir reads in the 84 octets of an agent's raw record, and which of them it takes for a flow.
#include "dataplane/input/raw_record.h"

#include <gtest/gtest.h>

#include <cstring>
#include <fstream>

#include "dataplane/input/raw_record_file.h"
#include "proto/base/byte_order.h"
#include "tests/support/raw_records.h"
#include "tests/support/temporary_folder.h"

namespace weir::test::raw_record_test {
namespace {

RawRecord read(const RawOctets& octets) {
  const auto bytes = octets.bytes();
  return read_raw_record(bytes);
}

TEST(RawRecord, HasEachFieldAtItsPlace) {
  // By hand: octet n has the value n, so that every field says where it was read.
  std::array<std::uint8_t, 84> octets{};
  for (std::size_t i = 0; i < octets.size(); ++i) octets[i] = static_cast<std::uint8_t>(i);
  const RawRecord raw = read_raw_record(octets);
  EXPECT_EQ(raw.ether_type, 0x0100);
  EXPECT_EQ(raw.direction, 2);
  EXPECT_EQ(raw.source_mac[0], 3);
  EXPECT_EQ(raw.source_mac[5], 8);
  EXPECT_EQ(raw.destination_mac[0], 9);
  EXPECT_EQ(raw.destination_mac[5], 14);
  EXPECT_EQ(raw.source_address[0], 15);
  EXPECT_EQ(raw.source_address[15], 30);
  EXPECT_EQ(raw.destination_address[0], 31);
  EXPECT_EQ(raw.destination_address[15], 46);
  EXPECT_EQ(raw.source_port, 0x302f);
  EXPECT_EQ(raw.destination_port, 0x3231);
  EXPECT_EQ(raw.protocol, 51);
  EXPECT_EQ(raw.interface, 0x37363534U);
  EXPECT_EQ(raw.packets, 0x3b3a3938U);
  EXPECT_EQ(raw.link_octets, 0x434241403f3e3d3cU);
  EXPECT_EQ(raw.start_mono_ns, 0x4b4a494847464544U);
  EXPECT_EQ(raw.end_mono_ns, 0x535251504f4e4d4cU);
}

TEST(RawRecord, BecomesTheForwardDirectionOfAFlowWithWhatTheAgentSaid) {
  RawOctets octets;
  octets.direction = 1;
  octets.packets = 3;
  octets.octets = 444;
  octets.start_ns = 123;
  octets.end_ns = 789;
  const RawFlowRecord made(read(octets));
  const RecordView record = made.view();
  EXPECT_EQ(load_be<std::uint32_t>(record->source_address), 0x0a000001U);
  EXPECT_EQ(load_be<std::uint32_t>(record->destination_address), 0x0a000002U);
  EXPECT_TRUE(all_zero({record->source_address + 4, 12}));
  EXPECT_EQ(record->ip_version, 4);
  EXPECT_EQ(record->ether_type, 0x0800);
  EXPECT_EQ(record->source_port(), 40000);
  EXPECT_EQ(record->destination_port(), 443);
  EXPECT_EQ(record->protocol, 6);
  EXPECT_EQ(record->ingress_interface, 2U);
  EXPECT_EQ(record->sampling_rate, 1U);
  EXPECT_EQ(record->packets[kForward], 3U);
  EXPECT_EQ(record->octets[kForward], 444U - 3 * 14);
  EXPECT_EQ(record->packets[kReverse], 0U);
  EXPECT_EQ(record->octets[kReverse], 0U);
  ASSERT_EQ(record->sections, RawFlowRecord::kSections);
  EXPECT_EQ(record.find<DirectionSection>()->direction, 1);
  EXPECT_EQ(record.find<LinkSection>()->octets[kForward], 444U);
  EXPECT_EQ(record.find<LinkSection>()->start_mono_ns, 123U);
  EXPECT_EQ(record.find<LinkSection>()->end_mono_ns, 789U);
  EXPECT_EQ(record.find<Layer2Section>()->source_mac[5], 0x0a);
  EXPECT_EQ(record.find<Layer2Section>()->destination_mac[5], 0x0b);
}

TEST(RawRecord, KeepsAllOctetsOfAnIpv6Address) {
  RawOctets octets;
  octets.ether_type = 0x86dd;
  octets.source = {0x20, 1, 0x0d, 0xb8, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
  const RawRecord raw = read(octets);
  EXPECT_EQ(judge_raw_record(raw), Reject::none);
  const RawFlowRecord made(raw);
  EXPECT_EQ(made.view()->ip_version, 6);
  EXPECT_EQ(std::memcmp(made.view()->source_address, octets.source.data(), 16), 0);
  EXPECT_EQ(made.view()->destination_address[10], 0xff) << "a mapped address in an IPv6 header is one of IPv6";
}

TEST(RawRecord, DoesNotCountLessThanNoIpOctets) {
  RawOctets octets;
  octets.packets = 10;
  octets.octets = 139;
  EXPECT_EQ(read(octets).ip_octets(), 0U);
  octets.octets = 141;
  EXPECT_EQ(read(octets).ip_octets(), 1U);
  octets.packets = UINT32_MAX;
  octets.octets = UINT64_MAX;
  EXPECT_EQ(read(octets).ip_octets(), UINT64_MAX - std::uint64_t{14} * UINT32_MAX);
}

TEST(RawRecord, IsInvalidWithMoreThanAMebibytePerPacket) {
  RawOctets octets;
  octets.packets = 3;
  octets.octets = 3 << 20;
  EXPECT_EQ(judge_raw_record(read(octets)), Reject::none);
  ++octets.octets;
  EXPECT_EQ(judge_raw_record(read(octets)), Reject::raw_record_invalid);
  octets.packets = UINT32_MAX;
  octets.octets = UINT64_MAX;
  EXPECT_EQ(judge_raw_record(read(octets)), Reject::raw_record_invalid);
}

TEST(RawRecord, IsRejectedByNameWhereItIsNoFlowOfIp) {
  const auto verdict = [](std::uint16_t ether_type) {
    RawOctets octets;
    octets.ether_type = ether_type;
    octets.source = {};
    octets.destination = {};
    return judge_raw_record(read(octets));
  };
  EXPECT_EQ(verdict(0x0806), Reject::ether_type_arp);
  EXPECT_EQ(verdict(0x8035), Reject::ether_type_arp);
  EXPECT_EQ(verdict(0x88cc), Reject::ether_type_other);
  EXPECT_EQ(verdict(0), Reject::ether_type_other);
  EXPECT_EQ(verdict(0x0800), Reject::raw_record_invalid) << "no address of IPv4";
  EXPECT_EQ(verdict(0x86dd), Reject::none) << ":: is an address";
  RawOctets empty;
  empty.packets = 0;
  EXPECT_EQ(judge_raw_record(read(empty)), Reject::raw_record_invalid);
  RawOctets half;
  half.destination[10] = 0;
  EXPECT_EQ(judge_raw_record(read(half)), Reject::raw_record_invalid);
}

TEST(RawRecord, ThatIsNotOfIpIsKeptWithItsEtherTypeWhereAsked) {
  RawOctets octets;
  octets.ether_type = 0x88cc;
  const RawRecord raw = read(octets);  // of addresses that mean nothing here
  EXPECT_EQ(judge_raw_record(raw, true), Reject::none);
  const RawFlowRecord record(raw);
  EXPECT_EQ(record.view()->ether_type, 0x88cc);
  EXPECT_EQ(record.view()->ip_version, 4);
  EXPECT_EQ(record.view()->protocol, 0);
  EXPECT_EQ(record.view()->ports[kForward], 0);
  for (const std::uint8_t octet : record.view()->source_address) EXPECT_EQ(octet, 0);
  octets.ether_type = 0x0806;
  EXPECT_EQ(judge_raw_record(read(octets), true), Reject::none);
  octets.packets = 0;
  EXPECT_EQ(judge_raw_record(read(octets), true), Reject::raw_record_invalid);
}

class RawRecordFileTest : public testing::Test {
 protected:
  std::string write(const std::string& octets) {
    std::string path = folder_.path("agent.bin");
    std::ofstream(path, std::ios::binary) << octets;
    return path;
  }
  TemporaryFolder folder_;
};

TEST_F(RawRecordFileTest, EndsBetweenTwoRecords) {
  std::string octets;
  for (std::uint32_t i = 0; i < 10'000; ++i) {  // more than a buffer holds
    RawOctets record;
    record.packets = i;
    octets += record.text();
  }
  auto file = RawRecordFile::open(write(octets));
  ASSERT_TRUE(file) << file.error();
  for (std::uint32_t i = 0; i < 10'000; ++i) {
    ASSERT_EQ((*file)->next(), RawRecordFile::Result::record);
    ASSERT_EQ(read_raw_record((*file)->octets()).packets, i);
  }
  EXPECT_EQ((*file)->next(), RawRecordFile::Result::end);
  EXPECT_EQ((*file)->next(), RawRecordFile::Result::end);
}

TEST_F(RawRecordFileTest, NamesTheOffsetOfARecordThatIsCut) {
  const std::string two = raw_file({{}, {}});
  const std::string path = write(two + two.substr(0, 83));
  auto file = RawRecordFile::open(path);
  ASSERT_TRUE(file);
  EXPECT_EQ((*file)->next(), RawRecordFile::Result::record);
  EXPECT_EQ((*file)->next(), RawRecordFile::Result::record);
  EXPECT_EQ((*file)->partial_records(), 0U);
  EXPECT_EQ((*file)->next(), RawRecordFile::Result::error);
  EXPECT_EQ((*file)->error(), path + ": the raw record at offset 168 is cut: 83 of its 84 octets are there");
  EXPECT_EQ((*file)->partial_records(), 1U);
}

TEST_F(RawRecordFileTest, SaysWhatIsWrongWithAFileThatCannotBeRead) {
  const auto missing = RawRecordFile::open(folder_.path("missing"));
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error(), folder_.path("missing") + ": No such file or directory");
  auto folder = RawRecordFile::open(folder_.path(""));
  ASSERT_TRUE(folder);
  EXPECT_EQ((*folder)->next(), RawRecordFile::Result::error);
  EXPECT_NE((*folder)->error().find("offset 0: Is a directory"), std::string::npos) << (*folder)->error();
  EXPECT_EQ((*RawRecordFile::open(write("")))->next(), RawRecordFile::Result::end);
}

}  // namespace
}  // namespace weir::test::raw_record_test
