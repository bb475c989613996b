#include "control/quic_initial.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include <algorithm>
#include <cstring>
#include <string_view>
#include <utility>

#include "proto/base/byte_order.h"

namespace weir {
namespace {

using Octets = std::span<const std::uint8_t>;
using Salt = std::array<std::uint8_t, 20>;

constexpr std::size_t kTagOctets = 16;     // RFC 9001 section 5.3
constexpr std::size_t kSampleOctets = 16;  // section 5.4.3
constexpr std::size_t kSampleAt = 4;       // after the beginning of the packet number: section 5.4.2

// RFC 9001 section 5.2, also drafts 33 and 34.
constexpr Salt kVersion1{0x38, 0x76, 0x2c, 0xf7, 0xf5, 0x59, 0x34, 0xb3, 0x4d, 0x17,
                         0x9a, 0xe6, 0xa4, 0xc8, 0x0c, 0xad, 0xcc, 0xbb, 0x7f, 0x0a};
// RFC 9369 section 3.3.1, and its drafts.
constexpr Salt kVersion2{0x0d, 0xed, 0xe3, 0xde, 0xf7, 0x00, 0xa6, 0xdb, 0x81, 0x93,
                         0x81, 0xbe, 0x6e, 0x26, 0x9d, 0xcb, 0xf9, 0xbd, 0x2e, 0xd9};
constexpr Salt kVersion2Draft{0xa7, 0x07, 0xc2, 0x03, 0xa5, 0x9b, 0x47, 0x18, 0x4a, 0x1d,
                              0x62, 0xca, 0x57, 0x04, 0x06, 0xea, 0x7a, 0xe3, 0xe5, 0xd3};
// draft-ietf-quic-tls section 5.2: -29 to -32, -23 to -28, -22.
constexpr Salt kDraft29{0xaf, 0xbf, 0xec, 0x28, 0x99, 0x93, 0xd2, 0x4c, 0x9e, 0x97,
                        0x86, 0xf1, 0x9c, 0x61, 0x11, 0xe0, 0x43, 0x90, 0xa8, 0x99};
constexpr Salt kDraft23{0xc3, 0xee, 0xf7, 0x12, 0xc7, 0x2e, 0xbb, 0x5a, 0x11, 0xa7,
                        0xd2, 0x43, 0x2b, 0xb4, 0x63, 0x65, 0xbe, 0xf9, 0xf5, 0x02};
constexpr Salt kDraft22{0x7f, 0xbc, 0xdb, 0x0e, 0x7c, 0x66, 0xbb, 0xe9, 0x19, 0x3a,
                        0x96, 0xcd, 0x21, 0x51, 0x9e, 0xbd, 0x7a, 0x02, 0x64, 0x4a};
// Google's Q050, and T050 and T051, which carry TLS.
constexpr Salt kQ050{0x50, 0x45, 0x74, 0xef, 0xd0, 0x66, 0xfe, 0x2f, 0x9d, 0x94,
                     0x5c, 0xfc, 0xdb, 0xd3, 0xa7, 0xf0, 0xd3, 0xb5, 0x6b, 0x45};
constexpr Salt kT050{0x7f, 0xf5, 0x79, 0xe5, 0xac, 0xd0, 0x72, 0x91, 0x55, 0x80,
                     0x30, 0x4c, 0x43, 0xa2, 0x36, 0x7c, 0x60, 0x48, 0x83, 0x10};
constexpr Salt kT051{0x7a, 0x4e, 0xde, 0xf4, 0xe7, 0xcc, 0xee, 0x5f, 0xa4, 0x50,
                     0x6c, 0x19, 0x12, 0x4f, 0xc8, 0xcc, 0xda, 0x6e, 0x03, 0x3d};

/// nullptr: there is none.
const Salt* salt_of(std::uint32_t version) {
  switch (version) {
    case kQuicVersion1:
      return &kVersion1;
    case kQuicVersion2:
      return &kVersion2;
    case kQuicVersion2Draft:
      return &kVersion2Draft;
    case 0x5430'3530:
      return &kT050;
    case 0x5430'3531:
      return &kT051;
    case kQuicGoogle50:
      return &kQ050;
    default:
      break;
  }
  const std::uint32_t draft = quic_draft(version);
  if (draft >= 33) return &kVersion1;
  if (draft >= 29) return &kDraft29;
  if (draft >= 23) return &kDraft23;
  return draft == kQuicFirstDraft ? &kDraft22 : nullptr;
}

/// What HKDF-Expand-Label hashes (RFC 8446 section 7.1) for one block: length, label, no context, the block's number.
struct Info {
  std::array<std::uint8_t, 32> octets{};
  std::size_t count = 0;

