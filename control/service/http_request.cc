#include "control/service/http_request.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>

namespace weir {
namespace {

constexpr std::string_view kEndOfLine = "\r\n";

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool same_name(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) { return lower(x) == lower(y); });
}

bool is_address(int family, std::string_view text) {
  in6_addr address{};
  return inet_pton(family, std::string(text).c_str(), &address) == 1;
}

}  // namespace

std::size_t http_head_length(std::string_view octets) {
  const std::size_t end = octets.find("\r\n\r\n");
  return end == std::string_view::npos ? 0 : end + 4;
}

std::string http_head_that_counts(std::string_view head) {
  std::string kept;
  bool first = true;
  while (!head.empty()) {
    const std::size_t end = head.find(kEndOfLine);
    if (end == std::string_view::npos || end == 0) break;
    const std::string_view line = head.substr(0, end);
    head.remove_prefix(end + kEndOfLine.size());
    const std::string_view name = line.substr(0, line.find(':'));
    if (first || same_name(name, "host") || same_name(name, "sec-fetch-site")) kept.append(line).append(kEndOfLine);
    first = false;
  }
  return kept.append(kEndOfLine);
}

std::string_view http_path(std::string_view head) {
  const std::string_view line = head.substr(0, head.find(kEndOfLine));
  const std::size_t from = line.find(' ');
  if (from == std::string_view::npos) return {};
  const std::string_view target = line.substr(from + 1);
  return target.substr(0, target.find_first_of("? "));
}

bool is_own_host(std::string_view host, std::string_view machine) {
  if (host.starts_with('[')) {
    const std::size_t end = host.find(']');
    return end != std::string_view::npos && is_address(AF_INET6, host.substr(1, end - 1));
  }
  const std::string_view name = host.substr(0, host.find(':'));
  if (name.empty()) return false;
  return is_address(AF_INET, name) || same_name(name, "localhost") || (!machine.empty() && same_name(name, machine));
}

}  // namespace weir
