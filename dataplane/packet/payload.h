// Payload: the octets after the transport header of a packet, as far as a metric wants to see them.
//
// Whether it wants any is decided where the packet is received, and by no state of its flow, so that records do not
// depend on who counts the packet: a metric says how many octets of such a packet it wants, and may say no when it sees
// them (MetricSet::choose_payload()). They are copied into a PayloadBuffer of the burst, since the frame may be gone
// before the packet is counted, and they go along when the packet is handed over. Packets that no metric asks about
// cost nothing.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>

#include "dataplane/packet/flow_key.h"
#include "dataplane/packet/packet_facts.h"
#include "dataplane/packet/packet_view.h"

namespace weir {

/// The payload of a packet whose flow's IP header begins `header_offset` octets into the frame (FlowHeader): UDP or
/// TCP, bounded by every length in the headers and by what was captured. Without octets: there is none, or the header
/// is one that an ICMP error quotes. A SYN has one, which may be empty.
[[nodiscard]] PacketPayload find_payload(const PacketView& view, const ParsedPacket& packet,
                                         std::uint32_t header_offset);

/// Room for the payload of a burst's packets, each as long as any: who keeps at most one payload for each of so many
/// packets between two resets always finds room.
class PayloadBuffer {
 public:
  PayloadBuffer() = default;
  /// For `packets` packets; 0: none, which is no memory.
  explicit PayloadBuffer(std::size_t packets)
      : octets_(packets == 0 ? nullptr : std::make_unique<std::uint8_t[]>(packets * PacketPayload::kMost)),
        size_(packets * PacketPayload::kMost) {}

  /// Copies the payload's octets into the buffer, to which it then refers. A payload too many, which no caller has, is
  /// left out.
  void keep(PacketPayload& payload) {
    if (payload.octets == nullptr) [[likely]]
      return;
    payload.captured = std::min(payload.captured, PacketPayload::kMost);
    if (size_ - used_ < payload.captured) {
      payload = {};
      return;
    }
    std::memmove(octets_.get() + used_, payload.octets, payload.captured);
    payload.octets = octets_.get() + used_;
    used_ += payload.captured;
  }
  /// Whether it has memory.
  [[nodiscard]] bool any() const { return size_ != 0; }
  /// The next burst begins. What was kept stays readable until the next keep().
  void reset() { used_ = 0; }

 private:
  std::unique_ptr<std::uint8_t[]> octets_;
  std::size_t size_ = 0;
  std::size_t used_ = 0;
};

}  // namespace weir
