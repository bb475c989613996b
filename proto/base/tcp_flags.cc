#include "proto/base/tcp_flags.h"

#include <string_view>

namespace weir {

std::string tcp_flags_text(std::uint8_t flags) {
  constexpr std::string_view kLetters = "CEUAPRSF";
  std::string text;
  for (unsigned bit = 0; bit < 8; ++bit) {
    if ((flags & (0x80U >> bit)) != 0) text += kLetters[bit];
  }
  return text.empty() ? "-" : text;
}

}  // namespace weir
