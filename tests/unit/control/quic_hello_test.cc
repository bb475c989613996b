// The ClientHello in Initial packets as a worker keeps them: whole, in pieces, after a Retry or version negotiation,
// and hostile ones.
#include "control/quic_hello.h"

#include <gtest/gtest.h>

#include <cstring>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "proto/record/fields.h"
#include "tests/support/hex.h"
#include "tests/support/quic_initials.h"
#include "tests/support/quic_vectors.h"
#include "tests/support/tls_messages.h"

namespace weir::test::quic_hello_test {
namespace {

const std::string kOriginal = "original", kSource = "client";

std::string hello(std::string_view name, std::size_t padding = 0) {
  return client_hello(0x0303, {0x1301, 0x1302, 0x1303},
                      tls_server_name(name) + tls_alpn({"h3", "h3-29"}) + tls_groups({29, 23}) +
                          tls_versions({0x0304}) + tls_algorithms({0x0403, 0x0804}) +
                          tls_extension(57, std::string(padding, 'p')));
}
std::string initial(const std::string& frames, std::uint32_t number = 0, std::uint32_t version = 1) {
  return protected_initial(version, kOriginal, kOriginal, kSource, frames, number);
}

struct Decoded {
  QuicHelloSection section{};
  TlsSection tls{};

