// ChangeHistory: the last configurations that ran, with who asked for them and when, in the folder of --state or, where
// there is none, in memory.
//
// Each is a file of its own, history/config-NUMBER.conf, which can be given to --config: the configuration as it was
// given, with the command line, after comments that say the rest. It may hold keys, so only its user can read it. A
// file is complete or not there: it is written under another name and renamed. A file that cannot be read is left out,
// and notices() names it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "control/service/change_source.h"
#include "proto/base/unique_fd.h"
#include "proto/schema/config.pb.h"

namespace weir {

struct HistoryEntry {
  std::uint64_t number = 0;   ///< from 1 on
  std::uint64_t time_ns = 0;  ///< since 1970
  Asker asker;
  std::string asked;                 ///< "start", "config apply weir.conf"; one line
  std::vector<std::string> changes;  ///< against the entry before, a line each
  v1::Config given;                  ///< as it was given, without defaults
};

class ChangeHistory {
 public:
  static constexpr std::size_t kMost = 50;

  /// `folder`: of --state, which is made if only it is missing; empty: none. Error: one line.
  static tl::expected<ChangeHistory, std::string> open(const std::string& folder);

  /// Keeps the entry under the next number, and forgets the oldest one of more than kMost. Error: one line; the entry
  /// is kept in memory all the same.
  tl::expected<void, std::string> add(HistoryEntry entry);
  /// Oldest first.
  [[nodiscard]] const std::vector<HistoryEntry>& entries() const { return entries_; }
  [[nodiscard]] const HistoryEntry* find(std::uint64_t number) const;
  [[nodiscard]] const std::string& folder() const { return folder_; }
  /// What open() left out, a line each.
  [[nodiscard]] const std::vector<std::string>& notices() const { return notices_; }

 private:
  void read_files();
  [[nodiscard]] std::string file_of(std::uint64_t number) const;

  std::string folder_;  ///< with "history" in it; empty: none
  UniqueFd lock_;       ///< of the folder: no other weir writes to it
  std::vector<HistoryEntry> entries_;
  std::vector<std::string> notices_;
};

}  // namespace weir
