#include "tools/collect/given_templates.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "proto/decode/message_dump.h"
#include "tests/support/hex.h"

namespace weir::given_templates_test {
namespace {

using test::Bytes;
using test::hex;
using Fields = std::vector<FieldSpec>;

TEST(GivenTemplates, HaveElementsByNumberByNameAndWithEnterprise) {
  const auto record = parse_given_template("256:8/4, destinationIPv4Address/4,IN_BYTES/8,29305:1/8,82/v");
  ASSERT_TRUE(record) << record.error();
  EXPECT_EQ(record->id, 256);
  EXPECT_FALSE(record->options);
  EXPECT_EQ(record->fields, (Fields{{8, 4, 0, false},
                                    {12, 4, 0, false},
                                    {1, 8, 0, false},
                                    {1, 8, 29305, false},
                                    {82, kVariableLength, 0, false}}));
}

TEST(GivenTemplates, AreOfOptionsByAScopeOrByName) {
  const auto scoped = parse_given_template("257:scope 1/4,34/4");
  ASSERT_TRUE(scoped) << scoped.error();
  EXPECT_TRUE(scoped->options);
  EXPECT_EQ(scoped->fields, (Fields{{1, 4, 0, true}, {34, 4, 0, false}}));
  const auto late = parse_given_template("257:34/4,scope 1/4");
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error(), "template 257: a scope field after one that is none; expected scope fields first");
  EXPECT_TRUE(parse_given_template("options 257:34/4")->options);
}

TEST(GivenTemplates, SayWhatIsWrongAndWhatWouldBeRight) {
  const auto error_of = [](std::string_view text) {
    const auto record = parse_given_template(text);
    return record ? std::string("none") : record.error();
  };
  EXPECT_EQ(error_of("255:8/4"), "'255' is no template id; expected 256 to 65535");
  EXPECT_EQ(error_of("65536:8/4"), "'65536' is no template id; expected 256 to 65535");
  EXPECT_EQ(error_of("256"), "'256': expected ID:ELEMENT/LENGTH,..., such as 256:8/4,12/4,1/8");
  EXPECT_EQ(error_of("256:"), "template 256: field '': expected ELEMENT/LENGTH, such as 8/4 or sourceIPv4Address/4");
  EXPECT_EQ(error_of("256:8/4,nobody/4"),
            "template 256: field 'nobody/4': 'nobody' is neither the number of an element nor a name of IANA's");
  EXPECT_EQ(error_of("256:0/4"),
            "template 256: field '0/4': '0' is neither the number of an element nor a name of IANA's");
  EXPECT_EQ(error_of("256:8/0"),
            "template 256: field '8/0': '0' is no length; expected 1 to 65534 octets, or v where each record says it");
  EXPECT_EQ(error_of("256:x:8/4"), "template 256: field 'x:8/4': the enterprise is no number");
  EXPECT_EQ(error_of("256:210/40000,210/40000"), "template 256: its records are longer than a datagram");
}

TEST(GivenTemplates, ComeFromAFileLineByLine) {
  const auto all = parse_given_templates("# of the router\n256:8/4\n\n257:scope 1/4,34/4\r\n256:12/4");
  ASSERT_TRUE(all) << all.error();
  ASSERT_EQ(all->size(), 3U);
  EXPECT_EQ((*all)[1].id, 257);
  EXPECT_EQ((*all)[2].fields, (Fields{{12, 4, 0, false}}));
  const auto wrong = parse_given_templates("256:8/4\nwhat\n");
  ASSERT_FALSE(wrong);
  EXPECT_TRUE(wrong.error().starts_with("line 2: 'what': expected ID:")) << wrong.error();
}

TEST(GivenTemplates, AreReadFromWhatADumpPrints) {
  // NetFlow v9: template 256 of addresses; options template 257 with the scope System. IPFIX: template 300 with an
  // element of enterprise 9 and one of variable length.
  const Bytes v9 =
      hex("0009 0002 00002710 6553f100 00000000 00000001 0000 0010 0100 0002 0008 0004 000c 0004"
          "0001 0012 0101 0004 0004 0001 0004 0022 0004");
  const Bytes ipfix =
      hex("000a 0028 6553f100 00000000 00000001 0002 0018 012c 0003 0001 0008 8041 0002 00000009 0052 ffff");
  std::string text;
  for (const Bytes* datagram : {&v9, &ipfix}) {
    text += "192.0.2.1:2055: ";
    text += dump_message(*datagram, [](const MessageHeader&, std::uint16_t) { return nullptr; });
    text += dump_octets(*datagram);
  }
  const auto all = parse_given_templates(text);
  ASSERT_TRUE(all) << all.error() << '\n' << text;
  ASSERT_EQ(all->size(), 3U) << text;
  EXPECT_EQ((*all)[0].id, 256);
  EXPECT_EQ((*all)[0].fields, (Fields{{8, 4, 0, false}, {12, 4, 0, false}}));
  EXPECT_TRUE((*all)[1].options);
  EXPECT_EQ((*all)[1].fields, (Fields{{1, 4, 0, true}, {34, 4, 0, false}}));
  EXPECT_EQ((*all)[2].id, 300);
  EXPECT_EQ((*all)[2].fields, (Fields{{1, 8, 0, false}, {65, 2, 9, false}, {82, kVariableLength, 0, false}}));
}

}  // namespace
}  // namespace weir::given_templates_test
