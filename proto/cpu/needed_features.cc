// What the compiler was told that the CPU has, from its own macros: a constant, and no code, so that the file may be
// compiled for any CPU.
#include <cstdint>

#include "proto/cpu/cpu_features.h"

namespace weir {
namespace {

// A macro that is not defined stands for itself, a name; one that is defined, for 1.
#define WEIR_TEXT(text) #text
#define WEIR_X(macro, name, word, bit, level, saved) WEIR_TEXT(macro)[0] == '1',
constexpr bool kNeeded[] = {WEIR_CPU_FEATURES(WEIR_X)};
#undef WEIR_X
#undef WEIR_TEXT

constexpr std::uint64_t needed() {
  std::uint64_t features = 0;
  for (unsigned i = 0; i < kCpuFeatureCount; ++i) {
    if (kNeeded[i]) features |= std::uint64_t{1} << i;
  }
  return features;
}

}  // namespace

constinit const std::uint64_t needed_cpu_features = needed();
constinit const char built_for_cpu[] = WEIR_MARCH;

}  // namespace weir
