// What a client of the control socket may send as the name of a flow or as a field to sum by: whatever it is, it is
// refused or read, and a name that was read is written as a name of the same flow.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "proto/record/flow_name.h"
#include "proto/record/group_key.h"

namespace {

void check(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  weir::FlowRecord record{};
  record.ip_version = 4;
  if (const auto field = weir::parse_group_field(text, {})) {
    std::string key;
    for (const auto direction : {weir::kForward, weir::kReverse}) put_group_field(key, *field, direction, record);
    std::string_view rest = key;
    (void)take_group_text(rest, *field);
    (void)take_group_text(rest, *field);
    check(rest.empty());
    check(weir::parse_group_field(field->text(), {}).has_value());
  }
  const auto name = weir::parse_flow_name(text);
  if (!name) return 0;
  record.ip_version = name->address[0].ip_version;
  record.protocol = name->protocol;
  std::copy_n(name->address[0].octets, 16, record.source_address);
  std::copy_n(name->address[1].octets, 16, record.destination_address);
  if (!record.is_icmp()) std::copy_n(name->port, 2, record.ports);
  check(name->is_of(record));
  const auto again = weir::parse_flow_name(flow_name(record));
  check(again.has_value() && again->is_of(record));
  return 0;
}
