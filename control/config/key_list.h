// The value of --key: which fields make the flow key.
//
// A list of names, separated by commas: `5tuple` (src_addr, dst_addr, src_port, dst_port and proto), those one by one,
// and `icmp` (type and code), `vlan_id`, `inner_vlan_id`, `mpls_label`, `tunnel_id`, `ip_tos`, `src_mac`, `dst_mac`,
// `src_as`, `dst_as`, `in_if` and `out_if`. src_addr/N and dst_addr/N hold the first N bits
// of IPv4 addresses, src_addr6/N and dst_addr6/N of IPv6 addresses; the other version's address is whole where it has
// no length of its own. A length may stand beside `5tuple`, whose address it shortens. What is not named is no part of
// the key.
#pragma once

#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "dataplane/flow/key_mask.h"

namespace weir {

/// Error: what is wrong and what was expected.
[[nodiscard]] tl::expected<KeyFields, std::string> parse_key_list(std::string_view text);

}  // namespace weir
