// The name of a flow: "10.0.0.1:40000-10.0.0.2:80/tcp", the initiator first.
//
// IPv6 addresses that have a port stand in brackets: "[2001:db8::1]:40000-[2001:db8::2]:443/udp". A protocol without
// ports has addresses alone: "10.0.0.1-10.0.0.2/icmp". Protocols without a name have their number. What a key has
// besides the 5-tuple (a VLAN, a tunnel) is not in the name, so several flows may share one.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "proto/base/ip_address.h"
#include "proto/record/sections.h"

namespace weir {

[[nodiscard]] std::string flow_name(const FlowRecord& record);

struct FlowName {
  IpAddress address[2];
  std::uint16_t port[2] = {0, 0};
  std::uint8_t protocol = 0;

  /// Whether the flow has this name, either end first.
  [[nodiscard]] bool is_of(const FlowRecord& record) const;
};

/// Error: one line that repeats the text and says what was expected.
[[nodiscard]] tl::expected<FlowName, std::string> parse_flow_name(std::string_view text);

}  // namespace weir