  [[nodiscard]] std::string text(std::size_t place) const { return std::string(text_at(section.octets + place)); }
  [[nodiscard]] std::string sni() const { return text(QuicHelloSection::kSniAt); }
  [[nodiscard]] std::string alpn() const { return text(QuicHelloSection::kAlpnAt); }
  [[nodiscard]] std::string ja4() const { return std::string(text_at(tls.octets + TlsSection::kJa4At)); }
};

Decoded decoded(const std::vector<std::string>& packets, const std::vector<std::uint32_t>& offered = {}) {
  Decoded result;
  std::string kept;
  for (const std::string& packet : packets) kept += quic_number(packet.size(), 2) + packet;
  EXPECT_LE(kept.size(), QuicHelloSection::kMostOctets);
  std::memcpy(result.section.octets, kept.data(), kept.size());
  result.section.packet_octets = static_cast<std::uint16_t>(kept.size());
  std::copy(offered.begin(), offered.end(), result.section.offered);
  result.section.offered_versions = static_cast<std::uint8_t>(offered.size());
  QuicHelloDecoder decoder;
  decoder.decode(result.section, &result.tls);
  EXPECT_EQ(result.section.packet_octets, 0U);
  EXPECT_EQ(result.section.offered_versions, 0U);
  const Decoded before = result;
  decoder.decode(result.section, &result.tls);
  EXPECT_EQ(std::memcmp(&before, &result, sizeof result), 0) << "a decoded one stays";
  return result;
}

TEST(QuicHello, OfTheRfcsIsReadInBothVersions) {
  for (const auto& packet : {kRfc9001ClientInitial, kRfc9369ClientInitial}) {
    const Bytes octets = hex(packet);
    const Decoded result = decoded({std::string(octets.begin(), octets.end())});
    EXPECT_EQ(result.sni(), "example.com");
    EXPECT_EQ(result.alpn(), "alpn");
    EXPECT_EQ(result.section.known, QuicHelloSection::kSni | QuicHelloSection::kAlpn);
    EXPECT_EQ(result.tls.client_version, 0x0304U);
    EXPECT_EQ(result.ja4().substr(0, 10), "q13d0211an") << "QUIC, TLS 1.3, a name, 2 suites, 11 extensions";
    EXPECT_EQ(result.ja4().size(), 36U);
  }
}

TEST(QuicHello, IsReadInEveryVersionWithASalt) {
  for (const std::uint32_t version : {0xff000016U, 0xff00001bU, 0xff00001dU, 0xff000022U, 0xfaceb001U, 0xfaceb002U,
                                      0x709a50c4U, 0x54303530U, 0x54303531U}) {
    EXPECT_EQ(decoded({initial(crypto_frame(0, hello("a.example")), 0, version)}).sni(), "a.example") << version;
  }
}

TEST(QuicHello, IsPutTogetherFromSeveralPacketsInAnyOrder) {
  const std::string message = hello("www.example.org", 1500);
  const std::string first = message.substr(0, 900), second = message.substr(900);
  const Decoded expected = decoded({initial(crypto_frame(0, first)), initial(crypto_frame(900, second), 1)});
  EXPECT_EQ(expected.sni(), "www.example.org");
  EXPECT_EQ(expected.ja4().substr(0, 10), "q13d0306h3");
  const Decoded turned = decoded({initial(crypto_frame(900, second), 1), initial(crypto_frame(0, first))});
  EXPECT_EQ(std::memcmp(&turned, &expected, sizeof expected), 0);
  // Pieces of 100 octets, the last first, with PING and PADDING between.
  std::string frames;
  for (std::size_t at = 1000; at != 0;) {
    at -= 100;
    frames += crypto_frame(at, message.substr(at, 100)) + std::string("\1\0\0", 3);
  }
  const Decoded scattered = decoded({initial(frames), initial(crypto_frame(1000, message.substr(1000)), 1)});
  EXPECT_EQ(std::memcmp(&scattered, &expected, sizeof expected), 0);
}

TEST(QuicHello, SaysWhatIsThereIfTheRestIsMissing) {
  const std::string message = hello("www.example.org", 1500);
  const Decoded result = decoded({initial(crypto_frame(0, message.substr(0, 200)))});
  EXPECT_EQ(result.sni(), "www.example.org");
  EXPECT_EQ(result.section.octets[QuicHelloSection::kSniAt], 0U) << "it is whole";
  EXPECT_EQ(result.alpn(), "h3");
  EXPECT_EQ(result.tls.known, 0U) << "no fingerprint of a part";
  const Decoded cut = decoded({initial(crypto_frame(0, message.substr(0, 61)))});
  EXPECT_EQ(cut.section.octets[QuicHelloSection::kSniAt], 1U);
  EXPECT_EQ(cut.sni(), std::string("www.example.org").substr(0, cut.sni().size()));
  EXPECT_FALSE(cut.sni().empty());
  const Decoded later = decoded({initial(crypto_frame(300, message.substr(300)))});
  EXPECT_EQ(later.section.known, 0U);
}

TEST(QuicHello, IsOpenedWithTheFirstPacketsKeysWhenTheServersIdIsKnown) {
  const std::string message = hello("www.example.org", 1500);
  const std::string next =
      protected_initial(1, kOriginal, "server", kSource, crypto_frame(900, message.substr(900)), 1);
  EXPECT_EQ(decoded({initial(crypto_frame(0, message.substr(0, 900))), next}).ja4().size(), 36U);
}

TEST(QuicHello, IsOpenedWithNewKeysAfterARetry) {
  const std::string message = hello("www.example.org", 1500);
  const std::string next =
      protected_initial(1, "retry-id", "retry-id", kSource, crypto_frame(900, message.substr(900)), 1, "token");
  EXPECT_EQ(decoded({initial(crypto_frame(0, message.substr(0, 900))), next}).ja4().size(), 36U);
}

TEST(QuicHello, BeginsAnewInAnotherVersion) {
  const Decoded result = decoded({initial(crypto_frame(0, hello("old.example", 900).substr(0, 500)), 0, 0xff00001d),
                                  initial(crypto_frame(0, hello("new.example")), 0, 1)},
                                 {1, 0xff00001d});
  EXPECT_EQ(result.sni(), "new.example");
  EXPECT_EQ(result.text(QuicHelloSection::kVersionsAt), "00000001,ff00001d");
}

TEST(QuicHello, ListsOfferedVersionsWithoutAnyPacket) {
  const Decoded result = decoded({}, {0x1a2a3a4a, 0x6b3343cf});
  EXPECT_EQ(result.text(QuicHelloSection::kVersionsAt), "1a2a3a4a,6b3343cf");
  EXPECT_EQ(result.section.known, QuicHelloSection::kVersions);
}

TEST(QuicHello, OfGooglesOwnHandshakeHasAServerName) {
  const auto chlo = [](unsigned name_ends) {
    return std::string(
               "CHLO\3\0\0\0"
               "PAD\0\4\0\0\0"
               "SNI\0",
               20) +
           static_cast<char>(name_ends) +
           std::string(
               "\0\0\0"
               "VER\0\x13\0\0\0"
               "----"
               "a.example"
               "Q050",
               28);
  };
  const auto sent = [](const std::string& message) {
    return decoded({initial(crypto_frame(0, message, '\x8'), 0, 0x51303530)});
  };
  EXPECT_EQ(sent(chlo(13)).sni(), "a.example");
  EXPECT_EQ(sent(chlo(13)).section.octets[QuicHelloSection::kSniAt], 0U);
  EXPECT_EQ(sent(chlo(13).substr(0, 40)).sni(), "a.ex");
  EXPECT_EQ(sent(chlo(13).substr(0, 40)).section.octets[QuicHelloSection::kSniAt], 1U);
  EXPECT_EQ(sent(chlo(3)).section.known, 0U) << "it ends before it begins";
  EXPECT_EQ(sent(chlo(13).substr(0, 20)).section.known, 0U) << "its table is not whole";
}

TEST(QuicHello, IsNothingWhereNoPacketOpens) {
  std::string changed = initial(crypto_frame(0, hello("www.example.org")));
  changed.back() ^= 1;
  const std::vector<std::string> none[] = {
      {changed},
      {"x"},
      {""},
      {initial("")},
      {initial(crypto_frame(0, "\2\0\0\1x"))},  // no ClientHello
      {quic_long(kQuicInitial, 1, kOriginal, kSource, 100)},
      {quic_long(kQuicHandshake, 1, kOriginal, kSource, 100)},
      {quic_long(kQuicInitial, 0x1a2a3a4a, kOriginal, kSource, 100)},
  };
  for (const auto& packets : none) {
    const Decoded result = decoded(packets);
    EXPECT_EQ(result.section.known, 0U);
    EXPECT_EQ(result.tls.known, 0U);
    EXPECT_TRUE(all_zero(result.section.octets));
  }
}

TEST(QuicHello, TakesAnyOctets) {
  std::mt19937 random(7);
  QuicHelloDecoder decoder;
  for (unsigned round = 0; round < 2000; ++round) {
    QuicHelloSection section{};
    TlsSection tls{};
    for (std::uint8_t& octet : section.octets) octet = static_cast<std::uint8_t>(random() % 4 == 0 ? random() : 0);
    section.packet_octets = static_cast<std::uint16_t>(random());
    section.offered_versions = static_cast<std::uint8_t>(random());
    decoder.decode(section, &tls);
    ASSERT_EQ(section.packet_octets, 0U);
  }
}

}  // namespace
}  // namespace weir::test::quic_hello_test
