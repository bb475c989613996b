#include "control/config/config.h"

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "control/config/bindings.h"
#include "control/config/metric_list.h"
#include "control/config/port_pair.h"
#include "control/config/rules.h"
#include "proto/schema/control_socket.h"

namespace weir {

namespace {

/// What keys turn on is shown as if it had been given.
void name_metrics_of_keys(Settings& settings) {
  for (MonitorBlock& block : settings.monitors) {
    const KeyFields& key = block.key ? *block.key : settings.flow.key;
    const std::string& list = block.metric_list.empty() ? settings.metric_list : block.metric_list;
    if (std::string with = metric_list_for_key(list, key); with != list) block.metric_list = std::move(with);
  }
  settings.metric_list = metric_list_for_key(settings.metric_list, settings.flow.key);
}

}  // namespace

tl::expected<Settings, ConfigError> validate(const v1::Config& config, Command command, const Places& places) {
  Settings settings;
  settings.socket = default_socket_path();  // depends on the user; a path that is given replaces it
  std::vector<ConfigError> errors;
  const Walk walk{command, places, command == Command::check ? &errors : nullptr};
  auto good = apply_bindings<Settings>(config, setting_bindings(), walk, "", settings);
  // A rule compares several values, so each single value must be valid first.
  if (good && errors.empty()) good = check_rules(settings, command, places);
  if (!good) return tl::make_unexpected(good.error());
  for (const std::string& pair : settings.pairs) {
    [[maybe_unused]] const auto joined = join_port_pair(pair, settings.ports, settings.flow.pairs);  // the rules say so
  }
  name_metrics_of_keys(settings);
  if (errors.empty()) return settings;
  ConfigError all = errors.front();
  for (std::size_t i = 1; i < errors.size(); ++i) all.more.push_back(errors[i].message);
  return tl::make_unexpected(std::move(all));
}

v1::Config effective_config(const Settings& settings) {
  v1::Config config;
  print_bindings<Settings>(settings, setting_bindings(), config);
  return config;
}

}  // namespace weir
