// RteHashTable: DPDK's rte_hash as the table benchmarks use it. The EAL is started with the first one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "dataplane/packet/flow_key.h"

struct rte_hash;

namespace weir::bench {

class RteHashTable {
 public:
  explicit RteHashTable(std::uint32_t capacity);
  RteHashTable(const RteHashTable&) = delete;
  RteHashTable& operator=(const RteHashTable&) = delete;
  ~RteHashTable();

  [[nodiscard]] bool ok() const { return hash_ != nullptr; }
  void clear();
  /// Each says for how many of the keys (at most 64) it worked.
  std::size_t find(std::span<const FlowKey> keys);
  std::size_t insert(std::span<const FlowKey> keys);
  std::size_t erase(std::span<const FlowKey> keys);

 private:
  rte_hash* hash_;
};

}  // namespace weir::bench
