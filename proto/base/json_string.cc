#include "proto/base/json_string.h"

#include <cstring>
#include <initializer_list>

namespace weir {

char* write_json_string(char* out, std::string_view text) {
  static constexpr char kHex[] = "0123456789abcdef";
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    const auto octet = static_cast<unsigned char>(text.front());
    if (length == 0 || octet < 0x20 || octet == 0x7f || octet == '"' || octet == '\\') {
      for (const char c : {'\\', 'u', '0', '0', kHex[octet >> 4], kHex[octet & 15]}) *out++ = c;
      text.remove_prefix(1);
      continue;
    }
    std::memcpy(out, text.data(), length);
    out += length;
    text.remove_prefix(length);
  }
  return out;
}

std::size_t utf8_length(std::string_view text) {
  if (text.empty()) return 0;
  const auto octet = [&](std::size_t at) { return static_cast<unsigned char>(text[at]); };
  const unsigned char lead = octet(0);
  if (lead < 0x80) return 1;
  std::size_t length = 0;
  unsigned char least = 0x80;
  unsigned char greatest = 0xbf;
  if (lead >= 0xc2 && lead <= 0xdf) {
    length = 2;
  } else if (lead >= 0xe0 && lead <= 0xef) {
    length = 3;
    if (lead == 0xe0) least = 0xa0;     // shorter forms exist
    if (lead == 0xed) greatest = 0x9f;  // surrogates
  } else if (lead >= 0xf0 && lead <= 0xf4) {
    length = 4;
    if (lead == 0xf0) least = 0x90;
    if (lead == 0xf4) greatest = 0x8f;  // above U+10FFFF
  } else {
    return 0;
  }
  if (text.size() < length || octet(1) < least || octet(1) > greatest) return 0;
  for (std::size_t at = 2; at < length; ++at) {
    if ((octet(at) & 0xc0) != 0x80) return 0;
  }
  return length;
}

}  // namespace weir
