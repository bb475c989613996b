// Questions as they may come, from ordinary to hostile: name, type and class, or what is left of them.
#include "control/dns_question.h"

#include <gtest/gtest.h>

#include <cstring>
#include <random>
#include <string>
#include <string_view>

#include "proto/record/fields.h"
#include "tests/support/dns_message.h"

namespace weir::test::dns_question_test {
namespace {

DnsSection decoded(std::string_view question) {
  DnsSection section{};
  section.question_octets = static_cast<std::uint16_t>(std::min(question.size(), DnsSection::kMostQuestion));
  std::memcpy(section.name + 1, question.data(), section.question_octets);
  decode_dns_question(section);
  EXPECT_EQ(section.question_octets, 0U);
  return section;
}

std::string name_of(const DnsSection& section) {
  return std::string(text_at(section.name));
}
bool has(const DnsSection& section, unsigned bits) {
  return (section.known & bits) == bits;
}

TEST(DnsQuestion, IsANameWithoutTheLastDotATypeAndAClass) {
  const DnsSection section = decoded(dns_question("www.example.org", 28, 3));
  EXPECT_EQ(name_of(section), "www.example.org");
  EXPECT_EQ(section.query_type, 28U);
  EXPECT_EQ(section.query_class, 3U);
  EXPECT_EQ(section.name[0], 0U) << "nothing was cut";
  EXPECT_TRUE(has(section, DnsSection::kName | DnsSection::kType));
}

TEST(DnsQuestion, OfTheRootHasAnEmptyName) {
  const DnsSection section = decoded(dns_question("", 2));
  EXPECT_EQ(name_of(section), "");
  EXPECT_EQ(section.query_type, 2U);
  EXPECT_EQ(section.name[0], 0U);
  EXPECT_TRUE(has(section, DnsSection::kName | DnsSection::kType));
}

TEST(DnsQuestion, KeepsOctetsAsTheyWereSent) {
  using std::string_literals::operator""s;
  EXPECT_EQ(name_of(decoded("\4\0\xff\"A\1.\0\0\1\0\1"s)), "\0\xff\"A.."s) << "a dot in a label, too";
}

TEST(DnsQuestion, TakesTheLongestNameThatThereMayBe) {
  const std::string label(63, 'a');
  const std::string longest = label + "." + label + "." + label + "." + std::string(61, 'b');  // 255 octets on the wire
  ASSERT_EQ(dns_name(longest).size(), 255U);
  const DnsSection section = decoded(dns_question(longest, 15, 1));
  EXPECT_EQ(name_of(section), longest);
  EXPECT_EQ(section.query_type, 15U);
  EXPECT_EQ(section.name[0], 0U);
}

TEST(DnsQuestion, OfANameThatIsTooLongIsCut) {
  const std::string label(63, 'a');
  const DnsSection section = decoded(dns_question(label + "." + label + "." + label + "." + label + "." + label));
  EXPECT_EQ(name_of(section), (label + "." + label + "." + label + "." + label).substr(0, 254));
  EXPECT_EQ(section.name[0], 1U);
  EXPECT_FALSE(has(section, DnsSection::kType));
}

TEST(DnsQuestion, EndsWhereWhatWasCapturedEnds) {
  const std::string question = dns_question("www.example.org", 28);
  for (std::size_t octets = 1; octets < question.size(); ++octets) {
    const DnsSection section = decoded(question.substr(0, octets));
    const bool whole = octets >= question.size() - 4;  // name and root are there
    EXPECT_EQ(name_of(section), std::string("www.example.org").substr(0, octets - 1)) << octets;
    EXPECT_EQ(section.name[0], whole ? 0U : 1U) << octets;
    EXPECT_TRUE(has(section, DnsSection::kName));
    EXPECT_FALSE(has(section, DnsSection::kType)) << "two of them or none";
  }
}

TEST(DnsQuestion, FollowsNoCompressionPointer) {
  using std::string_literals::operator""s;
  for (const std::string& pointer : {"\xc0\x0c"s, "\xc0\x10"s, "\xff\xff"s, "\x40zz"s, "\x80"s}) {
    const DnsSection section = decoded("\3abc" + pointer + dns_question("x"));
    EXPECT_EQ(name_of(section), "abc");
    EXPECT_EQ(section.name[0], 1U);
    EXPECT_FALSE(has(section, DnsSection::kType));
  }
  EXPECT_EQ(name_of(decoded("\xc0\x0c"s)), "");
}

TEST(DnsQuestion, IsNotDecodedTwice) {
  DnsSection section = decoded(dns_question("a.b"));
  decode_dns_question(section);
  EXPECT_EQ(name_of(section), "a.b");
  DnsSection none{};
  decode_dns_question(none);
  EXPECT_EQ(none.known, 0U);
}

TEST(DnsQuestion, OfAnyOctetsLeavesZerosAfterItsName) {
  std::mt19937 random(7);
  for (unsigned round = 0; round < 20'000; ++round) {
    std::string question(random() % 300, '\0');
    const unsigned most = round % 2 == 0 ? 256 : 80;  // or with few octets that end a name
    for (char& octet : question) octet = static_cast<char>(random() % most);
    const DnsSection section = decoded(question);
    const std::string name = name_of(section);
    ASSERT_LE(name.size(), kMostTextOctets);
    for (std::size_t i = 2 + name.size(); i < sizeof section.name; ++i) ASSERT_EQ(section.name[i], 0U);
  }
}

}  // namespace
}  // namespace weir::test::dns_question_test
