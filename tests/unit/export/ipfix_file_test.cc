// ipfix:FILE (RFC 5655): each file is a transport session of its own, which its reader understands alone.
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "control/export/export_hub.h"
#include "control/export/export_uri.h"
#include "proto/base/byte_order.h"
#include "proto/decode/flow_decoder.h"
#include "tests/unit/export/export_fixtures.h"

namespace weir::ipfix_file_test {
namespace {

using namespace test;

/// Reads a file as one session; all of it is whole messages, and nothing is missing.
std::uint64_t records_of_session(const std::string& file) {
  FlowDecoder decoder;
  Decoded decoded;
  const auto* at = reinterpret_cast<const std::uint8_t*>(file.data());
  const auto* const end = at + file.size();
  while (end - at >= 16) {
    const std::size_t length = load_be<std::uint16_t>(at + 2);
    EXPECT_LE(length, static_cast<std::size_t>(end - at));
    if (length < 16 || length > static_cast<std::size_t>(end - at)) break;
    if (at == reinterpret_cast<const std::uint8_t*>(file.data())) {
      EXPECT_EQ(load_be<std::uint32_t>(at + 8), 0U) << "the sequence begins with 0";
    }
    EXPECT_EQ(decoder.decode({"file", 0, 1}, {at, length}, decoded), DecodeError::none);
    at += length;
  }
  EXPECT_EQ(at, end);
  const StreamCounts counts = decoder.totals();
  EXPECT_EQ(counts.unknown_template, 0U);
  EXPECT_EQ(counts.sequence_gaps + counts.late_datagrams + counts.restarts, 0U);
  EXPECT_GT(counts.option_records, 0U) << "the last message says what was exported";
  return counts.records;
}

/// Exports so many batches of 1000 records to `uri`; the ledger balances.
void export_batches(const std::string& uri, std::uint32_t batches) {
  auto hub = ExportHub::open({uri}, {});
  ASSERT_TRUE(hub) << hub.error();
  for (std::uint32_t i = 0; i < batches; ++i) (*hub)->offer(numbered_batch_with_sections(1000 * i, 1000), true);
  EXPECT_TRUE((*hub)->finish(std::chrono::seconds(20)).empty());
  EXPECT_EQ((*hub)->snapshot()[0].exported.records, 1000 * batches);
  EXPECT_TRUE(balanced((*hub)->snapshot()[0]));
}

TEST(IpfixFile, HoldsTemplatesRecordsAndTheAccountOfTheExporter) {
  const TemporaryFolder folder;
  export_batches("ipfix:" + folder.path("flows.ipfix") + "?uniflow=0", 3);
  EXPECT_EQ(records_of_session(content_of(folder.path("flows.ipfix"))), 3000U);
}

TEST(IpfixFile, EachFileOfARotationIsReadableAlone) {
  const TemporaryFolder folder;
  export_batches("ipfix:" + folder.path("flows.ipfix") + "?uniflow=0&rotate_size=64k", 4);
  std::uint64_t records = 0;
  std::size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder.folder())) {
    EXPECT_LE(entry.file_size(), (64U << 10) + (64U << 10) / 4) << "a size and a write";
    records += records_of_session(content_of(entry.path().string()));
    ++files;
  }
  EXPECT_GT(files, 3U);
  EXPECT_EQ(records, 4000U);
}

TEST(IpfixFile, HasNothingWithoutRecords) {
  const TemporaryFolder folder;
  export_batches("ipfix:" + folder.path("flows.ipfix"), 0);
  EXPECT_EQ(std::filesystem::file_size(folder.path("flows.ipfix")), 0U);
}

TEST(IpfixFile, RefusesACollectorsAddressWithoutSlashes) {
  const auto refused = parse_export_uri("ipfix:192.0.2.1:4739");
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().find("expected ipfix://192.0.2.1:4739"), std::string::npos) << refused.error();
  EXPECT_EQ(parse_export_uri("ipfix:./192.0.2.1:4739")->request->file(), "./192.0.2.1:4739");
  EXPECT_EQ(parse_export_uri("ipfix://192.0.2.1:4739")->request->file(), "");
  EXPECT_FALSE(parse_export_uri("ipfix:flows.ipfix?append=1")) << "a session does not go on in another run";
}

}  // namespace
}  // namespace weir::ipfix_file_test
