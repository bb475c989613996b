// Ground truth of a capture: NAME.truth.outer.jsonl and, where it differs, NAME.truth.inner.jsonl beside NAME.pcap, and
// sums of the same form to compare with it.
//
// Each line of the file is one directional 5-tuple with packets, IP octets and the least and greatest timestamp; the
// last one holds the totals in frames. Addresses are compared as octets, so spelling makes no difference.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <tuple>
#include <vector>

namespace weir::test {

/// A directional 5-tuple: who sent to whom.
struct Tuple {
  std::uint8_t ip_version = 0;
  std::array<std::uint8_t, 16> source{};       ///< IPv4 in the first 4 octets, the rest 0
  std::array<std::uint8_t, 16> destination{};  ///< likewise
  std::uint16_t source_port = 0;
  std::uint16_t destination_port = 0;
  std::uint8_t protocol = 0;

  /// Every member: what makes a tuple equal to another, and its order in a map.
  [[nodiscard]] auto members() const {
    return std::tie(ip_version, source, destination, source_port, destination_port, protocol);
  }
  friend bool operator==(const Tuple& a, const Tuple& b) { return a.members() == b.members(); }
  friend bool operator<(const Tuple& a, const Tuple& b) { return a.members() < b.members(); }
};

struct TupleSum {
  std::uint64_t packets = 0;
  std::uint64_t octets = 0;
  std::uint64_t first_ns = ~std::uint64_t{0};
  std::uint64_t last_ns = 0;

  /// Adds one packet.
  void add(std::uint64_t ip_octets, std::uint64_t time_ns) { add(1, ip_octets, time_ns, time_ns); }
  /// Adds one direction of a record.
  void add(std::uint64_t more_packets, std::uint64_t ip_octets, std::uint64_t first, std::uint64_t last);
  bool operator==(const TupleSum&) const = default;
};

using TupleSums = std::map<Tuple, TupleSum>;

struct Truth {
  TupleSums tuples;
  std::uint64_t total_packets = 0;
  std::uint64_t ip_packets = 0;
  std::uint64_t non_ip_packets = 0;
};

/// The tuple of the textual addresses `source` and `destination`.
[[nodiscard]] Tuple tuple_of(const std::string& source, const std::string& destination, unsigned source_port,
                             unsigned destination_port, unsigned protocol);

/// Which IP header of a frame the truth is by. The program's default is `inner`.
enum class TruthLayer : std::uint8_t { outer, inner };

/// Reads the truth of the capture file `capture` (.../NAME.pcap); the inner one is the outer one where it has no file.
/// Throws std::runtime_error naming the file and line if it is absent or not what it should be: a test cannot go on
/// without it.
[[nodiscard]] Truth read_truth(const std::filesystem::path& capture, TruthLayer layer = TruthLayer::inner);
/// Whether the capture has an inner truth of its own.
[[nodiscard]] bool has_inner_truth(const std::filesystem::path& capture);

/// Capture files (.pcap, .pcapng) of folder `group` of the capture collection, sorted; empty if the folder is absent.
[[nodiscard]] std::vector<std::filesystem::path> captures_of(const std::filesystem::path& collection,
                                                             const std::string& group);

/// What differs between `expected` and `actual`, one line a tuple, at most `lines` of them; "" if nothing does.
[[nodiscard]] std::string difference(const TupleSums& expected, const TupleSums& actual, unsigned lines = 10);

}  // namespace weir::test
