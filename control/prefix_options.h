// --prefixes with what --key says of it: the store of prefix files as `weir run` and `weir read` want it.
#pragma once

#include <memory>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "control/config/settings.h"
#include "control/enrich/prefix_store.h"
#include "control/enrich/route_map.h"
#include "dataplane/flow/as_lookup.h"

namespace weir {

/// How many bits of the addresses the key has, and what it leaves out.
[[nodiscard]] KeyBits key_bits(const KeyFields& key);

/// Monitors whose keys have the same bits of the addresses, and leave out the same, share a store. Without --prefixes a
/// store is empty, and only tells records of the key.
struct PrefixStores {
  std::vector<std::unique_ptr<PrefixStore>> all;
  std::vector<PrefixStore*> of_monitor{};  ///< nullptr: its records have nothing to be told
};

/// Where keys look AS numbers up in `map`.
[[nodiscard]] AsLookup as_lookup_in(std::shared_ptr<const RouteMap> map);

/// Reads the files of --prefixes. Error: one line.
tl::expected<PrefixStores, std::string> open_prefixes(const Settings& settings);

/// What the AS numbers of the first monitor's key are looked up in, if it has any; the files are read for it. Error:
/// one line.
tl::expected<AsLookup, std::string> first_as_lookup(const Settings& settings);

}  // namespace weir
