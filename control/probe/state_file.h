// StateFile: files of the folder of --state as a whole. They may hold keys of export URIs, so only their user can read
// them. A file is complete or not there: it is written under another name and renamed. No name is followed that is a
// symbolic link, and nothing that is no regular file holds anybody up.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

namespace weir::state_file {

/// No file of the folder is longer.
inline constexpr std::size_t kMostOctets = std::size_t{1} << 20;

/// What `path` holds, at most kMostOctets of it. Error: one line, which names the file.
tl::expected<std::string, std::string> read(const std::string& path);

/// Whether a file survives a loss of power, or only the end of the process.
enum class Survives : std::uint8_t { power, process };
/// Puts `text` in the place of what `path` held. Error: one line; `path` is then as it was.
tl::expected<void, std::string> write(const std::string& path, std::string_view text, Survives survives);

}  // namespace weir::state_file
