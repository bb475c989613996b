// --prefixes with what --key says of it: the store of prefix files as `weir run` and `weir read` want it.
#pragma once

#include <memory>
#include <string>
#include <tl/expected.hpp>

#include "control/config/settings.h"
#include "control/enrich/prefix_store.h"

namespace weir {

/// How many bits of the addresses the key has, and what it leaves out.
[[nodiscard]] KeyBits key_bits(const KeyFields& key);

/// Reads the files of --prefixes. Without any the store is empty, and only tells records of the key; nullptr: there is
/// nothing to tell, either. Error: one line.
tl::expected<std::unique_ptr<PrefixStore>, std::string> open_prefixes(const Settings& settings);

}  // namespace weir
