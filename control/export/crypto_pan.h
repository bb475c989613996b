// CryptoPan: prefix-preserving anonymisation of addresses (Xu, Fan, Ammar, Moon: "Prefix-Preserving IP Address
// Anonymization", ICNP 2002).
//
// Two addresses that have their first n bits in common have them in common afterwards, too, and no more; so networks
// stay networks. One key always gives the same result, so records of several days, probes and exporters with one key
// belong together. Whoever does not have the key learns an address only by knowing how others were changed.
//
// Bit i of the result is bit i of the address, inverted where the first bit of AES-128 of the i bits before it is set;
// what is missing to a block is padding, which is the second half of the key after AES with the first half. IPv6 is the
// same with 128 bits. All bits of an address are encrypted with one call of OpenSSL, which keeps the AES unit busy.
//
// The upper 16 bits of IPv4 addresses are kept in a table (136 KiB), so that an address costs 16 blocks and not 32; of
// IPv6, the upper 64 bits of up to 1024 networks are kept (24 KiB), a newer one in place of an older one. The tables
// hold what follows from the key: the results do not depend on what came before.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <tl/expected.hpp>
#include <vector>

struct evp_cipher_ctx_st;

namespace weir {

/// 16 octets for AES, 16 for the padding.
using CryptoPanKey = std::array<std::uint8_t, 32>;

class CryptoPan {
 public:
  /// Error: OpenSSL has no AES-128, which a policy of the machine may forbid.
  static tl::expected<CryptoPan, std::string> make(const CryptoPanKey& key);

  /// Both replace an address in network order.
  void anonymise4(std::uint8_t* address);
  void anonymise6(std::uint8_t* address);

 private:
  static constexpr std::size_t kBlock = 16;
  static constexpr std::size_t kMostBits = 64;  ///< encrypted with one call
  static constexpr std::size_t kNetworks = 1024;
  struct Free {
    void operator()(evp_cipher_ctx_st* context) const;
  };
  struct Network {
    std::uint64_t plain = 0;
    std::uint64_t anonymised = 0;
    bool known = false;
  };

  CryptoPan() = default;
  /// The bits from `from` up to `to` of the result for an address of which these are the two halves: the lowest
  /// to - from bits. At most kMostBits.
  std::uint64_t flips(std::uint64_t upper, std::uint64_t lower, unsigned from, unsigned to);
  std::uint64_t network(std::uint64_t upper);

  std::unique_ptr<evp_cipher_ctx_st, Free> cipher_;
  std::uint64_t pad_[2] = {};  ///< host order
  std::vector<std::uint16_t> upper4_;
  std::vector<bool> upper4_known_;
  std::vector<Network> networks_;
  std::array<std::uint8_t, kMostBits * kBlock> blocks_{};
  std::array<std::uint8_t, kMostBits * kBlock> encrypted_{};
};

}  // namespace weir
