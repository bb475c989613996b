// RecordWriter: from an entry of the table to a record in the worker's ring: room for it, how long to wait for that,
// and what each member of a record says of the flow.
#pragma once

#include <cstdint>
#include <span>

#include "dataplane/flow/flow_table.h"
#include "dataplane/flow/port_pairs.h"
#include "dataplane/flow/sample_states.h"
#include "dataplane/flow/sampling.h"
#include "dataplane/metric/line_pool.h"
#include "dataplane/metric/metrics.h"
#include "dataplane/packet/flow_key.h"
#include "dataplane/record_ring.h"

namespace weir {

/// What happens when a record is due and the ring has no room.
enum class RingFull : std::uint8_t {
  lose,  ///< live: a timer tries again later; where the entry must be vacated at once, the record is lost by name
  wait,  ///< reading a file, and at an orderly shutdown: until the consumer has made room
};

/// What a record says that its entry does not.
struct RecordEnd {
  EndReason reason;
  std::uint32_t sampling_rate;
  std::uint64_t deadline_ns;  ///< when the flow should have ended; 0: there is no such moment
  std::uint8_t sampling_algorithm;
};

class RecordWriter {
 public:
  /// `table`, `metrics` and `pool`: the shard's.
  RecordWriter(RecordRing& ring, RingFull ring_full, const FlowTable& table, const Metrics& metrics,
               const LinePool& pool)
      : ring_(ring), ring_full_(ring_full), table_(table), metrics_(metrics), pool_(pool) {}

  void set_ring_full(RingFull ring_full) { ring_full_ = ring_full; }
  /// Records say from now on that this monitor made them.
  void set_monitor(std::uint8_t number) { monitor_ = number; }

  /// Records of flows that came in at a port of a pair say from now on where they left.
  void set_pairs(const PortPairs& pairs) { pairs_ = pairs; }

  /// Keys have AS numbers: records say them from now on.
  void set_as_in_key(bool has) { as_in_key_ = has; }

  /// Packets are samples: records say from now on what `states`, the shard's, has of them.
  void set_samples(const SampleStates& states) { samples_ = &states; }

  /// Reports the flow in entry `number`, which is left as it is. False: the ring has no room, and none is waited for.
  [[nodiscard]] bool write(std::uint32_t number, const RecordEnd& end);
  /// Reports a packet that has no entry: a record of its own, marked for the overflow accounter. Metrics do not see it,
  /// since there is no entry in which they could keep anything. `rate`: what it stands for; `algorithm`: how it was
  /// chosen. False: likewise.
  [[nodiscard]] bool write_packet(const ParsedPacket& packet, std::uint32_t rate, std::uint8_t algorithm);
  /// Writes to `room` the record that the flow in entry `number` would leave now; the ring does not have it. Without
  /// `with_metrics` it has no section of a metric. Says how many lines it has; 0: `room` has fewer.
  [[nodiscard]] unsigned copy(std::uint32_t number, const RecordEnd& end, bool with_metrics,
                              std::span<RingLine> room) const;
  /// The sections of the record that was written last.
  [[nodiscard]] std::uint32_t sections_written() const { return sections_written_; }
  /// What was written leaves; once a burst.
  void publish() { ring_.publish(); }

  /// Tunnel and label of a packet, as the table keeps them of a flow's first.
  [[nodiscard]] static FlowTunnel tunnel_of(const ParsedPacket& packet);

 private:
  [[nodiscard]] FlowRecord* claim(std::uint32_t sections);
  void commit(const FlowRecord& record) { ring_.commit(record_lines(record.sections)); }
  [[nodiscard]] std::uint32_t sections_of(std::uint32_t number, const FlowKey& key, bool with_metrics) const;
  void fill(FlowRecord& record, std::uint32_t number, const FlowKey& key, const RecordEnd& end) const;
  [[nodiscard]] std::uint32_t egress_section(std::uint32_t ingress) const;
  void fill_interfaces(FlowRecord& record, std::uint32_t ingress, bool turned) const;
  static void fill_as_numbers(FlowRecord& record, const KeyAddition& addition, unsigned initiator);
  static void fill_tunnel(FlowRecord& record, const FlowTunnel& tunnel);

  RecordRing& ring_;
  RingFull ring_full_;
  std::uint8_t monitor_ = 0;  ///< of every record
  const FlowTable& table_;
  const Metrics& metrics_;
  const LinePool& pool_;
  PortPairs pairs_;
  bool as_in_key_ = false;
  const SampleStates* samples_ = nullptr;  ///< nullptr: packets are not samples
  std::uint32_t sections_written_ = 0;
};

}  // namespace weir
