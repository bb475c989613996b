// PrefixStore: the prefix files of --prefixes as they are loaded now, and how they are loaded anew while records pass.
//
// A reload reads all files into new maps beside those that are in use, in a thread of its own, then puts them in their
// place, waits until no batch uses the old ones, and frees these. Records never wait for it: a batch takes the maps
// that are there when it begins. A file that cannot be read changes nothing: the old maps stay, and the error is kept.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <tl/expected.hpp>
#include <vector>

#include "control/enrich/enricher.h"

namespace weir {

/// What a store holds, for status and /metrics.
struct PrefixStoreStatus {
  struct File {
    std::string name;
    PrefixForm form = PrefixForm::text;
    std::uint64_t prefixes = 0;
  };
  std::vector<File> files;
  std::uint64_t prefixes = 0;   ///< of all files together
  std::uint64_t octets = 0;     ///< of memory
  std::uint64_t loaded_ns = 0;  ///< ns since 1970
  std::uint64_t loads = 0;
  bool loading = false;
  std::string error;  ///< of the last reload; empty: it went well
  std::uint64_t error_ns = 0;
  std::uint64_t lookups = 0;
  std::uint64_t not_found = 0;
};

class PrefixStore {
 public:
  /// Reads the files. Error: one line, "FILE:LINE: ...".
  static tl::expected<std::unique_ptr<PrefixStore>, std::string> open(std::vector<std::string> files,
                                                                      const KeyBits& bits = {});
  PrefixStore(const PrefixStore&) = delete;
  PrefixStore& operator=(const PrefixStore&) = delete;
  /// Waits for a reload that is under way.
  ~PrefixStore();

  /// Appends the records of `in` to `out` with what the files say of them. For one thread at a time.
  void enrich(RecordSpan in, RecordBatch& out);

  /// The map in use with prefixes of any length. nullptr: no key has an AS (KeyBits::as_in_key).
  [[nodiscard]] std::shared_ptr<const RouteMap> whole_map() const;

  /// Begins to load the files anew and returns. One that is under way is followed by another one.
  void reload();
  /// What reloads have come to since the last call.
  struct News {
    bool failed = false;
    std::string text;
  };
  [[nodiscard]] std::vector<News> take_news();

  [[nodiscard]] PrefixStoreStatus status() const;

 private:
  /// What loading the files gave.
  struct Loaded {
    RouteMaps maps;
    std::vector<PrefixStoreStatus::File> files;
    std::uint64_t prefixes = 0;
    std::uint64_t octets = 0;
  };

  PrefixStore(std::vector<std::string> files, const KeyBits& bits);
  [[nodiscard]] tl::expected<Loaded, std::string> load() const;
  void take(Loaded loaded);
  void load_anew();

  const std::vector<std::string> files_;
  const KeyBits bits_;
  Enricher enricher_;
  std::thread thread_;  ///< of the last reload; the caller's of reload()

  mutable std::mutex mutex_;  ///< guards what follows
  RouteMaps maps_;
  PrefixStoreStatus status_;
  std::vector<News> news_;
  bool again_ = false;  ///< reload() was called during a reload
};

}  // namespace weir
