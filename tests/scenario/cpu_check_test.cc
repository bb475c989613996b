// Every program on a CPU without AVX2, as qemu-user has it: one line, and no "Illegal instruction".
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "tests/support/process.h"

namespace weir::cpu_check_test {
namespace {

class CpuCheck : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    if (!test::installed("qemu-x86_64")) GTEST_SKIP() << "qemu-x86_64 (package qemu-user) is not installed";
  }
  static test::Finished run_on(const char* cpu) {
    return test::run({"qemu-x86_64", "-cpu", cpu, std::string(WEIR_BIN) + "/" + GetParam(), "--help"});
  }
};

TEST_P(CpuCheck, SaysInOneLineWhatTheCpuLacks) {
  const test::Finished finished = run_on("Nehalem");
  EXPECT_EQ(finished.exit_code, 1) << finished.err;
  EXPECT_EQ(finished.out, "");
  EXPECT_EQ(std::count(finished.err.begin(), finished.err.end(), '\n'), 1) << finished.err;
  EXPECT_EQ(finished.err.rfind(std::string(GetParam()) + ": this CPU has no AVX, AVX2, BMI1, BMI2, ", 0), 0U)
      << finished.err;
  EXPECT_NE(finished.err.find("in a virtual machine choose the host's CPU model"), std::string::npos) << finished.err;
}

TEST_P(CpuCheck, SaysNothingWhereTheCpuHasIt) {
  const test::Finished finished = run_on("max");
  EXPECT_EQ(finished.exit_code, 0) << finished.err;
  EXPECT_EQ(finished.err.find("this CPU"), std::string::npos) << finished.err;
}

INSTANTIATE_TEST_SUITE_P(Programs, CpuCheck,
                         testing::Values("weir", "weirctl", "weir-gen", "weir-collect", "weir-bench"),
                         [](const auto& one) {
                           std::string name = one.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

}  // namespace
}  // namespace weir::cpu_check_test
