// What a fuzz target makes of its input: choices, octet after octet; and how it says that something does not hold.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <span>

namespace weir::test {

/// Ends the fuzzer if it does not hold.
inline void demand(bool holds) {
  if (!holds) std::abort();
}

class Choices {
 public:
  explicit Choices(std::span<const std::uint8_t> input) : rest_(input) {}
  /// 0 when the input is used up.
  std::uint8_t octet() {
    if (rest_.empty()) return 0;
    const std::uint8_t first = rest_[0];
    rest_ = rest_.subspan(1);
    return first;
  }
  /// Of so many octets, at most 8, in network byte order.
  std::uint64_t number(unsigned octets) {
    std::uint64_t value = 0;
    while (octets-- > 0) value = value << 8 | octet();
    return value;
  }
  bool one_in(unsigned count) { return octet() % count == 1; }
  [[nodiscard]] bool empty() const { return rest_.empty(); }

 private:
  std::span<const std::uint8_t> rest_;
};

}  // namespace weir::test
