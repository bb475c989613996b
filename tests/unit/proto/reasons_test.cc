#include "proto/base/reasons.h"

#include <gtest/gtest.h>

#include <cstdint>

namespace weir::reasons_test {
namespace {

#define WEIR_TEST_COLOURS(X) X(red, "as blood") X(green, "as grass") X(blue, "as the sky")
enum class Colour : std::uint8_t { WEIR_TEST_COLOURS(WEIR_REASON_ENUMERATOR) };
constexpr auto kColours = std::to_array<ReasonText>({WEIR_TEST_COLOURS(WEIR_REASON_TEXT)});
#undef WEIR_TEST_COLOURS

TEST(Reasons, OneListMakesEnumTextsAndCount) {
  EXPECT_EQ(kColours.size(), 3U);
  EXPECT_EQ(static_cast<unsigned>(Colour::blue), 2U);
  EXPECT_EQ(reason_text(kColours, Colour::red).name, "red");
  EXPECT_EQ(reason_text(kColours, Colour::green).name, "green");
  EXPECT_EQ(reason_text(kColours, Colour::blue).description, "as the sky");
}

}  // namespace
}  // namespace weir::reasons_test
