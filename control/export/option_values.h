// The values that options of export URIs take: numbers, durations, sizes, one of several words.
//
// Each function names the option in its error and says what is expected. A number must have all of its text for itself:
// "20 " and "1e6" are not numbers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <type_traits>

namespace weir {

using OptionResult = tl::expected<void, std::string>;

/// From `least` to `greatest`.
tl::expected<std::uint64_t, std::string> option_number(std::string_view name, std::string_view text,
                                                       std::uint64_t least, std::uint64_t greatest);

/// As proto/base/duration.h has it, from `least` to `greatest`.
tl::expected<std::uint64_t, std::string> option_duration_ns(std::string_view name, std::string_view text,
                                                            std::uint64_t least, std::uint64_t greatest);

/// A number of octets, as proto/base/quantity.h has it.
tl::expected<std::uint64_t, std::string> option_octets(std::string_view name, std::string_view text,
                                                       std::uint64_t least);

/// The place of `text` among `words`.
tl::expected<std::size_t, std::string> option_choice(std::string_view name, std::string_view text,
                                                     std::span<const std::string_view> words);

/// Fills `octets` from twice as many hexadecimal digits. The error does not repeat the text, because it is a secret.
OptionResult option_hex(std::string_view name, std::string_view text, std::span<std::uint8_t> octets);

/// As one text, for messages and help.
std::string joined(std::span<const std::string_view> words, std::string_view separator);

/// Puts a value that was right into an option's field.
template <typename Field>
OptionResult set_option(Field& field, const tl::expected<std::uint64_t, std::string>& parsed) {
  if (!parsed) return tl::unexpected(parsed.error());
  field = static_cast<Field>(*parsed);
  return {};
}

}  // namespace weir
