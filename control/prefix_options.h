// --prefixes with what --key says of it: the store of prefix files as `weir run` and `weir read` want it.
#pragma once

#include <memory>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "control/config/settings.h"
#include "control/enrich/prefix_store.h"

namespace weir {

/// How many bits of the addresses the key has, and what it leaves out.
[[nodiscard]] KeyBits key_bits(const KeyFields& key);

/// Monitors whose keys have the same bits of the addresses, and leave out the same, share a store. Without --prefixes a
/// store is empty, and only tells records of the key.
struct PrefixStores {
  std::vector<std::unique_ptr<PrefixStore>> all;
  std::vector<PrefixStore*> of_monitor{};  ///< nullptr: its records have nothing to be told
};

/// Reads the files of --prefixes. Error: one line.
tl::expected<PrefixStores, std::string> open_prefixes(const Settings& settings);

}  // namespace weir
