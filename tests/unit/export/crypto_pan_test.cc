// Crypto-PAn against published vectors, and its one promise: common prefixes stay common, and no longer ones appear.
#include "control/export/crypto_pan.h"

#include <gtest/gtest.h>

#include <bit>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "proto/base/byte_order.h"
#include "proto/base/ip_address.h"

namespace weir::crypto_pan_test {
namespace {

/// The key of the sample that comes with the original program.
constexpr CryptoPanKey kSampleKey{21,  34,  23,  141, 51,  164, 207, 128, 19, 10, 91, 22, 73, 144, 125, 16,
                                  216, 152, 143, 131, 121, 121, 101, 39,  98, 87, 76, 45, 42, 132, 34,  2};

CryptoPan sample() {
  auto pan = CryptoPan::make(kSampleKey);
  EXPECT_TRUE(pan) << pan.error();
  return std::move(*pan);
}

std::string anonymised(CryptoPan& pan, const std::string& text) {
  IpAddress address = parse_ip_address(text).value_or(IpAddress{});
  EXPECT_TRUE(address.has_value()) << text;
  address.ip_version == 4 ? pan.anonymise4(address.octets) : pan.anonymise6(address.octets);
  return address.text();
}

using Vectors = std::vector<std::pair<std::string, std::string>>;

/// sample_trace_raw.dat and sample_trace_sanitized.dat of the original distribution.
const Vectors kIpv4{{"128.11.68.132", "135.242.180.132"},   {"129.118.74.4", "134.136.186.123"},
                    {"130.132.252.244", "133.68.164.234"},  {"141.223.7.43", "141.167.8.160"},
                    {"141.233.145.108", "141.129.237.235"}, {"152.163.225.39", "151.140.114.167"},
                    {"156.29.3.236", "147.225.12.42"},      {"165.247.96.84", "162.9.99.234"},
                    {"166.107.77.190", "160.132.178.185"},  {"192.102.249.13", "252.138.62.131"}};

/// The original has no IPv6; these are the common vectors of the implementations that have (yacryptopan and others).
const Vectors kIpv6{{"::1", "78ff:f001:9fc0:20df:8380:b1f1:704:ed"},
                    {"::2", "78ff:f001:9fc0:20df:8380:b1f1:704:ef"},
                    {"::ffff", "78ff:f001:9fc0:20df:8380:b1f1:704:f838"},
                    {"2001:db8::1", "4401:2bc:603f:d91d:27f:ff8e:e6f1:dc1e"},
                    {"2001:db8::2", "4401:2bc:603f:d91d:27f:ff8e:e6f1:dc1c"}};

TEST(CryptoPan, AnonymisesTheSampleTraceAsTheOriginalDoes) {
  CryptoPan pan = sample();
  for (const auto& [plain, expected] : kIpv4) EXPECT_EQ(anonymised(pan, plain), expected) << plain;
}

TEST(CryptoPan, AnonymisesIpv6AsOthersDo) {
  CryptoPan pan = sample();
  for (const auto& [plain, expected] : kIpv6) EXPECT_EQ(anonymised(pan, plain), expected) << plain;
}

TEST(CryptoPan, GivesTheSameWhateverCameBefore) {
  CryptoPan used = sample();
  std::mt19937_64 random(1);
  for (int i = 0; i < 20'000; ++i) {
    std::uint8_t address[16];
    store_be<std::uint64_t>(address, random());
    store_be<std::uint64_t>(address + 8, random());
    used.anonymise4(address);
    used.anonymise6(address);
  }
  for (int round = 0; round < 2; ++round) {
    for (const auto& [plain, expected] : kIpv4) EXPECT_EQ(anonymised(used, plain), expected) << plain;
    for (const auto& [plain, expected] : kIpv6) EXPECT_EQ(anonymised(used, plain), expected) << plain;
  }
}

int common_bits(std::uint64_t a, std::uint64_t b) {
  return std::countl_zero(a ^ b);
}

TEST(CryptoPan, KeepsTheLengthOfEveryCommonPrefix) {
  CryptoPan pan = sample();
  std::mt19937_64 random(2);
  for (int i = 0; i < 2000; ++i) {
    const std::uint64_t one = random();
    const std::uint64_t other = one ^ random() >> (i % 64);
    for (const bool lower : {false, true}) {  // which half of an IPv6 address differs
      std::uint8_t a[16] = {};
      std::uint8_t b[16] = {};
      store_be<std::uint64_t>(a + (lower ? 8 : 0), one);
      store_be<std::uint64_t>(b + (lower ? 8 : 0), other);
      pan.anonymise6(a);
      pan.anonymise6(b);
      if (lower) {
        EXPECT_EQ(load_be<std::uint64_t>(a), load_be<std::uint64_t>(b));
      }
      const std::size_t at = lower ? 8 : 0;
      EXPECT_EQ(common_bits(load_be<std::uint64_t>(a + at), load_be<std::uint64_t>(b + at)), common_bits(one, other));
    }
    std::uint8_t a[4];
    std::uint8_t b[4];
    store_be<std::uint32_t>(a, static_cast<std::uint32_t>(one >> 32));
    store_be<std::uint32_t>(b, static_cast<std::uint32_t>(other >> 32));
    const int common = common_bits(one | 0xffffffff, other | 0xffffffff);
    pan.anonymise4(a);
    pan.anonymise4(b);
    const std::uint64_t changed_a = std::uint64_t{load_be<std::uint32_t>(a)} << 32;
    const std::uint64_t changed_b = std::uint64_t{load_be<std::uint32_t>(b)} << 32;
    EXPECT_EQ(common_bits(changed_a, changed_b), common);
  }
}

}  // namespace
}  // namespace weir::crypto_pan_test
