// FlowSettings: what `weir run` and `weir read` settle alike for the flows of every worker: the key, when a flow ends,
// what happens when the table is full, what is measured, and how a frame is parsed.
//
// The settings hold one, and what is handed to a worker (WorkerOptions) or an offline meter (OfflineOptions) derives
// from it, so that a new member reaches all of them without being copied by name.
#pragma once

#include <cstdint>
#include <span>

#include "dataplane/flow/flow_rules.h"
#include "dataplane/flow/key_mask.h"
#include "dataplane/flow/port_pairs.h"
#include "dataplane/flow/sampling.h"
#include "dataplane/metric/metrics.h"
#include "dataplane/packet/flow_filter.h"
#include "dataplane/packet/parser_options.h"

namespace weir {

/// What happens to a new flow when the table is full. Where the index alone has no room (an attack by somebody who
/// knows the seed), `overflow` does the same and the others evict.
enum class WhenFull : std::uint8_t {
  evict,     ///< the stalest of its neighbours ends, for lack of resources
  overflow,  ///< its packets leave one by one, as records marked for the overflow accounter
  sample,    ///< before the table is full, one new flow in N is taken (new_flow_sampler.h); when it is, as evict
};

struct FlowSettings {
  FlowTimeouts timeouts;
  WhenFull when_full = WhenFull::evict;
  KeyFields key;
  PortPairs pairs;
  Metrics metrics;
  Sampling sampling;
  ParserOptions parser = ParserOptions::defaults();
};

/// A monitor beside the plain one: flows of its own over the same packets.
struct FurtherMonitor {
  FlowSettings flow;                   ///< without its parser: all monitors share one parse
  std::uint32_t capacity = 0;          ///< flows of one worker
  const FlowFilter* filter = nullptr;  ///< nullptr: every packet counts; outlives the monitor
};

/// `metrics` for flows of this key: what only a metric puts into the record has to be on.
[[nodiscard]] inline Metrics for_key(const Metrics& metrics, const KeyFields& key) {
  return key.holds_link_facts() ? metrics.with<Layer2>() : metrics;
}

/// How the front is to parse a frame for flows with these settings.
[[nodiscard]] inline ParserOptions parser_options(const FlowSettings& settings) {
  ParserOptions options = for_key(settings.parser, settings.key);
  options.note_icmp_errors = settings.metrics.wants_icmp_errors();
  return options;
}

/// The same for several monitors: what one of them wants is parsed for all.
[[nodiscard]] inline ParserOptions parser_options(const FlowSettings& settings,
                                                  std::span<const FurtherMonitor> further) {
  ParserOptions options = parser_options(settings);
  for (const FurtherMonitor& monitor : further) {
    options.icmp_in_key |= monitor.flow.key.icmp;
    options.note_icmp_errors |= monitor.flow.metrics.wants_icmp_errors();
  }
  return options;
}

}  // namespace weir
