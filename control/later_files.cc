#include "control/later_files.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <optional>
#include <system_error>

#include "control/export/export_uri.h"
#include "control/probe/memif_socket.h"

namespace weir {
namespace {

/// The folder of `file` if this user may not write in it; nullopt also where it is no regular file, as a device.
std::optional<std::string> closed_folder(const std::string& file, mode_t type) {
  struct stat status {};
  if (file.empty() || file == "-" || ::stat(file.c_str(), &status) != 0 || (status.st_mode & S_IFMT) != type) {
    return std::nullopt;
  }
  std::error_code ignored;
  const std::string folder = std::filesystem::absolute(file, ignored).parent_path().string();
  if (::eaccess(folder.c_str(), W_OK | X_OK) == 0) return std::nullopt;
  return folder;
}

}  // namespace

std::vector<std::string> closed_later(const Settings& settings) {
  std::vector<std::string> lines;
  if (!settings.config_file.empty() && ::eaccess(settings.config_file.c_str(), R_OK) != 0) {
    lines.push_back(
        fmt::format("--config {}: the user may not read it: SIGHUP cannot apply its changes", settings.config_file));
  }
  for (const std::string& text : settings.exports) {
    const auto uri = parse_export_uri(text);
    if (!uri) continue;
    if (const auto folder = closed_folder(uri->request->file(), S_IFREG)) {
      lines.push_back(fmt::format(
          "{}: the user may not write in {}: once a log rotation has moved the file away, it cannot be made anew",
          uri->request->file(), *folder));
    }
  }
  for (const std::string& port : settings.ports) {
    const auto file = memif_server_file(port);
    if (!file) continue;
    if (const auto folder = closed_folder(*file, S_IFSOCK)) {
      lines.push_back(
          fmt::format("--port {}: the user may not write in {}: the socket stays there when weir ends", port, *folder));
    }
  }
  return lines;
}

}  // namespace weir
