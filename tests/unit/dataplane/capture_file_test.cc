// Capture files written octet by octet here (draft-ietf-opsawg-pcap, draft-ietf-opsawg-pcapng), read back through
// CaptureFile: both formats, both resolutions, both byte orders, and everything that is wrong with files.
#include "dataplane/input/capture_file.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <limits>
#include <string>

#include "dataplane/packet/parser.h"
#include "tests/support/packet_builder.h"
#include "tests/support/process.h"

namespace weir::capture_file_test {
namespace {

using test::Bytes;

constexpr std::uint32_t kMicroseconds = 0xa1b2c3d4, kNanoseconds = 0xa1b23c4d;
constexpr std::uint64_t kLastNs = 9'223'372'036'854'775'807ULL;  // 2^63 - 1

class FileWriter {
 public:
  explicit FileWriter(bool big_endian = false) : big_endian_(big_endian) {}
  FileWriter& u16(std::uint16_t value) { return put(value, 2); }
  FileWriter& u32(std::uint32_t value) { return put(value, 4); }
  FileWriter& octets(const Bytes& bytes) {
    bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
    return *this;
  }
  FileWriter& pcap_header(std::uint32_t magic, std::uint32_t link_type = 1) {
    return u32(magic).u16(2).u16(4).u32(0).u32(0).u32(262144).u32(link_type);
  }
  FileWriter& pcap_packet(std::uint32_t seconds, std::uint32_t fraction, const Bytes& packet, std::uint32_t length) {
    return u32(seconds).u32(fraction).u32(static_cast<std::uint32_t>(packet.size())).u32(length).octets(packet);
  }
  void drop(std::size_t octets) {
    for (; octets != 0; --octets) bytes_.pop_back();
  }
  [[nodiscard]] const Bytes& bytes() const { return bytes_; }

 private:
  FileWriter& put(std::uint32_t value, unsigned octets) {
    for (unsigned i = 0; i < octets; ++i) {
      const unsigned shift = 8 * (big_endian_ ? octets - 1 - i : i);
      bytes_.push_back(static_cast<std::uint8_t>(value >> shift));
    }
    return *this;
  }

  bool big_endian_;
  Bytes bytes_;
};

class CaptureFileTest : public testing::Test {
 protected:
  std::string write(const Bytes& bytes) {
    const std::string path = folder_.path("file.pcap");
    test::write_file(path, bytes);
    return path;
  }
  std::string write(const FileWriter& writer) { return write(writer.bytes()); }

  static std::string error_of_open(const std::string& path) {
    const auto file = CaptureFile::open(path);
    return file ? "no error" : file.error();
  }

