// csv_line(): one line of CSV as RFC 4180 section 2 has it.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace weir {

/// A value that has a comma, a quote or a line break in quotes.
inline std::string csv_cell(const std::string& value) {
  if (value.find_first_of(",\"\r\n") == std::string::npos) return value;
  std::string cell = "\"";
  for (const char c : value) {
    if (c == '"') cell += '"';
    cell += c;
  }
  return cell + '"';
}

/// With its end, CRLF.
inline std::string csv_line(const std::vector<std::string>& values) {
  std::string line;
  for (std::size_t i = 0; i < values.size(); ++i) line += (i == 0 ? "" : ",") + csv_cell(values[i]);
  return line + "\r\n";
}

}  // namespace weir
