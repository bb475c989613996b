// Initial packets of QUIC (RFC 9001 section 5, RFC 9369 section 3.3): their keys, their payload, and the CRYPTO frames
// in it.
//
// The keys of Initial packets are no secret: they follow from the version and from the connection ID that the client
// chose for the server, so that whoever sees the packets can read them. A packet whose authentication tag is not that
// of its octets is not opened. The AES and the HMAC are OpenSSL's.
#pragma once

#include <array>
#include <bitset>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "proto/base/quic_header.h"

struct evp_cipher_st;
struct evp_cipher_ctx_st;
struct evp_mac_st;
struct evp_mac_ctx_st;

namespace weir {

/// Of one end's packets: what AEAD_AES_128_GCM and header protection by AES need.
struct QuicInitialKeys {
  std::array<std::uint8_t, 16> key;
  std::array<std::uint8_t, 12> iv;
  std::array<std::uint8_t, 16> header_protection;
};
enum class QuicEnd : std::uint8_t { client, server };

class QuicInitialOpener {
 public:
  static constexpr std::size_t kMostOctets = 2048;  ///< of a packet

  QuicInitialOpener();

  /// The keys by which an end protects its Initial packets. `destination`: the connection ID in the client's first one,
  /// or in its first one after a Retry. Nothing: weir does not know the version's salt, or OpenSSL has no HMAC for it.
  [[nodiscard]] std::optional<QuicInitialKeys> keys(std::uint32_t version, std::span<const std::uint8_t> destination,
                                                    QuicEnd end);

  /// The frames of a packet of which `header` is the header. They are valid until the next call. Nothing: the keys are
  /// others, or the packet is not whole.
  [[nodiscard]] std::optional<std::span<const std::uint8_t>> open(std::span<const std::uint8_t> packet,
                                                                  const QuicPacket& header,
                                                                  const QuicInitialKeys& keys);

 private:
  struct Free {
    void operator()(evp_cipher_st* cipher) const;
    void operator()(evp_cipher_ctx_st* context) const;
    void operator()(evp_mac_st* mac) const;
    void operator()(evp_mac_ctx_st* context) const;
  };

  bool hmac(std::span<const std::uint8_t> key, std::span<const std::uint8_t> text, std::array<std::uint8_t, 32>& tag);
  bool mask_of(const QuicInitialKeys& keys, const std::uint8_t* sample, std::array<std::uint8_t, 16>& mask);

  // Looked up once: that takes longer than a packet.
  std::unique_ptr<evp_cipher_st, Free> ecb_, gcm_;
  std::unique_ptr<evp_mac_st, Free> hmac_;
  std::unique_ptr<evp_cipher_ctx_st, Free> context_;
  std::unique_ptr<evp_mac_ctx_st, Free> hmac_context_;
  std::array<std::uint8_t, kMostOctets> opened_{};
};

/// What CRYPTO frames carry (RFC 9000 section 19.6), put together up to a bound: what lies beyond it is left out. Of
/// octets that come twice the first ones count.
class QuicCryptoStream {
 public:
  static constexpr std::size_t kMostOctets = 4096;

  static constexpr std::uint8_t kCryptoFrame = 6;
  static constexpr std::uint8_t kGoogleCryptoFrame = 8;  ///< of Q050

  /// All CRYPTO frames of an Initial packet's payload. Reading ends where another frame than those that such a packet
  /// may have (RFC 9000 section 17.2.2) begins.
  void add_frames(std::span<const std::uint8_t> frames, std::uint8_t crypto_frame = kCryptoFrame);
  void add(std::uint64_t offset, std::span<const std::uint8_t> octets);

  /// What there is without a gap, from the beginning on.
  [[nodiscard]] std::span<const std::uint8_t> octets() const { return {octets_.data(), contiguous_}; }

 private:
  std::array<std::uint8_t, kMostOctets> octets_{};
  std::bitset<kMostOctets> there_;
  std::size_t contiguous_ = 0;
};

}  // namespace weir
