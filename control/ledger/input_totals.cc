#include "control/ledger/input_totals.h"

#include <algorithm>

namespace weir {
namespace {

void put_psample(v1::InputLedger& out, PsampleTotals totals) {
  out.set_samples_packets(true);
  out.set_overruns(totals.overruns);
  out.set_malformed(totals.malformed);
  out.set_other_groups(totals.other_groups);
  out.set_groups_left_out(totals.groups_left_out);
  std::sort(totals.groups.begin(), totals.groups.end(),
            [](const PsampleGroup& a, const PsampleGroup& b) { return a.group < b.group; });
  for (const PsampleGroup& group : totals.groups) {
    v1::SampleGroup& put = *out.add_groups();
    put.set_group(group.group);
    put.set_rate(group.rate);
    put.mutable_samples()->set_packets(group.samples);
    put.mutable_samples()->set_octets(group.octets);
    put.set_missing(group.missing);
  }
}

}  // namespace

void put_input(v1::InputLedger& out, const InputTotals& input) {
  out.set_name(input.name);
  out.set_records(input.records);
  out.set_partial_records(input.partial_records);
  out.set_times_clamped(input.times_clamped);
  out.set_connections(input.connections);
  out.set_open_connections(input.open_connections);
  if (input.psample) put_psample(out, *input.psample);
}

}  // namespace weir
