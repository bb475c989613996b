// enrich/…: what --prefixes costs, between the drain and the exporters.
//
//   enrich/lookup    both addresses of a record looked up, and what is known of them read; `octets_a_prefix` is the
//                    memory of the map, `time_a_record` the CPU time of a record
//   enrich/records   all that a record costs: the lookups, and the copy of the record that has the section routing
//   enrich/paths     the same with a table of bgpdump: AS paths, too
//   enrich/reload    the file is loaded anew while a million records per second pass from a ring through the drain to
//                    an exporter; the time of a reload. It fails if one record is lost
//
// The prefixes are spread as those of the Internet's tables are: four fifths IPv4, mostly /24, the rest IPv6, mostly
// /48. Every record is between two prefixes chosen at random, so that hardly a search finds its way in a cache.
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "control/enrich/prefix_file.h"
#include "control/enrich/prefix_store.h"
#include "control/export/export_hub.h"
#include "control/record_drain.h"
#include "proto/base/byte_order.h"

namespace weir::bench {
namespace {

constexpr std::size_t kBatch = 4096;
constexpr std::size_t kBatches = 16;

struct Prefix {
  std::uint8_t address[16] = {};
  unsigned length = 0;
  bool ipv6 = false;

  [[nodiscard]] std::string text() const {
    IpAddress shown;
    shown.ip_version = ipv6 ? 6 : 4;
    std::memcpy(shown.octets, address, sizeof address);
    return fmt::format("{}/{}", shown.text(), length);
  }
};

/// So many different prefixes.
std::vector<Prefix> make_prefixes(std::size_t count) {
  constexpr unsigned kLengths4[] = {24, 24, 24, 24, 24, 24, 23, 22, 22, 21, 20, 19, 16};
  constexpr unsigned kLengths6[] = {48, 48, 48, 48, 44, 40, 36, 32, 32, 29};
  std::mt19937_64 random(20'261'130);
  std::set<std::string> seen;
  std::vector<Prefix> prefixes;
  while (prefixes.size() < count) {
    Prefix prefix;
    prefix.ipv6 = prefixes.size() % 5 == 4;
    prefix.length =
        prefix.ipv6 ? kLengths6[random() % std::size(kLengths6)] : kLengths4[random() % std::size(kLengths4)];
    // 1.0.0.0 to 223.255.255.255, and the parts of 2000::/8 that registries give away.
    const std::uint64_t bits = prefix.ipv6 ? 0x2001'0000'0000'0000 + random() % 0x00ff'0000'0000'0000
                                           : (0x0100'0000 + random() % 0xdf00'0000) << 32;
    const AddressBits address = AddressBits{bits, 0}.first(prefix.length);
    store_be<std::uint64_t>(prefix.address, address.high);
    if (seen.insert(prefix.text()).second) prefixes.push_back(prefix);
  }
  return prefixes;
}

/// A file of prefixes that is gone with the object.
class PrefixesInFile {
 public:
  PrefixesInFile(std::size_t count, bool bgp) : prefixes_(make_prefixes(count)) {
    std::string folder = (std::filesystem::temp_directory_path() / "weir-bench-XXXXXX").string();
    if (mkdtemp(folder.data()) == nullptr) return;
    folder_ = folder;
    std::mt19937 random(7);
    std::FILE* const out = std::fopen(file().c_str(), "w");
    if (out == nullptr) return;
    for (const Prefix& prefix : prefixes_) {
      const auto origin = 1 + random() % 75'000;
      const auto hop = 1 + random() % 50;
      if (bgp) {
        fmt::print(out, "TABLE_DUMP2|1700000000|B|192.0.2.1|64496|{}|64496 {} {} {}|IGP|{}{}|100|0||NAG||\n",
                   prefix.text(), 1 + random() % 100, 1 + random() % 3000, origin,
                   prefix.ipv6 ? "2001:db8::" : "192.0.2.", hop);
      } else {
        fmt::print(out, "{} as={} next_hop={}{}\n", prefix.text(), origin, prefix.ipv6 ? "2001:db8::" : "192.0.2.",
                   hop);
      }
    }
    std::fclose(out);
  }
  PrefixesInFile(const PrefixesInFile&) = delete;
  PrefixesInFile& operator=(const PrefixesInFile&) = delete;
  ~PrefixesInFile() {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }
  [[nodiscard]] std::string file() const { return folder_ + "/prefixes"; }

