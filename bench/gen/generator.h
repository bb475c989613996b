// Generator: synthetic biflows, frame by frame, the same for the same seed.
//
// A biflow is one cache line: its addresses and ports, where its conversation stands, and what was sent of it. A
// frame is a template of 80 octets (one for each of IPv4/IPv6, TCP/UDP and direction, all in the first-level cache)
// into which the biflow's fields are written; checksums are the template's sum plus the fields' sums. So a frame
// costs one cache miss, the biflow's, and that one is prefetched kLookahead frames ahead. Frames prebuilt per biflow
// would cost three or more. Payload is zeros, so it adds nothing to a checksum and need not be written again
// into a buffer that has it.
//
// TCP biflows are conversations: SYN, SYN/ACK, ACK, data both ways with the right sequence and acknowledgement numbers,
// FIN, FIN/ACK, ACK. A packet that the device refuses is a loss on the wire: the conversation goes on, and only packets
// that commit() was told of count as sent.
//
// If a number of packets is given, exactly that many are made, and every conversation is closed by them: none is opened
// when the remaining packets are needed to close the open ones. A TCP biflow needs 6 packets, so fewer packets make
// fewer biflows than asked for. Without a number, close() starts the closing, which needs up to 5 more packets per open
// conversation.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "bench/gen/zipf_table.h"
#include "dataplane/memory.h"

namespace weir::bench {

inline constexpr unsigned kFcsOctets = 4;
inline constexpr unsigned kMinFrame = 64;    ///< IEEE 802.3, FCS included; IPv4 needs 46 (UDP) and 58 (TCP)
inline constexpr unsigned kMinIpv6Udp = 66;  ///< 14 + 40 + 8 + 4
inline constexpr unsigned kMinIpv6Tcp = 78;  ///< 14 + 40 + 20 + 4
inline constexpr unsigned kMaxFrame = 9600;
inline constexpr std::size_t kHeaderRoom = 80;  ///< octets that next() writes: the longest headers (74), then zeros
/// Initiators are told apart by 24 bits of address (and, later, their port).
inline constexpr std::uint64_t kMaxFlows = 1U << 24;

struct GeneratorOptions {
  std::uint64_t flows = 1000;  ///< biflows at a time
  std::uint64_t packets = 0;   ///< 0: until close()
  unsigned size = 64;          ///< frame with FCS; 0: IMIX
  unsigned ipv6_percent = 0;   ///< of the biflows
  unsigned tcp_percent = 50;   ///< of the biflows of each IP version; the others are UDP
  double zipf = 0;             ///< exponent of popularity by rank; 0: all alike
  std::uint64_t seed = 1;
  std::uint64_t first_serial = 0;  ///< 5-tuples are numbered; shards start at different numbers ...
  std::uint64_t serial_step = 1;   ///< ... and go on in steps, so that they never share a 5-tuple
};

/// IMIX: 7 frames of 64, 4 of 594 and 1 of 1518 octets in 12, which is 361.8 on average. A frame that is too short
/// for its headers has their minimum instead.
inline constexpr std::array<unsigned, 3> kImixSizes{64, 594, 1518};
inline constexpr std::array<unsigned, 3> kImixWeights{7, 4, 1};

/// Error: what is out of range, and the range.
tl::expected<void, std::string> check_options(const GeneratorOptions& options);

/// What next() made.
struct Frame {
  std::uint32_t flow = 0;    ///< for commit()
  std::uint16_t octets = 0;  ///< without FCS
  std::uint16_t ip_octets = 0;
  std::uint8_t direction = 0;  ///< 0 from the initiator
};

enum class Next : std::uint8_t {
  frame,   ///< a frame was made
  commit,  ///< none until what was made before is committed
  done,    ///< there are no more
};

/// A biflow at its end, with what was sent of it.
struct BiflowCount {
  std::array<std::uint8_t, 16> source_address{};  ///< of the initiator; IPv4 in the first 4 octets
  std::array<std::uint8_t, 16> destination_address{};
  std::uint16_t source_port = 0;
  std::uint16_t destination_port = 0;
  std::uint8_t protocol = 0;
  std::uint8_t ip_version = 0;
  std::array<std::uint64_t, 2> packets{};  ///< by direction
  std::array<std::uint64_t, 2> octets{};   ///< of IP
};

struct Totals {
  std::uint64_t packets = 0;
  std::uint64_t octets = 0;        ///< of IP
  std::uint64_t frame_octets = 0;  ///< without FCS
  std::uint64_t flows = 0;         ///< directional 5-tuples of which at least one packet was sent
  std::uint64_t biflows = 0;
};

class Generator {
 public:
  /// `ended` is told of every biflow of which something was sent, when it is replaced or in finish().
  Generator(const GeneratorOptions& options, std::function<void(const BiflowCount&)> ended);

