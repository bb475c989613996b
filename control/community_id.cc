#include "control/community_id.h"

#include <openssl/evp.h>

#include <array>
#include <cstring>
#include <optional>
#include <utility>

#include "proto/base/byte_order.h"
#include "proto/base/ip_numbers.h"

namespace weir {
namespace {

/// The type that answers this one, or that it answers; none: the type knows no answer.
std::optional<std::uint8_t> counterpart(std::uint8_t protocol, unsigned type) {
  constexpr std::uint8_t kIcmp[][2] = {{8, 0}, {13, 14}, {15, 16}, {10, 9}, {17, 18}};
  constexpr std::uint8_t kIcmpv6[][2] = {{128, 129}, {130, 131}, {133, 134}, {135, 136}, {139, 140}, {144, 145}};
  const auto find = [type](const auto& pairs) -> std::optional<std::uint8_t> {
    for (const auto& pair : pairs) {
      if (pair[0] == type) return pair[1];
      if (pair[1] == type) return pair[0];
    }
    return {};
  };
  return protocol == kProtocolIcmp ? find(kIcmp) : find(kIcmpv6);
}

/// A flow as the specification sees it.
struct Ends {
  const std::uint8_t* address[2];
  std::uint16_t port[2] = {0, 0};
  bool has_ports = false;
  bool one_way = false;  ///< of ICMP types without an answer each direction has an ID of its own
};

Ends ends_of(const FlowRecord& record) {
  Ends ends{{record.source_address, record.destination_address}};
  if (record.is_icmp()) {
    // The type and code of whoever sent something.
    const Direction sender = record.packets[kForward] == 0 && record.packets[kReverse] != 0 ? kReverse : kForward;
    if (sender == kReverse) std::swap(ends.address[0], ends.address[1]);
    const unsigned type = record.icmp(sender) >> 8;
    const std::optional<std::uint8_t> answer = counterpart(record.protocol, type);
    ends.has_ports = true;
    ends.one_way = !answer;
    ends.port[0] = static_cast<std::uint16_t>(type);
    ends.port[1] = answer.value_or(static_cast<std::uint8_t>(record.icmp(sender)));
  } else if (record.protocol == kProtocolTcp || record.protocol == kProtocolUdp || record.protocol == kProtocolSctp) {
    ends.has_ports = true;
    ends.port[0] = record.source_port();
    ends.port[1] = record.destination_port();
  }
  return ends;
}

}  // namespace

void CommunityIdMaker::Free::operator()(evp_md_st* type) const {
  EVP_MD_free(type);
}
void CommunityIdMaker::Free::operator()(evp_md_ctx_st* context) const {
  EVP_MD_CTX_free(context);
}

CommunityIdMaker::CommunityIdMaker(std::uint16_t seed)
    : seed_(seed), sha1_(EVP_MD_fetch(nullptr, "SHA1", nullptr)), context_(EVP_MD_CTX_new()) {}

void CommunityIdMaker::make(IdsSection& ids, const FlowRecord& record) {
  Ends ends = ends_of(record);
  const std::size_t octets = record.ip_version == 4 ? 4 : 16;
  const int order = std::memcmp(ends.address[0], ends.address[1], octets);
  if (!ends.one_way && (order > 0 || (order == 0 && ends.port[0] > ends.port[1]))) {
    std::swap(ends.address[0], ends.address[1]);
    std::swap(ends.port[0], ends.port[1]);
  }
  std::array<std::uint8_t, 2 + 2 * 16 + 2 + 2 * 2> hashed{};
  std::uint8_t* at = hashed.data();
  store_be<std::uint16_t>(at, seed_);
  at += 2;
  for (const std::uint8_t* const address : ends.address) {
    std::memcpy(at, address, octets);
    at += octets;
  }
  *at = record.protocol;
  at += 2;  // an octet of padding, which is zero
  if (ends.has_ports) {
    store_be<std::uint16_t>(at, ends.port[0]);
    store_be<std::uint16_t>(at + 2, ends.port[1]);
    at += 4;
  }
  unsigned length = 0;
  std::array<std::uint8_t, EVP_MAX_MD_SIZE> digest{};
  const bool made =
      sha1_ != nullptr && context_ != nullptr && EVP_DigestInit_ex2(context_.get(), sha1_.get(), nullptr) == 1 &&
      EVP_DigestUpdate(context_.get(), hashed.data(), static_cast<std::size_t>(at - hashed.data())) == 1 &&
      EVP_DigestFinal_ex(context_.get(), digest.data(), &length) == 1;
  if (made && length == kCommunityIdOctets) std::memcpy(ids.community_id, digest.data(), kCommunityIdOctets);
}

}  // namespace weir
