#include "proto/base/address_text.h"

#include <charconv>

#include "proto/base/byte_order.h"

namespace weir {
namespace {

char* put(char* out, std::uint8_t value) {
  return std::to_chars(out, out + 3, value).ptr;
}

char* put_ipv4(char* out, const std::uint8_t* address) {
  for (int i = 0; i < 4; ++i) {
    if (i != 0) *out++ = '.';
    out = put(out, address[i]);
  }
  return out;
}

char* put_ipv6(char* out, const std::uint8_t* address) {
  constexpr std::size_t kGroups = 8;
  std::uint16_t groups[kGroups];
  for (std::size_t i = 0; i < kGroups; ++i) groups[i] = load_be<std::uint16_t>(address + 2 * i);

  // RFC 5952 section 4.2: "::" stands for the longest run of zero groups, the first of equals, never for one alone.
  std::size_t run_at = kGroups;  // none
  std::size_t run_length = 1;
  for (std::size_t i = 0; i < kGroups;) {
    std::size_t end = i;
    while (end < kGroups && groups[end] == 0) ++end;
    if (end - i > run_length) {
      run_at = i;
      run_length = end - i;
    }
    i = end + 1;
  }
  // RFC 5952 section 5: addresses known to hold an IPv4 address end in its dotted form.
  const bool dotted = run_at == 0 && (run_length == 6 || (run_length == 5 && groups[5] == 0xffff));
  const std::size_t hex_groups = dotted ? 6 : kGroups;

  for (std::size_t i = 0; i < hex_groups;) {
    if (i == run_at) {
      *out++ = ':';
      i += run_length;
      if (i == kGroups) *out++ = ':';
      continue;
    }
    if (i != 0) *out++ = ':';
    out = std::to_chars(out, out + 4, groups[i], 16).ptr;
    ++i;
  }
  if (dotted) {
    *out++ = ':';
    out = put_ipv4(out, address + 12);
  }
  return out;
}

}  // namespace

char* write_address_text(char* out, const std::uint8_t* address, std::uint8_t ip_version) {
  return ip_version == 4 ? put_ipv4(out, address) : put_ipv6(out, address);
}

char* write_mac_text(char* out, const std::uint8_t* mac) {
  for (unsigned i = 0; i < 6; ++i) {
    if (i != 0) *out++ = ':';
    *out++ = "0123456789abcdef"[mac[i] >> 4];
    *out++ = "0123456789abcdef"[mac[i] & 0xf];
  }
  return out;
}

}  // namespace weir
