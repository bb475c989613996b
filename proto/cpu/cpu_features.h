// What x86-64 CPUs have beyond the first of them, what of it weir was compiled to use, and what this machine's CPU has.
//
// The functions are static for a reason: cpu_check.cc is compiled for every x86-64 CPU. Of an inline function the
// linker keeps one copy, and it could be that of a file that was compiled for a newer CPU.
#pragma once

#include <cpuid.h>

#include <cstdint>

namespace weir {

/// Registers in which CPUID says what there is, by leaf (Intel SDM volume 2, CPUID; AMD APM volume 3, appendix E).
enum class CpuWord : std::uint8_t { leaf1_ecx, leaf7_ebx, leaf7_ecx, leaf7_edx, leaf7_1_eax, extended1_ecx };
constexpr unsigned kCpuWords = 6;

/// What CPUID says, and which registers the kernel saves (XCR0; 0 where it does not say).
struct CpuWords {
  std::uint32_t words[kCpuWords] = {};
  std::uint64_t saved = 0;
};

constexpr std::uint64_t kYmmSaved = 0x06;  ///< XCR0: SSE and AVX state
constexpr std::uint64_t kZmmSaved = 0xe6;  ///< and that of AVX-512

// The compiler's macro for it, name, register and bit of CPUID, level of x86-64 that it belongs to (System V ABI for
// AMD64, table 3.1; 0: none), registers that the kernel has to save for it.
#define WEIR_CPU_FEATURES(X)                                                  \
  X(__SSE3__, "SSE3", leaf1_ecx, 0, 2, 0)                                     \
  X(__SSSE3__, "SSSE3", leaf1_ecx, 9, 2, 0)                                   \
  X(__GCC_HAVE_SYNC_COMPARE_AND_SWAP_16, "CMPXCHG16B", leaf1_ecx, 13, 2, 0)   \
  X(__SSE4_1__, "SSE4.1", leaf1_ecx, 19, 2, 0)                                \
  X(__SSE4_2__, "SSE4.2", leaf1_ecx, 20, 2, 0)                                \
  X(__POPCNT__, "POPCNT", leaf1_ecx, 23, 2, 0)                                \
  X(__LAHF_SAHF__, "LAHF", extended1_ecx, 0, 2, 0)                            \
  X(__AVX__, "AVX", leaf1_ecx, 28, 3, kYmmSaved)                              \
  X(__AVX2__, "AVX2", leaf7_ebx, 5, 3, kYmmSaved)                             \
  X(__BMI__, "BMI1", leaf7_ebx, 3, 3, 0)                                      \
  X(__BMI2__, "BMI2", leaf7_ebx, 8, 3, 0)                                     \
  X(__F16C__, "F16C", leaf1_ecx, 29, 3, kYmmSaved)                            \
  X(__FMA__, "FMA", leaf1_ecx, 12, 3, kYmmSaved)                              \
  X(__LZCNT__, "LZCNT", extended1_ecx, 5, 3, 0)                               \
  X(__MOVBE__, "MOVBE", leaf1_ecx, 22, 3, 0)                                  \
  X(__AVX512F__, "AVX512F", leaf7_ebx, 16, 4, kZmmSaved)                      \
  X(__AVX512BW__, "AVX512BW", leaf7_ebx, 30, 4, kZmmSaved)                    \
  X(__AVX512CD__, "AVX512CD", leaf7_ebx, 28, 4, kZmmSaved)                    \
  X(__AVX512DQ__, "AVX512DQ", leaf7_ebx, 17, 4, kZmmSaved)                    \
  X(__AVX512VL__, "AVX512VL", leaf7_ebx, 31, 4, kZmmSaved)                    \
  X(__AVX512IFMA__, "AVX512IFMA", leaf7_ebx, 21, 0, kZmmSaved)                \
  X(__AVX512VBMI__, "AVX512VBMI", leaf7_ecx, 1, 0, kZmmSaved)                 \
  X(__AVX512VBMI2__, "AVX512VBMI2", leaf7_ecx, 6, 0, kZmmSaved)               \
  X(__AVX512VNNI__, "AVX512VNNI", leaf7_ecx, 11, 0, kZmmSaved)                \
  X(__AVX512BITALG__, "AVX512BITALG", leaf7_ecx, 12, 0, kZmmSaved)            \
  X(__AVX512VPOPCNTDQ__, "AVX512VPOPCNTDQ", leaf7_ecx, 14, 0, kZmmSaved)      \
  X(__AVX512VP2INTERSECT__, "AVX512VP2INTERSECT", leaf7_edx, 8, 0, kZmmSaved) \
  X(__AVX512FP16__, "AVX512FP16", leaf7_edx, 23, 0, kZmmSaved)                \
  X(__AVX512BF16__, "AVX512BF16", leaf7_1_eax, 5, 0, kZmmSaved)               \
  X(__AVXVNNI__, "AVX-VNNI", leaf7_1_eax, 4, 0, kYmmSaved)                    \
  X(__VAES__, "VAES", leaf7_ecx, 9, 0, kYmmSaved)                             \
  X(__VPCLMULQDQ__, "VPCLMULQDQ", leaf7_ecx, 10, 0, kYmmSaved)                \
  X(__GFNI__, "GFNI", leaf7_ecx, 8, 0, 0)                                     \
  X(__AES__, "AES", leaf1_ecx, 25, 0, 0)                                      \
  X(__PCLMUL__, "PCLMULQDQ", leaf1_ecx, 1, 0, 0)                              \
  X(__SHA__, "SHA", leaf7_ebx, 29, 0, 0)                                      \
  X(__ADX__, "ADX", leaf7_ebx, 19, 0, 0)                                      \
  X(__SSE4A__, "SSE4A", extended1_ecx, 6, 0, 0)                               \
  X(__XOP__, "XOP", extended1_ecx, 11, 0, kYmmSaved)                          \
  X(__FMA4__, "FMA4", extended1_ecx, 16, 0, kYmmSaved)                        \
  X(__TBM__, "TBM", extended1_ecx, 21, 0, 0)

struct CpuFeature {
  const char* name;
  CpuWord word;
  unsigned bit;
  unsigned level;
  std::uint64_t saved;
};
#define WEIR_X(macro, name, word, bit, level, saved) {name, CpuWord::word, bit, level, saved},
constexpr CpuFeature kCpuFeatures[] = {WEIR_CPU_FEATURES(WEIR_X)};
#undef WEIR_X
constexpr unsigned kCpuFeatureCount = sizeof(kCpuFeatures) / sizeof(kCpuFeatures[0]);
static_assert(kCpuFeatureCount <= 64, "a set of features has a bit for each");

/// What weir was compiled to use: bit n is kCpuFeatures[n]. In needed_features.cc, which is compiled like all of weir.
extern const std::uint64_t needed_cpu_features;
/// The value of -march that weir was compiled with.
extern const char built_for_cpu[];

/// The features that these words say, a bit for each.
static inline std::uint64_t cpu_features(const CpuWords& cpu) {
  std::uint64_t features = 0;
  for (unsigned i = 0; i < kCpuFeatureCount; ++i) {
    const CpuFeature& one = kCpuFeatures[i];
    const bool said = (cpu.words[static_cast<unsigned>(one.word)] >> one.bit & 1U) != 0;
    if (said && (cpu.saved & one.saved) == one.saved) features |= std::uint64_t{1} << i;
  }
  return features;
}

/// 1 to 4: the highest level of x86-64 whose features, and those of the levels below, are all there.
static inline unsigned cpu_level(std::uint64_t features) {
  unsigned level = 4;
  for (unsigned i = 0; i < kCpuFeatureCount; ++i) {
    const unsigned of_feature = kCpuFeatures[i].level;
    if (of_feature != 0 && of_feature <= level && (features >> i & 1U) == 0) level = of_feature - 1;
  }
  return level;
}

/// Asks the CPU that this runs on.
static inline CpuWords this_cpu() {
  CpuWords cpu;
  unsigned eax = 0;
  unsigned ebx = 0;
  unsigned ecx = 0;
  unsigned edx = 0;
  constexpr unsigned kXsaveByKernel = 1U << 27;  // leaf 1, ecx: OSXSAVE
  if (__get_cpuid(1, &eax, &ebx, &ecx, &edx) != 0) {
    cpu.words[static_cast<unsigned>(CpuWord::leaf1_ecx)] = ecx;
    if ((ecx & kXsaveByKernel) != 0) {
      unsigned low = 0;
      unsigned high = 0;
      __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
      cpu.saved = static_cast<std::uint64_t>(high) << 32 | low;
    }
  }
  if (__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) != 0) {
    const unsigned further_leaves = eax;
    cpu.words[static_cast<unsigned>(CpuWord::leaf7_ebx)] = ebx;
    cpu.words[static_cast<unsigned>(CpuWord::leaf7_ecx)] = ecx;
    cpu.words[static_cast<unsigned>(CpuWord::leaf7_edx)] = edx;
    if (further_leaves >= 1 && __get_cpuid_count(7, 1, &eax, &ebx, &ecx, &edx) != 0) {
      cpu.words[static_cast<unsigned>(CpuWord::leaf7_1_eax)] = eax;
    }
  }
  if (__get_cpuid(0x80000001, &eax, &ebx, &ecx, &edx) != 0) {
    cpu.words[static_cast<unsigned>(CpuWord::extended1_ecx)] = ecx;
  }
  return cpu;
}

}  // namespace weir
