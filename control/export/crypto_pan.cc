#include "control/export/crypto_pan.h"

#include <openssl/evp.h>

#include "proto/base/byte_order.h"

namespace weir {
namespace {

/// The first `bits` of 64 bits; 0 to 64.
constexpr std::uint64_t upper_bits(unsigned bits) {
  return bits == 0 ? 0 : ~std::uint64_t{0} << (64 - bits);
}

}  // namespace

void CryptoPan::Free::operator()(evp_cipher_ctx_st* context) const {
  EVP_CIPHER_CTX_free(context);
}

tl::expected<CryptoPan, std::string> CryptoPan::make(const CryptoPanKey& key) {
  CryptoPan pan;
  pan.cipher_.reset(EVP_CIPHER_CTX_new());
  std::array<std::uint8_t, kBlock> pad{};
  int octets = 0;
  const bool made = pan.cipher_ != nullptr &&
                    EVP_EncryptInit_ex2(pan.cipher_.get(), EVP_aes_128_ecb(), key.data(), nullptr, nullptr) == 1 &&
                    EVP_CIPHER_CTX_set_padding(pan.cipher_.get(), 0) == 1 &&
                    EVP_EncryptUpdate(pan.cipher_.get(), pad.data(), &octets, key.data() + kBlock, kBlock) == 1 &&
                    octets == static_cast<int>(kBlock);
  if (!made) return tl::unexpected(std::string("OpenSSL of this machine refuses AES-128"));
  pan.pad_[0] = load_be<std::uint64_t>(pad.data());
  pan.pad_[1] = load_be<std::uint64_t>(pad.data() + 8);
  pan.upper4_.resize(1 << 16);
  pan.upper4_known_.resize(1 << 16);
  pan.networks_.resize(kNetworks);
  return pan;
}

std::uint64_t CryptoPan::flips(std::uint64_t upper, std::uint64_t lower, unsigned from, unsigned to) {
  std::uint8_t* block = blocks_.data();
  for (unsigned bit = from; bit < to; ++bit, block += kBlock) {
    const std::uint64_t keep_upper = upper_bits(bit < 64 ? bit : 64);
    const std::uint64_t keep_lower = upper_bits(bit < 64 ? 0 : bit - 64);
    store_be<std::uint64_t>(block, (upper & keep_upper) | (pad_[0] & ~keep_upper));
    store_be<std::uint64_t>(block + 8, (lower & keep_lower) | (pad_[1] & ~keep_lower));
  }
  int octets = 0;
  // AES of whole blocks with a key that was set cannot fail.
  EVP_EncryptUpdate(cipher_.get(), encrypted_.data(), &octets, blocks_.data(), static_cast<int>((to - from) * kBlock));
  std::uint64_t result = 0;
  for (unsigned i = 0; i < to - from; ++i) result = result << 1 | encrypted_[i * kBlock] >> 7;
  return result;
}

void CryptoPan::anonymise4(std::uint8_t* address) {
  const auto plain = load_be<std::uint32_t>(address);
  const std::uint64_t upper = std::uint64_t{plain} << 32;
  const std::uint32_t half = plain >> 16;
  if (!upper4_known_[half]) {
    upper4_[half] = static_cast<std::uint16_t>(flips(upper, 0, 0, 16));
    upper4_known_[half] = true;
  }
  const auto flipped =
      static_cast<std::uint32_t>(upper4_[half]) << 16 | static_cast<std::uint32_t>(flips(upper, 0, 16, 32));
  store_be<std::uint32_t>(address, plain ^ flipped);
}

std::uint64_t CryptoPan::network(std::uint64_t upper) {
  constexpr std::uint64_t kSpread = 0x9e3779b97f4a7c15;  // 2^64 / golden ratio
  Network& place = networks_[(upper * kSpread) >> 54];
  static_assert(kNetworks == std::size_t{1} << (64 - 54));
  if (!place.known || place.plain != upper) place = {upper, upper ^ flips(upper, 0, 0, 64), true};
  return place.anonymised;
}

void CryptoPan::anonymise6(std::uint8_t* address) {
  const auto upper = load_be<std::uint64_t>(address);
  const auto lower = load_be<std::uint64_t>(address + 8);
  store_be<std::uint64_t>(address, network(upper));
  store_be<std::uint64_t>(address + 8, lower ^ flips(upper, lower, 64, 128));
}

}  // namespace weir
