// File outputs that rotate and are compressed, read back by the programs and libraries that others read them with.
#include "control/export/file_rotation.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <lz4frame.h>
#include <zstd.h>

#include <algorithm>
#include <filesystem>
#include <random>

#include "control/export/export_hub.h"
#include "tests/unit/export/export_fixtures.h"

namespace weir::file_rotation_test {
namespace {

using namespace test;

constexpr std::uint64_t kSecond = 1'000'000'000;
constexpr std::uint64_t kBase = 1'700'000'000 * kSecond;  // 2023-11-14 22:13:20 UTC

std::vector<std::string> names_in(const std::string& folder) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) names.push_back(entry.path().filename());
  std::sort(names.begin(), names.end());
  return names;
}

std::string unzstd(const std::string& frames) {
  std::string out;
  std::string block(1 << 16, '\0');
  ZSTD_DStream* const stream = ZSTD_createDStream();
  ZSTD_inBuffer in{frames.data(), frames.size(), 0};
  std::size_t left = 0;
  while (in.pos < in.size) {
    ZSTD_outBuffer to{block.data(), block.size(), 0};
    left = ZSTD_decompressStream(stream, &to, &in);
    EXPECT_FALSE(ZSTD_isError(left)) << ZSTD_getErrorName(left);
    if (ZSTD_isError(left)) break;
    out.append(block, 0, to.pos);
  }
  EXPECT_EQ(left, 0U) << "a frame is cut off";
  ZSTD_freeDStream(stream);
  return out;
}

std::string unlz4(const std::string& frames) {
  std::string out;
  std::string block(1 << 16, '\0');
  LZ4F_dctx* context = nullptr;
  LZ4F_createDecompressionContext(&context, LZ4F_VERSION);
  std::size_t at = 0;
  std::size_t left = 0;
  while (at < frames.size()) {
    std::size_t to = block.size();
    std::size_t from = frames.size() - at;
    left = LZ4F_decompress(context, block.data(), &to, frames.data() + at, &from, nullptr);
    EXPECT_FALSE(LZ4F_isError(left)) << LZ4F_getErrorName(left);
    if (LZ4F_isError(left)) break;
    out.append(block, 0, to);
    at += from;
  }
  EXPECT_EQ(left, 0U) << "a frame is cut off";
  LZ4F_freeDecompressionContext(context);
  return out;
}

bool begun(tl::expected<FileSink, std::string> sink) {
  return sink && sink->begin(false);
}

TEST(FileRotation, NamesFilesByThePeriodThatTheyBeginWithInUtc) {
  const TemporaryFolder folder;
  FileRotation rotation(folder.path("%Y%m%d-%H%M%S.pb"), 300 * kSecond, 0);
  ASSERT_TRUE(begun(rotation.open(kBase + 100 * kSecond)));  // 22:15:00: the second minute of its five
  EXPECT_EQ(names_in(folder.folder().string()), std::vector<std::string>{"20231114-221500.pb.part"});
  EXPECT_FALSE(rotation.due(kBase + 399 * kSecond, 1U << 30));
  EXPECT_TRUE(rotation.due(kBase + 400 * kSecond, 0));
  ASSERT_TRUE(rotation.publish(false));
  ASSERT_TRUE(begun(rotation.open(kBase + 400 * kSecond)));
  EXPECT_EQ(names_in(folder.folder().string()),
            (std::vector<std::string>{"20231114-221500.pb", "20231114-222000.pb.part"}));
  ASSERT_TRUE(rotation.publish(true));
  EXPECT_EQ(names_in(folder.folder().string()), std::vector<std::string>{"20231114-221500.pb"})
      << "nothing was written";
}

TEST(FileRotation, ReplacesNoFile) {
  const TemporaryFolder folder;
  for (int i = 0; i < 3; ++i) {
    FileRotation rotation(folder.path("flows.json"), 0, 1 << 20);
    ASSERT_TRUE(begun(rotation.open(kBase)));
    ASSERT_TRUE(rotation.publish(false));
  }
  EXPECT_EQ(names_in(folder.folder().string()),
            (std::vector<std::string>{"flows.json", "flows.json.1", "flows.json.2"}));
}

