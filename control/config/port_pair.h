// The value of --pair: two devices of --port that are the two directions of a tap.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "dataplane/flow/port_pairs.h"

namespace weir {

/// Whether `text` names two devices, whatever the ports are. Error: what was expected.
[[nodiscard]] tl::expected<void, std::string> check_port_pair(std::string_view text);

/// Joins in `pairs` the interfaces of the two devices that `text` names. `ports`: the values of --port in order; the
/// first one is interface 1. Error: what is wrong and what was expected.
[[nodiscard]] tl::expected<void, std::string> join_port_pair(std::string_view text, std::span<const std::string> ports,
                                                             PortPairs& pairs);

}  // namespace weir
