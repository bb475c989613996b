// MemoryRoom: how much memory there is for the flow table, and whether it is enough.
//
// `weir run` touches all of the table at start. More than there is would not be refused by the kernel: it would kill a
// process, this one or another (OOM killer). So the size is compared first, with what the machine has available and
// with the limits of the cgroups (v1 and v2) that weir runs in. Swap does not count: a flow table in it is no use.
//
// What is here are functions of files and values; tests give them a made-up tree.
#pragma once

#include <cstdint>
#include <string>
#include <tl/expected.hpp>

namespace weir {

struct MemoryRoom {
  std::uint64_t octets = UINT64_MAX;  ///< that can still be touched; UINT64_MAX: not known
  std::string source;                 ///< who says so: "MemAvailable of /proc/meminfo", "the limit of cgroup /weir"
};

/// The least of what `root`/proc/meminfo and the cgroups of this process under `root`/sys/fs/cgroup leave.
MemoryRoom read_memory_room(const std::string& root = {});

/// What the flow tables take. Memory in explicit huge pages is the process's from when it was mapped.
struct TableMemory {
  std::uint64_t flows;
  std::uint64_t octets;
  std::uint64_t huge_octets;  ///< of these, in explicit huge pages
  std::string greatest = {};  ///< of several tables, what sized the greatest: "max_flows of monitor wide"; else empty
  bool beside = false;        ///< beside those in use, whose place they take
};

/// Error: one line that says what would fit.
tl::expected<void, std::string> check_memory(const TableMemory& table, const MemoryRoom& room);

}  // namespace weir
