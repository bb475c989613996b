// Every Ethernet capture of the collection that needs nothing but what the parser knows: each frame parsed, summed
// per directional 5-tuple, and compared with the truth that two independent programs agreed on.
#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <string>

#include "dataplane/input/capture_file.h"
#include "dataplane/packet/parser.h"
#include "tests/support/truth.h"

namespace weir {
namespace {

using test::Tuple;
using test::TupleSums;

constexpr const char* kCaptures = WEIR_CAPTURES;

Tuple directional(const ParsedPacket& packet) {
  Tuple tuple;
  tuple.ip_version = packet.key.ip_version;
  tuple.protocol = packet.key.protocol;
  const std::size_t octets = packet.key.ip_version == 4 ? 4 : 16;
  const auto* addresses = reinterpret_cast<const std::uint8_t*>(packet.key.address);
  const bool from_low = packet.from == Side::low;
  std::memcpy(tuple.source.data(), addresses + (from_low ? 0 : octets), octets);
  std::memcpy(tuple.destination.data(), addresses + (from_low ? octets : 0), octets);
  tuple.source_port = from_low ? packet.key.port_low : packet.key.port_high;
  tuple.destination_port = from_low ? packet.key.port_high : packet.key.port_low;
  return tuple;
}

/// What weir makes of a capture.
struct Sums {
  TupleSums tuples;
  std::uint64_t packets = 0;
  std::uint64_t rejected = 0;
  std::string error;  ///< "" if the whole file was read
};

Sums sums_of(const std::filesystem::path& path) {
  Sums sums;
  auto file = CaptureFile::open(path);
  if (!file) {
    sums.error = file.error();
    return sums;
  }
  PacketView view{};
  while ((*file)->next(view) == CaptureFile::Result::packet) {
    ParsedPacket packet;
    if (parse_packet(view, packet) == Reject::none) {
      sums.tuples[directional(packet)].add(packet.ip_octets, packet.time_ns);
    } else {
      ++sums.rejected;
    }
  }
  sums.packets = (*file)->packets();
  sums.error = (*file)->error();
  return sums;
}

bool is_exact(const std::filesystem::path& path) {
  const Sums sums = sums_of(path);
  return sums.error.empty() && sums.tuples == test::read_truth(path).tuples;
}

class CaptureTruth : public testing::TestWithParam<std::string> {};

TEST_P(CaptureTruth, sums_per_directional_tuple_are_those_of_the_truth) {
  if (!std::filesystem::exists(kCaptures)) GTEST_SKIP() << "no captures: the folder " << kCaptures << " is absent";
  const auto files = test::captures_of(kCaptures, GetParam());
  ASSERT_FALSE(files.empty());
  unsigned compared = 0;
  for (const auto& path : files) {
    if (test::needs_more(path)) {
      // A capture leaves the list with the feature that it waits for.
      EXPECT_FALSE(is_exact(path)) << path << " needs no exclusion any more";
      continue;
    }
    SCOPED_TRACE(path.filename());
    const Sums sums = sums_of(path);
    const test::Truth truth = test::read_truth(path);
    EXPECT_EQ(sums.error, "");
    EXPECT_EQ(sums.packets, truth.total_packets);
    EXPECT_EQ(sums.rejected, truth.non_ip_packets);
    EXPECT_EQ(test::difference(truth.tuples, sums.tuples), "");
    ++compared;
  }
  EXPECT_GT(compared, 0u);
  RecordProperty("compared", static_cast<int>(compared));
}

INSTANTIATE_TEST_SUITE_P(groups, CaptureTruth, testing::Values("basic", "vlan", "ipv6", "tcp", "quic", "linktypes"),
                         [](const auto& group) { return group.param; });

TEST(MalformedCaptures, are_read_and_parsed_to_their_end_or_to_an_error_that_names_them) {
  if (!std::filesystem::exists(kCaptures)) GTEST_SKIP() << "no captures: the folder " << kCaptures << " is absent";
  const auto files = test::captures_of(kCaptures, "malformed");
  EXPECT_EQ(files.size(), 88u);
  for (const auto& path : files) {
    const Sums sums = sums_of(path);
    if (!sums.error.empty()) {
      EXPECT_TRUE(sums.error.starts_with(path.string() + ": ")) << sums.error;
      EXPECT_EQ(sums.error.find('\n'), std::string::npos) << sums.error;
    }
    std::uint64_t counted = 0;
    for (const auto& [tuple, sum] : sums.tuples) {
      counted += sum.packets;
      EXPECT_GE(sum.octets, sum.packets * 20) << path;
    }
    EXPECT_EQ(counted + sums.rejected, sums.packets) << path;
  }
}

}  // namespace
}  // namespace weir
