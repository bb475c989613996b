#include "control/probe/memory_room.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <optional>
#include <sstream>
#include <string_view>
#include <utility>

#include "proto/base/number_text.h"

namespace weir {
namespace {

/// The rest of weir grows as well, and so may others: this much is left over.
constexpr std::uint64_t kLeastReserve = std::uint64_t{64} << 20;
constexpr std::uint64_t kReserveShare = 16;

std::optional<std::uint64_t> number_in(const std::string& file) {
  std::ifstream in(file);
  std::uint64_t value = 0;
  return in >> value ? std::optional(value) : std::nullopt;  // "max" is no number: no limit
}

/// The number after the word `name` in lines of "name number".
std::optional<std::uint64_t> number_after(const std::string& file, std::string_view name) {
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);) {
    std::istringstream words(line);
    std::string word;
    std::uint64_t value = 0;
    if (words >> word && word == name && words >> value) return value;
  }
  return std::nullopt;
}

std::uint64_t minus(std::uint64_t a, std::uint64_t b) {
  return a > b ? a - b : 0;
}

/// The names of one version's files.
struct CgroupFiles {
  const char* folder;  ///< where the groups are
  const char* limit;
  const char* usage;
  const char* reclaimable;  ///< in memory.stat: files' pages, which the kernel gives up first
};
constexpr CgroupFiles kVersion1{"/sys/fs/cgroup/memory", "/memory.limit_in_bytes", "/memory.usage_in_bytes",
                                "total_inactive_file"};
constexpr CgroupFiles kVersion2{"/sys/fs/cgroup", "/memory.max", "/memory.current", "inactive_file"};

/// The group of the path and every one above it: each has a limit of its own. (In a container the path may be one of
/// the host; then only the groups above it are there.)
void look_at_cgroups(const std::string& root, const CgroupFiles& files, std::string path, MemoryRoom& room) {
  for (;;) {
    while (path.ends_with('/')) path.pop_back();
    std::string group = root;
    group.append(files.folder).append(path);
    const auto limit = number_in(group + files.limit);
    if (limit) {
      const std::uint64_t used = number_in(group + files.usage).value_or(0);
      const std::uint64_t given_up = number_after(group + "/memory.stat", files.reclaimable).value_or(0);
      const std::uint64_t left = minus(*limit, minus(used, given_up));
      if (left < room.octets) room = {left, fmt::format("the memory limit of cgroup {}", path.empty() ? "/" : path)};
    }
    if (path.empty()) return;
    path.resize(path.rfind('/') == std::string::npos ? 0 : path.rfind('/'));
  }
}

/// Rounded down to two digits.
std::uint64_t round_down(std::uint64_t value) {
  std::uint64_t unit = 1;
  while (value / unit >= 100) unit *= 10;
  return value / unit * unit;
}

}  // namespace

MemoryRoom read_memory_room(const std::string& root) {
  MemoryRoom room;
  if (const auto available = number_after(root + "/proc/meminfo", "MemAvailable:")) {
    room = {*available * 1024, "MemAvailable of /proc/meminfo"};
  }
  // Lines of "hierarchy:controllers:path" (cgroups(7)); version 2 has no controllers there.
  std::ifstream in(root + "/proc/self/cgroup");
  for (std::string line; std::getline(in, line);) {
    const auto first = line.find(':');
    const auto second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = "," + line.substr(first + 1, second - first - 1) + ",";
    const bool unified = controllers == ",,";
    if (!unified && controllers.find(",memory,") == std::string::npos) continue;
    look_at_cgroups(root, unified ? kVersion2 : kVersion1, line.substr(second + 1), room);
  }
  return room;
}

tl::expected<void, std::string> check_memory(const TableMemory& table, const MemoryRoom& room) {
  if (room.octets == UINT64_MAX) return {};
  const std::uint64_t needed = minus(table.octets, table.huge_octets);
  const std::uint64_t usable = minus(room.octets, std::max(kLeastReserve, room.octets / kReserveShare));
  if (needed <= usable) return {};
  const auto share = static_cast<double>(usable) / static_cast<double>(needed);
  const std::uint64_t fits = round_down(static_cast<std::uint64_t>(static_cast<double>(table.flows) * share));
  return tl::unexpected(fmt::format(
      "{}{}{}{}, and {} are left ({}): {}",
      table.greatest.empty()
          ? fmt::format("--max-flows {}: the flow table needs ", table.flows)
          : fmt::format("{} flows of {}monitors: their tables need ", table.flows, table.beside ? "" : "all "),
      scaled(static_cast<double>(needed), "B"), table.beside ? " beside the one that it replaces" : "",
      table.huge_octets == 0
          ? ""
          : fmt::format(" besides {} of huge pages", scaled(static_cast<double>(table.huge_octets), "B")),
      scaled(static_cast<double>(room.octets), "B"), room.source,
      fits == 0                ? "there is no room for a table"
      : table.greatest.empty() ? fmt::format("--max-flows {} would fit", fits)
                               : fmt::format("{} flows in all would fit: lower {}", fits, table.greatest)));
}

}  // namespace weir
