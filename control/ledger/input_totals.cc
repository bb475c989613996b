#include "control/ledger/input_totals.h"

namespace weir {

void put_input(v1::InputLedger& out, const InputTotals& input) {
  out.set_name(input.name);
  out.set_records(input.records);
  out.set_partial_records(input.partial_records);
  out.set_times_clamped(input.times_clamped);
  out.set_connections(input.connections);
  out.set_open_connections(input.open_connections);
}

}  // namespace weir
