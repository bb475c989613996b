// Hand-over: what one worker received and another one owns, on its way between the two.
//
// Where the device does not bring both directions of every conversation to one worker, the worker that owns a flow is
// fixed by the flow's hash, and a packet reaches it through a ring that exactly one worker fills and one empties. Each
// monitor has a key of its own, so one packet may have several owners: a message names the monitor that it is for.
// Fragments are settled before any monitor sees them, so what concerns them is for every monitor.
//
//   packet             a parsed packet of the common stack                                  2 lines
//   packet_whole       a parsed packet with a tunnel, a label, fragments or an extended key 3 lines
//   packet_with_facts  and what metrics want to know of it, where a metric is on            4 lines
//   packet_with_payload  the same with octets that a metric wants to see (payload.h), or an
//                      extended key                                                         5 lines and more
//   fragment_note      what a first fragment says of the later ones of its datagram         1 line
//   icmp_error         what an ICMP error says of a flow of the other worker                4 lines
//   epoch_end          all flows end here: a capture's clock stepped back (time_epochs.h)   1 line
//
// Facts go along because records must not depend on who received a packet. The offline meter's reader gives packets to
// its workers through such rings, too; it alone sends epoch_end, whose place among the packets is what it says.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <vector>

#include "dataplane/line_ring.h"
#include "dataplane/packet/flow_key.h"
#include "dataplane/packet/fragment_note.h"
#include "dataplane/packet/icmp_error.h"
#include "dataplane/packet/packet_facts.h"

namespace weir {

/// What has a packet comes first.
enum class HandoverKind : std::uint8_t {
  packet,
  packet_whole,
  packet_with_facts,
  packet_with_payload,
  fragment_note,
  icmp_error,
  epoch_end
};

/// What every message begins with.
struct HandoverMessage {
  std::uint16_t message_lines;  ///< 0: no message begins here
  HandoverKind kind;
  std::uint8_t monitor;  ///< number of the monitor, or kEveryMonitor
  std::uint32_t reserved;

  static constexpr std::uint8_t kEveryMonitor = 0xff;

  /// As LineRing wants to know it.
  static unsigned lines(const RingLine& line) {
    std::uint16_t lines;
    std::memcpy(&lines, &line, sizeof lines);
    return lines;
  }
  static void mark_skip(RingLine& line) { std::memset(&line, 0, sizeof(std::uint16_t)); }
};

/// kind packet: the members of ParsedPacket that have a meaning where its `facts` is 0.
struct PacketMessage {
  static constexpr std::size_t kPacketOctets = offsetof(ParsedPacket, tunnel);

  HandoverMessage head;
  std::array<std::uint8_t, kPacketOctets> packet;
};

/// kind packet_whole: `packet` lies where PacketMessage has it.
struct PacketWholeMessage {
  HandoverMessage head;
  ParsedPacket packet;
};

/// kind packet_with_facts: `packet` likewise, without its addition.
struct PacketFactsMessage {
  static constexpr std::size_t kPacketOctets = offsetof(ParsedPacket, addition);

  HandoverMessage head;
  std::array<std::uint8_t, kPacketOctets> packet;
  std::array<std::uint8_t, PacketFacts::kSentOctets> facts;
};

/// kind packet_with_payload: so it begins; `captured` octets follow.
struct PacketPayloadMessage {
  PacketFactsMessage facts;
  std::uint32_t captured;
  std::uint32_t whole;
  std::uint32_t wanted_by;
  std::uint32_t reserved;
  KeyAddition addition;  ///< of the packet, like its sighting; with kHasAddition
  std::uint64_t sighting;
};
static_assert(offsetof(PacketMessage, packet) == offsetof(PacketWholeMessage, packet) &&
              offsetof(PacketWholeMessage, packet) == offsetof(PacketFactsMessage, packet));

/// kind fragment_note
struct FragmentNoteMessage {
  HandoverMessage head;
  FragmentNote note;
};

/// kind icmp_error
struct IcmpErrorMessage {
  HandoverMessage head;
  IcmpError error;
};

/// kind epoch_end
struct EpochEndMessage {
  HandoverMessage head;
  std::uint64_t effective_ns;  ///< the last of the epoch
};

template <typename Message>
inline constexpr unsigned kMessageLines = (sizeof(Message) + sizeof(RingLine) - 1) / sizeof(RingLine);
static_assert(sizeof(HandoverMessage) == 8);
static_assert(kMessageLines<PacketMessage> == 2 && kMessageLines<PacketWholeMessage> == 3 &&
                  kMessageLines<PacketFactsMessage> == 4 && kMessageLines<FragmentNoteMessage> == 1 &&
                  kMessageLines<IcmpErrorMessage> == 4 && kMessageLines<EpochEndMessage> == 1,
              "what a crossing costs is the lines that move between two cores");

/// A packet as it lies in a ring.
class SentPacket {
 public:
  /// `payload`: the message that has its addition; nullptr: it lies with the rest.
  SentPacket(const std::uint8_t* octets, bool whole, const PacketPayloadMessage* payload)
      : octets_(octets), whole_(whole), payload_(payload) {}
  /// Into `to`, of which only what has a meaning is written.
  void copy_to(ParsedPacket& to) const {
    constexpr std::size_t kDone = PacketMessage::kPacketOctets;
    std::memcpy(&to, octets_, kDone);
    if (!whole_) [[likely]]
      return;
    std::memcpy(reinterpret_cast<std::uint8_t*>(&to) + kDone, octets_ + kDone,
                PacketFactsMessage::kPacketOctets - kDone);
    if ((to.facts & kHasAddition) == 0) [[likely]]
      return;
    if (payload_ != nullptr) {
      to.addition = payload_->addition;
      to.sighting = payload_->sighting;
    } else {
      constexpr std::size_t kBefore = PacketFactsMessage::kPacketOctets;
      std::memcpy(reinterpret_cast<std::uint8_t*>(&to) + kBefore, octets_ + kBefore, sizeof to - kBefore);
    }
  }

