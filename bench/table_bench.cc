// table/find, table/insert, table/erase: the flow table's index and entries alone, beside other tables on the same
// keys: rte_hash (DPDK), tbb::concurrent_hash_map, std::unordered_map.
//
//   table/find/flows:N                              weir: FlowTable
//   table/find_rte_hash/flows:N                     rte_hash_lookup_bulk_data
//   table/find_tbb_concurrent_hash_map/flows:N      find under an accessor, as that map wants it
//   table/find_unordered_map/flows:N
//
// Keys are IPv4 biflows in random order, 32 a turn, since that is how packets come; all tables hold N keys at three
// quarters of their capacity. weir and the two maps hash with weir's keyed hash; rte_hash with its own CRC32, on a
// 16-octet key (the widest compare it has). Keys are prebuilt and streamed from memory; hashing is part of the time.
// find: every key is there. insert: into an empty table until it holds N, erase: the other way round; emptying and
// filling again in between is not timed.
#include <benchmark/benchmark.h>
#include <oneapi/tbb/concurrent_hash_map.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <random>
#include <span>
#include <string>
#include <typeinfo>
#include <unordered_map>
#include <utility>
#include <vector>

#include "bench/bench_eal.h"
#include "bench/meter_rig.h"
#include "bench/rte_hash_table.h"
#include "dataplane/flow/flow_table.h"

namespace weir::bench {
namespace {

using Keys = std::span<const FlowKey>;

const KeyHash key_hash({1, 2, 3, 4, 5, 6});

FlowKey key_of(std::uint32_t flow) {
  FlowKey key{};
  const std::array<std::uint32_t, 2> addresses{__builtin_bswap32(kClientNet + flow),
                                               __builtin_bswap32(0xac100000 + flow % 1000)};
  std::memcpy(&key.address[0], addresses.data(), sizeof addresses);
  key.port_low = client_port(flow, 0);
  key.port_high = 443;
  key.protocol = is_tcp(flow) ? 6 : 17;
  key.ip_version = 4;
  return key;
}

/// weir's table, used as FlowShard uses it: hash and prefetch buckets, prefetch entries, then compare or change.
class WeirTable {
 public:
  explicit WeirTable(std::uint32_t capacity) : capacity_(capacity) { clear(); }
  [[nodiscard]] bool ok() const { return table_->ok(); }
  void clear() {
    table_.reset();
    table_ = std::make_unique<FlowTable>(capacity_, key_hash);
    if (table_->ok()) table_->touch();
  }
  std::size_t find(Keys keys) {
    hash(keys);
    candidates(keys);
    std::size_t found = 0;
    for (std::size_t i = 0; i < keys.size(); ++i) {
      std::uint32_t number = candidates_[i];
      if (number == FlowTable::kNone || !table_->is_key(number, table_->entry_at<false>(number), keys[i]))
        number = table_->find(keys[i], hashes_[i]);
      found += number != FlowTable::kNone ? 1 : 0;
    }
    return found;
  }
  std::size_t insert(Keys keys) {
    hash(keys);
    std::size_t inserted = 0;
    for (std::size_t i = 0; i < keys.size(); ++i) {
      inserted += table_->insert(keys[i], hashes_[i]) != FlowTable::kNone ? 1 : 0;
    }
    return inserted;
  }
  std::size_t erase(Keys keys) {
    hash(keys);
    candidates(keys);
    std::size_t erased = 0;
    for (std::size_t i = 0; i < keys.size(); ++i) {
      const std::uint32_t number = table_->find(keys[i], hashes_[i]);
      if (number == FlowTable::kNone) continue;
      table_->erase(number);
      table_->maintain(FlowTable::kHomesAnOperation);
      ++erased;
    }
    return erased;
  }

