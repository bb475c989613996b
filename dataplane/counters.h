// What a worker counts: plain words in cache lines of its own.
//
// PacketCounters are the packet front's: what came in, and what of it is offered to the monitors. FlowCounters are a
// monitor's: what became of the packets it was offered; every monitor is offered all of them. In packets and frame
// octets, with what workers give each other on the way:
//
//   front     received + fragments taken over = frame filtered out + rejects + offered + fragments handed over
//   monitor   offered + taken over = counted + all_sampled_out() + filtered out + duplicate + handed over +
//   handover_full
//
// Written by the worker alone. Another thread never reads them in place: it asks for a copy (mailbox.h), and the worker
// answers between two bursts, so that a copy satisfies the ledger's equations exactly.
#pragma once

#include <array>
#include <cstdint>

#include "dataplane/icmp_quotes.h"
#include "dataplane/loss.h"
#include "dataplane/metric/metrics.h"
#include "dataplane/metric/missing_facts.h"
#include "dataplane/packet/reject.h"
#include "proto/base/counts.h"
#include "proto/base/left_out.h"

namespace weir {

/// Octets are frame octets.
struct PacketCounters {
  PacketCount received;                 ///< what the input gave
  PacketCount frame_filtered_out;       ///< --frame-filter said no: not parsed (left_out.h)
  PacketCount rejects[kRejectCount];    ///< by Reject
  PacketCount rejects_unsaved;          ///< of those: the ring to --save-rejects had no room
  PacketCount offered;                  ///< to every monitor
  PacketCount fragments_handed_over;    ///< later fragments, given to the worker that owns their datagram
  PacketCount fragments_taken_over;     ///< likewise, from another worker
  PacketCount fragments_without_first;  ///< of those offered: later fragments that count with ports 0
  PacketCount length_from_frame;        ///< parsed here, and the frame's length counts: the IP header says 0
  PacketCount length_from_header;       ///< received cut, its length unknown: the outermost IP header's counts
  PacketCount clock_epochs;             ///< `read`: the clock had stepped back: flows before the packet ended
  PacketCount clock_as_reordered;       ///< `read`: likewise, too soon after another step: counted as if reordered
  std::uint64_t polls = 0;
  std::uint64_t busy_polls = 0;  ///< polls that found packets
  std::uint64_t waits = 0;       ///< times the worker had no packets and gave its core away
  std::uint64_t waited_ns = 0;   ///< how long in all
  std::uint64_t now_ns = 0;      ///< the worker's effective time
};

/// `octets` are frame octets unless the name says IP.
struct FlowCounters {
#define WEIR_X(name, description) PacketCount name;
  WEIR_LEFT_OUT(WEIR_X)  // those that somebody asked to leave out: left_out.h
#undef WEIR_X
  PacketCount handed_over;              ///< given to the worker that owns the flow
  PacketCount handover_full;            ///< lost: the other worker's ring was full
  PacketCount taken_over;               ///< from another worker
  PacketCount new_flows_left_out;       ///< of new flows that were not taken: the table is nearly full
  PacketCount counted;                  ///< counted in a flow of this worker
  std::uint64_t counted_ip_octets = 0;  ///< the same packets, IP octets
  RecordTotals emitted;                 ///< into the record ring, IP octets
  RecordTotals lost[kLossCount];        ///< by Loss, IP octets
  RecordTotals in_table;                ///< flows with packets to report, IP octets; see FlowShard::recount()
  std::uint64_t flows_created = 0;
  std::uint64_t evictions = 0;                      ///< flows that ended for lack of resources
  std::uint64_t overflowed = 0;                     ///< packets that left by themselves, for the overflow accounter
  std::uint64_t sampling_level = 0;                 ///< one new flow in 2^level is taken now
  std::uint64_t packet_sampling_level = 0;          ///< --sample rate: a packet that is taken now stands for 2^level
  std::uint64_t far_inserts = 0;                    ///< see BucketIndex::far_inserts()
  std::uint64_t longest_probe = 0;                  ///< see BucketIndex::longest_probe()
  std::uint64_t late_expiries = 0;                  ///< times an expiry was put off because the record ring was full
  std::uint64_t icmp_quotes[kIcmpQuoteCount] = {};  ///< by IcmpQuote; a quote does not count as a packet
  std::uint64_t records_with_metric[Metrics::kCount] = {};       ///< of those emitted, with a section of the metric
  std::uint64_t pool_lines_in_use = 0;                           ///< of what metrics keep besides their states
  std::array<std::uint64_t, kMissingFactCount> missing_facts{};  ///< by MissingFact: left out, since the pool was empty

  /// What the ledger calls sampled out, for whichever reason.
  [[nodiscard]] PacketCount all_sampled_out() const {
    PacketCount all = sampled_out;
    all += new_flows_left_out;
    return all;
  }
};

/// Most monitors of a worker: ParsedPacket::filtered_by has a bit for each.
inline constexpr unsigned kMostMonitors = 8;

/// The accounts of the monitors after the first, in place: a worker that copies them allocates nothing.
class FurtherCounters {
 public:
  FurtherCounters() = default;
  FurtherCounters(const FurtherCounters& other) { *this = other; }
  FurtherCounters& operator=(const FurtherCounters& other) {
    if (this == &other) return *this;
    size_ = other.size_;
    for (std::size_t i = 0; i < size_; ++i) counters_[i] = other.counters_[i];
    return *this;
  }
  ~FurtherCounters() = default;

  [[nodiscard]] std::size_t size() const { return size_; }
  void push_back(const FlowCounters& counters) { counters_[size_++] = counters; }
  [[nodiscard]] const FlowCounters& operator[](std::size_t index) const { return counters_[index]; }
  [[nodiscard]] FlowCounters& operator[](std::size_t index) { return counters_[index]; }

 private:
  std::array<FlowCounters, kMostMonitors - 1> counters_{};
  std::size_t size_ = 0;
};

/// A worker's account: its front's and its first monitor's, and beside them those of its further monitors, if it has
/// any.
struct WorkerCounters : PacketCounters, FlowCounters {
  FurtherCounters further{};

  [[nodiscard]] unsigned monitors() const { return 1 + static_cast<unsigned>(further.size()); }
};

/// Adds what a monitor counted. Of what is a level or a length, the greatest counts.
void add_flows(FlowCounters& sum, const FlowCounters& counters);
/// The account of one monitor alone: with the front's, it balances by itself.
[[nodiscard]] WorkerCounters of_monitor(const WorkerCounters& worker, unsigned monitor);
/// The monitors' accounts added up, as one.
[[nodiscard]] WorkerCounters all_monitors(const WorkerCounters& worker);

}  // namespace weir
