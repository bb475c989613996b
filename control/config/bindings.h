// The fields of the configuration and the members of Settings, in both directions.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "control/config/bind.h"
#include "control/config/settings.h"

namespace weir {

/// The row of every field of weir.v1.Config.
std::span<const Binding<Settings>> setting_bindings();

}  // namespace weir