 private:
  void hash(Keys keys) {
    for (std::size_t i = 0; i < keys.size(); ++i) {
      hashes_[i] = table_->hash_of(keys[i]);
      table_->prefetch_bucket(hashes_[i]);
    }
  }
  void candidates(Keys keys) {
    for (std::size_t i = 0; i < keys.size(); ++i) candidates_[i] = table_->candidate<false>(hashes_[i], 4);
  }
  std::uint32_t capacity_;
  std::unique_ptr<FlowTable> table_;
  std::array<std::uint64_t, FlowShard::kBurst> hashes_{};
  std::array<std::uint32_t, FlowShard::kBurst> candidates_{};
};

/// The 16 octets that tell IPv4 flows apart.
struct ShortKey {
  std::uint64_t address;
  std::uint64_t tail;
  friend bool operator==(const ShortKey&, const ShortKey&) = default;
};
ShortKey short_key(const FlowKey& key) {
  return {key.address[0], key.tail()};
}
std::uint64_t hash_short(const ShortKey& key) {
  FlowKey whole{};
  whole.address[0] = key.address;
  std::memcpy(&whole.port_low, &key.tail, sizeof key.tail);
  return key_hash(whole);
}
struct StdHash {
  std::size_t operator()(const ShortKey& key) const { return hash_short(key); }
};
struct TbbHash {
  static std::size_t hash(const ShortKey& key) { return hash_short(key); }
  static bool equal(const ShortKey& a, const ShortKey& b) { return a == b; }
};

class UnorderedMap {
 public:
  explicit UnorderedMap(std::uint32_t capacity) { map_.reserve(capacity); }
  [[nodiscard]] bool ok() const { return true; }
  void clear() { map_.clear(); }
  std::size_t find(Keys keys) {
    std::size_t found = 0;
    for (const FlowKey& key : keys) found += map_.find(short_key(key)) != map_.end() ? 1 : 0;
    return found;
  }
  std::size_t insert(Keys keys) {
    std::size_t inserted = 0;
    for (const FlowKey& key : keys) inserted += map_.emplace(short_key(key), 0).second ? 1 : 0;
    return inserted;
  }
  std::size_t erase(Keys keys) {
    std::size_t erased = 0;
    for (const FlowKey& key : keys) erased += map_.erase(short_key(key));
    return erased;
  }

 private:
  std::unordered_map<ShortKey, std::uint64_t, StdHash> map_;
};

class TbbMap {
 public:
  explicit TbbMap(std::uint32_t capacity) : map_(capacity) {}
  [[nodiscard]] bool ok() const { return true; }
  void clear() { map_.clear(); }
  std::size_t find(Keys keys) {
    std::size_t found = 0;
    for (const FlowKey& key : keys) {
      Map::const_accessor at;
      found += map_.find(at, short_key(key)) ? 1 : 0;
    }
    return found;
  }
  std::size_t insert(Keys keys) {
    std::size_t inserted = 0;
    for (const FlowKey& key : keys) inserted += map_.insert({short_key(key), 0}) ? 1 : 0;
    return inserted;
  }
  std::size_t erase(Keys keys) {
    std::size_t erased = 0;
    for (const FlowKey& key : keys) erased += map_.erase(short_key(key)) ? 1 : 0;
    return erased;
  }

