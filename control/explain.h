// `weir read --explain N`: how weir saw one packet: each layer with offset and length, the key, the flow it went to, or
// the reject and why. What a user needs when the numbers surprise.
//
// The packets before it are parsed, too, so that a later fragment finds its ports, and the packet its place in its
// conversation. Conversations are counted here by key alone: timeouts may have made several records of one.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>

#include "dataplane/flow/key_hash.h"
#include "dataplane/flow/key_mask.h"
#include "dataplane/packet/fragment_cache.h"
#include "dataplane/packet/parser.h"

namespace weir {

class Explainer {
 public:
  Explainer(const ParserOptions& options, const KeyFields& key);

  /// A packet before the one in question; packets count from 1.
  void skip(const PacketView& view, std::uint64_t number);
  /// The explanation, with a line feed at its end. `filter` may be empty.
  std::string explain(const PacketView& view, std::uint64_t number, const std::string& filter);

 private:
  struct Conversation {
    std::uint64_t first_packet = 0;
    std::uint64_t packets[2] = {};  ///< by Side
    Side initiator = Side::low;
  };
  struct KeyHasher {
    std::size_t operator()(const FlowKey& key) const { return hash(key); }
    KeyHash hash;
  };

  /// What a worker does behind the parser; nullptr for a reject.
  Conversation* settle(ParsedPacket& packet, Reject reject, std::uint64_t number);

  Parser parser_;
  KeyMask mask_;
  KeyHash hash_;
  FragmentCache fragments_;
  std::unordered_map<FlowKey, Conversation, KeyHasher> conversations_;
  std::uint64_t now_ns_ = 0;
  bool without_first_ = false;  ///< the last packet was a later fragment whose first is unknown
};

}  // namespace weir
