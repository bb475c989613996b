// CaptureFile against libpcap alone: reading in blocks must give the same packets, ends and errors.
#include "dataplane/input/capture_blocks.h"

#include <gtest/gtest.h>
#include <pcap/pcap.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <random>
#include <string>
#include <vector>

#include "dataplane/input/capture_file.h"

namespace weir::capture_blocks_test {
namespace {

using Bytes = std::vector<std::uint8_t>;

struct FileKind {
  std::uint32_t magic;
  bool big_endian;
  std::uint32_t snapshot;
};

class CaptureBlocksTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (std::filesystem::temp_directory_path() / "weir-blocks-XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  static void put(Bytes& to, std::uint32_t value, unsigned octets, bool big_endian) {
    for (unsigned i = 0; i < octets; ++i) {
      to.push_back(static_cast<std::uint8_t>(value >> 8 * (big_endian ? octets - 1 - i : i)));
    }
  }
  static Bytes header(const FileKind& kind, std::uint16_t minor = 4) {
    Bytes bytes;
    put(bytes, kind.magic, 4, kind.big_endian);
    put(bytes, 2, 2, kind.big_endian);
    put(bytes, minor, 2, kind.big_endian);
    for (const std::uint32_t word : {0U, 0U, kind.snapshot, 1U}) put(bytes, word, 4, kind.big_endian);
    return bytes;
  }
  static void packet(Bytes& to, const FileKind& kind, std::uint32_t fraction, std::uint32_t octets) {
    const auto number = static_cast<std::uint32_t>(to.size());
    for (const std::uint32_t word : {1'700'000'000 + number, fraction, octets, octets + number % 3}) {
      put(to, word, 4, kind.big_endian);
    }
    for (std::uint32_t i = 0; i < octets; ++i) to.push_back(static_cast<std::uint8_t>(number + i));
  }
  /// Packets of every length up to a jumbo frame's, some 3 MB: a dozen blocks.
  static Bytes long_file(const FileKind& kind) {
    Bytes bytes = header(kind);
    std::mt19937 random(7);
    const auto below = [&random](std::uint32_t limit) { return static_cast<std::uint32_t>(random() % limit); };
    for (unsigned i = 0; i < 3000; ++i) packet(bytes, kind, below(1'000'000), below(i % 50 == 0 ? 9600 : 1515));
    return bytes;
  }

  /// Reads the file with CaptureFile and with libpcap, and expects the same of both; says how many packets there were.
  std::size_t same(const Bytes& bytes) {
    const std::string path = folder_ / "file.pcap";
    std::ofstream(path, std::ios::binary)
        .write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    char text[PCAP_ERRBUF_SIZE] = "";
    pcap_t* expected = pcap_open_offline_with_tstamp_precision(path.c_str(), PCAP_TSTAMP_PRECISION_NANO, text);
    auto file = CaptureFile::open(path);
    EXPECT_NE(expected, nullptr) << text;
    EXPECT_TRUE(file) << file.error();
    if (expected == nullptr || !file) return 0;
    for (std::size_t packets = 0;; ++packets) {
      pcap_pkthdr* header = nullptr;
      const std::uint8_t* octets = nullptr;
      PacketView view{};
      const int wanted = pcap_next_ex(expected, &header, &octets);
      const CaptureFile::Result result = (*file)->next(view);
      if (wanted != 1 || result != CaptureFile::Result::packet) {
        EXPECT_EQ(result == CaptureFile::Result::end, wanted == PCAP_ERROR_BREAK);
        EXPECT_EQ(result == CaptureFile::Result::error, wanted == PCAP_ERROR);
        if (wanted == PCAP_ERROR) {
          EXPECT_EQ((*file)->error(), path + ": packet " + std::to_string(packets + 1) + ": " + pcap_geterr(expected));
        }
        EXPECT_EQ((*file)->packets(), packets);
        pcap_close(expected);
        return packets;
      }
      const bool equal =
          view.captured_octets == header->caplen && view.frame_octets == std::max(header->len, header->caplen) &&
          view.time_ns == capture_time_ns(static_cast<std::uint32_t>(header->ts.tv_sec), header->ts.tv_usec) &&
          std::equal(octets, octets + header->caplen, view.data);
      EXPECT_TRUE(equal) << "packet " << packets + 1;
      if (!equal) {
        pcap_close(expected);
        return packets;
      }
    }
  }

  std::filesystem::path folder_;
};

constexpr FileKind kOrdinary{0xa1b2c3d4, false, 262144};

TEST_F(CaptureBlocksTest, files_of_both_byte_orders_and_resolutions_give_what_libpcap_gives) {
  for (const std::uint32_t magic : {0xa1b2c3d4U, 0xa1b23c4dU}) {
    for (const bool big_endian : {false, true}) EXPECT_EQ(same(long_file({magic, big_endian, 262144})), 3000U);
  }
}

TEST_F(CaptureBlocksTest, a_file_cut_anywhere_ends_as_libpcap_says) {
  const Bytes whole = long_file(kOrdinary);
  std::mt19937 random(11);
  for (int i = 0; i < 40; ++i) {
    same(Bytes(whole.begin(), whole.begin() + 24 + static_cast<std::ptrdiff_t>(random() % (whole.size() - 24))));
  }
  // Every place in and around one packet.
  Bytes small = header(kOrdinary);
  packet(small, kOrdinary, 1, 60);
  packet(small, kOrdinary, 2, 60);
  for (std::size_t size = 24; size <= small.size(); ++size) {
    same(Bytes(small.begin(), small.begin() + static_cast<std::ptrdiff_t>(size)));
  }
}

TEST_F(CaptureBlocksTest, packets_longer_than_the_snapshot_length_are_cut_as_libpcap_cuts_them) {
  const FileKind kind{0xa1b2c3d4, false, 96};
  Bytes bytes = header(kind);
  for (const std::uint32_t octets : {60U, 96U, 97U, 1500U, 60U}) packet(bytes, kind, 5, octets);
  EXPECT_EQ(same(bytes), 5U);
}

TEST_F(CaptureBlocksTest, a_packet_larger_than_half_a_block_and_one_beyond_all_limits_are_left_to_libpcap) {
  Bytes bytes = header(kOrdinary);
  for (const std::uint32_t octets : {60U, 131072U, 131073U, 200000U, 60U}) packet(bytes, kOrdinary, 5, octets);
  EXPECT_EQ(same(bytes), 5U);
  for (const std::uint32_t word : {1U, 1U, 0xfffffff0U, 60U}) put(bytes, word, 4, false);
  EXPECT_EQ(same(bytes), 5U);
}

TEST_F(CaptureBlocksTest, a_damaged_fraction_and_the_last_second_are_read_as_libpcap_reads_them) {
  for (const std::uint32_t magic : {0xa1b2c3d4U, 0xa1b23c4dU}) {
    const FileKind kind{magic, false, 262144};
    Bytes bytes = header(kind);
    for (const std::uint32_t fraction : {999'999U, 1'000'000'000U, 2'000'000'000U}) packet(bytes, kind, fraction, 60);
    for (const std::uint32_t word : {0xffffffffU, 5U, 0U, 60U}) put(bytes, word, 4, false);
    EXPECT_EQ(same(bytes), 4U);
  }
}

TEST_F(CaptureBlocksTest, files_of_old_versions_are_read_by_libpcap) {
  Bytes bytes = header(kOrdinary, 2);
  packet(bytes, kOrdinary, 5, 60);
  EXPECT_EQ(same(bytes), 1U);
}

}  // namespace
}  // namespace weir::capture_blocks_test
