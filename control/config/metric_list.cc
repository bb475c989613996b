#include "control/config/metric_list.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <system_error>
#include <utility>
#include <vector>

#include "dataplane/flow/flow_settings.h"
#include "proto/base/similar.h"
#include "proto/base/split.h"

namespace weir {

namespace {

std::optional<std::uint16_t> number_in(std::string_view text, const MetricParameter& parameter) {
  std::uint16_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool whole = error == std::errc() && end == text.data() + text.size();
  if (!whole || value < parameter.least || value > parameter.greatest) return {};
  return value;
}

/// The word of "dns:mdns" or "quic:2017=4433" into its bit, and its number into its place; else what was expected.
std::string set_word(const MetricInfo& info, std::string_view text, MetricParameters& parameters) {
  const MetricParameter& parameter = info.parameter;
  std::string_view word = text;
  if (const std::size_t equals = text.find('='); parameter.number != nullptr && equals != std::string_view::npos) {
    word = text.substr(0, equals);
    const auto number = number_in(text.substr(equals + 1), parameter);
    if (word == parameter.words[0] && !number) {
      return fmt::format("'{}:{}': expected {}:{} with a number from {} to {} after the =", info.name, text, info.name,
                         parameter.form, parameter.least, parameter.greatest);
    }
    if (word != parameter.words[0]) word = {};
    if (number) parameters.*parameter.number = *number;
  }
  const auto found = std::find(parameter.words.begin(), parameter.words.end(), word);
  if (word.empty() || found == parameter.words.end()) {
    return fmt::format("'{}:{}': expected {}:{}", info.name, text, info.name, parameter.form);
  }
  std::uint16_t& bits = parameters.*parameter.member;
  bits = static_cast<std::uint16_t>(bits | 1U << (found - parameter.words.begin()));
  return {};
}

/// The N of "packets:N" into its place, or a word; else what was expected.
std::string set_parameter(const MetricInfo& info, std::string_view text, MetricParameters& parameters) {
  const MetricParameter& parameter = info.parameter;
  if (parameter.member == nullptr) return fmt::format("'{}' has no parameter", info.name);
  if (!parameter.words[0].empty()) return set_word(info, text, parameters);
  const auto value = number_in(text, parameter);
  if (!value) {
    return fmt::format("'{}:{}': expected {}:{} with {} from {} to {}", info.name, text, info.name, parameter.form,
                       parameter.form, parameter.least, parameter.greatest);
  }
  parameters.*parameter.member = *value;
  return {};
}

}  // namespace

std::string metric_names() {
  std::string names;
  for (const MetricInfo& info : Metrics::kInfos) {
    names.append(names.empty() ? "" : ", ").append(info.name);
    if (info.parameter.member != nullptr) names.append("[:").append(info.parameter.form).append("]");
  }
  return names;
}

tl::expected<Metrics, std::string> parse_metric_list(std::string_view text) {
  if (text == "all") return Metrics(Metrics::kAll);
  if (text == "none") return Metrics();
  std::uint32_t enabled = 0;
  MetricParameters parameters;
  if (text.empty()) return tl::unexpected(fmt::format("expected all, none or names of {}", metric_names()));
  for (const std::string_view word : split(text, ',')) {
    const std::size_t colon = std::min(word.find(':'), word.size());
    const std::string_view name = word.substr(0, colon);
    if (name == "all" || name == "none") {
      return tl::unexpected(
          fmt::format("'{}' cannot stand beside other names; expected all, none or names of {}", name, metric_names()));
    }
    const auto found = std::find_if(Metrics::kInfos.begin(), Metrics::kInfos.end(),
                                    [&](const MetricInfo& info) { return info.name == name; });
    if (found == Metrics::kInfos.end()) {
      std::vector<std::string_view> names{"all", "none"};
      for (const MetricInfo& info : Metrics::kInfos) names.push_back(info.name);
      return tl::unexpected(fmt::format("there is no metric '{}'{}; expected all, none or names of {}", name,
                                        did_you_mean(name, names), metric_names()));
    }
    enabled |= std::uint32_t{1} << (found - Metrics::kInfos.begin());
    if (colon == word.size()) continue;
    if (auto wrong = set_parameter(*found, word.substr(colon + 1), parameters); !wrong.empty()) {
      return tl::unexpected(std::move(wrong));
    }
  }
  return Metrics(enabled, parameters);
}

std::string metric_list_for_key(const std::string& list, const KeyFields& key) {
  const auto metrics = parse_metric_list(list);
  if (!key.holds_link_facts() || !metrics || for_key(*metrics, key).enabled() == metrics->enabled()) return list;
  return metrics->any() ? list + ",layer2" : "layer2";
}

}  // namespace weir
