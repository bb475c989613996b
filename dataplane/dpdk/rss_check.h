// RSS self-check: known conversations through the hash that a device was read back to have, in software.
//
// A device that hashes with the wrong key, or whose redirection table is not what was written, splits conversations
// without a word: half of every flow on one worker, half on another. So weir computes what the device would do
// (Toeplitz, the key and the table read back from it) for kConversations conversations of each IP version and looks
// whether both directions, and the later fragments, which have no ports, land on one queue. Between two ports, too:
// a tap gives each direction a port of its own.
//
// It checks the configuration, not the silicon: that a device hashes as it says is taken from its data sheet. What
// comes of it is seen in the queue shares that stand beside.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "dataplane/rss_hash.h"

namespace weir::dpdk {

/// What a device does with a packet to find its queue, as read back from it.
struct RssState {
  RssHash hash;                            ///< what is hashed
  std::vector<std::uint8_t> key;           ///< of the Toeplitz hash
  std::vector<std::uint16_t> redirection;  ///< queue by hash; empty where the device shows no table
  unsigned queues = 0;
};

struct RssCheck {
  unsigned conversations = 0;      ///< that were tried; 0: the device spreads by no hash that is known
  unsigned split = 0;              ///< whose directions land on different queues
  unsigned fragments_split = 0;    ///< whose later fragments land on another queue than the rest
  std::vector<unsigned> by_queue;  ///< how many land on each queue; empty without a redirection table
  std::string example;             ///< the first that is split
};

/// Known conversations tried for each of IPv4 and IPv6: with 1024, a queue that gets a sixteenth gets 64 of them.
inline constexpr unsigned kConversations = 1024;

/// Toeplitz hash of `words`, each in host order as the Microsoft RSS specification reads them; `key` has at least
/// 4 octets more than `words`.
std::uint32_t toeplitz(std::span<const std::uint32_t> words, std::span<const std::uint8_t> key);

/// The key that makes the hash symmetric: 0x6D5A again and again.
std::vector<std::uint8_t> symmetric_key(std::size_t octets);

RssCheck check_rss(const RssState& state);

/// Of the known conversations, how many are split when one direction arrives on port `a` and the other on port `b`.
unsigned split_between(const RssState& a, const RssState& b);

}  // namespace weir::dpdk
