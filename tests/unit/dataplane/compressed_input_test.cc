// Compressed capture files: what CaptureFile gives of them is what it gives of their contents, and what is wrong with
// the compression is said. The files are made with the libraries' one-shot functions.
#include "dataplane/input/compressed_input.h"

#include <gtest/gtest.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include <random>
#include <string>

#include "dataplane/input/capture_file.h"
#include "tests/support/packet_builder.h"
#include "tests/support/process.h"

namespace weir::compressed_input_test {
namespace {

using test::Bytes;
using test::joined;

Bytes gzip(const Bytes& contents) {
  z_stream state{};
  EXPECT_EQ(deflateInit2(&state, Z_DEFAULT_COMPRESSION, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
  Bytes out(deflateBound(&state, contents.size()) + 64);
  state.next_in = const_cast<Bytef*>(contents.data());
  state.avail_in = static_cast<uInt>(contents.size());
  state.next_out = out.data();
  state.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(deflate(&state, Z_FINISH), Z_STREAM_END);
  out.resize(state.total_out);
  deflateEnd(&state);
  return out;
}

Bytes zstd(const Bytes& contents) {
  Bytes out(ZSTD_compressBound(contents.size()));
  out.resize(ZSTD_compress(out.data(), out.size(), contents.data(), contents.size(), 1));
  return out;
}

void put32(Bytes& to, std::uint32_t value) {
  for (unsigned shift = 0; shift < 32; shift += 8) to.push_back(static_cast<std::uint8_t>(value >> shift));
}

/// A classic capture of `packets` packets of random octets, which do not compress.
Bytes pcap(unsigned packets) {
  Bytes file;
  for (const std::uint32_t word : {0xa1b2c3d4U, 0x00040002U, 0U, 0U, 262144U, 1U}) put32(file, word);
  std::mt19937 random(3);
  for (unsigned i = 0; i < packets; ++i) {
    const std::uint32_t octets = 60 + i * 7 % 1400;
    for (const std::uint32_t word : {1'700'000'000U + i, i, octets, octets}) put32(file, word);
    for (std::uint32_t k = 0; k < octets; ++k) file.push_back(static_cast<std::uint8_t>(random()));
  }
  return file;
}

Bytes pcapng() {
  Bytes file;
  const Bytes frame = test::packet().eth().ipv4("10.0.0.1", "10.0.0.2").udp(1, 2).payload(2).bytes();
  for (const std::uint32_t word : {0x0a0d0d0aU, 28U, 0x1a2b3c4dU, 1U, ~0U, ~0U, 28U}) put32(file, word);
  for (const std::uint32_t word : {1U, 20U, 1U, 0U, 20U}) put32(file, word);
  const auto octets = static_cast<std::uint32_t>(frame.size());
  for (const std::uint32_t word : {6U, 32 + octets, 0U, 0U, 9U, octets, octets}) put32(file, word);
  file = joined(file, frame);
  put32(file, 32 + octets);
  return file;
}

class CompressedInputTest : public testing::Test {
 protected:
  std::string write(const Bytes& bytes) {
    const std::string path = folder_.path("file");
    test::write_file(path, bytes);
    return path;
  }

  /// What CaptureFile reads of a file: packet by packet, and the error without the file's name.
  struct Read {
    std::vector<std::pair<std::uint64_t, Bytes>> packets;
    std::string error;
  };
  Read read(const Bytes& bytes) {
    Read out;
    const std::string path = write(bytes);
    auto file = CaptureFile::open(path);
    if (!file) {
      EXPECT_TRUE(file.error().starts_with(path + ": ")) << file.error();
      out.error = file.error().substr(path.size() + 2);
      return out;
    }
    EXPECT_EQ((*file)->file_octets(), bytes.size());
    PacketView view{};
    while ((*file)->next(view) == CaptureFile::Result::packet) {
      EXPECT_LE((*file)->octets_read(), bytes.size());
      out.packets.emplace_back(view.time_ns, Bytes(view.data, view.data + view.captured_octets));
    }
    out.error = (*file)->error();
    if (!out.error.empty()) out.error = out.error.substr(path.size() + 2);
    return out;
  }

  test::TemporaryFolder folder_;
};

TEST_F(CompressedInputTest, gives_the_packets_of_its_contents) {
  for (const Bytes& contents : {pcap(1), pcap(500), pcapng()}) {
    const Read plain = read(contents);
    ASSERT_EQ(plain.error, "");
    ASSERT_FALSE(plain.packets.empty());
    for (const Bytes& file : {gzip(contents), zstd(contents)}) {
      const Read compressed = read(file);
      EXPECT_EQ(compressed.error, "");
      EXPECT_EQ(compressed.packets, plain.packets);
    }
  }
}

TEST_F(CompressedInputTest, several_compressed_streams_are_one_and_padding_of_gzip_is_none) {
  const Bytes contents = pcap(300);
  const Read plain = read(contents);
  for (const std::size_t at : {std::size_t{10}, std::size_t{24}, contents.size() / 2}) {
    const auto middle = contents.begin() + static_cast<std::ptrdiff_t>(at);
    const Bytes first(contents.begin(), middle);
    const Bytes second(middle, contents.end());
    EXPECT_EQ(read(joined(gzip(first), gzip(second))).packets, plain.packets);
    EXPECT_EQ(read(joined(zstd(first), zstd(second))).packets, plain.packets);
  }
  const Read padded = read(joined(gzip(contents), Bytes(1000)));
  EXPECT_EQ(padded.error, "");
  EXPECT_EQ(padded.packets, plain.packets);
}

TEST_F(CompressedInputTest, what_expands_a_thousandfold_is_read_as_it_comes) {
  Bytes contents = pcap(0);
  for (unsigned i = 0; i < 200; ++i) {
    for (const std::uint32_t word : {1U, i, 100'000U, 100'000U}) put32(contents, word);
    contents.resize(contents.size() + 100'000);
  }
  for (const Bytes& file : {gzip(contents), zstd(contents)}) {
    ASSERT_LT(file.size(), contents.size() / 500);
    const Read result = read(file);
    EXPECT_EQ(result.error, "");
    EXPECT_EQ(result.packets.size(), 200U);
  }
}

TEST_F(CompressedInputTest, a_file_that_is_cut_gives_what_is_whole_and_says_so) {
  const Bytes contents = pcap(400);
  const Read plain = read(contents);
  for (const auto& [whole, name] : {std::pair{gzip(contents), "gzip"}, std::pair{zstd(contents), "zstd"}}) {
    for (const std::size_t size : {whole.size() - 1, whole.size() / 2}) {
      const Read cut = read(Bytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size)));
      const std::string number = std::to_string(cut.packets.size() + 1);
      EXPECT_EQ(cut.error, "packet " + number + ": the " + name + " data ends early");
      ASSERT_LE(cut.packets.size(), plain.packets.size());
      EXPECT_GT(cut.packets.size(), 50U);
      EXPECT_TRUE(std::equal(cut.packets.begin(), cut.packets.end(), plain.packets.begin()));
    }
    // Inside the capture's own header, or before it.
    for (const std::size_t size : {std::size_t{4}, std::size_t{12}}) {
      EXPECT_EQ(read(Bytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size))).error,
                std::string("the ") + name + " data ends early");
    }
  }
}

TEST_F(CompressedInputTest, damage_is_named) {
  const Bytes contents = pcap(400);
  Bytes file = gzip(contents);
  file[file.size() - 8] ^= 1;  // of the CRC (RFC 1952 §2.3.1)
  const Read damaged = read(file);
  EXPECT_EQ(damaged.packets.size(), 400U);
  EXPECT_EQ(damaged.error, "packet 401: the gzip data is damaged");
  Bytes frame = zstd(contents);
  for (std::size_t i = 4; i < 100; ++i) frame[i] = 0xff;  // the frame header and the first block's
  EXPECT_EQ(read(frame).error, "the zstd data is damaged");
}

TEST_F(CompressedInputTest, what_only_begins_like_a_compressed_file_or_holds_no_capture_is_refused) {
  EXPECT_EQ(read({0x1f}).error, "unknown file format");
  EXPECT_EQ(read({0x1f, 0x8c, 8, 0}).error, "unknown file format");
  EXPECT_EQ(read({'(', 'a', ')', '\n'}).error, "unknown file format");
  EXPECT_EQ(read(gzip({})).error, "empty, not a pcap or pcapng file");
  EXPECT_EQ(read(zstd({})).error, "empty, not a pcap or pcapng file");
  EXPECT_EQ(read(gzip({'t', 'e', 'x', 't', '\n'})).error.find("unknown file format"), 0U);
  EXPECT_NE(read(gzip(gzip(pcap(1)))).error, "");
}

TEST_F(CompressedInputTest, is_told_from_a_pipe_by_its_first_octets) {
  const Bytes octets = gzip(pcap(3));
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  ASSERT_EQ(::write(ends[1], octets.data(), octets.size()), static_cast<ssize_t>(octets.size()));
  close(ends[1]);
  const int saved = dup(STDIN_FILENO);
  ASSERT_GE(dup2(ends[0], STDIN_FILENO), 0);
  close(ends[0]);
  {
    auto file = CaptureFile::open("-");
    ASSERT_TRUE(file) << file.error();
    PacketView view{};
    unsigned packets = 0;
    while ((*file)->next(view) == CaptureFile::Result::packet) ++packets;
    EXPECT_EQ(packets, 3U);
    EXPECT_EQ((*file)->error(), "");
  }
  if (saved >= 0) {
    dup2(saved, STDIN_FILENO);
    close(saved);
  }
  std::clearerr(stdin);
}

}  // namespace
}  // namespace weir::compressed_input_test
