// Configuration: from a message to Settings, and back.
//
// The file and the command line are the same message, weir.v1.Config. The file, then the command line: a field that the
// later source sets wins, and a list of the later source replaces the earlier one as a whole. A field that neither sets
// has the default of its description (config.proto). Bindings parse each value; rules look at several.
#pragma once

#include <tl/expected.hpp>

#include "control/config/file.h"
#include "control/config/schema.h"
#include "control/config/settings.h"
#include "control/config/sourced_config.h"

namespace weir {

/// What a configuration is made of, besides defaults.
struct GivenConfig {
  SourcedConfig options;  ///< by the command line
  v1::Config all;         ///< with what the file of --config says besides
};

/// Checks every value and computes the settings. A place that is not known is named as the option.
tl::expected<Settings, ConfigError> validate(const v1::Config& config, Command command, const Places& places = {});

/// The configuration that `settings` are: every field that has a value, defaults included.
v1::Config effective_config(const Settings& settings);

}  // namespace weir
