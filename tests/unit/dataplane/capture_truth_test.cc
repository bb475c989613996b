// Every capture of the collection: each frame parsed, summed per directional 5-tuple, and compared with the truth that
// two independent programs agreed on, by the outermost and by the innermost IP header.
#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <string>

#include "dataplane/input/capture_file.h"
#include "dataplane/packet/fragment_cache.h"
#include "dataplane/packet/parser.h"
#include "tests/support/truth.h"

namespace weir::capture_truth_test {
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
  if (packet.key.protocol == 50) return tuple;  // ESP: the SPI stands where ports would
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

enum class Way : std::uint8_t { plain_first, parse, walk };

Reject parse_by(Way way, Parser& parser, const PacketView& view, ParsedPacket& packet) {
  if (way == Way::walk) return parser.walk(view, packet, nullptr);
  if (way == Way::plain_first && parser.parse_plain(view, packet)) return Reject::none;
  return parser.parse(view, packet);
}

Sums sums_of(const std::filesystem::path& path, Layer layer, Way way = Way::plain_first) {
  Sums sums;
  auto file = CaptureFile::open(path);
  if (!file) {
    sums.error = file.error();
    return sums;
  }
  ParserOptions options = ParserOptions::defaults();
  options.layer = layer;
  Parser parser(options);
  FragmentCache fragments(KeyHash({1, 2, 3, 4, 5, 6}));
  PacketView view{};
  std::uint64_t now_ns = 0;
  while ((*file)->next(view) == CaptureFile::Result::packet) {
    ParsedPacket packet;
    now_ns = std::max(now_ns, view.time_ns);
    if (parse_by(way, parser, view, packet) == Reject::none) {
      for (unsigned i = 0; (packet.facts & kFirstFragment) != 0 && i < parser.notes().count; ++i) {
        fragments.learn(parser.notes().notes[i], now_ns);
      }
      if ((packet.facts & kLaterFragment) != 0) (void)fragments.resolve(packet, now_ns);
      sums.tuples[directional(packet)].add(packet.ip_octets, packet.time_ns);
    } else {
      ++sums.rejected;
    }
  }
  sums.packets = (*file)->packets();
  sums.error = (*file)->error();
  return sums;
}

class CaptureTruth : public testing::TestWithParam<std::string> {};

TEST_P(CaptureTruth, sums_per_directional_tuple_are_those_of_the_truth) {
  if (!std::filesystem::exists(kCaptures)) GTEST_SKIP() << "no captures: the folder " << kCaptures << " is absent";
  const auto files = test::captures_of(kCaptures, GetParam());
  ASSERT_FALSE(files.empty());
  for (const auto& path : files) {
    for (const Layer layer : {Layer::outer, Layer::inner}) {
      SCOPED_TRACE(path.filename().string() + (layer == Layer::outer ? ", outer" : ", inner"));
      const test::Truth truth =
          test::read_truth(path, layer == Layer::outer ? test::TruthLayer::outer : test::TruthLayer::inner);
      for (const Way way : {Way::plain_first, Way::parse, Way::walk}) {
        const Sums sums = sums_of(path, layer, way);
        EXPECT_EQ(sums.error, "");
        EXPECT_EQ(sums.packets, truth.total_packets);
        EXPECT_EQ(sums.rejected, truth.non_ip_packets);
        EXPECT_EQ(test::difference(truth.tuples, sums.tuples), "");
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(groups, CaptureTruth,
                         testing::Values("basic", "vlan", "tunnels", "ipv6", "fragments", "tcp", "quic", "linktypes"),
                         [](const auto& group) { return group.param; });

TEST(CaptureTruthCount, is_120_outer_and_26_inner) {
  if (!std::filesystem::exists(kCaptures)) GTEST_SKIP() << "no captures: the folder " << kCaptures << " is absent";
  unsigned outer = 0;
  unsigned inner = 0;
  for (const char* group : {"basic", "vlan", "tunnels", "ipv6", "fragments", "tcp", "quic", "linktypes"}) {
    for (const auto& path : test::captures_of(kCaptures, group)) {
      ++outer;
      inner += test::has_inner_truth(path) ? 1 : 0;
    }
  }
  EXPECT_EQ(outer, 120u);
  EXPECT_EQ(inner, 26u);
}

TEST(MalformedCaptures, are_read_and_parsed_to_their_end_or_to_an_error_that_names_them) {
  if (!std::filesystem::exists(kCaptures)) GTEST_SKIP() << "no captures: the folder " << kCaptures << " is absent";
  const auto files = test::captures_of(kCaptures, "malformed");
  EXPECT_EQ(files.size(), 88u);
  for (const auto& path : files) {
    const Sums sums = sums_of(path, Layer::inner);
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
}  // namespace weir::capture_truth_test
