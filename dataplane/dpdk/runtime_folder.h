// The folders that EAL makes under its runtime directory (/run/dpdk, or $RUNTIME_DIRECTORY/dpdk), one for each process,
// and leaves behind: without huge pages about 1.3 MB each, in memory where that is a tmpfs.
//
// weir removes its own at its end. Those of processes that were killed it removes at its next start.
#pragma once

#include <filesystem>
#include <string>

namespace weir::dpdk {

/// The name of this process's folder: "weir-4711".
std::string own_runtime_folder(const std::string& program);

/// Removes the folder that EAL has made under this name; another one, as of `--file-prefix`, stays.
void remove_runtime_folder(const std::string& name);

/// Removes those folders in `parent` that processes of `program` made which run no more: their process ids belong to
/// nobody, and nobody holds the lock that EAL takes for as long as it runs.
void remove_dead_runtime_folders(const std::filesystem::path& parent, const std::string& program);

/// The same where EAL of this process, which runs, has its folder; by no other name than own_runtime_folder()'s.
void remove_dead_runtime_folders(const std::string& program);

}  // namespace weir::dpdk
