// StreamWatch: which octets of TCP streams lie near a beginning that somebody looks for.
//
// A receiver that copies payload for metrics knows nothing of flows. A metric that wants the first octets of some
// streams marks where they begin, and asks of each later segment how far after that it is. The table has a fixed size:
// a stream whose place another one takes is no longer watched. All segments of a stream reach the same receiver, so the
// answers do not depend on who counts the packets, only, where streams displace each other, on how many receive them.
// Each metric that watches has a table of its own. A direction of UDP or of another protocol without sequence numbers
// begins at 0.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "dataplane/flow/key_hash.h"
#include "dataplane/packet/flow_key.h"

namespace weir {

class StreamWatch {
 public:
  static constexpr std::uint32_t kNotWatched = 0xffff'ffff;

  /// Without `watching` it has no memory, and may not be asked.
  StreamWatch(const KeyHash& hash, bool watching)
      : hash_(hash), short_tags_(watching ? kPlaces : 0), places_(watching ? kPlaces : 0) {}

  /// The packet's stream begins at `sequence`, as far as anybody looks at it.
  void begin(const ParsedPacket& packet, std::uint32_t sequence) {
    const std::uint64_t hash = hash_of(packet);
    set(hash, {tag_of(hash), sequence});
  }
  /// Nobody looks at it any more.
  void end(const ParsedPacket& packet) {
    const std::uint64_t hash = hash_of(packet);
    if (places_[hash % kPlaces].tag == tag_of(hash)) set(hash, {});
  }
  /// How many octets `sequence` is after the beginning. Before it: a great number.
  [[nodiscard]] std::uint32_t distance(const ParsedPacket& packet, std::uint32_t sequence) const {
    const std::uint64_t hash = hash_of(packet);
    if (short_tags_[hash % kPlaces] != short_tag_of(tag_of(hash))) [[likely]]
      return kNotWatched;
    const Place& place = places_[hash % kPlaces];
    return place.tag == tag_of(hash) ? sequence - place.sequence : kNotWatched;
  }

 private:
  struct Place {
    std::uint32_t tag;  ///< 0: none
    std::uint32_t sequence;
  };
  static constexpr std::size_t kPlaces = 16'384;  // 128 KiB, and 32 KiB of short tags

  /// By direction.
  [[nodiscard]] std::uint64_t hash_of(const ParsedPacket& packet) const {
    const std::uint64_t hash = hash_(packet.key);
    return packet.from == Side::low ? hash : hash ^ 0x9e37'79b9'7f4a'7c15;
  }
  static std::uint32_t tag_of(std::uint64_t hash) { return static_cast<std::uint32_t>(hash >> 32) | 1; }
  static std::uint16_t short_tag_of(std::uint32_t tag) { return static_cast<std::uint16_t>(tag >> 16); }
  void set(std::uint64_t hash, const Place& place) {
    short_tags_[hash % kPlaces] = short_tag_of(place.tag);
    places_[hash % kPlaces] = place;
  }

  KeyHash hash_;
  std::vector<std::uint16_t> short_tags_;  ///< the upper half of each place's tag: most packets look at no more
  std::vector<Place> places_;
};

}  // namespace weir
