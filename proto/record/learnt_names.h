// LearntNames: the names of monitors as records from elsewhere bring them, by the number that their records get here.
//
// A record has room for a number (FlowRecord::monitor) and none for a name. Number 0 is of records that name no
// monitor. One thread adds names, any thread reads them: a name is in its place before its number is given away.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace weir {

class LearntNames {
 public:
  /// The greatest number that a record has room for.
  static constexpr std::size_t kMost = 15;

  /// The number of the name, a new one where it is new. 0: it is empty, or there is no room for more.
  [[nodiscard]] std::uint8_t number_of(std::string_view name) {
    if (name.empty()) return 0;
    const std::size_t count = count_.load(std::memory_order_relaxed);
    for (std::size_t i = 0; i < count; ++i) {
      if (names_[i] == name) return static_cast<std::uint8_t>(i + 1);
    }
    if (count == kMost) return 0;
    names_[count] = name;
    count_.store(count + 1, std::memory_order_release);
    return static_cast<std::uint8_t>(count + 1);
  }
  [[nodiscard]] std::string_view of(std::size_t number) const {
    const bool known = number != 0 && number <= count_.load(std::memory_order_acquire);
    return known ? std::string_view(names_[number - 1]) : std::string_view();
  }

 private:
  std::array<std::string, kMost> names_;
  std::atomic<std::size_t> count_{0};
};

}  // namespace weir
