// Hellos as workers keep them, from ordinary to hostile: versions, names, JA3 and JA4. The fingerprints are published
// ones.
#include "control/tls_hello.h"

#include <gtest/gtest.h>

#include <cstring>
#include <random>
#include <string>

#include "control/tls_fingerprint.h"
#include "proto/record/fields.h"
#include "tests/support/tls_messages.h"

namespace weir::test::tls_hello_test {
namespace {

TlsSection decoded(const std::string& client, const std::string& server = {},
                   unsigned kept = TlsSection::kClientWhole) {
  TlsSection section{};
  section.client_octets = static_cast<std::uint16_t>(std::min(client.size(), TlsSection::kMostClient));
  section.server_octets = static_cast<std::uint16_t>(std::min(server.size(), TlsSection::kMostServer));
  std::memcpy(section.octets, client.data(), section.client_octets);
  std::memcpy(section.octets + TlsSection::kMostClient, server.data(), section.server_octets);
  section.kept = static_cast<std::uint8_t>(kept);
  decode_tls_hellos(section);
  EXPECT_EQ(section.client_octets + section.server_octets + section.kept, 0);
  return section;
}

std::string text(const TlsSection& section, std::size_t place) {
  return std::string(text_at(section.octets + place));
}
std::string sni(const TlsSection& section) {
  return text(section, TlsSection::kSniAt);
}
std::string alpn(const TlsSection& section) {
  return text(section, TlsSection::kAlpnAt);
}

std::string kept_server_hello(std::uint16_t version, std::uint16_t suite, const std::string& extensions = {}) {
  return tls_number(version, 2) + tls_number(suite, 2) + extensions;
}

const std::vector<std::uint16_t> kBrowserSuites = {0x3a3a, 0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030,
                                                   0xcca9, 0xcca8, 0xc013, 0xc014, 0x009c, 0x009d, 0x002f, 0x0035};
const std::vector<std::uint16_t> kBrowserAlgorithms = {0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601};

/// A browser's ClientHello with these extensions in their order; those that say something say what browsers say.
std::string browser_hello(const std::vector<std::uint16_t>& types) {
  std::string extensions;
  for (const std::uint16_t type : types) {
    switch (type) {
      case 0:
        extensions += tls_server_name("www.example.org");
        break;
      case 10:
        extensions += tls_groups({0x9a9a, 4588, 29, 23, 24});
        break;
      case 11:
        extensions += tls_formats(std::string(1, '\0'));
        break;
      case 13:
        extensions += tls_algorithms(kBrowserAlgorithms);
        break;
      case 16:
        extensions += tls_alpn({"h2", "http/1.1"});
        break;
      case 43:
        extensions += tls_versions({0x5a5a, 0x0304, 0x0303});
        break;
      default:
        extensions += tls_extension(type);
    }
  }
  return kept_client_hello(0x0303, kBrowserSuites, extensions);
}

TEST(TlsHello, SaysWhatTheClientOffersAndTheServerChooses) {
  const TlsSection section =
      decoded(browser_hello({0x0a0a, 0, 10, 43, 16}),
              kept_server_hello(0x0303, 0x1301, tls_extension(51) + tls_extension(43, tls_number(0x0304, 2))));
  EXPECT_EQ(section.client_version, 0x0304U);
  EXPECT_EQ(section.server_version, 0x0304U);
  EXPECT_EQ(section.cipher, 0x1301U);
  EXPECT_EQ(sni(section), "www.example.org");
  EXPECT_EQ(alpn(section), "h2") << "offered";
  EXPECT_EQ(section.octets[TlsSection::kSniAt], 0U) << "nothing was cut";
  EXPECT_EQ(section.known, 0x3fU);
}

TEST(TlsHello, TakesTheVersionThatIsThereWithoutAListOfThem) {
  const TlsSection section =
      decoded(kept_client_hello(0x0302, {0x002f}, ""), kept_server_hello(0x0301, 0x002f, tls_alpn({"http/1.1"})));
  EXPECT_EQ(section.client_version, 0x0302U);
  EXPECT_EQ(section.server_version, 0x0301U);
  EXPECT_EQ(alpn(section), "http/1.1") << "chosen, though nobody offered it";
  EXPECT_EQ(section.known & TlsSection::kSni, 0U);
}

TEST(TlsHello, PrefersTheProtocolThatTheServerChooses) {
  EXPECT_EQ(alpn(decoded(browser_hello({16}), kept_server_hello(0x0303, 1, tls_alpn({"http/1.1"})))), "http/1.1");
}

TEST(TlsHello, HasOfAServerAloneOnlyWhatItChooses) {
  const TlsSection section = decoded("", kept_server_hello(0x0303, 0xc02f), 0);
  EXPECT_EQ(section.known, TlsSection::kServer);
  EXPECT_EQ(section.cipher, 0xc02fU);
}

TEST(TlsHello, KeepsNamesAsTheyWereSentButForTheTrailingDot) {
  EXPECT_EQ(sni(decoded(kept_client_hello(0x0303, {1}, tls_server_name("WWW.Example.org.")))), "WWW.Example.org");
  EXPECT_EQ(sni(decoded(kept_client_hello(0x0303, {1}, tls_server_name("a\xff\"b")))), "a\xff\"b");
  const TlsSection longest = decoded(kept_client_hello(0x0303, {1}, tls_server_name(std::string(300, 'n'))));
  EXPECT_EQ(sni(longest), std::string(254, 'n'));
  EXPECT_EQ(longest.octets[TlsSection::kSniAt], 1U);
}

TEST(TlsHello, WithoutANameHasNone) {
  for (const std::string& extension : {std::string(), tls_extension(0), tls_server_name(""),
                                       tls_extension(0, tls_vector('\1' + tls_vector("other", 2), 2))}) {
    const TlsSection section = decoded(kept_client_hello(0x0303, {1}, extension));
    EXPECT_EQ(section.known & TlsSection::kSni, 0U);
    EXPECT_EQ(sni(section), "");
  }
}

TEST(TlsHello, OfWhichThereIsOnlyTheBeginningHasTheNameButNoVersionAndNoFingerprint) {
  const std::string whole = browser_hello({0, 43});
  const TlsSection with_name = decoded(whole.substr(0, whole.size() - 2), "", 0);
  EXPECT_EQ(with_name.known, TlsSection::kSni);
  EXPECT_EQ(sni(with_name), "www.example.org");
  const std::string name_last = browser_hello({0});
  const TlsSection cut = decoded(name_last.substr(0, name_last.size() - 4), "", 0);
  EXPECT_EQ(sni(cut), "www.example");
  EXPECT_EQ(cut.octets[TlsSection::kSniAt], 1U);
}

TEST(TlsHello, OfSsl2HasTheVersionAlone) {
  const TlsSection section = decoded(tls_number(2, 2), "", TlsSection::kClientWhole | TlsSection::kSsl2);
  EXPECT_EQ(section.client_version, 2U);
  EXPECT_EQ(section.known, TlsSection::kClient);
}

TEST(TlsHello, IsNotDecodedTwice) {
  TlsSection section = decoded(browser_hello({0, 16}));
  const TlsSection before = section;
  decode_tls_hellos(section);
  EXPECT_EQ(std::memcmp(&section, &before, sizeof section), 0);
}

TEST(TlsHello, OfAnyOctetsIsBounded) {
  std::mt19937 random(7);
  const std::string ordinary = browser_hello({0, 10, 11, 13, 16, 43, 0x0a0a});
  for (unsigned round = 0; round < 20'000; ++round) {
    std::string octets = ordinary + ordinary;
    octets.resize(random() % octets.size());
    for (unsigned i = 0; i < round % 20 && !octets.empty(); ++i) {
      octets[random() % octets.size()] = static_cast<char>(random());
    }
    const TlsSection section = decoded(octets, octets.substr(octets.size() / 2), random() % 4);
    for (const std::size_t place : {TlsSection::kSniAt, TlsSection::kAlpnAt, TlsSection::kJa3At, TlsSection::kJa4At}) {
      const std::size_t size = text(section, place).size();
      for (std::size_t i = 2 + size; i < kTextPlaceOctets; ++i) ASSERT_EQ(section.octets[place + i], 0U);
    }
  }
}

// ---- JA3: the examples of its description, and a browser's

std::string ja3_of(const std::string& kept) {
  return text(decoded(kept), TlsSection::kJa3At);
}

TEST(Ja3, IsThatOfTheExamplesInItsDescription) {
  const std::string extensions = tls_server_name("x") + tls_groups({23, 24, 25}) + tls_formats(std::string(1, '\0'));
  const std::string kept =
      kept_client_hello(769, {47, 53, 5, 10, 49161, 49162, 49171, 49172, 50, 56, 19, 4}, extensions);
  const std::vector<std::uint8_t> octets(kept.begin(), kept.end());
  EXPECT_EQ(ja3_text(read_client_hello(octets)),
            "769,47-53-5-10-49161-49162-49171-49172-50-56-19-4,0-10-11,23-24-25,0");
  EXPECT_EQ(ja3_of(kept), "ada70206e40642a3e4461f35503241d5");
  EXPECT_EQ(ja3_of(kept_client_hello(769, {4, 5, 10, 9, 100, 98, 3, 6, 19, 18, 99}, "")),
            "de350869b8c85de67a350c8d186f11e6");
}

TEST(Ja3, LeavesOutWhatNobodyImplements) {
  EXPECT_EQ(
      ja3_of(browser_hello({0x1a1a, 45, 51, 16, 65037, 23, 17613, 0, 11, 10, 43, 65281, 35, 18, 5, 13, 27, 0xfafa})),
      "98487aa16281980e7d1120d399efb6a4");
}

// ---- JA4: the examples of its description, and a browser's

std::string ja4_of(const std::string& kept) {
  return text(decoded(kept), TlsSection::kJa4At);
}

TEST(Ja4, IsThatOfTheExampleInItsDescription) {
  EXPECT_EQ(ja4_of(browser_hello({0xeaea, 27, 0, 51, 16, 17513, 23, 45, 13, 5, 35, 18, 43, 65281, 11, 10, 0x8a8a, 21})),
            "t13d1516h2_8daaf6152771_e5627efa2ab1");
  EXPECT_EQ(ja4_of(browser_hello({27, 0, 51, 16, 17513, 23, 45, 13, 5, 35, 18, 43, 65281, 11, 10, 65037})),
            "t13d1516h2_8daaf6152771_02713d6af862");
}

TEST(Ja4, DoesNotDependOnTheOrderOfExtensions) {
  const char* const expected = "t13d1516h2_8daaf6152771_d8a2da3f94cd";
  EXPECT_EQ(ja4_of(browser_hello({45, 51, 16, 65037, 23, 17613, 0, 11, 10, 43, 65281, 35, 18, 5, 13, 27})), expected);
  EXPECT_EQ(ja4_of(browser_hello({27, 13, 5, 18, 35, 65281, 43, 10, 11, 0, 17613, 23, 65037, 16, 51, 45})), expected);
}

TEST(Ja4, BeginsWithVersionNameCountsAndProtocol) {
  const auto begin = [](const std::string& kept) { return ja4_of(kept).substr(0, 10); };
  EXPECT_EQ(begin(kept_client_hello(0x0300, {5, 4}, "")), "ts3i020000");
  EXPECT_EQ(begin(kept_client_hello(0x0301, {5}, tls_server_name("x"))), "t10d010100");
  EXPECT_EQ(begin(kept_client_hello(0x0302, {5}, tls_alpn({"h2"}))), "t11i0101h2");
  EXPECT_EQ(begin(kept_client_hello(0x0303, {5}, tls_alpn({"http/1.1"}))), "t12i0101h1");
  EXPECT_EQ(begin(kept_client_hello(0x0303, {5}, tls_versions({0x0304}))), "t13i010100");
  EXPECT_EQ(begin(kept_client_hello(0x7f1c, {5}, "")), "t00i010000");
  EXPECT_EQ(begin(kept_client_hello(0x0303, {5}, tls_alpn({"h"}))), "t12i0101hh");
  EXPECT_EQ(begin(kept_client_hello(0x0303, {5}, tls_alpn({"\xab"}))), "t12i0101ab") << "in hexadecimal digits";
  EXPECT_EQ(begin(kept_client_hello(0x0303, {5}, tls_alpn({"\x30\x31\xab\xcd"}))), "t12i01013d");
  EXPECT_EQ(begin(kept_client_hello(0x0303, std::vector<std::uint16_t>(120, 5), "")), "t12i990000");
}

TEST(Ja4, OfNothingHasZeros) {
  EXPECT_EQ(ja4_of(kept_client_hello(0x0303, {}, "")), "t12i000000_000000000000_000000000000");
}

TEST(Ja4, HasAnotherBeginningOverQuic) {
  const std::string kept = browser_hello({0, 16});
  const std::vector<std::uint8_t> octets(kept.begin(), kept.end());
  EXPECT_EQ(ja4(read_client_hello(octets), 'q').substr(0, 10), "q12d1502h2");
}

}  // namespace
}  // namespace weir::test::tls_hello_test
