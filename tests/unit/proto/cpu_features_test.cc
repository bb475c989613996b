// What a CPU has, from the words of CPUID that Intel's and AMD's manuals give for it.
#include "proto/cpu/cpu_features.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <set>
#include <string>

namespace weir::cpu_features_test {
namespace {

std::set<std::string> names(std::uint64_t features) {
  std::set<std::string> out;
  for (unsigned i = 0; i < kCpuFeatureCount; ++i) {
    if ((features >> i & 1U) != 0) out.insert(kCpuFeatures[i].name);
  }
  return out;
}

// As /proc/cpuinfo flags have them: SSE3, SSSE3, FMA, CX16, SSE4.1, SSE4.2, MOVBE, POPCNT, AES, PCLMULQDQ, XSAVE,
// OSXSAVE, AVX, F16C; BMI1, AVX2, BMI2; LAHF, ABM.
constexpr CpuWords kHaswell{{0x3ed83203, 0x00000128, 0, 0, 0, 0x00000021}, 0x7};
// Neither AVX nor what came after it.
constexpr CpuWords kNehalem{{0x0098e201, 0, 0, 0, 0, 0x00000001}, 0};

TEST(CpuFeatures, OfHaswellMakeLevel3) {
  const std::uint64_t features = cpu_features(kHaswell);
  EXPECT_EQ(names(features),
            (std::set<std::string>{"SSE3", "SSSE3", "CMPXCHG16B", "SSE4.1", "SSE4.2", "POPCNT", "LAHF", "AVX", "AVX2",
                                   "BMI1", "BMI2", "F16C", "FMA", "LZCNT", "MOVBE", "AES", "PCLMULQDQ"}));
  EXPECT_EQ(cpu_level(features), 3U);
}

TEST(CpuFeatures, OfNehalemMakeLevel2) {
  EXPECT_EQ(cpu_level(cpu_features(kNehalem)), 2U);
  EXPECT_EQ(cpu_level(0), 1U);
}

TEST(CpuFeatures, AvxIsMissingWhereTheKernelDoesNotSaveItsRegisters) {
  CpuWords cpu = kHaswell;
  cpu.saved = 0x3;  // x87 and SSE only
  const std::set<std::string> found = names(cpu_features(cpu));
  EXPECT_EQ(found.count("AVX2"), 0U);
  EXPECT_EQ(found.count("FMA"), 0U);
  EXPECT_EQ(found.count("BMI2"), 1U);  // general registers
  EXPECT_EQ(cpu_level(cpu_features(cpu)), 2U);
}

TEST(CpuFeatures, Avx512NeedsItsRegistersToo) {
  CpuWords cpu = kHaswell;
  cpu.words[static_cast<unsigned>(CpuWord::leaf7_ebx)] |= 0xd0030000;  // AVX512F, DQ, CD, BW, VL
  EXPECT_EQ(cpu_level(cpu_features(cpu)), 3U);
  cpu.saved = 0xe7;
  EXPECT_EQ(cpu_level(cpu_features(cpu)), 4U);
}

TEST(CpuFeatures, ThisMachineHasWhatTheTestsWereCompiledFor) {
  EXPECT_EQ(names(needed_cpu_features & ~cpu_features(this_cpu())), std::set<std::string>{});
  // What the compiler says here must be needed; -march of weir is at least the first x86-64.
#ifdef __AVX2__
  EXPECT_EQ(names(needed_cpu_features).count("AVX2"), 1U);
#else
  EXPECT_EQ(names(needed_cpu_features).count("AVX2"), 0U);
#endif
#ifdef __MOVBE__
  EXPECT_EQ(names(needed_cpu_features).count("MOVBE"), 1U);
#else
  EXPECT_EQ(names(needed_cpu_features).count("MOVBE"), 0U);
#endif
}

}  // namespace
}  // namespace weir::cpu_features_test
