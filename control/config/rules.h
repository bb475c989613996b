// Rules: what holds between several values of a configuration, each of which is right by itself.
#pragma once

#include <tl/expected.hpp>

#include "control/config/settings.h"
#include "control/config/sourced_config.h"

namespace weir {

/// The first rule that `settings` breaks, as an error of the value that came later.
tl::expected<void, ConfigError> check_rules(const Settings& settings, Command command, const Places& places);

}  // namespace weir
