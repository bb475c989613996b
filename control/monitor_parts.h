// What `weir run` and `weir read` make of the plans of monitors: what the exporters are told of them, and the
// accounters of packets that found their tables full, and of raw records.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "control/config/monitor_blocks.h"
#include "control/config/settings.h"
#include "control/export/export_context.h"
#include "control/overflow_accounter.h"
#include "dataplane/flow/key_hash.h"

namespace weir {

/// The names of monitors that the configuration names; none where it has no block.
[[nodiscard]] std::vector<std::string> names_of(std::span<const MonitorPlan> plans);

/// Puts what exporters are told of the monitors into `context`.
void tell_monitors(ExportContext& context, std::span<const MonitorPlan> plans);

/// Of raw records (--input records).
[[nodiscard]] std::unique_ptr<OverflowAccounter> make_raw_accounter(const Settings& settings, const KeyHash& hash);

/// Of a monitor; nullptr: its policy for a full table is another one.
[[nodiscard]] std::unique_ptr<OverflowAccounter> make_accounter(const MonitorPlan& plan, const Settings& settings,
                                                                const KeyHash& hash);

}  // namespace weir
