// CopyProgram: a template compiled into a short list of copy operations.
//
// A data record is a permutation of octets: every field is a run of octets of the flow record (or of the few values
// that are computed for it), kept as it is (addresses) or turned round (integers, host order to big-endian), cut to the
// length that the template says. So a record is made by the byte shuffle of SSSE3: one operation loads 16 octets of a
// source, brings those that belong together into the order of the record, and stores 16 octets. What is stored too much
// is overwritten by the next operation, since they run from left to right. An operation covers as many fields as have
// their octets within 16 of a source: the usual record of 19 fields (56 octets) needs seven operations, without a
// branch that depends on data, whatever fields a user chose at run time.
//
// Loads stay inside the sources (their sizes are known when the program is compiled). The last store may write up to 15
// octets past the record: the caller's buffer has kSlack.
#pragma once

#include <immintrin.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace weir {

/// Where an octet of a record comes from.
struct OctetSource {
  static constexpr std::uint8_t kZero = 0xff;
  std::uint8_t base = kZero;  ///< index of the source, kZero: the octet is 0
  std::uint16_t offset = 0;
};

class CopyProgram {
 public:
  static constexpr std::size_t kSlack = 16;  ///< octets that a buffer needs after the last record
  static constexpr std::size_t kBases = 2;

  CopyProgram() = default;
  /// Compiles `octets`, the record octet by octet. `base_sizes` are the lengths of the sources: at least 16 each.
  CopyProgram(std::span<const OctetSource> octets, const std::array<std::size_t, kBases>& base_sizes);

  /// Writes the record; returns its end. `out` has room for octets() + kSlack.
  std::uint8_t* run(std::uint8_t* out, const std::uint8_t* first, const std::uint8_t* second) const {
    // Unrolled for the lengths that templates have: no branch for each operation.
    const Operation* const operations = operations_.data();
    // clang-format off
    switch (operations_.size()) {
#define WEIR_X(count) case count: run_all<count>(operations, out, first, second); break;
      WEIR_X(6) WEIR_X(7) WEIR_X(8) WEIR_X(9) WEIR_X(10) WEIR_X(12) WEIR_X(13)
#undef WEIR_X
      default:
        for (const Operation& one : operations_) run_all<1>(&one, out, first, second);
    }
    // clang-format on
    return out + octets_;
  }

  [[nodiscard]] std::size_t octets() const {
    return octets_;
  }
  [[nodiscard]] std::size_t operations() const {
    return operations_.size();
  }

 private:
  struct alignas(32) Operation {
    alignas(16) std::array<std::uint8_t, 16> shuffle;
    std::uintptr_t second;  ///< 0: of the first source; all bits set: of the second
    std::uint32_t offset;
    std::uint32_t to;
  };
  static_assert(sizeof(Operation) == 32, "two in a cache line");

  template <std::size_t kCount>
  static void run_all(const Operation* operation, std::uint8_t* out, const std::uint8_t* first,
                      const std::uint8_t* second) {
    // The source by arithmetic, which the compiler does not turn into a branch.
    const auto base = reinterpret_cast<std::uintptr_t>(first);
    const std::uintptr_t apart = reinterpret_cast<std::uintptr_t>(second) - base;
#pragma GCC unroll 16
    for (std::size_t i = 0; i < kCount; ++i, ++operation) {
      const std::uintptr_t from = base + (apart & operation->second) + operation->offset;
      // NOLINTNEXTLINE(performance-no-int-to-ptr): the choice between two sources without a branch
      const __m128i loaded = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
      const __m128i mask = _mm_load_si128(reinterpret_cast<const __m128i*>(operation->shuffle.data()));
      _mm_storeu_si128(reinterpret_cast<__m128i*>(out + operation->to), _mm_shuffle_epi8(loaded, mask));
    }
  }

  std::vector<Operation> operations_;
  std::size_t octets_ = 0;
};

}  // namespace weir
