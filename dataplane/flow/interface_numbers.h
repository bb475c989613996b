// InterfaceNumbers: interface numbers of 32 bits in the 16 that a flow's cold part has for one.
//
// Ports count from 1, and the kernel's numbers are small on most machines: these are kept as they are. Greater ones get
// a place in a small table, by which they are kept. 4096 of them fit; what comes after that is kept as 0, unknown.
#pragma once

#include <cstdint>
#include <vector>

namespace weir {

class InterfaceNumbers {
 public:
  static constexpr std::uint32_t kPlaces = 4096;
  /// Numbers below it are kept as they are.
  static constexpr std::uint32_t kDirect = 0x10000 - kPlaces;

  /// How `number` is kept.
  [[nodiscard]] std::uint16_t keep(std::uint32_t number) {
    if (number < kDirect) [[likely]]
      return static_cast<std::uint16_t>(number);
    return place_of(number);
  }
  /// The number that is kept so.
  [[nodiscard]] std::uint32_t number_of(std::uint16_t kept) const {
    if (kept < kDirect) [[likely]]
      return kept;
    return numbers_[kept - kDirect];
  }

 private:
  [[gnu::noinline]] std::uint16_t place_of(std::uint32_t number) {
    for (std::uint32_t step = 0; step < kPlaces; ++step) {
      const std::uint32_t place = (number + step) % kPlaces;
      if (numbers_[place] == 0) numbers_[place] = number;  // no number here is 0
      if (numbers_[place] == number) return static_cast<std::uint16_t>(kDirect + place);
    }
    return 0;
  }

  std::vector<std::uint32_t> numbers_ = std::vector<std::uint32_t>(kPlaces);  ///< by place; 0: free
};

}  // namespace weir
