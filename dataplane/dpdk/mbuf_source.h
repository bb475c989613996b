// MbufSource: a worker's receive queues as a PacketSource: rx_burst in, packet views out.
//
// A view points into the mbuf. Where a frame lies in several segments and the first is short, the headers are copied
// together, so that the parser always sees them in one piece: kHeaderOctets hold Ethernet with 8 VLAN tags, IPv6 and
// 400 octets of extension headers, or eight tunnels of VXLAN inside one another. The payload is never needed.
//
// The source runs --frame-filter, and mends the length of frames that net_af_packet cut (wire_length.h); both are marks
// of a view.
//
// Ports take turns in being first, so that a busy one does not starve the others of places in the burst.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "dataplane/dpdk/mbuf_filter.h"
#include "dataplane/dpdk/memory.h"
#include "dataplane/dpdk/queue_waiter.h"
#include "dataplane/input/live_source.h"

struct rte_mbuf;

namespace weir::dpdk {

inline constexpr std::size_t kHeaderOctets = 512;

/// What one worker received from one port. Written by the worker, read by anybody.
struct alignas(64) QueueCounters {
  std::atomic<std::uint64_t> packets{0};
  std::atomic<std::uint64_t> octets{0};
};

/// Written by the control side, read by the workers before each poll: a closed port is not polled.
struct alignas(64) PortGate {
  std::atomic<bool> open{true};
};

struct SourceQueue {
  std::uint16_t port = 0;
  std::uint16_t queue = 0;
  std::uint32_t ingress_interface = 0;
  bool memif = false;            ///< bursts are guarded: see memif_guard.h
  std::uint32_t cut_octets = 0;  ///< a frame of at least as many may have been cut; 0: the device cuts none
  const PortGate* gate = nullptr;
  QueueCounters* counters = nullptr;
};

class MbufSource final : public LiveSource {
 public:
  /// `sleep_ns`, `interrupts`: see QueueWaiter. `filter` may be nullptr; it must outlive the source, and any number of
  /// sources may share it.
  MbufSource(std::vector<SourceQueue> queues, std::uint64_t sleep_ns, bool interrupts,
             const MbufFilter* filter = nullptr);
  ~MbufSource() override;

  std::size_t receive(std::span<PacketView> views, std::uint64_t now_ns) override;
  void release() override;
  bool wait() override { return waiter_.wait(); }

 private:
  /// Asks the filter about the mbufs held from `from` on.
  void judge(std::span<PacketView> views, std::size_t from) const;
  /// Sets the lengths of the frames that may have been cut.
  static void mend_lengths(std::span<PacketView> views, std::uint32_t cut_octets);

  std::vector<SourceQueue> queues_;
  QueueWaiter waiter_;
  const MbufFilter* filter_;
  std::size_t first_ = 0;  ///< index of the queue that is polled first next time
  std::size_t held_ = 0;
  std::array<rte_mbuf*, kBurst> mbufs_{};
  std::unique_ptr<std::array<std::array<std::uint8_t, kHeaderOctets>, kBurst>> headers_;  ///< by place in the burst
};

}  // namespace weir::dpdk
