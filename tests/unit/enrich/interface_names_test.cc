// Names of interfaces: the file, what is wrong with it, and what records get.
#include "control/enrich/interface_names.h"

#include <gtest/gtest.h>

#include <fstream>
#include <string>

#include "control/enrich/interface_store.h"
#include "proto/record/sections.h"
#include "tests/support/process.h"

namespace weir::interface_names_test {
namespace {

class InterfaceNamesTest : public ::testing::Test {
 protected:
  void write(const std::string& text) const { std::ofstream(file_) << text; }
  [[nodiscard]] std::string error_of(const std::string& text) const {
    write(text);
    const auto read = InterfaceNames::read(file_);
    return read ? "" : read.error().substr(file_.size());
  }
  /// "in > out" of a record of these interfaces; "": it has no names.
  static std::string names_of(InterfaceStore& store, std::uint32_t in, std::uint32_t out) {
    OwnedRecord record;
    record->ingress_interface = in;
    if (out != 0) record.add<EgressSection>().interface = out;
    RecordBatch before;
    RecordBatch after;
    before.append(record);
    store.enrich(before.span(), after);
    EXPECT_EQ(after.size(), 1U);
    const auto* const names = after[0].find<InterfaceNamesSection>();
    if (names == nullptr) return "";
    const auto text = [](const char(&name)[InterfaceNamesSection::kNameOctets]) {
      return std::string(name, strnlen(name, sizeof name));
    };
    return text(names->ingress_name) + " > " + text(names->egress_name);
  }

  test::TemporaryFolder folder_;
  std::string file_ = folder_.path("interfaces.txt");
};

TEST_F(InterfaceNamesTest, AreANumberANameAndADescriptionPerLine) {
  write("# ours\n1 eth0 uplink to the core  # not the access\n\n\t4294967295\twan-\xc3\xa9\n");
  const auto read = InterfaceNames::read(file_);
  ASSERT_TRUE(read) << read.error();
  ASSERT_EQ(read->size(), 2U);
  EXPECT_EQ(read->find(1)->name, "eth0");
  EXPECT_EQ(read->find(1)->description, "uplink to the core");
  EXPECT_EQ(read->find(4294967295)->name, "wan-\xc3\xa9");
  EXPECT_EQ(read->find(4294967295)->description, "");
  EXPECT_EQ(read->find(2), nullptr);
}

TEST_F(InterfaceNamesTest, OfABrokenFileSayTheLineAndWhatWasExpected) {
  const std::string expected = "; expected a number, a name and, if you like, a description, such as: 1 eth0 uplink";
  EXPECT_EQ(error_of("1 eth0\neth1 2\n"), ":2: 'eth1' is no interface number of 1 to 4294967295" + expected);
  EXPECT_EQ(error_of("0 eth0\n"), ":1: '0' is no interface number of 1 to 4294967295" + expected);
  EXPECT_EQ(error_of("4294967296 a\n"), ":1: '4294967296' is no interface number of 1 to 4294967295" + expected);
  EXPECT_EQ(error_of("7\n"), ":1: interface 7 has no name" + expected);
  EXPECT_EQ(error_of("7 a\n7 b\n"), ":2: interface 7 stands there twice; expected each once");
  EXPECT_EQ(error_of("1 " + std::string(33, 'x')),
            ":1: the name '" + std::string(33, 'x') + "' has 33 octets; expected at most 32");
  EXPECT_EQ(error_of("1 a " + std::string(65, 'x')), ":1: a description of 65 octets; expected at most 64");
  EXPECT_EQ(error_of("1 \xff\n"), ":1: a name that is no UTF-8");
  EXPECT_EQ(error_of("# nothing\n"),
            ": names no interface; expected a number, a name and, if you like, a "
            "description, such as: 1 eth0 uplink, one per line");
  EXPECT_EQ(InterfaceNames::read(folder_.path("none")).error(),
            folder_.path("none") + ": No such file or directory; expected a file of interfaces");
}

TEST_F(InterfaceNamesTest, ComeIntoRecordsOfInterfacesThatHaveOne) {
  write("1 inside\n70000 outside\n");
  auto store = InterfaceStore::open(file_);
  ASSERT_TRUE(store) << store.error();
  EXPECT_EQ(names_of(**store, 1, 70000), "inside > outside");
  EXPECT_EQ(names_of(**store, 70000, 0), "outside > ");
  EXPECT_EQ(names_of(**store, 2, 1), " > inside");
  EXPECT_EQ(names_of(**store, 2, 3), "");
  EXPECT_EQ(names_of(**store, 0, 0), "");
}

TEST_F(InterfaceNamesTest, AreReadAgainAndABrokenFileChangesNothing) {
  write("1 old\n");
  auto store = InterfaceStore::open(file_);
  ASSERT_TRUE(store) << store.error();
  EXPECT_EQ(names_of(**store, 1, 0), "old > ");
  write("1 new\n");
  EXPECT_TRUE((*store)->reload());
  EXPECT_EQ(names_of(**store, 1, 0), "new > ");
  write("x\n");
  const auto broken = (*store)->reload();
  ASSERT_FALSE(broken);
  EXPECT_EQ(names_of(**store, 1, 0), "new > ");
}

TEST_F(InterfaceNamesTest, OfTheSystemAreThoseOfThePortsAndWithoutPortsTheKernels) {
  auto store = InterfaceStore::open("system");
  ASSERT_TRUE(store) << store.error();
  EXPECT_EQ(system_interface_name(1), "lo");
  EXPECT_EQ(names_of(**store, 1, 0), "lo > ");
  EXPECT_EQ(names_of(**store, 4'000'000'000, 0), "");
  (*store)->set_ports({{1, "eth7", "net_af_packet"}});
  EXPECT_EQ(names_of(**store, 1, 0), "eth7 > ");
  EXPECT_EQ(names_of(**store, 2, 0), "") << "a port's number is no number of the kernel's";
}

TEST_F(InterfaceNamesTest, OfAFileStandBeforeThoseOfPortsInOptionsData) {
  write("1 inside the door\n9 elsewhere\n");
  auto store = InterfaceStore::open(file_);
  ASSERT_TRUE(store) << store.error();
  (*store)->set_ports({{1, "eth0", "driver"}, {2, "eth1", "driver"}});
  std::string all;
  for (const InterfaceName& one : (*store)->all()) {
    all += std::to_string(one.index) + " " + one.name + " (" + one.description + ") ";
  }
  EXPECT_EQ(all, "1 inside (the door) 2 eth1 (driver) 9 elsewhere () ");
}

}  // namespace
}  // namespace weir::interface_names_test
