#include "control/export/flow_choice.h"

#include <sys/random.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <random>
#include <utility>

#include "proto/base/byte_order.h"

namespace weir {
namespace {

/// The four words of SipHash's state.
struct Sip {
  std::uint64_t a, b, c, d;

  void rounds(int count) {
    for (int i = 0; i < count; ++i) {
      a += b;
      c += d;
      b = std::rotl(b, 13) ^ a;
      d = std::rotl(d, 16) ^ c;
      a = std::rotl(a, 32);
      c += b;
      a += d;
      b = std::rotl(b, 17) ^ c;
      d = std::rotl(d, 21) ^ a;
      c = std::rotl(c, 32);
    }
  }
  void add(std::uint64_t word) {
    d ^= word;
    rounds(2);
    a ^= word;
  }
};

std::uint64_t little_endian(const std::uint8_t* octets, std::size_t count) {
  std::uint64_t word = 0;
  for (std::size_t i = 0; i < count; ++i) word |= std::uint64_t{octets[i]} << (8 * i);
  return word;
}

/// Every bit of the result depends on every bit of `value`.
std::uint64_t mixed(std::uint64_t value) {
  value = (value ^ value >> 32) * 0xd6e8feb86659fd93;
  value = (value ^ value >> 32) * 0xd6e8feb86659fd93;
  return value ^ value >> 32;
}

constexpr std::size_t kEnd = 16 + 2;  // address and port

void put_end(std::uint8_t* out, const std::uint8_t* address, std::uint16_t port) {
  std::memcpy(out, address, 16);
  store_be<std::uint16_t>(out + 16, port);
}

}  // namespace

std::uint64_t siphash(const std::uint64_t (&key)[2], const std::uint8_t* octets, std::size_t count) {
  // The words are "somepseudorandomlygeneratedbytes", as the paper has them.
  Sip sip{key[0] ^ 0x736f6d6570736575, key[1] ^ 0x646f72616e646f6d, key[0] ^ 0x6c7967656e657261,
          key[1] ^ 0x7465646279746573};
  std::size_t at = 0;
  for (; at + 8 <= count; at += 8) sip.add(little_endian(octets + at, 8));
  sip.add(little_endian(octets + at, count - at) | std::uint64_t{count & 0xff} << 56);
  sip.c ^= 0xff;
  sip.rounds(4);
  return sip.a ^ sip.b ^ sip.c ^ sip.d;
}

FlowChoice::FlowChoice(const Key& key, const std::vector<std::string>& names)
    : key_{little_endian(key.data(), 8), little_endian(key.data() + 8, 8)} {
  for (const std::string& name : names) {
    names_.push_back(siphash(key_, reinterpret_cast<const std::uint8_t*>(name.data()), name.size()));
  }
}

FlowChoice::Key FlowChoice::random_key() {
  Key key{};
  if (getrandom(key.data(), key.size(), 0) == static_cast<ssize_t>(key.size())) return key;
  std::random_device device;
  for (std::uint8_t& octet : key) octet = static_cast<std::uint8_t>(device());
  return key;
}

std::size_t FlowChoice::choose(const FlowRecord& record, const std::vector<bool>& allowed) const {
  std::array<std::uint8_t, 2 * kEnd + 1> ends{};
  put_end(ends.data(), record.source_address, record.source_port());
  put_end(ends.data() + kEnd, record.destination_address, record.destination_port());
  if (std::memcmp(ends.data(), ends.data() + kEnd, kEnd) > 0) {
    std::swap_ranges(ends.begin(), ends.begin() + kEnd, ends.begin() + kEnd);
  }
  ends[2 * kEnd] = record.protocol;
  const std::uint64_t flow = siphash(key_, ends.data(), ends.size());
  std::size_t best = 0;
  std::uint64_t greatest = 0;
  for (std::size_t i = 0; i < names_.size(); ++i) {
    if (!allowed[i]) continue;
    const std::uint64_t weight = mixed(flow ^ names_[i]) | 1;  // never 0
    if (weight > greatest) {
      greatest = weight;
      best = i;
    }
  }
  return best;
}

}  // namespace weir
