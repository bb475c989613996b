#include "control/metric_hints.h"

#include <fmt/format.h>

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "control/config/monitor_blocks.h"
#include "control/export/export_uri.h"
#include "dataplane/metric/metrics.h"
#include "proto/record/field_text.h"
#include "proto/record/fields.h"

namespace weir {
namespace {

/// The value of `fields=` in an export URI; empty: it has none.
std::string_view fields_of(std::string_view uri) {
  constexpr std::string_view kFields = "fields=";
  const std::size_t question = uri.find('?');
  std::string_view rest = question == std::string_view::npos ? std::string_view() : uri.substr(question + 1);
  while (!rest.empty()) {
    const std::size_t ampersand = rest.find('&');
    const std::string_view option = rest.substr(0, ampersand);
    if (option.starts_with(kFields)) return option.substr(kFields.size());
    rest = ampersand == std::string_view::npos ? std::string_view() : rest.substr(ampersand + 1);
  }
  return {};
}

/// The metric that makes the column and is off; nullptr: there is none.
const MetricInfo* metric_of(const Column& column, const Metrics& metrics) {
  const Section section = kFieldRows[column.row].section;
  if (section == Section::base) return nullptr;
  for (std::size_t i = 0; i < Metrics::kCount; ++i) {
    if ((Metrics::kInfos[i].borrowed & section_bit(section)) != 0 && (metrics.enabled() >> i & 1) != 0) return nullptr;
  }
  for (std::size_t i = 0; i < Metrics::kCount; ++i) {
    const MetricInfo& info = Metrics::kInfos[i];
    if ((info.sections & section_bit(section)) != 0 && (metrics.enabled() >> i & 1) == 0) return &info;
  }
  return nullptr;
}

/// What --prefixes alone adds.
bool is_of_prefixes(const Column& column) {
  const Section section = kFieldRows[column.row].section;
  return section == Section::routing || section == Section::as_path || section == Section::as_names;
}

}  // namespace

std::vector<std::string> metric_hints(const Settings& settings, const std::vector<std::string>& exports) {
  std::vector<std::string> hints;
  // A metric that some monitor has on may fill the field.
  std::uint32_t enabled = 0;
  std::string list;
  for (const MonitorPlan& plan : monitor_plans(settings)) {
    enabled |= plan.flow.metrics.enabled();
    if (plan.flow.metrics.any() && list.empty()) list = plan.metric_list;
  }
  const Metrics metrics(enabled);
  for (const MonitorPlan& plan : monitor_plans(settings)) {
    if (!plan.flow.key.in_if || settings.captures.empty()) continue;
    hints.push_back(
        fmt::format("--key {}: in captures every packet has the in_if that --interface says ({}), so that "
                    "in_if parts no flows",
                    plan.key_list, settings.interface));
  }
  for (const std::string& uri : exports) {
    const std::string_view fields = fields_of(uri);
    if (fields.empty()) {
      if (metrics.any() && (uri.starts_with("table:") || uri.starts_with("top:"))) {
        hints.push_back(fmt::format(
            "export '{}': the table shows no field of --metrics {}; name those to be shown, as in table:-?fields=... "
            "(weir fields), or use json:-, which has all",
            without_keys(uri), list));
      }
      continue;
    }
    const auto columns = parse_columns(fields);
    if (!columns) continue;  // names of templates, or wrong: its exporter says so
    for (const Column& column : *columns) {
      if (is_of_prefixes(column) && settings.prefix_files.empty()) {
        hints.push_back(fmt::format("export '{}': {} comes from --prefixes, which is not given, so it has no value",
                                    uri, column_name(column).view()));
        break;
      }
      const MetricInfo* const metric = metric_of(column, metrics);
      if (metric == nullptr) continue;
      hints.push_back(fmt::format("export '{}': {} is of the metric {}, which is off, so it has no value: --metrics {}",
                                  without_keys(uri), column_name(column).view(), metric->name, metric->name));
      break;
    }
  }
  return hints;
}

}  // namespace weir
