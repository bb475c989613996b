#include "control/config/monitor_blocks.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "control/config/key_list.h"
#include "control/config/metric_list.h"
#include "control/config/sampling_text.h"
#include "control/config/settings.h"
#include "control/config/sourced_config.h"
#include "dataplane/flow/flow_shard.h"
#include "dataplane/input/pcap_filter.h"

namespace weir {
namespace {

constexpr auto kPolicies = std::to_array<NamedValue<WhenFull>>(
    {{"evict", WhenFull::evict}, {"overflow", WhenFull::overflow}, {"sample", WhenFull::sample}});

ValueResult parse_name(const ValueContext& context, const std::string& text, MonitorBlock&) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-' ||
           c == '_';
  };
  if (text.size() > MonitorBlock::kMostNameOctets) {
    return tl::make_unexpected(
        fmt::format("{} characters; expected at most {}", text.size(), MonitorBlock::kMostNameOctets));
  }
  if (std::all_of(text.begin(), text.end(), allowed)) return {};
  return tl::make_unexpected("expected letters, digits, '.', '-' and '_', as in " + context.description.value());
}

ValueResult parse_key(const ValueContext&, const std::string& text, MonitorBlock& block) {
  return parse_key_list(text).map([&](const KeyFields& key) { block.key = key; });
}

ValueResult parse_metrics(const ValueContext&, const std::string& text, MonitorBlock& block) {
  return parse_metric_list(text).map([&](const Metrics& metrics) { block.metrics = metrics; });
}

ValueResult parse_sample(const ValueContext&, const std::string& text, MonitorBlock& block) {
  return parse_sampling(text).map([&](const Sampling& sampling) { block.sampling = sampling; });
}

ValueResult parse_filter(const ValueContext& context, const std::string& text, MonitorBlock&) {
  const auto compiled = PcapFilter::compile_for_flows(text);
  if (compiled) return {};
  return tl::make_unexpected(
      fmt::format("{}; expected {} (man pcap-filter)", compiled.error(), context.description.value()));
}

ValueResult parse_when_full(const ValueContext& context, const std::string& text, MonitorBlock& block) {
  const auto* const found =
      std::find_if(kPolicies.begin(), kPolicies.end(), [&](const auto& one) { return one.name == text; });
  if (found == kPolicies.end()) return tl::make_unexpected("expected " + value_of(context.description));
  block.when_full = found->value;
  return {};
}

ValueResult parse_max_flows(const ValueContext& context, const std::string& text, MonitorBlock& block) {
  return parse_number_value(context.description, text, block.max_flows);
}

std::vector<std::string> print_max_flows(const MonitorBlock& block) {
  return block.max_flows == 0 ? std::vector<std::string>() : std::vector{std::to_string(block.max_flows)};
}

// NOLINTBEGIN(bugprone-macro-parentheses): the return type of a lambda is not an expression
#define WEIR_MEMBER(member)  \
  [](auto& block) -> auto& { \
    return block.member;     \
  }
// NOLINTEND(bugprone-macro-parentheses)
using Row = Rows<MonitorBlock>;
constexpr auto kBlockRows = std::to_array<Binding<MonitorBlock>>({
    Row::text<parse_name>("name", WEIR_MEMBER(name)),
    Row::text<parse_key>("key", WEIR_MEMBER(key_list)),
    Row::text<parse_filter>("filter", WEIR_MEMBER(filter)),
    Row::duration("idle_timeout", WEIR_MEMBER(idle_ns)),
    Row::duration("active_timeout", WEIR_MEMBER(active_ns)),
    Row::value("max_flows", parse_max_flows, print_max_flows),
    Row::text<parse_when_full>("when_full", WEIR_MEMBER(when_full_word)),
    Row::text<parse_metrics>("metrics", WEIR_MEMBER(metric_list)),
    Row::text<parse_sample>("sample", WEIR_MEMBER(sample)),
    Row::text("export", WEIR_MEMBER(exports)),
});
#undef WEIR_MEMBER

/// The value of the block, or else the option's.
template <typename Value>
Value or_else(const Value& of_block, const Value& of_option) {
  return of_block == Value() ? of_option : of_block;
}

MonitorPlan plain_plan(const Settings& settings) {
  MonitorPlan plan;
  plan.flow = settings.flow;
  plan.max_flows = settings.max_flows;
  plan.filter = settings.filter;
  plan.key_list = settings.key_list;
  plan.metric_list = settings.metric_list;
  plan.sample = settings.sample;
  return plan;
}

MonitorPlan plan_of(const MonitorBlock& block, const Settings& settings) {
  MonitorPlan plan = plain_plan(settings);
  plan.name = block.name;
  plan.max_flows = or_else(block.max_flows, plan.max_flows);
  plan.filter = or_else(block.filter, plan.filter);
  plan.key_list = or_else(block.key_list, plan.key_list);
  plan.metric_list = or_else(block.metric_list, plan.metric_list);
  plan.sample = or_else(block.sample, plan.sample);
  plan.exports = block.exports;
  FlowSettings& flow = plan.flow;
  flow.timeouts.idle_ns = or_else(block.idle_ns, flow.timeouts.idle_ns);
  flow.timeouts.active_ns = or_else(block.active_ns, flow.timeouts.active_ns);
  flow.when_full = block.when_full.value_or(flow.when_full);
  flow.key = block.key.value_or(flow.key);
  if (block.metrics) {
    const auto kept = flow.metrics.settings;  // other options say these
    flow.metrics = *block.metrics;
    flow.metrics.settings = kept;
  }
  flow.metrics = for_key(flow.metrics, flow.key);
  if (block.sampling) {
    const KeyHash::Seed seed = flow.sampling.seed;  // likewise
    flow.sampling = *block.sampling;
    flow.sampling.seed = seed;
  }
  return plan;
}

}  // namespace

std::span<const Binding<MonitorBlock>> monitor_bindings() {
  return kBlockRows;
}

Binding<Settings> monitor_row() {
  return Rows<Settings>::blocks<MonitorBlock, kBlockRows>(
      "monitor", [](auto& settings) -> auto& { return settings.monitors; });
}

std::uint32_t MonitorPlan::capacity(unsigned workers) const {
  const std::uint64_t share = (max_flows + workers - 1) / workers;
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(share, FlowShard::kMaxCapacity));
}

std::vector<MonitorPlan> monitor_plans(const Settings& settings) {
  if (settings.monitors.empty()) return {plain_plan(settings)};
  std::vector<MonitorPlan> plans;
  plans.reserve(settings.monitors.size());
  for (const MonitorBlock& block : settings.monitors) plans.push_back(plan_of(block, settings));
  return plans;
}

std::string greatest_table(const Settings& settings) {
  const MonitorBlock* greatest = nullptr;
  const auto flows = [&](const MonitorBlock& block) { return or_else(block.max_flows, settings.max_flows); };
  for (const MonitorBlock& block : settings.monitors) {
    if (greatest == nullptr || flows(block) > flows(*greatest)) greatest = &block;
  }
  if (greatest == nullptr || greatest->max_flows == 0) return option_of("max_flows");
  return "max_flows of monitor " + greatest->name;
}

std::uint64_t flows_of(std::span<const MonitorPlan> plans) {
  std::uint64_t flows = 0;
  for (const MonitorPlan& plan : plans) flows += plan.max_flows;
  return flows;
}

}  // namespace weir
