#include "control/config/reject_target.h"

#include <fmt/format.h>

#include "proto/base/quantity.h"

namespace weir {

tl::expected<RejectTarget, std::string> parse_reject_target(std::string_view text) {
  RejectTarget target;
  const std::size_t mark = text.find('?');
  target.path = text.substr(0, mark);
  if (target.path.empty() || target.path == "-") {
    return tl::make_unexpected(std::string("expected the name of a file, as in rejects.pcapng?max=100M"));
  }
  if (mark == std::string_view::npos) return target;
  const std::string_view option = text.substr(mark + 1);
  constexpr std::string_view kMax = "max=";
  if (!option.starts_with(kMax)) {
    return tl::make_unexpected(fmt::format("unknown option '{}'; expected ?max=SIZE, as in ?max=100M", option));
  }
  const auto octets = parse_size(option.substr(kMax.size()));
  if (!octets) return tl::make_unexpected(fmt::format("max: {}", octets.error()));
  if (*octets < RejectTarget::kLeastOctets) {
    return tl::make_unexpected(fmt::format("max: expected at least {} octets", RejectTarget::kLeastOctets));
  }
  target.max_octets = *octets;
  return target;
}

}  // namespace weir
