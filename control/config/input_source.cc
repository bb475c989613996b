#include "control/config/input_source.h"

#include <fmt/format.h>

#include "proto/schema/control_socket.h"

namespace weir {

tl::expected<InputSource, std::string> parse_input_source(std::string_view text) {
  constexpr std::string_view kFile = "records:";
  constexpr std::string_view kSocket = "records+unix:";
  if (text.starts_with(kFile)) {
    const std::string_view path = text.substr(kFile.size());
    if (path.empty()) return tl::make_unexpected("no file; expected records:FILE, or records:- for standard input");
    return InputSource{InputSource::Kind::records_file, std::string(path)};
  }
  if (text.starts_with(kSocket)) {
    std::string_view path = text.substr(kSocket.size());
    // As in the URIs of exporters, where an empty authority may stand before the path.
    if (path.starts_with("///")) path.remove_prefix(2);
    if (path.empty() || path.ends_with('/')) {
      return tl::make_unexpected("no path of a socket; expected records+unix:PATH, as in records+unix:/run/agent.sock");
    }
    if (path.size() > kMaxSocketPath) {
      return tl::make_unexpected(
          fmt::format("{} octets; expected the path of a socket of at most {}", path.size(), kMaxSocketPath));
    }
    return InputSource{InputSource::Kind::records_socket, std::string(path)};
  }
  return tl::make_unexpected("no such input; expected records+unix:PATH (`run`) or records:FILE (`read`)");
}

}  // namespace weir
