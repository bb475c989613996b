// TlsClient: the client's side of TLS (RFC 8446; 1.2, RFC 5246, at least) between octets of a stream and those of a
// socket.
//
// It has no socket: what came from one is given to it, and what it wants sent waits here. So the exporter alone decides
// when anything blocks, and knows which octets of the stream the peer's host has: what was written ends at a known
// octet of what is sent. It is sure whom it talks to: the certificate must be of an authority that is believed, for the
// host's name or address (RFC 6125; RFC 7011 section 11.3), unless that is turned off.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <string>
#include <tl/expected.hpp>
#include <vector>

struct ssl_st;

namespace weir {

struct TlsOptions {
  std::string ca{};        ///< PEM file of the authorities that are believed; empty: the system's
  std::string cert{};      ///< PEM file of weir's own certificate and those between it and an authority; empty: none
  std::string key{};       ///< of it, without a passphrase
  std::string hostname{};  ///< that the collector's certificate is for; empty: the host of the URI
  bool verify = true;

  /// Reads the files and changes nothing. Error: one line that names the file.
  [[nodiscard]] tl::expected<void, std::string> check_files() const;
};

/// What is wrong with a certificate, as the end of a sentence that names whose it is: "is not for HOST". `result` is
/// OpenSSL's X509_V_ERR_..., `host` the name or address that it had to be for.
std::string certificate_fault(long result, const std::string& host);

class TlsClient {
 public:
  /// Octets of the stream in one record (RFC 8446 section 5.1).
  static constexpr std::size_t kMostInRecord = 16'384;

  enum class State : std::uint8_t { handshake, open, closed, failed };

  /// Reads the files. `host` is the one that was called. Error: one line that names the file.
  static tl::expected<std::unique_ptr<TlsClient>, std::string> make(const TlsOptions& options, const std::string& host);

  /// Octets that came from the socket.
  void received(std::span<const std::uint8_t> octets);
  /// Goes on with the handshake, or takes what the peer says; it has nothing to say that an exporter wants.
  State advance();
  [[nodiscard]] State state() const { return state_; }
  /// Why it failed: one line.
  [[nodiscard]] const std::string& error() const { return error_; }

  /// Encrypts the first octets of the stream's rest, at most kMostInRecord; says how many. In State::open only.
  std::size_t write(std::span<const std::uint8_t> stream);
  /// Says goodbye (close_notify), which then waits to be sent.
  void close();
  /// Octets for the socket.
  [[nodiscard]] std::span<const std::uint8_t> pending() const { return std::span(out_).subspan(out_begin_); }
  /// Memory for them.
  [[nodiscard]] std::size_t pending_capacity() const { return out_.capacity(); }
  /// The first `count` of them were sent.
  void sent(std::size_t count);
  /// The peer's host has the first `octets` of all that was ever sent; says how many octets of the stream it has more
  /// than at the last call.
  std::size_t acknowledged(std::uint64_t octets);

 private:
  struct Delete {
    void operator()(ssl_st* ssl) const;
  };
  /// What was written up to here ends there among the octets for the socket.
  struct Mark {
    std::uint64_t socket_octets;
    std::size_t stream_octets;  ///< more than at the mark before
  };

  TlsClient(ssl_st* ssl, std::string host) : ssl_(ssl), host_(std::move(host)) {}
  void take_output();
  void set_failed(int error);

  std::unique_ptr<ssl_st, Delete> ssl_;
  std::string host_;  ///< that the certificate must be for
  State state_ = State::handshake;
  std::string error_;
  std::vector<std::uint8_t> out_;
  std::size_t out_begin_ = 0;
  std::uint64_t made_octets_ = 0;  ///< for the socket, ever
  std::deque<Mark> marks_;
};

}  // namespace weir
