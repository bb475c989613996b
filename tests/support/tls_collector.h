// A collector over TLS on a port of loopback, and the certificates that it and weir show: authorities, and what they
// sign.
//
// The server's side is OpenSSL's with a blocking socket, on the caller's thread, so that a test says when it reads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include "proto/base/unique_fd.h"

struct ssl_st;
struct ssl_ctx_st;
struct evp_pkey_st;
struct x509_st;

namespace weir::test {

/// PEM files of a certificate and its key.
struct CertificateFiles {
  std::string cert;
  std::string key;
};

/// An authority, whose certificates last a day from now on, or (`days` < 0) have expired so long ago.
class Authority {
 public:
  Authority(std::filesystem::path folder, const std::string& name);
  Authority(const Authority&) = delete;
  Authority& operator=(const Authority&) = delete;
  ~Authority();

  [[nodiscard]] const std::string& file() const { return file_; }
  /// `subject_names` as X509v3 has them: "IP:127.0.0.1", "DNS:collector.example".
  [[nodiscard]] CertificateFiles sign(const std::string& name, const std::string& subject_names, int days = 1) const;

 private:
  std::filesystem::path folder_;
  std::string file_;
  evp_pkey_st* key_;
  x509_st* certificate_;
};

class TlsCollector {
 public:
  /// `clients`: the file of the authority that clients must have a certificate of; empty: they need none.
  explicit TlsCollector(const CertificateFiles& own, const std::string& clients = {}, int receive_octets = 16 * 1024);
  ~TlsCollector();

  [[nodiscard]] std::uint16_t port() const { return port_; }
  /// Waits for a connection and its handshake; false: the client did not go on with it.
  bool accept();
  /// Reads `octets` more of the current connection, or until the client ends it.
  std::string read(std::size_t octets = SIZE_MAX);
  /// The client said goodbye before it closed.
  [[nodiscard]] bool was_told() const;
  /// "TLSv1.3"
  [[nodiscard]] std::string version() const;
  /// The name that the client asked for; empty: none.
  [[nodiscard]] std::string asked_for() const;
  /// Reads nothing until so many octets are there to be read; false when that takes longer than 20 s.
  [[nodiscard]] bool wait_for_unread(int octets) const;
  /// Closes without a goodbye. With data unread the kernel says so to the client: a reset.
  void close();

 private:
  struct Delete {
    void operator()(ssl_st* ssl) const;
    void operator()(ssl_ctx_st* context) const;
  };
  std::unique_ptr<ssl_ctx_st, Delete> context_;
  UniqueFd listener_;
  UniqueFd connection_;
  std::unique_ptr<ssl_st, Delete> ssl_;
  std::uint16_t port_ = 0;
};

}  // namespace weir::test
