#include "control/community_id.h"

#include <array>
#include <bit>
#include <cstring>
#include <optional>
#include <utility>

#include "proto/base/byte_order.h"
#include "proto/base/ip_numbers.h"

namespace weir {
namespace {

/// What is hashed: at most 40 octets, so that SHA-1 has one block, padding included.
using Block = std::array<std::uint8_t, 64>;

/// SHA-1 (RFC 3174 section 6.1) of a message that is padded to one block.
void hash_block(const Block& block, std::uint8_t* digest) {
  std::array<std::uint32_t, 80> words;
  for (std::size_t t = 0; t < 16; ++t) words[t] = load_be<std::uint32_t>(block.data() + 4 * t);
  for (std::size_t t = 16; t < 80; ++t) {
    words[t] = std::rotl(words[t - 3] ^ words[t - 8] ^ words[t - 14] ^ words[t - 16], 1);
  }
  constexpr std::array<std::uint32_t, 5> kInitial{0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
  std::uint32_t a = kInitial[0], b = kInitial[1], c = kInitial[2], d = kInitial[3], e = kInitial[4];
  const auto round = [&](std::uint32_t f, std::uint32_t constant, std::uint32_t word) {
    const std::uint32_t next = std::rotl(a, 5) + f + e + word + constant;
    e = d;
    d = c;
    c = std::rotl(b, 30);
    b = a;
    a = next;
  };
  for (std::size_t t = 0; t < 20; ++t) round((b & c) | (~b & d), 0x5a827999, words[t]);
  for (std::size_t t = 20; t < 40; ++t) round(b ^ c ^ d, 0x6ed9eba1, words[t]);
  for (std::size_t t = 40; t < 60; ++t) round((b & c) | (b & d) | (c & d), 0x8f1bbcdc, words[t]);
  for (std::size_t t = 60; t < 80; ++t) round(b ^ c ^ d, 0xca62c1d6, words[t]);
  const std::array<std::uint32_t, 5> last{a, b, c, d, e};
  for (std::size_t i = 0; i < last.size(); ++i) store_be<std::uint32_t>(digest + 4 * i, kInitial[i] + last[i]);
}

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

void make_community_id(IdsSection& ids, const FlowRecord& record, std::uint16_t seed) {
  Ends ends = ends_of(record);
  const std::size_t octets = record.ip_version == 4 ? 4 : 16;
  const int order = std::memcmp(ends.address[0], ends.address[1], octets);
  if (!ends.one_way && (order > 0 || (order == 0 && ends.port[0] > ends.port[1]))) {
    std::swap(ends.address[0], ends.address[1]);
    std::swap(ends.port[0], ends.port[1]);
  }
  Block block{};
  std::uint8_t* at = block.data();
  store_be<std::uint16_t>(at, seed);
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
  const auto bits = static_cast<std::uint64_t>(at - block.data()) * 8;
  *at = 0x80;
  store_be<std::uint64_t>(block.data() + block.size() - 8, bits);
  hash_block(block, ids.community_id);
}

}  // namespace weir