  /// Writes the first kHeaderRoom octets of the next frame to `header`; what follows them is zeros.
  Next next(std::uint8_t* header, Frame& frame);
  /// Tells of a frame that next() made, in order: `sent` or refused. A batch ends with commit_batch().
  void commit(const Frame& frame, bool sent);
  void commit_batch();

  /// Asks for `count` more biflows to be ended and replaced by new ones.
  void replace(std::uint64_t count) { replacements_ += count; }
  /// From now on conversations are closed, then there are no more frames.
  void close() { closing_ = true; }
  /// Reports the biflows that were not replaced. Nothing is made after it.
  void finish();

  [[nodiscard]] const Totals& totals() const { return totals_; }

 private:
  enum class State : std::uint8_t { unopened, syn_sent, syn_acked, established, fin_sent, fin_acked, closed };

  struct alignas(64) Flow {
    std::uint32_t initiator = 0;  ///< low 24 bits of its address
    std::uint32_t responder = 0;  ///< low 16 bits of its address
    std::uint16_t initiator_port = 0;
    std::uint16_t responder_port = 0;
    State state = State::unopened;
    bool ipv6 = false;
    bool tcp = false;
    std::array<std::uint32_t, 2> sequence{};  ///< next one to send, by direction
    std::array<std::uint64_t, 2> packets{};
    std::array<std::uint64_t, 2> octets{};
  };
  static_assert(sizeof(Flow) == 64, "one cache line a biflow");

  struct Template {
    std::array<std::uint8_t, kHeaderRoom> octets{};
    std::uint32_t ip_sum = 0;         ///< of the IPv4 header without length, addresses and checksum
    std::uint32_t transport_sum = 0;  ///< of pseudo header and transport header, likewise
  };

  static constexpr std::size_t kLookahead = 16;

  void start_flow(Flow& flow);
  void report(const Flow& flow);
  std::uint64_t random();
  std::uint32_t draw();
  static unsigned closing_packets(const Flow& flow);
  /// Makes the flow's next frame. `end`: an established conversation begins to close.
  void step(std::uint32_t index, bool end, std::uint8_t* header, Frame& frame);
  void write(Flow& flow, unsigned direction, std::uint8_t tcp_flags, std::uint8_t* header, Frame& frame);
  void build_templates();
  [[nodiscard]] std::uint64_t left() const;

  GeneratorOptions options_;
  std::function<void(const BiflowCount&)> ended_;
  MappedArray<Flow> flows_;            ///< on huge pages: each frame reads a random one
  std::vector<ZipfTable> zipf_;        ///< one, or none
  std::array<Template, 8> templates_;  ///< (ipv6 * 2 + tcp) * 2 + direction
  std::array<std::uint64_t, 4> random_state_{};
  std::array<std::uint32_t, kLookahead> drawn_{};
  std::size_t drawn_next_ = 0;
  std::uint64_t serial_ = 0;
  std::uint64_t made_ = 0;
  std::uint64_t uncommitted_ = 0;
  std::uint64_t to_close_ = 0;  ///< packets that closing everything would take now
  std::uint32_t opened_ = 0;    ///< flows_[0..opened_) have been started
  bool opening_ = true;
  std::uint64_t replacements_ = 0;
  std::uint32_t replace_next_ = 0;
  std::uint32_t close_next_ = 0;
  bool replacing_ = false;  ///< flows_[replace_next_] is being closed to be replaced
  bool closing_ = false;
  Totals totals_;
};

}  // namespace weir::bench
