#include "proto/base/community_id_text.h"

namespace weir {
namespace {

constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view kVersion = "1:";
constexpr std::size_t kWholeGroups = kCommunityIdOctets / 3;  // two octets are left: three digits and a '='
static_assert(kCommunityIdOctets % 3 == 2 && kCommunityIdTextOctets == kVersion.size() + 4 * (kWholeGroups + 1));

}  // namespace

char* write_community_id(char* out, const std::uint8_t* id) {
  for (const char c : kVersion) *out++ = c;
  for (std::size_t group = 0; group <= kWholeGroups; ++group) {
    const bool last = group == kWholeGroups;
    const std::uint8_t* const at = id + 3 * group;
    const unsigned bits = at[0] << 16U | at[1] << 8U | (last ? 0U : at[2]);
    *out++ = kAlphabet[bits >> 18];
    *out++ = kAlphabet[bits >> 12 & 63];
    *out++ = kAlphabet[bits >> 6 & 63];
    *out++ = last ? '=' : kAlphabet[bits & 63];
  }
  return out;
}

bool read_community_id(std::string_view text, std::uint8_t* id) {
  if (text.size() != kCommunityIdTextOctets || !text.starts_with(kVersion) || !text.ends_with('=')) return false;
  text.remove_prefix(kVersion.size());
  text.remove_suffix(1);
  unsigned bits = 0;
  unsigned count = 0;  // of the bits that are not used yet
  for (const char c : text) {
    const std::size_t digit = kAlphabet.find(c);
    if (digit == std::string_view::npos) return false;
    bits = bits << 6 | static_cast<unsigned>(digit);
    count += 6;
    if (count < 8) continue;
    count -= 8;
    *id++ = static_cast<std::uint8_t>(bits >> count);
    bits &= (1U << count) - 1;
  }
  return bits == 0;  // RFC 4648 section 3.5: the bits after the last octet are zero
}

}  // namespace weir
