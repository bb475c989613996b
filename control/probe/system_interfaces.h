// The interfaces of this machine by the kernel's numbers, for inputs that number them so.
#pragma once

#include <vector>

#include "control/export/probe_facts.h"

namespace weir {

[[nodiscard]] std::vector<InterfaceName> system_interfaces();

}  // namespace weir
