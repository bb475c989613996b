#include "control/socket_group.h"

#include <fmt/format.h>
#include <grp.h>

#include <charconv>
#include <system_error>

namespace weir {

tl::expected<gid_t, std::string> socket_group(const std::string& group) {
  if (group.empty()) return kNoGroup;
  gid_t number = 0;
  const char* const end = group.data() + group.size();
  const auto parsed = std::from_chars(group.data(), end, number);
  if (parsed.ec == std::errc() && parsed.ptr == end) return number;
  const struct group* const entry = ::getgrnam(group.c_str());
  if (entry == nullptr) return tl::make_unexpected(fmt::format("--socket-group {}: there is no such group", group));
  return entry->gr_gid;
}

}  // namespace weir