 private:
  const std::uint8_t* octets_;
  bool whole_;
  const PacketPayloadMessage* payload_;
};

/// The facts of a packet as they lie in a ring.
class SentFacts {
 public:
  SentFacts(const std::uint8_t* octets, const PacketPayload& payload) : octets_(octets), payload_(payload) {}
  /// Into `to`, whose payload then lies in the ring, as long as this does.
  void copy_to(PacketFacts& to) const {
    std::memcpy(static_cast<void*>(&to), octets_, PacketFacts::kSentOctets);
    to.payload = payload_;
  }

 private:
  const std::uint8_t* octets_;
  PacketPayload payload_;
};

class HandoverRing {
 public:
  explicit HandoverRing(std::size_t lines) : ring_(lines) {}

  /// Producer: false if there is no room. Seen by the other side with publish(). `facts` may be nullptr.
  bool push(const ParsedPacket& packet, const PacketFacts* facts, std::uint8_t monitor) {
    if (facts != nullptr) {
      if (facts->payload.octets != nullptr || (packet.facts & kHasAddition) != 0) [[unlikely]]
        return push_with_payload(packet, *facts, monitor);
      auto* const message = claim<PacketFactsMessage>(HandoverKind::packet_with_facts, monitor);
      if (message == nullptr) return false;
      std::memcpy(&message->packet, &packet, sizeof message->packet);
      std::memcpy(&message->facts, facts, sizeof message->facts);
      ring_.commit(kMessageLines<PacketFactsMessage>);
    } else if (packet.facts == 0) [[likely]] {
      auto* const message = claim<PacketMessage>(HandoverKind::packet, monitor);
      if (message == nullptr) return false;
      std::memcpy(&message->packet, &packet, sizeof message->packet);
      ring_.commit(kMessageLines<PacketMessage>);
    } else {
      auto* const message = claim<PacketWholeMessage>(HandoverKind::packet_whole, monitor);
      if (message == nullptr) return false;
      message->packet = packet;
      ring_.commit(kMessageLines<PacketWholeMessage>);
    }
    return true;
  }
  bool push(const FragmentNote& note) {
    auto* const message = claim<FragmentNoteMessage>(HandoverKind::fragment_note, HandoverMessage::kEveryMonitor);
    if (message == nullptr) return false;
    message->note = note;
    ring_.commit(kMessageLines<FragmentNoteMessage>);
    return true;
  }
  /// The quoted packet has the monitor's key.
  bool push(const IcmpError& error, std::uint8_t monitor) {
    auto* const message = claim<IcmpErrorMessage>(HandoverKind::icmp_error, monitor);
    if (message == nullptr) return false;
    message->error = error;
    ring_.commit(kMessageLines<IcmpErrorMessage>);
    return true;
  }
  /// For every monitor: the epoch of what was pushed before ends at `effective_ns`.
  bool push_epoch_end(std::uint64_t effective_ns) {
    auto* const message = claim<EpochEndMessage>(HandoverKind::epoch_end, HandoverMessage::kEveryMonitor);
    if (message == nullptr) return false;
    message->effective_ns = effective_ns;
    ring_.commit(kMessageLines<EpochEndMessage>);
    return true;
  }
  void publish() { ring_.publish(); }

