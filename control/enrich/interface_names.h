// InterfaceNames: what interfaces are called, by number: from a file, from the ports of this program, or from the
// system.
//
// A line of a file is a number, a name and, if there is more, a description:
//
//   1  eth0  uplink to the core
//
// Blank lines are skipped, and so is what follows a '#'.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "proto/encode/options_data.h"

namespace weir {

class InterfaceNames {
 public:
  InterfaceNames() = default;
  explicit InterfaceNames(const std::vector<InterfaceName>& names);

  /// Reads a file. Error: one line, "FILE: ..." or "FILE:LINE: ...".
  static tl::expected<InterfaceNames, std::string> read(const std::string& file);

  /// nullptr: nobody says.
  [[nodiscard]] const InterfaceName* find(std::uint32_t number) const;
  [[nodiscard]] std::vector<InterfaceName> all() const;
  [[nodiscard]] std::size_t size() const { return names_.size(); }
  void add(InterfaceName name) { names_[name.index] = std::move(name); }

 private:
  std::map<std::uint32_t, InterfaceName> names_;
};

/// "1 eth0 uplink". Error: what was expected.
tl::expected<InterfaceName, std::string> parse_interface_line(std::string_view line);

/// What the kernel calls the interface; empty: it has none of this number.
std::string system_interface_name(std::uint32_t number);

}  // namespace weir
