// FlowGeneration: a monitor's flows, with what can only be changed with all of them: the key, what is measured, how
// many flows there is room for, and whether packets are sampled by rate.
//
// Such a change has a second generation made beside the first one (flow_replacement.h). Both write to the monitor's
// counters and to its ring, so that the ledger holds at every moment. What workers hand over says which of the two it
// is for, by one bit, since there are never more than two.
#pragma once

#include <vector>

#include "dataplane/counters.h"
#include "dataplane/flow/flow_shard.h"
#include "dataplane/flow/key_mask.h"
#include "dataplane/flow/sampling.h"
#include "dataplane/monitor_options.h"
#include "dataplane/packet/stream_watch.h"
#include "dataplane/record_ring.h"

namespace weir {

struct FlowGeneration {
  /// `counters` and `ring` are the monitor's. Of `options` what concerns packets before they have a flow is not looked
  /// at. shard.ok() is false if the memory could not be had.
  FlowGeneration(const MonitorOptions& options, const KeyHash& hash, FlowCounters& counters, RecordRing& ring,
                 bool is_odd)
      : odd(is_odd),
        mask(options.key, options.pairs, options.samples),
        sampling(options.sampling),
        shard(options.capacity, hash, for_key(options.timeouts, options.key), counters, ring, options.ring_full,
              options.when_full, options.metrics, options.sampling),
        watches(options.metrics.make_watches(hash)) {
    shard.set_monitor(options.number);
    shard.set_pairs(options.pairs);
    shard.set_as_in_key(options.key.as_ends().any());
    if (options.samples != nullptr) shard.set_samples(options.samples);
  }

  /// Whether a packet is to come with its facts.
  [[nodiscard]] bool wants_facts() const { return shard.metrics().any() || mask.fields().holds_link_facts(); }

  bool odd;  ///< the generation before and the one after are not
  KeyMask mask;
  Sampling sampling;  ///< as the shard was made for
  FlowShard shard;
  std::vector<StreamWatch> watches;  ///< of the packets that are received here, one for each metric
};

}  // namespace weir
