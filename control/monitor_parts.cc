#include "control/monitor_parts.h"

#include "control/wall_reading.h"

namespace weir {

std::vector<std::string> names_of(std::span<const MonitorPlan> plans) {
  std::vector<std::string> names;
  for (const MonitorPlan& plan : plans) {
    if (!plan.name.empty()) names.push_back(plan.name);
  }
  return names;
}

void tell_monitors(ExportContext& context, std::span<const MonitorPlan> plans) {
  context.sampling_rate = plans.front().flow.sampling.one_in;
  context.sampled_at_random = plans.front().flow.sampling.algorithm() == 2;
  for (const MonitorPlan& plan : plans) {
    if (plan.name.empty()) continue;
    const Sampling& sampling = plan.flow.sampling;
    context.monitors.push_back({plan.name, plan.exports, sampling.one_in, sampling.algorithm() == 2});
  }
}

std::unique_ptr<OverflowAccounter> make_raw_accounter(const Settings& settings, const KeyHash& hash) {
  return std::make_unique<OverflowAccounter>(settings.account, hash, &read_wall_clock);
}

std::unique_ptr<OverflowAccounter> make_accounter(const MonitorPlan& plan, const Settings& settings,
                                                  const KeyHash& hash) {
  if (plan.flow.when_full != WhenFull::overflow) return nullptr;
  return std::make_unique<OverflowAccounter>(settings.overflow, hash, plan.flow.key);
}

}  // namespace weir