/// Exports `batches` batches of 1000 records; gives the octets of all files in the order of their names.
std::vector<std::string> exported(const TemporaryFolder& folder, const std::string& uri, std::uint32_t batches) {
  auto hub = ExportHub::open({uri}, {});
  EXPECT_TRUE(hub) << hub.error();
  if (!hub) return {};
  for (std::uint32_t i = 0; i < batches; ++i) {
    (*hub)->offer(numbered_batch(1000 * i, 1000), true);
    // Readers look only for names without ".part", and what they find is whole.
    for (const std::string& name : names_in(folder.folder().string())) {
      if (!name.ends_with(".part") && uri.find("compression") == std::string::npos) {
        EXPECT_GT(records_in(content_of(folder.path(name))).size(), 0U);
      }
    }
  }
  EXPECT_TRUE((*hub)->finish(std::chrono::seconds(20)).empty());
  EXPECT_EQ((*hub)->snapshot()[0].exported.records, 1000 * batches);
  EXPECT_TRUE(balanced((*hub)->snapshot()[0]));
  std::vector<std::string> contents;
  std::vector<std::string> names = names_in(folder.folder().string());
  // "x", "x.1", ..., "x.10": by length first.
  std::sort(names.begin(), names.end(),
            [](const auto& a, const auto& b) { return std::pair(a.size(), a) < std::pair(b.size(), b); });
  for (const std::string& name : names) {
    EXPECT_FALSE(name.ends_with(".part"));
    contents.push_back(content_of(folder.path(name)));
  }
  return contents;
}

void expect_all_in_order(const std::vector<std::string>& streams, std::uint32_t count) {
  std::uint32_t next = 0;
  for (const std::string& stream : streams) {
    const RecordBatch records = records_in(stream);
    for (const RecordView record : records) EXPECT_TRUE(same(record, numbered_record(next++)));
  }
  EXPECT_EQ(next, count);
}

TEST(FileRotation, CutsAStreamIntoFilesOfWholeRecords) {
  const TemporaryFolder folder;
  const auto streams = exported(folder, "protobuf:" + folder.path("flows.pb") + "?rotate_size=256k", 40);
  EXPECT_GT(streams.size(), 5U);
  expect_all_in_order(streams, 40'000);
}

TEST(FileOutput, ExceedsItsSizeByAnEighthAtMost) {
  for (const auto& [size, batches] : {std::pair<std::uint64_t, std::uint32_t>{64U << 10, 8}, {256U << 10, 12}}) {
    const TemporaryFolder folder;
    const std::string uri = "protobuf:" + folder.path("flows.pb") + "?rotate_size=" + std::to_string(size >> 10) + "k";
    static_cast<void>(exported(folder, uri, batches));
    const std::vector<std::string> names = names_in(folder.folder().string());
    EXPECT_GT(names.size(), 2U);
    std::size_t small = 0;
    for (const std::string& name : names) {
      const std::uint64_t octets = std::filesystem::file_size(folder.path(name));
      EXPECT_LE(octets, size + size / 8) << name;
      small += octets < size ? 1 : 0;
    }
    EXPECT_LE(small, 1U) << "the last one alone";
  }
}

TEST(FileOutput, IsReadableWhenCompressed) {
  for (const char* const compression : {"zstd", "lz4"}) {
    const TemporaryFolder folder;
    const auto streams =
        exported(folder, fmt::format("protobuf:{}?compression={}", folder.path("flows.pb"), compression), 20);
    ASSERT_EQ(streams.size(), 1U);
    const std::string plain = compression == std::string("zstd") ? unzstd(streams[0]) : unlz4(streams[0]);
    EXPECT_LT(streams[0].size(), plain.size() / 2);
    expect_all_in_order({plain}, 20'000);
  }
}

TEST(FileOutput, RotatesWhatItCompresses) {
  const TemporaryFolder folder;
  const auto streams =
      exported(folder, "protobuf:" + folder.path("flows.pb") + "?compression=zstd&rotate_size=64k", 40);
  EXPECT_GT(streams.size(), 2U);
  std::vector<std::string> plain;
  plain.reserve(streams.size());
  for (const std::string& stream : streams) plain.push_back(unzstd(stream));
  expect_all_in_order(plain, 40'000);
}

}  // namespace
}  // namespace weir::file_rotation_test