  test::TemporaryFolder folder_;
  const Bytes packet_ = test::packet().eth().ipv4("10.0.0.1", "10.0.0.2").udp(1, 2).bytes();
};

TEST_F(CaptureFileTest, a_microsecond_file_gives_its_packets_in_nanoseconds_and_ends) {
  const Bytes first = {1, 2, 3};
  const Bytes second = {4, 5, 6, 7};
  const auto path = write(FileWriter()
                              .pcap_header(kMicroseconds)
                              .pcap_packet(1700000000, 123456, first, 1500)
                              .pcap_packet(1699999999, 999999, second, 4));
  auto file = CaptureFile::open(path);
  ASSERT_TRUE(file) << file.error();
  EXPECT_EQ((*file)->name(), path);
  PacketView view{};
  ASSERT_EQ((*file)->next(view), CaptureFile::Result::packet);
  EXPECT_EQ(Bytes(view.data, view.data + view.captured_octets), first);
  EXPECT_EQ(view.frame_octets, 1500u);
  EXPECT_EQ(view.time_ns, 1700000000'123456000u);
  EXPECT_EQ(view.link_type, LinkType::ethernet);
  EXPECT_EQ(view.ingress_interface, 0u);
  ASSERT_EQ((*file)->next(view), CaptureFile::Result::packet);
  EXPECT_EQ(Bytes(view.data, view.data + view.captured_octets), second);
  EXPECT_EQ(view.time_ns, 1699999999'999999000u);
  EXPECT_EQ((*file)->packets(), 2u);
  EXPECT_EQ((*file)->next(view), CaptureFile::Result::end);
  EXPECT_EQ((*file)->next(view), CaptureFile::Result::end);
  EXPECT_EQ((*file)->error(), "");
  EXPECT_EQ((*file)->file_octets(), 24u + 16 + 3 + 16 + 4);
  EXPECT_EQ((*file)->octets_read(), (*file)->file_octets());
}

TEST_F(CaptureFileTest, a_nanosecond_file_keeps_its_nanoseconds_in_both_byte_orders) {
  for (const bool big_endian : {false, true}) {
    auto file = CaptureFile::open(
        write(FileWriter(big_endian).pcap_header(kNanoseconds).pcap_packet(1700000000, 123456789, packet_, 42)));
    ASSERT_TRUE(file) << file.error();
    PacketView view{};
    ASSERT_EQ((*file)->next(view), CaptureFile::Result::packet);
    EXPECT_EQ(view.time_ns, 1700000000'123456789u);
    EXPECT_EQ(view.captured_octets, packet_.size());
  }
}

TEST_F(CaptureFileTest, a_pcapng_file_is_read_as_well) {
  FileWriter writer;
  writer.u32(0x0a0d0d0a).u32(28).u32(0x1a2b3c4d).u16(1).u16(0).u32(~0u).u32(~0u).u32(28);        // section header
  writer.u32(1).u32(32).u16(1).u16(0).u32(0).u16(9).u16(1).octets({9, 0, 0, 0}).u32(0).u32(32);  // if_tsresol 10^-9
  const std::uint64_t ns = 1700000000'123456789;
  writer.u32(6).u32(36).u32(0).u32(ns >> 32).u32(static_cast<std::uint32_t>(ns)).u32(3).u32(60);  // enhanced packet
  writer.octets({7, 8, 9, 0}).u32(36);
  auto file = CaptureFile::open(write(writer));
  ASSERT_TRUE(file) << file.error();
  PacketView view{};
  ASSERT_EQ((*file)->next(view), CaptureFile::Result::packet) << (*file)->error();
  EXPECT_EQ(view.time_ns, ns);
  EXPECT_EQ(view.captured_octets, 3u);
  EXPECT_EQ(view.frame_octets, 60u);
  EXPECT_EQ(view.data[2], 9);
  EXPECT_EQ((*file)->next(view), CaptureFile::Result::end);
}

TEST_F(CaptureFileTest, the_interfaces_of_a_pcapng_file_count_each_by_its_own_link_type) {
  FileWriter writer;
  const auto interface = [&writer](std::uint16_t link_type) {
    writer.u32(1).u32(20).u16(link_type).u16(0).u32(0).u32(20);
  };
  const auto packet = [&writer](std::uint32_t number, const Bytes& octets) {
    Bytes padded = octets;
    padded.resize((octets.size() + 3) / 4 * 4);
    const auto length = static_cast<std::uint32_t>(32 + padded.size());
    const auto captured = static_cast<std::uint32_t>(octets.size());
    writer.u32(6).u32(length).u32(number).u32(0).u32(1).u32(captured).u32(captured).octets(padded).u32(length);
  };
  writer.u32(0x0a0d0d0a).u32(28).u32(0x1a2b3c4d).u16(1).u16(0).u32(~0u).u32(~0u).u32(28);
  interface(1);
  interface(189);
  interface(60000);
  for (const std::uint32_t number : {1U, 0U, 2U, 0U}) packet(number, packet_);
  auto file = CaptureFile::open(write(writer));
  ASSERT_TRUE(file) << file.error();
  Parser parser;
  std::vector<Reject> rejects;
  PacketView view{};
  while ((*file)->next(view) == CaptureFile::Result::packet) {
    ParsedPacket parsed;
    rejects.push_back(parser.parse(view, parsed));
  }
  EXPECT_EQ((*file)->error(), "");
  EXPECT_EQ(rejects,
            (std::vector<Reject>{Reject::link_type_unknown, Reject::none, Reject::link_type_unknown, Reject::none}));
}

TEST_F(CaptureFileTest, the_seconds_of_a_classic_file_have_no_sign_and_reach_to_2106) {
  auto file = CaptureFile::open(write(FileWriter()
                                          .pcap_header(kMicroseconds)
                                          .pcap_packet(0x80000000, 1, packet_, 42)
                                          .pcap_packet(0xffffffff, 0, packet_, 42)));
  ASSERT_TRUE(file) << file.error();
  PacketView view{};
  ASSERT_EQ((*file)->next(view), CaptureFile::Result::packet);
  EXPECT_EQ(view.time_ns, 2147483648'000001000u);
  ASSERT_EQ((*file)->next(view), CaptureFile::Result::packet);
  EXPECT_EQ(view.time_ns, 4294967295'000000000u);
}

TEST_F(CaptureFileTest, a_fraction_of_more_than_a_second_is_carried_over) {
  auto file =
      CaptureFile::open(write(FileWriter().pcap_header(kNanoseconds).pcap_packet(10, 1'000'000'001, packet_, 42)));
  ASSERT_TRUE(file) << file.error();
  PacketView view{};
  ASSERT_EQ((*file)->next(view), CaptureFile::Result::packet);
  EXPECT_EQ(view.time_ns, 11'000'000'001u);
}

TEST_F(CaptureFileTest, a_frame_is_never_shorter_than_what_was_captured_of_it) {
  auto file = CaptureFile::open(write(FileWriter().pcap_header(kMicroseconds).pcap_packet(1, 0, packet_, 5)));
  ASSERT_TRUE(file) << file.error();
  PacketView view{};
  ASSERT_EQ((*file)->next(view), CaptureFile::Result::packet);
  EXPECT_EQ(view.frame_octets, packet_.size());
}

TEST(CaptureTime, any_seconds_and_nanoseconds_become_a_time_between_1970_and_2262) {
  constexpr std::int64_t kMin = std::numeric_limits<std::int64_t>::min();
  constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max();
  EXPECT_EQ(capture_time_ns(0, 0), 0u);
  EXPECT_EQ(capture_time_ns(1, 999'999'999), 1'999'999'999u);
  EXPECT_EQ(capture_time_ns(1, -1), 999'999'999u);
  EXPECT_EQ(capture_time_ns(2, -2'147'483'648), 0u);
  EXPECT_EQ(capture_time_ns(-1, 999'999'999), 0u);
  EXPECT_EQ(capture_time_ns(9'223'372'035, 999'999'999), 9'223'372'035'999'999'999u);
  EXPECT_EQ(capture_time_ns(9'223'372'037, 0), kLastNs);
  EXPECT_EQ(capture_time_ns(kMin, kMin), 0u);
  EXPECT_EQ(capture_time_ns(kMin, kMax), 0u);
  EXPECT_EQ(capture_time_ns(kMax, kMin), kLastNs);
  EXPECT_EQ(capture_time_ns(kMax, kMax), kLastNs);
}

TEST_F(CaptureFileTest, what_cannot_be_opened_says_in_one_line_what_and_why) {
  const std::string missing = folder_.path("missing.pcap");
  EXPECT_EQ(error_of_open(missing), missing + ": No such file or directory");
  EXPECT_EQ(error_of_open(folder_.folder()), folder_.folder().string() + ": is a directory, not a capture file");
  const std::string empty = write(Bytes{});
  EXPECT_EQ(error_of_open(empty), empty + ": empty, not a pcap or pcapng file");
  const std::string text = write(Bytes{'#', '!', '/', 'b', 'i', 'n', '/', 's', 'h', '\n'});
  EXPECT_EQ(error_of_open(text), text + ": unknown file format, neither pcap nor pcapng");
  const auto hint_of = [this](const Bytes& start) {
    Bytes octets = start;
    octets.resize(40, 0x41);
    const std::string path = write(octets);
    const std::string error = error_of_open(path);
    EXPECT_TRUE(error.starts_with(path + ": unknown file format, neither pcap nor pcapng")) << error;
    return error.substr(path.size() + 46);
  };
  const std::string reads = ": weir-collect " + folder_.path("file.pcap") + " reads those";
  EXPECT_EQ(hint_of({0, 9, 0, 1}), "; it looks like NetFlow or IPFIX messages" + reads);
  EXPECT_EQ(hint_of({0, 10, 0, 40}), "; it looks like NetFlow or IPFIX messages" + reads);
  EXPECT_EQ(hint_of({0x30, 0x08, 0x03}), "; it looks like protobuf records" + reads);
  EXPECT_EQ(hint_of({0xb0, 0x01, 0x08, 0x03}), "; it looks like protobuf records" + reads);
  EXPECT_EQ(hint_of({'{', 0x18, 0x03}), "; it looks like protobuf records" + reads) << "a record of 123 octets";
  EXPECT_EQ(hint_of({0xb0, 0x01, 0x18, 0x03}), "; it looks like protobuf records" + reads);
  EXPECT_TRUE(hint_of({'{', '"'}).starts_with("; it looks like JSON, ")) << hint_of({'{', '"'});
  EXPECT_EQ(hint_of({'#', '!'}), "");
  const std::string cut = write(Bytes{0xd4, 0xc3, 0xb2, 0xa1, 2, 0});
  EXPECT_TRUE(error_of_open(cut).starts_with(cut + ": truncated dump file")) << error_of_open(cut);
}

TEST_F(CaptureFileTest, another_link_type_is_refused_by_name_and_number) {
  const std::string path = write(FileWriter().pcap_header(kMicroseconds, 189));
  EXPECT_EQ(
      error_of_open(path),
      path +
          ": link type USB_LINUX (189) is not supported; weir reads Ethernet, raw IP, Linux cooked, BSD loopback, "
          "PPP, Cisco HDLC, Frame Relay, MPLS, 802.11, ATM, token ring, FDDI, NFLOG, PFLOG, PPI and PKTAP");
  const std::string odd = write(FileWriter().pcap_header(kMicroseconds, 60000));
  EXPECT_TRUE(error_of_open(odd).starts_with(odd + ": link type unknown to libpcap (60000) is not supported; "))
      << error_of_open(odd);
}

TEST_F(CaptureFileTest, a_file_that_breaks_off_gives_what_is_whole_and_then_names_the_packet) {
  FileWriter writer;
  writer.pcap_header(kMicroseconds);
  for (int i = 0; i < 3; ++i) writer.pcap_packet(1, 0, packet_, 42);
  writer.drop(7);
  const std::string path = write(writer);
  auto file = CaptureFile::open(path);
  ASSERT_TRUE(file) << file.error();
  PacketView view{};
  ASSERT_EQ((*file)->next(view), CaptureFile::Result::packet);
  ASSERT_EQ((*file)->next(view), CaptureFile::Result::packet);
  ASSERT_EQ((*file)->next(view), CaptureFile::Result::error);
  EXPECT_TRUE((*file)->error().starts_with(path + ": packet 3: truncated dump file")) << (*file)->error();
  EXPECT_EQ((*file)->error().find('\n'), std::string::npos);
  EXPECT_EQ((*file)->packets(), 2u);
  EXPECT_EQ((*file)->next(view), CaptureFile::Result::error);
}

TEST_F(CaptureFileTest, a_file_that_is_shortened_while_it_is_read_says_so_wherever_it_ends_now) {
  // 80 000 packets of 58 octets are more than every buffer; after 40 000 of them the file ends, or within the next one.
  constexpr int kPackets = 80'000;
  FileWriter writer;
  writer.pcap_header(kMicroseconds);
  for (int i = 0; i < kPackets; ++i) writer.pcap_packet(1, 0, packet_, 42);
  const std::size_t packet_octets = 16 + packet_.size();
  for (const std::size_t beyond : {std::size_t{0}, std::size_t{7}}) {
    const std::string path = write(writer);
    auto file = CaptureFile::open(path);
    ASSERT_TRUE(file) << file.error();
    PacketView view{};
    ASSERT_EQ((*file)->next(view), CaptureFile::Result::packet);
    const std::size_t now = 24 + 40'000 * packet_octets + beyond;
    std::filesystem::resize_file(path, now);
    CaptureFile::Result result = CaptureFile::Result::packet;
    while (result == CaptureFile::Result::packet) result = (*file)->next(view);
    EXPECT_EQ(result, CaptureFile::Result::error);
    EXPECT_EQ((*file)->packets(), 40'000U) << "what is there counts";
    EXPECT_EQ((*file)->error(),
              path + ": packet 40001: the file became shorter while it was read: " + std::to_string(now) + " octets, " +
                  std::to_string(writer.bytes().size()) + " when it was opened");
  }
}

TEST_F(CaptureFileTest, a_packet_length_beyond_every_limit_is_an_error_and_no_allocation) {
  FileWriter writer;
  writer.pcap_header(kMicroseconds).u32(1).u32(0).u32(0xfffffff0).u32(0xfffffff0).octets(packet_);
  const std::string path = write(writer);
  auto file = CaptureFile::open(path);
  ASSERT_TRUE(file) << file.error();
  PacketView view{};
  EXPECT_EQ((*file)->next(view), CaptureFile::Result::error);
  EXPECT_TRUE((*file)->error().starts_with(path + ": packet 1: ")) << (*file)->error();
}

TEST_F(CaptureFileTest, a_minus_sign_is_standard_input_which_may_be_a_pipe) {
  const Bytes file_octets =
      FileWriter().pcap_header(kMicroseconds).pcap_packet(5, 0, packet_, 42).pcap_packet(6, 0, packet_, 42).bytes();
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  ASSERT_EQ(::write(ends[1], file_octets.data(), file_octets.size()), static_cast<ssize_t>(file_octets.size()));
  close(ends[1]);
  const int saved = dup(STDIN_FILENO);
  ASSERT_GE(dup2(ends[0], STDIN_FILENO), 0);
  close(ends[0]);
  {
    auto file = CaptureFile::open("-");
    ASSERT_TRUE(file) << file.error();
    EXPECT_EQ((*file)->name(), "standard input");
    PacketView view{};
    EXPECT_EQ((*file)->next(view), CaptureFile::Result::packet);
    EXPECT_EQ(view.time_ns, 5'000'000'000u);
    EXPECT_EQ((*file)->next(view), CaptureFile::Result::packet);
    EXPECT_EQ((*file)->next(view), CaptureFile::Result::end);
    EXPECT_EQ((*file)->file_octets(), 0u);
    EXPECT_EQ((*file)->octets_read(), 0u);
  }
  if (saved >= 0) {
    dup2(saved, STDIN_FILENO);
    close(saved);
  }
  std::clearerr(stdin);
}

}  // namespace
}  // namespace weir::capture_file_test
