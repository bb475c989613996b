// Values of options that need no more than their description to be parsed: durations, numbers, words, addresses.
//
// An error says what is wrong and what is expected; who calls adds the place and the value.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "proto/base/duration.h"
#include "proto/schema/option.pb.h"

namespace weir {

using ValueResult = tl::expected<void, std::string>;

/// A word of a choice, and what it stands for.
template <typename Value>
struct NamedValue {
  std::string_view name;
  Value value;
};

/// A duration within the limits of the description.
ValueResult parse_duration_value(const v1::OptionDescription& description, const std::string& text,
                                 std::uint64_t& duration_ns);

/// A number within the limits of the description.
tl::expected<std::uint64_t, std::string> parse_number(const v1::OptionDescription& description,
                                                      const std::string& text);

/// The same into a member of any width.
template <typename Number>
ValueResult parse_number_value(const v1::OptionDescription& description, const std::string& text, Number& number) {
  const auto parsed = parse_number(description, text);
  if (!parsed) return tl::make_unexpected(parsed.error());
  number = static_cast<Number>(*parsed);
  return {};
}

/// The name under which EAL will know the device: two ports must not share it. Empty: neither PCI address nor vdev.
std::string device_name(std::string_view port);

/// ADDRESS:PORT at which a service can listen, an IPv6 address in brackets.
ValueResult check_listen_address(const std::string& address);

}  // namespace weir
