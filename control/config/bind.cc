#include "control/config/bind.h"

#include "proto/base/json_string.h"

namespace weir {
namespace {

/// A control character would break the one line of an error or the log; protobuf strings must be UTF-8.
bool is_utf8_without_controls(std::string_view text) {
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    const auto lead = static_cast<unsigned char>(text.front());
    if (length == 0 || lead < 0x20 || lead == 0x7f) return false;
    text.remove_prefix(length);
  }
  return true;
}

}  // namespace

tl::expected<void, ConfigError> check_plain(const v1::OptionDescription& description, const std::string& place,
                                            const std::string& value) {
  if (value.empty() && !description.any_text()) {
    return value_error(place, value, "empty; expected " + value_of(description));
  }
  if (is_utf8_without_controls(value)) return {};
  return tl::make_unexpected(
      ConfigError{place + ": a control character, or octets that are not UTF-8; expected plain text", 2});
}

}  // namespace weir
