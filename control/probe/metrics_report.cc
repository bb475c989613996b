#include "control/probe/metrics_report.h"

#include <algorithm>
#include <string>
#include <vector>

namespace weir {
namespace {

/// As --metrics has it: "packets:10", "dns:mdns,dns:llmnr", "quic:2017=4433".
std::string name_of(const MetricInfo& info, const MetricParameters& parameters) {
  std::string name(info.name);
  const MetricParameter& parameter = info.parameter;
  if (parameter.member == nullptr) return name;
  const std::uint16_t value = parameters.*parameter.member;
  if (parameter.words[0].empty()) return name + ':' + std::to_string(value);
  std::string names;
  for (std::size_t i = 0; i < parameter.words.size(); ++i) {
    if ((value >> i & 1) == 0) continue;
    names.append(names.empty() ? "" : ",").append(name).append(":").append(parameter.words[i]);
    const std::uint16_t number = i == 0 && parameter.number != nullptr ? parameters.*parameter.number : 0;
    if (number != 0) names.append("=").append(std::to_string(number));
  }
  return names.empty() ? name : names;
}

}  // namespace

v1::MetricsReply make_metrics(const Activity& activity) {
  v1::MetricsReply reply;
  reply.set_doing(activity.text());
  return reply;
}

void add_running_metrics(v1::MetricsReply& reply, const MetricFacts& facts, const Moment* moment, bool stale) {
  const Metrics& metrics = facts.metrics;
  std::vector<WorkerCounters> workers;
  if (moment != nullptr) {
    for (const WorkerCounters& worker : moment->counters) workers.push_back(of_monitor(worker, facts.number));
  }
  std::uint64_t emitted = 0;
  for (const WorkerCounters& counters : workers) emitted += counters.emitted.records;
  for (std::size_t i = 0; i < Metrics::kCount; ++i) {
    const MetricInfo& info = Metrics::kInfos[i];
    const bool on = (metrics.enabled() >> i & 1) != 0;
    if (!on && !facts.monitor.empty()) continue;
    v1::MetricStatus& status = *reply.add_metrics();
    status.set_on(on);
    status.set_monitor(facts.monitor);
    if (!facts.monitor.empty()) status.set_all_records(emitted);
    status.set_name(status.on() ? name_of(info, metrics.parameters()) : std::string(info.name));
    status.set_state_octets(std::uint32_t{info.line_octets} + info.slot_octets);
    const std::uint64_t lines = status.on() ? Metrics(1U << i, metrics.parameters()).pool_lines(1) : 0;
    status.set_pool_octets(status.on() ? static_cast<std::uint32_t>(lines * LinePool::kLineOctets) : info.pool_octets);
    if (moment == nullptr) continue;
    std::uint64_t records = 0;
    for (const WorkerCounters& counters : workers) records += counters.records_with_metric[i];
    status.set_records(records);
  }
  const auto octets = static_cast<std::uint32_t>(metrics.lines() * Metrics::kLineOctets + metrics.slot_octets());
  reply.set_flow_octets(std::max(reply.flow_octets(), octets));
  reply.set_pool_lines(reply.pool_lines() + facts.pool_lines);
  if (moment == nullptr) return;
  for (const WorkerCounters& counters : workers) {
    reply.set_records(reply.records() + counters.emitted.records);
    reply.set_flows(reply.flows() + counters.in_table.records);
    reply.set_pool_lines_in_use(reply.pool_lines_in_use() + counters.pool_lines_in_use);
    for (const std::uint64_t missing : counters.missing_facts) {
      reply.set_pool_refused(reply.pool_refused() + missing);
    }
  }
  if (stale) reply.set_stale_since_ns(moment->wall_ns);
}

}  // namespace weir
