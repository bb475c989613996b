// RejectRing: rejected frames on their way from a worker to the file of --save-rejects.
//
// A worker makes no system call, so it copies a frame, its first kMostOctets octets at most, into a ring of its own,
// which the control side empties. A frame that finds the ring full is counted by the worker and not saved.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "dataplane/line_ring.h"
#include "dataplane/packet/packet_view.h"
#include "dataplane/packet/reject.h"

namespace weir {

/// What a message begins with; the octets of the frame follow.
struct RejectMessage {
  std::uint16_t message_lines;  ///< 0: no message begins here
  Reject reject;
  LinkType link_type;
  std::uint32_t captured_octets;  ///< that follow
  std::uint32_t frame_octets;
  std::uint32_t ingress_interface;
  std::uint64_t time_ns;

  /// As LineRing wants to know it.
  static unsigned lines(const RingLine& line) {
    std::uint16_t lines;
    std::memcpy(&lines, &line, sizeof lines);
    return lines;
  }
  static void mark_skip(RingLine& line) { std::memset(&line, 0, sizeof(std::uint16_t)); }
};
static_assert(sizeof(RejectMessage) == 24, "a frame of 40 octets takes one line");

class RejectRing {
 public:
  static constexpr std::size_t kMostOctets = 2048 - sizeof(RejectMessage);
  static constexpr std::size_t kLines = 1 << 14;  ///< 1 MiB: at least 512 frames
  static_assert(kLines * sizeof(RingLine) >= 2 * (sizeof(RejectMessage) + kMostOctets), "see LineRing's constructor");

  RejectRing() : ring_(kLines) {}

  /// Worker: false if there is no room.
  bool push(const PacketView& view, Reject reject) {
    const auto octets = static_cast<std::uint32_t>(std::min<std::size_t>(view.captured_octets, kMostOctets));
    const auto count =
        static_cast<unsigned>((sizeof(RejectMessage) + octets + sizeof(RingLine) - 1) / sizeof(RingLine));
    RingLine* const line = ring_.claim(count);
    if (line == nullptr) return false;
    const RejectMessage head{.message_lines = static_cast<std::uint16_t>(count),
                             .reject = reject,
                             .link_type = view.link_type,
                             .captured_octets = octets,
                             .frame_octets = view.frame_octets,
                             .ingress_interface = view.ingress_interface,
                             .time_ns = view.time_ns};
    auto* const to = reinterpret_cast<std::uint8_t*>(line);
    std::memcpy(to, &head, sizeof head);
    if (octets != 0) std::memcpy(to + sizeof head, view.data, octets);
    ring_.commit(count);
    ring_.publish();
    return true;
  }

  /// Control side: calls take(view, reject) for at most `most` frames in order; says for how many.
  template <typename Take>
  std::size_t consume(std::size_t most, Take&& take) {
    return ring_.consume(most, [&](const RingLine& line) {
      RejectMessage head;
      std::memcpy(&head, &line, sizeof head);
      take(PacketView{.data = reinterpret_cast<const std::uint8_t*>(&line) + sizeof head,
                      .captured_octets = head.captured_octets,
                      .frame_octets = head.frame_octets,
                      .time_ns = head.time_ns,
                      .ingress_interface = head.ingress_interface,
                      .link_type = head.link_type,
                      .marks = 0},
           head.reject);
    });
  }

 private:
  LineRing<RejectMessage> ring_;
};

}  // namespace weir
