#include "proto/schema/prefixes_text.h"

#include <array>
#include <cstdio>

#include "proto/base/number_text.h"
#include "proto/base/time_text.h"
#include "proto/schema/text_table.h"

namespace weir {

std::string prefixes_text(const v1::PrefixStatus& prefixes) {
  TextTable files("llr");
  files.row({"file", "form", "prefixes"});
  for (const auto& file : prefixes.files()) {
    files.row({printable(file.name()), file.form(), grouped(file.prefixes())});
  }
  std::array<char, 32> memory{};
  std::snprintf(memory.data(), memory.size(), "%.1f MiB", static_cast<double>(prefixes.octets()) / (1024.0 * 1024.0));
  std::string out = files.text();
  out += "  " + grouped(prefixes.prefixes()) + " together, " + memory.data() + ", loaded " +
         iso_time(prefixes.loaded_ns(), 0) + (prefixes.loading() ? "; being loaded anew" : "") + '\n';
  out += "  " + grouped(prefixes.not_found()) + " of " + grouped(prefixes.lookups()) + " addresses were in none\n";
  if (prefixes.error().empty()) return out;
  return out + "  THE LAST RELOAD FAILED " + iso_time(prefixes.error_ns(), 0) + ": " + printable(prefixes.error()) +
         '\n';
}

}  // namespace weir
