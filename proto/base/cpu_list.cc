#include "proto/base/cpu_list.h"

#include <algorithm>
#include <charconv>

#include "proto/base/split.h"

namespace weir {
namespace {

using Wrong = tl::unexpected<std::string>;

/// A CPU number. Error: what is wrong with it; `item` is the number or range that it stands in.
tl::expected<unsigned, std::string> cpu_number(std::string_view digits, std::string_view item) {
  if (digits.empty() || digits.find_first_not_of("0123456789") != std::string_view::npos) {
    return Wrong("'" + std::string(item) +
                 "' is not a CPU number or range; expected CPU numbers and ranges such as 0,2-4");
  }
  unsigned number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (error != std::errc() || number > kGreatestCpu) {
    return Wrong("CPU " + std::string(digits) + " is out of range; expected 0 to " + std::to_string(kGreatestCpu));
  }
  return number;
}

}  // namespace

tl::expected<std::vector<unsigned>, std::string> parse_cpu_list(std::string_view text) {
  std::vector<unsigned> cpus;
  for (const std::string_view item : split(text, ',')) {
    const std::size_t dash = item.find('-');
    const auto first = cpu_number(item.substr(0, dash), item);
    if (!first) return Wrong(first.error());
    const auto last = dash == std::string_view::npos ? first : cpu_number(item.substr(dash + 1), item);
    if (!last) return Wrong(last.error());
    if (*last < *first) {
      return Wrong("the range " + std::string(item) + " runs backwards; expected CPU numbers and ranges such as 0,2-4");
    }
    for (unsigned cpu = *first; cpu <= *last; ++cpu) {
      if (std::find(cpus.begin(), cpus.end(), cpu) != cpus.end()) {
        return Wrong("CPU " + std::to_string(cpu) + " is given twice; expected every CPU once");
      }
      cpus.push_back(cpu);
    }
  }
  return cpus;
}

std::string cpu_list_text(const std::vector<unsigned>& cpus) {
  std::string text;
  for (std::size_t i = 0; i < cpus.size();) {
    std::size_t last = i;
    while (last + 1 < cpus.size() && cpus[last + 1] == cpus[last] + 1) ++last;
    text += (text.empty() ? "" : ",") + std::to_string(cpus[i]);
    if (last > i) text += (last == i + 1 ? "," : "-") + std::to_string(cpus[last]);
    i = last + 1;
  }
  return text;
}

}  // namespace weir
