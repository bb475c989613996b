// The names of a machine's parts: PCI devices and CPUs.
#include <gtest/gtest.h>

#include <utility>
#include <vector>

#include "proto/base/cpu_list.h"
#include "proto/base/pci_name.h"

namespace weir::machine_names_test {
namespace {

TEST(PciName, IsCompletedAndInLowerCase) {
  EXPECT_EQ(pci_name("0000:3b:00.0"), "0000:3b:00.0");
  EXPECT_EQ(pci_name("3B:1F.7"), "0000:3b:1f.7");
  EXPECT_EQ(pci_name("10000:01:00.0"), "10000:01:00.0");
  EXPECT_EQ(pci_name("ABCDEF01:01:00.0"), "abcdef01:01:00.0");
}

TEST(PciName, IsNothingElse) {
  for (const char* text : {"", ":", "net_memif0", "3b:00", "3b:00.8", "3b:00.", "3b:00.00", "3b:0.0", "b:00.0",
                           "3g:00.0", "000:3b:00.0", "123456789:3b:00.0", "0000:3b:00.0 ", " 3b:00.0",
                           "0000:3b:00.0,a=b", "0000:3b:00:0", "0000.3b:00.0", "0000:0000:3b:00.0", "00-0:3b:00.0"}) {
    EXPECT_EQ(pci_name(text), "") << text;
  }
}

TEST(CpuList, ReadsNumbersAndRangesInOrder) {
  EXPECT_EQ(parse_cpu_list("0,2-4").value(), (std::vector<unsigned>{0, 2, 3, 4}));
  EXPECT_EQ(parse_cpu_list("7").value(), (std::vector<unsigned>{7}));
  EXPECT_EQ(parse_cpu_list("5,1").value(), (std::vector<unsigned>{5, 1}));
  EXPECT_EQ(parse_cpu_list("3-3").value(), (std::vector<unsigned>{3}));
  EXPECT_EQ(parse_cpu_list("0-4095").value().size(), 4096U);
}

TEST(CpuList, RefusesTheRestWithAReason) {
  const std::pair<const char*, const char*> bad[] = {
      {"", "'' is not a CPU number or range; expected CPU numbers and ranges such as 0,2-4"},
      {"a", "'a' is not a CPU number or range; expected CPU numbers and ranges such as 0,2-4"},
      {"0,", "'' is not a CPU number or range; expected CPU numbers and ranges such as 0,2-4"},
      {"-1", "'-1' is not a CPU number or range; expected CPU numbers and ranges such as 0,2-4"},
      {"1-", "'1-' is not a CPU number or range; expected CPU numbers and ranges such as 0,2-4"},
      {"1-2-3", "'1-2-3' is not a CPU number or range; expected CPU numbers and ranges such as 0,2-4"},
      {"4-2", "the range 4-2 runs backwards; expected CPU numbers and ranges such as 0,2-4"},
      {"4096", "CPU 4096 is out of range; expected 0 to 4095"},
      {"0-999999999", "CPU 999999999 is out of range; expected 0 to 4095"},
      {"99999999999999999999", "CPU 99999999999999999999 is out of range; expected 0 to 4095"},
      {"0,2-4,3", "CPU 3 is given twice; expected every CPU once"}};
  for (const auto& [text, error] : bad) EXPECT_EQ(parse_cpu_list(text).error(), error);
}

}  // namespace
}  // namespace weir::machine_names_test
