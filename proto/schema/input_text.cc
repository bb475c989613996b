#include "proto/schema/input_text.h"

#include "proto/base/number_text.h"
#include "proto/schema/text_table.h"

namespace weir {
namespace {

void add(std::string& text, std::uint64_t count, const char* what) {
  if (count != 0) text += ", " + grouped(count) + what;
}

/// Of psample.
std::string samples_text(const v1::InputLedger& input) {
  std::string text = input.name() + ":";
  std::uint64_t samples = 0;
  std::uint64_t missing = 0;
  for (const v1::SampleGroup& group : input.groups()) {
    samples += group.samples().packets();
    missing += group.missing();
  }
  text +=
      ' ' + grouped(samples) + " packets of " + grouped(static_cast<std::uint64_t>(input.groups_size())) + " groups";
  add(text, missing, " never came");
  add(text, input.overruns(), " times the socket was full");
  add(text, input.malformed(), " malformed messages");
  add(text, input.other_groups(), " packets of groups that --input does not name");
  add(text, input.groups_left_out(), " packets of groups beyond the 255 that have room");
  return text;
}

}  // namespace

std::string input_text(const v1::InputLedger& input) {
  if (input.samples_packets()) return samples_text(input);
  std::string text = input.name() + ": " + grouped(input.records()) + " raw records";
  if (input.connections() != 0) {
    text += ", " + grouped(input.open_connections()) + " of " + grouped(input.connections()) + " connections open";
  }
  if (input.partial_records() != 0) text += ", " + grouped(input.partial_records()) + " raw records cut";
  if (input.times_clamped() != 0) {
    text += ", " + grouped(input.times_clamped()) + " times that lie in the future and count as now";
  }
  return text;
}

std::string sample_groups_text(const v1::InputLedger& input) {
  if (input.groups().empty()) return {};
  TextTable table("rrrrr");
  table.row({"group", "rate", "packets", "octets", "never came"});
  for (const v1::SampleGroup& group : input.groups()) {
    table.row({std::to_string(group.group()), grouped(group.rate()), grouped(group.samples().packets()),
               grouped(group.samples().octets()), grouped(group.missing())});
  }
  return table.text();
}

}  // namespace weir
