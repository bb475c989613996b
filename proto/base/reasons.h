// Reasons: how a list of named causes (rejects, losses, decoding errors) becomes an enum, names and texts.
//
// A list stands once, at its owner, as a macro of rows X(name, "description"). From it come the enum, the texts by
// value of the enum, their number, and whatever else the owner makes of a row:
//
//   #define WEIR_COLOURS(X) X(red, "as blood") X(blue, "as the sky")
//   enum class Colour : std::uint8_t { WEIR_COLOURS(WEIR_REASON_ENUMERATOR) };
//   inline constexpr auto kColourTexts = std::to_array<ReasonText>({WEIR_COLOURS(WEIR_REASON_TEXT)});
//   static_assert(reason_text(kColourTexts, Colour::blue).name == "blue");
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

namespace weir {

struct ReasonText {
  std::string_view name;         ///< the enumerator's own: key in the ledger, label of the metric
  std::string_view description;  ///< one line, without a full stop
};

#define WEIR_REASON_ENUMERATOR(name, description) name,
#define WEIR_REASON_TEXT(name, description) {#name, description},

/// The texts of `reason`, which is a value of the list that made `texts`.
template <typename Reason, std::size_t kCount>
[[nodiscard]] constexpr const ReasonText& reason_text(const std::array<ReasonText, kCount>& texts, Reason reason) {
  return texts[static_cast<std::size_t>(reason)];
}

}  // namespace weir
