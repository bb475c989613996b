// --prefixes with what --key says of it: the store of prefix files as `weir run` and `weir read` want it.
#pragma once

#include <memory>
#include <string>
#include <tl/expected.hpp>

#include "control/config/settings.h"
#include "control/enrich/prefix_store.h"

namespace weir {

/// How many bits of the addresses the key has.
[[nodiscard]] KeyBits key_bits(const KeyFields& key);

/// Reads the files of --prefixes; nullptr: there are none. Error: one line.
tl::expected<std::unique_ptr<PrefixStore>, std::string> open_prefixes(const Settings& settings);

}  // namespace weir
