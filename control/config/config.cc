#include "control/config/config.h"

#include "control/config/bindings.h"
#include "control/config/rules.h"
#include "proto/schema/control_socket.h"

namespace weir {

tl::expected<Settings, ConfigError> validate(const v1::Config& config, Command command, const Places& places) {
  Settings settings;
  settings.socket = default_socket_path();  // depends on the user; a path that is given replaces it
  auto good = apply_bindings<Settings>(config, setting_bindings(), {command, places}, "", settings);
  if (good) good = check_rules(settings, command, places);
  if (!good) return tl::make_unexpected(good.error());
  return settings;
}

v1::Config effective_config(const Settings& settings) {
  v1::Config config;
  print_bindings<Settings>(settings, setting_bindings(), config);
  return config;
}

}  // namespace weir
