#include "control/export/tls_client.h"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstring>
#include <utility>

namespace weir {
namespace {

struct DeleteContext {
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
};
using Context = std::unique_ptr<SSL_CTX, DeleteContext>;

/// The reason of the error that OpenSSL met first; the others are forgotten.
std::string reason() {
  const unsigned long code = ERR_get_error();
  ERR_clear_error();
  if (ERR_SYSTEM_ERROR(code)) return std::strerror(ERR_GET_REASON(code));
  const char* const text = ERR_reason_error_string(code);
  return text == nullptr ? "unknown error" : text;
}

tl::unexpected<std::string> wrong_file(const char* option, const std::string& file) {
  return tl::unexpected(fmt::format("{}={}: {}", option, file, reason()));
}

tl::expected<Context, std::string> make_context(const TlsOptions& options) {
  ERR_clear_error();
  Context context(SSL_CTX_new(TLS_client_method()));
  if (context == nullptr) return tl::unexpected("TLS: " + reason());
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  SSL_CTX_set_options(context.get(), SSL_OP_NO_RENEGOTIATION);
  SSL_CTX_set_mode(context.get(), SSL_MODE_RELEASE_BUFFERS);
  // Nobody is there to type a passphrase.
  SSL_CTX_set_default_passwd_cb(context.get(), [](char* /*to*/, int /*size*/, int /*writes*/, void*) { return 0; });
  if (options.verify) {
    SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
    if (options.ca.empty()) {
      SSL_CTX_set_default_verify_paths(context.get());
    } else if (SSL_CTX_load_verify_locations(context.get(), options.ca.c_str(), nullptr) != 1) {
      return wrong_file("ca", options.ca);
    }
  }
  if (options.cert.empty()) return context;
  if (SSL_CTX_use_certificate_chain_file(context.get(), options.cert.c_str()) != 1) {
    return wrong_file("cert", options.cert);
  }
  if (SSL_CTX_use_PrivateKey_file(context.get(), options.key.c_str(), SSL_FILETYPE_PEM) != 1 ||
      SSL_CTX_check_private_key(context.get()) != 1) {
    return wrong_file("key", options.key);
  }
  return context;
}

}  // namespace

tl::expected<void, std::string> TlsOptions::check_files() const {
  if (auto context = make_context(*this); !context) return tl::unexpected(std::move(context.error()));
  return {};
}

std::string certificate_fault(long result, const std::string& host) {
  if (result == X509_V_ERR_HOSTNAME_MISMATCH || result == X509_V_ERR_IP_ADDRESS_MISMATCH) return "is not for " + host;
  return fmt::format("is not believed: {}", X509_verify_cert_error_string(result));
}

void TlsClient::Delete::operator()(ssl_st* ssl) const {
  SSL_free(ssl);
}

tl::expected<std::unique_ptr<TlsClient>, std::string> TlsClient::make(const TlsOptions& options,
                                                                      const std::string& host) {
  auto context = make_context(options);
  if (!context) return tl::unexpected(context.error());
  SSL* const ssl = SSL_new(context->get());
  if (ssl == nullptr) return tl::unexpected("TLS: " + reason());
  const std::string& name = options.hostname.empty() ? host : options.hostname;
  std::unique_ptr<TlsClient> client(new TlsClient(ssl, name));
  SSL_set_bio(ssl, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
  SSL_set_connect_state(ssl);
  X509_VERIFY_PARAM* const wanted = SSL_get0_param(ssl);
  if (X509_VERIFY_PARAM_set1_ip_asc(wanted, name.c_str()) != 1) {  // it is no address
    ERR_clear_error();
    X509_VERIFY_PARAM_set_hostflags(wanted, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    if (SSL_set1_host(ssl, name.c_str()) != 1 || SSL_set_tlsext_host_name(ssl, name.c_str()) != 1) {
      return tl::unexpected(fmt::format("TLS: {}: {}", name, reason()));
    }
  }
  return client;
}

void TlsClient::received(std::span<const std::uint8_t> octets) {
  BIO_write(SSL_get_rbio(ssl_.get()), octets.data(), static_cast<int>(std::min<std::size_t>(octets.size(), INT_MAX)));
}

TlsClient::State TlsClient::advance() {
  if (state_ == State::closed || state_ == State::failed) return state_;
  ERR_clear_error();
  if (state_ == State::handshake) {
    const int result = SSL_do_handshake(ssl_.get());
    const int error = SSL_get_error(ssl_.get(), result);
    if (result == 1) {
      state_ = State::open;
    } else if (error != SSL_ERROR_WANT_READ) {
      set_failed(error);
    }
  }
  while (state_ == State::open) {
    std::array<std::uint8_t, 512> ignored;
    const int result = SSL_read(ssl_.get(), ignored.data(), static_cast<int>(ignored.size()));
    if (result > 0) continue;
    const int error = SSL_get_error(ssl_.get(), result);
    if (error == SSL_ERROR_WANT_READ) break;
    if (error == SSL_ERROR_ZERO_RETURN) {
      state_ = State::closed;
    } else {
      set_failed(error);
    }
  }
  take_output();
  return state_;
}

void TlsClient::set_failed(int error) {
  const unsigned long code = ERR_peek_error();
  const bool of_ssl = error == SSL_ERROR_SSL && ERR_GET_LIB(code) == ERR_LIB_SSL;
  const int why = of_ssl ? ERR_GET_REASON(code) : 0;
  if (why == SSL_R_CERTIFICATE_VERIFY_FAILED) {
    error_ = "the collector's certificate " + certificate_fault(SSL_get_verify_result(ssl_.get()), host_);
  } else if (why == SSL_R_WRONG_VERSION_NUMBER || why == SSL_R_HTTP_REQUEST) {
    error_ = "the collector does not speak TLS";
  } else if (why == SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED) {
    error_ = "the collector wants a certificate: give cert= and key=";
  } else if (why == SSL_R_TLSV1_ALERT_UNKNOWN_CA) {
    error_ = "the collector does not believe the certificate of cert=";
  } else {
    error_ = "TLS: " + reason();
  }
  ERR_clear_error();
  state_ = State::failed;
}

std::size_t TlsClient::write(std::span<const std::uint8_t> stream) {
  const std::size_t count = std::min(stream.size(), kMostInRecord);
  if (state_ != State::open || count == 0) return 0;
  ERR_clear_error();
  const int result = SSL_write(ssl_.get(), stream.data(), static_cast<int>(count));
  take_output();
  if (result <= 0) {
    set_failed(SSL_get_error(ssl_.get(), result));
    return 0;
  }
  marks_.push_back({made_octets_, static_cast<std::size_t>(result)});
  return static_cast<std::size_t>(result);
}

void TlsClient::close() {
  if (state_ != State::open) return;
  ERR_clear_error();
  SSL_shutdown(ssl_.get());
  take_output();
  state_ = State::closed;
}

void TlsClient::take_output() {
  BIO* const from = SSL_get_wbio(ssl_.get());
  const std::size_t count = BIO_ctrl_pending(from);
  if (count == 0) return;
  out_.erase(out_.begin(), out_.begin() + static_cast<std::ptrdiff_t>(out_begin_));
  out_begin_ = 0;
  const std::size_t before = out_.size();
  out_.resize(before + count);
  BIO_read(from, out_.data() + before, static_cast<int>(count));
  made_octets_ += count;
}

void TlsClient::sent(std::size_t count) {
  out_begin_ += count;
}

std::size_t TlsClient::acknowledged(std::uint64_t octets) {
  std::size_t more = 0;
  while (!marks_.empty() && marks_.front().socket_octets <= octets) {
    more += marks_.front().stream_octets;
    marks_.pop_front();
  }
  return more;
}

}  // namespace weir
