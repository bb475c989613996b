#include "bench/rte_hash_table.h"

#include <rte_hash.h>
#include <rte_hash_crc.h>

#include <array>

#include "bench/bench_eal.h"

namespace weir::bench {
namespace {

constexpr std::size_t kKeys = 64;

/// The 16 octets that tell IPv4 flows apart: rte_hash compares keys of that size with two instructions.
struct ShortKey {
  std::uint64_t address;
  std::uint64_t tail;
};

}  // namespace

RteHashTable::RteHashTable(std::uint32_t capacity) : hash_(nullptr) {
  if (!start_eal()) return;
  rte_hash_parameters parameters{};
  parameters.name = "weir-bench";
  parameters.entries = capacity;
  parameters.key_len = sizeof(ShortKey);
  parameters.hash_func = rte_hash_crc;
  parameters.socket_id = SOCKET_ID_ANY;
  hash_ = rte_hash_create(&parameters);
}

RteHashTable::~RteHashTable() {
  rte_hash_free(hash_);
}

void RteHashTable::clear() {
  rte_hash_reset(hash_);
}

std::size_t RteHashTable::find(std::span<const FlowKey> keys) {
  std::array<ShortKey, kKeys> shorts;
  std::array<const void*, kKeys> pointers;
  std::array<void*, kKeys> data;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    shorts[i] = {keys[i].address[0], keys[i].tail()};
    pointers[i] = &shorts[i];
  }
  std::uint64_t hits = 0;
  const int found =
      rte_hash_lookup_bulk_data(hash_, pointers.data(), static_cast<std::uint32_t>(keys.size()), &hits, data.data());
  return found < 0 ? 0 : static_cast<std::size_t>(found);
}

std::size_t RteHashTable::insert(std::span<const FlowKey> keys) {
  std::size_t inserted = 0;
  for (const FlowKey& key : keys) {
    const ShortKey small{key.address[0], key.tail()};
    inserted += rte_hash_add_key_data(hash_, &small, nullptr) == 0 ? 1 : 0;
  }
  return inserted;
}

std::size_t RteHashTable::erase(std::span<const FlowKey> keys) {
  std::size_t erased = 0;
  for (const FlowKey& key : keys) {
    const ShortKey small{key.address[0], key.tail()};
    erased += rte_hash_del_key(hash_, &small) >= 0 ? 1 : 0;
  }
  return erased;
}

}  // namespace weir::bench
