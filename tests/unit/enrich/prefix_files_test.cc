// Prefix files of each form: what they say, what of several is taken, and the one line of each error.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

#include "control/enrich/prefix_file.h"
#include "control/enrich/prefix_line.h"
#include "tests/support/process.h"

namespace weir::prefix_files_test {
namespace {

class PrefixFiles : public ::testing::Test {
 protected:
  std::string write(const std::string& name, const std::string& text) {
    std::ofstream(folder_.path(name)) << text;
    return folder_.path(name);
  }
  std::string error_of(const std::string& text) {
    RouteMapBuilder builder;
    const std::string file = write("bad", text);
    const auto read = read_prefix_file(file, builder);
    if (read) return "no error";
    EXPECT_EQ(read.error().substr(0, file.size()), file);
    return read.error().substr(file.size());
  }
  /// The map of files with these texts.
  std::shared_ptr<const RouteMap> map_of(const std::vector<std::string>& files, const LongestPrefix& longest = {}) {
    RouteMapBuilder builder;
    std::vector<FilePrefixes> read;
    for (const std::string& file : files) {
      auto one = read_prefix_file(file, builder);
      EXPECT_TRUE(one) << one.error();
      if (one) read.push_back(std::move(*one));
    }
    auto map = builder.build(read, longest);
    EXPECT_TRUE(map) << map.error();
    return map ? *map : nullptr;
  }

