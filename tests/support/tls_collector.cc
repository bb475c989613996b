#include "tests/support/tls_collector.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <thread>
#include <utility>

namespace weir::test {
namespace {

X509* make_certificate(const std::string& name, EVP_PKEY* key, X509* issuer, EVP_PKEY* issuer_key,
                       const std::string& extension_name, const std::string& extension, int days) {
  static long serial = 0;
  X509* const certificate = X509_new();
  X509_set_version(certificate, X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), ++serial);
  constexpr long kDay = 24 * 3600;
  X509_gmtime_adj(X509_getm_notBefore(certificate), days < 0 ? (days - 1) * kDay : -60);
  X509_gmtime_adj(X509_getm_notAfter(certificate), days * kDay);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
  X509_set_issuer_name(certificate, X509_get_subject_name(issuer == nullptr ? certificate : issuer));
  X509_set_pubkey(certificate, key);
  X509_EXTENSION* const added =
      X509V3_EXT_conf_nid(nullptr, nullptr, OBJ_sn2nid(extension_name.c_str()), extension.c_str());
  X509_add_ext(certificate, added, -1);
  X509_EXTENSION_free(added);
  EXPECT_GT(X509_sign(certificate, issuer_key, EVP_sha256()), 0);
  return certificate;
}

CertificateFiles write_files(const std::filesystem::path& folder, const std::string& name, X509* certificate,
                             EVP_PKEY* key) {
  CertificateFiles files{folder / (name + ".pem"), folder / (name + ".key")};
  std::FILE* out = std::fopen(files.cert.c_str(), "w");
  EXPECT_EQ(PEM_write_X509(out, certificate), 1);
  std::fclose(out);
  out = std::fopen(files.key.c_str(), "w");
  EXPECT_EQ(PEM_write_PrivateKey(out, key, nullptr, nullptr, 0, nullptr, nullptr), 1);
  std::fclose(out);
  return files;
}

}  // namespace

Authority::Authority(std::filesystem::path folder, const std::string& name)
    : folder_(std::move(folder)), key_(EVP_EC_gen("P-256")) {
  certificate_ = make_certificate(name, key_, nullptr, key_, "basicConstraints", "critical,CA:TRUE", 1);
  file_ = write_files(folder_, name, certificate_, key_).cert;
}

Authority::~Authority() {
  X509_free(certificate_);
  EVP_PKEY_free(key_);
}

CertificateFiles Authority::sign(const std::string& name, const std::string& subject_names, int days) const {
  EVP_PKEY* const key = EVP_EC_gen("P-256");
  X509* const certificate = make_certificate(name, key, certificate_, key_, "subjectAltName", subject_names, days);
  CertificateFiles files = write_files(folder_, name, certificate, key);
  X509_free(certificate);
  EVP_PKEY_free(key);
  return files;
}

void TlsCollector::Delete::operator()(ssl_st* ssl) const {
  SSL_free(ssl);
}
void TlsCollector::Delete::operator()(ssl_ctx_st* context) const {
  SSL_CTX_free(context);
}

TlsCollector::TlsCollector(const CertificateFiles& own, const std::string& clients, int receive_octets)
    : context_(SSL_CTX_new(TLS_server_method())), listener_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  EXPECT_EQ(SSL_CTX_use_certificate_chain_file(context_.get(), own.cert.c_str()), 1);
  EXPECT_EQ(SSL_CTX_use_PrivateKey_file(context_.get(), own.key.c_str(), SSL_FILETYPE_PEM), 1);
  if (!clients.empty()) {
    SSL_CTX_set_verify(context_.get(), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
    EXPECT_EQ(SSL_CTX_load_verify_locations(context_.get(), clients.c_str(), nullptr), 1);
  }
  setsockopt(listener_.get(), SOL_SOCKET, SO_RCVBUF, &receive_octets, sizeof receive_octets);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  EXPECT_EQ(bind(listener_.get(), reinterpret_cast<const sockaddr*>(&address), length), 0);
  EXPECT_EQ(listen(listener_.get(), 8), 0);
  EXPECT_EQ(getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address), &length), 0);
  port_ = ntohs(address.sin_port);
}

TlsCollector::~TlsCollector() = default;

bool TlsCollector::accept() {
  close();
  connection_ = UniqueFd(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
  ssl_.reset(SSL_new(context_.get()));
  SSL_set_fd(ssl_.get(), connection_.get());
  ERR_clear_error();
  return SSL_accept(ssl_.get()) == 1;
}

std::string TlsCollector::read(std::size_t octets) {
  std::string out;
  std::array<char, 16384> part;
  while (out.size() < octets) {
    ERR_clear_error();
    const int got = SSL_read(ssl_.get(), part.data(), static_cast<int>(std::min(part.size(), octets - out.size())));
    if (got <= 0) break;
    out.append(part.data(), static_cast<std::size_t>(got));
  }
  return out;
}

bool TlsCollector::was_told() const {
  return (SSL_get_shutdown(ssl_.get()) & SSL_RECEIVED_SHUTDOWN) != 0;
}

std::string TlsCollector::version() const {
  return SSL_get_version(ssl_.get());
}

std::string TlsCollector::asked_for() const {
  const char* const name = SSL_get_servername(ssl_.get(), TLSEXT_NAMETYPE_host_name);
  return name == nullptr ? std::string() : name;
}

bool TlsCollector::wait_for_unread(int octets) const {
  for (int i = 0; i < 20'000; ++i) {
    int unread = 0;
    if (ioctl(connection_.get(), FIONREAD, &unread) == 0 && unread >= octets) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return false;
}

void TlsCollector::close() {
  ssl_.reset();
  connection_.reset();
}

}  // namespace weir::test
