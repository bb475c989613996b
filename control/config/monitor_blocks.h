// MonitorBlock: what a monitor { ... } block of the configuration says, and MonitorPlan: what a monitor is once the
// options have filled in the rest.
//
// Without a block there is one plan without a name, made of the options. A block that does not say a thing has the
// option's value for it.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "control/config/bind.h"
#include "dataplane/flow/flow_settings.h"
#include "proto/record/monitor_names.h"

namespace weir {

struct Settings;

/// What is empty or 0 was not said.
struct MonitorBlock {
  static constexpr std::size_t kMostNameOctets = kMostMonitorNameOctets;

  std::string name;
  std::string key_list;
  std::string filter;
  std::uint64_t idle_ns = 0;
  std::uint64_t active_ns = 0;
  std::uint64_t max_flows = 0;
  std::string when_full_word;
  std::string metric_list;
  std::string sample;
  std::vector<std::string> exports;  ///< names of exporters; empty: all
  // What the texts above mean.
  std::optional<KeyFields> key;
  std::optional<WhenFull> when_full;
  std::optional<Metrics> metrics;
  std::optional<Sampling> sampling;
};

/// The row of every field of a block.
std::span<const Binding<MonitorBlock>> monitor_bindings();
/// The row of the blocks.
Binding<Settings> monitor_row();

struct MonitorPlan {
  std::string name;  ///< empty: the one that the options make
  FlowSettings flow;
  std::uint64_t max_flows = 0;  ///< all workers together
  std::string filter;           ///< empty: none
  std::string key_list;
  std::string metric_list;
  std::string sample;
  std::vector<std::string> exports;  ///< names of exporters; empty: all

  /// Flows of one of so many workers.
  [[nodiscard]] std::uint32_t capacity(unsigned workers) const;
};

/// At least one.
std::vector<MonitorPlan> monitor_plans(const Settings& settings);
/// All their flows together.
std::uint64_t flows_of(std::span<const MonitorPlan> plans);
/// Where the greatest of their tables got its size, to be lowered if the memory does not suffice: "--max-flows", or
/// "max_flows of monitor wide".
std::string greatest_table(const Settings& settings);

}  // namespace weir
