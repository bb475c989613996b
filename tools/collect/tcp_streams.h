// TcpStreams: the IPFIX messages in the TCP connections of a capture (RFC 7011 section 10.4).
//
// Each direction of a connection is followed by itself. Segments may come out of order and more than once; a message
// may lie in several of them, and several in one. A direction is export if its first octets are an IPFIX message; where
// the capture did not see the beginning, if one is found in its first 128 KiB. What is no export is forgotten.
//
// What the capture does not have is a hole. It is given up when the receiver has acknowledged what lies after it and a
// second has gone by (merged captures may be out of order by a little), when nothing has filled it for 30 s, or when
// 256 KiB wait after it. Then, as after octets that are no message, the next whole message is looked for, and the
// summary tells of both.
//
// Memory is bounded: 1024 directions with export and 4096 others, of which the one that was silent longest gives way;
// and 64 MiB of octets that wait.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <list>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "tools/collect/ip_packet.h"

namespace weir {

class TcpStreams {
 public:
  static constexpr std::size_t kMostExports = 1024;
  static constexpr std::size_t kMostOthers = 4096;
  static constexpr std::size_t kMostWaitingOctets = std::size_t{64} << 20;
  static constexpr std::size_t kMostAfterAHole = std::size_t{256} << 10;
  static constexpr std::size_t kMostSearched = std::size_t{128} << 10;
  static constexpr std::uint64_t kAcknowledgedWaitNs = 1'000'000'000;
  static constexpr std::uint64_t kLongestWaitNs = 30'000'000'000;

  struct Counts {
    std::uint64_t streams = 0;         ///< directions with export
    std::uint64_t holes = 0;           ///< of these: places where the capture has nothing
    std::uint64_t missing_octets = 0;  ///< there, as far as it is known
    std::uint64_t out_of_step = 0;     ///< places with octets that are no message
    std::uint64_t skipped_octets = 0;  ///< there, after holes, and before the first message of those joined midway
  };
  struct Message {
    std::string exporter;
    std::uint64_t session = 0;
    std::uint64_t received_ns = 0;
    std::vector<std::uint8_t> octets;  ///< empty: the session has ended
  };

  /// Takes a TCP packet; the messages that are whole with it wait for next().
  void add(const IpPacket& packet, std::uint64_t time_ns);
  /// The capture has ended: what waits for a hole is taken without it.
  void finish();
  /// False: there is no message until more packets come.
  bool next(Message& out);

  [[nodiscard]] const Counts& counts() const { return counts_; }

 private:
  enum class State : std::uint8_t {
    begins,     ///< its first octets tell whether it is export
    searching,  ///< for a whole message
    following,  ///< the next octet is a message's first
    other,      ///< no export, or over
  };
  struct Stream {
    std::string key;
    std::string exporter;
    std::uint64_t session = 0;  ///< 0: no message was found yet
    State state = State::begins;
    bool begun = false;  ///< its first segment (SYN) was seen
    std::uint32_t initial_sequence = 0;
    std::uint64_t next = 0;          ///< the sequence number that follows `held`, without wrapping
    std::uint64_t acknowledged = 0;  ///< by the receiver, likewise
    std::uint64_t end = UINT64_MAX;  ///< where it ends (FIN), likewise
    std::uint64_t hole_since_ns = 0;
    std::uint64_t searched_octets = 0;                         ///< before the first message
    std::vector<std::uint8_t> held;                            ///< contiguous octets that are not taken yet
    std::map<std::uint64_t, std::vector<std::uint8_t>> later;  ///< after a hole, by sequence number
    std::size_t later_octets = 0;                              ///< and kLaterOverhead for each

    [[nodiscard]] std::uint64_t unwrapped(std::uint32_t sequence) const {
      const auto ahead = static_cast<std::int32_t>(sequence - static_cast<std::uint32_t>(next));
      return next + static_cast<std::uint64_t>(std::int64_t{ahead});
    }
  };
  using Streams = std::list<Stream>;  ///< the one that was silent longest at the front
  static constexpr std::size_t kLaterOverhead = 128;

  Stream* find(const std::string& key);
  Stream& begin_stream(const std::string& key, const IpPacket& packet, std::uint32_t next);
  Stream* stream_of(const IpPacket& packet, const std::string& key, bool is_first, std::uint32_t sequence);
  void note_acknowledgement(const std::string& key, std::uint32_t number);
  void take_segment(Stream& stream, std::uint64_t sequence, std::span<const std::uint8_t> data);
  void keep_later(Stream& stream, std::uint64_t sequence, std::span<const std::uint8_t> data);
  void take_later(Stream& stream);
  void give_up_hole(Stream& stream);
  void give_up_holes(Stream& stream);
  void take_messages(Stream& stream, bool ended);
  std::size_t take_first(Stream& stream, std::span<const std::uint8_t> octets);
  std::size_t take_next(Stream& stream, std::span<const std::uint8_t> octets);
  std::size_t search(Stream& stream, std::span<const std::uint8_t> octets, bool ended);
  void emit(Stream& stream, std::span<const std::uint8_t> message);
  void set_other(Stream& stream);
  void end(Stream& stream);
  void keep_bounds();

  Streams exports_;
  Streams others_;
  std::map<std::string, Streams::iterator, std::less<>> by_key_;
  std::deque<Message> messages_;
  Counts counts_;
  std::size_t waiting_octets_ = 0;  ///< of all streams: held and later
  std::uint64_t sessions_ = 0;
  std::uint64_t now_ns_ = 0;
};

}  // namespace weir
