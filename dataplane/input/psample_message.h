// The messages of the kernel's packet sampler (psample, generic netlink): from the octets of a datagram to samples.
//
// A datagram holds any number of netlink messages (struct nlmsghdr), each with a generic netlink header and attributes
// (include/uapi/linux/psample.h). Integers are in host order, and lie at any multiple of 4. What comes after the octets
// of the packet (tunnel, user cookie, probability) counts as well, so all attributes are read before anything is used.
//
//   0 IIFINDEX   2 ORIGSIZE       4 GROUP_SEQ     6 DATA     10 OUT_TC       12 LATENCY     14 PROTO         16
//   PROBABILITY 1 OIFINDEX   3 SAMPLE_GROUP   5 SAMPLE_RATE   8 TUNNEL   11 OUT_TC_OCC   13 TIMESTAMP   15 USER_COOKIE
//
// Integers are read by their length, 1 to 8 octets: some senders write interface indexes of 4 octets where the kernel
// writes 2. Attributes that weir does not know are passed over. An attribute that is absent is 0.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace weir {

/// A packet that the kernel sampled.
struct PsampleSample {
  std::span<const std::uint8_t> data;  ///< from the first octet of the link-layer header; cut where `trunc` says so
  std::uint32_t in_if = 0;
  std::uint32_t out_if = 0;
  std::uint32_t original_octets = 0;  ///< of the frame, without FCS
  std::uint32_t group = 0;
  std::uint32_t group_sequence = 0;
  std::uint32_t rate = 0;          ///< one packet in so many; 0: the message does not say
  std::uint16_t protocol = 0;      ///< EtherType, where there is one
  std::uint64_t time_ns = 0;       ///< CLOCK_REALTIME
  std::uint64_t latency_ns = 0;    ///< of switches alone, as the next two
  std::uint64_t queue_octets = 0;  ///< occupancy of the queue that it left by
  std::uint16_t queue = 0;         ///< that it left by
  bool has_time = false;
  bool has_latency = false;
  bool has_queue_octets = false;
  bool has_queue = false;
  std::optional<std::uint64_t> tunnel_id;     ///< of the metadata of a tunnel
  std::span<const std::uint8_t> user_cookie;  ///< of the filter that sampled it
};

/// A message of a datagram.
struct NetlinkMessage {
  std::uint16_t type;
  std::uint32_t port;                     ///< of the sender (nlmsg_pid); 0: the kernel
  std::span<const std::uint8_t> payload;  ///< after the header, without padding
};

/// Takes the message at the front of `datagram`, and moves that to the next one. Nothing: there is none, or (`datagram`
/// is then not empty) it is cut.
std::optional<NetlinkMessage> take_netlink_message(std::span<const std::uint8_t>& datagram);

enum class PsampleVerdict : std::uint8_t {
  sample,
  other,      ///< of another family or command, or not the kernel's
  malformed,  ///< a header or an attribute is longer than the message, or the message has no packet
};

/// Reads a message of the family `family` into `sample`.
PsampleVerdict read_psample(const NetlinkMessage& message, std::uint16_t family, PsampleSample& sample);

/// What is missing in the sequence of a group, which counts the messages that the kernel made, delivered or not.
///
/// The kernel counts without a lock, so a number may come twice or a little late: that is no loss. It begins anew at 0
/// when the group is made anew.
class PsampleSequence {
 public:
  /// Steps back beyond this are a new beginning.
  static constexpr std::uint32_t kGreatestStepBack = 1024;

  void add(std::uint32_t number);
  /// Messages that never came.
  [[nodiscard]] std::uint64_t missing() const { return missing_; }

 private:
  bool begun_ = false;
  std::uint32_t next_ = 0;
  std::uint64_t missing_ = 0;
  std::uint32_t missing_lately_ = 0;  ///< of those: since the last new beginning
};

}  // namespace weir
