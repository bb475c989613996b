// --prefixes with what --key says of it: the store of prefix files as `weir run` and `weir read` want it.
#pragma once

#include <memory>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "control/config/settings.h"
#include "control/enrich/prefix_store.h"

namespace weir {

/// How many bits of the addresses the key has.
[[nodiscard]] KeyBits key_bits(const KeyFields& key);

/// Monitors whose keys have as many bits of the addresses share a store.
struct PrefixStores {
  std::vector<std::unique_ptr<PrefixStore>> all;  ///< none: no --prefixes
  std::vector<PrefixStore*> of_monitor{};         ///< nullptr: likewise
};

/// Reads the files of --prefixes. Error: one line.
tl::expected<PrefixStores, std::string> open_prefixes(const Settings& settings);

}  // namespace weir
