#include "proto/base/pci_name.h"

#include <algorithm>

namespace weir {
namespace {

bool is_hex(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789abcdefABCDEF") == std::string_view::npos;
}

char lower(char c) {
  return c >= 'A' && c <= 'F' ? static_cast<char>(c - 'A' + 'a') : c;
}

}  // namespace

std::string pci_name(std::string_view text) {
  std::string name(text);
  if (std::count(name.begin(), name.end(), ':') == 1) name.insert(0, "0000:");
  constexpr std::size_t kTail = 8;  // ":BB:DD.F" after the domain, which has 4 digits, or up to 8 (VMD, Hyper-V)
  if (name.size() < 4 + kTail || name.size() > 8 + kTail) return {};
  const std::string_view domain = std::string_view(name).substr(0, name.size() - kTail);
  const std::string_view tail = std::string_view(name).substr(domain.size());
  const bool separated = tail[0] == ':' && tail[3] == ':' && tail[6] == '.';
  if (!separated || !is_hex(domain) || !is_hex(tail.substr(1, 2)) || !is_hex(tail.substr(4, 2))) return {};
  if (tail[7] < '0' || tail[7] > '7') return {};
  std::transform(name.begin(), name.end(), name.begin(), lower);
  return name;
}

}  // namespace weir