  /// Consumer: shows up to `most` messages in order; says how many. `on_packet(monitor, sent, facts)`: `sent` is a
  /// SentPacket, `facts` a const SentFacts*, which is nullptr where the message has none. `on_note(note)`.
  /// `on_icmp_error(monitor, error)`. `on_epoch_end(effective_ns)`.
  template <typename OnPacket, typename OnNote, typename OnIcmpError, typename OnEpochEnd>
  std::size_t consume(std::size_t most, OnPacket&& on_packet, OnNote&& on_note, OnIcmpError&& on_icmp_error,
                      OnEpochEnd&& on_epoch_end) {
    return ring_.consume(most, [&](const RingLine& line) {
      const auto& head = *reinterpret_cast<const HandoverMessage*>(&line);
      if (head.kind > HandoverKind::packet_with_payload) [[unlikely]] {
        if (head.kind == HandoverKind::fragment_note) {
          on_note(reinterpret_cast<const FragmentNoteMessage*>(&line)->note);
        } else if (head.kind == HandoverKind::icmp_error) {
          on_icmp_error(head.monitor, reinterpret_cast<const IcmpErrorMessage*>(&line)->error);
        } else {
          on_epoch_end(reinterpret_cast<const EpochEndMessage*>(&line)->effective_ns);
        }
        return;
      }
      const auto* const message = reinterpret_cast<const PacketFactsMessage*>(&line);
      PacketPayload payload{};
      const PacketPayloadMessage* whole = nullptr;
      if (head.kind == HandoverKind::packet_with_payload) [[unlikely]] {
        whole = reinterpret_cast<const PacketPayloadMessage*>(&line);
        if (whole->wanted_by != 0) {
          payload = {reinterpret_cast<const std::uint8_t*>(whole + 1), whole->captured, whole->whole, whole->wanted_by};
        }
      }
      const SentPacket sent(reinterpret_cast<const std::uint8_t*>(&message->packet), head.kind != HandoverKind::packet,
                            whole);
      const SentFacts facts(message->facts.data(), payload);
      // One call, so that it is inlined.
      on_packet(head.monitor, sent, head.kind < HandoverKind::packet_with_facts ? nullptr : &facts);
    });
  }

 private:
  [[gnu::noinline]] bool push_with_payload(const ParsedPacket& packet, const PacketFacts& facts, std::uint8_t monitor) {
    const bool wanted = facts.payload.octets != nullptr;
    const std::uint32_t captured = wanted ? std::min(facts.payload.captured, PacketPayload::kMost) : 0;
    const auto lines =
        static_cast<std::uint16_t>((sizeof(PacketPayloadMessage) + captured + sizeof(RingLine) - 1) / sizeof(RingLine));
    auto* const message = claim<PacketPayloadMessage>(HandoverKind::packet_with_payload, monitor, lines);
    if (message == nullptr) return false;
    std::memcpy(&message->facts.packet, &packet, sizeof message->facts.packet);
    std::memcpy(&message->facts.facts, &facts, sizeof message->facts.facts);
    message->captured = captured;
    message->whole = facts.payload.whole;
    message->wanted_by = wanted ? facts.payload.wanted_by : 0;
    if ((packet.facts & kHasAddition) != 0) [[unlikely]] {
      message->addition = packet.addition;
      message->sighting = packet.sighting;
    }
    if (wanted) std::memcpy(reinterpret_cast<std::uint8_t*>(message + 1), facts.payload.octets, captured);
    ring_.commit(lines);
    return true;
  }
  template <typename Message>
  Message* claim(HandoverKind kind, std::uint8_t monitor, std::uint16_t lines = kMessageLines<Message>) {
    RingLine* const line = ring_.claim(lines);
    if (line == nullptr) return nullptr;
    auto* const message = reinterpret_cast<Message*>(line);
    // One store of 8 octets, as the compiler makes it of a value that it has whole.
    const auto head = std::bit_cast<std::uint64_t>(HandoverMessage{lines, kind, monitor, 0});
    std::memcpy(static_cast<void*>(message), &head, sizeof head);
    return message;
  }

  LineRing<HandoverMessage> ring_;
};

/// The rings between all pairs of `workers` workers, and who has stopped receiving.
class HandoverMesh {
 public:
  /// 8192 packets of the common stack, 4096 with facts: as many as a receive queue has descriptors. A worker that was
  /// held up finds its queue full, and all of it may belong to one other worker that is held up just then. 1 MiB per
  /// pair.
  static constexpr std::size_t kRingLines = 1 << 14;
  /// Packets that fit: of the common stack, whole, and with facts.
  static constexpr std::size_t kRingPackets = kRingLines / kMessageLines<PacketMessage>;
  static constexpr std::size_t kRingPacketsWhole = kRingLines / kMessageLines<PacketWholeMessage>;
  static constexpr std::size_t kRingPacketsWithFacts = kRingLines / kMessageLines<PacketFactsMessage>;

  /// Where only IcmpErrors go through a ring: 256 of them.
  static constexpr std::size_t kIcmpRingLines = 1 << 10;

  explicit HandoverMesh(unsigned workers, std::size_t ring_lines = kRingLines);
  [[nodiscard]] unsigned workers() const { return workers_; }
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
