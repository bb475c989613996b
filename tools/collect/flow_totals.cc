#include "tools/collect/flow_totals.h"

#include <algorithm>
#include <random>

namespace weir {
namespace {

std::uint64_t random_seed() {
  std::random_device device;
  return (static_cast<std::uint64_t>(device()) << 32) | device();
}

/// 64 x 64 -> 128 multiply, the halves folded: not linear, so that no set of keys collides under every seed.
std::uint64_t mix(std::uint64_t a, std::uint64_t b) {
  __extension__ using Wide = unsigned __int128;
  const Wide product = static_cast<Wide>(a) * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

}  // namespace

FlowTuple tuple_of(const FlowRecord& record, Direction direction) {
  FlowTuple tuple{};
  const bool forward = direction == kForward;
  std::memcpy(tuple.source_address, forward ? record.source_address : record.destination_address, 16);
  std::memcpy(tuple.destination_address, forward ? record.destination_address : record.source_address, 16);
  tuple.source_port = record.port(direction);
  tuple.destination_port = record.port(forward ? kReverse : kForward);
  tuple.protocol = record.protocol;
  tuple.ip_version = record.ip_version;
  return tuple;
}

std::size_t FlowTotals::Hash::operator()(const FlowTuple& tuple) const {
  std::uint64_t words[5];
  std::memcpy(words, &tuple, sizeof words);
  std::uint64_t hash = seed;
  for (const std::uint64_t word : words) hash = mix(hash ^ word ^ 0x9e3779b97f4a7c15, seed | 1) + word;
  return mix(hash, 0xd6e8feb86659fd93);
}

FlowTotals::FlowTotals(std::size_t max_flows) : max_flows_(max_flows), sums_(0, Hash{random_seed()}) {}

void FlowTotals::add(const FlowRecord& record, std::uint64_t rate) {
  totals_ += {1, rate * record.total_packets(), rate * record.total_octets()};
  // A record without packet counts (its template may lack them) still names a flow, in forward direction.
  if (record.packets[kForward] != 0 || record.packets[kReverse] == 0) add_direction(record, kForward, rate);
  if (record.packets[kReverse] != 0) add_direction(record, kReverse, rate);
}

void FlowTotals::add_direction(const FlowRecord& record, Direction direction, std::uint64_t rate) {
  const FlowTuple tuple = tuple_of(record, direction);
  auto found = sums_.find(tuple);
  if (found == sums_.end()) {
    if (sums_.size() >= max_flows_) {
      complete_ = false;
      return;
    }
    found = sums_.emplace(tuple, FlowSums{.first_ns = record.first_ns[direction]}).first;
  }
  FlowSums& sums = found->second;
  sums.packets += rate * record.packets[direction];
  sums.octets += rate * record.octets[direction];
  sums.first_ns = std::min(sums.first_ns, record.first_ns[direction]);
  sums.last_ns = std::max(sums.last_ns, record.last_ns[direction]);
}

std::vector<FlowTotals::Flow> FlowTotals::top(std::size_t count) const {
  std::vector<Flow> flows;
  flows.reserve(sums_.size());
  for (const auto& [tuple, sums] : sums_) flows.push_back({tuple, sums});
  count = std::min(count, flows.size());
  std::partial_sort(flows.begin(), flows.begin() + static_cast<std::ptrdiff_t>(count), flows.end(),
                    [](const Flow& a, const Flow& b) {
                      if (a.sums.octets != b.sums.octets) return a.sums.octets > b.sums.octets;
                      return std::memcmp(&a.tuple, &b.tuple, sizeof a.tuple) < 0;
                    });
  flows.resize(count);
  return flows;
}

}  // namespace weir
