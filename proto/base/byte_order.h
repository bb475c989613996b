// Big-endian integers as types of their own.
//
// What a header field holds and what arithmetic needs are different things, and the compiler cannot tell a
// uint16_t in network order from one in host order. Be<T> can be compared for equality, copied, and turned into a
// host integer by name (host()); it converts to nothing by itself, so a forgotten byte swap does not compile.
// Be<T> has alignment 1: a struct of them lies over packet bytes at any offset.
#pragma once

#include <cstdint>
#include <cstring>
#include <span>
#include <type_traits>

namespace weir {

template <typename T>
class Be {
  static_assert(std::is_unsigned_v<T> && (sizeof(T) == 2 || sizeof(T) == 4 || sizeof(T) == 8));

 public:
  Be() = default;
  /// A big-endian integer of host value `value`.
  static constexpr Be from_host(T value) {
    Be result{};
    for (unsigned i = 0; i < sizeof(T); ++i) {
      result.bytes_[i] = static_cast<std::uint8_t>(value >> (8 * (sizeof(T) - 1 - i)));
    }
    return result;
  }
  /// The value in host order.
  [[nodiscard]] T host() const {
    T raw;
    std::memcpy(&raw, bytes_, sizeof raw);
    if constexpr (sizeof(T) == 2) return __builtin_bswap16(raw);
    if constexpr (sizeof(T) == 4) return __builtin_bswap32(raw);
    if constexpr (sizeof(T) == 8) return __builtin_bswap64(raw);
  }
  friend bool operator==(const Be& a, const Be& b) { return std::memcmp(a.bytes_, b.bytes_, sizeof(T)) == 0; }

 private:
  std::uint8_t bytes_[sizeof(T)];
};

using Be16 = Be<std::uint16_t>;
using Be32 = Be<std::uint32_t>;
using Be64 = Be<std::uint64_t>;
static_assert(sizeof(Be16) == 2 && alignof(Be16) == 1);
static_assert(sizeof(Be32) == 4 && alignof(Be32) == 1);
static_assert(sizeof(Be64) == 8 && alignof(Be64) == 1);
static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "weir is built for x86-64");

/// The big-endian integer at `bytes` (sizeof(T) octets, any alignment), in host order.
template <typename T>
[[nodiscard]] inline T load_be(const std::uint8_t* bytes) {
  Be<T> value;
  std::memcpy(&value, bytes, sizeof value);
  return value.host();
}

/// The big-endian integer that `octets` are, 0 to 8 of them; of more the last 8 count.
[[nodiscard]] constexpr std::uint64_t be_integer(std::span<const std::uint8_t> octets) {
  std::uint64_t value = 0;
  for (const std::uint8_t octet : octets) value = value << 8 | octet;
  return value;
}

[[nodiscard]] constexpr bool all_zero(std::span<const std::uint8_t> octets) {
  for (const std::uint8_t octet : octets) {
    if (octet != 0) return false;
  }
  return true;
}

/// Writes `value` (host order) as a big-endian integer of sizeof(T) octets at `bytes`.
template <typename T>
inline void store_be(std::uint8_t* bytes, T value) {
  const Be<T> be = Be<T>::from_host(value);
  std::memcpy(bytes, &be, sizeof be);
}

}  // namespace weir
