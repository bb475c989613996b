// FragmentCache: what first fragments said, for the later fragments of their datagrams.
//
// A later fragment has no transport header. It takes the ports (and for IPv6 the final protocol) of an earlier first
// fragment with the same addresses, identification and protocol. The latest first fragment wins, because
// identifications are used again. A later fragment that comes before its first one counts with ports 0, and is counted
// by name.
//
// Bounded: kSets x kWays lines of 64 octets, 512 KiB, taken from the system when they are first written. A set is four
// neighbouring lines; in a full set the oldest line is replaced. An entry is valid for kTimeoutNs, 60 s, the time for
// which a host waits for the rest of a datagram (RFC 8200 §4.5, RFC 1122 §3.3.2). At most 8192 datagrams in 60 s per
// worker are certainly kept; of more, the latest are. On a link the fragments of a datagram come within milliseconds.
// Time is effective time, which never runs back. The hash is keyed, so that nobody can aim at a set.
#pragma once

#include <cstddef>
#include <cstdint>

#include "dataplane/flow/key_hash.h"
#include "dataplane/memory.h"
#include "dataplane/packet/flow_key.h"
#include "dataplane/packet/fragment_note.h"

namespace weir {

class FragmentCache {
 public:
  static constexpr std::size_t kSets = 2048;
  static constexpr std::size_t kWays = 4;
  static constexpr std::uint64_t kTimeoutNs = 60'000'000'000;

  explicit FragmentCache(const KeyHash& hash) : hash_(hash), lines_(kSets * kWays) {}
  [[nodiscard]] bool ok() const { return lines_.size() != 0; }
  void touch(Touching* touching = nullptr) { lines_.touch(touching); }
  [[nodiscard]] std::size_t octets() const { return lines_.octets(); }

  void learn(const FragmentNote& note, std::uint64_t now_ns);
  /// Fills in the ports, the protocol and the filters' verdict of a later fragment. False: its first fragment was not
  /// seen.
  bool resolve(ParsedPacket& packet, std::uint64_t now_ns) const;

  /// The hash by which a fragment's worker is chosen: of what all fragments of the datagram have in common.
  [[nodiscard]] std::uint64_t hash_of(const FragmentNote& note) const { return hash_(identity(note)); }
  [[nodiscard]] std::uint64_t hash_of(const ParsedPacket& packet) const { return hash_(identity(note_of(packet))); }

 private:
  struct alignas(64) Line {
    FlowKey datagram;       ///< identity(); 0: the line is free
    std::uint64_t time_ns;  ///< when it was learned
    std::uint16_t source_port;
    std::uint16_t destination_port;
    std::uint8_t protocol;  ///< the final one
    std::uint8_t filtered_by;
  };
  static_assert(sizeof(Line) == 64, "one cache line a datagram");

  /// The fragment that a packet with kLaterFragment is.
  static FragmentNote note_of(const ParsedPacket& packet) {
    return {.key = packet.key,
            .from = packet.from,
            .fragment_protocol = packet.fragment_protocol,
            .filtered_by = 0,
            .fragment_id = packet.fragment_id};
  }
  /// What all fragments of a datagram have in common, in the form of a key: both addresses, the identification in
  /// place of the ports, the protocol that every fragment names, and the direction.
  static FlowKey identity(const FragmentNote& note);

  KeyHash hash_;
  MappedArray<Line> lines_;
};

}  // namespace weir