 private:
  using Map = oneapi::tbb::concurrent_hash_map<ShortKey, std::uint64_t, TbbHash>;
  Map map_;
};

/// A table and its keys in the order in which they come.
template <typename Table>
struct Filled {
  explicit Filled(std::uint32_t flows) : table(flows + flows / 3), order(flows) {
    std::vector<std::uint32_t> shuffled(flows);
    for (std::uint32_t i = 0; i < flows; ++i) shuffled[i] = i;
    std::shuffle(shuffled.begin(), shuffled.end(), std::mt19937_64(flows));
    for (std::uint32_t i = 0; i < order.size(); ++i) order[i] = key_of(shuffled[i]);
  }
  [[nodiscard]] bool ok() const { return table.ok() && order.size() != 0; }
  /// The next keys of the order, kBurst or what is left of it.
  Keys next() {
    const std::size_t count = std::min(FlowShard::kBurst, order.size() - at);
    at += count;
    return {&order[at - count], count};
  }
  [[nodiscard]] bool at_end() const { return at == order.size(); }
  void restart() { at = 0; }
  void fill() {
    for (restart(); !at_end();) table.insert(next());
    restart();
    full = true;
  }
  void clear() {
    table.clear();
    restart();
    full = false;
  }
  Table table;
  MappedArray<FlowKey> order;
  std::size_t at = 0;
  bool full = false;
};

enum class Operation : std::uint8_t { find, insert, erase };

template <typename Table, Operation kOperation>
void table(benchmark::State& state) {
  const auto flows = static_cast<std::uint32_t>(state.range(0));
  const std::string name = std::string("table") + typeid(Table).name() + std::to_string(flows);
  const auto filled = std::static_pointer_cast<Filled<Table>>(keep_fixture(name, [&]() -> std::shared_ptr<void> {
    if (!memory_available(memory_of(flows))) return nullptr;
    auto made = std::make_shared<Filled<Table>>(flows);
    return made->ok() ? made : nullptr;
  }));
  if (filled == nullptr) {
    state.SkipWithError("not enough memory");
    return;
  }
  const bool wants_full = kOperation != Operation::insert;
  if (wants_full != filled->full || !filled->at_end()) {
    filled->clear();
    if (wants_full) filled->fill();
  }
  filled->restart();
  std::size_t done = 0;
  std::size_t asked = 0;
  for ([[maybe_unused]] const auto _ : state) {
    if (filled->at_end()) {
      if (kOperation == Operation::find) {
        filled->restart();
      } else {
        state.PauseTiming();
        filled->clear();
        if (wants_full) filled->fill();
        state.ResumeTiming();
      }
    }
    const Keys keys = filled->next();
    asked += keys.size();
    switch (kOperation) {
      case Operation::find:
        done += filled->table.find(keys);
        break;
      case Operation::insert:
        done += filled->table.insert(keys);
        break;
      case Operation::erase:
        done += filled->table.erase(keys);
        break;
    }
  }
  // What is left behind is neither full nor empty, except after find.
  if (kOperation == Operation::find) {
    filled->at = filled->order.size();
  } else {
    filled->clear();
  }
  if (std::is_same_v<Table, RteHashTable> && !eal_has_hugepages()) state.SetLabel("4 KiB pages");
  if (done != asked) state.SkipWithError("a key was not found, or found no room");
  state.SetItemsProcessed(static_cast<std::int64_t>(asked));
}

void sizes(benchmark::internal::Benchmark* benchmark) {
  benchmark->ArgName("flows")->Arg(10'000)->Arg(1'000'000)->Arg(10'000'000);
}

BENCHMARK(table<WeirTable, Operation::find>)->Name("table/find")->Apply(sizes);
BENCHMARK(table<WeirTable, Operation::insert>)->Name("table/insert")->Apply(sizes);
BENCHMARK(table<WeirTable, Operation::erase>)->Name("table/erase")->Apply(sizes);
BENCHMARK(table<RteHashTable, Operation::find>)->Name("table/find_rte_hash")->Apply(sizes);
BENCHMARK(table<RteHashTable, Operation::insert>)->Name("table/insert_rte_hash")->Apply(sizes);
BENCHMARK(table<RteHashTable, Operation::erase>)->Name("table/erase_rte_hash")->Apply(sizes);
BENCHMARK(table<TbbMap, Operation::find>)->Name("table/find_tbb_concurrent_hash_map")->Apply(sizes);
BENCHMARK(table<TbbMap, Operation::insert>)->Name("table/insert_tbb_concurrent_hash_map")->Apply(sizes);
BENCHMARK(table<TbbMap, Operation::erase>)->Name("table/erase_tbb_concurrent_hash_map")->Apply(sizes);
BENCHMARK(table<UnorderedMap, Operation::find>)->Name("table/find_unordered_map")->Apply(sizes);
BENCHMARK(table<UnorderedMap, Operation::insert>)->Name("table/insert_unordered_map")->Apply(sizes);
BENCHMARK(table<UnorderedMap, Operation::erase>)->Name("table/erase_unordered_map")->Apply(sizes);

}  // namespace
}  // namespace weir::bench
