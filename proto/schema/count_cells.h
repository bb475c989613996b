// Counts of the ledger as lines of a table: what stands before them in the equation, their name, and their figures.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "proto/base/number_text.h"
#include "proto/schema/control.pb.h"
#include "proto/schema/text_table.h"

namespace weir {

inline std::vector<std::string> cells(const std::string& sign, const std::string& name, const v1::Count& count) {
  return {sign, name, grouped(count.packets()), grouped(count.octets())};
}

inline std::vector<std::string> cells(const std::string& sign, const std::string& name, const v1::RecordCount& count) {
  return {sign, name, grouped(count.records()), grouped(count.packets()), grouped(count.octets())};
}

inline bool is_zero(const v1::Count& count) {
  return count.packets() == 0 && count.octets() == 0;
}
inline bool is_zero(const v1::RecordCount& count) {
  return count.records() == 0 && count.packets() == 0 && count.octets() == 0;
}

/// The entries of a map that are not zero, sorted by name, as lines of an equation; one line "none" otherwise.
template <typename Map>
void add_named(TextTable& table, const std::string& what, const Map& counts) {
  const std::map<std::string, typename Map::mapped_type> sorted(counts.begin(), counts.end());
  bool none = true;
  for (const auto& [name, count] : sorted) {
    if (is_zero(count)) continue;
    none = false;
    std::string label = what;
    label.append(": ").append(name);
    table.row(cells("+", label, count));
  }
  if (none) table.row(cells("+", what, typename Map::mapped_type{}));
}

/// The second equation, of a ledger or of a monitor's.
template <typename Ledger>
std::string counted_text(const Ledger& ledger, int indent = 2) {
  TextTable second("llrrr");
  second.row({"", "", "records", "packets", "octets"});
  second.row(
      {"", "counted in flows", "", grouped(ledger.counted_ip().packets()), grouped(ledger.counted_ip().octets())});
  second.row(cells("=", "in the flow table", ledger.in_table()));
  second.row(cells("+", "in the record rings", ledger.in_rings()));
  if (!is_zero(ledger.in_overflow())) second.row(cells("+", "in the accounter", ledger.in_overflow()));
  add_named(second, "lost", ledger.lost());
  second.row(cells("+", "drained", ledger.drained()));
  return second.text(indent);
}

}  // namespace weir
