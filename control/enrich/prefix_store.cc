#include "control/enrich/prefix_store.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <utility>

#include "control/enrich/prefix_file.h"
#include "proto/base/number_text.h"

namespace weir {
namespace {

std::uint64_t wall_ns() {
  return static_cast<std::uint64_t>(
      std::chrono::nanoseconds(std::chrono::system_clock::now().time_since_epoch()).count());
}

/// How long the prefixes may be that are looked up for the end. Of one that is no part of the key none are.
LongestPrefix longest_of(const KeyBits& bits, Direction side) {
  const Direction other = side == kForward ? kReverse : kForward;
  return {bits.ipv4[side] != 0 ? bits.ipv4[side] : bits.ipv4[other],
          bits.ipv6[side] != 0 ? bits.ipv6[side] : bits.ipv6[other]};
}

/// Whether this is all there is of the maps.
bool nobody_else_has(const RouteMaps& maps) {
  const std::array<const std::shared_ptr<const RouteMap>*, 3> all{&maps.side[0], &maps.side[1], &maps.whole};
  return std::all_of(all.begin(), all.end(), [&](const auto* map) {
    return map->use_count() <= std::count_if(all.begin(), all.end(), [&](const auto* one) { return *one == *map; });
  });
}

}  // namespace

PrefixStore::PrefixStore(std::vector<std::string> files, const KeyBits& bits)
    : files_(std::move(files)), bits_(bits), enricher_(bits) {}

PrefixStore::~PrefixStore() {
  {
    const std::lock_guard lock(mutex_);
    again_ = false;
  }
  if (thread_.joinable()) thread_.join();
}

tl::expected<std::unique_ptr<PrefixStore>, std::string> PrefixStore::open(std::vector<std::string> files,
                                                                          const KeyBits& bits) {
  auto store = std::unique_ptr<PrefixStore>(new PrefixStore(std::move(files), bits));
  auto loaded = store->load();
  if (!loaded) return tl::make_unexpected(loaded.error());
  store->take(std::move(*loaded));
  return store;
}

tl::expected<PrefixStore::Loaded, std::string> PrefixStore::load() const {
  RouteMapBuilder builder;
  std::vector<FilePrefixes> read;
  Loaded loaded;
  for (const std::string& file : files_) {
    auto one = read_prefix_file(file, builder);
    if (!one) return tl::make_unexpected(one.error());
    loaded.files.push_back({file, one->form, one->size()});
    read.push_back(std::move(*one));
  }
  const LongestPrefix source = longest_of(bits_, kForward);
  const LongestPrefix destination = longest_of(bits_, kReverse);
  auto map = builder.build(read, source);
  if (!map) return tl::make_unexpected(map.error());
  loaded.maps.side = {*map, *map};
  loaded.prefixes = (*map)->prefixes();
  loaded.octets = (*map)->octets();
  const auto map_of = [&](const LongestPrefix& longest) -> tl::expected<std::shared_ptr<const RouteMap>, std::string> {
    if (longest == source) return *map;
    if (longest == destination && loaded.maps.side[kReverse] != *map) return loaded.maps.side[kReverse];
    auto built = builder.build(read, longest);
    if (built) loaded.octets += (*built)->octets();
    return built;
  };
  auto other = map_of(destination);
  if (!other) return tl::make_unexpected(other.error());
  loaded.maps.side[kReverse] = *other;
  if (!bits_.as_in_key[kForward] && !bits_.as_in_key[kReverse]) return loaded;
  auto whole = map_of({});
  if (!whole) return tl::make_unexpected(whole.error());
  loaded.maps.whole = *whole;
  loaded.prefixes = (*whole)->prefixes();
  return loaded;
}

void PrefixStore::take(Loaded loaded) {
  RouteMaps old;
  {
    const std::lock_guard lock(mutex_);
    old = std::exchange(maps_, std::move(loaded.maps));
    status_.files = std::move(loaded.files);
    status_.prefixes = loaded.prefixes;
    status_.octets = loaded.octets;
    status_.loaded_ns = wall_ns();
    ++status_.loads;
    status_.error.clear();
    status_.error_ns = 0;
  }
  // A batch may have them still, and workers until they were offered the new one. They are freed here if that takes no
  // longer than it should: to give so much memory back takes its time.
  constexpr unsigned kMostWaits = 3000;
  for (unsigned waits = 0; !nobody_else_has(old) && waits < kMostWaits; ++waits) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

void PrefixStore::enrich(RecordSpan in, RecordBatch& out) {
  RouteMaps maps;
  {
    const std::lock_guard lock(mutex_);
    maps = maps_;
  }
  enricher_.enrich(in, maps, out);
}

std::shared_ptr<const RouteMap> PrefixStore::whole_map() const {
  const std::lock_guard lock(mutex_);
  return maps_.whole;
}

void PrefixStore::reload() {
  {
    const std::lock_guard lock(mutex_);
    if (status_.loading) {
      again_ = true;
      return;
    }
    status_.loading = true;
  }
  if (thread_.joinable()) thread_.join();
  thread_ = std::thread([this] { load_anew(); });
}

void PrefixStore::load_anew() {
  for (bool again = true; again;) {
    auto loaded = load();
    std::string error;
    if (loaded) {
      take(std::move(*loaded));
    } else {
      error = loaded.error();
    }
    const std::lock_guard lock(mutex_);
    if (error.empty()) {
      news_.push_back({false, fmt::format("--prefixes: {} prefixes are loaded", grouped(status_.prefixes))});
    } else {
      status_.error = error;
      status_.error_ns = wall_ns();
      news_.push_back({true, fmt::format("--prefixes: {}; the prefixes loaded before stay in use", error)});
    }
    again = std::exchange(again_, false);
    status_.loading = again;
  }
}

std::vector<PrefixStore::News> PrefixStore::take_news() {
  const std::lock_guard lock(mutex_);
  return std::exchange(news_, {});
}

PrefixStoreStatus PrefixStore::status() const {
  const std::lock_guard lock(mutex_);
  PrefixStoreStatus status = status_;
  status.lookups = enricher_.lookups();
  status.not_found = enricher_.not_found();
  return status;
}

}  // namespace weir
