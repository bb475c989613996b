#include "proto/schema/quotes_text.h"

#include <cstdint>
#include <map>

#include "proto/base/number_text.h"
#include "proto/schema/text_table.h"

namespace weir {

std::string quotes_text(const v1::Ledger& ledger) {
  if (ledger.icmp_quotes().empty()) return {};
  const std::map<std::string, std::uint64_t> sorted(ledger.icmp_quotes().begin(), ledger.icmp_quotes().end());
  TextTable quotes("lr");
  for (const auto& [name, count] : sorted) quotes.row({name, grouped(count)});
  return "\nquotes in ICMP errors (they are no packets, and no part of the balance: see `weir reasons`)\n" +
         quotes.text();
}

}  // namespace weir
