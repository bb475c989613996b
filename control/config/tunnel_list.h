// The value of --tunnels: which tunnels are walked, and at which UDP ports.
//
// A list of names, separated by commas: `all`, `default` (what is on without the option), a tunnel's name, or
// `name=port` for a port that is not the registered one; or `none` alone. The list replaces the default. Beside `all`
// and `default` a name adds what it says: `all,vxlan=8472` looks for VXLAN at a second port.
#pragma once

#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "dataplane/packet/parser_options.h"

namespace weir {

/// Sets options.tunnels and options.udp_ports. Error: what is wrong and what was expected.
[[nodiscard]] tl::expected<void, std::string> parse_tunnel_list(std::string_view text, ParserOptions& options);

}  // namespace weir
