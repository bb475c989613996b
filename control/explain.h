// `weir read --explain N`: how weir saw one packet: each layer with offset and length, the key, the flow it went to, or
// the reject and why. What a user needs when the numbers surprise.
//
// The packets before it take the packet front, too, so that a later fragment finds its ports, and the packet its place
// in its conversation. Conversations are counted here by key alone: timeouts may have made several records of one.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>

#include "dataplane/flow/as_lookup.h"
#include "dataplane/flow/flow_rules.h"
#include "dataplane/flow/key_hash.h"
#include "dataplane/flow/key_mask.h"
#include "dataplane/input/pcap_filter.h"
#include "dataplane/packet_front.h"

namespace weir {

class Explainer {
 public:
  /// `filter`: of --filter; nullptr: none. `frame_filter`: --frame-filter; empty: none. `as_lookup`: where the key has
  /// AS numbers, what they are looked up in.
  Explainer(const ParserOptions& options, const KeyFields& key, const FlowFilter* filter = nullptr,
            const std::string& frame_filter = "", const AsLookup& as_lookup = {});

  /// A packet before the one in question; packets count from 1. Says why it is rejected; Reject::none: it is not.
  Reject skip(const PacketView& view, std::uint64_t number);
  /// The explanation, with a line feed at its end.
  std::string explain(const PacketView& view, std::uint64_t number);

 private:
  struct Conversation {
    std::uint64_t first_packet = 0;
    std::uint64_t packets[2] = {};  ///< by Side
    Side initiator = Side::low;
  };
  struct WholeKey {
    FlowKey key;
    KeyAddition addition{};  ///< all 0 but in an extended key
    friend bool operator==(const WholeKey&, const WholeKey&) = default;
  };
  struct KeyHasher {
    std::size_t operator()(const WholeKey& key) const { return hash(key.key, key.addition); }
    KeyHash hash;
  };

  Explainer(const ParserOptions& options, const KeyFields& key, const FlowFilter* filter,
            const std::string& frame_filter, const AsLookup& as_lookup, const KeyHash& hash);
  /// Makes the packet's key the monitor's.
  void set_key(ParsedPacket& packet, const PacketFacts& facts) const;
  /// What --frame-filter has against the frame, as a line; empty: nothing.
  std::string frame_filtered(const PacketView& view);
  /// Whether --filter keeps the packet out that was just parsed.
  [[nodiscard]] bool keeps_out(const PacketView& view, const ParsedPacket& packet) const;
  /// Finds the flow of a packet whose key is the monitor's, and counts it there.
  Conversation& count(ParsedPacket& packet, std::uint64_t number);
  /// The effective time of a packet of this time.
  std::uint64_t effective_ns(std::uint64_t time_ns);

  const FlowFilter* filter_;
  std::string frame_filter_text_;
  LinkFilter frame_filter_;
  PacketFront front_;
  KeyMask mask_;
  AsLookup as_lookup_;
  FlowRules rules_;
  std::unordered_map<WholeKey, Conversation, KeyHasher> conversations_;
  std::uint64_t now_ns_ = 0;
};

}  // namespace weir
