// CPU lists as Linux writes them: numbers and ranges, separated by commas.
#pragma once

#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

namespace weir {

inline constexpr unsigned kGreatestCpu = 4095;

/// "0,2-4" as 0 2 3 4, in the order of the text. Each CPU may stand there once. Error: what is wrong and what is right.
tl::expected<std::vector<unsigned>, std::string> parse_cpu_list(std::string_view text);

/// The shortest list that reads back as the same CPUs in the same order.
std::string cpu_list_text(const std::vector<unsigned>& cpus);

}  // namespace weir
