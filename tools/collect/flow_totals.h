// FlowTotals: what was collected, in all and per directional 5-tuple.
//
// The number of flows is the number of distinct directional 5-tuples (addresses, ports, protocol), so that it can be
// held against what a generator sent or a capture contains; a conversation seen both ways is two. To know what is
// distinct, each tuple is kept: 72 octets of key and sums, 96 with the node of the hash table, 112 with its share of
// the buckets. The default bound of 4 194 304 flows thus costs at most 470 MB. Past the bound packets and octets are
// still summed, but new tuples are no longer told apart: flows() is then a lower bound and complete() says so.
//
// The hash is seeded per process, since whoever sends records chooses the keys.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <type_traits>
#include <unordered_map>
#include <vector>

#include "proto/base/counts.h"
#include "proto/record/flow_record.h"

namespace weir {

/// One direction of a conversation. Ports in host order.
struct FlowTuple {
  std::uint8_t source_address[16];
  std::uint8_t destination_address[16];
  std::uint16_t source_port;
  std::uint16_t destination_port;
  std::uint8_t protocol;
  std::uint8_t ip_version;
  std::uint16_t reserved;  ///< 0

  friend bool operator==(const FlowTuple& a, const FlowTuple& b) { return std::memcmp(&a, &b, sizeof a) == 0; }
};
static_assert(sizeof(FlowTuple) == 40 && std::has_unique_object_representations_v<FlowTuple>,
              "hashed and compared as memory");

/// The 5-tuple of one direction of a record.
FlowTuple tuple_of(const FlowRecord& record, Direction direction);

struct FlowSums {
  std::uint64_t packets = 0;
  std::uint64_t octets = 0;
  std::uint64_t first_ns = 0;
  std::uint64_t last_ns = 0;
};

class FlowTotals {
 public:
  static constexpr std::size_t kDefaultMaxFlows = 4'194'304;
  explicit FlowTotals(std::size_t max_flows = kDefaultMaxFlows);

  /// `rate`: its packets and octets count so often.
  void add(const FlowRecord& record, std::uint64_t rate = 1);

  [[nodiscard]] std::uint64_t records() const { return totals_.records; }
  [[nodiscard]] std::uint64_t packets() const { return totals_.packets; }
  [[nodiscard]] std::uint64_t octets() const { return totals_.octets; }
  [[nodiscard]] std::size_t flows() const { return sums_.size(); }
  /// False: more flows came than are kept apart.
  [[nodiscard]] bool complete() const { return complete_; }

  struct Flow {
    FlowTuple tuple;
    FlowSums sums;
  };
  /// The `count` flows with the most octets, the largest first; equal ones in the order of their tuples.
  [[nodiscard]] std::vector<Flow> top(std::size_t count) const;

 private:
  struct Hash {
    std::uint64_t seed;
    std::size_t operator()(const FlowTuple& tuple) const;
  };
  void add_direction(const FlowRecord& record, Direction direction, std::uint64_t rate);

  std::size_t max_flows_;
  std::unordered_map<FlowTuple, FlowSums, Hash> sums_;
  RecordTotals totals_;
  bool complete_ = true;
};

}  // namespace weir
