#include "proto/schema/input_text.h"

#include "proto/base/number_text.h"

namespace weir {

std::string input_text(const v1::InputLedger& input) {
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

}  // namespace weir
