// failover:NAME,NAME... and balance:NAME,NAME..., groups of other exporters.
#include <array>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "control/export/exporter_kinds.h"
#include "control/export/group_exporter.h"
#include "control/export/group_members.h"

namespace weir {
namespace {

struct Failover : GroupMembers {};
struct Balance : GroupMembers {
  std::optional<FlowChoice::Key> key;  ///< none: one by chance
};

constexpr auto kBalanceOptions = std::to_array<OptionRow<Balance>>({
    {{"key", "HEX", "32 hexadecimal digits: with one key and the same names flows go where they went before [random]",
      "000102030405060708090a0b0c0d0e0f"},
     [](Balance& options, std::string_view name, std::string_view value) {
       return option_hex(name, value, options.key.emplace());
     }},
});

OpenResult open_failover(const Failover&, const ExportContext& context, ExportQueue& books) {
  return std::make_unique<GroupExporter>(GroupRule::failover, FlowChoice::Key{}, context.mode, context.group, books);
}

OpenResult open_balance(const Balance& options, const ExportContext& context, ExportQueue& books) {
  const FlowChoice::Key key = options.key ? *options.key : FlowChoice::random_key();
  return std::make_unique<GroupExporter>(GroupRule::balance, key, context.mode, context.group, books);
}

}  // namespace

constinit const ExporterKind failover_kind = exporter_kind<Failover, kNoOptions<Failover>, open_failover>({
    .scheme = "failover",
    .form = "failover:NAME,NAME...",
    .help = "All records to the first of these exporters, by their name=, that works",
    .example = "failover:core-1,core-2",
});

constinit const ExporterKind balance_kind = exporter_kind<Balance, kBalanceOptions, open_balance>({
    .scheme = "balance",
    .form = "balance:NAME,NAME...",
    .help = "Each flow to one of these exporters that work; both directions of a conversation meet",
    .example = "balance:core-1,core-2",
});

}  // namespace weir