  Info(std::size_t length, std::string_view label) {
    constexpr std::string_view kPrefix = "tls13 ";
    octets[1] = static_cast<std::uint8_t>(length);
    octets[2] = static_cast<std::uint8_t>(kPrefix.size() + label.size());
    std::memcpy(octets.data() + 3, kPrefix.data(), kPrefix.size());
    std::memcpy(octets.data() + 3 + kPrefix.size(), label.data(), label.size());
    count = 3 + kPrefix.size() + label.size() + 1;
    octets[count++] = 1;
  }
  [[nodiscard]] Octets all() const { return {octets.data(), count}; }
};

}  // namespace

void QuicInitialOpener::Free::operator()(evp_cipher_st* cipher) const {
  EVP_CIPHER_free(cipher);
}
void QuicInitialOpener::Free::operator()(evp_cipher_ctx_st* context) const {
  EVP_CIPHER_CTX_free(context);
}
void QuicInitialOpener::Free::operator()(evp_mac_st* mac) const {
  EVP_MAC_free(mac);
}
void QuicInitialOpener::Free::operator()(evp_mac_ctx_st* context) const {
  EVP_MAC_CTX_free(context);
}

QuicInitialOpener::QuicInitialOpener()
    : ecb_(EVP_CIPHER_fetch(nullptr, "AES-128-ECB", nullptr)),
      gcm_(EVP_CIPHER_fetch(nullptr, "AES-128-GCM", nullptr)),
      hmac_(EVP_MAC_fetch(nullptr, "HMAC", nullptr)),
      context_(EVP_CIPHER_CTX_new()),
      hmac_context_(hmac_ == nullptr ? nullptr : EVP_MAC_CTX_new(hmac_.get())) {
  if (hmac_context_ == nullptr) return;
  std::array<char, 7> digest{"SHA256"};
  const OSSL_PARAM parameters[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest.data(), 0),
                                   OSSL_PARAM_construct_end()};
  if (EVP_MAC_CTX_set_params(hmac_context_.get(), parameters) != 1) hmac_context_.reset();
}

bool QuicInitialOpener::hmac(Octets key, Octets text, std::array<std::uint8_t, 32>& tag) {
  std::size_t octets = 0;
  return hmac_context_ != nullptr && EVP_MAC_init(hmac_context_.get(), key.data(), key.size(), nullptr) == 1 &&
         EVP_MAC_update(hmac_context_.get(), text.data(), text.size()) == 1 &&
         EVP_MAC_final(hmac_context_.get(), tag.data(), &octets, tag.size()) == 1 && octets == tag.size();
}

std::optional<QuicInitialKeys> QuicInitialOpener::keys(std::uint32_t version, Octets destination, QuicEnd end) {
  const Salt* const salt = salt_of(version);
  if (salt == nullptr) return {};
  const bool second = is_quic_version_2(version);
  QuicInitialKeys keys{};
  std::array<std::uint8_t, 32> secret{};
  std::array<std::uint8_t, 32> derived{};
  const auto expand = [&](std::size_t length, std::string_view label) {
    return hmac(secret, Info(length, label).all(), derived);
  };
  if (!hmac(*salt, destination, secret)) return {};  // HKDF-Extract (RFC 5869 section 2.2)
  if (!expand(32, end == QuicEnd::client ? "client in" : "server in")) return {};
  secret = derived;
  if (!expand(keys.key.size(), second ? "quicv2 key" : "quic key")) return {};
  std::copy_n(derived.begin(), keys.key.size(), keys.key.begin());
  if (!expand(keys.iv.size(), second ? "quicv2 iv" : "quic iv")) return {};
  std::copy_n(derived.begin(), keys.iv.size(), keys.iv.begin());
  if (!expand(keys.header_protection.size(), second ? "quicv2 hp" : "quic hp")) return {};
  std::copy_n(derived.begin(), keys.header_protection.size(), keys.header_protection.begin());
  return keys;
}

