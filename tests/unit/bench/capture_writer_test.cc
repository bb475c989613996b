#include "bench/gen/capture_writer.h"

#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

namespace weir::bench::capture_writer_test {
namespace {

TEST(CaptureWriter, WritesNanosecondTimesAndWholeFrames) {
  const std::string path = testing::TempDir() + "capture_writer_test.pcap";
  auto writer = CaptureWriter::create(path);
  ASSERT_TRUE(writer.has_value());
  const std::array<std::uint8_t, 3> frame{0xaa, 0xbb, 0xcc};
  writer->write(frame.data(), 3, 1'700'000'000'123'456'789ULL);
  ASSERT_TRUE(writer->finish().has_value());
  std::ifstream file(path, std::ios::binary);
  const std::vector<char> octets{std::istreambuf_iterator<char>(file), {}};
  std::remove(path.c_str());
  ASSERT_EQ(octets.size(), 24U + 16 + 3);
  const auto word = [&octets](std::size_t at) {
    std::uint32_t value = 0;
    for (std::size_t i = 4; i-- > 0;) value = value << 8 | static_cast<std::uint8_t>(octets[at + i]);
    return value;
  };
  EXPECT_EQ(word(0), 0xa1b23c4dU) << "the nanosecond magic";
  EXPECT_EQ(word(20), 1U) << "Ethernet";
  EXPECT_EQ(word(24), 1'700'000'000U);
  EXPECT_EQ(word(28), 123'456'789U);
  EXPECT_EQ(word(32), 3U);
  EXPECT_EQ(word(36), 3U);
}

TEST(CaptureWriter, SaysWhatItCannotWrite) {
  const auto missing = CaptureWriter::create("/no/such/folder/x.pcap");
  ASSERT_FALSE(missing.has_value());
  EXPECT_NE(missing.error().find("/no/such/folder/x.pcap"), std::string::npos);
  auto full = CaptureWriter::create("/dev/full");
  ASSERT_TRUE(full.has_value());
  const std::array<std::uint8_t, 3> frame{};
  full->write(frame.data(), 3, 0);
  EXPECT_FALSE(full->finish().has_value());
}

}  // namespace
}  // namespace weir::bench::capture_writer_test
