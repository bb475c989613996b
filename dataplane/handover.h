// Hand-over: packets that one worker received and another one owns, on their way between the two.
//
// Where the device does not bring both directions of every conversation to one worker, the worker that owns a flow is
// fixed by the flow's hash, and a packet reaches it through a ring that exactly one worker fills and one empties. A
// message is the parsed packet and, where metrics are on, its facts: records do not depend on who received a packet.
#pragma once

#include <atomic>
#include <cstdint>
#include <cstring>
#include <memory>
#include <vector>

#include "dataplane/line_ring.h"
#include "dataplane/packet/flow_key.h"
#include "dataplane/packet/packet_facts.h"

namespace weir {

/// What lies in a hand-over ring. Its first line says how long it is.
struct HandoverMessage {
  std::uint32_t message_lines;  ///< 0: no message begins here
  std::uint32_t reserved;
  ParsedPacket packet;
  PacketFacts facts;  ///< only in a message of kMostLines

  static constexpr unsigned kPlainLines = (8 + sizeof(ParsedPacket) + sizeof(RingLine) - 1) / sizeof(RingLine);
  static constexpr unsigned kMostLines =
      (8 + sizeof(ParsedPacket) + sizeof(PacketFacts) + sizeof(RingLine) - 1) / sizeof(RingLine);

  static unsigned lines(const RingLine& line) {
    std::uint32_t lines;
    std::memcpy(&lines, &line, sizeof lines);
    return lines;
  }
  static void mark_skip(RingLine& line) { std::memset(&line, 0, sizeof(std::uint32_t)); }
};
static_assert(offsetof(HandoverMessage, facts) == 8 + sizeof(ParsedPacket));
static_assert(HandoverMessage::kPlainLines != HandoverMessage::kMostLines, "the length says whether there are facts");

class HandoverRing {
 public:
  explicit HandoverRing(std::size_t lines) : ring_(lines) {}

  /// Producer: false if there is no room. Seen by the other side with publish(). `facts` may be nullptr.
  bool push(const ParsedPacket& packet, const PacketFacts* facts) {
    const unsigned lines = facts == nullptr ? HandoverMessage::kPlainLines : HandoverMessage::kMostLines;
    RingLine* const line = ring_.claim(lines);
    if (line == nullptr) return false;
    auto* const message = reinterpret_cast<HandoverMessage*>(line);
    message->message_lines = lines;
    message->packet = packet;
    if (facts != nullptr) message->facts = *facts;
    ring_.commit(lines);
    return true;
  }
  void publish() { ring_.publish(); }

  /// Consumer: takes up to `most` packets in order, with their facts if `facts` is not nullptr; says how many.
  std::size_t pop(ParsedPacket* packets, PacketFacts* facts, std::size_t most) {
    std::size_t count = 0;
    return ring_.consume(most, [&](const RingLine& line) {
      const auto& message = *reinterpret_cast<const HandoverMessage*>(&line);
      packets[count] = message.packet;
      if (facts != nullptr && message.message_lines == HandoverMessage::kMostLines) facts[count] = message.facts;
      ++count;
    });
  }

 private:
  LineRing<HandoverMessage> ring_;
};

/// The rings between all pairs of `workers` workers, and who has stopped receiving.
class HandoverMesh {
 public:
  /// 5461 packets without facts, 4096 with them: as many as a receive queue has descriptors. A worker that was held up
  /// finds its queue full, and all of it may belong to one other worker that is held up just then. 1 MiB per pair.
  static constexpr std::size_t kRingLines = 1 << 14;
  /// Packets without facts that fit.
  static constexpr std::size_t kRingPackets = kRingLines / HandoverMessage::kPlainLines;

  explicit HandoverMesh(unsigned workers);
  HandoverRing& ring(unsigned from, unsigned to) { return *rings_[from * workers_ + to]; }
  /// What `from` pushed since the last call may be seen.
  void publish(unsigned from) {
    for (unsigned to = 0; to < workers_; ++to) rings_[from * workers_ + to]->publish();
  }

  /// Counted up by each worker once it will hand over no more; read by all.
  std::atomic<unsigned> stopped{0};
  /// Counted up by each worker once it will pass on no fragment any more, which others handed over to it.
  std::atomic<unsigned> passed_on{0};

 private:
  unsigned workers_;
  std::vector<std::unique_ptr<HandoverRing>> rings_;
};

}  // namespace weir
