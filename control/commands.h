// What `weir run` and `weir read` do once their settings are known to be good. Both return the exit code:
// 0 done; 1 something outside was wrong (a file, a port, the network) or the ledger does not balance.
#pragma once

#include "control/config/config.h"
#include "control/config/settings.h"
#include "proto/schema/config.pb.h"

namespace weir {

/// Takes packets from DPDK ports until SIGINT, SIGTERM or settings.duration_ns. `given`: what the configuration was
/// made of.
int run_live(const Settings& settings, const v1::Config& effective, const GivenConfig& given);

/// Reads capture files in order as if they were one.
int read_captures(const Settings& settings);

/// Reads the raw records of --input records:FILE.
int read_records(const Settings& settings);

}  // namespace weir
