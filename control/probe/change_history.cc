#include "control/probe/change_history.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <string_view>
#include <system_error>
#include <utility>

#include "control/config/file.h"
#include "control/config/schema.h"
#include "control/probe/state_file.h"
#include "proto/base/quantity.h"
#include "proto/base/split.h"
#include "proto/base/time_text.h"

namespace weir {
namespace {

std::string system_error(const std::string& what) {
  return fmt::format("{}: {}", what, std::strerror(errno));
}

std::string file_text(const HistoryEntry& entry) {
  std::string text = fmt::format("# configuration {} of weir\n# time_ns: {}\n# uid: {}\n# pid: {}\n# asked: {}\n",
                                 entry.number, entry.time_ns, entry.asker.uid, entry.asker.pid, entry.asked);
  for (const std::string& change : entry.changes) text += "# change: " + change + "\n";
  return text + "\n" + given_text(entry.given);
}

/// Reads the comments. False: one that is needed is missing.
bool read_comments(std::string_view text, HistoryEntry& entry) {
  bool has_time = false;
  for (const std::string_view line : split(text, '\n')) {
    if (!line.starts_with("# ")) break;
    const std::size_t colon = line.find(": ");
    if (colon == std::string_view::npos) continue;
    const std::string_view name = line.substr(2, colon - 2);
    const std::string value(line.substr(colon + 2));
    const auto number = parse_count(value);
    if (name == "time_ns" && number) {
      entry.time_ns = *number;
      has_time = true;
    } else if (name == "uid" && number) {
      entry.asker.uid = static_cast<std::uint32_t>(*number);
    } else if (name == "pid" && number) {
      entry.asker.pid = static_cast<std::int32_t>(*number);
    } else if (name == "asked") {
      entry.asked = value;
    } else if (name == "change") {
      entry.changes.push_back(value);
    }
  }
  return has_time;
}

tl::expected<void, std::string> make_folder(const std::string& folder) {
  if (::mkdir(folder.c_str(), 0700) == 0 || errno == EEXIST) return {};
  return tl::unexpected("--state: " + system_error(folder) + "; expected a folder that weir can write to");
}

}  // namespace

tl::expected<ChangeHistory, std::string> ChangeHistory::open(const std::string& folder) {
  ChangeHistory history;
  if (folder.empty()) return history;
  const std::string inner = folder + "/history";
  if (auto made = make_folder(folder); !made) return tl::unexpected(made.error());
  if (auto made = make_folder(inner); !made) return tl::unexpected(made.error());
  history.lock_ = UniqueFd(::open(inner.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!history.lock_.valid()) return tl::unexpected("--state: " + system_error(inner));
  if (::flock(history.lock_.get(), LOCK_EX | LOCK_NB) != 0) {
    return tl::unexpected(fmt::format("--state {}: another weir uses it; expected a folder of its own", folder));
  }
  if (::access(inner.c_str(), W_OK) != 0) return tl::unexpected("--state: " + system_error(inner));
  history.folder_ = folder;
  history.read_files();
  return history;
}

void ChangeHistory::read_files() {
  constexpr std::string_view kBegin = "config-";
  constexpr std::string_view kEnd = ".conf";
  std::error_code error;
  for (const auto& file : std::filesystem::directory_iterator(folder_ + "/history", error)) {
    const std::string name = file.path().filename().string();
    if (!name.starts_with(kBegin) || !name.ends_with(kEnd) || name.size() <= kBegin.size() + kEnd.size()) continue;
    const auto number = parse_count(name.substr(kBegin.size(), name.size() - kBegin.size() - kEnd.size()));
    if (!number || *number == 0) continue;
    HistoryEntry entry;
    entry.number = *number;
    const auto text = state_file::read(file.path().string());
    if (!text) {
      notices_.push_back(text.error() + "; it is left out of the history");
      continue;
    }
    auto config = parse_config(*text, file.path().string());
    if (!config || !read_comments(*text, entry)) {
      const std::string why = config ? file.path().string() + ": no time in its comments" : config.error().message;
      notices_.push_back(why + "; it is left out of the history");
      continue;
    }
    entry.given = std::move(config->config);
    entries_.push_back(std::move(entry));
  }
  std::sort(entries_.begin(), entries_.end(), [](const auto& a, const auto& b) { return a.number < b.number; });
}

std::string ChangeHistory::file_of(std::uint64_t number) const {
  return fmt::format("{}/history/config-{:06}.conf", folder_, number);
}

tl::expected<void, std::string> ChangeHistory::add(HistoryEntry entry) {
  entry.number = entries_.empty() ? 1 : entries_.back().number + 1;
  entries_.push_back(std::move(entry));
  tl::expected<void, std::string> kept;
  if (!folder_.empty())
    kept = state_file::write(file_of(entries_.back().number), file_text(entries_.back()), state_file::Survives::power);
  while (entries_.size() > kMost) {
    if (!folder_.empty()) ::unlink(file_of(entries_.front().number).c_str());
    entries_.erase(entries_.begin());
  }
  return kept;
}

const HistoryEntry* ChangeHistory::find(std::uint64_t number) const {
  const auto found =
      std::find_if(entries_.begin(), entries_.end(), [&](const HistoryEntry& one) { return one.number == number; });
  return found == entries_.end() ? nullptr : &*found;
}

}  // namespace weir
