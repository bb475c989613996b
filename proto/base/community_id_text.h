// A Community ID (version 1) as people and other tools write it: "1:" and the base64 (RFC 4648 section 4) of the 20
// octets of a SHA-1.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace weir {

inline constexpr std::size_t kCommunityIdOctets = 20;
inline constexpr std::size_t kCommunityIdTextOctets = 2 + 28;

/// Writes the text of the 20 octets at `id`. Returns its end.
char* write_community_id(char* out, const std::uint8_t* id);

/// The way back. False: the text is no Community ID of version 1; then what is at `id` is unspecified.
[[nodiscard]] bool read_community_id(std::string_view text, std::uint8_t* id);

}  // namespace weir
