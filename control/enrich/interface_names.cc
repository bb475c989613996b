#include "control/enrich/interface_names.h"

#include <fmt/format.h>
#include <net/if.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <fstream>
#include <utility>

#include "proto/base/json_string.h"
#include "proto/record/section/interface_names.h"

namespace weir {
namespace {

constexpr const char* kExpected = "expected a number, a name and, if you like, a description, such as: 1 eth0 uplink";
/// What a message of NetFlow v9 has for a description.
constexpr std::size_t kMostDescriptionOctets = 64;

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r";
  const std::size_t from = text.find_first_not_of(kBlanks);
  if (from == std::string_view::npos) return {};
  return text.substr(from, text.find_last_not_of(kBlanks) + 1 - from);
}

/// Takes the first word off `rest`.
std::string_view take_word(std::string_view& rest) {
  const std::size_t end = std::min(rest.find_first_of(" \t"), rest.size());
  const std::string_view word = rest.substr(0, end);
  rest = trimmed(rest.substr(end));
  return word;
}

bool is_utf8(std::string_view text) {
  for (; !text.empty(); text.remove_prefix(utf8_length(text))) {
    if (utf8_length(text) == 0) return false;
  }
  return true;
}

}  // namespace

tl::expected<InterfaceName, std::string> parse_interface_line(std::string_view line) {
  std::string_view rest = trimmed(line);
  const std::string_view digits = take_word(rest);
  const std::string_view name = take_word(rest);
  InterfaceName interface;
  const auto [end, fault] = std::from_chars(digits.data(), digits.data() + digits.size(), interface.index);
  if (fault != std::errc() || end != digits.data() + digits.size() || interface.index == 0) {
    return tl::make_unexpected(fmt::format("'{}' is no interface number of 1 to 4294967295; {}", digits, kExpected));
  }
  if (name.empty()) return tl::make_unexpected(fmt::format("interface {} has no name; {}", digits, kExpected));
  if (name.size() > InterfaceNamesSection::kNameOctets) {
    return tl::make_unexpected(fmt::format("the name '{}' has {} octets; expected at most {}", name, name.size(),
                                           InterfaceNamesSection::kNameOctets));
  }
  if (rest.size() > kMostDescriptionOctets) {
    return tl::make_unexpected(
        fmt::format("a description of {} octets; expected at most {}", rest.size(), kMostDescriptionOctets));
  }
  if (!is_utf8(name) || !is_utf8(rest)) return tl::make_unexpected(std::string("a name that is no UTF-8"));
  interface.name = name;
  interface.description = rest;
  return interface;
}

InterfaceNames::InterfaceNames(const std::vector<InterfaceName>& names) {
  for (const InterfaceName& name : names) add(name);
}

tl::expected<InterfaceNames, std::string> InterfaceNames::read(const std::string& file) {
  errno = 0;
  std::ifstream in(file);
  if (!in) return tl::make_unexpected(fmt::format("{}: {}; expected a file of interfaces", file, std::strerror(errno)));
  InterfaceNames names;
  unsigned number = 0;
  errno = 0;
  for (std::string line; std::getline(in, line);) {
    ++number;
    const std::string_view text = trimmed(std::string_view(line).substr(0, line.find('#')));
    if (text.empty()) continue;
    auto interface = parse_interface_line(text);
    if (!interface) return tl::make_unexpected(fmt::format("{}:{}: {}", file, number, interface.error()));
    if (names.find(interface->index) != nullptr) {
      return tl::make_unexpected(
          fmt::format("{}:{}: interface {} stands there twice; expected each once", file, number, interface->index));
    }
    names.add(std::move(*interface));
  }
  if (in.bad()) {
    return tl::make_unexpected(
        fmt::format("{}: {}; expected a file of interfaces", file, std::strerror(errno == 0 ? EIO : errno)));
  }
  if (names.size() == 0) {
    return tl::make_unexpected(fmt::format("{}: names no interface; {}, one per line", file, kExpected));
  }
  return names;
}

const InterfaceName* InterfaceNames::find(std::uint32_t number) const {
  const auto found = names_.find(number);
  return found == names_.end() ? nullptr : &found->second;
}

std::vector<InterfaceName> InterfaceNames::all() const {
  std::vector<InterfaceName> all;
  all.reserve(names_.size());
  for (const auto& [number, name] : names_) all.push_back(name);
  return all;
}

std::string system_interface_name(std::uint32_t number) {
  std::array<char, IF_NAMESIZE> name{};
  return if_indextoname(number, name.data()) == nullptr ? std::string() : std::string(name.data());
}

}  // namespace weir