bool QuicInitialOpener::mask_of(const QuicInitialKeys& keys, const std::uint8_t* sample,
                                std::array<std::uint8_t, 16>& mask) {
  int octets = 0;
  return EVP_EncryptInit_ex2(context_.get(), ecb_.get(), keys.header_protection.data(), nullptr, nullptr) == 1 &&
         EVP_CIPHER_CTX_set_padding(context_.get(), 0) == 1 &&
         EVP_EncryptUpdate(context_.get(), mask.data(), &octets, sample, kSampleOctets) == 1 &&
         octets == static_cast<int>(mask.size());
}

std::optional<Octets> QuicInitialOpener::open(Octets packet, const QuicPacket& header, const QuicInitialKeys& keys) {
  const std::size_t number_at = header.number_at;
  if (ecb_ == nullptr || gcm_ == nullptr || context_ == nullptr || number_at == 0 || packet.size() != header.octets ||
      packet.size() > kMostOctets || packet.size() < number_at + kSampleAt + kSampleOctets) {
    return {};
  }
  std::array<std::uint8_t, 16> mask{};
  if (!mask_of(keys, packet.data() + number_at + kSampleAt, mask)) return {};
  // The header as it was before its protection (RFC 9001 section 5.4.1): it is what the tag covers besides the payload.
  std::array<std::uint8_t, kMostOctets> clear;
  const std::uint8_t first = packet[0] ^ (mask[0] & 0x0f);
  const std::size_t number_octets = (first & 3U) + 1;
  const std::size_t header_octets = number_at + number_octets;
  std::memcpy(clear.data(), packet.data(), header_octets);
  clear[0] = first;
  std::array<std::uint8_t, 12> nonce = keys.iv;
  for (std::size_t i = 0; i < number_octets; ++i) {
    clear[number_at + i] = packet[number_at + i] ^ mask[1 + i];
    nonce[nonce.size() - number_octets + i] ^= clear[number_at + i];
  }
  if (packet.size() < header_octets + kTagOctets) return {};
  const std::size_t payload = packet.size() - header_octets - kTagOctets;
  std::array<std::uint8_t, kTagOctets> tag{};
  std::memcpy(tag.data(), packet.data() + header_octets + payload, kTagOctets);
  int octets = 0;
  int last = 0;
  evp_cipher_ctx_st* const context = context_.get();
  const bool opened =
      EVP_DecryptInit_ex2(context, gcm_.get(), keys.key.data(), nonce.data(), nullptr) == 1 &&
      EVP_DecryptUpdate(context, nullptr, &octets, clear.data(), static_cast<int>(header_octets)) == 1 &&
      EVP_DecryptUpdate(context, opened_.data(), &octets, packet.data() + header_octets, static_cast<int>(payload)) ==
          1 &&
      EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, kTagOctets, tag.data()) == 1 &&
      EVP_DecryptFinal_ex(context, opened_.data() + octets, &last) == 1;
  if (!opened) return {};
  return Octets(opened_.data(), payload);
}

void QuicCryptoStream::add_frames(Octets frames, std::uint8_t crypto_frame) {
  // RFC 9000 section 19: numbers of frames.
  constexpr std::uint64_t kPadding = 0, kPing = 1, kAck = 2, kAckEcn = 3;
  const auto skip = [&](std::uint64_t integers) {
    for (; integers != 0; --integers) {
      if (!take_quic_integer(frames)) return false;
    }
    return true;
  };
  while (!frames.empty()) {
    const auto type = take_quic_integer(frames);
    if (!type) return;
    if (*type == kPadding || *type == kPing) continue;
    if (*type == kAck || *type == kAckEcn) {
      if (!skip(2)) return;
      const auto ranges = take_quic_integer(frames);
      // Each has two integers: more than there are octets there cannot be.
      if (!ranges || *ranges > frames.size() || !skip(1 + 2 * *ranges + (*type == kAckEcn ? 3 : 0))) return;
      continue;
    }
    if (*type != crypto_frame) return;
    const auto offset = take_quic_integer(frames);
    const auto octets = take_quic_integer(frames);
    if (!offset || !octets || *octets > frames.size()) return;
    add(*offset, frames.first(*octets));
    frames = frames.subspan(*octets);
  }
}

void QuicCryptoStream::add(std::uint64_t offset, Octets octets) {
  if (offset >= kMostOctets) return;
  const std::size_t count = std::min(octets.size(), kMostOctets - static_cast<std::size_t>(offset));
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t at = static_cast<std::size_t>(offset) + i;
    if (there_.test(at)) continue;
    octets_[at] = octets[i];
    there_.set(at);
  }
  while (contiguous_ < kMostOctets && there_.test(contiguous_)) ++contiguous_;
}

}  // namespace weir
