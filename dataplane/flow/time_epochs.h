// TimeEpochs: effective time, by which flows end, made from the time stamps of captured packets.
//
// Effective time never runs back: it is the greatest packet time so far, so that packets which overtook one another end
// nothing. But if a clock was set back, or if one packet came from the future, all packets after it would count at one
// moment, and flows that are hours apart would become one. So a packet that is stamped more than `max_reordering_ns`
// before effective time, which no reordering explains, says that its clock is not the one from before:
//
//   offset    The clock of its own capture interface went on as it did; it differs from that of the others. From now on
//             the interface's times are moved by the difference.
//   epoch     The interface's own clock was set back. The flows of the epoch end with the times that they have, and
//             effective time begins anew with this packet. An epoch begins at most once in 1000 packets: two clocks
//             that take turns on one interface would end all flows with every packet. The first packet of a file may
//             always begin one, because files are given in any order.
//   ignored   An epoch may not begin yet. The packet counts at the effective time that there is, as if reordered.
//
// A clock that was set forward cannot be told from a pause. A time of 0 is none (pcapng has packets without): such a
// packet was seen at the effective time.
#pragma once

#include <cstdint>
#include <vector>

namespace weir {

class TimeEpochs {
 public:
  static constexpr std::uint64_t kMaxReorderingNs = 10'000'000'000;
  /// Packets from one epoch's beginning to the next one's, at least.
  static constexpr std::uint64_t kLeastPackets = 1000;

  enum class Event : std::uint8_t { none, offset, epoch, ignored };

  struct Step {
    std::uint64_t effective_ns;
    std::uint64_t time_ns;  ///< when the packet was seen: what it was stamped with, moved as its interface's times are
    Event event = Event::none;
    std::uint64_t behind_ns = 0;  ///< where there is an event: how far before the effective time the packet was stamped
  };

  explicit TimeEpochs(std::uint64_t max_reordering_ns = kMaxReorderingNs) : max_reordering_ns_(max_reordering_ns) {}

  /// The next packet is the first one of another file.
  void begin_capture() { first_of_capture_ = packets_ + 1; }

  /// The next packet in arrival order. Event::epoch: the flows up to it end at the effective time before.
  Step step(std::uint64_t time_ns, unsigned interface) {
    ++packets_;
    if (interface < clocks_.size()) [[likely]] {
      Clock& clock = clocks_[interface];
      const std::uint64_t moved_ns = time_ns + clock.offset_ns;
      if (clock.seen && moved_ns >= effective_ns_) [[likely]] {
        effective_ns_ = moved_ns;
        clock.newest_ns = time_ns;
        return {moved_ns, moved_ns};
      }
    }
    return step_aside(time_ns, interface);
  }

  [[nodiscard]] std::uint64_t effective_ns() const { return effective_ns_; }
  /// Effective time that goes on where an epoch begins: for what lasts longer than flows do, such as fragments' notes.
  [[nodiscard]] std::uint64_t steady_ns() const { return effective_ns_ + before_ns_; }

 private:
  /// Of a capture interface. Where it has an offset, its packets' times are moved in records, too: a flow whose two
  /// directions came in at two interfaces has one clock.
  struct Clock {
    std::uint64_t newest_ns = 0;  ///< greatest packet time in this epoch
    std::uint64_t offset_ns = 0;  ///< to be added to its times, modulo 2^64
    bool seen = false;            ///< in this epoch
  };

  Step step_aside(std::uint64_t time_ns, unsigned interface);
  void begin_epoch(std::uint64_t time_ns);

  std::uint64_t max_reordering_ns_;
  std::uint64_t effective_ns_ = 0;
  std::uint64_t before_ns_ = 0;         ///< effective time of all epochs before, less where they began, modulo 2^64
  std::uint64_t packets_ = 0;           ///< steps so far
  std::uint64_t next_epoch_ = 0;        ///< from this packet on another epoch may begin
  std::uint64_t first_of_capture_ = 0;  ///< number of the file's first packet
  std::vector<Clock> clocks_;           ///< by interface
};

}  // namespace weir
