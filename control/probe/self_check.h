// weirctl self-check: whether parts of the running probe do what they claim. Each check is a function of values.
#pragma once

#include <cstdint>
#include <vector>

#include "control/record_tap.h"
#include "proto/schema/control.pb.h"

namespace weir {

/// Both directions of a conversation reach one worker.
v1::SelfCheckItem check_rss(const v1::RssReply& rss);

/// The packets of the last second are spread over the workers: the busiest has at most kMostSkew times the mean.
inline constexpr double kMostSkew = 2;
v1::SelfCheckItem check_skew(const v1::StatusReply& status);

/// The wall clock less the monotonic clock, in ns: at the start and now. A difference of more than a second is a step
/// of the wall clock, which the times of flows made, too (dataplane/live_clock.h); less is caught up with slowly.
v1::SelfCheckItem check_clock(std::int64_t at_start_ns, std::int64_t now_ns);

/// Records that left are encoded as IPFIX and as NetFlow v9 by weir's encoders, decoded by weir's decoder, and
/// compared: addresses, ports, protocol, counters of both directions, TCP flags (of NetFlow v9, those of both
/// together), and times within 1 ms. `now_ns` since 1970.
v1::SelfCheckItem check_loopback(const std::vector<RecordTap::Batch>& records, std::uint64_t now_ns);

}  // namespace weir
