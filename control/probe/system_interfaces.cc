#include "control/probe/system_interfaces.h"

#include <net/if.h>

namespace weir {

std::vector<InterfaceName> system_interfaces() {
  std::vector<InterfaceName> names;
  struct if_nameindex* const all = if_nameindex();
  if (all == nullptr) return names;
  for (const struct if_nameindex* one = all; one->if_index != 0; ++one) {
    names.push_back({one->if_index, one->if_name, {}});
  }
  if_freenameindex(all);
  return names;
}

}  // namespace weir
