#include "dataplane/dpdk/rss_check.h"

#include <arpa/inet.h>
#include <rte_thash.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>

#include "dataplane/dpdk/port.h"

namespace weir::dpdk {
namespace {

constexpr std::size_t kMaxWords = 9;  // two IPv6 addresses and the ports

/// One direction of a conversation: TCP between two hosts, in host order.
struct Tuple {
  std::array<std::uint32_t, 4> source{};
  std::array<std::uint32_t, 4> destination{};
  std::uint16_t source_port = 0;
  std::uint16_t destination_port = 0;
  bool ipv6 = false;

  [[nodiscard]] Tuple reversed() const { return {destination, source, destination_port, source_port, ipv6}; }
};

/// A fixed sequence of words that look random (Steele, Lea, Flood: SplitMix64): the same conversations each time.
class Words {
 public:
  std::uint32_t next() {
    std::uint64_t z = state_ += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return static_cast<std::uint32_t>((z ^ (z >> 31)) >> 32);
  }

 private:
  std::uint64_t state_ = 0;
};

std::vector<Tuple> known_conversations() {
  std::vector<Tuple> all;
  Words words;
  for (const bool ipv6 : {false, true}) {
    for (unsigned i = 0; i < kConversations; ++i) {
      Tuple tuple;
      tuple.ipv6 = ipv6;
      for (std::size_t word = 0; word < (ipv6 ? 4U : 1U); ++word) {
        tuple.source[word] = words.next();
        tuple.destination[word] = words.next();
      }
      tuple.source_port = static_cast<std::uint16_t>(words.next());
      tuple.destination_port = static_cast<std::uint16_t>(words.next());
      all.push_back(tuple);
    }
  }
  return all;
}

std::uint32_t hash_of(const Tuple& tuple, const RssState& state, bool with_ports) {
  std::array<std::uint32_t, kMaxWords> words{};
  std::size_t count = 0;
  const std::size_t length = tuple.ipv6 ? 4 : 1;
  for (std::size_t i = 0; i < length; ++i) words[count++] = tuple.source[i];
  for (std::size_t i = 0; i < length; ++i) words[count++] = tuple.destination[i];
  if (with_ports) words[count++] = static_cast<std::uint32_t>(tuple.source_port) << 16 | tuple.destination_port;
  return toeplitz({words.data(), count}, state.key);
}

/// The queue, or, where the device shows no table, the hash: what is equal there lands together whatever the table.
std::uint32_t place_of(const Tuple& tuple, const RssState& state, bool fragment) {
  const std::uint32_t hash = hash_of(tuple, state, state.hash == RssHash::ports && !fragment);
  return state.redirection.empty() ? hash : state.redirection[hash % state.redirection.size()];
}

std::string text_of(const Tuple& tuple) {
  const auto address = [&tuple](const std::array<std::uint32_t, 4>& words) {
    std::array<std::uint32_t, 4> network{};
    std::transform(words.begin(), words.end(), network.begin(), htonl);
    std::array<char, INET6_ADDRSTRLEN> text{};
    inet_ntop(tuple.ipv6 ? AF_INET6 : AF_INET, network.data(), text.data(), text.size());
    return std::string(text.data());
  };
  return address(tuple.source) + " port " + std::to_string(tuple.source_port) + ", " + address(tuple.destination) +
         " port " + std::to_string(tuple.destination_port);
}

bool can_check(const RssState& state) {
  return state.hash != RssHash::none && state.key.size() >= 4 * (kMaxWords + 1);
}

}  // namespace

std::uint32_t toeplitz(std::span<const std::uint32_t> words, std::span<const std::uint8_t> key) {
  std::array<std::uint32_t, kMaxWords> input{};
  alignas(std::uint32_t) std::array<std::uint8_t, 4 * (kMaxWords + 1)> aligned{};  // rte_softrss reads it by words
  const std::size_t count = std::min(words.size(), kMaxWords);
  std::copy_n(words.begin(), count, input.begin());
  std::copy_n(key.begin(), std::min(key.size(), aligned.size()), aligned.begin());
  return rte_softrss(input.data(), static_cast<std::uint32_t>(count), aligned.data());
}

std::vector<std::uint8_t> symmetric_key(std::size_t octets) {
  std::vector<std::uint8_t> key(octets);
  for (std::size_t i = 0; i < octets; ++i) key[i] = i % 2 == 0 ? 0x6D : 0x5A;
  return key;
}

RssCheck check_rss(const RssState& state) {
  RssCheck check;
  if (!can_check(state)) return check;
  if (!state.redirection.empty()) check.by_queue.resize(state.queues);
  for (const Tuple& tuple : known_conversations()) {
    const std::uint32_t there = place_of(tuple, state, false);
    ++check.conversations;
    if (there < check.by_queue.size()) ++check.by_queue[there];
    if (there != place_of(tuple.reversed(), state, false)) {
      if (++check.split == 1) check.example = text_of(tuple);
    }
    if (there != place_of(tuple, state, true)) ++check.fragments_split;
  }
  return check;
}

unsigned split_between(const RssState& a, const RssState& b) {
  if (!can_check(a) || !can_check(b) || a.redirection.empty() || b.redirection.empty()) return 2 * kConversations;
  unsigned split = 0;
  for (const Tuple& tuple : known_conversations()) {
    split += place_of(tuple, a, false) != place_of(tuple.reversed(), b, false) ? 1 : 0;
  }
  return split;
}

}  // namespace weir::dpdk