  /// A record between two of them, of one IP version.
  [[nodiscard]] FlowRecord record(std::mt19937& random) const {
    FlowRecord record{};
    const Prefix& source = prefixes_[random() % prefixes_.size()];
    const Prefix* destination = nullptr;
    do {
      destination = &prefixes_[random() % prefixes_.size()];
    } while (destination->ipv6 != source.ipv6);
    record.ip_version = source.ipv6 ? 6 : 4;
    std::memcpy(record.source_address, source.address, source.ipv6 ? 16 : 4);
    std::memcpy(record.destination_address, destination->address, source.ipv6 ? 16 : 4);
    record.packets[kForward] = 1;
    record.octets[kForward] = 100;
    record.first_ns[kForward] = record.last_ns[kForward] = 1'700'000'000'000'000'000;
    record.sampling_rate = 1;
    return record;
  }

 private:
  std::vector<Prefix> prefixes_;
  std::string folder_;
};

/// The last one is kept: a benchmark is called several times until it knows how often it has to run.
const PrefixesInFile& prefixes_in_file(std::int64_t count, bool bgp) {
  static std::unique_ptr<PrefixesInFile> last;
  static std::pair<std::int64_t, bool> last_of;
  if (last == nullptr || last_of != std::pair(count, bgp)) {
    last = nullptr;
    last = std::make_unique<PrefixesInFile>(static_cast<std::size_t>(count), bgp);
    last_of = {count, bgp};
  }
  return *last;
}

std::vector<RecordBatch> make_batches(const PrefixesInFile& prefixes) {
  std::mt19937 random(11);
  std::vector<RecordBatch> batches(kBatches);
  for (RecordBatch& batch : batches) {
    for (std::size_t i = 0; i < kBatch; ++i) batch.append(prefixes.record(random));
  }
  return batches;
}

void set_time_a_record(benchmark::State& state) {
  state.counters["time_a_record"] = benchmark::Counter(static_cast<double>(state.iterations()) * kBatch,
                                                       benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

void enrich_lookup(benchmark::State& state) {
  const PrefixesInFile& prefixes = prefixes_in_file(state.range(0), false);
  RouteMapBuilder builder;
  auto file = read_prefix_file(prefixes.file(), builder);
  if (!file) return state.SkipWithError(file.error().c_str());
  const auto map = builder.build({&*file, 1}, {});
  if (!map) return state.SkipWithError(map.error().c_str());
  // Batches of one IP version each, in the ratio of the prefixes: the enricher searches them apart, too.
  std::mt19937 random(11);
  std::vector<std::vector<AddressBits>> batches(2 * kBatches);
  for (std::size_t i = 0; i < batches.size();) {
    const FlowRecord record = prefixes.record(random);
    const std::size_t octets = i % 5 == 4 ? 16 : 4;
    if (record.ip_version != (octets == 4 ? 4 : 6)) continue;
    batches[i].push_back(AddressBits::of(record.source_address, octets));
    batches[i].push_back(AddressBits::of(record.destination_address, octets));
    if (batches[i].size() == 2 * kBatch) ++i;
  }
  std::vector<RouteMap::Value> values(2 * kBatch);
  std::size_t at = 0;
  std::uint64_t known = 0;
  for ([[maybe_unused]] const auto _ : state) {
    const std::size_t batch = at++ % batches.size();
    (*map)->trie(batch % 5 == 4 ? 6 : 4).find_many(batches[batch], values);
    for (const RouteMap::Value value : values) known += (*map)->route(value).as_number != 0 ? 1 : 0;
  }
  const auto lookups = static_cast<std::uint64_t>(state.iterations()) * 2 * kBatch;
  if (known != lookups) return state.SkipWithError("an address of a prefix was in none");
  state.SetItemsProcessed(static_cast<std::int64_t>(lookups / 2));
  state.counters["octets_a_prefix"] = static_cast<double>((*map)->octets()) / static_cast<double>((*map)->prefixes());
  set_time_a_record(state);
}

void enrich_records(benchmark::State& state, bool bgp) {
  const PrefixesInFile& prefixes = prefixes_in_file(state.range(0), bgp);
  const auto store = PrefixStore::open({prefixes.file()});
  if (!store) return state.SkipWithError(store.error().c_str());
  const std::vector<RecordBatch> batches = make_batches(prefixes);
  RecordBatch out;
  std::size_t at = 0;
  for ([[maybe_unused]] const auto _ : state) {
    out.clear();
    (*store)->enrich(batches[at++ % kBatches].span(), out);
    benchmark::DoNotOptimize(out.octets());
  }
  const PrefixStoreStatus status = (*store)->status();
  if (status.not_found != 0) return state.SkipWithError("an address of a prefix was in none");
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(kBatch));
  state.counters["octets_a_prefix"] = static_cast<double>(status.octets) / static_cast<double>(status.prefixes);
  set_time_a_record(state);
}

/// Puts a million records per second into the ring until it is told to stop.
class Producer {
 public:
  Producer(RecordRing& ring, const RecordBatch& batch) : thread_([this, &ring, &batch] { run(ring, batch); }) {}
  Producer(const Producer&) = delete;
  Producer& operator=(const Producer&) = delete;
  ~Producer() { finish(); }
  void finish() {
    stop_ = true;
    if (thread_.joinable()) thread_.join();
  }
  std::uint64_t pushed = 0;
  std::uint64_t refused = 0;  ///< the ring was full

 private:
  void run(RecordRing& ring, const RecordBatch& batch) {
    constexpr std::uint64_t kBurst = 1000;
    auto due = std::chrono::steady_clock::now();
    while (!stop_) {
      for (std::uint64_t i = 0; i < kBurst; ++i) {
        const RecordView record = batch[(pushed + refused) % batch.size()];
        RingLine* const line = ring.claim(record.lines());
        if (line == nullptr) {
          ++refused;
          continue;
        }
        std::memcpy(line, record.octets(), record.size());
        ring.commit(record.lines());
        ++pushed;
      }
      ring.publish();
      // After a stall at most 10 ms are made up for: what else did not come was not sent.
      due = std::max(due + std::chrono::milliseconds(1),
                     std::chrono::steady_clock::now() - std::chrono::milliseconds(10));
      std::this_thread::sleep_until(due);
    }
  }

  std::atomic<bool> stop_{false};
  std::thread thread_;
};

void enrich_reload(benchmark::State& state) {
  const PrefixesInFile& prefixes = prefixes_in_file(state.range(0), false);
  const auto store = PrefixStore::open({prefixes.file()});
  if (!store) return state.SkipWithError(store.error().c_str());
  auto hub = ExportHub::open({"protobuf:/dev/null"}, {});
  if (!hub) return state.SkipWithError(hub.error().c_str());
  std::mt19937 random(11);
  RecordBatch batch;
  for (std::size_t i = 0; i < kBatch; ++i) batch.append(prefixes.record(random));
  RecordRing ring(ring_lines(std::size_t{1} << 19));  // half a second
  RecordDrain drain({&ring}, **hub, false, nullptr, nullptr, 0, store->get());
  Producer producer(ring, batch);
  for ([[maybe_unused]] const auto _ : state) {
    (*store)->reload();
    while ((*store)->status().loading) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  producer.finish();
  drain.finish();
  static_cast<void>((*hub)->finish(std::chrono::seconds(30)));
  const ExporterSnapshot exporter = (*hub)->snapshot()[0];
  const PrefixStoreStatus status = (*store)->status();
  if (!status.error.empty()) return state.SkipWithError(status.error.c_str());
  if (producer.refused != 0) return state.SkipWithError("the ring was full: records were lost");
  if (exporter.exported.records != producer.pushed) return state.SkipWithError("not every record was exported");
  if (status.lookups != 2 * producer.pushed || status.not_found != 0) return state.SkipWithError("a lookup is missing");
  state.counters["records"] = static_cast<double>(producer.pushed);
}

BENCHMARK(enrich_lookup)->Name("enrich/lookup")->ArgName("prefixes")->Arg(10'000)->Arg(1'000'000);
BENCHMARK_CAPTURE(enrich_records, text, false)
    ->Name("enrich/records")
    ->ArgName("prefixes")
    ->Arg(10'000)
    ->Arg(1'000'000);
BENCHMARK_CAPTURE(enrich_records, bgp, true)->Name("enrich/paths")->ArgName("prefixes")->Arg(10'000)->Arg(1'000'000);
BENCHMARK(enrich_reload)->Name("enrich/reload")->ArgName("prefixes")->Arg(10'000)->Arg(1'000'000)->UseRealTime();

}  // namespace
}  // namespace weir::bench
