// The values of --sample and --sample-key: which packets are counted (dataplane/flow/sampling.h).
#pragma once

#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "dataplane/flow/sampling.h"

namespace weir {

/// `none`, `packets=1:N`, `packets=1:N,deterministic`, `flows=1:N` or `rate=PPS`, without a seed. Error: what is wrong
/// and what was expected.
[[nodiscard]] tl::expected<Sampling, std::string> parse_sampling(std::string_view text);

/// 16 to 64 hexadecimal digits, of which all count. Error: empty; the option's description says what was expected.
[[nodiscard]] tl::expected<KeyHash::Seed, std::string> parse_sampling_key(std::string_view text);

}  // namespace weir
