#include "control/config/input_source.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <system_error>

#include "proto/base/split.h"
#include "proto/schema/control_socket.h"

namespace weir {
namespace {

constexpr const char* kGroupsExpected = "expected numbers of groups, each once, as in psample:1,7";

/// psample:GROUP,... after the colon.
tl::expected<InputSource, std::string> parse_groups(std::string_view text) {
  InputSource source{InputSource::Kind::samples};
  for (const std::string_view word : split(text, ',')) {
    std::uint32_t group = 0;
    const auto [end, fault] = std::from_chars(word.data(), word.data() + word.size(), group);
    if (word.empty() || fault != std::errc() || end != word.data() + word.size()) {
      return tl::make_unexpected(fmt::format("'{}' is no group of 0 to 4294967295; {}", word, kGroupsExpected));
    }
    if (std::find(source.groups.begin(), source.groups.end(), group) != source.groups.end()) {
      return tl::make_unexpected(fmt::format("group {} is there twice; {}", group, kGroupsExpected));
    }
    source.groups.push_back(group);
  }
  return source;
}

}  // namespace

tl::expected<InputSource, std::string> parse_input_source(std::string_view text) {
  constexpr std::string_view kSamples = "psample";
  if (text == kSamples) return InputSource{InputSource::Kind::samples};
  if (text.starts_with(kSamples) && text.substr(kSamples.size()).starts_with(':')) {
    return parse_groups(text.substr(kSamples.size() + 1));
  }
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
  return tl::make_unexpected("no such input; expected records+unix:PATH or psample (`run`), or records:FILE (`read`)");
}

}  // namespace weir