  test::TemporaryFolder folder_;
};

RouteMap::Value find(const RouteMap& map, const std::string& text) {
  const IpAddress address = parse_ip_address(text).value();
  return map.trie(address.ip_version).find(AddressBits::of(address.octets, address.size()));
}
const Route& route_of(const RouteMap& map, const std::string& text) {
  return map.route(find(map, text));
}
unsigned length_of(const RouteMap& map, const std::string& text) {
  return RouteMap::length_of(find(map, text));
}

TEST_F(PrefixFiles, TextSaysAllThatIsKnownOfAPrefix) {
  const auto map =
      map_of({write("p.txt",
                    "# the inside\n"
                    "\n"
                    "10.0.0.0/8  domain=internal name=Inside\r\n"
                    "  10.20.0.0/16\tas=AS64500 name=\"Example Net\" next_hop=192.0.2.1 country=DE # a comment\n"
                    "2001:db8::/32 as=4200000000 next_hop=2001:db8::1 domain=external\n"
                    "0.0.0.0/0\n")});
  ASSERT_NE(map, nullptr);
  EXPECT_EQ(map->prefixes(), 4U);
  EXPECT_TRUE(map->names_the_inside());
  const Route& inner = route_of(*map, "10.20.30.40");
  EXPECT_EQ(inner.as_number, 64'500U);
  EXPECT_EQ(map->name(inner.name), "Example Net");
  EXPECT_EQ(map->hop(inner.next_hop).text(), "192.0.2.1");
  EXPECT_EQ(std::string(inner.country, 2), "DE");
  EXPECT_EQ(inner.domain, Domain::unknown) << "of the longest prefix alone";
  EXPECT_EQ(length_of(*map, "10.20.30.40"), 16U);
  EXPECT_EQ(map->name(route_of(*map, "10.21.0.0").name), "Inside");
  EXPECT_EQ(route_of(*map, "10.21.0.0").domain, Domain::internal);
  EXPECT_EQ(route_of(*map, "2001:db8:ffff::").as_number, 4'200'000'000U);
  EXPECT_EQ(map->hop(route_of(*map, "2001:db8::").next_hop).text(), "2001:db8::1");
  EXPECT_EQ(find(*map, "2001:db9::"), 0U);
  EXPECT_NE(find(*map, "192.0.2.1"), 0U) << "the default route";
  EXPECT_EQ(length_of(*map, "192.0.2.1"), 0U);
}

TEST_F(PrefixFiles, AnErrorNamesTheLineAndWhatWasExpected) {
  const std::pair<const char*, const char*> bad[] = {
      {"# none\n", ": holds no prefix; expected one per line"},
      {"10.0.0.0/8\n192.0.2.1\n", ":2: '192.0.2.1': expected a prefix such as 192.0.2.0/24 or 2001:db8::/32"},
      {"10.0.0.0/33\n", ":1: '10.0.0.0/33': expected a prefix such as 192.0.2.0/24 or 2001:db8::/32"},
      {"2001:db8::/129\n", ":1: '2001:db8::/129': expected a prefix such as 192.0.2.0/24 or 2001:db8::/32"},
      {"10.0.0.1/8\n", ":1: '10.0.0.1/8': expected no bits after the prefix, as in 10.0.0.0/8"},
      {"2001:db8::1/64\n", ":1: '2001:db8::1/64': expected no bits after the prefix, as in 2001:db8::/64"},
      {"10.0.0.0/8 as=0\n", ":1: as='0': expected an AS number from 1 to 4294967295"},
      {"10.0.0.0/8 as=4294967296\n", ":1: as='4294967296': expected an AS number from 1 to 4294967295"},
      {"10.0.0.0/8 as=\n", ":1: as='': expected an AS number from 1 to 4294967295"},
      {"10.0.0.0/8 next_hop=2001:db8::1\n", ":1: next_hop='2001:db8::1': expected an IPv4 address, as the prefix is"},
      {"10.0.0.0/8 domain=inside\n", ":1: domain='inside': expected internal or external"},
      {"10.0.0.0/8 country=de\n", ":1: country='de': expected two capital letters such as DE"},
      {"10.0.0.0/8 name=\"open\n", ":1: name='\"open': expected a name such as Example or \"Example Net\""},
      {"10.0.0.0/8 asn=1\n", ":1: 'asn=1': expected as=, name=, next_hop=, domain= or country= with a value"},
      {"10.0.0.0/8 64500\n", ":1: '64500': expected as=, name=, next_hop=, domain= or country= with a value"},
      {"10.0.0.0/8 as=1 as=2\n", ":1: 'as=2': expected as= once"},
      {"10.0.0.0/8 as=1\n0.0.0.0/0\n10.0.0.0/8 as=2\n", ":3: 10.0.0.0/8 is on line 1, too; expected each prefix once"},
  };
  for (const auto& [text, error] : bad) EXPECT_EQ(error_of(text), error) << text;
  RouteMapBuilder builder;
  const auto none = read_prefix_file(folder_.path("none"), builder);
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error(), folder_.path("none") + ": No such file or directory; expected a file of prefixes");
}

TEST_F(PrefixFiles, ATableOfBgpdumpGivesTheBestPathOfEachPrefix) {
  const std::string head = "TABLE_DUMP2|1700000000|B|192.0.2.9|64496|";
  const auto map = map_of({write(
      "rib.txt",
      head + "198.51.100.0/24|64496 64511 64500|IGP|192.0.2.1|100|0||NAG||\n" +  // longer
          head + "198.51.100.0/24|64497 64500|EGP|192.0.2.2|100|0||NAG||\n" +    // worse origin
          head + "198.51.100.0/24|64498 64500|IGP|192.0.2.3|100|0||NAG||\n" +    // taken
          head + "198.51.100.0/24|64499 64500|IGP|192.0.2.4|100|0||NAG||\n" +    // a later equal
          head + "203.0.113.0/24|64496 (65001 65002) 64501 {64502,64503}|IGP|192.0.2.1|0|0||NAG||\n" + head +
          "2001:db8::/32|64496 {64502}|INCOMPLETE|2001:db8::1|0|0||NAG||\n" + head +
          "192.0.2.0/25||IGP|2001:db8::1|0|0||NAG||\n" +                                    // of this AS itself
          head + "203.0.113.0/24|64510 64510 64510 64504|IGP|192.0.2.7|200|0||NAG||\n")});  // again: local preference
  ASSERT_NE(map, nullptr);
  EXPECT_EQ(map->prefixes(), 4U);
  const Route& first = route_of(*map, "198.51.100.7");
  EXPECT_EQ(first.as_number, 64'500U);
  EXPECT_EQ(map->hop(first.bgp_next_hop).text(), "192.0.2.3");
  EXPECT_EQ(first.next_hop, 0U);
  const auto path = map->path(first.as_path);
  EXPECT_EQ(std::vector<std::uint32_t>(path.begin(), path.end()), (std::vector<std::uint32_t>{64'498, 64'500}));
  const auto again = map->path(route_of(*map, "203.0.113.1").as_path);
  EXPECT_EQ(std::vector<std::uint32_t>(again.begin(), again.end()),
            (std::vector<std::uint32_t>{64'510, 64'510, 64'510, 64'504}));
  EXPECT_EQ(route_of(*map, "2001:db8::1").as_number, 64'502U) << "a set of one is no set";
  EXPECT_EQ(route_of(*map, "192.0.2.1").as_number, 0U);
  EXPECT_EQ(route_of(*map, "192.0.2.1").bgp_next_hop, 0U) << "of the other IP version";

  BgpdumpLine line;
  ASSERT_TRUE(
      parse_bgpdump_line(head + "203.0.113.0/24|64496 (65001 65002) 64501 {64502,64503}|IGP|192.0.2.1|0|0|", line));
  EXPECT_EQ(line.path, (std::vector<std::uint32_t>{64'496, 64'501}));
  EXPECT_EQ(line.prefix.as_number, 64'501U);
}

TEST_F(PrefixFiles, ALineThatIsNoneOfATableIsAnError) {
  EXPECT_EQ(error_of("TABLE_DUMP2|1|B|192.0.2.9|1|10.0.0.0/8|1|IGP|192.0.2.1|0\nBGP4MP|1|W|192.0.2.9|1|10.0.0.0/8\n"),
            ":2: 'BGP4MP|1|W|192.0.2.9|1|10.0.0.0/8': expected a line of `bgpdump -m` of a table: "
            "TABLE_DUMP2|time|B|peer|AS|prefix|AS path|origin|next hop|...");
  EXPECT_EQ(error_of("TABLE_DUMP2|1|B|192.0.2.9|1|10.0.0.0/8|1 x|IGP|192.0.2.1|0\n"),
            ":1: 'x': expected an AS path such as 64500 64501");
  EXPECT_EQ(error_of("TABLE_DUMP2|1|B|192.0.2.9|1|10.0.0.0/8|1|IGP|here|0\n"),
            ":1: 'here': expected the address of a next hop");
}

TEST_F(PrefixFiles, OfEachFactTheFirstFileThatKnowsItCounts) {
  const auto map = map_of({write("a", "10.0.0.0/8 as=1\n"),
                           write("b", "10.0.0.0/16 as=2 name=b domain=internal\n10.0.0.0/7 name=wide\n"),
                           write("c", "10.0.0.0/24 as=3 name=c country=DE\n11.0.0.0/8 as=4\n")});
  ASSERT_NE(map, nullptr);
  const Route& route = route_of(*map, "10.0.0.1");
  EXPECT_EQ(route.as_number, 1U);
  EXPECT_EQ(map->name(route.name), "b");
  EXPECT_EQ(std::string(route.country, 2), "DE");
  EXPECT_EQ(route.domain, Domain::internal);
  EXPECT_EQ(length_of(*map, "10.0.0.1"), 8U) << "of the first file that has the address";
  EXPECT_EQ(map->name(route_of(*map, "10.1.0.0").name), "wide");
  EXPECT_EQ(route_of(*map, "10.1.0.0").as_number, 1U);
  EXPECT_EQ(route_of(*map, "11.0.0.0").as_number, 4U);
  EXPECT_EQ(map->name(route_of(*map, "11.0.0.0").name), "wide");
  EXPECT_EQ(length_of(*map, "11.0.0.0"), 7U);
  EXPECT_EQ(find(*map, "12.0.0.0"), 0U);
}

TEST_F(PrefixFiles, PrefixesLongerThanTheKeySayNothing) {
  const std::string file =
      write("p", "10.0.0.0/8 as=1\n10.0.0.0/24 as=2\n10.0.0.0/25 as=3\n2001:db8::/48 as=4\n2001:db8::/49 as=5\n");
  const auto map = map_of({file}, {24, 48});
  ASSERT_NE(map, nullptr);
  EXPECT_EQ(map->prefixes(), 3U);
  EXPECT_EQ(route_of(*map, "10.0.0.0").as_number, 2U);
  EXPECT_EQ(route_of(*map, "2001:db8::").as_number, 4U);
}

TEST_F(PrefixFiles, ANameThatIsTooLongEndsWithAnEllipsisBetweenCharacters) {
  std::string umlauts;
  for (int i = 0; i < 40; ++i) umlauts += "ä";  // two octets each
  const auto map =
      map_of({write("p", "10.0.0.0/8 name=" + umlauts + "\n11.0.0.0/8 name=" + std::string(64, 'x') + "\n")});
  ASSERT_NE(map, nullptr);
  EXPECT_EQ(map->name(route_of(*map, "10.0.0.0").name), umlauts.substr(0, 60) + "…");
  EXPECT_EQ(map->name(route_of(*map, "11.0.0.0").name), std::string(64, 'x'));
}

/// A database that Perl's MaxMind::DB::Writer makes; "": it is not installed.
std::string database(const test::TemporaryFolder& folder, unsigned ip_version) {
  const std::string file = folder.path("test.mmdb");
  const std::string types =
      "my %t = (autonomous_system_number => 'uint32', autonomous_system_organization => 'utf8_string', country => "
      "'map', "
      "iso_code => 'utf8_string');";
  const std::string networks =
      "$w->insert_network('192.0.2.0/24', {autonomous_system_number => 64500, autonomous_system_organization => 'Net "
      "A'});"
      "$w->insert_network('198.51.100.128/25', {autonomous_system_number => 64501, country => {iso_code => 'NZ'}});";
  const std::string networks6 =
      "$w->insert_network('2001:db8::/32', {autonomous_system_number => 4200000000, country => {iso_code => 'DE'}});";
  const test::Finished made = test::run(
      {"perl", "-MMaxMind::DB::Writer::Tree", "-e",
       types + "my $w = MaxMind::DB::Writer::Tree->new(ip_version => " + std::to_string(ip_version) +
           ", record_size => 24, database_type => 'Test', languages => ['en'], description => {en => 'test'}, "
           "remove_reserved_networks => 0, alias_ipv6_to_ipv4 => " +
           (ip_version == 6 ? "1" : "0") + ", map_key_type_callback => sub { $t{$_[0]} });" + networks +
           (ip_version == 6 ? networks6 : "") + "open my $f, '>:raw', $ARGV[0] or die; $w->write_tree($f); close $f;",
       file});
  return made.exit_code == 0 ? file : std::string();
}

TEST_F(PrefixFiles, AMaxmindDatabaseGivesAsNumbersNamesAndCountries) {
  for (const unsigned ip_version : {4U, 6U}) {
    const std::string file = database(folder_, ip_version);
    if (file.empty()) GTEST_SKIP() << "libmaxmind-db-writer-perl (MaxMind::DB::Writer) is not installed";
    RouteMapBuilder builder;
    auto read = read_prefix_file(file, builder);
    ASSERT_TRUE(read) << read.error();
    EXPECT_EQ(read->form, PrefixForm::maxmind);
    EXPECT_EQ(read->size(), ip_version == 4 ? 2U : 3U) << "an alias of IPv4 is no network of its own";
    const auto map = builder.build({&*read, 1}, {});
    ASSERT_TRUE(map) << map.error();
    const Route& first = route_of(**map, "192.0.2.99");
    EXPECT_EQ(first.as_number, 64'500U);
    EXPECT_EQ((*map)->name(first.name), "Net A");
    EXPECT_EQ(first.country[0], 0);
    EXPECT_EQ(length_of(**map, "192.0.2.99"), 0U) << "the lengths are not those of routes";
    EXPECT_EQ(std::string(route_of(**map, "198.51.100.200").country, 2), "NZ");
    EXPECT_EQ(find(**map, "198.51.100.100"), 0U);
    if (ip_version == 4) continue;
    EXPECT_EQ(route_of(**map, "2001:db8:1::").as_number, 4'200'000'000U);
    EXPECT_EQ(find(**map, "2001:db9::"), 0U);
    EXPECT_EQ(find(**map, "::ffff:192.0.2.99"), 0U);
  }
}

TEST_F(PrefixFiles, ADamagedDatabaseIsAnErrorAndNothingElse) {
  EXPECT_EQ(
      error_of(std::string("\0\1\2 no database", 14)),
      ": The MaxMind DB file contains invalid metadata; expected a MaxMind database, or text with a prefix per line");
  const std::string file = database(folder_, 6);
  if (file.empty()) GTEST_SKIP() << "libmaxmind-db-writer-perl (MaxMind::DB::Writer) is not installed";
  const std::string whole = test::contents(file);
  for (std::size_t i = 0; i < whole.size(); i += 3) {  // whatever an octet becomes, reading ends, well or with one line
    std::string changed = whole;
    changed[i] = static_cast<char>(changed[i] ^ 0xff);
    RouteMapBuilder builder;
    const auto read = read_prefix_file(write("changed", changed), builder);
    EXPECT_EQ((read ? std::string() : read.error()).find('\n'), std::string::npos);
  }
}

}  // namespace
}  // namespace weir::prefix_files_test
