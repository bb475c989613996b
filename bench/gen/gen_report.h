// What weir-gen says at its end: the counts (text or one JSON object) and the manifest (one JSON line per biflow, with
// the field names of flow records).
#pragma once

#include <cstdint>
#include <cstdio>
#include <mutex>
#include <string>
#include <tl/expected.hpp>

#include "bench/gen/generator.h"

namespace weir::bench {

struct Receipt {
  Totals totals;
  std::uint64_t refused = 0;  ///< packets that the device did not take and that were given up
  std::uint64_t retried = 0;  ///< times that a refused packet was offered again
  std::uint64_t unread = 0;   ///< packets that the peer of a memif left in the rings
  double seconds = 0;
};

std::string receipt_text(const Receipt& receipt);
std::string receipt_json(const Receipt& receipt);
std::string manifest_line(const BiflowCount& biflow);

/// The manifest file. add() may be called by several threads.
class Manifest {
 public:
  static tl::expected<void, std::string> open(Manifest& manifest, const std::string& path);
  Manifest() = default;
  Manifest(const Manifest&) = delete;
  Manifest& operator=(const Manifest&) = delete;
  ~Manifest();

  [[nodiscard]] bool is_open() const { return file_ != nullptr; }
  void add(const BiflowCount& biflow);
  tl::expected<void, std::string> finish();

 private:
  std::string path_;
  std::mutex mutex_;
  std::FILE* file_ = nullptr;
};

}  // namespace weir::bench
