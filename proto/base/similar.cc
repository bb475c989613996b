#include "proto/base/similar.h"

#include <algorithm>
#include <vector>

namespace weir {

std::size_t distance(std::string_view a, std::string_view b) {
  // Three rows of the table of steps between beginnings of the two words.
  std::vector<std::size_t> before(b.size() + 1);
  std::vector<std::size_t> last(b.size() + 1);
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    before.swap(last);
    last.swap(row);
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1)});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) row[j] = std::min(row[j], before[j - 2] + 1);
    }
  }
  return row[b.size()];
}

std::string_view nearest(std::string_view word, std::span<const std::string_view> names) {
  constexpr std::size_t kShort = 5;     // letters; a shorter word is two steps from anything
  constexpr std::size_t kLongest = 64;  // no name is as long, and a word of a megabyte costs no time
  if (word.size() > kLongest) return {};
  const auto plain = [](std::string_view text) {
    std::string out(text);
    std::replace(out.begin(), out.end(), '-', '_');
    return out;
  };
  const std::string wanted = plain(word);
  std::string_view best;
  std::size_t least = wanted.size() < kShort ? 2 : 3;
  for (const std::string_view name : names) {
    const std::size_t steps = distance(wanted, plain(name));
    if (steps >= least || steps >= wanted.size()) continue;
    least = steps;
    best = name;
  }
  return best;
}

std::string did_you_mean(std::string_view word, std::span<const std::string_view> names) {
  const std::string_view name = nearest(word, names);
  return name.empty() ? std::string() : "; did you mean " + std::string(name) + "?";
}

}  // namespace weir
