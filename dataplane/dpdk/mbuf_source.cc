#include "dataplane/dpdk/mbuf_source.h"

#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <rte_prefetch.h>

#include <algorithm>
#include <utility>

#include "dataplane/dpdk/memif_guard.h"
#include "dataplane/packet/wire_length.h"

namespace weir::dpdk {

namespace {

std::vector<QueueWaiter::Queue> waited_for(const std::vector<SourceQueue>& queues) {
  std::vector<QueueWaiter::Queue> out;
  out.reserve(queues.size());
  for (const SourceQueue& queue : queues) out.push_back({queue.port, queue.queue});
  return out;
}

}  // namespace

MbufSource::MbufSource(std::vector<SourceQueue> queues, std::uint64_t sleep_ns, bool interrupts,
                       const MbufFilter* filter)
    : queues_(std::move(queues)),
      waiter_(waited_for(queues_), sleep_ns, interrupts),
      filter_(filter),
      headers_(new std::array<std::array<std::uint8_t, kHeaderOctets>, kBurst>) {
  marks_ = filter != nullptr ||
           std::any_of(queues_.begin(), queues_.end(), [](const SourceQueue& queue) { return queue.cut_octets != 0; });
}

MbufSource::~MbufSource() {
  release();
}

std::size_t MbufSource::receive(std::span<PacketView> views, std::uint64_t now_ns) {
  release();
  const std::size_t room = std::min(views.size(), kBurst + std::size_t{0});
  std::size_t index = first_;
  for (std::size_t turn = 0; turn < queues_.size() && held_ < room; ++turn) {
    const SourceQueue& queue = queues_[index];
    index = index + 1 == queues_.size() ? 0 : index + 1;
    if (!queue.gate->open.load(std::memory_order_acquire)) [[unlikely]]
      continue;
    const auto wanted = static_cast<std::uint16_t>(room - held_);
    rte_mbuf** to = mbufs_.data() + held_;
    const std::uint16_t count = queue.memif ? guarded_rx_burst(queue.port, queue.queue, to, wanted)
                                            : rte_eth_rx_burst(queue.port, queue.queue, to, wanted);
    if (count == 0) continue;
    std::uint64_t octets = 0;
    for (std::size_t slot = held_; slot < held_ + count; ++slot) {
      rte_mbuf* mbuf = mbufs_[slot];
      const std::uint8_t* data = rte_pktmbuf_mtod(mbuf, const std::uint8_t*);
      // The parser comes a whole burst later: the lines are there by then. The flags of TCP over IPv6 are in the
      // second.
      rte_prefetch0(data);
      if (mbuf->data_len > 64) rte_prefetch0(data + 64);
      std::uint32_t captured = mbuf->data_len;
      if (captured < kHeaderOctets && mbuf->nb_segs > 1) [[unlikely]] {
        std::uint8_t* copy = (*headers_)[slot].data();
        captured = std::min<std::uint32_t>(mbuf->pkt_len, kHeaderOctets);
        // Copies into `copy` when the octets are not in one piece, which is the case here.
        const void* found = rte_pktmbuf_read(mbuf, 0, captured, copy);
        if (found != nullptr) {
          data = static_cast<const std::uint8_t*>(found);
        } else {
          captured = mbuf->data_len;
        }
      }
      octets += mbuf->pkt_len;
      views[slot] = PacketView{.data = data,
                               .captured_octets = captured,
                               .frame_octets = mbuf->pkt_len,
                               .time_ns = now_ns,
                               .ingress_interface = queue.ingress_interface,
                               .link_type = LinkType::ethernet,
                               .marks = 0};
    }
    if (queue.cut_octets != 0) mend_lengths(views.subspan(held_, count), queue.cut_octets);
    if (filter_ != nullptr) judge(views.first(held_ + count), held_);
    held_ += count;
    // There is one writer, so a load, an addition and a store suffice, all relaxed.
    QueueCounters& counters = *queue.counters;
    counters.packets.store(counters.packets.load(std::memory_order_relaxed) + count, std::memory_order_relaxed);
    counters.octets.store(counters.octets.load(std::memory_order_relaxed) + octets, std::memory_order_relaxed);
  }
  first_ = first_ + 1 >= queues_.size() ? 0 : first_ + 1;
  return held_;
}

void MbufSource::judge(std::span<PacketView> views, std::size_t from) const {
  for (std::size_t slot = from; slot < views.size(); ++slot) {
    if (!filter_->matches(mbufs_[slot])) views[slot].marks |= kFrameFilteredOut;
  }
}

void MbufSource::mend_lengths(std::span<PacketView> views, std::uint32_t cut_octets) {
  for (PacketView& view : views) {
    if (view.captured_octets < cut_octets) continue;
    const std::uint32_t octets = octets_beyond_capture(view.data, view.captured_octets);
    if (octets == 0) continue;
    view.frame_octets = octets;
    view.marks |= kLengthFromHeader;
  }
}

void MbufSource::release() {
  if (held_ == 0) return;
  rte_pktmbuf_free_bulk(mbufs_.data(), static_cast<unsigned>(held_));
  held_ = 0;
}

}  // namespace weir::dpdk
