// Initial packets of QUIC clients, protected as RFC 9001 section 5 says: with keys of the code under test, which the
// vectors of the RFCs hold, and an encryption of this file's own.
#pragma once

#include <openssl/evp.h>

#include <array>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>

#include "control/quic_initial.h"
#include "tests/support/quic_packets.h"

namespace weir::test {

inline std::span<const std::uint8_t> octets_of(const std::string& text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

inline std::string crypto_frame(std::size_t offset, const std::string& octets, char type = '\6') {
  return type + quic_integer(offset) + quic_integer(octets.size()) + octets;
}

/// `original`: the connection ID that the keys are made of; `destination`: the one in the header.
inline std::string protected_initial(std::uint32_t version, const std::string& original, const std::string& destination,
                                     const std::string& source, std::string frames, std::uint32_t number = 0,
                                     const std::string& token = "") {
  constexpr std::size_t kNumber = 4, kTag = 16;
  QuicInitialOpener opener;
  const auto keys = opener.keys(version, octets_of(original), QuicEnd::client);
  if (!keys) throw std::runtime_error("there are no keys for this version");
  if (frames.size() < 20) frames.resize(20);  // PADDING, so that there is a sample
  std::string header = quic_long(kQuicInitial, version, destination, source, 0, token);
  header.resize(header.size() - 2);
  const std::size_t number_at = header.size() + 2;
  header += quic_integer(kNumber + frames.size() + kTag) + quic_number(number, kNumber);
  header[0] = static_cast<char>(header[0] | 3);
  std::array<std::uint8_t, 12> nonce = keys->iv;
  for (std::size_t i = 0; i < kNumber; ++i) nonce[8 + i] ^= static_cast<std::uint8_t>(number >> (8 * (3 - i)));
  std::string packet = header + frames + std::string(kTag, '\0');
  auto* const at = reinterpret_cast<std::uint8_t*>(packet.data());
  const std::unique_ptr<EVP_CIPHER_CTX, void (*)(EVP_CIPHER_CTX*)> context(EVP_CIPHER_CTX_new(), EVP_CIPHER_CTX_free);
  int octets = 0;
  std::uint8_t mask[32];
  const bool made =
      EVP_EncryptInit_ex(context.get(), EVP_aes_128_gcm(), nullptr, keys->key.data(), nonce.data()) == 1 &&
      EVP_EncryptUpdate(context.get(), nullptr, &octets, at, static_cast<int>(header.size())) == 1 &&
      EVP_EncryptUpdate(context.get(), at + header.size(), &octets, octets_of(frames).data(),
                        static_cast<int>(frames.size())) == 1 &&
      EVP_EncryptFinal_ex(context.get(), mask, &octets) == 1 &&
      EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_GET_TAG, kTag, at + header.size() + frames.size()) == 1 &&
      EVP_EncryptInit_ex(context.get(), EVP_aes_128_ecb(), nullptr, keys->header_protection.data(), nullptr) == 1 &&
      EVP_EncryptUpdate(context.get(), mask, &octets, at + number_at + 4, 16) == 1;
  if (!made) throw std::runtime_error("OpenSSL does not encrypt");
  at[0] ^= mask[0] & 0x0f;
  for (std::size_t i = 0; i < kNumber; ++i) at[number_at + i] ^= mask[1 + i];
  return packet;
}

}  // namespace weir::test
