// Certificates as workers keep them: their beginning, from ordinary to hostile. They are made by OpenSSL, element by
// element, and signed where something is to be a certificate.
#include "control/tls_certificate.h"

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include <cstring>
#include <random>
#include <string>

#include "proto/record/fields.h"

namespace weir::test::tls_certificate_test {
namespace {

constexpr std::uint64_t k2020 = 1'577'836'800;  // 2020-01-01T00:00:00Z
constexpr std::uint64_t k2051 = 2'556'144'000;  // 2051-01-01T00:00:00Z: a GeneralizedTime (RFC 5280 section 4.1.2.5)

struct Wanted {
  std::string subject = "www.example.org";
  std::string issuer = "Example CA";
  int key = EVP_PKEY_RSA;
  std::uint64_t not_before = k2020;
  std::uint64_t not_after = k2051;
};

void add_entry(X509_NAME* name, const char* field, const std::string& value, int type = MBSTRING_UTF8) {
  EXPECT_EQ(X509_NAME_add_entry_by_txt(name, field, type, reinterpret_cast<const unsigned char*>(value.data()),
                                       static_cast<int>(value.size()), -1, 0),
            1);
}

std::string der_of(X509* certificate) {
  std::string der(static_cast<std::size_t>(i2d_X509(certificate, nullptr)), '\0');
  auto* at = reinterpret_cast<unsigned char*>(der.data());
  EXPECT_EQ(i2d_X509(certificate, &at), static_cast<int>(der.size()));
  return der;
}

/// A signed certificate.
std::string certificate(const Wanted& wanted) {
  EVP_PKEY* const key = wanted.key == EVP_PKEY_RSA  ? EVP_RSA_gen(1024)
                        : wanted.key == EVP_PKEY_EC ? EVP_EC_gen("P-256")
                                                    : EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519");
  X509* const made = X509_new();
  X509_set_version(made, X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(made), 4711);
  ASN1_TIME_set(X509_getm_notBefore(made), static_cast<time_t>(wanted.not_before));
  ASN1_TIME_set(X509_getm_notAfter(made), static_cast<time_t>(wanted.not_after));
  add_entry(X509_get_subject_name(made), "O", "Example");
  if (!wanted.subject.empty()) add_entry(X509_get_subject_name(made), "CN", wanted.subject);
  add_entry(X509_get_issuer_name(made), "C", "DE");
  if (!wanted.issuer.empty()) add_entry(X509_get_issuer_name(made), "CN", wanted.issuer);
  X509_set_pubkey(made, key);
  EXPECT_GT(X509_sign(made, key, wanted.key == EVP_PKEY_ED25519 ? nullptr : EVP_sha256()), 0);
  std::string der = der_of(made);
  X509_free(made);
  EVP_PKEY_free(key);
  return der;
}

TlsCertificateSection decoded(const std::string& der) {
  TlsCertificateSection section{};
  section.certificate_octets = static_cast<std::uint16_t>(std::min(der.size(), TlsCertificateSection::kMost));
  std::memcpy(section.octets, der.data(), section.certificate_octets);
  decode_tls_certificate(section);
  EXPECT_EQ(section.certificate_octets, 0U);
  return section;
}

std::string subject(const TlsCertificateSection& section) {
  return std::string(text_at(section.octets + TlsCertificateSection::kSubjectAt));
}
std::string issuer(const TlsCertificateSection& section) {
  return std::string(text_at(section.octets + TlsCertificateSection::kIssuerAt));
}
std::string public_key(const TlsCertificateSection& section) {
  return std::string(text_at(section.octets + TlsCertificateSection::kPublicKeyAt));
}

TEST(TlsCertificate, HasNamesValidityAndTheAlgorithmOfItsKey) {
  const TlsCertificateSection section = decoded(certificate({}));
  EXPECT_EQ(subject(section), "www.example.org");
  EXPECT_EQ(issuer(section), "Example CA");
  EXPECT_EQ(section.not_before, k2020);
  EXPECT_EQ(section.not_after, k2051);
  EXPECT_EQ(public_key(section), "rsaEncryption");
  EXPECT_EQ(section.known, 0xfU);
}

TEST(TlsCertificate, NamesOtherAlgorithms) {
  Wanted wanted;
  wanted.key = EVP_PKEY_EC;
  EXPECT_EQ(public_key(decoded(certificate(wanted))), "id-ecPublicKey");
  wanted.key = EVP_PKEY_ED25519;
  EXPECT_EQ(public_key(decoded(certificate(wanted))), "ED25519");
  // An algorithm that OpenSSL has no name for: by its numbers.
  std::string der = certificate(wanted);
  const std::string ed25519 = "\x06\x03\x2b\x65\x70";
  der.replace(der.rfind(ed25519, der.rfind(ed25519) - 1), ed25519.size(), "\x06\x03\x2b\x65\x0a");
  EXPECT_EQ(public_key(decoded(der)), "1.3.101.10");
}

TEST(TlsCertificate, WithoutACommonNameHasNone) {
  Wanted wanted;
  wanted.subject = "";
  const TlsCertificateSection section = decoded(certificate(wanted));
  EXPECT_EQ(section.known, 0xfU & ~TlsCertificateSection::kSubject);
  EXPECT_EQ(issuer(section), "Example CA");
}

TEST(TlsCertificate, TakesTheLastOfSeveralCommonNamesAsUtf8) {
  X509* const made = X509_new();
  X509_set_version(made, X509_VERSION_3);
  X509_NAME* const name = X509_get_subject_name(made);
  add_entry(name, "CN", "general");
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>("b\xfcrger"), -1, -1, 0);
  add_entry(name, "OU", "unit");
  X509_NAME_add_entry_by_txt(X509_get_issuer_name(made), "CN", V_ASN1_BMPSTRING,
                             reinterpret_cast<const unsigned char*>("\x00"
                                                                    "C\x00"
                                                                    "A"),
                             4, -1, 0);
  ASN1_TIME_set(X509_getm_notBefore(made), 0);
  ASN1_TIME_set(X509_getm_notAfter(made), 1);
  EVP_PKEY* const key = EVP_EC_gen("P-256");
  X509_set_pubkey(made, key);
  EXPECT_GT(X509_sign(made, key, EVP_sha256()), 0);
  const TlsCertificateSection section = decoded(der_of(made));
  X509_free(made);
  EVP_PKEY_free(key);
  EXPECT_EQ(subject(section), "b\xc3\xbcrger");
  EXPECT_EQ(issuer(section), "CA");
}

TEST(TlsCertificate, SaysThatANameIsLongerThanItsRoom) {
  // OpenSSL makes none longer than 64 characters (RFC 5280 appendix A), but others do.
  const std::string name(300, 'n');
  const auto element = [](std::uint8_t tag, const std::string& content) {
    std::string octets(1, static_cast<char>(tag));
    octets += '\x82';
    octets += static_cast<char>(content.size() >> 8);
    octets += static_cast<char>(content.size());
    return octets + content;
  };
  const std::string long_name =
      element(0x30, element(0x31, element(0x30, std::string("\x06\x03\x55\x04\x03", 5) + element(0x0c, name))));
  const std::string short_name =
      element(0x30, element(0x31, element(0x30, std::string("\x06\x03\x55\x04\x03", 5) + element(0x0c, "x"))));
  const std::string times = element(0x30,
                                    "\x17\x0d"
                                    "200101000000Z"
                                    "\x18\x0f"
                                    "20510101000000Z");
  const std::string key = element(0x30, element(0x30, std::string("\x06\x03\x2b\x65\x70", 5)));
  const std::string tbs =
      element(0x30, std::string("\x02\x01\x07", 3) + element(0x30, "") + short_name + times + long_name + key);
  const TlsCertificateSection section = decoded(element(0x30, tbs));
  EXPECT_EQ(subject(section), std::string(254, 'n'));
  EXPECT_EQ(section.octets[TlsCertificateSection::kSubjectAt], 1U);
  EXPECT_EQ(issuer(section), "x");
  EXPECT_EQ(section.octets[TlsCertificateSection::kIssuerAt], 0U);
  EXPECT_EQ(section.not_before, k2020) << "a certificate of version 1, which does not say so";
  EXPECT_EQ(section.known, 0xfU);
}

TEST(TlsCertificate, OfWhichThereIsOnlyTheBeginningHasWhatComesBeforeTheEnd) {
  const std::string der = certificate({});
  const std::size_t issuer_ends = der.find("Example CA") + 10;
  const std::size_t subject_ends = der.find("www.example.org") + 15;
  unsigned before = 0;
  for (std::size_t octets = 1; octets < der.size(); ++octets) {
    const unsigned known = decoded(der.substr(0, octets)).known;
    EXPECT_EQ(known & before, before) << octets;
    EXPECT_EQ((known & TlsCertificateSection::kIssuer) != 0, octets >= issuer_ends) << octets;
    EXPECT_EQ((known & TlsCertificateSection::kSubject) != 0, octets >= subject_ends) << octets;
    before = known;
  }
  EXPECT_EQ(before, 0xfU);
}

TEST(TlsCertificate, BeforeNineteenSeventyIsZero) {
  std::string der = certificate({});
  const std::size_t at = der.find("200101000000Z");
  ASSERT_NE(at, std::string::npos);
  der.replace(at, 2, "60");
  EXPECT_EQ(decoded(der).not_before, 0U);
  EXPECT_EQ(decoded(der).not_after, k2051);
}

TEST(TlsCertificate, IsNotDecodedTwice) {
  TlsCertificateSection section = decoded(certificate({}));
  const TlsCertificateSection before = section;
  decode_tls_certificate(section);
  EXPECT_EQ(std::memcmp(&section, &before, sizeof section), 0);
}

TEST(TlsCertificate, OfAnyOctetsIsBounded) {
  std::mt19937 random(7);
  const std::string ordinary = certificate({});
  for (unsigned round = 0; round < 20'000; ++round) {
    std::string octets = ordinary.substr(0, 1 + random() % ordinary.size());
    for (unsigned i = 0; i < round % 8; ++i) octets[random() % octets.size()] = static_cast<char>(random());
    const TlsCertificateSection section = decoded(octets);
    for (std::size_t place = 0; place < TlsCertificateSection::kMost; place += kTextPlaceOctets) {
      const std::size_t size = text_at(section.octets + place).size();
      for (std::size_t i = 2 + size; i < kTextPlaceOctets; ++i) ASSERT_EQ(section.octets[place + i], 0U);
    }
  }
}

}  // namespace
}  // namespace weir::test::tls_certificate_test
